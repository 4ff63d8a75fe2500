"""The session: choices that take long are made beside the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lineage_triplets.plugin.common import session as session_module
from lineage_triplets.plugin.common.session import Session
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


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


def test_settings_that_cannot_be_are_a_message(session: Session, qtbot) -> None:
    before = session.review.intent
    with qtbot.waitSignal(session.failed):
        session.choose(tau_range_hours=(3.0, 1.0))
    assert session.review.intent == before
