"""What Python does for the whole process, kept as an event loop with threads beside it needs it."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

_COLLECT_MS = 200
# As Python's own collector: all is looked through once there is a quarter more of what is old.
_MORE_OLD_OBJECTS = 1.25
_SWITCH_SECONDS = 0.0005


class Interpreter(QObject):
    """Python's collector of garbage and its turns, as long as somebody works beside the event loop.

    By itself the collector runs in whichever thread makes objects, and what it finds ends there.
    Views and sessions hold each other, so they are left to it; a Qt object that ends in a thread
    that is not its own corrupts memory, and one with a timer that runs is a segmentation fault. So
    the collector is off meanwhile, and called by a timer, by its own thresholds.

    Qt lets go of the interpreter in most of its calls, and drawing makes thousands of them. A
    thread that computes in Python keeps it for a whole turn after each, several such threads for
    one each: with turns of 5 ms, Python's own, a picture of 10 ms was drawn in 90. So turns are
    short.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._n_holders = self._n_old = 0
        self._collects = False
        self._switch_seconds = sys.getswitchinterval()
        self._timer = QTimer(self)
        self._timer.setInterval(_COLLECT_MS)
        self._timer.timeout.connect(self._collect)

    @classmethod
    def of_application(cls) -> Interpreter:
        """The one of the event loop."""
        app = QCoreApplication.instance()
        return app.findChild(cls) or cls(app)

    def hold(self, holder: QObject) -> Callable[[], object]:
        """Keep it so until the holder is gone, or calls what it is given.

        Where somebody has turned the collector off, it stays off; shorter turns stay so.
        """
        if self._n_holders == 0:
            self._switch_seconds = sys.getswitchinterval()
            sys.setswitchinterval(min(self._switch_seconds, _SWITCH_SECONDS))
            self._collects = gc.isenabled()
            if self._collects:
                gc.disable()
                # All that was imported and built before is looked through no more: that took
                # longer than a person should wait.
                gc.freeze()
                self._timer.start()
        self._n_holders += 1
        let_go = weakref.finalize(holder, self._let_go)
        let_go.atexit = False
        return let_go

    def _let_go(self) -> None:
        # Perhaps in another thread, or after the application's end: the timer is left alone.
        self._n_holders -= 1
        if self._n_holders:
            return
        sys.setswitchinterval(self._switch_seconds)
        if self._collects:
            self._collects = False
            gc.unfreeze()
            gc.enable()

    def collect_all(self) -> None:
        """Collect whatever is garbage, unless the collector was turned off by somebody else."""
        if self._collects:
            gc.collect()

    def _collect(self) -> None:
        if not self._collects:
            self._timer.stop()
            return
        counts, thresholds = gc.get_count(), gc.get_threshold()
        due = [n for n in range(3) if 0 < thresholds[n] < counts[n]]
        if 0 not in due:
            return
        if due[-1] == 2:
            n_old = len(gc.get_objects(generation=2))
            if n_old < _MORE_OLD_OBJECTS * self._n_old:
                due.pop()
            else:
                self._n_old = n_old
        gc.collect(due[-1])
