"""The ids that people see: one way to write them, and the same way to read them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets.engine.index.names import (
    TrackNames,
    global_id,
    parse_id,
    parse_word,
    track_word,
    whole_track,
    word_within,
)
from lineage_triplets.engine.index.rows import Tracks

tracks = st.tuples(st.integers(0, 1), st.integers(-(2**40), 2**40), st.integers(-1, 10**6))


@given(st.lists(tracks, min_size=1, max_size=8, unique=True).map(sorted))
def test_every_track_is_found_by_the_id_that_it_is_given(listed):
    fov, track_id, cut_t = np.array(listed, dtype=np.int64).T
    names = TrackNames(Tracks(fov, track_id, track_id, cut_t), ("a_A/1/0_", "a_b_A/1/0_"))
    written = names.words.to_pylist()
    numbers = np.arange(len(listed))
    assert names.of_tracks(numbers) == written
    assert [names.of(number) for number in numbers] == written
    assert [names.find(name) for name in written] == numbers.tolist()
    for number, name in enumerate(written):
        experiment = ("a", "a_b")[listed[number][0]]
        assert parse_id(name, ["a", "a_b"]) == (experiment, "A/1/0", names.word(number))
        assert word_within(name, experiment, "A/1/0") == names.word(number)
        assert parse_word(names.word(number)) == listed[number][1:]
        assert whole_track(name) == global_id(experiment, "A/1/0", track_word(listed[number][1]))


@pytest.mark.parametrize("word", ["", "007", "+1", "1.0", "1@", "1@-2", "1@03", " 1", "x"])
def test_another_spelling_names_no_track(word):
    assert parse_word(word) is None
    assert parse_id(f"a_A/1/0_{word}", ["a"]) is None
    none = np.zeros(1, dtype=np.int64)
    names = TrackNames(Tracks(none, none + 7, none, none - 1), ("a_A/1/0_",))
    assert names.find(f"a_A/1/0_{word}") == -1


@pytest.mark.parametrize("name", ["a", "a_1", "a__1", "A/1/0_1", "c_A/1/0_1", "a_A/1/0_1@x"])
def test_what_is_no_id_of_these_experiments(name):
    assert parse_id(name, ["a", "b"]) is None
