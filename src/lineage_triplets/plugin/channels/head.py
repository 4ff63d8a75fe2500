"""Head of an experiment's column: its name, whether its channels are approved, and the button."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.who_and_when import who_and_when

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.channels import Approval


class ChannelHead(QFrame):
    """One experiment.

    Attributes
    ----------
    approval_wanted : Signal(str, bool)
        Gets the experiment, and whether its channels shall be approved, or no longer.
    """

    approval_wanted = Signal(str, bool)

    def __init__(self, experiment: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._experiment = experiment
        self._approve = True
        self.setObjectName(f"head_{experiment}")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        name = QLabel(f"<b>{escape(experiment)}</b>", self)
        name.setWordWrap(True)
        self._state = QLabel(self)
        self._state.setObjectName(f"approval_{experiment}")
        self._state.setWordWrap(True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._state.setTextFormat(Qt.TextFormat.PlainText)
        self._state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._button = QPushButton("Approve", self)
        self._button.setObjectName(f"approve_{experiment}")
        self._button.clicked.connect(self._press)
        top = QHBoxLayout()
        top.addWidget(name, 1)
        top.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._state)
        layout.addStretch(1)

    def show_problem(self, words: str) -> None:
        """Say why the experiment could not be opened."""
        self._state.setText(f"✕ Not opened: {words}")
        self._button.setEnabled(False)
        self._button.setToolTip("Only what can be opened is approved")

    def show_approval(self, approval: Approval | None, *, why_not: str) -> None:
        """Say whether the channels are approved.

        Parameters
        ----------
        approval : Approval or None
            None while that is being looked at.
        why_not : str
            Why nothing can be decided; empty if it can.
        """
        self._approve = approval is None or not approval.holds
        self._button.setText("Approve" if self._approve else "Disapprove")
        self._button.setEnabled(not why_not and approval is not None)
        name = self._experiment
        self._button.setToolTip(
            why_not
            or (
                f"The channels of {name} are right, for the images as they are"
                if self._approve
                else f"Take the approval of {name} back"
            )
        )
        self._state.setText("…" if approval is None else approval_words(approval))

    def show_working(self) -> None:
        """Say that the approval is under way."""
        self._state.setText("Reading the images to approve…")
        self._button.setEnabled(False)

    def _press(self) -> None:
        self.approval_wanted.emit(self._experiment, self._approve)


def approval_words(approval: Approval) -> str:
    """Say whether channels are approved, by whom and when, or why an approval fell."""
    made = approval.decision
    if made is None:
        return f"○ Not approved: {approval.why_not}"
    if approval.holds:
        return f"✓ Approved {who_and_when(made)}"
    return f"✕ Approved {who_and_when(made)}, but that no longer holds: {approval.why_not}"
