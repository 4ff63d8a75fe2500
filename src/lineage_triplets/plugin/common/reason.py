"""Why something is decided, asked for where the work is; and who decided it, and when."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from lineage_triplets.plugin.common.keys import Key, KeyGroup, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record import Decision

_SHOWN_REASONS = 8

KEYS = KeyGroup("A reason", (Key("Enter, Esc", "decide; go back"),))


class ReasonField(QFrame):
    """One line with recent reasons to pick from; hidden while nothing is asked.

    Attributes
    ----------
    ended : Signal()
        Something was asked, and is no more.
    """

    ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reason_field")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._confirmed: Callable[[str], bool] | None = None
        self._focus: QWidget | None = None
        self._question = QElidingLabel(self)
        self._question.setObjectName("reason_question")
        self.reason = QComboBox(self)
        self.reason.setObjectName("reason")
        self.reason.setEditable(True)
        self.reason.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.reason.setToolTip("Why, in a few words (Enter confirms, Esc goes back)")
        self.reason.setMinimumContentsLength(10)
        line = self.reason.lineEdit()
        line.setPlaceholderText("why, in a few words")
        line.returnPressed.connect(self._confirm)
        line.textChanged.connect(self._on_text)
        self._ok = QPushButton("OK", self)
        self._ok.setObjectName("confirm_reason")
        self._ok.setToolTip("Decide with this reason (Enter)")
        self._ok.clicked.connect(self._confirm)
        self._cancel = QPushButton("Cancel", self)
        self._cancel.setObjectName("cancel_reason")
        self._cancel.setToolTip("Decide nothing (Esc)")
        self._cancel.clicked.connect(self.put_away)
        bind(self, "Esc", self.put_away)
        row = QHBoxLayout()
        row.addWidget(self.reason, 1)
        row.addWidget(self._ok)
        row.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._question)
        layout.addLayout(row)
        self.hide()

    def ask(self, question: str, recent: Sequence[str], confirmed: Callable[[str], bool]) -> None:
        """Ask for a reason.

        Parameters
        ----------
        question : str
            What is about to be done.
        recent : sequence of str
            Reasons to pick from.
        confirmed : callable
            Gets the reason; False keeps the question open.
        """
        if self._confirmed is not None:
            self.ended.emit()
        if self.isHidden():
            self._focus = QApplication.focusWidget()
        self._confirmed = confirmed
        self._question.setText(f"{question}, because")
        self._question.setToolTip(question)
        self.reason.clear()
        self.reason.addItems(list(recent))
        self.reason.setCurrentIndex(-1)
        self.reason.setEditText("")
        self._on_text("")
        self.show()
        self.reason.lineEdit().setFocus(Qt.FocusReason.OtherFocusReason)

    def put_away(self) -> None:
        """Ask no more; the focus goes back where it was."""
        asked, self._confirmed = self._confirmed is not None, None
        focus, self._focus = self._focus, None
        had_focus = self.isAncestorOf(QApplication.focusWidget() or self)
        self.hide()
        if focus is not None and had_focus:
            focus.setFocus(Qt.FocusReason.OtherFocusReason)
        if asked:
            self.ended.emit()

    def _on_text(self, text: str) -> None:
        self._ok.setEnabled(bool(text.strip()))

    def _confirm(self) -> None:
        reason = self.reason.currentText().strip()
        if reason and self._confirmed is not None and self._confirmed(reason):
            self.put_away()


def who_and_when(decision: Decision) -> str:
    """``"by ada, 2026-03-04 17:05"``, in local time."""
    if not decision.at:
        return "in the config"
    at = datetime.fromisoformat(decision.at).astimezone()
    return f"by {decision.by}, {at:%Y-%m-%d %H:%M}"


def recent_reasons(review: Review | None, *kinds: str) -> list[str]:
    """Reasons given before for decisions of some kinds, the latest first."""
    made = () if review is None else review.decisions
    reasons = dict.fromkeys(
        decision.reason for decision in reversed(made) if decision.kind in kinds and decision.reason
    )
    return list(reasons)[:_SHOWN_REASONS]
