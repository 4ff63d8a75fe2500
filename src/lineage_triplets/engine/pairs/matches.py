"""Positives by equal columns: any observation of the group, of another lineage if there is one.

Pure arrays; neither frames nor tau are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.pairs.randomness import draw_until_there, streams

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array, UInt64Array


# Draws again as often as it has to, so it has a stream of its own.
_SALT = np.uint64(0x6D61746368)


@dataclass(frozen=True)
class MatchPool:
    """The observations by group and lineage.

    As those that negatives are drawn from, what is excluded stays in the pool and is drawn again:
    excluding one lineage changes no positive but those that were of it.

    Attributes
    ----------
    row : ndarray of int64
        By group and lineage; -1 for an excluded observation.
    place : ndarray of int64, shape (rows,)
        Where in `row` each observation is.
    included : ndarray of int64, shape (len(row) + 1,)
        How many before a place are not excluded.
    lineage : ndarray of int64, shape (rows,)
        Of each observation.
    group_start, group_end, start, end : ndarray of int64, shape (lineages,)
        Where a lineage's group, and itself, begins and ends in `row`; the group of one that matches
        nobody is empty.
    """

    row: Int64Array
    place: Int64Array
    included: Int64Array
    lineage: Int64Array
    group_start: Int64Array
    group_end: Int64Array
    start: Int64Array
    end: Int64Array

    @classmethod
    def build(
        cls,
        pool_row: Int64Array,
        pool_lineage_start: Int64Array,
        group: Int64Array,
        lineage: Int64Array,
    ) -> MatchPool:
        """Build of all observations by lineage.

        Parameters
        ----------
        pool_row : ndarray of int64
            Row of each observation, by lineage; -1 for an excluded one.
        pool_lineage_start : ndarray of int64, shape (lineages + 1,)
        group : ndarray of int64, shape (lineages,)
            Number of each lineage's group; -1 where it matches nobody.
        lineage : ndarray of int64, shape (rows,)
        """
        length = np.diff(pool_lineage_start)
        order = np.argsort(group, kind="stable")
        before = np.cumsum(length[order]) - length[order]
        start = np.empty(len(group), dtype=np.int64)
        start[order] = before
        source = np.repeat(pool_lineage_start[:-1][order] - before, length[order])
        row = pool_row[np.arange(len(pool_row)) + source]
        place = np.empty(len(lineage), dtype=np.int64)
        place[row[row >= 0]] = np.flatnonzero(row >= 0)
        bounds = np.append(before, len(row))
        first = bounds[np.searchsorted(group[order], group, side="left")]
        last = bounds[np.searchsorted(group[order], group, side="right")]
        last = np.where(group < 0, first, last)
        return cls(row, place, _counted(row), lineage, first, last, start, start + length)

    def among(self, rows: BoolArray) -> MatchPool:
        """Give the pool of some rows; the others are drawn again, as excluded ones are."""
        row = np.where(np.append(rows, False)[self.row], self.row, -1)
        return replace(self, row=row, included=_counted(row))

    def n_candidates(self, rows: Int64Array) -> Int64Array:
        """How many observations may be the positive of each row, all alike likely."""
        first, last, hole, hole_end = self._ranges(rows)
        n: Int64Array = self._included(first, last) - self._included(hole, hole_end)
        return np.maximum(n, 0)

    def draw(self, rows: Int64Array, stream: UInt64Array) -> Int64Array:
        """Draw a row for each anchor by its stream; -1 where nobody matches."""
        first, last, hole, hole_end = self._ranges(rows)
        n_open = (last - first) - (hole_end - hole)

        def place_of(number: Float64Array, pending: Int64Array) -> Int64Array:
            place = (number * n_open[pending, None]).astype(np.int64) + first[pending, None]
            beyond = place >= hole[pending, None]
            return np.asarray(place + np.where(beyond, (hole_end - hole)[pending, None], 0))

        can = self.n_candidates(rows) > 0
        return draw_until_there(self.row, streams(stream, _SALT), can, place_of, 0)

    def _ranges(self, rows: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array, Int64Array]:
        """Give the range of places to draw from for each row, and that within it which is left out.

        The group without the own lineage; where nobody else is in it, the own lineage without the
        row itself.
        """
        lineage, place = self.lineage[rows], self.place[rows]
        first, last = self.group_start[lineage], self.group_end[lineage]
        hole, hole_end = self.start[lineage], self.end[lineage]
        alone = self._included(first, last) <= self._included(hole, hole_end)
        is_matched = last > first
        return (
            np.where(alone & is_matched, hole, first),
            np.where(alone & is_matched, hole_end, last),
            np.where(is_matched, np.where(alone, place, hole), first),
            np.where(is_matched, np.where(alone, place + 1, hole_end), first),
        )

    def _included(self, first: Int64Array, last: Int64Array) -> Int64Array:
        return self.included[last] - self.included[first]


def _counted(row: Int64Array) -> Int64Array:
    return np.concatenate([[0], np.cumsum(row >= 0)])
