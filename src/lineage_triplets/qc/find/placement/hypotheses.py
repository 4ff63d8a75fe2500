"""What may have happened to a table: moved, scaled, exchanged axes, mirrored, turned, late.

Every hypothesis has a remedy in the terms of `TrackTransform`, but for time that runs backwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage

from lineage_triplets.qc.find.placement.offsets import OffsetMap, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.qc.find.placement.objects import Objects

Cause = Literal["as-is", "offset", "scaled", "swapped", "mirrored", "turned", "frames", "reversed"]

_LEAST_INSIDE = 0.4
_SCALES = np.exp(np.arange(np.log(0.15), np.log(7), 0.004))
_LEAST_SCALE_STEPS = 8
_SCALE_BLUR_BINS = 1.5
_MOST_SIDE = 1024


@dataclass(frozen=True)
class Hypothesis:
    """One thing that may have happened to a table, as what would mend it.

    Attributes
    ----------
    swap_xy : bool
        Whether y and x are exchanged, first.
    scale_y, scale_x : float
        Image pixels for one unit of the table; negative where an axis is mirrored.
    offset_y, offset_x : float
        Pixels, added last.
    first_frame : int
        The table's t of the image's frame 0.
    reversed_time : bool
        Whether frames count from the end.
    """

    swap_xy: bool = False
    scale_y: float = 1.0
    scale_x: float = 1.0
    offset_y: float = 0.0
    offset_x: float = 0.0
    first_frame: int = 0
    reversed_time: bool = False

    def place(self, rows: Rows) -> Rows:
        """Give rows where they are under the hypothesis."""
        y, x = (rows.x, rows.y) if self.swap_xy else (rows.y, rows.x)
        return rows.at(y * self.scale_y + self.offset_y, x * self.scale_x + self.offset_x)

    def moved(self, y: float, x: float) -> Hypothesis:
        """Give it with another offset added."""
        return replace(self, offset_y=self.offset_y + y, offset_x=self.offset_x + x)

    @property
    def scale(self) -> float:
        """Without its sign; that of y where the two differ."""
        return abs(self.scale_y)

    @property
    def cause(self) -> Cause:
        """What it says in a word; what is more unusual counts first."""
        if self.reversed_time:
            return "reversed"
        if self.first_frame:
            return "frames"
        if self.scale_y < 0 and self.scale_x < 0:
            return "turned"
        if self.scale_y < 0 or self.scale_x < 0:
            return "turned" if self.swap_xy else "mirrored"
        if self.swap_xy:
            return "swapped"
        if abs(self.scale - 1) > 1e-9:
            return "scaled"
        return "offset" if self.offset_y or self.offset_x else "as-is"


def turned_and_mirrored(shape: tuple[int, int]) -> list[Hypothesis]:
    """The eight ways in which a picture of (Y, X) pixels can lie, the true one first."""
    found = []
    for swap in (False, True):
        for mirror_y, mirror_x in ((False, False), (True, False), (False, True), (True, True)):
            found.append(
                Hypothesis(
                    swap,
                    -1.0 if mirror_y else 1.0,
                    -1.0 if mirror_x else 1.0,
                    shape[0] - 1.0 if mirror_y else 0.0,
                    shape[1] - 1.0 if mirror_x else 0.0,
                )
            )
    return found


@dataclass(frozen=True)
class Trial:
    """A hypothesis as one detector saw it.

    Attributes
    ----------
    hypothesis : Hypothesis
    ratio : float
        R: how its offset stands out of all others, in units of the best chance alignment.
    objects : Objects
    """

    hypothesis: Hypothesis
    ratio: float
    objects: Objects


def share_inside(rows: Rows, shape: tuple[int, int]) -> float:
    """Share of rows that are in an image of (Y, X) pixels."""
    inside = (rows.y >= 0) & (rows.y < shape[0]) & (rows.x >= 0) & (rows.x < shape[1])
    return float(inside.mean()) if len(rows) else 0.0


def try_near(
    hypothesis: Hypothesis, rows: Rows, objects: Objects, shape: tuple[int, int], reach: float
) -> Trial:
    """Try a hypothesis by the offsets near its own."""
    placed = hypothesis.place(rows)
    if share_inside(placed, shape) < _LEAST_INSIDE:
        return Trial(hypothesis, 0.0, objects)
    ratio, y, x = OffsetMap.of(objects, placed, shape, reach).ratio()
    return Trial(hypothesis.moved(y, x), ratio, objects)


def try_whole(
    hypothesis: Hypothesis, rows: Rows, objects: Objects, shape: tuple[int, int]
) -> tuple[Trial, Trial]:
    """Try a hypothesis at its own offset, and at the best one of all."""
    placed = hypothesis.place(rows)
    offsets = OffsetMap.of(objects, placed, shape)
    ratio, y, x = offsets.ratio()
    if share_inside(placed, shape) < _LEAST_INSIDE:
        ratio = 0.0
    own = Trial(hypothesis.moved(y, x), ratio, objects)
    ratio, y, x = offsets.ratio(*offsets.peak())
    best = hypothesis.moved(y, x)
    if share_inside(best.place(rows), shape) < _LEAST_INSIDE:
        ratio = 0.0
    return own, Trial(best, ratio, objects)


def likeliest_scale(
    rows: Rows, objects: Objects, shape: tuple[int, int], *, swap_xy: bool
) -> Hypothesis:
    """Find the scale, the origin fixed, at which most rows lie on objects.

    Parameters
    ----------
    rows : Rows
    objects : Objects
    shape : (int, int)
    swap_xy : bool
        Whether y and x are exchanged as well.
    """
    bin_px = max(1.0, objects.detector.width / 2, max(shape) / _MOST_SIDE)
    density = _density(objects, shape, bin_px)
    y, x = (rows.x, rows.y) if swap_xy else (rows.y, rows.x)
    row, column = (
        np.floor((np.outer(_SCALES, places) + 0.5) / bin_px).astype(np.int64) for places in (y, x)
    )
    _, n_rows, n_columns = density.shape
    inside = (row >= 0) & (row < n_rows) & (column >= 0) & (column < n_columns)
    mean = density.mean(axis=(1, 2))
    above = density[
        rows.frame, np.clip(row, 0, n_rows - 1), np.clip(column, 0, n_columns - 1)
    ] - mean[rows.frame]  # fmt: skip
    n_inside = inside.sum(axis=1)
    scores = np.where(inside, above, 0).sum(axis=1) / np.sqrt(np.maximum(n_inside, 1))
    scores[n_inside < _LEAST_INSIDE * len(rows)] = -np.inf
    best = float(_SCALES[int(np.argmax(scores))])
    return Hypothesis(swap_xy, best, best)


def refined_scale(rows: Rows, objects: Objects, hypothesis: Hypothesis, reach: float) -> float:
    """Fit the scale, the origin fixed, to the rows that lie on objects already."""
    placed = hypothesis.place(rows)
    nearest_y, nearest_x, distance = nearest_objects(objects, placed)
    on = distance <= reach
    if on.sum() < _LEAST_SCALE_STEPS:
        return hypothesis.scale
    here = np.concatenate([placed.y[on], placed.x[on]])
    there = np.concatenate([nearest_y[on], nearest_x[on]])
    return float(hypothesis.scale * (here @ there) / max(here @ here, 1e-9))


def nearest_objects(
    objects: Objects, rows: Rows
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Place of the object nearest to each row in its frame, and its distance (inf for none)."""
    from scipy.spatial import cKDTree

    y, x = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    distance = np.full(len(rows), np.inf)
    for frame in np.unique(rows.frame):
        there, here = objects.frame == frame, np.flatnonzero(rows.frame == frame)
        if not there.any():
            continue
        places = np.stack([objects.y[there], objects.x[there]], axis=1)
        asked = np.stack([rows.y[here], rows.x[here]], axis=1)
        distance[here], number = cKDTree(places).query(asked)
        y[here], x[here] = places[number].T
    return y, x, distance


