"""One finding in full, and what can be decided about it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup, bind
from lineage_triplets.plugin.common.reason import ReasonField, recent_reasons, who_and_when
from lineage_triplets.plugin.problems.finding_line import severity_colour
from lineage_triplets.plugin.problems.finding_text import FindingText
from lineage_triplets.plugin.problems.groups import kind_words
from lineage_triplets.plugin.problems.model import MARKS, settle_words, where_words
from lineage_triplets.qc.find.placement import shown_placement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtGui import QPalette, QResizeEvent

    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.record import NewDecision
    from lineage_triplets.qc.record.decision import Target

KEYS = KeyGroup(
    "Decide",
    (
        Key(
            "W", "waive, with a reason; open again", lambda panel: panel.actions_view.waive.click()
        ),
        Key(
            "P",
            "place the experiment so, where its tables do not lie on their images",
            lambda panel: panel.actions_view.place.click(),
        ),
        Key(
            "A",
            "decide it for all of its kind that the list shows, in one step; of a group, or of "
            "several that are selected, it is decided for all of them",
            lambda panel: panel.actions_view.all_alike.click(),
        ),
        Key("V", "the picture at full size", lambda panel: panel.actions_view.text.open_whole()),
        Key("Alt+1, Alt+2, …", "settle it in the first, second, … way"),
        Key("Ctrl+Z", "undo", lambda panel: panel.actions_view.undo.click()),
        Key("Ctrl+Shift+Z", "redo", lambda panel: panel.actions_view.redo.click()),
    ),
)
# So many are decided at once without anybody noticing.
_MANY = 40
_DONE = {"reject": "Rejected", "cut": "Cut", "waive": "Waived"}


class FindingActions(QWidget):
    """The selected finding's sentence, evidence and remedy, and buttons that settle it.

    Parameters
    ----------
    session : Session
    keys : sequence of KeyGroup
        The panel's keys, those of `KEYS` among them.
    panel : QWidget

    Attributes
    ----------
    step_wanted : Signal(int)
        Gets 1 for the next finding, -1 for the one before.
    """

    step_wanted = Signal(int)
    _left_open = Signal(str)

    def __init__(self, session: Session, keys: Sequence[KeyGroup], panel: QWidget) -> None:
        super().__init__(panel)
        self._session = session
        # Of many it is found in a thread.
        self._left_open.connect(session.failed)
        self._panel = panel
        self._shown: ReviewedFinding | None = None
        self._key = ""
        self._alike: list[ReviewedFinding] = []
        self._many: list[ReviewedFinding] = []
        self._count = QLabel(self)
        self._count.setObjectName("chosen_count")
        self._count.setWordWrap(True)
        self.all_alike = QCheckBox(self)
        self.all_alike.setObjectName("all_alike")
        self.all_alike.setToolTip(
            "What is decided then holds for all open findings of this kind that the list shows, "
            "in one step of undo (A)"
        )
        self.all_alike.toggled.connect(lambda: self._show_settle(self._shown, writable=True))
        self.text = FindingText(session, self)
        self._buttons = QWidget(self)
        flow = FlowLayout(self._buttons)
        self._previous = self._button(
            "previous_finding", "◀ Previous", "The finding before, and go there (K or Shift+F8)"
        )
        self._next = self._button(
            "next_finding", "Next ▶", "The next finding, and go there (J or F8)"
        )
        self.place = self._button("place_experiment", "Place the experiment so…", "")
        self.waive = self._button("waive", "", "")
        self.undo = self._button("undo_decision", "Undo", "Undo the last decision (Ctrl+Z)")
        self.redo = self._button(
            "redo_decision", "Redo", "Decide again what was undone last (Ctrl+Shift+Z)"
        )
        flow.addWidget(KeyButton("finding_keys", keys, panel, self._buttons))
        self._previous.clicked.connect(lambda: self.step_wanted.emit(-1))
        self._next.clicked.connect(lambda: self.step_wanted.emit(1))
        self.place.clicked.connect(self._ask_to_place)
        self.waive.clicked.connect(self._press_waive)
        self.undo.clicked.connect(lambda: session.decide(lambda review: review.undo()))
        self.redo.clicked.connect(lambda: session.decide(lambda review: review.redo()))
        # Kept and shown as needed: what had the focus must not go away under it.
        self._settle: list[QPushButton] = []
        self.reason = ReasonField(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.reason)
        layout.addWidget(self._count)
        layout.addWidget(self.all_alike)
        layout.addWidget(self._buttons)
        self.show_finding(None)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Leave room for all lines of buttons: splitters do not ask how high they are so narrow."""
        hint, flow = super().minimumSizeHint(), self._buttons.layout()
        more = flow.heightForWidth(self.width()) - flow.minimumSize().height()
        return hint + QSize(0, max(more, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Ask for other room in another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def show_finding(
        self,
        reviewed: ReviewedFinding | None,
        n_shown: int = 0,
        alike: Sequence[ReviewedFinding] = (),
        chosen: Sequence[ReviewedFinding] = (),
    ) -> None:
        """Show a finding, and what can be decided about it, or about all that are selected.

        Parameters
        ----------
        reviewed : ReviewedFinding or None
        n_shown : int
            How many findings there are to step through.
        alike : sequence of ReviewedFinding
            Open ones of its kind, itself among them.
        chosen : sequence of ReviewedFinding
            Those that are selected; several are decided in one step.
        """
        key = "" if reviewed is None else reviewed.finding.key
        if key != self._key:
            self.reason.put_away()
        is_news = key != self._key or reviewed != self._shown
        self._shown, self._key, self._alike = reviewed, key, list(alike)
        self._many = [one for one in chosen if one.status == "open"] if len(chosen) > 1 else []
        if is_news or reviewed is None:
            finding = None if reviewed is None else reviewed.finding
            self.text.tell(finding, *_html(reviewed, n_shown, self.palette()))
        review = self._session.review
        writable = review is not None and not review.log.read_only
        for button in (self._previous, self._next):
            button.setEnabled(n_shown > 0)
        self.undo.setEnabled(writable)
        self.redo.setEnabled(writable)
        self._show_alike(reviewed, writable=writable)
        self._show_place(writable=writable)
        self._show_waive(reviewed, writable=writable)
        self._show_settle(reviewed, writable=writable)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self._buttons)
        button.setObjectName(name)
        button.setToolTip(tip)
        self._buttons.layout().addWidget(button)
        return button

    def _show_alike(self, reviewed: ReviewedFinding | None, *, writable: bool) -> None:
        """Offer to decide for all of a kind; nobody decides for another kind by the way."""
        can = writable and reviewed is not None and len(self._alike) > 1 and not self._many
        kinds = dict.fromkeys(kind_words(one.finding.kind) for one in self._many)
        self._count.setText(
            f"<b>{len(self._many):,} selected</b> ({', '.join(kinds)}): what is decided holds for "
            "all of them, in one step of undo."
        )
        self._count.setVisible(bool(self._many))
        kind = kind_words(reviewed.finding.kind) if can and reviewed is not None else ""
        words = f"All {len(self._alike)} of this kind: {kind}"
        if not can or reviewed not in self._alike or not self.all_alike.text().endswith(kind):
            self.all_alike.setChecked(False)
        self.all_alike.setText(words if can else "")
        self.all_alike.setVisible(can and reviewed in self._alike)

    def _chosen(self, reviewed: ReviewedFinding) -> list[ReviewedFinding]:
        """Give the findings for which is decided."""
        return self._many or (self._alike if self.all_alike.isChecked() else [reviewed])

    def _repairs(self, reviewed: ReviewedFinding, number: int) -> list[tuple[Target, ...]]:
        """Give what one of the ways to settle cuts, links and rejects, for each finding."""
        return [
            tuple(chosen.finding.settled_by[number])
            for chosen in self._chosen(reviewed)
            if number < len(chosen.finding.settled_by)
        ]

    def _targets(self, reviewed: ReviewedFinding, number: int) -> list[Target]:
        """Give all that one of the ways to settle cuts, links and rejects."""
        return [target for repair in self._repairs(reviewed, number) for target in repair]

    def _show_waive(self, reviewed: ReviewedFinding | None, *, writable: bool) -> None:
        waived = reviewed is not None and reviewed.status == "waived"
        self.waive.setText("Open again" if waived else "Waive…")
        can = reviewed is not None and (
            waived or (reviewed.can_be_waived and reviewed.status == "open")
        )
        self.waive.setEnabled(writable and can)
        self.waive.setToolTip(
            "No finding is selected"
            if reviewed is None
            else "Opened read-only"
            if not writable
            else "Training could not load the data with it: mend it, or leave it out"
            if not reviewed.can_be_waived
            else "It is settled already"
            if reviewed.status == "settled"
            else "Take the waiver back (W)"
            if waived
            else "Say that it is no fault, with a reason (W)"
        )

    def _show_settle(self, reviewed: ReviewedFinding | None, *, writable: bool) -> None:
        alternatives = (
            reviewed.finding.settled_by
            if reviewed is not None and reviewed.status == "open"
            else ()
        )
        while len(self._settle) < len(alternatives):
            number = len(self._settle)
            button = self._button(f"settle_{number}", "", "")
            button.clicked.connect(lambda _=False, number=number: self._ask_to_settle(number))
            bind(self._panel, f"Alt+{number + 1}", button.click)
            self._settle.append(button)
        for number, button in enumerate(self._settle):
            targets = (
                self._targets(reviewed, number)
                if reviewed is not None and number < len(alternatives)
                else []
            )
            button.setVisible(bool(targets))
            button.setEnabled(writable and bool(targets))
            if targets:
                button.setText(f"{settle_words(targets)}…")
                named = "\n".join(str(target) for target in targets[:12])
                more = f"\nand {len(targets) - 12} more" if len(targets) > 12 else ""
                button.setToolTip(f"Settles it, with a reason (Alt+{number + 1}):\n{named}{more}")

    @property
    def _remedy(self) -> TrackTransform | None:
        """What mends the tables of the experiment, if the finding is that they lie elsewhere."""
        review, reviewed = self._session.review, self._shown
        if review is None or reviewed is None or reviewed.status != "open":
            return None
        shown = shown_placement(reviewed.finding, review.checks.placements)
        if shown is None or shown.status != "misfit":
            return None
        return review.checks.placement_remedy(shown.experiment)

    def _show_place(self, *, writable: bool) -> None:
        remedy = self._remedy
        self.place.setVisible(remedy is not None)
        self.place.setEnabled(writable and remedy is not None)
        if remedy is not None:
            self.place.setToolTip(
                f"Take all its tables with {remedy.words}, with a reason (P); they are looked at "
                "again then"
            )

    def _ask_to_place(self) -> None:
        review, reviewed, remedy = self._session.review, self._shown, self._remedy
        if review is None or reviewed is None or remedy is None:
            return
        experiment = reviewed.finding.experiment
        shown = shown_placement(reviewed.finding, review.checks.placements)
        self._ask(
            f"Place {experiment} by {remedy.words}",
            "as its images say" if shown is None else shown.words,
            ("place",),
            lambda reason: self._session.decide(
                lambda review: review.place(experiment, remedy, reason)
            ),
        )

    def _press_waive(self) -> None:
        reviewed = self._shown
        if reviewed is None:
            return
        key = reviewed.finding.key
        if reviewed.status == "waived":
            self._session.decide(lambda review: review.unwaive(key))
            return
        chosen = self._chosen(reviewed)
        keys = [one.finding.key for one in chosen if one.can_be_waived]
        kinds = ", ".join(dict.fromkeys(kind_words(one.finding.kind) for one in chosen))
        all_words = f"{len(keys):,} times" if len(chosen) > 1 else "the"
        self.reason.ask(
            f"Waive {all_words} {kinds}",
            recent_reasons(self._session.review, "waive"),
            lambda reason: self._decide(len(keys), lambda review: review.waiving(keys, reason)),
        )

    def _ask_to_settle(self, number: int) -> None:
        reviewed = self._shown
        if reviewed is None or number >= len(reviewed.finding.settled_by):
            return
        repairs, targets = self._repairs(reviewed, number), self._targets(reviewed, number)

        def prepare(review: Review, reason: str) -> Sequence[NewDecision]:
            if len(repairs) == 1:
                return review.settling(targets, reason)
            together = review.settling_all(repairs, reason)
            if together.left:
                self._left_open.emit(_left_words(together.left, len(repairs)))
            return together.new

        self._ask(
            settle_words(targets),
            kind_words(reviewed.finding.kind),
            ("reject", "cut"),
            lambda reason: self._decide(len(targets), lambda review: prepare(review, reason)),
        )

    def _decide(self, n: int, prepare: Callable[[Review], Sequence[NewDecision]]) -> bool:
        """Decide in one step; what takes long is worked out beside the window."""
        if n > _MANY:
            return self._session.decide_many(prepare)
        return self._session.decide(lambda review: review.carry_out(*prepare(review)))

    def _ask(
        self, question: str, suggested: str, kinds: Sequence[str], decide: Callable[[str], bool]
    ) -> None:
        recent = recent_reasons(self._session.review, *kinds)
        self.reason.ask(question, list(dict.fromkeys([suggested, *recent])), decide)
        # What was found is the reason, unless a person knows better.
        self.reason.reason.setEditText(suggested)
        self.reason.reason.lineEdit().selectAll()


def _left_words(left: Mapping[int, str], of: int) -> str:
    """Say how many findings of several are left open, and why the first of them."""
    n, why = len(left), next(iter(left.values()))
    others = f" And {n - 1} more do not go together with others." if n > 1 else ""
    return f"{of - n} of {of} findings are settled, {n} left open: {why}{others}"


def _html(reviewed: ReviewedFinding | None, n_shown: int, palette: QPalette) -> tuple[str, str]:
    """What is said of a finding before its picture, and after it."""
    if reviewed is None and not n_shown:
        return (
            "<p>Nothing is listed: other filters, or a scan of the images, may list more.</p>",
            "",
        )
    if reviewed is None:
        return "<p>Select a finding, or press J for the first.</p>", ""
    finding = reviewed.finding
    colour = severity_colour(finding.severity, palette).name()
    evidence = ", ".join(str(number) for number in finding.evidence)
    mark = f"<span style='color:{colour}'>{MARKS[finding.severity]}</span>"
    kind, where = escape(kind_words(finding.kind)), escape(where_words(finding))
    before = [f"<b>{mark} {finding.severity}: {kind}</b> {where}", escape(finding.sentence)]
    after = [
        f"<i>{escape(finding.remedy)}</i>" if finding.remedy else "",
        f"Evidence: {escape(evidence)}" if evidence else "",
        f"<b>{escape(what_became(reviewed))}</b>",
        f"<small>{escape(finding.key)}</small>",
    ]
    return _paragraphs(before), _paragraphs(after)


def _paragraphs(parts: Sequence[str]) -> str:
    return "".join(f"<p style='margin:3px 0'>{part}</p>" for part in parts if part)


def what_became(reviewed: ReviewedFinding) -> str:
    """Say what was decided about a finding, by whom, when and why."""
    if reviewed.decision is None:
        return "Open." if reviewed.can_be_waived else "Open: training cannot load the data with it."
    done = _DONE.get(reviewed.decision.kind, reviewed.decision.kind)
    return f"{done} {who_and_when(reviewed.decision)}: {reviewed.decision.reason}"
