"""Counts of pixel values that can be added up, and exact statistics of them.

Images of 8 and 16 bits have a bin for every value, so that percentiles of any number of frames are
exact. Other types are counted in 2**20 bins of equal relative width, by the first 20 bits of their
value as a float32: a percentile of them is at most 0.025 % off. Where the values themselves are at
hand, as those of a frame that is read at once, they are exact. Minimum, maximum, mean and deviation
always are.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

# Its counting runs beside other threads, where NumPy's keeps the interpreter's lock.
import torch

from lineage_triplets.training.statistics.memory import ThreadMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int32Array, Int64Array, Pixels

    _Moments = tuple[int, float, float, float, float]

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_KEY_BITS = 20
_MOST_BINS = 1 << _KEY_BITS
_SIGN = np.uint32(1 << 31)
_AT_ONCE = 65_536
# Of so many values one is looked at for what their mean is about.
_SAMPLE = 64
# BLAS begins threads of its own for longer vectors.
_DOT = 8_192


def has_own_bins(dtype: str) -> bool:
    """Whether every value of a type has a bin of its own."""
    return np.dtype(dtype).itemsize <= 2 and np.dtype(dtype).kind in "bui"


@contextlib.contextmanager
def counting_threads() -> Iterator[Callable[[], None]]:
    """Give what threads that count call first, so that torch starts no more threads in each.

    While it holds, threads that use torch for the first time have one thread each too.
    """
    n_threads = torch.get_num_threads()
    try:
        yield partial(torch.set_num_threads, 1)
    finally:
        torch.set_num_threads(n_threads)


class Held(NamedTuple):
    """Values at hand that were counted, of a type without a bin for every value.

    Attributes
    ----------
    values : ndarray
        Finite ones.
    bins : ndarray of int32
        Of each, from `first_bin` on.
    first_bin : int
    """

    values: Pixels
    bins: Int32Array
    first_bin: int


@dataclass(eq=False)
class Tally:
    """Values of an image that were counted.

    Attributes
    ----------
    dtype : str
        Of the image.
    first_bin : int
        Bins before it have no pixels.
    counts : ndarray of int64
        How many pixels each bin has from there on; as long as needed.
    n_left_out : int
        Pixels that are NaN or infinite; nothing else here counts them.
    minimum, maximum, mean, squares : float
        Of types without a bin for every value: of all pixels, and the sum of their squared
        distances from the mean.
    """

    dtype: str
    first_bin: int = 0
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

    def add(self, pixels: Pixels, memory: ThreadMemory | None = None) -> Held | None:
        """Count an array's values.

        Parameters
        ----------
        pixels : ndarray
        memory : ThreadMemory, optional
            What is returned lies there until this thread counts again.

        Returns
        -------
        Held or None
            The values with their bins, where not every value has a bin of its own.
        """
        values = pixels.reshape(-1)
        if has_own_bins(self.dtype):
            self._add_counts(0, _bin_counts(_bins(values)))
            return None
        memory = memory or ThreadMemory()
        bins = memory.array("bins", values.shape, np.int32)
        distances = memory.array("distances", (_AT_ONCE,), np.float64)
        parts, moments, first_key, n = [], [], 0, 0
        for finite, low, high in _finite_parts(values):
            parts.append(finite)
            lowest = _put_keys(finite, bins[n : n + len(finite)])
            first_key = min(first_key, lowest) if n else lowest
            moments.append(_moments(finite, low, high, distances))
            n += len(finite)
        if n < len(values):
            self.n_left_out += len(values) - n
            values, bins = np.concatenate([*parts, values[:0]]), bins[:n]
        bins -= np.int32(first_key)
        first_bin = first_key + _MOST_BINS // 2
        if n:
            self._add_moments(moments)
            self._add_counts(first_bin, _bin_counts(bins))
        return Held(values, bins, first_bin)

    def merge(self, other: Tally) -> None:
        """Count what another tally of the same type has counted."""
        self.n_left_out += other.n_left_out
        if not has_own_bins(self.dtype) and (n := other.n):
            self._add_moments([(n, other.minimum, other.maximum, other.mean, other.squares)])
        self._add_counts(other.first_bin, other.counts)

    def _add_counts(self, first_bin: int, counts: Int64Array) -> None:
        """Add counts of the bins from one on."""
        own, stop = len(self.counts), first_bin + len(counts)
        first = min(first_bin, self.first_bin) if own else first_bin
        stop = max(stop, self.first_bin + own)
        if (first, stop) != (self.first_bin, self.first_bin + own):
            grown = np.zeros(stop - first, np.int64)
            grown[self.first_bin - first :][:own] = self.counts
            self.first_bin, self.counts = first, grown
        self.counts[first_bin - first :][: len(counts)] += counts

    def _add_moments(self, parts: list[_Moments]) -> None:
        """Put moments together as Chan, Golub and LeVeque do; before the counts are added."""
        if before := self.n:
            own = (before, self.minimum, self.maximum, self.mean, self.squares)
            parts = [own, *parts]
        n, low, high, mean, squares = np.array(parts).T
        self.mean = float(n @ mean / n.sum())
        self.squares = float(squares.sum() + n @ np.square(mean - self.mean))
        self.minimum, self.maximum = float(low.min()), float(high.max())

    def statistics(self, held: Held | None = None) -> dict[str, float] | None:
        """Give the statistics by name; None where no pixel counts.

        Percentiles lie between two values as NumPy's do by default.

        Parameters
        ----------
        held : Held, optional
            All that was counted, for exact percentiles of types without a bin for every value.
        """
        n = self.n
        if not n:
            return None
        # Of truth values they are found several times as fast.
        taken = np.flatnonzero(self.counts != 0)
        counts = self.counts[taken]
        taken += self.first_bin
        if has_own_bins(self.dtype):
            values = _own_values(taken, self.dtype)
            mean = float(values @ counts) / n
            std = float(np.sqrt(np.square(values - mean) @ counts / n))
            low, high = float(values[0]), float(values[-1])
            below, above = _values_at(values, np.cumsum(counts))
        else:
            mean, std = self.mean, float(np.sqrt(self.squares / n))
            low, high = self.minimum, self.maximum
            if held is None:
                values = np.clip(_key_values(taken), low, high)
                below, above = _values_at(values, np.cumsum(counts))
            else:
                below, above = _exact_values_at(taken, np.cumsum(counts), held)
        share = _places(n) % 1
        p1, p5, p25, median, p75, p95, p99 = (below + (above - below) * share).tolist()
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


def _finite_parts(values: Pixels) -> Iterator[tuple[Pixels, float, float]]:
    """Values that count, and the least and the largest, in parts that stay in a CPU's cache."""
    for first in range(0, len(values), _AT_ONCE):
        part = values[first : first + _AT_ONCE]
        low, high = float(part.min()), float(part.max())
        # Either is NaN where a value is.
        if not (math.isfinite(low) and math.isfinite(high)):
            part = part[np.isfinite(part)]
            if not len(part):
                continue
            low, high = float(part.min()), float(part.max())
        yield part, low, high


