"""Which label of a mask is which cell, and what of a label is drawn: its outline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.tracks.formats.masks import label_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import BoolArray, Float32Array, Float64Array
    from lineage_triplets.engine.tracks.formats.masks import LabelledCells

REACH_PX = 3
_SAME_PLACE_PX = 0.01


def labels_at(
    mask: NDArray[Any], zyx: Float64Array, known: LabelledCells | None = None
) -> NDArray[Any]:
    """Say which label is each cell's; 0 for none.

    The label whose centroid is the cell's position, as in tables that were made of masks: of a
    bent cell it may lie beside it, or in another one. Else the label at the position, else the
    nearest one within 3 pixels.

    Parameters
    ----------
    mask : ndarray of unsigned integers, shape (Z, Y, X)
        A frame, or a window of it.
    zyx : ndarray of float64, shape (n, 3)
        Positions in pixels of `mask`; z counts for nothing where there is one slice.
    known : LabelledCells, optional
        What `label_cells` gives for `mask`, if that was asked already.

    Returns
    -------
    ndarray, shape (n,)
        Of the mask's dtype.
    """
    places = np.array(zyx, dtype=np.float64).reshape(-1, 3)
    if len(mask) == 1:
        places[:, 0] = 0
    at = np.clip(np.rint(places).astype(np.int64), 0, np.array(mask.shape) - 1)
    found: NDArray[Any] = mask[tuple(at.T)].copy()
    for row in np.flatnonzero(found == 0).tolist():
        found[row] = _nearest(mask, places[row])
    known = label_cells([(0, mask)]) if known is None else known
    if len(known.label):
        # Positions of labels that the window cuts off are those of no cell.
        order = np.argsort(known.zyx[2])
        first = np.searchsorted(known.zyx[2][order], places[:, 2] - _SAME_PLACE_PX)
        for row, place in enumerate(first.tolist()):
            for label in order[place : place + 4].tolist():
                if np.abs(known.zyx[:, label] - places[row]).max() <= _SAME_PLACE_PX:
                    found[row] = known.label[label]
    return found


def _nearest(mask: NDArray[Any], place: Float64Array) -> Any:
    """The label nearest to a place, within reach; 0 for none."""
    low = [max(0, int(np.floor(middle)) - REACH_PX) for middle in place]
    box = tuple(slice(a, a + 2 * REACH_PX + 2) for a in low)
    near = np.argwhere(mask[box])
    if not len(near):
        return 0
    away = np.linalg.norm(near + low - place, axis=1)
    nearest = int(np.argmin(away))
    return mask[box][tuple(near[nearest])] if away[nearest] <= REACH_PX else 0


def outline(region: BoolArray) -> Float32Array:
    """Give the outline of a region: the sides of pixels between it and what is not of it.

    Parameters
    ----------
    region : ndarray of bool, shape (Y, X)

    Returns
    -------
    ndarray of float32, shape (n, 4)
        Each side's ends, ``y, x, y, x``; pixel k reaches from k to k + 1. Sides that go on in one
        line are one. Where the region ends at the border of the picture, nothing is drawn.
    """
    down = region[1:] != region[:-1]
    across = region[:, 1:] != region[:, :-1]
    rows, starts, ends = _runs(down)
    level = [np.stack([rows + 1, starts, rows + 1, ends], axis=1)]
    columns, starts, ends = _runs(across.T)
    level.append(np.stack([starts, columns + 1, ends, columns + 1], axis=1))
    return np.concatenate(level).astype(np.float32)


def _runs(sides: BoolArray) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row, start and end of all runs of True along the second axis."""
    padded = np.zeros((sides.shape[0], sides.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = sides
    change = np.diff(padded, axis=1)
    rows, starts = np.nonzero(change == 1)
    _, ends = np.nonzero(change == -1)
    return rows, starts, ends
