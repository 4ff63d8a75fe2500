"""The common motion of all cells of a FOV from frame to frame: the stage's, not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.group_statistics import group_median
from lineage_triplets.qc.find.track_data.neighbours import expand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

ENOUGH_CELLS = 5
FEW_CELLS = 3
_LIKE_SHARE = 0.35


def drift_steps(
    group: Int64Array, gap: Int64Array, displacement: Float64Array, n_groups: int
) -> Float64Array:
    """Estimate how far the whole field moves after each frame of each FOV.

    Parameters
    ----------
    group : ndarray of int64, shape (steps,)
        FOV and frame that a step starts from; the next frame of a FOV is the next number.
    gap : ndarray of int64, shape (steps,)
        Frames that it takes; a step over several counts as equal parts of each.
    displacement : ndarray of float64, shape (axes, steps)
        Pixels.
    n_groups : int

    Returns
    -------
    ndarray of float64, shape (axes, n_groups)
        Median motion of the cells; 0 where there are too few to tell it from their own.
    """
    of, part = expand(group, gap) if (gap > 1).any() else (np.arange(len(group)), group)
    drift = np.empty((len(displacement), n_groups))
    spread = np.zeros(n_groups)
    count = np.zeros(n_groups, dtype=np.int64)
    for axis, values in enumerate(displacement):
        steps = (values / gap)[of]
        drift[axis], count = group_median(steps, part, n_groups)
        few = np.flatnonzero((count[part] >= FEW_CELLS) & (count[part] < ENOUGH_CELLS))
        if len(few):
            apart = np.abs(steps[few] - drift[axis][part[few]])
            np.maximum.at(spread, part[few], apart)
    # A few cells that all make one big step are moved; a few that go their ways are not.
    together = (count >= FEW_CELLS) & (spread < _LIKE_SHARE * np.sqrt((drift**2).sum(axis=0)))
    drift[:, (count < ENOUGH_CELLS) & ~together] = 0.0
    return drift


def stabilized(
    place: Float64Array, group: Int64Array, drift: Float64Array, first_group: Int64Array
) -> Float64Array:
    """Places without the drift of their FOV.

    Parameters
    ----------
    place : ndarray of float64, shape (axes, rows)
    group : ndarray of int64, shape (rows,)
    drift : ndarray of float64, shape (axes, groups)
        Motion after each group.
    first_group : ndarray of int64, shape (rows,)
        Group of the FOV's first frame.
    """
    moved = np.zeros((len(drift), drift.shape[1] + 1))
    np.cumsum(drift, axis=1, out=moved[:, 1:])
    still: Float64Array = place - (moved[:, group] - moved[:, first_group])
    return still
