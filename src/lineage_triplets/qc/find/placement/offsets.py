"""The map of offsets from rows of a table to objects in images, and how its top stands out.

It is the plate-solving of astronomers: where the two belong together, one offset brings many rows
onto objects at once, and stands above all others, which hold the same cells, crowding and frames
and so are their own null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy import ndimage

from lineage_triplets.qc.find.placement.objects import interpolated

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.qc.find.placement.objects import Objects

_FINEST_BLUR_PX = 1.2
_BLUR_SHARE = 0.6
_LEAST_BLUR_BINS = 0.7
_FAR_WIDTHS = 4.0
_LEAST_NEAR_PX, _NEAR_WIDTHS = 3.0, 0.5
_MOST_BINS = 240
_CHANCE_BINS = 48


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table in the frames that are looked at.

    Attributes
    ----------
    frame : ndarray of int64, shape (n,)
        Place among the frames that are looked at.
    track : ndarray of int64, shape (n,)
    y, x : ndarray of float64, shape (n,)
        In pixels of what is looked at.
    """

    frame: Int64Array
    track: Int64Array
    y: Float64Array
    x: Float64Array

    def __len__(self) -> int:
        return len(self.frame)

    def at(self, y: Float64Array, x: Float64Array) -> Rows:
        """Give the same rows at other places."""
        return Rows(self.frame, self.track, y, x)


@dataclass(frozen=True, eq=False)
class OffsetMap:
    """How many more objects than chance lie at each offset from the rows.

    Attributes
    ----------
    height : ndarray of float32, shape (dy, dx)
    step : float
        Pixels a bin.
    first_y, first_x : float
        Offset of the middle of the first bin.
    width : float
        Of the detector.
    """

    height: Float32Array
    step: float
    first_y: float
    first_x: float
    width: float

    @classmethod
    def of(
        cls, objects: Objects, rows: Rows, shape: tuple[int, int], reach: float | None = None
    ) -> Self:
        """Count objects around rows, frame by frame, and take off what chance gives.

        Parameters
        ----------
        objects : Objects
        rows : Rows
            One outside the image gives nothing, neither for nor against, until an offset brings it
            into the image.
        shape : (int, int)
            Rows and columns of the image.
        reach : float, optional
            Farthest offset in y and x; by default whatever brings a row into the image.
        """
        width = objects.detector.width
        if reach is None:
            low_y, high_y = _reach(rows.y, shape[0])
            low_x, high_x = _reach(rows.x, shape[1])
        else:
            low_y, high_y, low_x, high_x = -reach, reach, -reach, reach
        step = max(1.0, (high_y - low_y) / _MOST_BINS, (high_x - low_x) / _MOST_BINS)
        n_y, n_x = int((high_y - low_y) / step) + 1, int((high_x - low_x) / step) + 1
        counts = _counted(objects, rows, (low_y, low_x), (n_y, n_x), step)
        blur = max(_FINEST_BLUR_PX / step, _BLUR_SHARE * width / step, _LEAST_BLUR_BINS)
        kernel = 2 * np.pi * blur**2
        density = objects.per_frame() / (shape[0] * shape[1]) * step**2
        chance = _chance(rows, density, shape, (low_y, low_x), (n_y, n_x), step)
        # In objects under one blurred row, so that widths compare.
        height = ndimage.gaussian_filter(counts - chance, blur, mode="constant")
        return cls((height * kernel).astype(np.float32), step, low_y, low_x, width)

    def peak(self) -> tuple[float, float]:
        """Offset (y, x) of the highest point."""
        row, column = np.unravel_index(int(np.argmax(self.height)), self.height.shape)
        return self.first_y + float(row) * self.step, self.first_x + float(column) * self.step

    @property
    def near_px(self) -> float:
        """Offsets closer than this are taken for the same."""
        return max(near_px(self.width), 1.5 * self.step)

    def ratio(self, y: float = 0.0, x: float = 0.0) -> tuple[float, float, float]:
        """Compare the top near an offset with the highest point elsewhere.

        Returns
        -------
        ratio : float
            R; 1 is the best chance alignment.
        y, x : float
            Where the top is.
        """
        rows = self.first_y + np.arange(self.height.shape[0]) * self.step - y
        columns = self.first_x + np.arange(self.height.shape[1]) * self.step - x
        near = np.hypot(rows[:, None], columns)
        around = near <= self.near_px
        if not around.any():
            return 0.0, y, x
        heights = np.where(around, self.height, -np.inf)
        row, column = np.unravel_index(int(np.argmax(heights)), heights.shape)
        top_y, top_x = rows[row] + y, columns[column] + x
        away = np.hypot(rows[:, None] - rows[row], columns - columns[column])
        rest = self.height[away > max(_FAR_WIDTHS * self.width, 2 * self.near_px)]
        if not len(rest):
            return 0.0, top_y, top_x
        floor = max(float(rest.max()), 4 * float(rest.std()), 1.0)
        return float(heights[row, column]) / floor, top_y, top_x


def near_px(width: float) -> float:
    """How near places are taken for the same, by objects of this blur width."""
    return max(_LEAST_NEAR_PX, _NEAR_WIDTHS * width)


def _reach(places: Float64Array, length: int) -> tuple[float, float]:
    """Offsets that bring some row into the image."""
    return -float(places.max()), length - 1 - float(places.min())


def _chance(
    rows: Rows,
    density: Float64Array,
    shape: tuple[int, int],
    first: tuple[float, float],
    bins: tuple[int, int],
    step: float,
) -> Float32Array:
    """Objects that chance gives at each offset: it changes slowly, and is made on a coarse grid."""
    coarse = [np.linspace(0, n - 1, min(n, _CHANCE_BINS)) for n in bins]
    inside = []
    for places, start, at, length in zip((rows.y, rows.x), first, coarse, shape, strict=True):
        moved = places + (start + at * step)[:, None]
        inside.append(((moved >= 0) & (moved < length)).astype(np.float32))
    weighted = inside[0] * density[rows.frame].astype(np.float32)
    # No matrix product: so small a one costs more in threads that wait for each other.
    grid: Float32Array = np.einsum("ar,br->ab", weighted, inside[1])
    to_row, to_column = (np.linspace(0, len(at) - 1, n) for at, n in zip(coarse, bins, strict=True))
    return interpolated(grid, to_row, to_column)


def _counted(
    objects: Objects,
    rows: Rows,
    first: tuple[float, float],
    bins: tuple[int, int],
    step: float,
) -> Float32Array:
    counts = np.zeros(bins[0] * bins[1], dtype=np.float32)
    start = np.searchsorted(objects.frame, np.arange(objects.n_frames + 1))
    for frame in np.unique(rows.frame):
        there = slice(start[frame], start[frame + 1])
        here = rows.frame == frame
        dy = np.subtract.outer(objects.y[there], rows.y[here]).ravel()
        dx = np.subtract.outer(objects.x[there], rows.x[here]).ravel()
        row = np.rint((dy - first[0]) / step)
        column = np.rint((dx - first[1]) / step)
        within = (row >= 0) & (row < bins[0]) & (column >= 0) & (column < bins[1])
        bin_ = (row[within] * bins[1] + column[within]).astype(np.int64)
        counts += np.bincount(bin_, minlength=len(counts)).astype(np.float32)
    return counts.reshape(bins)
