"""A hand without a mouse: it goes from control to control by Tab, and presses keys there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractItemView, QApplication, QComboBox, QTabWidget, QWidget

from lineage_triplets.plugin.demo.clicks import PLAIN, Hand, NotThereError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_TABS = 300
_DOWN, _ACROSS = (Qt.Key.Key_Down, Qt.Key.Key_Up), (Qt.Key.Key_Right, Qt.Key.Key_Left)
_CONTROL = Qt.KeyboardModifier.ControlModifier


class Keyboard(Hand):
    """Does what a `Hand` does by keys alone, and never says which control gets them.

    Keys go to the window in use, as those of a keyboard do: to what has the focus, and before it
    to an open list, a dialog, or whatever has them for a shortcut. Parameters are those of `Hand`.

    Attributes
    ----------
    pressed : int
        How many keys were pressed.
    """

    pressed = 0

    def press(self, key: Qt.Key | str, modifier: Qt.KeyboardModifier = PLAIN) -> None:
        """Press a key, and do not wait for what comes of it."""
        if QGuiApplication.focusWindow() is None:
            self._take_window()
        self.pressed += 1
        QTest.keyClick(QGuiApplication.focusWindow(), key, modifier)

    def go_to(self, name: str, kind: type[QWidget] = QWidget) -> QWidget:
        """Press Tab until a control has the focus.

        Raises
        ------
        NotThereError
            Tab does not lead there.
        """
        wanted = self.find(name, kind)
        met: list[str] = []
        while not self._is_in(wanted):
            met.append(focus_name())
            if len(met) > _MOST_TABS:
                raise NotThereError(f"Tab does not lead to {name}, but to {sorted(set(met))}")
            self.press(Qt.Key.Key_Tab)
        return wanted

    def panel(self, title: str) -> None:
        """Go to a panel by Ctrl+Tab."""
        tabs = self.find("panels", QTabWidget)
        for _ in range(tabs.count()):
            if tabs.tabText(tabs.currentIndex()) == title:
                self.idle()
                return
            self.press(Qt.Key.Key_Tab, _CONTROL)
        raise NotThereError(f"Ctrl+Tab does not lead to {title} from {focus_name()}")

    def click(self, name: str) -> None:
        """Go to a button or a box to tick, and press Space."""
        self.go_to(name)
        self.press(Qt.Key.Key_Space)
        self.idle()

    def click_row(self, name: str, row: int, column: int = 0) -> None:
        """Go to a list or table, and to an entry by the arrows."""
        view = self.go_to(name, QAbstractItemView)
        self._step(lambda: view.currentIndex().row(), row)
        if column:
            self._step(lambda: view.currentIndex().column(), column, across=True)
        self.idle()

    def choose(self, name: str, text: str) -> None:
        """Go to a picker, and to the entry that begins with a text."""
        picker = self.go_to(name, QComboBox)
        entries = [picker.itemText(number) for number in range(picker.count())]
        matching = [number for number, entry in enumerate(entries) if entry.startswith(text)]
        if not matching:
            raise NotThereError(f"{name} does not offer {text!r}: {entries}")
        if picker.isEditable():
            self._write(entries[matching[0]])
        else:
            self.press(Qt.Key.Key_F4)
            self._step(lambda: picker.view().currentIndex().row(), matching[0])
        self.press(Qt.Key.Key_Return)
        self.idle()

    def write(self, name: str, text: str) -> None:
        """Go to a field, and write in place of what stands there."""
        self.go_to(name)
        self._write(text)
        self.idle()

    def key(self, name: str, key: Qt.Key, modifier: Qt.KeyboardModifier = PLAIN) -> None:
        """Go to a control, and press a key."""
        self.go_to(name)
        self.press(key, modifier)
        self.idle()

    def _take_window(self) -> None:
        """Use the window again after a dialog closed, as window managers see to."""
        self._widget.window().activateWindow()
        self.until(lambda: QGuiApplication.focusWindow() is not None, "a window is used")

    def _write(self, text: str) -> None:
        self.press(Qt.Key.Key_A, _CONTROL)
        self.type(text)

    def _step(self, here: Callable[[], int], there: int, *, across: bool = False) -> None:
        """Press arrows until what they change is as wanted."""
        on, back = _ACROSS if across else _DOWN
        while (at := here()) != there:
            self.press(on if at < there else back)
            if here() == at:
                raise NotThereError(f"{focus_name()} stays at {at}, and does not go to {there}")

    def _is_in(self, wanted: QWidget) -> bool:
        focus = QApplication.focusWidget()
        return focus is not None and (focus is wanted or wanted.focusProxy() is focus)


def focus_name() -> str:
    """Give the ``objectName`` of what has the focus, or its type."""
    focus = QApplication.focusWidget()
    if focus is None:
        return "nothing"
    return focus.objectName() or type(focus).__name__
