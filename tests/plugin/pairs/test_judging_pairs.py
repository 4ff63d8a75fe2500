"""Pairs judged in the gallery by keys alone: marks, the way of a wrong one, mending, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.pairs.panel import PairsPanel
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from lineage_triplets.qc.record.decision import Target


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session()
    made.open(write_config(tmp_path), by="ada")
    yield made
    made.end()


@pytest.fixture
def panel(qtbot: QtBot, session: Session) -> PairsPanel:
    """The panel with pairs across a division, all read, the first with the ring."""
    made = PairsPanel(session)
    qtbot.addWidget(made)
    session.choose(experiment="early", across_divisions=True)
    made.resize(700, 1000)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    qtbot.waitUntil(lambda: not session.work.running)
    made.gallery.setFocus()
    qtbot.keyClick(made.gallery, Qt.Key.Key_Home)
    return made


def press(qtbot: QtBot, panel: PairsPanel, *keys: Qt.Key) -> None:
    """Press keys in the part of the panel that has the focus, once it is drawn."""
    for key in keys:
        panel.gallery.repaint()
        qtbot.keyClick(QApplication.focusWidget() or panel.gallery, key)


def target(panel: PairsPanel, number: int) -> Target:
    return panel.gallery.pairs.pairs.target(number)


def said(session: Session) -> list[str]:
    return [made.value["verdict"] for made in session.review.effect.judged.values()]


def test_a_key_judges_and_the_next_tile_comes_by_itself(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    gallery = panel.gallery
    assert gallery.current == 0
    press(qtbot, panel, Qt.Key.Key_S, Qt.Key.Key_C)
    assert said(session) == ["same", "cannot tell"]
    assert gallery.current == 2
    assert gallery.pairs.verdicts == {0: "same", 1: "cannot tell"}
    assert "judged same" in gallery.pairs.index(0).data()
    assert gallery.visualRect(gallery.currentIndex()).intersects(gallery.viewport().rect())
    press(qtbot, panel, Qt.Key.Key_B)
    assert gallery.current == 1
    press(qtbot, panel, Qt.Key.Key_S)
    assert said(session) == ["same", "same"]
    qtbot.keyClick(gallery, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert said(session) == ["same", "cannot tell"]
    assert gallery.current == 1
    press(qtbot, panel, Qt.Key.Key_Return)
    assert gallery.current == 2
    words = panel.judge_bar._words
    assert words.text().startswith("Judged here: 2 of ")
    qtbot.waitUntil(lambda: "2 of 8 (early)" in words.text() or "1 of 8 (early)" in words.text())


def test_nothing_is_said_of_a_pair_that_was_not_on_screen(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    panel.gallery._tiles.painted.clear()
    qtbot.keyClick(panel.gallery, Qt.Key.Key_S)
    assert not session.review.effect.judged


def test_many_that_were_seen_are_judged_in_one_step(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    gallery = panel.gallery
    gallery.repaint()
    seen = set(gallery._tiles.painted)
    assert len(seen) > 1
    qtbot.keyClick(gallery, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    press(qtbot, panel, Qt.Key.Key_S)
    assert set(gallery.pairs.verdicts) == seen
    session.decide(lambda review: review.undo())
    assert not gallery.pairs.verdicts


def test_a_wrong_pair_opens_where_it_breaks_and_one_key_cuts(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    gallery, box, pair = panel.gallery, panel.strip_box, target(panel, 0)
    following = target(panel, 1)
    press(qtbot, panel, Qt.Key.Key_W)
    assert said(session) == ["wrong"]
    assert box.asks
    assert box.view.strip.strip is not None
    qtbot.waitUntil(box.view.hasFocus)
    qtbot.waitUntil(lambda: all(link.doubted is not None for link in box.view.strip.way))
    (division,) = [link for link in box.view.strip.way if link.link.daughter == pair.daughter]
    box.view.show_link(division)
    assert "doubt" in box._words.text()
    read = set(gallery.pairs.shown.pictures)
    press(qtbot, panel, Qt.Key.Key_W)
    assert division.link in session.review.effect.cuts
    assert not box.isVisible()
    assert gallery.hasFocus()
    assert pair not in [target(panel, n) for n in range(gallery.pairs.rowCount())]
    assert target(panel, gallery.current) == following or gallery.current not in read
    assert gallery.pairs.shown.pictures, "what stays is not read anew"
    (found,) = [known for known in session.review.findings() if known.finding.kind == "wrong-pair"]
    assert found.status == "settled"


def test_a_wrong_pair_can_be_left_and_answered_again(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    told: list[bool] = []
    session.findings_changed.connect(lambda: told.append(True))
    press(qtbot, panel, Qt.Key.Key_W)
    assert told == [True]
    press(qtbot, panel, Qt.Key.Key_Return)
    assert not panel.strip_box.isVisible()
    assert panel.gallery.current == 1
    assert not session.review.effect.cuts
    press(qtbot, panel, Qt.Key.Key_B, Qt.Key.Key_S)
    assert said(session) == ["same"]
    assert told == [True, True]
