"""The law of tau: exactly as it is promised, both ends included, never below one frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets import sample_tau
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.settings.tau import TauFrames, TauLaw, tau_distribution, tau_frames
from reference import count, fits, tau_law

ranges = st.tuples(st.integers(0, 6), st.integers(0, 12)).map(
    lambda r: TauFrames(r[0], r[0] + r[1])
)
decays = st.floats(-5, 20)


def drawn(law: TauLaw, experiment: int, numbers: np.ndarray) -> np.ndarray:
    return law.draw(np.full(len(numbers), experiment), numbers)


class TestDistribution:
    @given(ranges, decays)
    def test_is_the_law(self, tau_range, decay_rate):
        taus, probabilities = tau_distribution(*tau_range, decay_rate)
        expected = tau_law(*tau_range, decay_rate)
        assert taus.tolist() == list(expected)
        assert probabilities == pytest.approx(list(expected.values()))

    def test_default_decay_falls_to_exp_minus_two(self):
        _, probabilities = tau_distribution(3, 11)
        assert probabilities[-1] / probabilities[0] == pytest.approx(np.exp(-2))

    def test_no_decay_is_uniform(self):
        assert tau_distribution(1, 4, 0.0)[1].tolist() == [0.25] * 4

    @pytest.mark.parametrize("decay_rate", [5000.0, 1e308, -5000.0, -1e308])
    def test_steepest_laws_are_laws(self, decay_rate):
        _, probabilities = tau_distribution(1, 10, decay_rate)
        assert probabilities[0 if decay_rate > 0 else -1] == 1.0
        assert probabilities.sum() == 1.0

    def test_ends_the_wrong_way_round(self):
        with pytest.raises(ConfigError, match="tau_min 3 is larger than tau_max 2"):
            tau_distribution(3, 2)


class TestSampleTau:
    @pytest.mark.parametrize(("tau_min", "tau_max", "decay_rate"), [(1, 4, 2.0), (2, 9, 0.5)])
    def test_frequencies(self, tau_min, tau_max, decay_rate):
        rng = np.random.default_rng(0)
        taus = [sample_tau(tau_min, tau_max, rng, decay_rate) for _ in range(8000)]
        assert fits(count(taus), tau_law(tau_min, tau_max, decay_rate))

    def test_default_decay(self):
        rng = np.random.default_rng(1)
        assert fits(count(sample_tau(1, 3, rng) for _ in range(8000)), tau_law(1, 3, 2.0))

    def test_one_tau_is_that_tau_as_an_int(self):
        tau = sample_tau(5, 5, np.random.default_rng(0))
        assert (tau, type(tau)) == (5, int)

    def test_the_generator_decides(self):
        first, again = (
            [sample_tau(1, 50, rng) for _ in range(20)]
            for rng in (np.random.default_rng(7), np.random.default_rng(7))
        )
        assert first == again
        assert len(set(first)) > 5


class TestFrames:
    @pytest.mark.parametrize(
        ("hours", "interval_minutes", "frames"),
        [(0.5, 30, 1), (2, 15, 8), (0.5, 60, 0), (1.5, 60, 2), (2.5, 60, 2), (0, 10, 0)],
    )
    def test_rounds_half_to_even(self, hours, interval_minutes, frames):
        assert tau_frames(hours, interval_minutes) == frames

    @pytest.mark.parametrize(
        ("ends", "first", "last", "words"),
        [
            ((0, 0), 1, 0, "none"),
            ((0, 1), 1, 1, "1"),
            ((0, 4), 1, 4, "1 to 4"),
            ((3, 3), 3, 3, "3"),
            ((2, 8), 2, 8, "2 to 8"),
        ],
    )
    def test_frame_0_is_never_drawn(self, ends, first, last, words):
        frames = TauFrames(*ends)
        assert (frames.first, frames.last, frames.words) == (first, last, words)
        assert frames.is_empty == (last < first)
        assert frames.is_single == (last == first)


class TestTauLaw:
    @given(st.lists(ranges, min_size=1, max_size=5), decays)
    def test_draws_from_one_to_the_end_with_the_law_normalized_there(self, given_ranges, decay):
        law = TauLaw.build(given_ranges, decay)
        n = 2000
        grid = (np.arange(n) + 0.5) / n
        for experiment, (low, high) in enumerate(given_ranges):
            if high < 1:
                assert law.last[experiment] < law.first[experiment]
                continue
            expected = tau_law(max(1, low), high, decay)
            counts = count(drawn(law, experiment, grid).tolist())
            assert set(counts) <= set(expected)
            for tau, probability in expected.items():
                # A grid of n numbers hits an interval of length p between n p - 1 and n p + 1.
                assert abs(counts.get(tau, 0) - n * probability) <= 1 + 1e-6

    def test_smallest_and_largest_number_give_the_ends(self):
        law = TauLaw.build([TauFrames(0, 3), TauFrames(2, 7), TauFrames(5, 5)], 2.0)
        lowest, highest = np.array([0.0]), np.array([1 - 2.0**-53])
        assert [int(drawn(law, k, lowest)[0]) for k in range(3)] == [1, 2, 5]
        assert [int(drawn(law, k, highest)[0]) for k in range(3)] == [3, 7, 5]

    def test_a_batch_of_mixed_experiments(self):
        law = TauLaw.build([TauFrames(k, k) for k in (1, 0, 4, 9)], 2.0)
        experiment = np.array([3, 0, 2, 0, 3])
        assert law.draw(experiment, np.linspace(0, 0.99, 5)).tolist() == [9, 1, 4, 1, 9]
