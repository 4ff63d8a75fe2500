"""Small parts of the windows that make a config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QLabel, QPushButton, QTableView, QVBoxLayout, QWidget

from lineage_triplets.engine.errors import listed_lines
from lineage_triplets.plugin.common.keys import Key, KeyGroup
from lineage_triplets.plugin.common.views import show_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qtpy.QtGui import QDropEvent
    from qtpy.QtWidgets import QLayout

    from lineage_triplets.engine.errors import LineageTripletsError
    from lineage_triplets.plugin.common.views import RowTable


KEYS = KeyGroup(
    "New config",
    (
        Key("Alt and a letter", "press what has that letter underlined"),
        Key("Enter", "take what is written; open a table's cell"),
        Key("Esc", "go back; nothing is written"),
    ),
)
COLUMN_KEYS = KeyGroup(
    "Columns",
    (
        Key("Alt and a letter", "go to what has that letter underlined"),
        Key("a letter", "in a box: the next column that begins with it"),
        Key("Enter", "read the table so"),
        Key("Esc", "go back; the table is not read"),
    ),
)


def heading(text: str) -> QLabel:
    """Make a label in bold."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def part(title: str, view: QWidget, below: QLayout | None = None) -> QWidget:
    """Put a view under its title; Tab goes through it before it goes on to what is beside it."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(heading(title))
    column.addWidget(view, 1)
    if below is not None:
        column.addLayout(below)
    return made


def quiet_button(
    text: str, name: str, tip: str, action: Callable[[], object] | None = None
) -> QPushButton:
    """Make a button that Enter in a line edit does not press."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    if action is not None:
        button.clicked.connect(lambda _=False: action())
    return button


def dropped_paths(event: QDropEvent) -> list[str]:
    """Return the files and folders of this machine that are dragged or dropped."""
    return [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]


def draft_view(model: RowTable, name: str, tip: str) -> QTableView:
    """Make the view of a table that is typed into, row by row."""
    view = QTableView()
    view.setModel(model)
    show_rows(view, name, tip)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    view.horizontalHeader().setStretchLastSection(True)
    return view


def labelled(text: str, name: str, tip: str, widget: QWidget) -> QLabel:
    """Name a widget, and give it its label."""
    widget.setObjectName(name)
    widget.setToolTip(tip)
    widget.setAccessibleName(text.replace("&", ""))
    label = QLabel(text)
    label.setToolTip(tip)
    label.setBuddy(widget)
    return label


def words_of(error: LineageTripletsError) -> str:
    """What an error says, a line a problem."""
    has_all = "the command that does this (import, init or validate) prints all with --full"
    return "\n".join(listed_lines([str(problem) for problem in error.problems], has_all))


def some_lines(lines: Iterable[str]) -> list[str]:
    """Give the first of what is said about many things that were dropped together."""
    return listed_lines(list(lines), "drop fewer at once to see all")
