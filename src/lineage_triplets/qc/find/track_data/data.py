"""What checks of track tables share: cells, links and laws, computed once; and how to name them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lineage_triplets.qc.find.finding import Evidence
from lineage_triplets.qc.find.track_data.groups import FrameSearch
from lineage_triplets.qc.find.track_data.links import Links, cell_sizes
from lineage_triplets.qc.find.track_data.mislinks import (
    Exchanges,
    find_exchanges,
)
from lineage_triplets.qc.find.track_data.rows import TrackRows
from lineage_triplets.qc.find.track_data.steps import StepLaw
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array

_MARGIN_SIGMAS = 3.0
Made = TypeVar("Made")


class TrackData(TrackRows):
    """All observations of an index, with what can be told from them, each made when first asked."""

    def made_once(self, name: str, make: Callable[[], Made]) -> Made:
        """Give what several checks need, made when it is first asked for under a name."""
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    @cached_property
    def search(self) -> FrameSearch:
        """Rows by group and place without drift."""
        return FrameSearch.build(self.group, self.still)

    @cached_property
    def cell_px(self) -> Float64Array:
        """A cell's diameter in each FOV, about."""
        return cell_sizes(self, self.search)

    @cached_property
    def law(self) -> StepLaw:
        """What is usual for the steps of each cell."""
        return StepLaw.of_rows(self)

    @cached_property
    def links(self) -> Links:
        """All links, from row to row."""
        return Links.of_rows(self, self.law, self.cell_px)

    @cached_property
    def exchanges(self) -> Exchanges:
        """Links that fit much better when they exchange their ends."""
        return find_exchanges(self, self.links, self.search, self.is_amid)

    @cached_property
    def is_amid(self) -> BoolArray:
        """Rows so far from the border of the image that a cell does not cross it in a few steps."""
        amid: BoolArray = self.margins_to_border > 1.0
        return amid

    @cached_property
    def margins_to_border(self) -> Float64Array:
        """How far each row is from the border, in the lengths that a cell goes in a few steps."""
        steps = _MARGIN_SIGMAS * self.law.sigma_px(np.arange(len(self.t)))
        moved = np.maximum(self.drift_px, np.append(0.0, self.drift_px[:-1])[: len(self.drift_px)])
        margin = np.maximum(steps, self.cell_px[self.fov]) + moved[self.group]
        margins: Float64Array = (self.to_border_px - self.left_out_px) / margin
        return margins


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


def join_target(data: TrackData, row: int, later: int) -> Target:
    """A link that the table lacks, from one row to another, to be added."""
    place = where(data, int(data.fov[row]))
    return Target(
        "join",
        **place,
        track=str(track_name(data, row)),
        t=int(data.t[row]),
        daughter=track_name(data, later),
        to_t=int(data.t[later]),
    )


def track_name(data: TrackData, row: int) -> int:
    """The table's ``track_id`` of a row."""
    return int(data.track_id[data.track[row]])


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.5 else f"{value:.1f}"
