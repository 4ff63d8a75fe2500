"""Doubts of links and the pairs that rest on them, on arrays alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.qc.find.doubt.alternatives import Doubts, Kind
from lineage_triplets.qc.find.doubt.cells import Cells
from lineage_triplets.qc.find.doubt.harm import pairs_on_links

TAUS, LAW = np.array([1, 2, 4]), np.array([0.5, 0.3, 0.2])


def family(rng: np.random.Generator, n: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parents, and track and frame of every row, of tracks with gaps; children begin at ends."""
    parents, spans = [-1], [(0, int(rng.integers(2, 6)))]
    for _ in range(n):
        parent = int(rng.integers(-1, len(parents)))
        start = spans[parent][1] if parent >= 0 else int(rng.integers(0, 5))
        parents.append(parent)
        spans.append((start, start + int(rng.integers(2, 6))))
    track = np.concatenate([np.full(b - a, k) for k, (a, b) in enumerate(spans)])
    t = np.concatenate([np.arange(a, b) for a, b in spans])
    kept = (rng.random(len(t)) < 0.9) | np.r_[True, track[1:] != track[:-1]]
    return np.array(parents), track[kept], t[kept]


def of_rows(place: np.ndarray, parents: np.ndarray, track: np.ndarray, t: np.ndarray) -> Doubts:
    return Doubts.of_cells(Cells.of_arrays(place, np.zeros_like(t), t, track, parents))


def walk(rng: np.random.Generator, parents: np.ndarray, track: np.ndarray, t: np.ndarray):
    """Places: each track somewhere in a field, daughters about their mother, with random steps."""
    start = rng.uniform(0, 80, (2, len(parents)))
    for child, parent in enumerate(parents):
        if parent >= 0:
            start[:, child] = start[:, parent] + rng.normal(0, 5, 2)
    return start[:, track] + rng.normal(0, 2, (2, len(t)))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_doubts_lie_between_0_and_1(seed):
    rng = np.random.default_rng(seed)
    parents, track, t = family(rng, 14)
    found = of_rows(walk(rng, parents, track, t), parents, track, t)
    assert np.isfinite(found.doubt).all()
    assert (found.doubt >= 0).all()
    assert (found.doubt <= 1).all()


@given(seed=st.integers(0, 10_000), turns=st.integers(0, 3), mirrored=st.booleans())
@settings(max_examples=30, deadline=None)
def test_doubts_do_not_hang_on_where_the_field_lies(seed, turns, mirrored):
    rng = np.random.default_rng(seed)
    parents, track, t = family(rng, 14)
    place = walk(rng, parents, track, t)
    moved = place[::-1] if mirrored else place
    for _ in range(turns):
        moved = np.stack([moved[1], -moved[0]])
    moved = moved + rng.uniform(-500, 500, (2, 1))
    before, after = (of_rows(where, parents, track, t).doubt for where in (place, moved))
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_doubts_do_not_hang_on_the_numbers_of_tracks(seed):
    rng = np.random.default_rng(seed)
    parents, track, t = family(rng, 14)
    place = walk(rng, parents, track, t)
    new = rng.permutation(len(parents))
    renamed = np.empty_like(parents)
    renamed[new] = np.where(parents >= 0, new[parents], -1)
    order = np.lexsort((t, new[track]))
    cells = Cells.of_arrays(place, np.zeros_like(t), t, track, parents)
    doubts = np.full(len(t), np.nan)
    doubts[cells.target] = Doubts.of_cells(cells).doubt
    again = Cells.of_arrays(place[:, order], np.zeros_like(t), t[order], new[track[order]], renamed)
    doubts_again = np.full(len(t), np.nan)
    doubts_again[again.target] = Doubts.of_cells(again).doubt
    np.testing.assert_allclose(doubts_again, doubts[order], rtol=1e-6, atol=1e-9)


def counted_one_by_one(positives, up: np.ndarray, fallback: str) -> np.ndarray:
    """Pairs across the link into each row: every pair of every anchor, along its way."""
    pairs = np.zeros(len(up))
    for anchor in range(len(up)):
        found = {}
        for tau in TAUS:
            low, high = positives.candidates(np.array([anchor]), np.array([tau]))
            if high[0] > low[0]:
                found[tau] = positives.order[low[0] : high[0]]
        if not found:
            continue
        share = {tau: law for tau, law in zip(TAUS, LAW, strict=True) if tau in found}
        if fallback == "scan":
            share[min(found)] += 1 - sum(share.values())
        else:
            share = {tau: law / sum(share.values()) for tau, law in share.items()}
        for tau, rows in found.items():
            for row in rows:
                for crossed in chain(up, anchor) ^ chain(up, row):
                    pairs[crossed] += share[tau] / len(rows)
    return pairs


def chain(up: np.ndarray, row: int) -> set[int]:
    """Rows with a link into them, from a row up to its root."""
    links = set()
    while row >= 0:
        links.add(int(row))
        row = int(up[row])
    return links


@pytest.mark.parametrize("fallback", ["scan", "renormalize"])
@pytest.mark.parametrize("relation", ["lineage", "descendant", "same_track"])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_pairs_that_rest_on_a_link_are_those_whose_way_crosses_it(relation, fallback, seed):
    parents, track, t = family(np.random.default_rng(seed))
    forest = Forest.build(parents)
    positives = PositiveLookup.build(track, t, forest, relation)
    cells = Cells.of_arrays(np.zeros((2, len(t))), np.zeros_like(t), t, track, parents)
    up = np.full(len(t), -1)
    up[cells.target] = cells.source
    pairs = pairs_on_links(
        positives,
        forest,
        track,
        t,
        np.ones(len(t), dtype=bool),
        (TAUS, LAW),
        fallback,
        track[cells.target],
        t[cells.target],
    )
    expected = counted_one_by_one(positives, up, fallback)[cells.target]
    np.testing.assert_allclose(pairs, expected, atol=1e-9)


@given(seed=st.integers(0, 10_000), slice_px=st.floats(0.05, 20.0))
@settings(max_examples=20, deadline=None)
def test_doubts_do_not_hang_on_the_unit_of_depth(seed, slice_px):
    rng = np.random.default_rng(seed)
    parents, track, t = family(rng, 14)
    place = np.concatenate([walk(rng, parents, track, t), rng.normal(0, 3, (1, len(t)))])
    flatter = place * np.array([[1.0], [1.0], [slice_px]])
    before, after = (of_rows(where, parents, track, t).doubt for where in (place, flatter))
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_frames", [0, 1, 2])
def test_a_cell_alone_has_no_alternative_but_one(n_frames):
    t = np.arange(n_frames)
    found = of_rows(np.full((2, n_frames), 7.0), np.array([-1]), np.zeros_like(t), t)
    assert len(found.doubt) == max(n_frames - 1, 0)
    assert (found.kind == Kind.NEITHER).all()
    assert (found.doubt < 0.5).all()
