"""Unbranched tracks from cells and links; knows arrays only, no files.

Every format that has cells and links, and no tracks of its own, comes through here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array

# A table of this many entries a cell is cheaper than a search.
_SPARSE_IDS_MAX = 8


@dataclass(frozen=True)
class CellLinks:
    """Links between cells, as indices, and what is wrong with them.

    Attributes
    ----------
    source, target : ndarray of int64, shape (n_links,)
        Index of each link's two cells; -1 for an id that no cell has.
    is_unknown : ndarray of bool, shape (n_links,)
        A cell of the link is not there.
    is_backward : ndarray of bool, shape (n_links,)
        Its target is not later than its source.
    is_merge : ndarray of bool, shape (n_links,)
        Its target has a parent already, another one.
    first_of_target : ndarray of int64, shape (n_links,)
        The first link to the same target.
    is_repeat : ndarray of bool, shape (n_links,)
        It repeats an earlier link.
    parent : ndarray of int64, shape (n_cells,)
        Index of each cell's parent, -1 for none: its first sound link.
    """

    source: Int64Array
    target: Int64Array
    is_unknown: BoolArray
    is_backward: BoolArray
    is_merge: BoolArray
    first_of_target: Int64Array
    is_repeat: BoolArray
    parent: Int64Array


@dataclass(frozen=True)
class Branches:
    """Tracks that end at divisions; numbered by their first frame, then by their first cell.

    Attributes
    ----------
    of_cell : ndarray of int64, shape (n_cells,)
        The branch of each cell.
    parent : ndarray of int64, shape (n_branches,)
        The branch that it came from; -1 for none.
    first_cell : ndarray of int64, shape (n_branches,)
    """

    of_cell: Int64Array
    parent: Int64Array
    first_cell: Int64Array


def link_cells(
    ids: Int64Array, t: Int64Array, source_id: Int64Array, target_id: Int64Array
) -> CellLinks:
    """Find the cells of links, and check the links.

    Parameters
    ----------
    ids, t : ndarray of int64, shape (n_cells,)
        Id, unique, and frame of each cell.
    source_id, target_id : ndarray of int64, shape (n_links,)
        Ids of the earlier and the later cell of each link.
    """
    source, target = _indices(ids, source_id), _indices(ids, target_id)
    n_links = len(source)
    is_unknown = (source < 0) | (target < 0)
    is_backward = np.zeros(n_links, bool)
    known = ~is_unknown
    is_backward[known] = t[source[known]] >= t[target[known]]
    sound = np.flatnonzero(known & ~is_backward)
    parent = np.full(len(ids), -1, np.int64)
    # Written last link first, so that each target keeps its first one.
    first_link = np.full(len(ids), -1, np.int64)
    first_link[target[sound][::-1]] = sound[::-1]
    first_of_target = np.arange(n_links, dtype=np.int64)
    first_of_target[sound] = first_link[target[sound]]
    again = first_of_target != np.arange(n_links)
    is_repeat = again & (source == source[first_of_target])
    has_parent = first_link >= 0
    parent[has_parent] = source[first_link[has_parent]]
    return CellLinks(
        source=source, target=target, is_unknown=is_unknown, is_backward=is_backward,
        is_merge=again & ~is_repeat, first_of_target=first_of_target, is_repeat=is_repeat,
        parent=parent,
    )  # fmt: skip


def trace_branches(t: Int64Array, parent: Int64Array) -> Branches:
    """Cut lineages into tracks.

    A cell with one child and that child are in one track, however many frames lie between them;
    each of several children begins a track of its own.

    Parameters
    ----------
    t : ndarray of int64, shape (n_cells,)
    parent : ndarray of int64, shape (n_cells,)
        Index of each cell's parent, a cell of an earlier frame; -1 for none.
    """
    n_cells = len(parent)
    has_parent = parent >= 0
    n_children = np.bincount(parent[has_parent], minlength=n_cells)
    continues = has_parent & (n_children[parent] == 1)
    head = np.where(continues, parent, np.arange(n_cells, dtype=np.int64))
    # Each pass doubles how far a cell sees; the longest track ends it.
    while True:
        further = head[head]
        if np.array_equal(further, head):
            break
        head = further
    first_cell = np.flatnonzero(~continues)
    first_cell = first_cell[np.argsort(t[first_cell], kind="stable")]
    number = np.full(n_cells, -1, np.int64)
    number[first_cell] = np.arange(len(first_cell))
    of_cell = number[head]
    before = parent[first_cell]
    of_parent = np.where(before >= 0, of_cell[before], -1) if n_cells else before
    return Branches(of_cell=of_cell, parent=of_parent, first_cell=first_cell)


def _indices(ids: Int64Array, wanted: Int64Array) -> Int64Array:
    """Index of each wanted id; -1 for those that are not there."""
    if not len(ids) or not len(wanted):
        return np.full(len(wanted), -1, np.int64)
    lowest, highest = int(ids.min()), int(ids.max())
    if highest - lowest < _SPARSE_IDS_MAX * len(ids) + 1024:
        table = np.full(highest - lowest + 1, -1, np.int64)
        table[ids - lowest] = np.arange(len(ids))
        inside = (wanted >= lowest) & (wanted <= highest)
        return np.where(inside, table[np.where(inside, wanted - lowest, 0)], -1)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    found = order[place]
    return np.where(ids[found] == wanted, found, -1)
