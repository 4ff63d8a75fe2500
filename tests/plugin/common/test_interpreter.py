"""Python's collector and turns, as long as there is work beside the event loop."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from lineage_triplets.plugin.common.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cycle:
    """Something that only the collector ends; tells in which thread."""

    def __init__(self, ended: list[threading.Thread]) -> None:
        self.itself, self.ended = self, ended

    def __del__(self) -> None:
        self.ended.append(threading.current_thread())


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector as Python has it, with nothing left for it."""
    was_enabled, thresholds = gc.isenabled(), gc.get_threshold()
    gc.collect()
    gc.enable()
    yield
    gc.set_threshold(*thresholds)
    if not was_enabled:
        gc.disable()


def test_what_is_garbage_ends_in_the_thread_of_the_event_loop(collector, qtbot) -> None:
    work, ended = Work(), []
    Cycle(ended)
    made: list[object] = []
    work.start(work, "it", lambda _job: made.extend([] for _ in range(100_000)), lambda _: None)
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == [threading.main_thread()]
    work.shut_down()
    assert gc.isenabled()


def test_what_is_old_and_garbage_ends_too(collector, qtbot) -> None:
    work, ended = Work(), []
    cycle = Cycle(ended)
    gc.collect()
    gc.set_threshold(1, 1, 1)
    del cycle
    qtbot.waitUntil(lambda: bool(ended))
    work.shut_down()


def test_what_hangs_together_goes_when_it_is_asked_for(collector, qtbot) -> None:
    gc.set_threshold(0)
    work, ended = Work(), []
    Cycle(ended)
    work.collect_soon()
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == [threading.main_thread()]
    assert gc.get_freeze_count() > 0
    work.shut_down()
    assert gc.get_freeze_count() == 0


def test_two_share_the_collector_until_both_are_gone(collector, qtbot) -> None:
    work, other = Work(), Work()
    work.shut_down()
    assert not gc.isenabled()
    del other
    gc.collect()
    assert gc.isenabled()


def test_threads_take_short_turns_until_the_last_is_gone(qtbot) -> None:
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.005)
        work, other = Work(), Work()
        work.shut_down()
        assert sys.getswitchinterval() == pytest.approx(0.0005, abs=5e-6)
        other.shut_down()
        assert sys.getswitchinterval() == pytest.approx(0.005, abs=5e-6)
        sys.setswitchinterval(0.0001)
        work = Work()
        assert sys.getswitchinterval() == pytest.approx(0.0001, abs=5e-6)
        work.shut_down()
    finally:
        sys.setswitchinterval(before)


def test_a_collector_that_somebody_turned_off_stays_off(collector, qtbot) -> None:
    gc.disable()
    work = Work()
    work.shut_down()
    assert not gc.isenabled()
