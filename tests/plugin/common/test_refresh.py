"""What is read anew beside the window: after changes, once at a time, and never for nobody."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.session import Session
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review


@pytest.fixture
def session(qtbot: Any, tmp_path: Path) -> Iterator[Session]:
    made = Session()
    made.open(write_config(tmp_path), by="ada", decisions=tmp_path / "decisions.db")
    yield made
    made.end()


class Reader:
    """A refresh of the tau range; `go` lets what it reads come to its end."""

    def __init__(self, session: Session, **options: Any) -> None:
        self.begun: list[tuple[float, float]] = []
        self.shown: list[tuple[float, float]] = []
        self.go = threading.Event()
        self.go.set()
        self.refresh = Refresh(
            session, "tau", self._prepare, self.shown.append, **{"wait_ms": 0, **options}
        )

    def _prepare(self, snapshot: Review) -> Callable[[Job], tuple[float, float]]:
        self.begun.append(snapshot.intent.dataset.tau_range_hours)

        def run(_job: Job) -> tuple[float, float]:
            assert self.go.wait(10)
            return snapshot.data.settings.tau_range_hours

        return run


def test_what_changes_at_once_is_read_once(session: Session, qtbot: Any) -> None:
    reader = Reader(session)
    session.state_changed.connect(reader.refresh.later)
    for high in (1.0, 1.5, 3.0):
        session.choose(tau_range_hours=(0.5, high))
    assert reader.refresh.is_due
    assert reader.begun == []
    qtbot.waitUntil(lambda: not reader.refresh.is_due)
    assert reader.begun == reader.shown == [(0.5, 3.0)]


def test_what_changes_during_a_read_is_read_after_it(session: Session, qtbot: Any) -> None:
    reader = Reader(session)
    reader.go.clear()
    reader.refresh.now()
    session.choose(tau_range_hours=(0.5, 3.0))
    reader.refresh.now()
    reader.refresh.now()
    assert len(reader.begun) == 1
    reader.go.set()
    qtbot.waitUntil(lambda: not reader.refresh.is_due)
    assert reader.begun == reader.shown == [(0.5, 2.0), (0.5, 3.0)]


def test_it_knows_whether_it_read_the_review_as_it_is(session: Session, qtbot: Any) -> None:
    of_settings = Reader(session)
    of_seed = Reader(session, of=lambda review: review.intent.seed)
    assert not of_settings.refresh.is_current
    for reader in (of_settings, of_seed):
        reader.refresh.now()
        qtbot.waitUntil(lambda reader=reader: bool(reader.shown))
        assert reader.refresh.is_current
    session.choose(tau_range_hours=(0.5, 3.0))
    assert not of_settings.refresh.is_current
    assert of_seed.refresh.is_current


def test_what_it_found_itself_is_no_change(session: Session, qtbot: Any) -> None:
    def checks(snapshot: Review) -> Callable[[Job], int]:
        return lambda _job: len(snapshot.check(channels=False))

    shown: list[int] = []
    refresh = Refresh(session, "checks", checks, shown.append, wait_ms=0)
    told: list[None] = []
    session.findings_changed.connect(lambda: told.append(None))
    session.findings_changed.connect(refresh.later)
    refresh.now()
    qtbot.waitUntil(lambda: bool(shown))
    # The review was told of what was found, so there is no second read.
    assert told
    assert not refresh.is_due
    assert len(session.review.findings()) == shown[0] > 0


def test_a_stopped_read_shows_nothing(session: Session, qtbot: Any) -> None:
    reader = Reader(session)
    reader.go.clear()
    reader.refresh.now()
    reader.refresh.now()
    told: list[bool] = []
    reader.refresh.stopped.connect(lambda: told.append(reader.refresh.is_due))
    reader.refresh.stop()
    assert told == [False]
    assert not reader.refresh.is_due
    assert not reader.refresh.is_current
    reader.go.set()
    reader.refresh.now()
    qtbot.waitUntil(lambda: not reader.refresh.is_due)
    assert len(reader.shown) == 1


def test_a_read_that_was_cancelled_goes_on_where_something_changed(
    session: Session, qtbot: Any
) -> None:
    reader = Reader(session)
    reader.go.clear()
    reader.refresh.now()
    reader.refresh.now()
    session.work.cancel("tau")
    reader.go.set()
    qtbot.waitUntil(lambda: not reader.refresh.is_due)
    assert len(reader.begun) == 2
    assert len(reader.shown) == 1


def test_what_fails_is_said_and_over(session: Session, qtbot: Any) -> None:
    def fail(_snapshot: Review) -> Callable[[Job], None]:
        raise ConfigError(Problem("bad", "it is bad."))

    refresh = Refresh(session, "bad", fail, lambda _: pytest.fail("shown"), wait_ms=0)
    with qtbot.waitSignal(session.failed) as failed:
        refresh.later()
    assert "it is bad" in failed.args[0]
    assert not refresh.is_due


def test_nothing_is_read_of_a_closed_review(session: Session, qtbot: Any) -> None:
    reader = Reader(session)
    reader.refresh.later()
    session.close()
    assert not reader.refresh.is_due
    reader.refresh.now()
    reader.refresh.later()
    assert not reader.refresh.is_due
    assert reader.begun == []


def test_a_refresh_that_is_gone_is_told_nothing(session: Session, qtbot: Any) -> None:
    reader = Reader(session)
    reader.go.clear()
    reader.refresh.now()
    reader.refresh.deleteLater()
    QApplication.sendPostedEvents(reader.refresh, QEvent.Type.DeferredDelete.value)
    reader.go.set()
    qtbot.waitUntil(lambda: not session.work.running)
    session.choose(tau_range_hours=(0.5, 3.0))
    assert reader.shown == []
