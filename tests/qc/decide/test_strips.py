"""Strips of a pair: the cell from anchor to positive, through divisions, gaps and lost stores."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lineage_triplets.engine.errors import (
    StoreError,
)
from lineage_triplets.qc.decide.review import Review
from reviews import (
    equal,
    field,
    write_config,
)
from stores import write_tables


def test_a_strip_follows_the_cell_through_its_division(review):
    pairs = review.pairs("early_A/1/0_1", 50, across_divisions=True)
    number = int(np.argmin([one["t"] for one in pairs.anchors]))
    first_t = pairs.anchors[number]["t"]

    strip = review.strip(pairs, number)

    positive = pairs.positives[number]
    assert strip.frames.tolist() == list(range(first_t, positive["t"] + 1))
    assert strip.divisions == (6,)
    names = [one.name for one in strip.lanes]
    assert names == ["positive", "sister"]
    line, sister = strip.lanes
    in_mother = 6 - first_t
    assert set(line.track_ids[:in_mother]) == {"early_A/1/0_1"}
    assert set(line.track_ids[in_mother:]) == {positive["global_track_id"]}
    assert sister.present.tolist() == [t >= 6 for t in strip.frames]
    anchors, positives = pairs.images()
    images = strip.images(0)
    assert equal(images[0], anchors[number])
    assert equal(images[-1], positives[number])
    assert not strip.images(1, slice(0, in_mother)).any()
    assert strip.images(1).any()


def test_a_strip_of_kin_begins_with_the_cell_of_both_if_asked(review):
    pairs = review.pairs("early_A/1/0_1", 50)
    number = pairs.relation_labels.index("sister")
    anchor, positive = pairs.anchors[number], pairs.positives[number]

    assert review.strip(pairs, number).frames[0] == anchor["t"]
    strip = review.strip(pairs, number, from_common=True)

    assert strip.frames.tolist() == list(range(5, positive["t"] + 1))
    assert strip.frames[strip.anchor_place] == anchor["t"]
    lanes = {lane.name: lane for lane in strip.lanes}
    assert list(lanes) == ["positive", "anchor"]
    assert lanes["anchor"].track_ids[0] == lanes["positive"].track_ids[0] == "early_A/1/0_1"
    assert lanes["anchor"].track_ids[strip.anchor_place] == anchor["global_track_id"]
    assert lanes["positive"].track_ids[-1] == positive["global_track_id"]
    assert equal(strip.images(1)[strip.anchor_place], pairs.images()[0][number])


def test_a_strip_shows_a_frame_without_the_cell_as_such(tmp_path):
    path = write_config(tmp_path)
    table = field()
    table = table[~((table["track_id"] == 21) & (table["t"] == 5))]
    write_tables(tmp_path / "early_tracks", {"A/1/0": table})
    with Review.open(path, by="ada") as review:
        pairs = review.pairs("early_A/1/0_21", 50)
        number = next(n for n, one in enumerate(pairs.anchors) if one["t"] == 4)
        lane = review.strip(pairs, number).lanes[0]
        assert lane.present.tolist() == [t != 5 for t in range(4, pairs.positives[number]["t"] + 1)]
        assert review.strip(pairs, number).centres(0)[1] is None


def test_a_store_that_disappears_stops_pictures_and_nothing_else(review, tmp_path):
    pairs = review.pairs("late_A/1/0_1", 4)
    shutil.rmtree(tmp_path / "late.zarr" / "A")

    with pytest.raises(StoreError, match=r"late\.zarr"):
        pairs.images()

    review.reject(review.target("lineage", "late_A/1/0_1"), "gone")
    assert review.pairs("early_A/1/0_1", 4).images()[0].shape == (4, 2, 1, 16, 16)
    review.reload()
    assert any(one.finding.experiment == "late" for one in review.findings())
    assert len(review.pairs("early_A/1/0_1", 4)) == 4
