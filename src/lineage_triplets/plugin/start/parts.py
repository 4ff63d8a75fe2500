"""Small parts of the windows that make a config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QLabel, QPushButton, QTableView

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QDropEvent

    from lineage_triplets.engine.errors import LineageTripletsError
    from lineage_triplets.plugin.common.views import RowTable


def heading(text: str) -> QLabel:
    """Make a label in bold."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


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
    view.setObjectName(name)
    view.setAccessibleName(tip)
    view.setModel(model)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    view.horizontalHeader().setStretchLastSection(True)
    return view


def words_of(error: LineageTripletsError) -> str:
    """All that an error says, a line a problem."""
    return "\n".join(str(problem) for problem in error.problems)
