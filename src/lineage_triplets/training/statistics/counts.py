"""Counts of pixel values that can be added up, and exact statistics of them.

Images of 8 and 16 bits have a bin for every value, so that percentiles of any number of frames are
exact. Other types are counted in 2**20 bins of equal relative width, by the first 20 bits of their
value as a float32: a percentile of them is at most 0.025 % off. Where the values themselves are at
hand, as those of a frame that is read at once, they are exact. Minimum, maximum, mean and deviation
always are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

# Its counting runs beside other threads, where NumPy's keeps the interpreter's lock.
import torch

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int32Array, Int64Array, Pixels

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_KEY_BITS = 20
_SIGN = np.uint32(1 << 31)


def has_own_bins(dtype: str) -> bool:
    """Whether every value of a type has a bin of its own."""
    return np.dtype(dtype).itemsize <= 2 and np.dtype(dtype).kind in "bui"


@dataclass(eq=False)
class Tally:
    """Values of an image that were counted.

    Attributes
    ----------
    dtype : str
        Of the image.
    counts : ndarray of int64
        How many pixels each bin has, from the lowest one on; as long as needed.
    n_left_out : int
        Pixels that are NaN or infinite; nothing else here counts them.
    minimum, maximum, mean, squares : float
        Of types without a bin for every value: of all pixels, and the sum of their squared
        distances from the mean.
    """

    dtype: str
    counts: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    n_left_out: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    mean: float = 0.0
    squares: float = 0.0

    @property
    def n(self) -> int:
        """Number of pixels that count."""
        return int(self.counts.sum())

    def add(self, pixels: Pixels) -> None:
        """Count an array's values."""
        values = pixels.reshape(-1)
        if has_own_bins(self.dtype):
            self._add_counts(_counted(values))
            return
        n_given, values = len(values), _finite(values)
        self.n_left_out += n_given - len(values)
        if not len(values):
            return
        exact = values.astype(np.float64)
        mean = float(exact.mean())
        squares = float(np.square(exact - mean).sum())
        self._add_moments(len(values), float(values.min()), float(values.max()), mean, squares)
        self._add_counts(torch.bincount(torch.from_numpy(_key(values))).numpy())

    def merge(self, other: Tally) -> None:
        """Count what another tally of the same type has counted."""
        self.n_left_out += other.n_left_out
        self._add_moments(other.n, other.minimum, other.maximum, other.mean, other.squares)
        self._add_counts(other.counts)

    def _add_counts(self, counts: Int64Array) -> None:
        if len(counts) > len(self.counts):
            counts, self.counts = self.counts, np.array(counts, dtype=np.int64)
        self.counts[: len(counts)] += counts

    def _add_moments(
        self, n: int, minimum: float, maximum: float, mean: float, squares: float
    ) -> None:
        """Put moments together as Chan, Golub and LeVeque do; before the counts are added."""
        if not n or has_own_bins(self.dtype):
            return
        before = self.n
        step = mean - self.mean
        self.mean += step * n / (before + n)
        self.squares += squares + step**2 * before * n / (before + n)
        self.minimum, self.maximum = min(self.minimum, minimum), max(self.maximum, maximum)

    def statistics(self, pixels: Pixels | None = None) -> dict[str, float] | None:
        """Give the statistics by name; None where no pixel counts.

        Percentiles lie between two values as NumPy's do by default.

        Parameters
        ----------
        pixels : ndarray, optional
            All that was counted, for exact percentiles of types without a bin for every value.
        """
        n = self.n
        if not n:
            return None
        taken = np.flatnonzero(self.counts)
        counts = self.counts[taken]
        if has_own_bins(self.dtype):
            values = _own_values(taken, self.dtype)
            mean = float(values @ counts) / n
            std = float(np.sqrt(np.square(values - mean) @ counts / n))
            low, high = float(values[0]), float(values[-1])
        else:
            mean, std = self.mean, float(np.sqrt(self.squares / n))
            low, high = self.minimum, self.maximum
            values = np.clip(_key_values(taken), low, high)
        if pixels is None or has_own_bins(self.dtype):
            at = _percentiles(values, np.cumsum(counts))
        else:
            ordered = np.sort(_finite(pixels.reshape(-1))).astype(np.float64)
            at = _percentiles(ordered, np.arange(1, n + 1))
        p1, p5, p25, median, p75, p95, p99 = at.tolist()
        return {
            "mean": mean,
            "std": std,
            "median": median,
            "iqr": p75 - p25,
            "min": low,
            "max": high,
            "p1": p1,
            "p5": p5,
            "p95": p95,
            "p99": p99,
            "p95_p5": p95 - p5,
            "p99_p1": p99 - p1,
        }


def _finite(values: Pixels) -> Pixels:
    if values.dtype.kind != "f":
        return values
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _counted(values: Pixels) -> Int64Array:
    """Number of pixels of each value of at most 16 bits."""
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.dtype.kind == "i":
        unsigned = np.dtype(f"u{values.dtype.itemsize}")
        sign = unsigned.type(1 << (8 * values.dtype.itemsize - 1))
        values = values.view(unsigned) ^ sign
    if values.dtype.itemsize == 2:
        # torch counts signed numbers alone: as they are in memory, if all are small enough.
        is_small = not len(values) or int(values.max()) < 2**15
        values = values.view(np.int16) if is_small else values.astype(np.int32)
    counts: Int64Array = torch.bincount(torch.from_numpy(values)).numpy()
    return counts


def _own_values(bins: Int64Array, dtype: str) -> Float64Array:
    kind = np.dtype(dtype)
    lowest = np.iinfo(kind).min if kind.kind == "i" else 0
    return (bins + lowest).astype(np.float64)


def _key(values: Pixels) -> Int32Array:
    """Bins of values in ascending order: the leading bits of a float32, negative ones turned."""
    if values.dtype.itemsize > 4:
        limits = np.finfo(np.float32)
        values = np.clip(values.astype(np.float64), float(limits.min), float(limits.max))
    bits = values.astype(np.float32).view(np.uint32)
    bits = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (bits >> np.uint32(32 - _KEY_BITS)).astype(np.int32)


def _key_values(bins: Int64Array) -> Float64Array:
    """Value in the middle of each bin."""
    middle = np.uint32(1 << (31 - _KEY_BITS))
    bits = (bins.astype(np.uint32) << np.uint32(32 - _KEY_BITS)) | middle
    bits = np.where(bits & _SIGN, bits & ~_SIGN, ~bits)
    return bits.view(np.float32).astype(np.float64)


def _percentiles(values: Float64Array, cumulated: Int64Array) -> Float64Array:
    """Percentiles of values in ascending order, by how many pixels are at most each."""
    n = int(cumulated[-1])
    place = np.array(PERCENTILES) / 100 * (n - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, n - 1)
    low = values[np.searchsorted(cumulated, below, side="right")]
    high = values[np.searchsorted(cumulated, above, side="right")]
    return low + (high - low) * (place - below)
