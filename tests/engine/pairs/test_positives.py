"""Who may be a positive, and the draw, against scanning all cells for each anchor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.engine.pairs.randomness import epoch_salt, streams, uniform
from lineage_triplets.engine.settings.tau import TauFrames, TauLaw
from reference import RELATIONS, Movie, count, fits, movies, tau_law, uniform_over

tau_ranges = st.tuples(st.integers(0, 4), st.integers(0, 8)).map(lambda r: (r[0], r[0] + r[1]))
relations = st.sampled_from(RELATIONS)
fallbacks = st.sampled_from(["scan", "renormalize"])


@dataclass
class Drawing:
    """A movie and the lookup over its cells, all of one experiment."""

    movie: Movie
    relation: str

    def __post_init__(self) -> None:
        parent, self.track, self.t = self.movie.arrays()
        self.cells = self.movie.cells
        self.lookup = PositiveLookup.build(self.track, self.t, Forest.build(parent), self.relation)

    def rows(self, anchor: tuple[int, int], n: int) -> np.ndarray:
        return np.full(n, self.cells.index(anchor))

    def draw(
        self, rows: np.ndarray, tau_range: tuple[int, int], fallback: str, *, seed=0, decay=2.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positives, taus, and the taus that were drawn first; each place has its own stream."""
        law = TauLaw.build([TauFrames(*tau_range)], decay)
        stream = streams(np.arange(len(rows), dtype=np.uint64), epoch_salt(seed, 0))
        experiment = np.zeros(len(rows), dtype=np.int64)
        first = (
            law.draw(experiment, uniform(stream, 0)) if tau_range[1] > 0 else np.zeros_like(rows)
        )
        return *self.lookup.draw(rows, experiment, stream, law, fallback), first

    def existing(self, cell: tuple[int, int], tau_range: tuple[int, int]) -> list[int]:
        return [
            tau
            for tau in range(max(1, tau_range[0]), tau_range[1] + 1)
            if self.movie.positives(cell, tau, self.relation)
        ]


class TestAgainstScanning:
    @given(movies(), relations)
    def test_candidates_at_every_tau(self, movie, relation):
        drawing = Drawing(movie, relation)
        rows = np.arange(len(drawing.cells))
        for tau in range(1, 12):
            low, high = drawing.lookup.candidates(rows, np.full(len(rows), tau))
            for row, cell in enumerate(drawing.cells):
                found = drawing.lookup.order[low[row] : high[row]]
                assert len(found) == len(set(found.tolist()))
                expected = movie.positives(cell, tau, relation)
                assert {drawing.cells[one] for one in found} == expected

    @given(movies(), relations, tau_ranges)
    def test_who_has_a_positive(self, movie, relation, tau_range):
        drawing = Drawing(movie, relation)
        n = len(drawing.cells)
        first, last = np.full(n, max(1, tau_range[0])), np.full(n, tau_range[1])
        found = drawing.lookup.have_positive(first, last)
        assert found.tolist() == [bool(drawing.existing(cell, tau_range)) for cell in drawing.cells]

    @given(movies(), relations)
    def test_who_has_a_positive_where_rows_have_ranges_of_their_own(self, movie, relation):
        drawing = Drawing(movie, relation)
        n = len(drawing.cells)
        first, last = 1 + np.arange(n) % 4, np.arange(n) % 7
        expected = [
            bool(drawing.existing(cell, (int(first[k]), int(last[k]))))
            for k, cell in enumerate(drawing.cells)
        ]
        assert drawing.lookup.have_positive(first, last).tolist() == expected

    @given(movies(), relations, tau_ranges, fallbacks)
    def test_draws(self, movie, relation, tau_range, fallback):
        drawing = Drawing(movie, relation)
        rows = np.repeat(np.arange(len(drawing.cells)), 5)
        positive, tau, first = drawing.draw(rows, tau_range, fallback)
        for k, row in enumerate(rows):
            cell = drawing.cells[row]
            existing = drawing.existing(cell, tau_range)
            if not existing:
                assert (positive[k], tau[k]) == (-1, 0)
                continue
            if first[k] in existing:
                assert tau[k] == first[k]
            elif fallback == "scan":
                assert tau[k] == existing[0]
            else:
                assert tau[k] in existing
            assert drawing.cells[positive[k]] in movie.positives(cell, int(tau[k]), relation)

    @given(movies(), relations, fallbacks, st.randoms(use_true_random=False))
    def test_a_draw_depends_on_row_and_stream_alone(self, movie, relation, fallback, random):
        drawing = Drawing(movie, relation)
        n = len(drawing.cells)
        law, experiment = TauLaw.build([TauFrames(0, 5)], 2.0), np.zeros(n, dtype=np.int64)
        stream = streams(np.arange(n, dtype=np.uint64), epoch_salt(1, 2))
        whole = drawing.lookup.draw(np.arange(n), experiment, stream, law, fallback)
        # In any order, with repeats, in batches of any size.
        order = np.array([random.randrange(n) for _ in range(2 * n)])
        size = random.randint(1, 2 * n)
        for start in range(0, 2 * n, size):
            some = order[start : start + size]
            part = drawing.lookup.draw(some, experiment[some], stream[some], law, fallback)
            assert np.array_equal(part[0], whole[0][some])
            assert np.array_equal(part[1], whole[1][some])


