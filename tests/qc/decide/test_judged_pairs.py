"""Pairs judged where they are: what counts, what a wrong one asks for, and what mends it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lineage_triplets import load_config
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc import Target, export_review
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.decide.seen import divisions_seen
from lineage_triplets.qc.export.script import commands_of
from reviews import field, write_config
from stores import write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


def pair_of(review: Review, lineage: str = "early_A/1/0_1") -> Target:
    """A pair across the division of a lineage."""
    return review.pairs(lineage, n=1, across_divisions=True).target(0)


def wrong_pairs(review: Review) -> list[str]:
    """What became of the pairs that were judged wrong."""
    return [found.status for found in review.findings() if found.finding.kind == "wrong-pair"]


def test_judged_pairs_count_as_pairs_across_a_division(review: Review) -> None:
    listed = [
        pairs.target(number)
        for epoch in range(3)
        for pairs in [review.pairs(n=8, experiment="early", across_divisions=True, epoch=epoch)]
        for number in range(len(pairs))
    ]
    verdicts = dict.fromkeys(dict.fromkeys(listed), "same")
    assert len(verdicts) >= review.audit("early").divisions.needed == 8
    (first, *_) = review.judge_pairs(verdicts)
    assert (first.by, first.value["verdict"], first.value["across"]) == ("ada", "same", True)
    assert review.audit("early").divisions.enough
    assert review.audit("early").bound == 1.0
    assert divisions_seen(review.data, "early").by_judgement
    review.undo()
    assert review.audit("early").divisions.judged == 0


def test_a_wrong_pair_is_an_open_error_until_its_way_is_cut(review: Review) -> None:
    pair = pair_of(review)
    cells = f"track 1 at t = {pair.t}, track {pair.daughter} at t = {pair.to_t}"
    assert str(pair) == f"pair early A/1/0 {cells}"
    review.judge_pairs({pair: "cannot tell"})
    assert wrong_pairs(review) == []
    review.judge_pairs({pair: "wrong"})
    assert wrong_pairs(review) == ["open"]
    assert review.findings()[0].finding.severity == "error"
    link = Target("link", "early", "A/1/0", track="1", daughter=pair.daughter)
    cut = review.cut(link, "another cell")
    (found,) = [known for known in review.findings() if known.finding.kind == "wrong-pair"]
    assert (found.status, found.decision) == ("settled", cut)
    review.undo()
    assert wrong_pairs(review) == ["open"]
    review.waive(found.finding.key, "it is the cell: seen twice")
    assert wrong_pairs(review) == ["waived"]
    assert review.pairs_judged("early").unmended == 1
    review.judge_pairs({pair: "same"})
    assert wrong_pairs(review) == []
    counts = review.pairs_judged("early")
    assert (counts.judged, counts.wrong, counts.unmended, counts.by) == (1, 0, 0, ("ada",))


def test_a_pair_keeps_its_name_when_its_track_is_called_otherwise(review: Review) -> None:
    pairs = review.pairs("early_A/1/0_21", n=40)
    early, late = (
        next(pairs.target(n) for n in range(len(pairs)) if wanted(pairs.target(n)))
        for wanted in (lambda pair: pair.to_t <= 6, lambda pair: pair.t >= 7)
    )
    review.judge_pairs({early: "wrong", late: "wrong"})
    review.cut(Target("link", "early", "A/1/0", track="21", t=7), "drifts")
    assert review.target("track", "early_A/1/0_21@7")
    assert wrong_pairs(review) == ["open", "open"]
    review.reject(review.target("track", "early_A/1/0_21@7"), "another cell")
    assert sorted(wrong_pairs(review)) == ["open", "settled"]


def test_what_is_no_pair_or_no_answer_is_refused(review: Review) -> None:
    pair = pair_of(review)
    for verdicts, says in (
        ({pair: "perhaps"}, "same"),
        ({replace(pair, to_t=99): "same"}, "no cell at t = 99"),
        ({replace(pair, daughter=21): "same"}, "training cannot draw"),
        ({Target("track", "early", "A/1/0", track="1"): "same"}, "no pair"),
    ):
        with pytest.raises(ConfigError, match=says):
            review.judge_pairs(verdicts)
    assert not review.effect.judged


def test_verdicts_are_stale_once_their_table_is_another(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with Review.open(config, by="ada") as review:
        made = review.judge_pairs({pair_of(review): "wrong"})
    write_tables(tmp_path / "early_tracks", {"A/1/0": field().assign(x=lambda rows: rows["x"] + 1)})
    with Review.open(config, by="ada") as review:
        assert [stale.number for stale in review.effect.stale] == [made[0].number]
        assert not review.effect.judged
        review.confirm(*review.effect.stale)
        assert wrong_pairs(review) == ["open"]


def test_other_channels_ask_for_other_eyes(review: Review) -> None:
    review.judge_pairs({pair_of(review): "same"})
    assert review.audit("early").divisions.judged == 1
    review.remap("early", {0: "GFP", 1: "Phase"})
    assert review.audit("early").divisions.judged == 0


def test_record_report_and_script_say_who_judged_what(review: Review, tmp_path: Path) -> None:
    pair = pair_of(review)
    review.judge_pairs({pair: "wrong"}, "the sister")
    result = export_review(review, tmp_path / "out", draft=True)
    record = load_config(result.files["config"]).verification
    judged = record.pairs_judged["early"]
    assert [judged[key] for key in ("n_pairs", "wrong", "unmended", "by")] == [1, 1, 1, "ada"]
    page = result.files["report"].read_text(encoding="utf-8")
    assert "1 pair judged where they are: 1 wrong (1 of them still drawn)" in page
    line = next(line for line in commands_of(review) if " judge " in line)
    assert f"{pair.track} {pair.t} {pair.daughter} {pair.to_t} wrong --reason 'the sister'" in line
