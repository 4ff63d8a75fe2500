"""Keys of a panel, and one place that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QComboBox, QFrame, QGridLayout, QLabel, QShortcut, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


CANVAS_KEYS = (
    *("A", "R", "U", "C", "W", "J", "K", "F8", "Shift+F8", "Ctrl+Z", "Ctrl+Shift+Z"),
    *(f"Alt+{number}" for number in range(1, 5)),
)
"""What the panel in front also does by them while the viewer's canvas has the focus."""


def bind(panel: QWidget, key: str, action: Callable[[], object]) -> QShortcut:
    """Run an action by a key while a panel, or something in it, has the focus."""
    shortcut = QShortcut(QKeySequence(key), panel)
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(action)
    return shortcut


class LettersStay(QObject):
    """Leaves letters to a box in which typing finds an entry, though they are keys of its panel."""

    def __init__(self, box: QComboBox) -> None:
        super().__init__(box)
        box.installEventFilter(self)
        box.view().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keep a letter from being taken for a key of the panel."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            others = event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
            if event.text().isprintable() and event.text() and not others:
                event.accept()
                return True
        return bool(super().eventFilter(watched, event))


class KeyList(QFrame):
    """All keys of a panel in two columns; goes away by Esc or a click beside it.

    It says at the end which of them work in the viewer's canvas too.

    Parameters
    ----------
    keys : sequence of (str, str)
        Key, and what it does; a line without key is a heading.
    """

    def __init__(self, keys: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("key_list")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(14)
        for row, (key, what) in enumerate(keys):
            if key:
                grid.addWidget(QLabel(f"<b>{key}</b>", self), row, 0)
                grid.addWidget(QLabel(what, self), row, 1)
            else:
                grid.addWidget(QLabel(f"<i>{what}</i>", self), row, 0, 1, 2)
        named = {part for key, _ in keys for part in key.replace("Alt+2, …", "").split(", ")}
        on_canvas = ", ".join(canvas_key for canvas_key in CANVAS_KEYS if canvas_key in named)
        note = QLabel(f"<i>Also with the focus in the viewer's canvas:</i><br>{on_canvas}", self)
        note.setObjectName("canvas_keys")
        grid.addWidget(note, len(keys), 0, 1, 2)

    def open_above(self, button: QWidget) -> None:
        """Show the list above a button, within the screen."""
        size = self.sizeHint()
        corner = button.mapToGlobal(QPoint(button.width(), 0))
        screen = button.screen().availableGeometry()
        x = min(max(corner.x() - size.width(), screen.left()), screen.right() - size.width())
        self.move(x, max(corner.y() - size.height() - 4, screen.top()))
        self.show()