# Frames 0 to 3; then daughters 2, 3 and 4. Daughter 2 starts at once, 3 and 4 after a gap.
THREE_DAUGHTERS = Movie(
    {1: None, 2: 1, 3: 1, 4: 1},
    {1: (0, 1, 2, 3), 2: (4, 5, 6, 7), 3: (6, 7), 4: (6, 7)},
)
# Nobody at tau 1, 2 and 5 after frame 0.
WITH_GAPS = Movie({1: None, 2: 1}, {1: (0, 3, 4), 2: (6, 7, 8)})


class TestFrequencies:
    n = 30_000

    def taus(self, fallback: str, tau_range=(0, 6), decay=2.0) -> dict[int, int]:
        drawing = Drawing(WITH_GAPS, "lineage")
        rows = drawing.rows((1, 0), self.n)
        return count(drawing.draw(rows, tau_range, fallback, decay=decay)[1].tolist())

    @pytest.mark.parametrize("fallback", ["scan", "renormalize"])
    def test_the_law_is_kept_where_somebody_is_at_every_tau(self, fallback):
        drawing = Drawing(Movie({1: None}, {1: tuple(range(12))}), "lineage")
        _, tau, _ = drawing.draw(drawing.rows((1, 2), self.n), (0, 7), fallback)
        assert fits(count(tau.tolist()), tau_law(1, 7, 2.0))

    def test_scan_gives_what_is_missing_to_the_smallest_tau_there_is(self):
        law = tau_law(1, 6, 2.0)
        missing = law[1] + law[2] + law[5]
        assert fits(self.taus("scan"), {3: law[3] + missing, 4: law[4], 6: law[6]})

    def test_renormalize_keeps_the_ratios_of_the_taus_there_are(self):
        law = tau_law(1, 6, 2.0)
        total = law[3] + law[4] + law[6]
        expected = {tau: law[tau] / total for tau in (3, 4, 6)}
        assert fits(self.taus("renormalize"), expected)

    @pytest.mark.parametrize(("decay", "expected"), [(3000.0, 30), (-3000.0, 35)])
    def test_renormalize_among_taus_too_unlikely_for_a_float(self, decay, expected):
        drawing = Drawing(Movie({1: None}, {1: (20, 50, 55)}), "lineage")
        rows = drawing.rows((1, 20), 50)
        _, tau, _ = drawing.draw(rows, (1, 80), "renormalize", decay=decay)
        assert set(tau.tolist()) == {expected}

    @pytest.mark.parametrize("fallback", ["scan", "renormalize"])
    def test_candidates_at_one_tau_are_equally_likely(self, fallback):
        drawing = Drawing(THREE_DAUGHTERS, "lineage")
        positive, tau, _ = drawing.draw(drawing.rows((1, 2), self.n), (1, 4), fallback)
        for at in (1, 2, 3, 4):
            there = THREE_DAUGHTERS.positives((1, 2), at)
            drawn = [drawing.cells[one] for one in positive[tau == at]]
            assert fits(count(drawn), uniform_over(there))

    def test_candidates_are_equally_likely_after_a_fallback(self):
        drawing = Drawing(THREE_DAUGHTERS, "lineage")
        # From a daughter at t = 5, only tau 1 has somebody: three cells.
        positive, tau, first = drawing.draw(drawing.rows((2, 6), self.n), (1, 9), "renormalize")
        assert set(tau.tolist()) == {1}
        drawn = [drawing.cells[one] for one in positive[first != 1]]
        assert fits(count(drawn), uniform_over([(2, 7), (3, 7), (4, 7)]))


