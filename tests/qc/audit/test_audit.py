"""An audit from plan to bound: who judged what, and what makes a sample void."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.errors import ConfigError, UnknownNameError
from lineage_triplets.qc import upper_bound
from lineage_triplets.qc.decide.review import Review
from reviews import field, write_config
from stores import write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


def judge_all(review: Review, experiment: str = "early", verdict: str = "same") -> None:
    """Answer everything that is left of an experiment's sample."""
    while (number := review.audit(experiment).next) is not None:
        review.judge(experiment, number, verdict)


def test_from_plan_to_bound(review):
    state = review.audit("early")
    assert (state.state, state.planned, state.next, state.bound) == ("not begun", 0, None, 1.0)
    review.plan_audit("early", 59)
    state = review.audit("early")
    assert (state.state, state.planned, state.judged, state.next) == ("running", 59, 0, 1)
    assert state.more_needed(0.05) == 59
    assert review.audit("late").state == "not begun"
    pairs = review.audit_pairs("early")
    assert len(pairs) == 59
    assert pairs.take([0]).images()[0].shape == (1, 2, 1, 16, 16)
    judge_all(review)
    state = review.audit("early")
    assert (state.state, state.judged, state.next) == ("finished", 59, None)
    assert state.looks == len(state.verdicts) < 59
    assert state.bound == upper_bound(59, 0)
    assert state.holds(0.05)
    assert not state.holds(0.049)
    assert state.sentence == (
        "At most 4.96 % of pairs wrong, 95 % confidence: 0 of 59 judged wrong."
    )


def test_nothing_holds_before_the_last_answer(review):
    review.plan_audit("early", 59)
    while review.audit("early").next is not None:
        assert not review.audit("early").holds(0.9)
        review.judge("early", review.audit("early").next, "same")
    assert review.audit("early").holds(0.9)


def test_what_nobody_can_tell_counts_as_wrong_and_is_told_apart(review):
    review.plan_audit("early", 30)
    review.judge("early", 1, "cannot tell")
    review.judge("early", 2, "wrong")
    judge_all(review)
    state = review.audit("early")
    assert state.cannot_tell >= 1
    assert state.wrong >= 1
    assert state.bound == upper_bound(30, state.wrong + state.cannot_tell)
    assert "that nobody can tell taken as wrong too" in state.sentence


def test_an_answer_is_one_step_and_can_be_given_anew(review):
    review.plan_audit("early", 30)
    review.judge("early", 1, "wrong")
    review.judge("early", 1, "same")
    state = review.audit("early")
    assert (dict(state.verdicts), state.counts.changed) == ({1: "same"}, 1)
    review.undo()
    assert dict(review.audit("early").verdicts) == {1: "wrong"}
    review.undo()
    assert (review.audit("early").judged, review.audit("early").next) == (0, 1)


def test_how_many_are_judged_is_fixed_with_the_first_answer(review):
    review.plan_audit("early", 30)
    review.plan_audit("early", 59)
    assert review.audit("early").planned == 59
    review.judge("early", 1, "wrong")
    for n in (30, 59, 149):
        with pytest.raises(ConfigError, match="a sample of 59 pairs was begun"):
            review.plan_audit("early", n)
    review.undo()
    review.undo()
    # The plan of 30 is active again, and nobody may end there after some answers.
    assert (review.audit("early").planned, review.audit("early").judged) == (59, 0)
    review.undo()
    assert review.audit("early").state == "not begun"
    with pytest.raises(ConfigError, match="a sample of 59 pairs was begun"):
        review.plan_audit("early", 30)
    review.plan_audit("early", 59)
    assert review.audit("early").state == "running"


def test_a_decision_voids_the_sample_and_undoing_it_brings_it_back(review):
    review.plan_audit("early", 30)
    for number, verdict in ((1, "wrong"), (2, "same")):
        review.judge("early", number, verdict)
    before = review.audit("early")
    lineage = review.audit_pairs("early").anchors[0]["lineage_id"]
    rejected = review.reject(review.target("lineage", lineage), "of another cell")
    state = review.audit("early")
    assert (state.state, state.planned, state.bound) == ("void", 0, 1.0)
    assert state.why_void == (
        f"voided by decision {rejected.number}: reject {rejected.target} (of another cell)"
    )
    assert [(one.judged, one.wrong) for one in state.samples_before] == [
        (before.judged, before.wrong)
    ]
    with pytest.raises(ConfigError, match="no sample to judge"):
        review.judge("early", 3, "same")
    review.undo()
    assert review.audit("early") == before


def test_the_next_sample_tells_how_many_there_were_before(review):
    review.plan_audit("early", 20)
    review.judge("early", 1, "wrong")
    review.reject(review.target("lineage", "early_A/1/0_21"), "drifts")
    review.plan_audit("early", 30)
    judge_all(review)
    state = review.audit("early")
    assert (state.state, state.seed) != ("void", 0)
    assert [(one.planned, one.wrong >= 1) for one in state.samples_before] == [(20, True)]


