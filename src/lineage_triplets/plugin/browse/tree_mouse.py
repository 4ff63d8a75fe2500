"""What a mouse does in a tree: a click chooses, a drag pans, one from a track's end links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from qtpy.QtGui import QMouseEvent, QWheelEvent

    from lineage_triplets.plugin.browse.tree_view import TreeView

REACH_PX = 10.0
_PER_NOTCH = 1.2


@dataclass(frozen=True)
class _Press:
    """Where a button went down, and where the view was scrolled to."""

    at: QPointF
    button: Qt.MouseButton
    scrolled: tuple[int, int]
    source: int | None


class TreeMouse:
    """Turns a mouse's presses, moves and wheel into what a tree does.

    Parameters
    ----------
    view : TreeView
    """

    def __init__(self, view: TreeView) -> None:
        self._view = view
        self._press: _Press | None = None
        self._moved = False

    def press(self, event: QMouseEvent) -> None:
        """Remember where it begins; a link begins at the end of a track."""
        view, at = self._view, event.position()
        if event.button() not in {Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton}:
            return
        bars = view.horizontalScrollBar().value(), view.verticalScrollBar().value()
        source = None
        if event.button() == Qt.MouseButton.LeftButton and view.tree is not None:
            source = view.scale().end_near(view.tree.layout, at.x(), at.y(), REACH_PX)
        self._press, self._moved = _Press(at, event.button(), bars, source), False

    def move(self, event: QMouseEvent) -> None:
        """Pan, or draw the link to the pointer."""
        view, press, at = self._view, self._press, event.position()
        if press is None:
            view.point_at(at)
            return
        way = at - press.at
        if not self._moved and way.manhattanLength() < QApplication.startDragDistance():
            return
        self._moved = True
        if press.source is not None:
            view.linking.draw(press.source, at)
        else:
            view.setCursor(Qt.CursorShape.ClosedHandCursor)
            view.horizontalScrollBar().setValue(press.scrolled[0] - round(way.x()))
            view.verticalScrollBar().setValue(press.scrolled[1] - round(way.y()))

    def release(self, event: QMouseEvent) -> None:
        """Choose what was clicked, or propose the link that was drawn."""
        view, press = self._view, self._press
        self._press = None
        if press is None or event.button() != press.button:
            return
        view.unsetCursor()
        if self._moved and press.source is not None:
            at = event.position()
            found = view.under(at)
            view.linking.drop(at, None if found is None else found[0])
        elif not self._moved and press.button == Qt.MouseButton.LeftButton:
            view.choose_at(press.at)

    def cancel(self) -> bool:
        """Draw no link after all; False if none was drawn."""
        if self._press is not None and self._press.source is not None:
            self._press = None
        return self._view.linking.stop()

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom around the pointer: the time axis; with Shift the columns, with Ctrl both."""
        at, delta = event.position(), event.angleDelta()
        factor = _PER_NOTCH ** ((delta.y() or delta.x()) / 120)
        held = event.modifiers()
        both = bool(held & Qt.KeyboardModifier.ControlModifier)
        columns = bool(held & Qt.KeyboardModifier.ShiftModifier)
        self._view.zoom(factor, at.x(), at.y(), across=both or columns, down=both or not columns)
        event.accept()
