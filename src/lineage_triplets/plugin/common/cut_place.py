"""Where the link is that a person is about to cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.spot import Spot
    from lineage_triplets.qc.look.view import LineageView

    End = tuple[float, float, float]


@dataclass(frozen=True)
class CutPlace:
    """The two cells that a link joins.

    Attributes
    ----------
    experiment, fov : str
    frames : (int, int)
    cells : tuple of (float, float, float)
        (z, y, x) in pixels.
    """

    experiment: str
    fov: str
    frames: tuple[int, int]
    cells: tuple[End, End]


def cut_place(view: LineageView, spot: Spot) -> CutPlace | None:
    """Give the cells that the link of a `Spot` joins; None where it has no link."""
    names = view.tracks["track"].tolist()
    if spot.link is None or spot.t is None or spot.track not in names:
        return None
    of_row = view.part.whole.observations.track
    own = view.cells[of_row == names.index(spot.track)]
    after, before = own[own["t"] >= spot.t], own[own["t"] < spot.t]
    if before.empty and spot.mother in names:
        before = view.cells[of_row == names.index(spot.mother)]
    if after.empty or before.empty:
        return None
    ends = [before.iloc[int(np.argmax(before["t"]))], after.iloc[int(np.argmin(after["t"]))]]
    first, second = ((float(one["z"]), float(one["y"]), float(one["x"])) for one in ends)
    frames = (int(ends[0]["t"]), int(ends[1]["t"]))
    return CutPlace(spot.experiment, spot.fov, frames, (first, second))
