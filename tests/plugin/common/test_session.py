"""The session: choices that take long come later, and a panel that is gone gets nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from lineage_triplets.plugin.browse.panel import BrowsePanel
from lineage_triplets.plugin.channels.panel import ChannelsPanel
from lineage_triplets.plugin.common import session as session_module
from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.export.panel import ExportPanel
from lineage_triplets.plugin.pairs.panel import PairsPanel
from lineage_triplets.plugin.problems.panel import ProblemsPanel
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.qc.look.view import ReviewState


LINK = ("early", "A/1/0", "1")


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(session_module, "_MANY_OBSERVATIONS", 0)
    made = Session()
    made.open(write_config(tmp_path), by="ada")
    yield made
    made.end()


def test_settings_of_many_observations_come_later_and_all_of_them(session: Session, qtbot) -> None:
    states: list[object] = []
    session.state_changed.connect(states.append)
    assert session.choose(tau_range_hours=(0.5, 1.0))
    assert session.choose(tau_decay_rate=1.0)
    assert session.choose(lineage="early_A/1/0_1")
    qtbot.waitUntil(lambda: not session.work.running)
    settings = session.review.intent.dataset
    assert (settings.tau_range_hours, settings.tau_decay_rate) == ((0.5, 1.0), 1.0)
    assert session.review.intent.lineage == "early_A/1/0_1"
    assert states[-1] is session.review.state


def test_a_choice_is_added_to_the_one_that_is_coming(session: Session, qtbot) -> None:
    states: list[object] = []
    session.state_changed.connect(states.append)
    assert session.choose(experiment="early", fov="B/2/0")
    assert session.choose(lineage="early_B/2/0_1")
    qtbot.waitUntil(lambda: not session.work.running)
    intent = session.review.intent
    assert (intent.fov, intent.lineage) == ("B/2/0", "early_B/2/0_1")
    assert states == [session.review.state]
    session.choose(experiment="early", fov="B/2/0", lineage="early_B/2/0_1")
    qtbot.waitUntil(lambda: not session.work.running)
    assert len(states) == 1


def test_what_follows_from_a_decision_is_made_beside_the_window(session: Session, qtbot) -> None:
    session.choose(lineage="early_A/1/0_1")
    qtbot.waitUntil(lambda: not session.work.running)
    states: list[ReviewState] = []
    session.state_changed.connect(states.append)
    before = session.review.state.view.tracks["track"].tolist()
    assert session.decide(lambda review: review.cut(Target("link", *LINK, t=4), "another cell"))
    # It is decided, and nothing of all tables was made for it yet.
    assert len(session.review.effect.cuts) == 1
    assert (states, session.review.data.has_linked) == ([], False)
    assert session.review.intent.lineage == "early_A/1/0_1"
    qtbot.waitUntil(lambda: bool(states))
    assert states == [session.review.state]
    assert "1@4" not in before
    cut = session.review.data.linked.names
    assert cut.find("early_A/1/0_1@4") >= 0


def test_settings_that_cannot_be_are_a_message(session: Session, qtbot) -> None:
    before = session.review.intent
    with qtbot.waitSignal(session.failed):
        session.choose(tau_range_hours=(3.0, 1.0))
    assert session.review.intent == before


@pytest.mark.parametrize(
    "panel_type", [BrowsePanel, PairsPanel, ChannelsPanel, ProblemsPanel, ExportPanel]
)
def test_a_panel_may_go_while_its_work_is_under_way(
    qtbot: QtBot, tmp_path: Path, panel_type: type[QWidget]
) -> None:
    session, go = Session(), threading.Event()
    said: list[str] = []
    session.failed.connect(said.append)
    panel = panel_type(session)
    panel.show()
    # Both threads are taken, so that no result comes before the panel is gone.
    held = {"one", "other"}
    for name in held:
        session.work.start(session, name, lambda _job: go.wait(60), lambda _: None)
    session.open(write_config(tmp_path), by="ada")
    qtbot.waitUntil(lambda: bool(set(session.work.running) - held))
    panel.deleteLater()
    QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete.value)
    go.set()
    # Exceptions in the event loop fail the test.
    qtbot.waitUntil(lambda: not session.work.running)
    session.end()
    assert said == []
