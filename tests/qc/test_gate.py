"""The gate's points about what is known of the pairs, and what an export says of it ever after."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
import yaml

from lineage_triplets import MultiExperimentTripletDataset, load_config, save_config
from lineage_triplets.engine.dataset.verification import config_hash, percent
from lineage_triplets.engine.errors import ConfigError, VerificationError
from lineage_triplets.engine.settings.verified import Audit
from lineage_triplets.qc import (
    GateClosedError,
    Review,
    export_review,
    gate_points,
    plan_export,
    upper_bound,
)
from lineage_triplets.qc.export.script import commands_of
from lineage_triplets.qc.gate import Asked, open_points
from lineage_triplets.qc.record.decision import Target
from reviews import ACROSS, WITHOUT, certify, painted, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


def open_kinds(review: Review, **asked: object) -> set[tuple[str, str]]:
    points = gate_points(review, Asked(**asked))
    return {(point.kind, point.experiment) for point in open_points(points)}


def judge(review: Review, experiment: str, n: int, **verdicts: int) -> None:
    """Judge a sample: so many of each verdict, the rest the same cell."""
    review.plan_audit(experiment, n)
    numbers = iter(range(1, n + 1))
    first = review.audit(experiment)
    answers = dict.fromkeys(numbers, "same")
    looks = [number for number in answers if number <= first.planned]
    for verdict, count in verdicts.items():
        for _ in range(count):
            answers[looks.pop(0)] = verdict.replace("_", " ")
    review.judge_all(experiment, answers)


def test_a_review_that_was_judged_passes_with_nothing_left_out(review, tmp_path):
    assert {("images", "early"), ("audit", "early"), ("divisions", "late")} <= open_kinds(review)
    certify(review)
    assert open_kinds(review) == set()
    result = export_review(review, tmp_path / "out")
    record = load_config(result.files["config"]).verification
    audit = record.audit["early"]
    assert (audit.planned, audit.judged, audit.wrong, audit.without) == (59, 59, 0, "")
    assert audit.bound == upper_bound(59, 0)
    assert (audit.by, audit.population) == (["ada"], review.audit("early").population)
    assert record.images_scanned["early"].scanned == record.images_scanned["early"].fovs == 2
    assert record.divisions_seen["early"]["how"] == "judged"
    assert record.divisions_seen["early"]["n_pairs"] >= 8


def test_what_was_on_screen_alone_settles_nothing(review):
    painted(review, "early")
    (point,) = [
        point
        for point in open_points(gate_points(review))
        if (point.kind, point.experiment) == ("divisions", "early")
    ]
    assert "8 pairs on screen, nobody judged them" in point.sentence
    review.saw("early", 8)
    assert ("divisions", "early") not in open_kinds(review)


def test_divisions_that_are_mostly_wrong_do_not_pass(review):
    needed = review.audit("early").divisions.needed
    review.judge_all("early", dict.fromkeys(range(1, needed + 1), "wrong"), queue=ACROSS)
    assert ("divisions", "early") in open_kinds(review)
    review.judge_all("early", dict.fromkeys(range(1, needed // 2 + 1), "same"), queue=ACROSS)
    (point,) = [
        point
        for point in gate_points(review)
        if (point.kind, point.experiment) == ("divisions", "early")
    ]
    assert point.passed
    assert point.sentence == "8 pairs across a division judged, 4 of them wrong."


def test_a_bound_above_what_is_asked_for_keeps_it_closed_unless_more_is_allowed(review, tmp_path):
    certify(review, n=20)
    assert open_kinds(review) == {("audit", "early"), ("audit", "late")}
    with pytest.raises(GateClosedError, match=r"At most 13.92 % of pairs wrong.*is asked for"):
        export_review(review, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert open_kinds(review, max_wrong=0.14) == set()
    record = load_config(
        export_review(review, tmp_path / "out", max_wrong=0.14).files["config"]
    ).verification
    assert record.audit["late"].max_wrong == 0.14
    assert record.audit["late"].without == ""


def test_a_reason_lets_through_and_hides_no_count(review, tmp_path, caplog):
    certify(review, experiments=("late",))
    judge(review, "early", 20, wrong=2, cannot_tell=1)
    review.approve("early")
    review.saw("early", 8)
    counts = review.audit("early").counts
    assert counts.wrong >= 2
    result = export_review(review, tmp_path / "out", without_audit="a pilot")
    record = load_config(result.files["config"]).verification
    early, late = record.audit["early"], record.audit["late"]
    assert (early.without, early.wrong, early.bound) == ("a pilot", counts.wrong, counts.bound)
    assert (late.without, late.bound) == ("", upper_bound(59, 0))
    with caplog.at_level(logging.INFO, logger="lineage_triplets"):
        MultiExperimentTripletDataset.from_config(result.files["config"])
    (line,) = [entry.getMessage() for entry in caplog.records if "audit" in entry.getMessage()]
    assert line == (
        "experiment 'early': exported without audit, because: a pilot; at most "
        f"{percent(early.bound)} of pairs wrong, 95 % confidence, {early.wrong} of 20 judged "
        f"wrong, {early.cannot_tell} that nobody could tell counted as wrong."
    )
    assert (
        "experiment 'late': at most 4.96 % of pairs wrong, 95 % confidence, 0 of 59 judged wrong."
        in caplog.messages
    )
    report = result.files["report"].read_text()
    assert "a pilot" in report
    assert "At most 4.96 % of pairs" in report


def test_what_nobody_knows_is_said_in_every_file(review, tmp_path, caplog):
    certify(review)
    review.reject(review.target("lineage", "early_A/1/0_21"), "drifts")
    review.reject(review.target("lineage", "late_A/1/0_21"), "drifts")
    review.saw("early", 8)
    result = export_review(review, tmp_path / "out", **WITHOUT)
    record = load_config(result.files["config"]).verification
    assert record.audit["early"].bound is None
    assert record.audit["early"].without == WITHOUT["without_audit"]
    assert [one.judged for one in record.audit["early"].samples_before] == [59]
    assert record.images_scanned["early"].without == ""
    known = json.loads(pq.read_schema(result.files["cell_index"]).metadata[b"lineage_triplets"])
    assert known["audit"]["early"]["without"] == WITHOUT["without_audit"]
    with caplog.at_level(logging.WARNING, logger="lineage_triplets"):
        MultiExperimentTripletDataset.from_config(result.files["config"])
    assert any("how many pairs are wrong is not known" in line for line in caplog.messages)


@pytest.mark.parametrize("reason", ["", "  "])
def test_no_reason_is_no_reason(review, reason):
    plan = plan_export(review, "out", without_audit=reason, without_images=reason)
    assert {"audit", "images"} <= {point.kind for point in open_points(plan.points)}


def test_a_part_of_what_was_audited_is_another_thing(review, tmp_path):
    certify(review)
    review.accept(review.target("lineage", "early_A/1/0_1"))
    review.accept(Target("fov", "late", "A/1/0"))
    with pytest.raises(GateClosedError, match="only a part of it would be exported"):
        export_review(review, tmp_path / "out", only_accepted=True)
    assert open_kinds(review) == set()


def test_other_images_of_the_same_shape_are_not_those_that_were_judged(review, tmp_path):
    certify(review)
    import numpy as np
    import zarr

    array = zarr.open_array(tmp_path / "late.zarr" / "A" / "1" / "0" / "0", mode="r+")
    array[:] = np.asarray(array[:])[::-1]
    review.reload()
    review.checks.check_pixels(anew=True)
    review.approve("late")
    assert ("audit", "late") in open_kinds(review)
    assert ("audit", "early") not in open_kinds(review)


@pytest.mark.parametrize(
    "edit",
    [
        lambda audit: audit | {"wrong": 0},
        lambda audit: audit | {"bound": 0.01},
        lambda audit: audit | {"without": ""},
        lambda _: {},
    ],
)
def test_nobody_makes_it_look_better_by_hand(review, tmp_path, edit):
    certify(review, experiments=("late",))
    judge(review, "early", 20, wrong=2)
    review.approve("early")
    review.saw("early", 8)
    path = export_review(review, tmp_path / "out", without_audit="a pilot").files["config"]
    content = yaml.safe_load(path.read_text())
    content["verification"]["audit"]["early"] = edit(content["verification"]["audit"]["early"])
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(VerificationError, match="its own text changed"):
        MultiExperimentTripletDataset.from_config(path)


def test_a_draft_is_not_made_valid_by_hand(review, tmp_path):
    path = export_review(review, tmp_path / "out", draft=True, formats=["config"]).files["config"]
    text = path.read_text()
    assert "validated: false" in text
    path.write_text(text.replace("validated: false", "validated: true"))
    with pytest.raises(VerificationError, match="its own text changed"):
        MultiExperimentTripletDataset.from_config(path)


def test_a_config_of_before_audits_loads_and_verifies(review, tmp_path, caplog):
    certify(review)
    path = export_review(review, tmp_path / "out", formats=["config"]).files["config"]
    config = load_config(path)
    old = config.verification.model_copy(update={"audit": {}, "images_scanned": {}})
    before = config.model_copy(update={"verification": old})
    plain = config.model_copy(update={"verification": type(old)()})
    # As such a config has it: nothing of the verification is in its hash.
    assert config_hash(before) == config_hash(plain) != config.verification.config_hash
    sealed = old.model_copy(update={"config_hash": config_hash(before)})
    save_config(config.model_copy(update={"verification": sealed}), path, overwrite=True)
    with caplog.at_level(logging.INFO, logger="lineage_triplets"):
        assert len(MultiExperimentTripletDataset.from_config(path))
    assert any("before audits were asked for" in line for line in caplog.messages)


def test_an_experiment_without_pairs_needs_no_audit(review):
    certify(review, experiments=("early",))
    for root in ("1", "11", "21"):
        review.reject(review.target("lineage", f"late_A/1/0_{root}"), "bad")
    assert ("audit", "late") not in open_kinds(review)
    assert ("audit", "early") not in open_kinds(review)


def test_a_share_that_is_none_is_refused(review):
    with pytest.raises(ConfigError, match="within 0 and 1"):
        plan_export(review, "out", max_wrong=5)


def test_the_audit_of_a_config_round_trips(tmp_path, review):
    certify(review)
    path = export_review(review, tmp_path / "out", formats=["config"]).files["config"]
    config = load_config(path)
    save_config(config, tmp_path / "again.yaml")
    assert load_config(tmp_path / "again.yaml").verification == config.verification
    assert isinstance(config.verification.audit["early"], Audit)


def test_the_script_of_a_review_asks_for_the_same(review):
    certify(review, n=20)
    plan = plan_export(review, "out", max_wrong=0.2, without_images="they are bytes")
    lines = commands_of(review, asked=plan.asked)
    assert "lineage-triplets audit experiments.yml --experiment early --pairs 20" in lines
    assert lines[-1].endswith("--max-wrong 0.2 --without-images 'they are bytes'")
    review.reject(review.target("lineage", "early_A/1/0_21"), "drifts")
    assert not any("--experiment early" in line for line in commands_of(review))


@pytest.mark.parametrize(
    ("verdicts", "remedy"),
    [
        ({}, "Allow more: of these pairs there is no other sample"),
        ({1: "wrong"}, "Mend or reject what is wrong and judge the new sample"),
    ],
)
def test_a_bound_that_is_too_high_says_what_would_lower_it(review, verdicts, remedy):
    certify(review, n=20)
    review.judge_all("early", {1: "same", **verdicts})
    (point,) = [
        point
        for point in open_points(gate_points(review))
        if (point.kind, point.experiment) == ("audit", "early")
    ]
    assert point.remedy.startswith(remedy)
