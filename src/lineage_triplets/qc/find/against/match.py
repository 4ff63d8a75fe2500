"""Which cells of two tables are one: by their places, frame by frame, each at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lineage_triplets.qc.find.track_data.groups import FrameSearch

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array

SHARE_OF_SPACING = 0.5
_SHARE_OF_PATCH = 0.25


def usual_limit_px(frame: Int64Array, place: Float64Array, patch_px: float) -> float:
    """Give the distance within which two tables' cells may be one, where nobody says it.

    Half the usual distance of a cell from its nearest neighbour in the frame, and no more than a
    quarter of the patch: where cells are few, neighbours say nothing of how large one is.

    Parameters
    ----------
    frame : ndarray of int64, shape (cells,)
        Number of each cell's FOV and frame.
    place : ndarray of float64, shape (axes, cells)
        Pixels.
    patch_px : float
        Larger side of a patch.
    """
    most = _SHARE_OF_PATCH * patch_px
    reach = np.full(len(frame), most / SHARE_OF_SPACING)
    question, point, apart = FrameSearch.build(frame, place).within(frame, place, reach)
    another = question != point
    nearest = reach.copy()
    np.minimum.at(nearest, question[another], apart[another])
    return SHARE_OF_SPACING * float(np.median(nearest)) if len(nearest) else most


def match_cells(
    frame: Int64Array,
    place: Float64Array,
    other_frame: Int64Array,
    other_place: Float64Array,
    limit_px: float,
) -> Int64Array:
    """Find each cell's partner in the other table, so that distances are least in all.

    Two cells may be partners if they are of one frame and nearer than the limit. To leave one of
    each table alone costs as much as the limit, so that two near ones are parted only where that
    makes more and nearer pairs of their neighbours.

    Parameters
    ----------
    frame, other_frame : ndarray of int64, shape (cells,), (other cells,)
        Number of each cell's FOV and frame, the same in both.
    place, other_place : ndarray of float64, shape (axes, cells), (axes, other cells)
        Pixels.
    limit_px : float

    Returns
    -------
    ndarray of int64, shape (cells,)
        The other table's cell, or -1; none is given twice.
    """
    partner = np.full(len(frame), -1, dtype=np.int64)
    if not (len(frame) and len(other_frame)):
        return partner
    search = FrameSearch.build(other_frame, other_place)
    cell, other, apart = search.within(frame, place, np.full(len(frame), limit_px))
    n_near = np.bincount(cell, minlength=len(frame))
    n_near_other = np.bincount(other, minlength=len(other_frame))
    alone = (n_near[cell] == 1) & (n_near_other[other] == 1)
    partner[cell[alone]] = other[alone]
    crowded = np.flatnonzero(~alone)
    if len(crowded):
        crowd = _crowds(cell[crowded], other[crowded], len(frame), len(other_frame))
        order = crowded[np.argsort(crowd, kind="stable")]
        for pairs in np.split(order, np.cumsum(np.bincount(crowd))[:-1]):
            chosen = _assigned(cell[pairs], other[pairs], limit_px - apart[pairs])
            partner[cell[pairs[chosen]]] = other[pairs[chosen]]
    return partner


def _crowds(cell: Int64Array, other: Int64Array, n: int, n_other: int) -> Int64Array:
    """Number from 0 the groups of near pairs that compete for cells."""
    size = n + n_other
    near = coo_array((np.ones(len(cell), dtype=np.int8), (cell, n + other)), shape=(size, size))
    _, group = connected_components(near, directed=False)
    crowd: Int64Array = np.unique(group[cell], return_inverse=True)[1]
    return crowd


def _assigned(cell: Int64Array, other: Int64Array, gain: Float64Array) -> Int64Array:
    """Choose of some pairs those that gain most together, none of them with a cell twice."""
    row, column = (np.unique(cells, return_inverse=True)[1] for cells in (cell, other))
    gains = np.zeros((int(row.max()) + 1, int(column.max()) + 1))
    number = np.full(gains.shape, -1, dtype=np.int64)
    gains[row, column] = gain
    number[row, column] = np.arange(len(cell))
    chosen = number[linear_sum_assignment(gains, maximize=True)]
    return chosen[chosen >= 0]
