"""Negatives are of other lineages, each equally likely, and exclusions change no other draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets.engine.pairs.negatives import ExperimentPool, FovPool
from lineage_triplets.engine.pairs.randomness import epoch_salt, observation_keys, streams
from reference import count, fits, uniform_over

N_FRAMES = 12


def streams_of(n: int, seed: int = 0) -> np.ndarray:
    return streams(np.arange(n, dtype=np.uint64), epoch_salt(seed, 0))


@dataclass
class Experiments:
    """Lineages by experiment, each a list of whether its observations are included."""

    lineages: list[list[list[bool]]]

    def __post_init__(self) -> None:
        flat = [lineage for one in self.lineages for lineage in one]
        self.included = np.array([inc for lineage in flat for inc in lineage], dtype=bool)
        self.lineage_of_place = np.repeat(np.arange(len(flat)), [len(one) for one in flat])
        self.experiment_of = np.repeat(
            np.arange(len(self.lineages)), [len(one) for one in self.lineages]
        )
        # A row is its place in the pool, so that draws compare between different exclusions.
        first = np.cumsum([0, *(len(one) for one in self.lineages)])
        self.pool = ExperimentPool.build(
            np.where(self.included, np.arange(len(self.included)), -1),
            np.cumsum([0, *(len(one) for one in flat)]),
            first,
        )

    def others(self, lineage: int) -> set[int]:
        experiment = self.experiment_of[lineage]
        return {
            place
            for place, one in enumerate(self.lineage_of_place)
            if one != lineage and self.experiment_of[one] == experiment and self.included[place]
        }

    def draw(self, lineage: np.ndarray, seed: int = 0) -> np.ndarray:
        stream = streams_of(len(lineage), seed)
        return self.pool.draw(lineage, self.experiment_of[lineage], stream)

    def without(self, lineage: int) -> Experiments:
        number = iter(range(len(self.experiment_of)))
        return Experiments(
            [
                [[False] * len(one) if next(number) == lineage else one for one in lineages]
                for lineages in self.lineages
            ]
        )


lineage_lists = st.lists(st.lists(st.booleans(), max_size=6), max_size=5)
experiment_lists = st.lists(lineage_lists, min_size=1, max_size=3)


class TestExperimentPool:
    @given(experiment_lists)
    def test_another_lineage_of_the_same_experiment_or_nobody(self, lineages):
        experiments = Experiments(lineages)
        lineage = np.repeat(np.arange(len(experiments.experiment_of)), 10)
        for one, place in zip(lineage, experiments.draw(lineage), strict=True):
            others = experiments.others(one)
            assert place in others if others else place == -1

    @given(experiment_lists, st.integers(0, 100))
    def test_excluding_a_lineage_changes_its_own_negatives_alone(self, lineages, choice):
        before = Experiments(lineages)
        n = len(before.experiment_of)
        excluded = choice % max(n, 1)
        lineage = np.repeat(np.arange(n), 10)
        drawn, again = before.draw(lineage), before.without(excluded).draw(lineage)
        was_of_it = np.append(before.lineage_of_place, -1)[drawn] == excluded
        assert np.array_equal(drawn[~was_of_it], again[~was_of_it])

    def test_uniform_over_observations_not_over_lineages(self):
        experiments = Experiments([[[True] * 3], [[True] * 1, [True] * 7, [True] * 4, [True] * 2]])
        drawn = experiments.draw(np.full(20_000, 2))
        assert fits(count(drawn.tolist()), uniform_over([3, 11, 12, 13, 14, 15, 16]))

    @pytest.mark.parametrize("n_excluded", [5, 500, 20_000])
    def test_uniform_over_what_is_not_excluded_however_little_it_is(self, n_excluded):
        own, other = [True, False, True], [False] * n_excluded
        experiments = Experiments([[[*other, True], own, [True, *other, True], [True]]])
        drawn = experiments.draw(np.full(4000, 1))
        assert fits(count(drawn.tolist()), uniform_over(experiments.others(1)))

    def test_excluding_one_more_lineage_where_most_are_excluded_already(self):
        few = [[True] * 2 for _ in range(10)]
        experiments = Experiments([[[False] * 3000, *few]])
        lineage = np.repeat(np.arange(1, 11), 400)
        drawn, again = experiments.draw(lineage), experiments.without(4).draw(lineage)
        was_of_it = experiments.lineage_of_place[drawn] == 4
        assert 200 < was_of_it.sum() < 600
        assert np.array_equal(drawn[~was_of_it], again[~was_of_it])
        assert not np.isin(again, drawn[was_of_it]).any()

    def test_a_draw_depends_on_its_own_stream_alone(self):
        experiments = Experiments([[[True, False] * 9, [False] * 30, [True] * 4]])
        lineage = np.arange(300) % 3
        whole = experiments.draw(lineage)
        order = np.random.default_rng(0).permutation(300)[:200]
        part = experiments.pool.draw(lineage[order], np.zeros(200, int), streams_of(300)[order])
        assert np.array_equal(part, whole[order])


@dataclass
class Fovs:
    """Rows of (FOV, frame, lineage); lineages are numbered through all FOVs."""

    rows: list[tuple[int, int, int]]

    def __post_init__(self) -> None:
        self.fov, self.t, self.lineage = (np.array(one) for one in zip(*self.rows, strict=True))
        # Several cells of a lineage in a frame are told apart by their track.
        track = np.arange(len(self.rows))
        self.pool = self.pool_of(observation_keys(self.fov.astype(np.uint64), track, self.t))

    def pool_of(self, key: np.ndarray, keep: np.ndarray | slice = slice(None)) -> FovPool:
        n_frames = np.full(int(self.fov.max()) + 1, N_FRAMES)
        self.key = key
        rows = self.fov[keep], self.t[keep], self.lineage[keep], key[keep]
        return FovPool.build(np.arange(len(rows[0])), *rows, n_frames)

    def nearest(self, row: int) -> set[int]:
        fov, t, lineage = self.rows[row]
        distance = {
            k: abs(other[1] - t)
            for k, other in enumerate(self.rows)
            if other[0] == fov and other[2] != lineage
        }
        return {k for k, one in distance.items() if one == min(distance.values())}

    def draw(self, rows: np.ndarray, seed: int = 0) -> np.ndarray:
        anchors = self.lineage[rows], self.fov[rows], self.t[rows]
        return self.pool.draw(*anchors, streams_of(len(rows), seed))


fov_rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, N_FRAMES - 1), st.integers(0, 3)).map(
        lambda row: (row[0], row[1], 4 * row[0] + row[2])
    ),
    min_size=1,
    max_size=30,
)


class TestFovPool:
    @given(fov_rows)
    def test_nearest_frame_with_another_lineage_of_the_fov_or_nobody(self, rows):
        fovs = Fovs(rows)
        anchors = np.repeat(np.arange(len(rows)), 5)
        for anchor, row in zip(anchors, fovs.draw(anchors), strict=True):
            nearest = fovs.nearest(anchor)
            assert row in nearest if nearest else row == -1

    def test_uniform_over_both_nearest_frames(self):
        # Lineage 0 is alone at t = 5; two cells at t = 3, one of another lineage at t = 7.
        rows = [(0, 5, 0), (0, 3, 1), (0, 3, 1), (0, 7, 2), (0, 8, 1), (0, 3, 0), (1, 5, 4)]
        drawn = Fovs(rows).draw(np.zeros(20_000, int))
        assert fits(count(drawn.tolist()), uniform_over([1, 2, 3]))

    def test_anchors_of_one_frame_draw_independently(self):
        rows = [(0, 5, 0), (0, 5, 0), *((0, 5, k) for k in (1, 2, 3))]
        fovs = Fovs(rows)
        drawn = fovs.draw(np.tile([0, 1], 10_000)).reshape(-1, 2)
        pairs = [(a, b) for a in (2, 3, 4) for b in (2, 3, 4)]
        assert fits(count(map(tuple, drawn.tolist())), uniform_over(pairs))

    @given(fov_rows, st.integers(0, 3))
    def test_excluding_a_lineage_changes_its_own_negatives_alone(self, rows, excluded):
        fovs = Fovs(rows)
        anchors = np.repeat(np.flatnonzero(fovs.lineage != excluded), 5)
        drawn = fovs.draw(anchors)
        kept = np.flatnonzero(fovs.lineage != excluded)
        fovs.pool = fovs.pool_of(fovs.key, kept)
        again = fovs.draw(anchors)
        for before, after in zip(drawn, again, strict=True):
            if before < 0:
                assert after == -1
            elif fovs.lineage[before] != excluded:
                assert kept[after] == before