def _moments(values: Pixels, low: float, high: float, memory: Float64Array) -> _Moments:
    # Squares of distances from about the mean: of the values themselves they would cancel out.
    about = float(values[::_SAMPLE].mean(dtype=np.float64))
    n = len(values)
    distances = memory[:n]
    distances[:] = values
    distances -= about
    off = float(distances.sum())
    whole = n - n % _DOT
    rows, rest = distances[:whole].reshape(-1, _DOT), distances[whole:]
    squares = float(np.vecdot(rows, rows).sum() + np.vecdot(rest, rest)) - off * off / n
    return n, low, high, about + off / n, max(squares, 0.0)


def _bins(values: Pixels) -> Pixels:
    """Bins of values of at most 16 bits, unsigned."""
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.dtype.kind == "i":
        unsigned = np.dtype(f"u{values.dtype.itemsize}")
        sign = unsigned.type(1 << (8 * values.dtype.itemsize - 1))
        values = values.view(unsigned) ^ sign
    return values


def _bin_counts(bins: Pixels) -> Int64Array:
    if bins.dtype == np.uint16:
        # torch knows signed numbers alone, and refuses negative ones, which large ones look like.
        try:
            return _bin_counts(bins.view(np.int16))
        except RuntimeError:
            bins = bins.astype(np.int32)
    counts: Int64Array = torch.bincount(torch.from_numpy(bins)).numpy()
    return counts