def test_an_undone_answer_hides_no_sample(review):
    review.plan_audit("early", 20)
    review.judge("early", 1, "wrong")
    review.undo()
    review.undo()
    review.reject(review.target("lineage", "early_A/1/0_21"), "drifts")
    assert [one.wrong >= 1 for one in review.audit("early").samples_before] == [True]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tau_range_hours": (0.5, 1.0)}, "tau, its decay"),
        ({"yx_patch_size": (12, 12)}, "patch size"),
    ],
)
def test_other_settings_void_it_until_they_are_chosen_back(review, change, why):
    review.plan_audit("early", 20)
    judge_all(review)
    before = review.intent.dataset
    finished = review.audit("early")
    review.choose(**change)
    assert review.audit("early").state == "void"
    assert why in review.audit("early").why_void
    review.choose(**{name: getattr(before, name) for name in change})
    assert review.audit("early") == finished


def test_another_table_voids_it(review, tmp_path):
    review.plan_audit("early", 20)
    judge_all(review)
    table = field()
    table.loc[table.track_id == 21, "y"] += 3
    write_tables(tmp_path / "early_tracks", {"A/1/0": table})
    review.reload()
    state = review.audit("early")
    assert state.state == "void"
    assert "tables" in state.why_void


def test_somebody_else_goes_on_where_it_was_left(review, tmp_path):
    review.plan_audit("early", 30)
    review.judge("early", 1, "same")
    review.close()
    with Review.open(review.config_path, by="bob") as other:
        state = other.audit("early")
        assert (state.next, state.next_own) == (2, 1)
        other.judge("early", 1, "wrong")
        other.judge("early", 2, "same")
        state = other.audit("early")
        assert (dict(state.verdicts), state.counts.disagreements) == (
            {1: "wrong", 2: "same"},
            (1,),
        )
        assert state.counts.by == ("ada", "bob")


def test_judged_divisions_count_until_enough_whatever_sample_they_are_of(review):
    assert review.audit("early").divisions.needed == 8
    pairs = review.audit_pairs("early", "divisions")
    assert pairs.crosses_division.all()
    while (number := review.audit("early").divisions.next) is not None:
        review.judge("early", number, "same", queue="divisions")
    divisions = review.audit("early").divisions
    assert (divisions.judged, divisions.enough, divisions.wrong) == (8, True, 0)
    assert review.audit("early").judged == 0
    # One of the four mothers goes, and with her the pairs that were judged of her.
    review.reject(review.target("lineage", "early_B/2/0_1"), "drifts")
    divisions = review.audit("early").divisions
    assert 0 < divisions.judged < 8
    assert divisions.next is not None
    review.undo()
    review.remap("early", {0: "GFP", 1: "Phase"})
    assert review.audit("early").divisions.judged == 0


def test_pairs_of_the_sample_that_cross_a_division_count_there_too(review):
    review.plan_audit("early", 100)
    judge_all(review, verdict="cannot tell")
    divisions = review.audit("early").divisions
    crossing = review.audit_pairs("early").crosses_division
    assert crossing.any()
    assert divisions.judged == divisions.cannot_tell > 0


def test_a_snapshot_says_the_same(review):
    review.plan_audit("early", 20)
    review.judge("early", 1, "same")
    assert review.snapshot().audit("early") == review.audit("early")


def test_what_cannot_be_judged_is_refused_in_words(review):
    with pytest.raises(ConfigError, match="no sample to judge"):
        review.judge("early", 1, "same")
    with pytest.raises(UnknownNameError, match="no experiment 'other'"):
        review.audit("other")
    with pytest.raises(ConfigError, match="0 pairs cannot be judged"):
        review.plan_audit("early", 0)
    review.plan_audit("early", 20)
    with pytest.raises(ConfigError, match="no pair 21"):
        review.judge("early", 21, "same")
    with pytest.raises(ConfigError, match="'right' is no answer"):
        review.judge("early", 1, "right")
    review.reject(review.target("lineage", "late_A/1/0_1"), "drifts")
    for track in (11, 21):
        review.reject(review.target("lineage", f"late_A/1/0_{track}"), "drifts")
    assert review.audit("late").state == "no pairs"
    with pytest.raises(ConfigError, match="no valid anchor"):
        review.plan_audit("late", 20)


def test_an_answer_makes_nothing_anew(review):
    review.plan_audit("early", 20)
    training, pairs = review.data.training, review.audit_pairs("early")
    review.judge("early", 1, "same")
    assert review.data.training is training
    assert review.audit_pairs("early") is pairs


TRACKS = (1, 2, 3, 11, 12, 13, 21)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["A/1/0", "B/2/0"]), st.sampled_from(TRACKS)),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_whatever_is_decided_the_bound_is_of_what_is_drawn_and_undo_brings_it_back(review, steps):
    if review.audit("early").state == "not begun":
        review.plan_audit("early", 10)
        judge_all(review)
    before, drawn = review.audit("early"), review.data.population("early").hash
    for fov, track in steps:
        review.reject(review.target("track", f"early_{fov}_{track}"), "drifts")
        now = review.audit("early")
        same = review.data.population("early").hash == drawn
        assert (now.state == "finished") == same
        assert now.holds(0.99) == same
    for _ in steps:
        review.undo()
    after = review.audit("early")
    assert after == before
