"""Findings in groups: what the lines are, and that a group is decided by one key and one reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt

from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.problems.finding_list import FindingList
from lineage_triplets.plugin.problems.groups import GROUPINGS
from lineage_triplets.plugin.problems.model import FindingFilter, FindingModel, FindingRows
from lineage_triplets.plugin.problems.panel import ProblemsPanel
from lineage_triplets.qc.decide.settled import ReviewedFinding
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record import NewDecision

EVERYWHERE = ("kind", "experiment", "fov")


def findings(n: int) -> list[ReviewedFinding]:
    """Warnings of two kinds in two experiments, three FOVs each; every tenth is waived."""
    return [
        ReviewedFinding(
            Finding(
                kind=("jump", "wrong-link")[k % 2],
                severity="warning",
                experiment=("early", "late")[k // 2 % 2],
                fov=f"A/{k % 3 + 1}/0",
                t=k,
                tracks=(k,),
                sentence=f"Finding {k}.",
            ),
            "waived" if k % 10 == 0 else "open",
        )
        for k in range(n)
    ]


def lines(model: FindingModel) -> list[str]:
    return [
        str(model.index(row, 0).data()) for row in range(model.rowCount()) if model.group_at(row)
    ]


def test_groups_are_nested_and_count_what_the_filter_shows(qtmodeltester: ModelTester) -> None:
    model, rows = FindingModel(), FindingRows.of(findings(48))
    model.show(rows, FindingFilter(), grouping=EVERYWHERE)
    assert (model.rowCount(), model.n_shown) == (2, 43)
    assert lines(model) == ["wrong link: 24", "jump: 19"]
    model.set_open(model.group_at(0), True)
    assert lines(model) == ["wrong link: 24", "early: 12", "late: 12", "jump: 19"]
    model.set_open(model.group_at(1), True)
    model.set_open(model.group_at(2), True)
    assert model.rowCount() == 4 + 3 + 4
    assert model.at(3).finding.kind == "wrong-link"
    assert model.row_of(model.at(3).finding.key) == 3
    assert len(model.of_lines([0])) == 24
    assert len(model.of_lines([0, 3])) == 24
    qtmodeltester.check(model)
    model.set_open(model.group_at(0), False)
    assert model.rowCount() == 2
    model.reveal(rows.reviewed[0].finding.key)
    assert model.row_of(rows.reviewed[0].finding.key) == -1, "it is waived"
    key = rows.reviewed[1].finding.key
    model.reveal(key)
    assert model.at(model.row_of(key)).finding.key == key


@pytest.mark.parametrize("words", GROUPINGS)
def test_every_finding_is_in_one_line_once_all_is_open(words: str) -> None:
    model, rows = FindingModel(), FindingRows.of(findings(20))
    model.show(rows, FindingFilter(status=""), grouping=GROUPINGS[words])
    line = 0
    while line < model.rowCount():
        group = model.group_at(line)
        if group is not None:
            model.set_open(group, True)
        line += 1
    there = [model.at(row) for row in range(model.rowCount())]
    assert sorted(one.finding.key for one in there if one) == sorted(rows.row_of)
    assert sum(one is None for one in there) == len(lines(model))


def test_thousands_come_in_groups_and_keys_go_through_them(qtbot: QtBot) -> None:
    shown = FindingList()
    qtbot.addWidget(shown)
    shown.resize(420, 600)
    shown.show()
    shown.activateWindow()
    qtbot.waitUntil(shown.isActiveWindow)
    shown.set_rows(FindingRows.of(findings(2500)))
    assert shown.grouping.currentText() == "by kind, experiment"
    assert shown.model.rowCount() == 2
    shown.table.setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(shown.table, key)
    assert shown.model.rowCount() == 4
    assert len(shown.chosen) == shown.model.group_at(1).n == 625
    qtbot.keyClick(shown.table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert len(shown.chosen) == 1250
    shown.step(1)
    assert shown.model.group_at(shown.table.currentIndex().row()).label == "jump"
    qtbot.keyClick(shown.table, Qt.Key.Key_Up)
    qtbot.keyClick(shown.table, Qt.Key.Key_Left)
    assert shown.model.group_at(shown.table.currentIndex().row()).label == "wrong-link"
    qtbot.keyClick(shown.table, Qt.Key.Key_Left)
    assert shown.model.rowCount() == 2
    assert shown.select(findings(2500)[7].finding.key)
    assert shown.current.finding.t == 7


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session()
    made.open(write_config(tmp_path), by="ada")
    yield made
    made.end()


def test_a_group_is_settled_with_one_reason_and_one_undo(qtbot: QtBot, session: Session) -> None:
    panel = ProblemsPanel(session)
    qtbot.addWidget(panel)
    panel.resize(500, 800)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    qtbot.waitUntil(lambda: not panel.is_checking and not session.work.running)
    reviewed = [
        ReviewedFinding(
            Finding(
                kind="short-track", severity="note", experiment="early", fov=fov, tracks=(track,),
                sentence="It is short.",
                settled_by=((Target("track", "early", fov, track=str(track)),),),
            ),
            "open",
        )
        for fov in ("A/1/0", "B/2/0")
        for track in (1, 11, 21)
    ]  # fmt: skip
    shown = panel.findings
    shown.grouping.setCurrentText("by kind")
    shown.set_rows(FindingRows.of(reviewed))
    shown.table.setFocus()
    qtbot.keyClick(shown.table, Qt.Key.Key_Up)
    assert "6 selected" in panel.actions_view._count.text()
    before = len(session.review.decisions)
    qtbot.keyClick(shown.table, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    reason = panel.actions_view.reason.reason.lineEdit()
    qtbot.waitUntil(reason.isVisible)
    qtbot.keyClick(reason, Qt.Key.Key_Return)
    made = session.review.decisions[before:]
    assert [decision.kind for decision in made] == ["reject"] * 6
    assert len({decision.group for decision in made}) == 1
    session.decide(lambda review: review.undo())
    assert len(session.review.decisions) == before


def test_much_is_decided_beside_the_window_and_again_if_something_else_is_meanwhile(
    qtbot: QtBot, session: Session
) -> None:
    tracks = [Target("track", "early", "A/1/0", track=str(track)) for track in (1, 11)]
    started: list[int] = []

    def prepare(review: Review) -> Sequence[NewDecision]:
        started.append(len(review.decisions))
        return review.settling(tracks, "short")

    assert session.decide_many(prepare)
    session.decide(lambda review: review.accept(review.target("lineage", "late_A/1/0_1")))
    qtbot.waitUntil(lambda: len(session.review.effect.rejected) == 2)
    assert started == [0, 1]
    said: list[str] = []
    session.failed.connect(said.append)
    session.decide_many(lambda review: review.settling(tracks, ""))
    qtbot.waitUntil(lambda: bool(said))
    assert "reason" in said[0]