def _own_values(bins: Int64Array, dtype: str) -> Float64Array:
    kind = np.dtype(dtype)
    lowest = np.iinfo(kind).min if kind.kind == "i" else 0
    return (bins + lowest).astype(np.float64)


def _put_keys(values: Pixels, keys: Int32Array) -> int:
    """Put keys that are in order as the values are, and give the least.

    They are the leading bits of a float32, with the sign, negative ones turned.
    """
    if values.dtype.itemsize > 4:
        limits = np.finfo(np.float32)
        values = np.clip(values.astype(np.float64), float(limits.min), float(limits.max))
    bits = values.astype(np.float32, copy=False).view(np.int32)
    np.right_shift(bits, 32 - _KEY_BITS, out=keys)
    lowest = int(keys.min())
    if lowest < 0:
        keys ^= (keys >> 31) & np.int32(_MOST_BINS // 2 - 1)
        lowest = int(keys.min())
    return lowest


def _key_values(bins: Int64Array) -> Float64Array:
    """Value in the middle of each bin."""
    middle = np.uint32(1 << (31 - _KEY_BITS))
    bits = (bins.astype(np.uint32) << np.uint32(32 - _KEY_BITS)) | middle
    bits = np.where(bits & _SIGN, bits & ~_SIGN, ~bits)
    return bits.view(np.float32).astype(np.float64)


def _places(n: int) -> Float64Array:
    """Where the percentiles lie among `n` values in ascending order, often between two."""
    return np.array(PERCENTILES) / 100 * (n - 1)


def _neighbours(n: int) -> Int64Array:
    """Places of the values below and above each percentile: (2, percentiles)."""
    below = np.floor(_places(n)).astype(np.int64)
    return np.stack([below, np.minimum(below + 1, n - 1)])


def _values_at(values: Float64Array, cumulated: Int64Array) -> Float64Array:
    """Values below and above each percentile, of values in ascending order.

    Parameters
    ----------
    values : ndarray of float64
    cumulated : ndarray of int64
        How many pixels are at most each.
    """
    places = _neighbours(int(cumulated[-1]))
    found: Float64Array = values[np.searchsorted(cumulated, places, side="right")]
    return found


def _exact_values_at(bins: Int64Array, cumulated: Int64Array, held: Held) -> Float64Array:
    """Values below and above each percentile, looked up in the bins where they are.

    Parameters
    ----------
    bins, cumulated : ndarray of int64
        Bins with pixels, and how many pixels are in each and those before.
    held : Held
        All that was counted.
    """
    places = _neighbours(int(cumulated[-1]))
    asked, of_place = np.unique(
        np.searchsorted(cumulated, places, side="right"), return_inverse=True
    )
    is_asked = np.zeros(int(bins[-1]) + 1 - held.first_bin, bool)
    is_asked[bins[asked] - held.first_bin] = True
    chosen = np.concatenate(list(_chosen(held, torch.from_numpy(is_asked))))
    counts = np.diff(cumulated, prepend=0)[asked]
    # Pixels before each asked bin that are in none.
    skipped = cumulated[asked] - np.cumsum(counts)
    found: Float64Array = np.sort(chosen)[places - skipped[of_place.reshape(places.shape)]]
    return found.astype(np.float64)


def _chosen(held: Held, is_asked: torch.Tensor) -> Iterator[Pixels]:
    """Values in bins that are asked for, in parts that stay in a CPU's cache."""
    for first in range(0, len(held.values), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        # NumPy's would make numbers of 64 bits of the bins before.
        is_chosen = torch.index_select(is_asked, 0, torch.from_numpy(held.bins[part]))
        yield held.values[part][is_chosen.numpy()]
