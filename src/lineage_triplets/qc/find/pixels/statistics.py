"""Statistics of a frame that several pixel checks need: computed once for all of them."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Pixels = NDArray[np.generic]
    Float32Array = NDArray[np.float32]

BLOCKS = 16
_SAMPLED_SIDE = 256


@dataclass(frozen=True, eq=False)
class FrameStatistics:
    """What one frame's pixels come to; C is slots, B up to 16 blocks of rows and of columns.

    Attributes
    ----------
    n_nonfinite : ndarray of int64, shape (C,)
        NaN and infinite pixels. They count as 0 in everything else.
    replaced : ndarray, shape (C, Z, Y, X), or None
        The frame with zeros for pixels that are not finite; None where all are.
    block_minimum, block_maximum : ndarray, shape (C, Z, B, B)
    block_mean : ndarray of float32, shape (C, Z, B, B)
    spread : ndarray of float32, shape (C, Z)
        Standard deviation of each plane, from a part of its pixels.
    """

    n_nonfinite: NDArray[np.int64]
    replaced: Pixels | None
    block_minimum: Pixels
    block_maximum: Pixels
    block_mean: Float32Array
    spread: Float32Array

    @classmethod
    def of(cls, image: Pixels) -> FrameStatistics:
        """Compute them for a frame, (C, Z, Y, X)."""
        with np.errstate(all="ignore"):
            n_nonfinite = _count_nonfinite(image)
            pixels = image
            if n_nonfinite.any():
                pixels = np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0)
            rows, columns = (max(1, n // _SAMPLED_SIDE) for n in image.shape[2:])
            some = pixels[:, :, ::rows, ::columns].astype(np.float64)
            n_rows, n_columns = (np.diff(_edges(n)) for n in image.shape[2:])
            mean = _by_block(np.add, pixels, np.float32) / (n_rows[:, None] * n_columns)
            return cls(
                n_nonfinite=n_nonfinite,
                replaced=None if pixels is image else pixels,
                block_minimum=_by_block(np.minimum, pixels),
                block_maximum=_by_block(np.maximum, pixels),
                block_mean=mean.astype(np.float32),
                spread=some.std(axis=(2, 3)).astype(np.float32),
            )


_known: dict[int, tuple[weakref.ref[Pixels], FrameStatistics]] = {}


def frame_statistics(image: Pixels) -> FrameStatistics:
    """Give the statistics of a frame, (C, Z, Y, X); the same array is looked at only once.

    An array that was given here must not be written to afterwards.
    """
    key = id(image)
    found = _known.get(key)
    if found is not None and found[0]() is image:
        return found[1]
    statistics = FrameStatistics.of(image)
    _known[key] = (weakref.ref(image, lambda _: _known.pop(key, None)), statistics)
    return statistics


def finite_pixels(image: Pixels) -> Pixels:
    """Give the frame itself, or with zeros for what is not finite."""
    replaced = frame_statistics(image).replaced
    return image if replaced is None else replaced


def _count_nonfinite(image: Pixels) -> NDArray[np.int64]:
    """NaN and infinite pixels of each slot."""
    counts = np.zeros(len(image), dtype=np.int64)
    if image.dtype.kind == "f":
        # A sum that is finite spares looking at every pixel.
        for slot in np.flatnonzero(~np.isfinite(image.sum(axis=(1, 2, 3)))):
            counts[slot] = image[slot].size - np.count_nonzero(np.isfinite(image[slot]))
    return counts


def _by_block(how: np.ufunc, pixels: Pixels, dtype: DTypeLike | None = None) -> Pixels:
    """Reduce blocks; rows first, which is the way that memory goes."""
    n_channels, n_z, height, width = pixels.shape
    rows, columns = _edges(height), _edges(width)
    strips = [
        how.reduce(plane[top:bottom], axis=0, dtype=dtype)
        for plane in pixels.reshape(-1, height, width)
        for top, bottom in itertools.pairwise(rows)
    ]
    blocks: Pixels = how.reduceat(np.array(strips), columns[:-1], axis=1)
    return blocks.reshape(n_channels, n_z, len(rows) - 1, len(columns) - 1)


def _edges(length: int) -> NDArray[np.int64]:
    return np.linspace(0, length, min(BLOCKS, length) + 1).astype(np.int64)
