"""Work beside the event loop: handed back, in steps, or dropped."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.plugin.common.work import Job, Work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


@pytest.fixture
def work(qtbot: QtBot) -> Iterator[Work]:
    made = Work()
    yield made
    made.shut_down()


def test_steps_let_the_event_loop_go_on_and_keep_the_job_under_way(work: Work, qtbot) -> None:
    seen: list[object] = []
    finished: list[str] = []
    work.finished.connect(finished.append)

    def steps(result: object) -> Iterator[None]:
        for number in range(3):
            seen.append((result, number, work.running))
            # Comes between two steps only if the event loop runs there.
            work.start(
                work, f"between {number}", lambda _job: None, lambda _: seen.append("between")
            )
            yield
            qtbot.waitUntil(lambda number=number: f"between {number}" not in work.running)

    work.start(work, "it", lambda _job: 7, steps)
    qtbot.waitUntil(lambda: "it" in finished)
    assert [one[:2] for one in seen if one != "between"] == [(7, 0), (7, 1), (7, 2)]
    assert all("it" in one[2] for one in seen if one != "between")
    assert work.running == ()


def test_a_newer_job_closes_the_steps_of_an_older_one(work: Work, qtbot) -> None:
    seen: list[str] = []

    def steps(_result: object) -> Iterator[None]:
        try:
            seen.append("begun")
            while True:
                yield
        finally:
            seen.append("closed")

    dropped: list[str] = []
    work.start(work, "it", lambda _job: None, steps, lambda: dropped.append("old"))
    qtbot.waitUntil(lambda: seen == ["begun"])
    work.start(
        work, "it", lambda _job: None, lambda _: seen.append("new"), lambda: dropped.append("new")
    )
    assert seen == ["begun", "closed"]
    qtbot.waitUntil(lambda: not work.running)
    assert seen[-1] == "new"
    assert dropped == ["old"]


def test_a_step_may_make_its_own_job_void(work: Work, qtbot) -> None:
    seen: list[str] = []

    def steps(_result: object) -> Iterator[None]:
        try:
            work.start(work, "it", lambda _job: None, lambda _: seen.append("new"))
            yield
            seen.append("went on")
        finally:
            seen.append("closed")

    work.start(work, "it", lambda _job: None, steps, lambda: seen.append("dropped"))
    qtbot.waitUntil(lambda: not work.running)
    assert seen == ["dropped", "closed", "new"]


def test_a_last_step_may_make_its_own_job_void(work: Work, qtbot) -> None:
    seen: list[str] = []

    def steps(_result: object) -> Iterator[None]:
        yield
        work.start(work, "it", lambda _job: None, lambda _: seen.append("new"))

    work.start(work, "it", lambda _job: None, steps, lambda: seen.append("dropped"))
    qtbot.waitUntil(lambda: not work.running)
    assert seen == ["dropped", "new"]


def test_what_is_cancelled_or_fails_is_dropped(work: Work, qtbot) -> None:
    dropped: list[str] = []
    go = threading.Event()
    work.start(
        work, "held", lambda _job: go.wait(10), dropped.append, lambda: dropped.append("held")
    )
    work.cancel("held")
    go.set()
    assert dropped == ["held"]

    def fail(_job: object) -> None:
        raise ConfigError(Problem("bad", "it is bad."))

    with qtbot.waitSignal(work.failed) as failed:
        work.start(work, "bad", fail, dropped.append, lambda: dropped.append("bad"))
    assert "it is bad" in failed.args[0]
    assert dropped == ["held", "bad"]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_handed_to_an_owner_that_is_gone(work: Work, qtbot, fails: bool) -> None:
    owner, go, seen = QObject(), threading.Event(), []
    work.failed.connect(seen.append)

    def run(_job: object) -> None:
        go.wait(10)
        if fails:
            raise ConfigError(Problem("bad", "it is bad."))

    work.start(owner, "it", run, lambda _: seen.append("done"), lambda: seen.append("dropped"))
    destroy(owner)
    go.set()
    qtbot.waitUntil(lambda: not work.running)
    assert seen == ["dropped"]


def test_steps_end_with_their_owner(work: Work, qtbot) -> None:
    owner, seen = QObject(), []

    def steps(_result: object) -> Iterator[None]:
        try:
            seen.append("begun")
            destroy(owner)
            yield
            seen.append("went on")
        finally:
            seen.append("closed")

    work.start(owner, "it", lambda _job: None, steps, lambda: seen.append("dropped"))
    qtbot.waitUntil(lambda: not work.running)
    assert seen == ["begun", "closed", "dropped"]


def test_what_is_patient_begins_once_all_others_are_over(work: Work, qtbot) -> None:
    go_on, order = threading.Event(), []

    def run(name: str) -> None:
        work.start(work, name, lambda _job: order.append(name), bool, patient=name == "patient")

    def after(_result: object) -> None:
        order.append("first")
        run("second")

    work.start(work, "first", lambda _job: go_on.wait(60), after)
    run("patient")
    work.start(work, "gone", lambda _job: order.append("gone"), bool, patient=True)
    work.cancel("gone")
    assert work.running == ("first", "patient")
    go_on.set()
    qtbot.waitUntil(lambda: not work.running)
    assert order == ["first", "second", "patient"]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own there")
def test_what_is_patient_leaves_the_processor_to_others(work: Work, qtbot) -> None:
    found: dict[str, int] = {}

    def look(job: Job) -> None:
        found[job.name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    work.start(work, "waited for", look, bool)
    work.start(work, "patient", look, bool, patient=True)
    qtbot.waitUntil(lambda: not work.running)
    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert found == {"waited for": here, "patient": min(here + 10, 19)}


def destroy(owner: QObject) -> None:
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete.value)
