"""A hand at mouse and keyboard: finds controls by name, as a person finds them by sight."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QTabWidget,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.widget import ReviewWidget

PLAIN = Qt.KeyboardModifier.NoModifier
_LEFT = Qt.MouseButton.LeftButton
# Where others work too, what is not waited for goes on slowly.
_PATIENCE_SECONDS = 180.0
_QUIET_SECONDS = 0.25
_STEP_MS = 10

AnyWidget = TypeVar("AnyWidget", bound=QWidget)


class NotThereError(AssertionError):
    """A control is missing, hidden or disabled, or what was waited for did not come."""


class Hand:
    """Clicks, types and waits in the review widget of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    widget : ReviewWidget
    pictures : Path, optional
        Folder for the screenshots; none are taken without it.
    """

    def __init__(
        self, viewer: napari.Viewer, widget: ReviewWidget, pictures: Path | None = None
    ) -> None:
        self._viewer = viewer
        self._widget = widget
        self._pictures = pictures
        self.taken: list[Path] = []

    @property
    def session(self) -> Session:
        """What the widget works on."""
        return self._widget.session

    def find(self, name: str, kind: type[AnyWidget]) -> AnyWidget:
        """Give a control that a person sees, by its ``objectName``.

        Raises
        ------
        NotThereError
            There is none of that name on screen.
        """
        found = [child for child in self._widget.findChildren(kind, name) if child.isVisible()]
        if not found:
            raise NotThereError(f"no {kind.__name__} named {name!r} is on screen")
        return found[0]

    def panel(self, title: str) -> None:
        """Click on a panel's tab."""
        tabs = self.find("panels", QTabWidget)
        titles = [tabs.tabText(number) for number in range(tabs.count())]
        self._click_at(tabs.tabBar(), tabs.tabBar().tabRect(titles.index(title)).center())
        self.idle()

    def click(self, name: str) -> None:
        """Click on a button, or the mark of a box to tick, and wait for what comes of it."""
        button = self._in_sight(self.find(name, QAbstractButton))
        self.until(button.isEnabled, f"{name} can be pressed: {button.toolTip()}")
        self._click_at(button, QPoint(12, button.height() // 2))
        self.idle()

    def click_row(self, name: str, row: int, column: int = 0) -> None:
        """Click on an entry of a list or table."""
        view = self.find(name, QAbstractItemView)
        index = view.model().index(row, column)
        if not index.isValid():
            raise NotThereError(f"{name} has no row {row}, only {view.model().rowCount()}")
        view.scrollTo(index)
        self._click_at(view.viewport(), view.visualRect(index).center())
        self.idle()

    def row_where(self, name: str, column: int, text: str) -> int:
        """Give the row of a table that says a text in a column."""
        model = self.find(name, QAbstractItemView).model()
        texts = [str(model.index(row, column).data()) for row in range(model.rowCount())]
        if text not in texts:
            raise NotThereError(f"no row of {name} says {text!r}: {texts[:20]}")
        return texts.index(text)

    def choose(self, name: str, text: str) -> None:
        """Choose the entry of a picker that begins with a text, by keys."""
        picker = self._in_sight(self.find(name, QComboBox))
        entries = [picker.itemText(number) for number in range(picker.count())]
        matching = [number for number, entry in enumerate(entries) if entry.startswith(text)]
        if not matching:
            raise NotThereError(f"{name} does not offer {text!r}: {entries}")
        picker.setFocus()
        if picker.isEditable():
            self.write(name, entries[matching[0]])
            QTest.keyClick(picker.lineEdit(), Qt.Key.Key_Return)
        else:
            QTest.keyClick(picker, Qt.Key.Key_F4)
            steps = matching[0] - picker.view().currentIndex().row()
            for _ in range(abs(steps)):
                QTest.keyClick(picker.view(), Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)
            QTest.keyClick(picker.view(), Qt.Key.Key_Return)
        self.idle()

    def write(self, name: str, text: str) -> None:
        """Write into a field in place of what stands there."""
        widget = self._in_sight(self.find(name, QWidget))
        field = widget.lineEdit() if isinstance(widget, QComboBox) else widget
        if not isinstance(field, QLineEdit):
            raise NotThereError(f"{name} is no field to write into")
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        self.idle()

    def type(self, text: str) -> None:
        """Press letters where the focus is."""
        for letter in text:
            self.press(letter)

    def key(self, name: str, key: Qt.Key, modifier: Qt.KeyboardModifier = PLAIN) -> None:
        """Press a key in a control."""
        widget = self.find(name, QWidget)
        # Shortcuts are those of the window that is used.
        widget.window().activateWindow()
        self.until(widget.isActiveWindow, "the window is used")
        widget.setFocus()
        QTest.keyClick(widget, key, modifier)
        self.idle()

    def press(self, key: Qt.Key | str, modifier: Qt.KeyboardModifier = PLAIN) -> None:
        """Press a key where the focus is, and do not wait for what comes of it."""
        focus = QApplication.focusWidget()
        if focus is None:
            raise NotThereError(f"no control has the focus to get {key}")
        QTest.keyClick(focus, key, modifier)

    def idle(self) -> None:
        """Wait until nothing was under way for a moment: some work begins a little later."""
        quiet_since = time.monotonic()

        def quiet() -> bool:
            nonlocal quiet_since
            if self._widget.session.work.running:
                quiet_since = time.monotonic()
            return time.monotonic() - quiet_since > _QUIET_SECONDS

        self.until(quiet, "the work under way ends")

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for something to come true.

        Raises
        ------
        NotThereError
            It did not within three minutes.
        """
        end = time.monotonic() + _PATIENCE_SECONDS
        while not done():
            if time.monotonic() > end:
                raise NotThereError(f"waited in vain until {what}")
            QTest.qWait(_STEP_MS)

    def picture(self, name: str) -> None:
        """Take a screenshot of the whole window."""
        if self._pictures is None:
            return
        self._pictures.mkdir(parents=True, exist_ok=True)
        self.idle()
        # Marks of the mouse and of fresh layers have time to settle.
        self.wait(0.4)
        path = self._pictures / f"{name}.png"
        self._viewer.screenshot(str(path), canvas_only=False, flash=False)
        self.taken.append(path)

    def wait(self, seconds: float) -> None:
        """Let time pass, as a person does who looks."""
        QTest.qWait(round(seconds * 1000))

    def _in_sight(self, widget: AnyWidget) -> AnyWidget:
        above = widget.parentWidget()
        while above is not None and above is not self._widget:
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(widget)
                QApplication.processEvents()
            above = above.parentWidget()
        return widget

    def _click_at(self, widget: QWidget, place: QPoint) -> None:
        if not widget.rect().contains(place):
            raise NotThereError(f"{widget.objectName()} is out of sight")
        QTest.mouseClick(widget, _LEFT, PLAIN, place)