def _density(objects: Objects, shape: tuple[int, int], bin_px: float) -> Float32Array:
    """Objects a frame as a smooth field: (frames, Y, X) in bins."""
    n_y, n_x = (int(np.ceil(n / bin_px)) for n in shape)
    field = np.zeros((objects.n_frames, n_y, n_x), dtype=np.float32)
    row, column = (
        np.clip(np.floor((p + 0.5) / bin_px).astype(np.int64), 0, n - 1)
        for p, n in ((objects.y, n_y), (objects.x, n_x))
    )
    np.add.at(field, (objects.frame, row, column), 1)
    smooth: Float32Array = ndimage.gaussian_filter(field, (0, _SCALE_BLUR_BINS, _SCALE_BLUR_BINS))
    return smooth


def rows_at(
    frames: Sequence[int],
    t: Int64Array,
    track: Int64Array,
    y: Float64Array,
    x: Float64Array,
    *,
    first_frame: int = 0,
    reversed_from: int | None = None,
) -> Rows:
    """Take a table's rows in some frames.

    Parameters
    ----------
    frames : sequence of int
        The image's frames that are looked at, sorted.
    t, track : ndarray of int64
    y, x : ndarray of float64
    first_frame : int
        The table's t of the image's frame 0.
    reversed_from : int, optional
        The last frame, where time runs backwards.
    """
    image_t = t - first_frame if reversed_from is None else reversed_from - t
    numbers = np.asarray(frames, dtype=np.int64)
    place = np.minimum(np.searchsorted(numbers, image_t), len(numbers) - 1)
    rows = np.flatnonzero(numbers[place] == image_t)
    rows = rows[np.argsort(place[rows], kind="stable")]
    return Rows(place[rows], track[rows], y[rows], x[rows])
