"""How bright cells are at their centre and in rings around it, in every slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.pixels.statistics import finite_pixels, frame_statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.registry import ScannedFov

    Pixels = NDArray[np.generic]
    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

N_RINGS = 4
_RING_UM = 2.5
_RING_SHARE_OF_SPACING = 0.2
_LEAST_RING_PX, _USUAL_RING_PX = 1.5, 4.0
_MOST_SAMPLES = 25
_SAMPLED_FRAMES = 12


class RingReader:
    """Measures all cells of a frame at once.

    Parameters
    ----------
    fov : ScannedFov

    Attributes
    ----------
    width_px : float
        Width of a ring; the innermost is a disc of this radius.
    """

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self.width_px = _ring_width(fov)
        reach = int(np.ceil(N_RINGS * self.width_px))
        step = -(-(2 * reach + 1) // _MOST_SAMPLES)
        self._offsets = np.arange(-(reach // step), reach // step + 1) * step
        away = np.hypot(self._offsets[:, None], self._offsets) / self.width_px
        rings = [(away >= number) & (away < number + 1) for number in range(N_RINGS)]
        self._mean = np.array([one.ravel() / max(one.sum(), 1) for one in rings], dtype=np.float32)
        self._planes = _planes(fov)

    def measure(self, t: int, image: Pixels) -> tuple[Int64Array, Float64Array]:
        """Measure the cells of one frame, (C, Z, Y, X).

        Returns
        -------
        rows : ndarray of int64, shape (n,)
            Which of the FOV's observations are in the frame.
        rings : ndarray of float64, shape (n, C, rings)
            Brightness above the image's background, in standard deviations of the image; NaN
            where it has no contrast.
        """
        first, last = np.searchsorted(self._fov.t, [t, t + 1])
        rows = np.arange(first, last)
        pixels, statistics = finite_pixels(image), frame_statistics(image)
        z = self._planes[rows]
        y = self._inside(self._fov.y[rows], image.shape[2])[:, :, None]
        x = self._inside(self._fov.x[rows], image.shape[3])[:, None, :]
        rings = np.full((len(rows), len(image), N_RINGS), np.nan)
        for slot, stack in enumerate(pixels if len(rows) else ()):
            windows = stack[z[:, None, None], y, x].reshape(len(rows), -1).astype(np.float32)
            background = np.median(statistics.block_mean[slot], axis=(1, 2)).astype(np.float64)[z]
            spread = statistics.spread[slot].astype(np.float64)[z]
            means = windows @ self._mean.T - background[:, None]
            np.divide(means, spread[:, None], out=rings[:, slot], where=spread[:, None] > 0)
        return rows, rings

    def _inside(self, place: Float64Array, length: int) -> Int64Array:
        """Pixels of the windows along one axis, those beyond the border moved inward."""
        middle = np.floor(place).astype(np.int64)
        inside: Int64Array = np.clip(middle[:, None] + self._offsets, 0, length - 1)
        return inside


def _planes(fov: ScannedFov) -> Int64Array:
    """The slice in which each cell is looked at."""
    depth = fov.source.fov.shape[2]
    if depth > 1 and not fov.z.any():
        # Tracked in a projection: take the middle of what is read.
        start = fov.source.z_start or 0
        read = fov.source.depth if fov.source.z_start is not None else depth
        return np.full(len(fov.z), start + read // 2, dtype=np.int64)
    return np.clip(np.rint(np.nan_to_num(fov.z)), 0, depth - 1).astype(np.int64)


def _ring_width(fov: ScannedFov) -> float:
    """Half a nucleus' radius, less in crowded FOVs."""
    size = fov.source.fov.pixel_size_um
    known = size is not None and size != (1.0, 1.0, 1.0)
    usual = _RING_UM / size[2] if size is not None and known else _USUAL_RING_PX
    return max(_LEAST_RING_PX, min(usual, _RING_SHARE_OF_SPACING * _spacing(fov)))


def _spacing(fov: ScannedFov) -> float:
    """Median distance to the nearest cell in px, in a sample of frames."""
    frames = np.unique(fov.t)
    chosen = np.linspace(0, len(frames) - 1, min(len(frames), _SAMPLED_FRAMES)).astype(np.int64)
    nearest = []
    for t in frames[chosen]:
        first, last = np.searchsorted(fov.t, [t, t + 1])
        place = fov.y[first:last] + 1j * fov.x[first:last]
        some = place[:: max(1, len(place) // 500)]
        apart = np.abs(some[:, None] - place)
        apart[apart == 0] = np.inf
        nearest.append(apart.min(axis=1, initial=np.inf))
    found = np.concatenate(nearest) if nearest else np.empty(0)
    found = found[np.isfinite(found)]
    return float(np.median(found)) if len(found) else np.inf
