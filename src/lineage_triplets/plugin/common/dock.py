"""The room that the widget takes in napari's window, and napari's own docks beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QRect, Qt, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QDockWidget, QMainWindow

from lineage_triplets.plugin.common.work import soon

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.plugin.common.remembered import Remembered

_NAPARIS = ("layer list", "layer controls")
_SHARE_OF_WINDOW, _MOST_OF_WINDOW = 1 / 3, 0.6
_LEAST_WIDTH, _LEAST_ON_WIDE = 560, 620
WIDE = 1600
"""Width of a window, in pixels, from which on there is room enough beside the canvas."""
_ROOM_FOR_ALL = 2200
"""Width of a window from which on napari's own docks stay by themselves, in pixels."""
_SIDES = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea


def opening_width(of_window: int) -> int:
    """Give the width at which the widget opens in a window of some width, in pixels."""
    least = _LEAST_ON_WIDE if of_window >= WIDE else _LEAST_WIDTH
    return max(round(_SHARE_OF_WINDOW * of_window), least)


class DockRoom(QObject):
    """Gives the widget its width when it is shown, and has napari's own docks step aside.

    They come back when the widget is hidden, floats or goes, and before the window closes: napari
    remembers which docks were there. What a person changes is remembered.

    Parameters
    ----------
    widget : QWidget
        What is in the dock.
    remembered : Remembered

    Attributes
    ----------
    layers_shown : Signal(bool)
        Napari's layer list and controls came, or went.
    """

    layers_shown = Signal(bool)

    def __init__(self, widget: QWidget, remembered: Remembered) -> None:
        # No child of the widget: it outlives it by the moment that giving back takes.
        super().__init__()
        # What is held here is held after napari let go of it.
        self._widget = ref(widget)
        self._remembered = remembered
        self._aside: list[QDockWidget] = []
        self._closing = self._fitted = self._chosen = False
        self._window_width = 0
        self._has_place = False
        widget.installEventFilter(self)

    def show_layers(self, wanted: bool) -> None:
        """Show napari's layer list and controls beside the widget, or have them step aside."""
        self._remembered.layers = wanted
        self._step_aside()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the widget, its dock and the window."""
        kind = event.type()
        if watched is self._widget():
            if kind == QEvent.Type.Show:
                self._take_place()
            elif kind == QEvent.Type.Resize:
                self._note_size()
        elif watched is self._window and kind == QEvent.Type.Close:
            # Napari writes down now which docks are there.
            self._closing = True
            self._give_back()
            soon(self, self._on_not_closed)
        elif watched is self._window and kind == QEvent.Type.Resize:
            soon(self, self._on_window_resized)
        elif watched is self._dock and kind in {QEvent.Type.Move, QEvent.Type.Resize}:
            self._note_floating()
        return bool(super().eventFilter(watched, event))

    def leave(self) -> None:
        """Give napari's own docks back."""
        self._closing = True
        self._give_back()

    @property
    def _dock(self) -> QDockWidget | None:
        widget = self._widget()
        dock = widget.parentWidget() if widget is not None and isalive(widget) else None
        return dock if isinstance(dock, QDockWidget) else None

    @property
    def _window(self) -> QMainWindow | None:
        dock = self._dock
        window = None if dock is None else dock.parentWidget()
        return window if isinstance(window, QMainWindow) else None

    def _take_place(self) -> None:
        """Find the dock, once there is one."""
        dock, window = self._dock, self._window
        if self._has_place or dock is None or window is None:
            return
        self._has_place = True
        dock.visibilityChanged.connect(lambda _: soon(self, self._step_aside))
        dock.topLevelChanged.connect(self._on_floated)
        dock.installEventFilter(self)
        window.installEventFilter(self)
        place = self._remembered.floating
        # The layout of the window comes first.
        soon(self, lambda: self._open_at(place))

    def _open_at(self, place: QRect) -> None:
        dock, window = self._dock, self._window
        if dock is None or window is None or self._closing:
            return
        self._step_aside()
        if not place.isNull() and QGuiApplication.screenAt(place.center()) is not None:
            dock.setFloating(True)
            dock.setGeometry(place)
        else:
            self._fit(dock, window)
        self._fitted = True

    def _fit(self, dock: QDockWidget, window: QMainWindow) -> None:
        """Make the dock as wide as it was last, or should be in this window."""
        self._window_width = window.width()
        if _is_beside(dock, window):
            known = self._remembered.width(wide=window.width() >= WIDE)
            width = min(
                known or opening_width(window.width()), round(_MOST_OF_WINDOW * window.width())
            )
            window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)

    def _on_window_resized(self) -> None:
        """Fit into a window of another width, and let napari's own docks come or go."""
        dock, window = self._dock, self._window
        if dock is None or window is None or self._closing:
            return
        if self._fitted and window.width() != self._window_width:
            if self._chosen:
                self._window_width = window.width()
            else:
                self._fit(dock, window)
            self._step_aside()

    def _note_size(self) -> None:
        """Remember a width that a person gave: the window's is the same."""
        dock, window = self._dock, self._window
        if self._fitted and dock is not None and window is not None and not self._closing:
            is_same = window.width() == self._window_width and window.isVisible()
            if is_same and _is_beside(dock, window) and self._dragged():
                self._chosen = True
                self._remembered.set_width(dock.width(), wide=window.width() >= WIDE)

    def _dragged(self) -> bool:
        """Whether a mouse button is down: docks change their widths by themselves too."""
        return bool(QGuiApplication.mouseButtons() & Qt.MouseButton.LeftButton)

    def _note_floating(self) -> None:
        dock = self._dock
        if self._fitted and dock is not None and not self._closing and dock.isVisible():
            self._remembered.floating = dock.geometry() if dock.isFloating() else QRect()

    def _on_floated(self, _floating: bool) -> None:
        if not self._closing:
            self._note_floating()
            self._step_aside()

    def _on_not_closed(self) -> None:
        """Go on, where somebody did not want to close the window after all."""
        window = self._window
        if window is not None and window.isVisible():
            self._closing = False
            self._step_aside()

    def _step_aside(self) -> None:
        """Hide napari's own docks while the widget needs their room."""
        dock, window = self._dock, self._window
        if dock is None or window is None or self._closing:
            return
        wanted = self._remembered.layers
        wide = window.width() >= _ROOM_FOR_ALL
        if dock.isHidden() or dock.isFloating() or (wide if wanted is None else wanted):
            self._give_back()
            self.layers_shown.emit(True)
            return
        for other in window.findChildren(QDockWidget):
            if other.objectName() in _NAPARIS and not other.isHidden() and not other.isFloating():
                self._aside.append(other)
                other.hide()
        self.layers_shown.emit(not self._aside)

    def _give_back(self) -> None:
        aside, self._aside = self._aside, []
        for other in aside:
            if isalive(other):
                other.show()


def _is_beside(dock: QDockWidget, window: QMainWindow) -> bool:
    """Whether the dock is left or right of the canvas."""
    return not dock.isFloating() and window.dockWidgetArea(dock) in _SIDES
