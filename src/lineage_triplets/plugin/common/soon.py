"""What shall happen once the event loop runs again, unless its owner is gone by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QObject


def soon(owner: QObject, action: Callable[[], object]) -> None:
    """Call an action in the next round of the event loop.

    PyQt6 has no ``QTimer.singleShot`` with a context, so this asks whether it is alive; a timer
    that deletes itself while its parent is deleted ends PySide6 in a segmentation fault.

    Parameters
    ----------
    owner : QObject
        If it is destroyed first, nothing is called.
    action : callable
        Takes nothing.
    """

    def act() -> None:
        if isalive(owner):
            action()

    QTimer.singleShot(0, act)
