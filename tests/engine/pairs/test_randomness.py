"""Random numbers as hashes of what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets.engine.pairs.randomness import (
    bits,
    epoch_salt,
    mix,
    mix_number,
    observation_keys,
    streams,
    text_key,
    uniform,
)
from reference import count, fits, uniform_over

GOLDEN = 0x9E3779B97F4A7C15
words = st.integers(0, 2**64 - 1)


def keys_of(n: int, fov_key: int = 12345) -> np.ndarray:
    """Keys as they are in practice: few tracks, consecutive frames."""
    row = np.arange(n)
    return observation_keys(np.full(n, fov_key, np.uint64), row // 50, row % 50)


class TestMix:
    def test_is_splitmix64(self):
        # The first numbers of SplitMix64 from 1234567, as other implementations give them.
        state = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * np.uint64(GOLDEN)
        assert mix(state).tolist() == [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
            4593380528125082431,
            16408922859458223821,
        ]

    @given(words)
    def test_one_number_as_in_arrays(self, value):
        assert mix_number(value) == int(mix(np.array([value], np.uint64))[0])

    @given(st.integers(-(2**70), 2**70))
    def test_any_whole_number_is_taken_modulo_two_to_64(self, value):
        assert mix_number(value) == mix_number(value % 2**64)


class TestKeys:
    def test_texts_are_told_apart_where_they_are_split(self):
        texts = [("a", "bc"), ("ab", "c"), ("abc",), ("", "abc"), ("a", "b", "c"), ("1:a", ""), ()]
        assert len({text_key(*one) for one in texts}) == len(texts)

    def test_text_keys_are_the_same_in_every_process_and_version(self):
        assert text_key("exp", "A/1/0") == 0xCFC5E968C8D9AC08

    def test_fov_track_and_frame_all_count(self):
        fov, track, t = (axis.ravel() for axis in np.mgrid[0:20, -1:60, 0:60])
        keys = observation_keys(fov.astype(np.uint64), track, t)
        assert len(np.unique(keys)) == len(keys)

    def test_do_not_depend_on_the_row(self):
        order = np.random.default_rng(0).permutation(500)
        fov, track, t = np.full(500, 9, np.uint64), np.arange(500) // 7, np.arange(500) % 7
        whole = observation_keys(fov, track, t)
        assert np.array_equal(observation_keys(fov, track[order], t[order]), whole[order])
        assert whole[3] == observation_keys(fov[:1], track[3:4], t[3:4])[0]


class TestSalts:
    def test_seed_and_epoch_do_not_stand_for_each_other(self):
        salts = {int(epoch_salt(seed, epoch)) for seed in range(60) for epoch in range(60)}
        assert len(salts) == 3600

    def test_large_seeds(self):
        assert epoch_salt(2**64 - 1, 0) != epoch_salt(2**63, 0) != epoch_salt(0, 0)


class TestStreams:
    @given(words, words, st.integers(0, 50))
    def test_bits_by_counter(self, key, salt, counter):
        stream = mix_number(key ^ salt)
        given_stream = streams(np.array([key], np.uint64), np.uint64(salt))
        assert int(given_stream[0]) == stream
        expected = mix_number(stream + (counter + 1) * GOLDEN)
        assert int(bits(given_stream, counter)[0]) == expected
        assert uniform(given_stream, counter)[0] == (expected >> 11) / 2**53

    def test_reading_changes_nothing(self):
        keys = keys_of(100)
        before = keys.copy()
        stream = streams(keys, np.uint64(5))
        first = uniform(stream, 3)
        assert np.array_equal(keys, before)
        assert np.array_equal(uniform(stream, 3), first)

    def test_numbers_are_from_zero_to_below_one(self):
        numbers = uniform(streams(keys_of(50_000), epoch_salt(0, 0)), 0)
        assert 0 <= numbers.min() < 1e-3
        assert 1 - 1e-3 < numbers.max() < 1

    @pytest.mark.parametrize("counter", [0, 1, 2, 16])
    def test_uniform_over_neighbouring_cells(self, counter):
        tenth = (uniform(streams(keys_of(20_000), epoch_salt(0, 0)), counter) * 10).astype(int)
        assert fits(count(tenth.tolist()), uniform_over(range(10)))

    def test_uniform_over_the_epochs_of_one_cell(self):
        key = keys_of(1)
        salts = [epoch_salt(1, epoch) for epoch in range(5000)]
        tenth = [int(uniform(streams(key, salt), 0)[0] * 10) for salt in salts]
        assert fits(count(tenth), uniform_over(range(10)))

    def test_unrelated_between_counters_epochs_seeds_frames_and_fovs(self):
        n, every = 20_000, range(4)
        base = streams(keys_of(n), epoch_salt(3, 4))
        others = {
            "counter": uniform(base, 1),
            "epoch": uniform(streams(keys_of(n), epoch_salt(3, 5)), 0),
            "seed": uniform(streams(keys_of(n), epoch_salt(4, 4)), 0),
            "seed and epoch swapped": uniform(streams(keys_of(n), epoch_salt(4, 3)), 0),
            "next frame": np.roll(uniform(base, 0), 1),
            "same cell of another FOV": uniform(streams(keys_of(n, 12346), epoch_salt(3, 4)), 0),
        }
        first = (uniform(base, 0) * 4).astype(int)
        for name, other in others.items():
            both = count(zip(first.tolist(), (other * 4).astype(int).tolist(), strict=True))
            assert fits(both, uniform_over([(a, b) for a in every for b in every])), name
