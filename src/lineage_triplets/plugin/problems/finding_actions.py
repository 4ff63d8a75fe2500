"""One finding in full, and what can be decided about it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QTextBrowser, QVBoxLayout, QWidget
from superqt import QFlowLayout

from lineage_triplets.plugin.common.keys import KeyList, bind
from lineage_triplets.plugin.common.reason import ReasonField, who_and_when
from lineage_triplets.plugin.problems.finding_list import severity_colour
from lineage_triplets.plugin.problems.model import MARKS, kind_words, settle_words, where_words

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.record.decision import Target

_SHOWN_REASONS = 8
_KEYS = (
    ("J, F8", "next finding, and go there"),
    ("K, Shift+F8", "the finding before, and go there"),
    ("Up, Down", "select above or below"),
    ("Enter", "go to the selected finding in the viewer"),
    ("Ctrl+F", "filter"),
    ("W", "waive, with a reason; open again"),
    ("Alt+1, Alt+2, …", "settle it in the first, second, … way"),
    ("Ctrl+Z", "undo"),
    ("Ctrl+Shift+Z", "redo"),
    ("Enter, Esc", "of a reason: decide; go back"),
    ("F1", "these keys"),
)
_DONE = {"reject": "Rejected", "cut": "Cut", "waive": "Waived"}


class FindingActions(QWidget):
    """The selected finding's sentence, evidence and remedy, and buttons that settle it.

    Parameters
    ----------
    session : Session
    panel : QWidget
        Its keys are W, Alt and a number, Ctrl+Z, Ctrl+Shift+Z, F1.

    Attributes
    ----------
    step_wanted : Signal(int)
        Gets 1 for the next finding, -1 for the one before.
    """

    step_wanted = Signal(int)

    def __init__(self, session: Session, panel: QWidget) -> None:
        super().__init__(panel)
        self._session = session
        self._panel = panel
        self._shown: ReviewedFinding | None = None
        self._key = ""
        self._text = QTextBrowser(self)
        self._text.setObjectName("finding_text")
        self._text.setMinimumHeight(90)
        self._buttons = QWidget(self)
        flow = QFlowLayout(self._buttons)
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setSpacing(4)
        self._previous = self._button(
            "previous_finding", "◀ Previous", "The finding before, and go there (K or Shift+F8)"
        )
        self._next = self._button(
            "next_finding", "Next ▶", "The next finding, and go there (J or F8)"
        )
        self._waive = self._button("waive", "", "")
        self._undo = self._button("undo_decision", "Undo", "Undo the last decision (Ctrl+Z)")
        self._redo = self._button(
            "redo_decision", "Redo", "Decide again what was undone last (Ctrl+Shift+Z)"
        )
        self._list_keys = self._button("finding_keys", "Keys", "All keys of this panel (F1)")
        self._keys = KeyList(_KEYS, self)
        self._list_keys.clicked.connect(lambda: self._keys.open_above(self._list_keys))
        self._previous.clicked.connect(lambda: self.step_wanted.emit(-1))
        self._next.clicked.connect(lambda: self.step_wanted.emit(1))
        self._waive.clicked.connect(self._press_waive)
        self._undo.clicked.connect(lambda: session.decide(lambda review: review.undo()))
        self._redo.clicked.connect(lambda: session.decide(lambda review: review.redo()))
        # Kept and shown as needed: what had the focus must not go away under it.
        self._settle: list[QPushButton] = []
        self.reason = ReasonField(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._text, 1)
        layout.addWidget(self.reason)
        layout.addWidget(self._buttons)
        bind(panel, "W", self._waive.click)
        bind(panel, "Ctrl+Z", self._undo.click)
        bind(panel, "Ctrl+Shift+Z", self._redo.click)
        bind(panel, "F1", self._list_keys.click)
        self.show_finding(None)

    def show_finding(self, one: ReviewedFinding | None, n_shown: int = 0) -> None:
        """Show a finding, and what can be decided about it.

        Parameters
        ----------
        one : ReviewedFinding or None
        n_shown : int
            How many findings there are to step through.
        """
        key = "" if one is None else one.finding.key
        if key != self._key:
            self.reason.put_away()
        is_news = key != self._key or one != self._shown
        self._shown, self._key = one, key
        if is_news or one is None:
            self._text.setHtml(self._html(one))
        review = self._session.review
        writable = review is not None and not review.log.read_only
        for button in (self._previous, self._next):
            button.setEnabled(n_shown > 0)
        self._undo.setEnabled(writable)
        self._redo.setEnabled(writable)
        self._show_waive(one, writable=writable)
        self._show_settle(one, writable=writable)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self._buttons)
        button.setObjectName(name)
        button.setToolTip(tip)
        self._buttons.layout().addWidget(button)
        return button

    def _show_waive(self, one: ReviewedFinding | None, *, writable: bool) -> None:
        waived = one is not None and one.status == "waived"
        self._waive.setText("Open again" if waived else "Waive…")
        can = one is not None and (waived or (one.can_be_waived and one.status == "open"))
        self._waive.setEnabled(writable and can)
        self._waive.setToolTip(
            "No finding is selected"
            if one is None
            else "Opened read-only"
            if not writable
            else "Training could not load the data with it: mend it, or leave it out"
            if not one.can_be_waived
            else "It is settled already"
            if one.status == "settled"
            else "Take the waiver back (W)"
            if waived
            else "Say that it is no fault, with a reason (W)"
        )

    def _show_settle(self, one: ReviewedFinding | None, *, writable: bool) -> None:
        alternatives = one.finding.settled_by if one is not None and one.status == "open" else ()
        while len(self._settle) < len(alternatives):
            number = len(self._settle)
            button = self._button(f"settle_{number}", "", "")
            button.clicked.connect(lambda _=False, number=number: self._ask_to_settle(number))
            bind(self._panel, f"Alt+{number + 1}", button.click)
            self._settle.append(button)
        for number, button in enumerate(self._settle):
            targets = alternatives[number] if number < len(alternatives) else ()
            button.setVisible(bool(targets))
            button.setEnabled(writable and bool(targets))
            if targets:
                button.setText(f"{settle_words(targets)}…")
                named = "\n".join(str(target) for target in targets[:12])
                more = f"\nand {len(targets) - 12} more" if len(targets) > 12 else ""
                button.setToolTip(f"Settles it, with a reason (Alt+{number + 1}):\n{named}{more}")

    def _press_waive(self) -> None:
        one = self._shown
        if one is None:
            return
        key = one.finding.key
        if one.status == "waived":
            self._session.decide(lambda review: review.unwaive(key))
            return
        self.reason.ask(
            f"Waive the {kind_words(one.finding.kind)}",
            self._reasons("waive"),
            lambda reason: self._session.decide(lambda review: review.waive(key, reason)),
        )

    def _ask_to_settle(self, number: int) -> None:
        one = self._shown
        if one is None or number >= len(one.finding.settled_by):
            return
        targets = one.finding.settled_by[number]
        self._ask(settle_words(targets), kind_words(one.finding.kind), targets)

    def _ask(self, question: str, suggested: str, targets: tuple[Target, ...]) -> None:
        self.reason.ask(
            question,
            list(dict.fromkeys([suggested, *self._reasons("reject", "cut")])),
            lambda reason: self._session.decide(lambda review: review.settle(targets, reason)),
        )
        # What was found is the reason, unless a person knows better.
        self.reason.reason.setEditText(suggested)
        self.reason.reason.lineEdit().selectAll()

    def _reasons(self, *kinds: str) -> list[str]:
        """Reasons given before, the latest first."""
        review = self._session.review
        made = [] if review is None else [one for one in review.decisions if one.kind in kinds]
        reasons = dict.fromkeys(one.reason for one in reversed(made) if one.reason)
        return list(reasons)[:_SHOWN_REASONS]

    def _html(self, one: ReviewedFinding | None) -> str:
        if one is None:
            return "<p>Select a finding, or press J for the first.</p>"
        finding = one.finding
        colour = severity_colour(finding.severity, self.palette()).name()
        evidence = ", ".join(str(number) for number in finding.evidence)
        mark = f"<span style='color:{colour}'>{MARKS[finding.severity]}</span>"
        kind, where = escape(kind_words(finding.kind)), escape(where_words(finding))
        parts = [
            f"<b>{mark} {finding.severity}: {kind}</b> {where}",
            escape(finding.sentence),
            f"<i>{escape(finding.remedy)}</i>" if finding.remedy else "",
            f"Evidence: {escape(evidence)}" if evidence else "",
            f"<b>{escape(what_became(one))}</b>",
            f"<small>{escape(finding.key)}</small>",
        ]
        return "".join(f"<p style='margin:3px 0'>{part}</p>" for part in parts if part)


def what_became(one: ReviewedFinding) -> str:
    """Say what was decided about a finding, by whom, when and why."""
    if one.decision is None:
        return "Open." if one.can_be_waived else "Open: training cannot load the data with it."
    done = _DONE.get(one.decision.kind, one.decision.kind)
    return f"{done} {who_and_when(one.decision)}: {one.decision.reason}"
