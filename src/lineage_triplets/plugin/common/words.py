"""Words in the widget: labels to copy from, and what went wrong, with what can be done about it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QLayout

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.record import DecisionsError, ReviewInUseError

_MOST_HEIGHT = 260


class Messages(QFrame):
    """A list of problems with buttons under it; hidden while there is nothing to say.

    Parameters
    ----------
    session : Session
        Its failures are shown here, until the next thing works.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messages")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._text = QTextBrowser(self)
        self._text.setObjectName("message_text")
        self._text.setMaximumHeight(_MOST_HEIGHT)
        self._text.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._buttons = QHBoxLayout()
        self._covered = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._text)
        layout.addLayout(self._buttons)
        session.failed.connect(self.show_text)
        session.opened.connect(self.clear)
        self.hide()

    def clear(self) -> None:
        """Say nothing."""
        self._covered = ""
        self._put([])
        self.hide()

    def show_text(self, text: str) -> None:
        """Show one message, which can be put away."""
        if text == self._covered and not self.isHidden():
            return
        self._text.setPlainText(text)
        self._put([("Close", "close_message", self.clear)])

    def show_problems(
        self, problems: Sequence[Problem], again: Callable[[], object], *, covered: str = ""
    ) -> None:
        """Show a list of problems with a button to try again.

        Parameters
        ----------
        problems : sequence of Problem
        again : callable
        covered : str
            What others say of the same; it does not take the list's place.
        """
        self._text.setHtml("".join(_as_html(problem) for problem in problems))
        self._put([("Try again", "try_again", again), ("Close", "close_message", self.clear)])
        self._covered = covered

    def show_in_use(
        self,
        error: ReviewInUseError,
        take_over: Callable[[], object],
        read_only: Callable[[], object],
    ) -> None:
        """Say who reviews the config, and offer what can be done."""
        self._text.setHtml("".join(_as_html(problem) for problem in error.problems))
        buttons: list[tuple[str, str, Callable[[], object]]] = [
            ("Open read-only", "open_read_only", read_only)
        ]
        if error.stale:
            buttons.insert(0, ("Take over", "take_over", take_over))
        self._put([*buttons, ("Close", "close_message", self.clear)])

    def show_no_decisions(
        self,
        error: DecisionsError,
        elsewhere: Callable[[], object],
        read_only: Callable[[], object],
        again: Callable[[], object],
    ) -> None:
        """Say why decisions cannot be kept, and offer another place for them."""
        self._text.setHtml("".join(_as_html(problem) for problem in error.problems))
        self._put(
            [
                ("Keep decisions elsewhere…", "decisions_elsewhere", elsewhere),
                ("Open read-only", "open_read_only", read_only),
                ("Try again", "try_again", again),
                ("Close", "close_message", self.clear),
            ]
        )

    def _put(self, buttons: list[tuple[str, str, Callable[[], object]]]) -> None:
        empty_layout(self._buttons)
        for text, name, action in buttons:
            button = QPushButton(text, self)
            button.setObjectName(name)
            button.clicked.connect(lambda _=False, action=action: action())
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)
        self.setVisible(bool(buttons))


def _as_html(problem: Problem) -> str:
    where = f"<span style='color: gray'>{escape(problem.where)}</span><br>" if problem.where else ""
    remedy = f"<br><i>{escape(problem.remedy)}</i>" if problem.remedy else ""
    return f"<p>{where}<b>{escape(problem.severity)}</b> {escape(problem.message)}{remedy}</p>"


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
