"""How long an action takes in a running event loop, and how long it freezes that loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

_BEAT_MS = 2
_CALM_MS = 80.0
_LONGEST_S = 300.0


class Measured(NamedTuple):
    """One action in the event loop, in milliseconds.

    Attributes
    ----------
    freeze_ms : float
        The longest time for which the loop took no event, drawing included.
    until_ms : float
        From the action to what was waited for.
    """

    freeze_ms: float
    until_ms: float


class Pulse(QObject):
    """A heartbeat in the event loop: beats that come late tell of a freeze.

    Whatever holds the loop up counts: the action, drawing, and threads that keep the interpreter.
    """

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._loop = QEventLoop()
        self._until: Callable[[], bool] = bool
        self._start = self._last = self._reached = self._longest = 0.0

    def measure(self, action: Callable[[], object], until: Callable[[], bool]) -> Measured:
        """Do something in the event loop, and go on until something holds and all is calm.

        Raises
        ------
        TimeoutError
            It never holds.
        """
        self._until, self._longest, self._reached = until, 0.0, 0.0
        QTimer.singleShot(0, lambda: self._act(action))
        self._loop.exec()
        self._timer.stop()
        if not self._reached:
            raise TimeoutError(f"not reached within {_LONGEST_S:g} s")
        return Measured(1000 * self._longest, 1000 * (self._reached - self._start))

    def _act(self, action: Callable[[], object]) -> None:
        self._start = self._last = time.perf_counter()
        self._timer.start()
        action()

    def _beat(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, now - self._last - _BEAT_MS / 1000)
        if not self._reached and self._until():
            self._reached = now
        calm = self._reached and now - self._reached > _CALM_MS / 1000
        if calm or now - self._start > _LONGEST_S:
            self._loop.quit()
        self._last = time.perf_counter()


class Painted(QObject):
    """Tells when a widget was last drawn.

    Parameters
    ----------
    widget : QWidget
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.times = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Count what is drawn."""
        if event.type() == QEvent.Type.Paint:
            self.times += 1
        return bool(super().eventFilter(watched, event))
