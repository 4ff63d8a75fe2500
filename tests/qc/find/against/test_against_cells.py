"""Cells of two tables that are one, what they follow, and how sure a share is: on arrays alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.qc.find.against.agreement import share_limits
from lineage_triplets.qc.find.against.chains import LinksCompared
from lineage_triplets.qc.find.against.match import match_cells, usual_limit_px


def scattered(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells of three frames anywhere in a small field."""
    return rng.integers(0, 3, n), rng.uniform(0, 12, (2, n))


def apart(frame, place, other_frame, other_place) -> np.ndarray:
    way = np.sqrt(((place[:, :, None] - other_place[:, None]) ** 2).sum(axis=0))
    return np.where(frame[:, None] == other_frame[None], way, np.inf)


def cost(distance: np.ndarray, partner: np.ndarray, limit: float) -> float:
    """Distances of all pairs, and half the limit for each cell without partner."""
    matched = np.flatnonzero(partner >= 0)
    left = sum(distance.shape) - 2 * len(matched)
    return float(distance[matched, partner[matched]].sum()) + left * limit / 2


def least_cost(distance: np.ndarray, limit: float) -> float:
    """Of all ways to pair cells, one after the other."""
    if not len(distance):
        return distance.shape[1] * limit / 2
    found = limit / 2 + least_cost(distance[1:], limit)
    for other in np.flatnonzero(distance[0] < limit):
        left = np.delete(distance[1:], other, axis=1)
        found = min(found, float(distance[0, other]) + least_cost(left, limit))
    return found


@given(seed=st.integers(0, 10_000), n=st.integers(0, 6), m=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_cells_are_paired_once_within_the_limit_and_as_near_as_can_be(seed, n, m):
    rng = np.random.default_rng(seed)
    mine, other = scattered(rng, n), scattered(rng, m)
    partner = match_cells(*mine, *other, 6.0)
    chosen = partner[partner >= 0]
    assert len(set(chosen.tolist())) == len(chosen)
    distance = apart(*mine, *other)
    assert (distance[partner >= 0, chosen] < 6.0).all()
    assert cost(distance, partner, 6.0) == pytest.approx(least_cost(distance, 6.0))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_cells_find_themselves_in_another_order(seed):
    rng = np.random.default_rng(seed)
    frame, place = scattered(rng, 40)
    order = rng.permutation(40)
    partner = match_cells(frame, place, frame[order], place[:, order], 5.0)
    np.testing.assert_array_equal(order[partner], np.arange(40))


def test_the_usual_limit_is_half_the_way_to_the_neighbour_and_a_quarter_of_the_patch_at_most():
    x = np.arange(10) * 8.0
    near = np.zeros(10, dtype=int), np.stack([np.zeros(10), x])
    assert usual_limit_px(*near, 64) == pytest.approx(4.0)
    assert usual_limit_px(*near, 12) == pytest.approx(3.0)
    alone = np.arange(10), np.stack([np.zeros(10), x])
    assert usual_limit_px(*alone, 64) == pytest.approx(16.0)


def linked(rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
    """Let each cell follow one of an earlier frame, or none."""
    before = [
        int(rng.choice(np.flatnonzero(t < t[cell])))
        if t[cell] > t[0] and rng.random() < 0.8
        else -1
        for cell in range(len(t))
    ]
    return np.array(before, dtype=np.int64)


def walked_back(before: np.ndarray, known: np.ndarray, cell: int) -> int:
    at = int(before[cell])
    while at >= 0 and not known[at]:
        at = int(before[at])
    return at


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_links_are_compared_over_cells_that_one_table_lacks(seed):
    rng = np.random.default_rng(seed)
    n, m = 14, 12
    t, other_t = np.sort(rng.integers(0, 6, n)), np.sort(rng.integers(0, 6, m))
    before, other_before = linked(rng, t), linked(rng, other_t)
    partner = np.full(n, -1)
    both = rng.permutation(min(n, m))[: rng.integers(0, min(n, m))]
    partner[both] = both
    found = LinksCompared.of_tables(before, other_before, partner)
    known, other_known = partner >= 0, np.isin(np.arange(m), both)
    for cell in range(n):
        mine = walked_back(before, known, cell) if known[cell] else -1
        theirs = walked_back(other_before, other_known, partner[cell]) if known[cell] else -1
        assert found.agrees[cell] == (mine == theirs >= 0)
        assert found.is_wrong[cell] == (mine >= 0 and mine != theirs)
        assert found.is_missed[cell] == (theirs >= 0 and mine != theirs)
        assert (found.event[cell] >= 0) == (mine != theirs)


def test_a_gap_agrees_with_the_cells_that_fill_it_and_a_lone_end_is_not_compared():
    # Here 0 -> 1 -> 2 and 0 -> 3; in the other 0 -> 2, and 4 that this table lacks follows 2.
    found = LinksCompared.of_tables(
        np.array([-1, 0, 1, 0]), np.array([-1, 0, 1]), np.array([0, -1, 1, -1])
    )
    assert found.agrees.tolist() == [False, False, True, False]
    assert (found.mine.n_links, found.mine.n_unused) == (3, 1)
    assert (found.others.n_links, found.others.n_unused) == (2, 1)


def test_an_exchange_is_one_event_and_two_wrong_links_elsewhere_are_two():
    before = np.array([-1, -1, 0, 1, 2, 3])
    exchanged = np.array([-1, -1, 1, 0, 2, 3])
    everyone = np.arange(6)
    found = LinksCompared.of_tables(before, exchanged, everyone)
    assert found.event.tolist() == [-1, -1, 0, 0, -1, -1]
    ended = np.array([-1, -1, -1, -1, 2, 3])
    assert LinksCompared.of_tables(before, ended, everyone).event.tolist()[2:4] == [0, 1]


@given(
    counts=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=12),
    events=st.lists(st.integers(1, 6), max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_limits_hold_the_share_and_lie_within_0_and_1(counts, events):
    agreed = np.array([min(pair) for pair in counts])
    compared = np.array([max(pair) for pair in counts])
    low, high = share_limits(agreed, compared, np.array(events, dtype=int))
    assert 0 <= low <= high <= 1
    if compared.sum():
        assert low <= agreed.sum() / compared.sum() <= high


def test_limits_are_wider_where_mistakes_come_in_lineages():
    compared = np.full(20, 50)
    spread, heaped = np.full(20, 47), np.r_[np.full(17, 50), np.full(3, 30)]
    single = np.ones(60, dtype=int)
    even, lumped = (share_limits(agreed, compared, single) for agreed in (spread, heaped))
    assert spread.sum() == heaped.sum()
    assert lumped[0] < even[0] - 0.02
    assert share_limits(compared, compared, np.zeros(0, dtype=int))[0] < 1
    assert share_limits(compared[:1], compared[:1], single) == (0.0, 1.0)


def test_limits_hold_the_true_share_of_movies_whose_lineages_differ():
    rng = np.random.default_rng(5)
    held = []
    for _ in range(300):
        compared = rng.integers(20, 80, 30)
        wrong = rng.binomial(compared, rng.beta(0.5, 9.5, 30))
        low, high = share_limits(compared - wrong, compared, np.ones(wrong.sum(), dtype=int))
        held.append(low <= 0.95 <= high)
    # Of limits that took all links for independent, 0.6 would.
    assert np.mean(held) > 0.9
