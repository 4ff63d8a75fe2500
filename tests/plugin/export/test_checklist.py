"""The checklist in words, without a screen."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
from qtpy.QtCore import QObject

from lineage_triplets.plugin.common.work import Job
from lineage_triplets.plugin.export.checklist import (
    PANELS,
    change_words,
    checklist,
    cost_cells,
    cost_words,
    left_out_table,
    training_lines,
    verdict_words,
)
from lineage_triplets.plugin.export.jobs import plan_job
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review, plan_export
from lineage_triplets.qc.gate import Asked, GatePoint, PointKind
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path), by="ada") as opened:
        yield opened


def test_open_points_come_by_kind_with_the_panel_that_settles_them():
    groups = checklist(
        [
            GatePoint("error", False, "A jump.", "Reject it.", "early", "jump:early:1"),
            GatePoint("error", False, "A jump too.", "Reject it.", "early", "jump:early:2"),
            GatePoint("error", False, "A swap.", "Remap.", "early", "swap:early"),
            GatePoint("stale", False, "Decision 3 …", "Confirm it.", "late", decision=3),
            GatePoint("channels", True, "Approved.", experiment="early"),
            GatePoint("channels", False, "Not approved.", "Look.", "late"),
        ]
    )
    assert [one.kind for one in groups] == ["error", "channels", "stale"]
    error, channels, stale = groups
    assert [(one.sentence, one.count, one.panel) for one in error.lines] == [
        ("A jump. And 1 more like this.", 2, "Problems"),
        ("A swap.", 1, "Problems"),
    ]
    assert error.lines[0].finding_key == "jump:early:1"
    assert channels.words == "Channels approved (1 of 2)"
    assert (channels.lines[0].experiment, channels.lines[0].panel) == ("late", "Channels")
    assert stale.lines[0].decisions == (3,)


def test_a_remedy_is_said_once_where_it_is_the_same():
    points = [GatePoint("channels", False, "Not approved.", "Look.", name) for name in ("a", "b")]
    assert checklist(points)[0].remedy == "Look."
    assert checklist(points[:1])[0].remedy == ""


def test_words_count_what_is_open():
    settled = GatePoint("error", True, "No error is open.")
    assert verdict_words([settled]).startswith("Everything is settled")
    assert verdict_words([settled, GatePoint("anchors", False, "None.")]).startswith("1 point to")
    assert checklist([settled])[0].passed


def test_bounds_and_reasons_are_said_where_all_is_settled():
    bound = GatePoint("audit", True, "At most 4.96 % of pairs wrong.", experiment="early")
    said = "The images of 1 of 2 FOVs were not scanned: a pilot."
    reason = GatePoint("images", True, said, experiment="late")
    scanned = GatePoint("images", True, "The images of 2 FOVs were scanned.", experiment="early")
    known = [one for group in checklist([bound, reason, scanned]) for one in group.known]
    assert known == [("late", said), ("early", "At most 4.96 % of pairs wrong.")]


def test_every_kind_of_point_has_a_panel_and_a_heading():
    kinds = get_args(PointKind)
    groups = checklist([GatePoint(kind, False, "Open.", "Settle it.") for kind in kinds])
    assert {group.kind for group in groups} == set(kinds) == set(PANELS)
    assert all(group.heading and group.lines[0].panel for group in groups)


def test_tables_that_do_not_lie_on_their_images_lead_to_their_finding():
    apart = GatePoint("placement", False, "Off.", "Place it.", "early", "placement:early:offset")
    fits = GatePoint("placement", True, "The tables of 2 of 2 FOVs lie.", experiment="late")
    (group,) = checklist([apart, fits])
    assert group.words == "Tables lie on their images (1 of 2)"
    assert (group.lines[0].panel, group.lines[0].finding_key) == (
        "Problems", "placement:early:offset",
    )  # fmt: skip
    assert group.known == (("late", "The tables of 2 of 2 FOVs lie."),)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_plan_looks_where_tables_are_until_it_is_stopped(review, tmp_path, stopped):
    told = []
    stop = threading.Event()
    if stopped:
        stop.set()
    job = Job(QObject(), "Checking", 1, stop, False, lambda *now: told.append(now))
    snapshot = review.snapshot()
    planned = plan_job(snapshot, tmp_path, only_accepted=False, asked=Asked())(job)
    assert len(snapshot.checks.placements) == (0 if stopped else 3)
    assert bool(planned.points) is not stopped
    assert ((3, 3) in told) is not stopped


def test_the_points_of_a_plan_lead_to_their_panels(review, tmp_path):
    plan = plan_export(review, tmp_path)
    lines = [line for group in checklist(plan.points) for line in group.lines]
    assert sum(one.count for one in lines) == sum(not one.passed for one in plan.points) > 0
    assert {one.panel for one in lines if one.kind in {"divisions", "audit"}} == {"Audit"}
    assert {one.panel for one in lines if one.kind == "images"} == {"Problems"}


def test_the_cost_is_said_in_anchors(review, tmp_path):
    assert cost_words(plan_export(review, tmp_path)).startswith("Nothing is left out")
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    plan = plan_export(review, tmp_path)
    before = int(plan.cost["valid_anchors_before"].sum())
    after = int(plan.cost["valid_anchors_after"].sum())
    assert after < before
    words = cost_words(plan)
    assert words.startswith("1 rejection and 0 cuts; ")
    assert f"{after:,} anchors, {before:,} before" in words
    early = cost_cells(plan).set_index("experiment").loc["early"]
    assert "→" in early["anchors"]
    assert "→" not in cost_cells(plan).set_index("experiment").loc["late", "anchors"]
    row = left_out_table(plan).iloc[0]
    assert (row["reason"], row["by"]) == ("dead cells", "ada")
    late = ("late", "A/1/0")
    joined = Target("join", *late, track="3", t=8, daughter=21, to_t=9)
    review.settle([Target("link", *late, track="21", t=9), joined], "her daughter")
    words = cost_words(plan_export(review, tmp_path))
    assert words.startswith("1 rejection, 1 cut and 1 link; ")


def test_anchors_that_links_give_are_not_called_kept(review, tmp_path):
    review.reject(review.target("lineage", "early_A/1/0_1"), "dead cells")
    plan = plan_export(review, tmp_path)
    before = int(plan.cost["valid_anchors_before"].sum())
    cost = plan.cost.assign(valid_anchors_after=plan.cost["valid_anchors_before"])
    cost.loc[0, "valid_anchors_after"] += 1
    words = cost_words(replace(plan, cost=cost))
    assert f"{before + 1:,} anchors, {before:,} before" in words


def test_changes_are_shares():
    assert change_words(1000, 1000) == "1,000"
    assert change_words(1000, 750) == "1,000 → 750 (\N{MINUS SIGN}25.0%)"


def test_the_three_lines_train(review, tmp_path):
    path = export_review(review, tmp_path / "it's here", draft=True).files["config"]
    lines = training_lines(str(path))
    assert len(lines.splitlines()) == 3
    names: dict[str, object] = {}
    exec(lines, names)
    batch = next(iter(names["loader"]))
    assert batch["anchor"].shape == batch["positive"].shape
