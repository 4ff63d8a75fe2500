"""Lengths, numbers and targets as findings of track tables have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.qc.find.finding import Evidence
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.qc.find.track_data.data import TrackData


def where(data: TrackData, fov: int) -> dict[str, Any]:
    """Experiment and FOV of a finding, by name."""
    source = data.sources[fov]
    return {"experiment": source.experiment, "fov": source.fov.name}


def length(data: TrackData, fov: int, px: float) -> str:
    """``"48 px (24 um)"``, or pixels alone where their size is not known."""
    um = px * float(data.um_per_px[fov])
    return f"{_digits(px)} px" + ("" if np.isnan(um) else f" ({_digits(um)} um)")


def lengths(data: TrackData, fov: int, **px: float) -> tuple[Evidence, ...]:
    """Evidence of lengths, in um where the size of pixels is known; ``_`` in names is a space."""
    um_per_px = float(data.um_per_px[fov])
    known = not np.isnan(um_per_px)
    return tuple(
        Evidence(
            name.replace("_", " "),
            float(value) * (um_per_px if known else 1.0),
            "um" if known else "px",
        )
        for name, value in px.items()
    )


def speed(data: TrackData, fov: int, name: str, px_a_frame: float) -> tuple[Evidence, ...]:
    """Evidence of a speed in um/h; none where the size of pixels is not known."""
    um_per_px = float(data.um_per_px[fov])
    if np.isnan(um_per_px):
        return ()
    return (
        Evidence(name, px_a_frame * um_per_px * 60 / float(data.interval_minutes[fov]), "um/h"),
    )


def track_target(data: TrackData, track: int) -> Target:
    """A whole track, to be rejected."""
    return Target(
        "track", **where(data, int(data.track_fov[track])), track=str(data.track_id[track])
    )


def link_target(data: TrackData, link: int) -> Target:
    """A link, to be cut."""
    links = data.links
    source, target = int(links.source[link]), int(links.target[link])
    of, into = int(data.track[source]), int(data.track[target])
    place = where(data, int(data.fov[source]))
    if of == into:
        return Target("link", **place, track=str(data.track_id[of]), t=int(data.t[target]))
    return Target("link", **place, track=str(data.track_id[of]), daughter=int(data.track_id[into]))


def track_name(data: TrackData, row: int) -> int:
    """The table's ``track_id`` of a row."""
    return int(data.track_id[data.track[row]])


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.5 else f"{value:.1f}"
