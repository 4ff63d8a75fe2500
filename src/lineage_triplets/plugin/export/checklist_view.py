"""The checklist on screen: settled groups in one line each, and a way to every open point."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.export.checklist import Group, OpenLine

# Legible on napari's dark and light background.
_SETTLED = "<span style='color:#2f9e5f'>✔</span>"
_OPEN = "<span style='color:#d9822b'>●</span>"
_MOST_LINES = 12
"""Of each kind: a person settles some, and sees the next."""


class ChecklistView(QWidget):
    """Shows the groups of a checklist.

    Attributes
    ----------
    go_wanted : Signal(object)
        Gets the `OpenLine` that a person wants to settle.
    confirm_wanted, take_back_wanted : Signal(object)
        Gets the numbers of the stale decisions that they keep, or take back.
    """

    go_wanted = Signal(object)
    confirm_wanted = Signal(object)
    take_back_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("checklist")
        self._shown: tuple[Group, ...] | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)

    def show_groups(self, groups: Sequence[Group]) -> None:
        """Show some groups; the same ones again change nothing, nor the focus."""
        if self._shown == tuple(groups):
            return
        self._shown = tuple(groups)
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        number = 0
        for group in groups:
            shared = f"<br><i>{escape(group.remedy)}</i>" if group.remedy else ""
            mark = _SETTLED if group.passed else _OPEN
            self._layout.addWidget(_words(f"{mark} {group.words}{shared}"))
            for line in group.lines[:_MOST_LINES]:
                self._layout.addWidget(self._row(line, number, shared=bool(shared)))
                number += 1
            if len(group.decisions) > 1:
                self._layout.addWidget(self._row_of_all(group.decisions))
            if len(group.lines) > _MOST_LINES:
                more = f"… and {len(group.lines) - _MOST_LINES} more"
                self._layout.addWidget(_words(more, indent=22))

    def _row(self, line: OpenLine, number: int, *, shared: bool) -> QWidget:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(22, 0, 0, 0)
        where = f"<b>{escape(line.experiment)}</b> " if line.experiment else ""
        own = line.remedy and not shared
        remedy = f"<br><i>{escape(line.remedy)}</i>" if own else ""
        layout.addWidget(_words(f"{where}{escape(line.sentence)}{remedy}"), 1)
        if line.decisions:
            for button in self._stale_buttons(line.decisions, str(number), "the decision"):
                layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        go = self._button(
            "Go",
            f"go_{number}",
            f"Settle it in {line.panel}: {line.sentence}",
            lambda: self.go_wanted.emit(line),
        )
        layout.addWidget(go, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _row_of_all(self, decisions: tuple[int, ...]) -> QWidget:
        row = QWidget(self)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(22, 0, 0, 0)
        layout.addWidget(_words(f"All {len(decisions)} decisions:"), 1)
        for button in self._stale_buttons(decisions, "all", f"all {len(decisions)} decisions"):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _stale_buttons(
        self, decisions: tuple[int, ...], name: str, words: str
    ) -> tuple[QPushButton, QPushButton]:
        return (
            self._button(
                "Confirm",
                f"confirm_{name}",
                f"Keep {words} for the table as it is now",
                lambda: self.confirm_wanted.emit(decisions),
            ),
            self._button(
                "Take back",
                f"take_back_{name}",
                f"Take {words} back, as if never made; the history keeps it",
                lambda: self.take_back_wanted.emit(decisions),
            ),
        )

    def _button(self, text: str, name: str, tip: str, action: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda _=False: action())
        return button


def _words(html: str, indent: int = 0) -> QLabel:
    label = QLabel(html)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setContentsMargins(indent, 0, 0, 0)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
