"""The sample of an audit: of the law that training draws from, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import chisquare

from lineage_triplets.engine.pairs.positives import tau_chances
from lineage_triplets.engine.settings.model import Link
from lineage_triplets.engine.settings.tau import TauLaw
from lineage_triplets.qc.audit.sample import divisions_of, first_of_same, sample_of, source_of
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.open.population import population_of
from lineage_triplets.qc.record.decision import Target
from reviews import write_config
from stores import track_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"positive_relation": "descendant", "tau_fallback": "renormalize", "tau_decay_rate": 0.0},
        {"positive_relation": "same_track", "tau_range_hours": (1.0, 5.0)},
    ],
)
def test_every_pair_is_drawn_as_often_as_training_draws_it(review, change):
    review.choose(**change)
    index, n = review.data.training, 40_000
    for name in ("early", "late"):
        population = review.data.population(name)
        pairs = sample_of(index, population, n)
        number = int(index.experiment_of_row[population.anchors[0]])
        chances = tau_chances(
            index.positives,
            TauLaw.build(index.tau_range_frames, index.settings.tau_decay_rate),
            index.settings.tau_fallback,
            number,
            population.anchors,
        )
        place = np.searchsorted(population.anchors, pairs.anchor)
        seen = np.zeros(chances.drawn.shape)
        np.add.at(seen, (place, np.searchsorted(chances.tau, pairs.tau_frames)), 1)
        expected = chances.drawn * n / len(population.anchors)
        assert not seen[expected == 0].any()
        some = expected > 5
        rest = [[values[~some].sum()] for values in (seen, expected)]
        observed = np.concatenate([seen[some], rest[0]])
        wanted = np.concatenate([expected[some], rest[1]])
        keep = wanted > 0
        assert chisquare(observed[keep], wanted[keep]).pvalue > 1e-4


def test_seed_and_epoch_of_the_config_change_no_pair(review):
    population = review.data.population("early")
    before = sample_of(review.data.training, population, 30)
    review.choose(seed=99)
    after = sample_of(review.data.training, review.data.population("early"), 30)
    assert np.array_equal(before.anchor, after.anchor)
    assert np.array_equal(before.positive, after.positive)


def test_a_smaller_sample_is_the_first_of_a_larger(review):
    population = review.data.population("early")
    small, large = (sample_of(review.data.training, population, n) for n in (20, 300))
    assert np.array_equal(small.positive, large.positive[:20])
    same = first_of_same(large)
    assert (same <= np.arange(300)).all()
    assert (large.anchor[same] == large.anchor).all()
    assert (large.positive[same] == large.positive).all()
    assert len(np.unique(same)) < 300


CHANGES = [
    {"tau_range_hours": (0.5, 1.5)},
    {"tau_decay_rate": 1.0},
    {"tau_fallback": "renormalize"},
    {"positive_relation": "descendant"},
    {"yx_patch_size": (12, 12)},
    {"border": "exclude"},
]


@pytest.mark.parametrize("change", CHANGES)
def test_another_setting_is_another_population(review, change):
    before = {name: review.data.population(name).hash for name in ("early", "late")}
    review.choose(**change)
    assert all(review.data.population(name).hash != before[name] for name in before)


def test_what_changes_no_pair_of_an_experiment_changes_no_hash(review):
    before = review.data.population("early").hash
    review.choose(seed=5, dtype="float64", tau_range_hours=(0.49, 2.01), return_negative=True)
    review.reject(review.target("lineage", "late_A/1/0_1"), "drifts")
    review.accept(review.target("lineage", "early_A/1/0_1"), "good")
    assert review.data.population("early").hash == before


@pytest.mark.parametrize(
    "decide",
    [
        lambda review: review.reject(review.target("lineage", "early_A/1/0_21"), "drifts"),
        lambda review: review.reject(Target("frame", "early", "A/1/0", t=3), "blurred"),
        lambda review: review.reject(Target("fov", "early", "B/2/0"), "empty"),
        lambda review: review.cut(
            Target("link", "early", "A/1/0", track="1", daughter=2), "another cell"
        ),
        lambda review: review.remap("early", {0: "GFP", 1: "Phase"}),
    ],
    ids=["lineage", "frame", "fov", "cut", "remap"],
)
def test_a_decision_about_its_pairs_is_another_population_until_it_is_undone(review, decide):
    before = review.data.population("early").hash
    late = review.data.population("late").hash
    decide(review)
    assert review.data.population("early").hash != before
    assert review.data.population("late").hash == late
    review.undo()
    assert review.data.population("early").hash == before


def test_moved_data_are_the_same_population(review, tmp_path):
    before = {name: review.data.population(name).hash for name in ("early", "late")}
    (tmp_path / "moved").mkdir()
    with Review.open(write_config(tmp_path / "moved"), by="bob") as other:
        assert {name: other.data.population(name).hash for name in before} == before


def test_the_queue_of_divisions_has_pairs_across_them_of_every_mother(review):
    index = review.data.training
    pairs = divisions_of(index, review.data.population("early"))
    relation, _, _ = source_of(index).relations(pairs)
    assert len(relation) == 8
    assert set(relation.tolist()) <= {2, 3, 4}
    assert len(set(index.observations.track[pairs.anchor].tolist())) == 4
    review.choose(positive_relation="same_track")
    assert not len(divisions_of(review.data.training, review.data.population("early")).anchor)


def test_cells_whose_draws_follow_other_numbers_are_another_population(plates):
    # The same track twice: joined of two by a link, and whole in its table.
    two = track_table((1, range(4)), (2, range(4, 8)))
    link = Link(experiment="one", fov="A/1/0", track_id=1, t=3, to_track_id=2, to_t=4)
    made = [
        population_of(plates.index({("one", "A/1/0"): table}, link=links), "one")
        for table, links in ((two, [link]), (two.assign(track_id=1), []))
    ]
    assert np.array_equal(made[0].anchors, made[1].anchors)
    assert [name for name in made[0].parts if made[0].parts[name] != made[1].parts[name]] == [
        "cells"
    ]
