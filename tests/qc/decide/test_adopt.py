"""What is prepared or chosen in a snapshot, in another thread, and taken over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.engine.settings.file import read_config
from lineage_triplets.qc.decide.review import Review

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def in_thread(action: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(action).result()


def test_what_is_begun_and_prepared_is_what_opens(config_path: Path) -> None:
    with Review.open(config_path, by="ada") as opened:
        opened.reject(opened.target("lineage", "early_A/1/0_1"), "blurred")
        opened.choose(tau_range_hours=(0.5, 1.0))
        wanted = [one["t"] for one in opened.state.pairs.anchors]
    with Review.begin(config_path, read_config(config_path), by="ada") as review:
        snapshot = review.snapshot()
        in_thread(snapshot.prepare)
        assert review.adopt(snapshot)
        assert review.data.has_training
        assert review.data.settings.tau_range_hours == (0.5, 1.0)
        assert [one["t"] for one in review.state.pairs.anchors] == wanted
        assert [one.lineage_id for one in review.data.exclusions.lineages] == ["early_A/1/0_1"]
        review.undo()
        assert not review.data.exclusions.lineages


def test_preparing_can_be_ended_between_tables(config_path: Path) -> None:
    with Review.begin(config_path, read_config(config_path), by="ada") as review:
        calls = []

        def go_on() -> None:
            calls.append(None)
            raise InterruptedError

        with pytest.raises(InterruptedError):
            review.snapshot().prepare(go_on)
        assert calls
        review.prepare()
        assert review.state.reason == ""


def test_a_choice_made_in_a_snapshot_is_taken_over_and_kept(
    review: Review, config_path: Path
) -> None:
    heard: list[object] = []
    review.events.intent.connect(heard.append)
    snapshot = review.snapshot()
    state = in_thread(lambda: snapshot.choose(tau_range_hours=(0.5, 1.0)))
    assert review.intent.dataset.tau_range_hours == (0.5, 2.0)
    assert review.adopt(snapshot)
    assert review.state is state
    assert heard == [review.intent]
    review.close()
    with Review.open(config_path, by="ada") as again:
        assert again.intent.dataset.tau_range_hours == (0.5, 1.0)


def test_a_snapshot_that_was_overtaken_changes_nothing(review: Review) -> None:
    chosen = review.snapshot()
    chosen.choose(tau_range_hours=(0.5, 1.0))
    review.choose(lineage="early_A/1/0_1")
    assert not review.adopt(chosen)
    decided = review.snapshot()
    decided.choose(tau_range_hours=(0.5, 1.0))
    review.reject(review.target("lineage", "early_A/1/0_1"), "blurred")
    assert not review.adopt(decided)
    assert review.intent.dataset.tau_range_hours == (0.5, 2.0)
    assert review.state.reason == "the whole lineage is rejected"
