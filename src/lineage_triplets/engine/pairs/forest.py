"""Tracks and parent links as a forest of arrays: lineages, generations, who descends from whom.

A node is a track. All functions are vectorized over tracks or over queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array


class Relation(IntEnum):
    """What a positive is to its anchor."""

    SAME_TRACK = 0
    CONTINUATION = 1
    DAUGHTER = 2
    GRANDDAUGHTER = 3
    DESCENDANT = 4
    SISTER = 5
    NIECE = 6
    AUNT = 7
    COUSIN = 8
    COLLATERAL = 9
    ANCESTOR = 10
    MATCHED = 11

    @property
    def label(self) -> str:
        """The relation in words: ``"same track"``, ``"daughter"``, …."""
        return self.name.lower().replace("_", " ")

    @property
    def is_collateral(self) -> bool:
        """Whether anchor and positive are on different branches below a division."""
        return Relation.SISTER <= self <= Relation.COLLATERAL

    @property
    def crosses_division(self) -> bool:
        """Whether the anchor's cell divided at least once on the way to the positive."""
        return Relation.DAUGHTER <= self <= Relation.DESCENDANT


RELATION_LABELS = np.array([relation.label for relation in Relation])

_COLLATERALS = {
    (1, 1): Relation.SISTER,
    (1, 2): Relation.NIECE,
    (2, 1): Relation.AUNT,
    (2, 2): Relation.COUSIN,
}


@dataclass(frozen=True)
class Forest:
    """Parent links and what follows from them; every array has one entry a track.

    Attributes
    ----------
    parent : ndarray of int64
        Index of the parent track, -1 for a root.
    root : ndarray of int64
        Index of the root track.
    lineage : ndarray of int64
        Number of the lineage, in the order of the roots.
    generation : ndarray of int64
        Divisions since the root: a link to an only child is none.
    n_children : ndarray of int64
    depth : ndarray of int64
        Links since the root.
    enter, leave : ndarray of int64
        Preorder number, and one past the largest in the subtree; children in order of their index.
    """

    parent: Int64Array
    root: Int64Array
    lineage: Int64Array
    generation: Int64Array
    n_children: Int64Array
    depth: Int64Array
    enter: Int64Array
    leave: Int64Array

    @classmethod
    def build(cls, parent: Int64Array) -> Forest:
        """Build from the index of each track's parent, -1 for roots.

        Raises
        ------
        ValueError
            The links form a cycle.
        """
        parent = np.asarray(parent, dtype=np.int64)
        n_tracks = len(parent)
        is_root = parent < 0
        n_children = np.bincount(parent[~is_root], minlength=n_tracks)
        steps = (~is_root).astype(np.int64)
        divisions = np.where(is_root, 0, n_children[parent] > 1).astype(np.int64)
        ancestor = np.where(is_root, np.arange(n_tracks), parent)
        for _ in range(max(n_tracks, 1).bit_length() + 1):
            further = ancestor[ancestor]
            if np.array_equal(further, ancestor):
                break
            steps += steps[ancestor]
            divisions += divisions[ancestor]
            ancestor = further
        if not np.all(is_root[ancestor]):
            raise ValueError("the parent links form a cycle")
        enter, leave = _preorder(parent, is_root, steps)
        return cls(
            parent=parent,
            root=ancestor,
            lineage=(np.cumsum(is_root) - 1)[ancestor],
            generation=divisions,
            n_children=n_children,
            depth=steps,
            enter=enter,
            leave=leave,
        )

    @property
    def n_lineages(self) -> int:
        """Number of lineages."""
        return int(np.count_nonzero(self.parent < 0))

    @property
    def is_division(self) -> BoolArray:
        """Tracks with two or more daughters."""
        return self.n_children > 1

    @cached_property
    def _lifts(self) -> list[Int64Array]:
        """Ancestors 1, 2, 4, … links up, roots standing for themselves."""
        lifts = [np.where(self.parent < 0, np.arange(len(self.parent)), self.parent)]
        for _ in range(int(self.depth.max(initial=0)).bit_length() - 1):
            lifts.append(lifts[-1][lifts[-1]])
        return lifts

    def contains(self, ancestor: Int64Array, track: Int64Array) -> BoolArray:
        """Whether each track is its ancestor or below it."""
        entry = self.enter[track]
        return (self.enter[ancestor] <= entry) & (entry < self.leave[ancestor])

    def common_ancestor(self, track: Int64Array, other: Int64Array) -> Int64Array:
        """Nearest track that both descend from (or are); both are of one lineage."""
        climbing = np.array(track, dtype=np.int64)
        for lift in reversed(self._lifts):
            higher = lift[climbing]
            climbing = np.where(self.contains(higher, other), climbing, higher)
        return np.where(self.contains(climbing, other), climbing, self._lifts[0][climbing])

    def relations(
        self, anchor: Int64Array, positive: Int64Array
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Relate anchor and positive tracks of one lineage each.

        Returns
        -------
        relation : ndarray of int64
            Values of `Relation`.
        generations_up, generations_down : ndarray of int64
            Divisions from the anchor up to the common ancestor, and from there to the positive.
        """
        ancestor = self.common_ancestor(anchor, positive)
        up = self.generation[anchor] - self.generation[ancestor]
        down = self.generation[positive] - self.generation[ancestor]
        relation = np.full(len(up), int(Relation.COLLATERAL))
        for (kin_up, kin_down), kin in _COLLATERALS.items():
            relation[(up == kin_up) & (down == kin_down)] = kin
        relation[ancestor == positive] = Relation.ANCESTOR
        below = ancestor == anchor
        straight = np.array(
            [Relation.CONTINUATION, Relation.DAUGHTER, Relation.GRANDDAUGHTER, Relation.DESCENDANT]
        )
        relation[below] = straight[np.minimum(down[below], 3)]
        relation[anchor == positive] = Relation.SAME_TRACK
        return relation, up, down


def _preorder(
    parent: Int64Array, is_root: BoolArray, depth: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Number the tracks so that every subtree is one range, level by level."""
    n_tracks = len(parent)
    by_depth = np.argsort(depth, kind="stable")
    level_starts = np.searchsorted(depth[by_depth], np.arange(int(depth.max(initial=0)) + 2))
    levels = [by_depth[start:end] for start, end in pairwise(level_starts)]
    size = np.ones(n_tracks, dtype=np.int64)
    for level in reversed(levels[1:]):
        np.add.at(size, parent[level], size[level])
    enter = np.zeros(n_tracks, dtype=np.int64)
    roots = np.flatnonzero(is_root)
    enter[roots] = np.cumsum(size[roots]) - size[roots]
    for level in levels[1:]:
        siblings = level[np.argsort(parent[level], kind="stable")]
        before = np.cumsum(size[siblings]) - size[siblings]
        mothers = parent[siblings]
        is_first = np.concatenate([[True], mothers[1:] != mothers[:-1]])
        family = np.cumsum(is_first) - 1
        enter[siblings] = enter[mothers] + 1 + before - before[is_first][family]
    return enter, enter + size
