"""Masks of labelled cells: where each label is, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats.graph import Cells, table_of_links

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource


_COUNTED_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class LabelledCells:
    """The cells of masks, by frame and label.

    Attributes
    ----------
    label, t : ndarray of int64, shape (n,)
    zyx : ndarray of float64, shape (3, n)
        Centroids, in pixels; z is 0 in masks of one slice.
    n_pixels : ndarray of int64, shape (n,)
    """

    label: Int64Array
    t: Int64Array
    zyx: Float64Array
    n_pixels: Int64Array

    def take(self, chosen: BoolArray) -> LabelledCells:
        """Give some of them."""
        return LabelledCells(
            self.label[chosen], self.t[chosen], self.zyx[:, chosen], self.n_pixels[chosen]
        )


def label_cells(masks: Iterable[tuple[int, NDArray[Any]]]) -> LabelledCells:
    """Find the centroid of every label.

    Parameters
    ----------
    masks : iterable of (int, ndarray)
        Frame, and labels of integers with shape (y, x) or (z, y, x), 0 for no cell.
    """
    nothing = np.zeros(0, np.int64)
    labels, frames, places, sizes = [nothing], [nothing], [np.zeros((3, 0))], [nothing]
    for t, mask in masks:
        label, zyx, n_pixels = _centroids(mask)
        labels.append(label)
        frames.append(np.full(len(label), t, np.int64))
        places.append(zyx)
        sizes.append(n_pixels)
    return LabelledCells(
        np.concatenate(labels),
        np.concatenate(frames),
        np.concatenate(places, axis=1),
        np.concatenate(sizes),
    )


def _centroids(mask: NDArray[Any]) -> tuple[Int64Array, Float64Array, Int64Array]:
    inside = np.nonzero(mask)
    number = mask[inside].astype(np.int64)
    names = None
    # Labels are few beside pixels; where they are large, they are numbered first.
    if number.max(initial=0) >= _COUNTED_MAX:
        names, number = np.unique(number, return_inverse=True)
    n_pixels = np.bincount(number)
    label = np.flatnonzero(n_pixels)
    axes = [np.bincount(number, axis)[label] / n_pixels[label] for axis in inside]
    while len(axes) < 3:
        axes.insert(0, np.zeros(len(label)))
    return label if names is None else names[label], np.array(axes), n_pixels[label]


def table_of_labels(
    source: TrackSource,
    cells: LabelledCells,
    parent_of: dict[int, int],
    *,
    problems: tuple[Problem, ...] = (),
) -> RawTable:
    """Return the tracks of labels; a parent's only child continues it.

    Parameters
    ----------
    parent_of : dict of int to int
        Parent label of each label that has one; those that no mask has are passed over.

    Raises
    ------
    TrackTableError
        A label begins before its parent ends.
    """
    order = np.lexsort((cells.t, cells.label))
    label, t = cells.label[order], cells.t[order]
    z, y, x = cells.zyx[:, order]
    number = np.arange(len(label), dtype=np.int64)
    follows = np.flatnonzero(label[1:] == label[:-1])
    names, first = np.unique(label, return_index=True)
    last = np.append(first[1:], len(label)) - 1
    place = {name: row for row, name in enumerate(names.tolist())}
    pairs = [
        (place[parent], place[child])
        for child, parent in sorted(parent_of.items())
        if child in place and parent in place and child != parent
    ]
    faults = [
        source.problem(
            "backward-link",
            f"Track {names[child]} begins at t={t[first[child]]}, and its parent {names[parent]}"
            f" ends at t={t[last[parent]]}, not earlier.",
            "Correct the parent, or where one of them begins or ends.",
        )
        for parent, child in pairs
        if t[last[parent]] >= t[first[child]]
    ]
    if faults:
        raise TrackTableError(*faults)
    parents = last[[parent for parent, _ in pairs]] if pairs else number[:0]
    children = first[[child for _, child in pairs]] if pairs else number[:0]
    links = np.concatenate([follows, parents]), np.concatenate([follows + 1, children])
    return table_of_links(
        source, Cells(number, t, y, x, z, number, track=label), links, problems=problems
    )
