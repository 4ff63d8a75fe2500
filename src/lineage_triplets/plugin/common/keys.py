"""Keys of a panel, and one place that lists them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QShortcut,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


CANVAS_KEYS = (
    *("A", "R", "U", "C", "W", "S", "B", "F", "G", "J", "K", "P", "O"),
    *("F1", "F8", "Shift+F8", "Ctrl+Z", "Ctrl+Shift+Z"),
    *(f"Alt+{number}" for number in range(1, 5)),
)
"""What the panel in front also does by them while the viewer's canvas has the focus."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a panel.

    Attributes
    ----------
    name : str
        As Qt spells it, ``"Ctrl+F"``; several with ``", "`` between.
    what : str
        What it does, for the list of keys.
    run : callable, optional
        Gets the panel. Without it the key is listed alone: what has the focus knows it.
    repeats : bool
        Whether it runs again and again while it is held down.
    """

    name: str
    what: str
    run: Callable[[Any], object] | None = None
    repeats: bool = True


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Keys that belong together, under a title."""

    title: str
    keys: tuple[Key, ...]


_IN_ANY_WINDOW = (Key("Tab, Shift+Tab", "the next control; the one before"),)
_IN_ANY_PANEL = (
    Key("Ctrl+Tab, Ctrl+Shift+Tab", "the next panel; the one before"),
    Key("Ctrl+Shift+O", "open a config"),
)


def key_groups(*modules: str) -> tuple[KeyGroup, ...]:
    """Give the ``KEYS`` of some modules of the plugin, named from its folder: ``browse.tree_view``.

    A key is added to a panel by a module that has ``KEYS``, and its name in the panel's list.
    """
    plugin = __name__.rsplit(".", 2)[0]
    return tuple(import_module(f"{plugin}.{module}").KEYS for module in modules)


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
    groups : sequence of KeyGroup
    """

    def __init__(self, groups: Sequence[KeyGroup], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("key_list")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(14)
        for group in groups:
            grid.addWidget(QLabel(f"<i>{group.title}</i>", self), grid.rowCount(), 0, 1, 2)
            for key in group.keys:
                row = grid.rowCount()
                grid.addWidget(QLabel(f"<b>{key.name}</b>", self), row, 0)
                grid.addWidget(QLabel(key.what, self), row, 1)
        named = {name for group in groups for key in group.keys for name in key.name.split(", ")}
        on_canvas = ", ".join(canvas_key for canvas_key in CANVAS_KEYS if canvas_key in named)
        note = QLabel(f"<i>Also with the focus in the viewer's canvas:</i><br>{on_canvas}", self)
        note.setObjectName("canvas_keys")
        note.setVisible(bool(on_canvas))
        grid.addWidget(note, grid.rowCount(), 0, 1, 2)

    def event(self, event: QEvent) -> bool:
        """Keep Esc from being taken for a key of the panel."""
        asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if asked and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return bool(super().event(event))

    def open_above(self, button: QWidget) -> None:
        """Show the list above a button, within the screen."""
        size = self.sizeHint()
        corner = button.mapToGlobal(QPoint(button.width(), 0))
        screen = button.screen().availableGeometry()
        x = min(max(corner.x() - size.width(), screen.left()), screen.right() - size.width())
        self.move(x, max(corner.y() - size.height() - 4, screen.top()))
        self.show()


class KeyButton(QPushButton):
    """Binds the keys of a panel, and shows their list, also by F1.

    Parameters
    ----------
    name : str
        The button's ``objectName``.
    groups : sequence of KeyGroup
    panel : QWidget
        Gets the keys: a panel, or a dialog.
    parent : QWidget
    """

    def __init__(
        self, name: str, groups: Sequence[KeyGroup], panel: QWidget, parent: QWidget
    ) -> None:
        super().__init__("Keys", parent)
        self.setObjectName(name)
        alone = isinstance(panel, QDialog)
        self.setToolTip(f"All keys of this {'window' if alone else 'panel'} (F1)")
        anywhere = _IN_ANY_WINDOW if alone else (*_IN_ANY_WINDOW, *_IN_ANY_PANEL)
        these = Key("F1", "these keys", lambda _: self.click())
        own = KeyGroup("Anywhere here", (these, *anywhere))
        shown = KeyList((*groups, own), self)
        self.clicked.connect(lambda: shown.open_above(self))
        for key in (key for group in (*groups, own) for key in group.keys):
            if key.run is not None:
                for single in key.name.split(", "):
                    bind(panel, single, partial(key.run, panel)).setAutoRepeat(key.repeats)
