"""Where in the images a finding is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.qc.find.finding import Finding
    from lineage_triplets.qc.open.data import ReviewData


@dataclass(frozen=True)
class FindingPlace:
    """Where to look for a finding.

    Attributes
    ----------
    experiment, fov : str
    t : int or None
        Frame; None if the finding is of no frame.
    y, x, z : float or None
        Of the worst offender, in pixels; None if it is of no track.
    tracks : tuple of str
        The offenders as they are after cuts, the worst first.
    """

    experiment: str
    fov: str
    t: int | None = None
    y: float | None = None
    x: float | None = None
    z: float | None = None
    tracks: tuple[str, ...] = ()


def finding_place(data: ReviewData, finding: Finding) -> FindingPlace | None:
    """Find the frame and the cell that a finding is about.

    Parameters
    ----------
    data : ReviewData
    finding : Finding

    Returns
    -------
    FindingPlace or None
        None where the finding is of no FOV that can be shown. Of a track without a cell at the
        finding's frame the cell nearest in time.
    """
    source = finding.fov and data.opened and data.source_of(
        finding.experiment, finding.fov
    )  # fmt: skip
    if not source:
        return None
    index = data.raw
    number = next(k for k, one in enumerate(index.fovs) if one is source)
    first, end = np.searchsorted(index.fov_of_row, [number, number + 1])
    track_id = index.track_id_of_row[first:end]
    t, y, x, z = finding.t, None, None, None
    for track in finding.tracks:
        rows = np.flatnonzero(track_id == track) + int(first)
        if not len(rows):
            continue
        frames = index.observations.t[rows]
        at = int(rows[np.argmin(frames if t is None else np.abs(frames - t))])
        t = int(index.observations.t[at]) if t is None else t
        y, x, z = (float(getattr(index.observations, axis)[at]) for axis in "yxz")
        break
    names: list[str] = []
    for track in finding.tracks:
        whole = Target("track", finding.experiment, finding.fov, track=str(track))
        parts = data.parts_of(whole)
        if finding.t is not None and len(parts) > 1:
            at_t = Target(
                "observation", finding.experiment, finding.fov, track=str(track), t=finding.t
            )
            parts = data.parts_of(at_t) or parts
        names += [data.track_target("track", part).track for part in parts]
    return FindingPlace(finding.experiment, finding.fov, t, y, x, z, tuple(dict.fromkeys(names)))
