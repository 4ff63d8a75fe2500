"""How the tracks of lineages stand: time down, branches side by side, none on another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class TreeLayout:
    """A lineage as lines: one upright a track, one level line from each daughter to its mother.

    Attributes
    ----------
    x : ndarray of float64, shape (tracks,)
        Columns; tracks without daughters stand 1 apart, a mother in the middle of her daughters.
    first_t, last_t : ndarray of int64, shape (tracks,)
        Frames; of a track without cells both are where it hangs.
    top, bottom : ndarray of int64, shape (tracks,)
        Frames from and to which its upright goes: it reaches its links.
    parent : ndarray of int64, shape (tracks,)
        -1 for a root.
    n_columns : int
    vertices : ndarray of float64, shape (points, 2)
        Column and frame of each end of a line.
    connect : ndarray of int64, shape (lines, 2)
        Numbers of two vertices: the uprights in the order of the tracks, then the links.
    """

    x: Float64Array
    first_t: Int64Array
    last_t: Int64Array
    top: Int64Array
    bottom: Int64Array
    parent: Int64Array
    n_columns: int
    vertices: Float64Array
    connect: Int64Array

    @property
    def daughters(self) -> Int64Array:
        """Tracks that have a mother, in the order of their links."""
        return np.flatnonzero(self.parent >= 0)

    @property
    def divides(self) -> Int64Array:
        """Tracks with two or more daughters; the division is at their `bottom`."""
        mothers = self.parent[self.parent >= 0]
        return np.flatnonzero(np.bincount(mothers, minlength=len(self.parent)) > 1)


def lay_out(parent: Int64Array, first_t: Int64Array, last_t: Int64Array) -> TreeLayout:
    """Lay out one lineage, or several side by side.

    A mother stands in the middle of her daughters unless one of her descendants starts before she
    ends, as a wrong link has it: then she gets a column of her own between them, so that no two
    tracks ever lie on each other.

    Parameters
    ----------
    parent : ndarray of int64, shape (tracks,)
        Number of each track's mother; -1 for a root.
    first_t, last_t : ndarray of int64, shape (tracks,)
        Frames; -1 for a track without cells.
    """
    parent = np.asarray(parent, dtype=np.int64)
    levels = _levels(parent)
    first_t, last_t = _hung(parent, levels, first_t, last_t)
    below = _first_below(parent, levels, first_t)
    has_daughters = below < _NEVER
    apart = has_daughters & (last_t >= below)
    x, n_columns = _columns(parent, levels, has_daughters, apart)
    linked = np.flatnonzero(parent >= 0)
    mother = parent[linked]
    link_t = np.where(apart[mother], first_t[linked], below[mother])
    top, bottom = first_t.copy(), last_t.copy()
    top[linked] = link_t
    np.maximum.at(bottom, mother, link_t)
    n_tracks, n_links = len(parent), len(linked)
    vertices = np.empty((2 * (n_tracks + n_links), 2), dtype=np.float64)
    uprights, links = vertices[: 2 * n_tracks], vertices[2 * n_tracks :]
    uprights[:, 0] = np.repeat(x, 2)
    uprights[0::2, 1], uprights[1::2, 1] = top, bottom
    links[0::2, 0], links[1::2, 0] = x[mother], x[linked]
    links[:, 1] = np.repeat(link_t, 2)
    connect = np.arange(len(vertices), dtype=np.int64).reshape(-1, 2)
    return TreeLayout(x, first_t, last_t, top, bottom, parent, n_columns, vertices, connect)


def _levels(parent: Int64Array) -> list[Int64Array]:
    """Tracks by the number of links above them, the roots first."""
    depth = np.zeros(len(parent), dtype=np.int64)
    above = parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[above], -1)
    order = np.argsort(depth, kind="stable")
    starts = np.searchsorted(depth[order], np.arange(int(depth.max(initial=0)) + 2))
    return [order[start:end] for start, end in pairwise(starts.tolist())]


def _hung(
    parent: Int64Array, levels: list[Int64Array], first_t: Int64Array, last_t: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Frames with those of tracks without cells filled in: the end of what they hang from."""
    first = np.array(first_t, dtype=np.int64)
    last = np.array(last_t, dtype=np.int64)
    empty = first < 0
    if not empty.any():
        return first, last
    earliest = int(first[~empty].min()) if (~empty).any() else 0
    for level in levels:
        bare = level[empty[level]]
        mother = parent[bare]
        first[bare] = last[bare] = np.where(mother >= 0, last[mother], earliest)
    return first, last


def _first_below(parent: Int64Array, levels: list[Int64Array], first_t: Int64Array) -> Int64Array:
    """First frame of anything below each track."""
    below = np.full(len(parent), _NEVER)
    for level in reversed(levels[1:]):
        np.minimum.at(below, parent[level], np.minimum(first_t[level], below[level]))
    return below


def _columns(
    parent: Int64Array,
    levels: list[Int64Array],
    has_daughters: BoolArray,
    apart: BoolArray,
) -> tuple[Float64Array, int]:
    n_tracks = len(parent)
    width = (~has_daughters | apart).astype(np.int64)
    for level in reversed(levels[1:]):
        np.add.at(width, parent[level], width[level])
    start = np.zeros(n_tracks, dtype=np.int64)
    own = np.zeros(n_tracks, dtype=np.int64)
    n_daughters = np.bincount(parent[parent >= 0], minlength=n_tracks)
    for number, level in enumerate(levels):
        siblings = level[np.argsort(parent[level], kind="stable")]
        mother = parent[siblings]
        before = np.cumsum(width[siblings]) - width[siblings]
        if number == 0:
            start[siblings] = before
            continue
        eldest = np.r_[True, mother[1:] != mother[:-1]]
        family = np.cumsum(eldest) - 1
        place = np.arange(len(siblings)) - np.flatnonzero(eldest)[family]
        within = before - before[eldest][family]
        later = apart[mother] & (place >= (n_daughters[mother] + 1) // 2)
        start[siblings] = start[mother] + within + later
        elder = ~later
        np.add.at(own, mother[elder], width[siblings[elder]])
    x = (start + np.where(apart, own, 0)).astype(np.float64)
    for level in reversed(levels[1:]):
        low = np.full(n_tracks, np.inf)
        high = np.full(n_tracks, -np.inf)
        np.minimum.at(low, parent[level], x[level])
        np.maximum.at(high, parent[level], x[level])
        mothers = np.unique(parent[level])
        centred = mothers[~apart[mothers]]
        x[centred] = (low[centred] + high[centred]) / 2
    return x, int(width[levels[0]].sum()) if n_tracks else 0
