"""A snapshot of a review: read and checked in another thread, apart from what is decided since."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review, plan_export
from lineage_triplets.qc.record import DecisionsError
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


def in_thread(action: Callable[[], Any]) -> Any:
    """Do something in another thread, and give or raise what it gave."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


def test_another_thread_plans_what_this_one_would(review, tmp_path):
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    review.checks.check_pixels()

    plan = in_thread(lambda: plan_export(review.snapshot(), tmp_path / "out"))

    expected = plan_export(review, tmp_path / "out")
    assert plan.points == expected.points
    assert plan.notes == expected.notes
    assert plan.cost.equals(expected.cost)
    assert plan.excluded.equals(expected.excluded)


def test_pixel_results_of_an_earlier_sitting_are_recalled_in_another_thread(tmp_path):
    path = write_config(tmp_path)
    with Review.open(path) as first:
        first.checks.check_pixels()
    with Review.open(path) as review:
        snapshot = review.snapshot()
        in_thread(snapshot.check)
        assert review.checks.scanned == set()
        review.take_up(snapshot)
        assert review.checks.scanned == first.checks.scanned != set()


def test_later_decisions_and_choices_do_not_reach_a_snapshot(review):
    snapshot = review.snapshot()
    before = snapshot.data.training.counts()
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    review.choose(tau_range_hours=(0.5, 1.0), experiment="late")

    assert snapshot.effect.rejected == {}
    assert snapshot.decisions == ()
    assert snapshot.history() == []
    assert snapshot.intent.experiment != "late"
    assert snapshot.data.training.counts().equals(before)
    review.undo()
    assert snapshot.decisions == ()


def test_nothing_is_decided_in_a_snapshot(review):
    with pytest.raises(DecisionsError, match="read-only"):
        in_thread(lambda: review.snapshot().approve("early"))
    assert review.decisions == ()


def test_what_a_snapshot_found_is_taken_up_once(review):
    told = []
    review.events.findings.connect(lambda: told.append("findings"))
    snapshot = review.snapshot()
    in_thread(snapshot.check)
    assert told == []
    assert review.findings() == []

    review.take_up(snapshot)
    assert told == ["findings"]
    assert [one.finding for one in review.findings()] == [
        one.finding for one in snapshot.findings()
    ]
    again = review.snapshot()
    in_thread(again.check)
    review.take_up(again)
    assert told == ["findings"]


def test_what_was_found_under_other_decisions_is_not_taken_up(review):
    snapshot = review.snapshot()
    in_thread(snapshot.check)
    review.choose(tau_range_hours=(6.5, 6.5))
    review.take_up(snapshot)
    by_hand = review.check()

    assert [one.finding.key for one in by_hand] != [one.finding.key for one in snapshot.findings()]
    with_other_settings = {one.finding.key for one in review.check()}
    review.checks.settings_changed()
    assert {one.finding.key for one in review.check()} == with_other_settings


def test_what_was_found_in_other_data_is_not_taken_up(review):
    snapshot = review.snapshot()
    in_thread(snapshot.check)
    review.reload()
    review.take_up(snapshot)
    assert review.checks.inspection is None


def test_indices_that_a_snapshot_made_are_kept_while_they_hold(review):
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    snapshot = review.snapshot()
    made = in_thread(lambda: snapshot.data.training)
    review.take_up(snapshot)
    assert review.data.training is made

    later = review.snapshot()
    in_thread(lambda: later.data.training)
    review.undo()
    review.take_up(later)
    assert review.data.training is not made
    assert review.data.exclusions.lineages == []


def test_another_thread_exports_a_draft(review, tmp_path):
    result = in_thread(lambda: export_review(review.snapshot(), tmp_path / "out", draft=True))
    assert sorted(one.name for one in result.files.values()) == ["draft.yaml", "review.html"]
