"""Lineages, generations and relations of tracks, against walking from child to parent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets.engine.pairs.forest import RELATION_LABELS, Forest, Relation
from reference import Movie, has_cycle, movies

# 0 divides into 1, 2 and 3; 1 goes on as its only child 4, which divides into 5 and 6;
# 2 divides into 7 and 8, and 7 into 9 and 10; 9 divides into 11 and 12; 13 is another cell.
FAMILY = np.array([-1, 0, 0, 0, 1, 4, 4, 2, 2, 7, 7, 9, 9, -1])


def movie_of(parents: list[int]) -> Movie:
    parent = {track: None if one < 0 else one for track, one in enumerate(parents)}
    return Movie(parent, dict.fromkeys(parent, (0,)))


def kin(forest: Forest, anchor: int, positive: int) -> tuple[str, int, int]:
    relation, up, down = forest.relations(np.array([anchor]), np.array([positive]))
    return RELATION_LABELS[relation[0]], int(up[0]), int(down[0])


class TestAgainstWalking:
    @given(movies(max_tracks=12))
    def test_roots_generations_and_numbers(self, movie):
        parent, _, _ = movie.arrays()
        forest, tracks = Forest.build(parent), sorted(movie.parent)
        assert [tracks[root] for root in forest.root] == [movie.root(one) for one in tracks]
        assert forest.generation.tolist() == [movie.generation(one) for one in tracks]
        assert forest.depth.tolist() == [len(movie.line(one)) - 1 for one in tracks]
        assert forest.n_children.tolist() == [len(movie.children(one)) for one in tracks]
        assert forest.is_division.tolist() == [len(movie.children(one)) > 1 for one in tracks]
        roots = [one for one in tracks if movie.parent[one] is None]
        assert forest.n_lineages == len(roots)
        assert forest.lineage.tolist() == [roots.index(movie.root(one)) for one in tracks]

    @given(movies(max_tracks=12))
    def test_every_subtree_is_one_range_of_the_preorder(self, movie):
        parent, _, _ = movie.arrays()
        forest, tracks = Forest.build(parent), sorted(movie.parent)
        assert sorted(forest.enter.tolist()) == list(range(len(tracks)))
        for number, track in enumerate(tracks):
            below = {k for k, one in enumerate(tracks) if track in movie.line(one)}
            entered = np.flatnonzero(
                (forest.enter >= forest.enter[number]) & (forest.enter < forest.leave[number])
            )
            assert set(entered.tolist()) == below

    @given(movies(max_tracks=12))
    def test_relation_and_generations_of_every_pair(self, movie):
        parent, _, _ = movie.arrays()
        forest, tracks = Forest.build(parent), sorted(movie.parent)
        pairs = [
            (a, b)
            for a, one in enumerate(tracks)
            for b, other in enumerate(tracks)
            if movie.root(one) == movie.root(other)
        ]
        anchor, positive = np.array(pairs).T
        relation, up, down = forest.relations(anchor, positive)
        ancestor = forest.common_ancestor(anchor, positive)
        for k, (a, b) in enumerate(pairs):
            expected = movie.relation(tracks[a], tracks[b])
            assert (RELATION_LABELS[relation[k]], up[k], down[k]) == expected
            assert tracks[ancestor[k]] == movie.common_ancestor(tracks[a], tracks[b])

    @given(st.lists(st.integers(-1, 9), min_size=10, max_size=10))
    def test_a_cycle_is_refused_and_nothing_else(self, parents):
        if has_cycle(parents):
            with pytest.raises(ValueError, match="cycle"):
                Forest.build(np.array(parents))
        else:
            movie = movie_of(parents)
            assert Forest.build(np.array(parents)).root.tolist() == [
                movie.root(track) for track in movie.parent
            ]


class TestKin:
    @pytest.mark.parametrize(
        ("anchor", "positive", "expected"),
        [
            (0, 0, ("same track", 0, 0)),
            (0, 3, ("daughter", 0, 1)),
            (1, 4, ("continuation", 0, 0)),
            (0, 4, ("daughter", 0, 1)),
            (1, 5, ("daughter", 0, 1)),
            (0, 5, ("granddaughter", 0, 2)),
            (0, 9, ("descendant", 0, 3)),
            (0, 12, ("descendant", 0, 4)),
            (1, 3, ("sister", 1, 1)),
            (4, 3, ("sister", 1, 1)),
            (3, 5, ("niece", 1, 2)),
            (5, 3, ("aunt", 2, 1)),
            (5, 8, ("cousin", 2, 2)),
            (3, 9, ("collateral", 1, 3)),
            (12, 3, ("collateral", 4, 1)),
            (4, 1, ("ancestor", 0, 0)),
            (9, 0, ("ancestor", 3, 0)),
        ],
    )
    def test_names(self, anchor, positive, expected):
        assert kin(Forest.build(FAMILY), anchor, positive) == expected

    def test_generation_counts_divisions_not_links(self):
        forest = Forest.build(FAMILY)
        assert forest.generation.tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 0]
        assert forest.depth[5] == 3

    def test_what_crosses_a_division_and_what_is_collateral(self):
        crossing = {"daughter", "granddaughter", "descendant"}
        assert {one.label for one in Relation if one.crosses_division} == crossing
        collateral = {"sister", "niece", "aunt", "cousin", "collateral"}
        assert {one.label for one in Relation if one.is_collateral} == collateral


class TestShapes:
    def test_a_long_chain_of_only_children_is_one_cell(self):
        n = 3000
        numbers = np.random.default_rng(0).permutation(n)
        parent = np.full(n, -1)
        parent[numbers[1:]] = numbers[:-1]
        forest = Forest.build(parent)
        assert not forest.generation.any()
        assert forest.depth[numbers].tolist() == list(range(n))
        assert kin(forest, int(numbers[3]), int(numbers[-1])) == ("continuation", 0, 0)
        assert forest.common_ancestor(numbers[-1:], numbers[1234:1235]) == numbers[1234]

    def test_a_chain_of_divisions(self):
        # Track k divides into k + 1 and a daughter that is lost.
        n = 600
        parent = np.concatenate([[-1], np.arange(n - 1), np.arange(n - 1)])
        forest = Forest.build(parent)
        assert forest.generation[:n].tolist() == list(range(n))
        assert kin(forest, 0, n - 1) == ("descendant", 0, n - 1)
        lost = n + 100  # daughter of track 100
        assert kin(forest, lost, n - 1) == ("collateral", 1, n - 101)

    def test_no_tracks(self):
        forest = Forest.build(np.empty(0, dtype=np.int64))
        assert forest.n_lineages == 0
        assert len(forest.enter) == len(forest.root) == 0

    @pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8])
    def test_cycles_of_any_length_beside_sound_tracks(self, length):
        cycle = [(k + 1) % length + 1 for k in range(length)]
        with pytest.raises(ValueError, match="cycle"):
            Forest.build(np.array([-1, *cycle, 0, 1]))
