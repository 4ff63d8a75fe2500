"""Findings and the lineages they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.settings.model import Cut, Exclusions, Link
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.find import Finding, lineage_problems
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="tester") as opened:
        yield opened


def finding(*tracks: int, t: int | None = None, fov: str = "A/1/0") -> Finding:
    return Finding("jump", "warning", "It jumps.", experiment="early", fov=fov, tracks=tracks, t=t)


def rows(review: Review, *findings: Finding) -> list[tuple[int, str, str]]:
    table = lineage_problems(review.data.linked, findings)
    return list(table.itertuples(index=False, name=None))


def test_a_daughter_concerns_the_lineage_of_its_root(review: Review) -> None:
    assert rows(review, finding(3, 11), finding(), finding(2)) == [
        (0, "early_A/1/0_1", "early_A/1/0_3"),
        (0, "early_A/1/0_11", "early_A/1/0_11"),
        (2, "early_A/1/0_1", "early_A/1/0_2"),
    ]


def test_what_is_not_there_concerns_nothing(review: Review) -> None:
    assert rows(review, finding(99), finding(1, fov="Z/9/9")) == []
    assert list(lineage_problems(review.data.linked, []).columns) == [
        "finding",
        "lineage_id",
        "global_track_id",
    ]


def test_after_a_cut_the_part_at_the_frame_is_concerned(review: Review) -> None:
    review.cut(Target("link", "early", "A/1/0", track="3", t=9), "another cell")
    assert rows(review, finding(3, t=8), finding(3, t=9), finding(3)) == [
        (0, "early_A/1/0_1", "early_A/1/0_3"),
        (1, "early_A/1/0_3@9", "early_A/1/0_3@9"),
        (2, "early_A/1/0_1", "early_A/1/0_3"),
        (2, "early_A/1/0_3@9", "early_A/1/0_3@9"),
    ]


def test_parts_that_links_joined_count_as_the_track_that_they_are_in(review: Review) -> None:
    place = {"experiment": "early", "fov": "A/1/0"}
    data = review.data
    index = MultiExperimentIndex.of_what_loads(
        data.registry,
        data.settings,
        Exclusions(),
        [Cut(**place, track_id=3, t=9), Cut(**place, track_id=21, t=9)],
        [Link(**place, track_id=3, t=8, to_track_id=21, to_t=9)],
    )
    table = lineage_problems(index, [finding(3, 21, t=9), finding(21, t=8), finding(3, 21)])
    assert list(table.itertuples(index=False, name=None)) == [
        (0, "early_A/1/0_3@9", "early_A/1/0_3@9"),
        (0, "early_A/1/0_1", "early_A/1/0_3"),
        (1, "early_A/1/0_21", "early_A/1/0_21"),
        (2, "early_A/1/0_1", "early_A/1/0_3"),
        (2, "early_A/1/0_3@9", "early_A/1/0_3@9"),
        (2, "early_A/1/0_21", "early_A/1/0_21"),
    ]
