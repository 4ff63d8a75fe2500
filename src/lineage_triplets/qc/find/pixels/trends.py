"""Changes that last: a level that goes to another one, at once or slowly, and stays to the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array

LEAST_FRAMES = 12
_ENDS, _LEAST_AT_END = 8, 3
_SMOOTHED, _MOST_SMOOTHED = 20, 5
_MOSTLY = 0.8
_SLOW, _LEAST_SLOW = 10, 4


@dataclass(frozen=True, slots=True)
class LastingFall:
    """A fall that lasts to the end.

    Attributes
    ----------
    first : int
        Place of the first value that is low; of a slow fall where it begins.
    fall : float
        Median of the last values below that of the first ones.
    slow : bool
        Whether it takes a good part of the time.
    """

    first: int
    fall: float
    slow: bool


def lasting_fall(level: Float64Array, least: float) -> LastingFall | None:
    """Compare the ends of a series, and find where it falls; None where it does not, or comes back.

    Parameters
    ----------
    level : ndarray of float64, shape (frames,)
        NaN where it is not known.
    least : float
        The least fall that counts.
    """
    known = np.flatnonzero(np.isfinite(level))
    values = level[known]
    n = len(values)
    if n < LEAST_FRAMES:
        return None
    at_end = max(_LEAST_AT_END, n // _ENDS)
    begin, end = float(np.median(values[:at_end])), float(np.median(values[-at_end:]))
    fall = begin - end
    if not fall >= least:
        return None
    reach = min(max(1, n // _SMOOTHED), _MOST_SMOOTHED)
    padded = np.pad(values, reach, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    high = smooth >= (begin + end) / 2
    first = int(np.flatnonzero(high)[-1]) + 1 if high.any() else 0
    if n - first < _LEAST_AT_END or not first or high[:first].mean() < _MOSTLY:
        return None
    starts = int(np.flatnonzero(smooth[:first] >= begin - fall / 4)[-1]) + 1
    low = np.flatnonzero(smooth[first:] <= end + fall / 4)
    ends = first + (int(low[0]) if len(low) else 0)
    slow = ends - starts > max(_LEAST_SLOW, n // _SLOW)
    return LastingFall(int(known[min(starts if slow else first, n - 1)]), fall, slow)
