"""What each cell that both tables have follows in either of them; cells between are passed over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array


@dataclass(frozen=True, eq=False)
class Chains:
    """Ways from a cell that both tables have to the next one, over those that one lacks.

    Attributes
    ----------
    before : ndarray of int64, shape (cells,)
        The cell that each follows in its table, or -1.
    origin : ndarray of int64, shape (cells,)
        Of a cell that both tables have the one before it that both have; -1 where there is none.
    stem : ndarray of int64, shape (cells,)
        First cell on the way from there: the cell itself where the link is direct.
    divides : ndarray of bool, shape (cells,)
        Whether a cell divides on the way.
    n_links, n_unused : int
        Links of the table, and those that are part of no such way.
    """

    before: Int64Array
    origin: Int64Array
    stem: Int64Array
    divides: BoolArray
    n_links: int
    n_unused: int

    @classmethod
    def of_links(cls, before: Int64Array, is_matched: BoolArray) -> Chains:
        """Follow every link back to a cell that both tables have.

        Parameters
        ----------
        before : ndarray of int64, shape (cells,)
        is_matched : ndarray of bool, shape (cells,)
            Whether the other table has the cell.
        """
        n_after = np.bincount(before[before >= 0], minlength=len(before))
        cells = np.flatnonzero(is_matched & (before >= 0))
        at, stem = before[cells], cells.copy()
        divides = n_after[at] > 1
        climbing = np.flatnonzero(~is_matched[at])
        while len(climbing):
            stem[climbing] = at[climbing]
            at[climbing] = before[at[climbing]]
            climbing = climbing[at[climbing] >= 0]
            divides[climbing] |= n_after[at[climbing]] > 1
            climbing = climbing[~is_matched[at[climbing]]]
        origin, stems = (np.full(len(before), -1, dtype=np.int64) for _ in range(2))
        origin[cells], stems[cells] = at, np.where(at >= 0, stem, -1)
        on_way = np.zeros(len(before), dtype=bool)
        on_way[cells] = divides & (at >= 0)
        n_links = int(np.count_nonzero(before >= 0))
        used = _used(before, is_matched, cells[at >= 0])
        return cls(before, origin, stems, on_way, n_links, n_links - used)


def _used(before: Int64Array, is_matched: BoolArray, cells: Int64Array) -> int:
    """Count the links on the ways back from some cells to the next that both tables have."""
    used = np.zeros(len(before), dtype=bool)
    while len(cells):
        used[cells] = True
        cells = before[cells]
        cells = cells[~is_matched[cells] & ~used[cells]]
    return int(np.count_nonzero(used))


@dataclass(frozen=True, eq=False)
class LinksCompared:
    """Both tables' links between cells that both have, by the cell that they lead to.

    Attributes
    ----------
    partner : ndarray of int64, shape (cells,)
        The other's cell that is each cell, or -1.
    mine, others : Chains
        Of cells, and of the other's cells.
    origin : ndarray of int64, shape (cells,)
        The cell that each follows in the other table, named by this one's; -1 for none.
    """

    partner: Int64Array
    mine: Chains
    others: Chains
    origin: Int64Array

    @classmethod
    def of_tables(
        cls, before: Int64Array, other_before: Int64Array, partner: Int64Array
    ) -> LinksCompared:
        """Compare links.

        Parameters
        ----------
        before, other_before : ndarray of int64, shape (cells,), (other cells,)
            The cell that each follows in its table, or -1.
        partner : ndarray of int64, shape (cells,)
            As `match_cells` gives it.
        """
        matched = np.flatnonzero(partner >= 0)
        mine_of = np.full(len(other_before), -1, dtype=np.int64)
        mine_of[partner[matched]] = matched
        mine = Chains.of_links(before, partner >= 0)
        others = Chains.of_links(other_before, mine_of >= 0)
        origin = np.full(len(before), -1, dtype=np.int64)
        there = others.origin[partner[matched]]
        origin[matched] = np.where(there >= 0, mine_of[there], -1)
        return cls(partner, mine, others, origin)

    @property
    def agrees(self) -> BoolArray:
        """Cells that follow the same one in both tables."""
        agrees: BoolArray = (self.mine.origin >= 0) & (self.mine.origin == self.origin)
        return agrees

    @property
    def is_wrong(self) -> BoolArray:
        """Cells with a link that the other table does not have."""
        return (self.mine.origin >= 0) & ~self.agrees

    @property
    def is_missed(self) -> BoolArray:
        """Cells with a link in the other table that this one does not have."""
        return (self.origin >= 0) & ~self.agrees

    @cached_property
    def other_divides(self) -> BoolArray:
        """Cells that the other table reaches over a division."""
        matched = self.partner >= 0
        divides = np.zeros(len(self.partner), dtype=bool)
        divides[matched] = self.others.divides[self.partner[matched]]
        return divides

    @cached_property
    def event(self) -> Int64Array:
        """Number from 0 what hangs together among the cells that differ; -1 for those that agree.

        Links out of one cell that both tables have, if the other has one that is missed here.
        """
        n = len(self.partner)
        wrong, missed = np.flatnonzero(self.is_wrong), np.flatnonzero(self.is_missed)
        goes_on_otherwise = np.zeros(n, dtype=bool)
        goes_on_otherwise[self.origin[missed]] = True
        wrong = wrong[goes_on_otherwise[self.mine.origin[wrong]]]
        one = np.concatenate([missed, wrong])
        another = n + np.concatenate([self.origin[missed], self.mine.origin[wrong]])
        joined = coo_array((np.ones(len(one), dtype=np.int8), (one, another)), shape=(2 * n, 2 * n))
        group = connected_components(joined, directed=False)[1][:n]
        event = np.full(n, -1, dtype=np.int64)
        differs = self.is_wrong | self.is_missed
        event[differs] = np.unique(group[differs], return_inverse=True)[1]
        return event

    def divisions(self) -> tuple[int, int, int]:
        """Count divisions: of this table, of the other, and those with the same daughters."""
        n = len(self.partner)

        def daughters(origin: Int64Array) -> Int64Array:
            return np.bincount(origin[origin >= 0], minlength=n)

        here, there = daughters(self.mine.origin), daughters(self.origin)
        both = daughters(np.where(self.agrees, self.origin, -1))
        same = (both > 1) & (both == here) & (both == there)
        return tuple(int(np.count_nonzero(of)) for of in (here > 1, there > 1, same))  # type: ignore[return-value]

    def lineages(self) -> Int64Array:
        """Number of the lineage of each cell, where what either table links is one."""
        n, n_other = len(self.partner), len(self.others.before)
        matched = np.flatnonzero(self.partner >= 0)
        links = [
            (np.flatnonzero(self.mine.before >= 0), self.mine.before[self.mine.before >= 0]),
            (
                n + np.flatnonzero(self.others.before >= 0),
                n + self.others.before[self.others.before >= 0],
            ),
            (matched, n + self.partner[matched]),
        ]
        one, another = (np.concatenate(ends) for ends in zip(*links, strict=True))
        size = n + n_other
        joined = coo_array((np.ones(len(one), dtype=np.int8), (one, another)), shape=(size, size))
        lineage: Int64Array = connected_components(joined, directed=False)[1][:n].astype(np.int64)
        return lineage
