"""Positives by equal columns, each against a look at all observations."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.pairs.matches import MatchPool
from lineage_triplets.engine.pairs.randomness import epoch_salt, streams
from reference import count, fits, uniform_over

# A lineage: its group (-1: it matches nobody), and whether each of its observations is included.
lineages = st.lists(
    st.tuples(st.integers(-1, 2), st.lists(st.booleans(), max_size=4)), min_size=1, max_size=7
)


def pool_of(
    listed: list[tuple[int, list[bool]]], without: int = -1
) -> tuple[MatchPool, list[tuple[int, int, int]]]:
    """The pool, and (lineage, number in it, group) of each row that is included."""
    keep = [
        (number, place, group, included and number != without)
        for number, (group, cells) in enumerate(listed)
        for place, included in enumerate(cells)
    ]
    is_in = np.array([included for *_, included in keep], dtype=bool)
    row = np.where(is_in, np.cumsum(is_in) - 1, -1)
    rows = [entry for *entry, included in keep if included]
    start = np.concatenate([[0], np.cumsum([len(cells) for _, cells in listed])]).astype(np.int64)
    of_row = np.array([lineage for lineage, *_ in rows], dtype=np.int64)
    groups = np.array([group for group, _ in listed], dtype=np.int64)
    return MatchPool.build(row, start, groups, of_row), [tuple(entry) for entry in rows]


def candidates(rows: list[tuple[int, int, int]], anchor: int) -> set[int]:
    lineage, _, group = rows[anchor]
    same = {k for k, other in enumerate(rows) if other[2] == group >= 0 and k != anchor}
    return {k for k in same if rows[k][0] != lineage} or same


def drawn(pool: MatchPool, rows: list[tuple[int, int, int]]) -> list[list[int]]:
    """Eight draws of each row; a stream follows from the observation and not from its row."""
    keys = [100 * lineage + place for lineage, place, _ in rows]
    numbers = np.arange(len(rows))
    return [
        pool.draw(numbers, streams(np.array(keys, np.uint64), epoch_salt(0, epoch))).tolist()
        for epoch in range(8)
    ]


@given(lineages)
@settings(max_examples=60)
def test_drawn_and_counted_are_those_that_match(listed):
    pool, rows = pool_of(listed)
    expected = [candidates(rows, anchor) for anchor in range(len(rows))]
    assert pool.n_candidates(np.arange(len(rows))).tolist() == [len(found) for found in expected]
    for epoch in drawn(pool, rows):
        for found, positive in zip(expected, epoch, strict=True):
            assert positive in found if found else positive == -1


@given(lineages, st.integers(0, 6))
@settings(max_examples=60)
def test_without_a_lineage_only_its_own_positives_are_others(listed, number):
    without = number % len(listed)
    before, after = pool_of(listed), pool_of(listed, without)
    again = iter(zip(*drawn(*after), strict=True))
    for entry, epochs in zip(before[1], zip(*drawn(*before), strict=True), strict=True):
        if entry[0] == without:
            continue
        for was, now in zip(epochs, next(again), strict=True):
            if was < 0:
                assert now < 0
            elif before[1][was][0] != without:
                assert after[1][now] == before[1][was]


def test_all_are_equally_likely():
    # Of the group of lineage 1 the excluded one, its own, and those of other groups never come.
    listed = [(0, [True, False, True]), (0, [True, True]), (1, [True]), (0, [True, True, True])]
    pool, rows = pool_of(listed)
    anchor = next(number for number, row in enumerate(rows) if row[0] == 1)
    stream = streams(np.arange(20_000, dtype=np.uint64), epoch_salt(3, 0))
    found = pool.draw(np.full(20_000, anchor), stream)
    assert fits(count(found.tolist()), uniform_over(candidates(rows, anchor)))


def test_rows_of_another_side_are_never_drawn():
    pool, rows = pool_of([(0, [True] * 3), (0, [True] * 3), (0, [True] * 3)])
    side = np.array([lineage != 1 for lineage, *_ in rows])
    for epoch in drawn(pool.among(side), rows):
        assert side[epoch].all()
