"""Pairs and strips made ready for a screen, on small real stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.look.shown_pixels import ShownPairs, read_strip, scales_of
from lineage_triplets.qc.look.view import taus_in_frames
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path)) as opened:
        yield opened


def damage_frame(root: Path, t: int) -> None:
    """Overwrite the chunks of one frame of A/1/0 of the first experiment."""
    store = root / "early.zarr" / "A" / "1" / "0" / "0"
    own = [one for one in store.rglob("*") if one.relative_to(store).parts[0] == str(t)]
    files = [one for one in own if one.is_file()]
    assert files
    for one in files:
        one.write_bytes(b"damaged")


def test_some_of_the_pairs_are_read_as_among_all(review: Review) -> None:
    pairs = review.pairs(n=6)
    anchors, positives = pairs.images()
    some = pairs.take([4, 1])
    assert some.anchors == [pairs.anchors[4], pairs.anchors[1]]
    assert some.positives == [pairs.positives[4], pairs.positives[1]]
    assert np.array_equal(some.images()[0], anchors[[4, 1]])
    assert np.array_equal(some.images()[1], positives[[4, 1]])
    assert some.probability.tolist() == pairs.probability[[4, 1]].tolist()


def test_what_is_in_view_is_read_first_then_what_scales_rest_on() -> None:
    experiments = ["a"] * 20 + ["b"] * 3
    shown = ShownPairs()
    assert shown.next_numbers(experiments, [15, 16], most=5) == [15, 16, 0, 1, 2]
    shown = ShownPairs(tried=frozenset(range(12)))
    assert shown.next_numbers(experiments, [], most=8) == [20, 21, 22]
    assert shown.next_numbers(experiments, list(range(12, 22)), most=4) == [12, 13, 14, 15]


def test_scales_are_those_of_all_first_pairs_of_an_experiment_in_the_end(review: Review) -> None:
    pairs = review.pairs(n=5)
    shown = ShownPairs().read_more(pairs, [0, 1]).read_more(pairs, [2, 3, 4, 5, 6])
    early = [n for n, one in enumerate(pairs.anchors) if one["experiment"] == "early"]
    assert shown.scales["early"] == scales_of([shown.values[n] for n in early])
    once = ShownPairs().read_more(pairs, list(range(7)))
    assert shown.scales == once.scales
    for number in range(7):
        for role in ("anchor", "positive"):
            for one, other in zip(
                shown.pictures[number][role], once.pictures[number][role], strict=True
            ):
                assert np.array_equal(one, other)
    anchors, _ = pairs.images()
    assert np.array_equal(shown.values[3]["anchor"], anchors[3].max(axis=1))


def test_of_a_damaged_pair_it_is_said_why_and_the_others_are_read(
    review: Review, tmp_path: Path
) -> None:
    pairs = review.pairs(n=30, experiment="early", fov="A/1/0")
    frame = pairs.anchors[0]["t"]
    damage_frame(tmp_path, frame)
    shown = ShownPairs().read_more(pairs, list(range(len(pairs))))
    hit = {
        n
        for n, (one, other) in enumerate(zip(pairs.anchors, pairs.positives, strict=True))
        if frame in (one["t"], other["t"])
    }
    assert set(shown.damage) == hit
    assert set(shown.pictures) == set(range(len(pairs))) - hit
    assert all("chunk" in words for words in shown.damage.values())


def test_a_strip_shows_each_lane_and_where_there_is_no_cell(review: Review, tmp_path: Path) -> None:
    pairs = review.pairs(n=1, experiment="early", fov="A/1/0", across_divisions=True)
    strip = review.strip(pairs, 0)
    born = strip.divisions[0]
    damage_frame(tmp_path, int(strip.frames[-1]))
    shown = read_strip(strip, strip.thinned())
    positive, sister = shown.lanes
    assert all(isinstance(one, tuple) for one in positive[:-1])
    assert isinstance(positive[-1], str)
    assert [one is None for one in sister] == [t < born for t in strip.frames.tolist()]
    places = strip.positions(0)
    assert places[0] == (0.0, pairs.anchors[0]["y"], pairs.anchors[0]["x"])
    assert places[-1] == (0.0, pairs.positives[0]["y"], pairs.positives[0]["x"])
    assert strip.positions(1)[0] is None


@pytest.mark.parametrize("most", [4, 6, 9])
def test_a_long_strip_is_thinned_but_not_at_its_division(review: Review, most: int) -> None:
    review.choose(tau_range_hours=(4.5, 5.0))
    pairs = review.pairs(n=1, experiment="early", across_divisions=True)
    strip = review.strip(pairs, 0)
    places = strip.thinned(most)
    born = strip.divisions[0] - int(strip.frames[0])
    assert len(places) <= most < len(strip.frames)
    assert {0, born - 1, born, len(strip.frames) - 1} <= set(places.tolist())
    assert strip.thinned(99).tolist() == list(range(len(strip.frames)))


def test_a_range_of_tau_is_said_in_frames_without_choosing_it(review: Review) -> None:
    taus = taus_in_frames(review.data.registry.experiments, (0.0, 0.2))
    assert [one.words for one in taus] == [
        "no frame: tau is 0 at 30 min",
        "1 frame only (0.25 h), never 0",
    ]
    state = review.choose(tau_range_hours=(0.0, 0.1))
    assert "early: no frame: tau is 0 at 30 min" in state.reason
    assert "late: no frame: tau is 0 at 15 min" in state.reason
