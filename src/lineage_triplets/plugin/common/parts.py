"""Small parts of which the panels are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

if TYPE_CHECKING:
    from qtpy.QtWidgets import QLayout, QWidget


def words_label(name: str, parent: QWidget) -> QLabel:
    """Make a label of which words can be copied, as high as they need."""
    label = QLabel(parent)
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def empty_layout(layout: QLayout) -> None:
    """Take everything out of a layout; its widgets go."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