class TestNarrowing:
    def test_descendants_are_never_sisters(self):
        drawing = Drawing(THREE_DAUGHTERS, "descendant")
        positive, _, _ = drawing.draw(drawing.rows((2, 5), 500), (1, 4), "scan")
        assert {drawing.cells[one] for one in positive} == {(2, 6), (2, 7)}

    def test_narrowing_comes_before_the_fallback(self):
        # At tau 1 to 3 there are sisters; the own track has tau 4 alone, and is found by it.
        movie = Movie({1: None, 2: 1, 3: 1}, {1: (0,), 2: (1, 5), 3: (1, 2, 3, 4, 5)})
        for relation in ("descendant", "same_track"):
            drawing = Drawing(movie, relation)
            for fallback in ("scan", "renormalize"):
                positive, tau, _ = drawing.draw(drawing.rows((2, 1), 200), (1, 4), fallback)
                assert set(tau.tolist()) == {4}
                assert {drawing.cells[one] for one in positive} == {(2, 5)}
        drawing = Drawing(movie, "lineage")
        _, tau, _ = drawing.draw(drawing.rows((2, 1), 200), (1, 4), "scan")
        assert set(tau.tolist()) == {1, 2, 3, 4}

    def test_same_track_ends_with_the_track_although_its_only_child_goes_on(self):
        movie = Movie({1: None, 2: 1}, {1: (0, 1), 2: (2, 3)})
        last_of_mother = movie.cells.index((1, 1))
        one, two = np.array([1] * 4), np.array([2] * 4)
        for relation, expected in (("same_track", False), ("descendant", True), ("lineage", True)):
            found = Drawing(movie, relation).lookup.have_positive(one, two)
            assert found[last_of_mother] == expected


class TestEdges:
    @pytest.mark.parametrize("fallback", ["scan", "renormalize"])
    @pytest.mark.parametrize("ranges", [[(0, 0), (1, 3)], [(1, 3), (0, 0)], [(0, 0), (0, 0)]])
    def test_rows_of_an_experiment_without_any_tau_get_nobody(self, ranges, fallback):
        drawing = Drawing(Movie({1: None}, {1: (0, 1, 2)}), "lineage")
        law = TauLaw.build([TauFrames(*ends) for ends in ranges], 2.0)
        experiment = np.array([0, 0, 1, 1])
        stream = streams(np.arange(4, dtype=np.uint64), epoch_salt(0, 0))
        positive, tau = drawing.lookup.draw(np.zeros(4, int), experiment, stream, law, fallback)
        for k, number in enumerate(experiment):
            if ranges[number] == (0, 0):
                assert (positive[k], tau[k]) == (-1, 0)
            else:
                assert positive[k] == tau[k] > 0

    def test_nobody_to_draw_for(self):
        drawing = Drawing(WITH_GAPS, "descendant")
        positive, tau, _ = drawing.draw(np.empty(0, int), (1, 3), "scan")
        assert len(positive) == len(tau) == 0

    def test_no_rows_at_all(self):
        nothing = np.empty(0, dtype=np.int64)
        lookup = PositiveLookup.build(nothing, nothing, Forest.build(np.array([-1])), "lineage")
        assert lookup.have_positive(nothing, nothing).tolist() == []

    def test_frames_far_apart(self):
        drawing = Drawing(Movie({1: None, 2: None}, {1: (0, 5000), 2: (5000,)}), "lineage")
        positive, tau, _ = drawing.draw(drawing.rows((1, 0), 3), (1, 10_000), "renormalize")
        assert tau.tolist() == [5000] * 3
        assert [drawing.cells[one] for one in positive] == [(1, 5000)] * 3
