"""Export: what is left to settle, what is left out and what that costs, and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.engine.errors import LineageTripletsError, listed_lines
from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.views import FittedTable, words_label
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.plugin.export.asked import AskedView
from lineage_triplets.plugin.export.checklist import (
    ChecklistView,
    checklist,
    cost_cells,
    cost_words,
    left_out_table,
    verdict_words,
)
from lineage_triplets.plugin.export.files import ExportOptions, ExportResultView
from lineage_triplets.plugin.export.jobs import Planned, export_job, plan_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.plugin.export.checklist import OpenLine
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.export.export import ExportResult
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.decision import Target

KEYS = KeyGroup(
    "Export",
    (
        Key("Space", "press, or tick, what has the focus"),
        Key("Enter", "take the reason, or the folder, that is written"),
        Key("Alt+E", "export"),
        Key("Ctrl+Z", "undo the last decision"),
        Key("Ctrl+Shift+Z", "redo"),
    ),
)
CHECKLIST_JOB = "Checking what is open"
EXPORT_JOB = "Exporting"
_PAUSE_MS = 150


class ExportPanel(QWidget):
    """The checklist, the cost, and the export itself.

    Attributes
    ----------
    panel_wanted : Signal(str)
        Gets the title of the panel in which an open point is settled.
    """

    panel_wanted = Signal(str)
    _said = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export_panel")
        self._session = session
        self._planned: Planned | None = None
        self._stale = True
        self._plan = Refresh(
            session, CHECKLIST_JOB, self._plan_job, self._got, wait_ms=_PAUSE_MS, parent=self
        )
        self._plan.stopped.connect(self._on_plan_stopped)
        self._build()
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        session.findings_changed.connect(self._on_findings)
        # An answer about a pair changes no state, and opens the gate all the same.
        session.decided.connect(self._refresh)
        session.work.finished.connect(self._on_finished)
        self._said.connect(self._tell)
        self._on_closed()

    def _build(self) -> None:
        self._verdict = QLabel(self)
        self._verdict.setObjectName("export_verdict")
        self._verdict.setWordWrap(True)
        self._again = QPushButton("Check again", self)
        self._again.setObjectName("check_again")
        self._again.setToolTip("Run the checks that were not run yet, and list what is open")
        self._again.clicked.connect(self._plan.now)
        head = QHBoxLayout()
        head.addWidget(self._verdict, 1)
        head.addWidget(self._again, 0, Qt.AlignmentFlag.AlignTop)
        self._checklist = ChecklistView(self)
        self._checklist.go_wanted.connect(self._go)
        self._checklist.confirm_wanted.connect(self._confirm)
        self._checklist.take_back_wanted.connect(self._take_back)
        self._asked = AskedView(self)
        self._asked.changed.connect(self._refresh)
        self._cost_words = words_label("cost_words", self)
        self._cost = FittedTable("cost_table", "Cells and anchors of each experiment", self)
        self._excluded = FittedTable("excluded_table", "What is left out, why, and by whom", self)
        self._notes = words_label("export_notes", self)
        self._options = ExportOptions(self)
        self._options.only_accepted_changed.connect(self._refresh)
        self._options.changed.connect(self._show_button)
        self._export = QPushButton(self)
        self._export.setObjectName("export")
        self._export.clicked.connect(self._start_export)
        self._progress = words_label("export_progress", self)
        self._result = ExportResultView(self)

        inside = QWidget(self)
        layout = QVBoxLayout(inside)
        layout.addWidget(_heading("Checklist", inside))
        layout.addLayout(head)
        layout.addWidget(self._checklist)
        layout.addWidget(self._asked)
        layout.addWidget(_heading("Left out", inside))
        for widget in (self._cost_words, self._cost, self._excluded, self._notes):
            layout.addWidget(widget)
        layout.addWidget(_heading("Files", inside))
        layout.addWidget(self._options)
        layout.addWidget(self._result)
        layout.addStretch(1)
        self._area = QScrollArea(self)
        self._area.setObjectName("export_scroll")
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidgetResizable(True)
        self._area.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._area, 1)
        whole.addWidget(self._progress)
        foot = QHBoxLayout()
        foot.addWidget(self._export, 1)
        foot.addWidget(KeyButton("export_keys", (KEYS,), self, self))
        whole.addLayout(foot)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's
        """Check what changed while the panel was hidden."""
        super().showEvent(event)
        self._options.look()
        if self._stale:
            self._plan.later()

    def _on_opened(self, review: Review) -> None:
        self._planned = None
        self._asked.start_over()
        self._options.set_written(())
        self._options.set_folder(review.config_path.absolute().parent / "validated")
        self._result.clear()
        self._tell("")
        self.setEnabled(True)
        self._refresh()

    def _on_closed(self) -> None:
        self._planned = None
        self._show_planned()
        self._verdict.setText("No config is open.")
        self.setEnabled(False)

    def _on_state(self) -> None:
        if not self._plan.is_current:
            self._refresh()

    def _on_findings(self) -> None:
        if not self._plan.takes_up:
            self._refresh()

    def _refresh(self) -> None:
        """Check soon; what is shown is out of date."""
        self._stale = True
        self._show_button()
        if self.isVisible():
            self._plan.later()

    def _plan_job(self, snapshot: Review) -> Callable[[Job], Planned]:
        self._stale = False
        self._verdict.setText("Checking …")
        options = self._options
        return plan_job(
            snapshot,
            options.folder,
            only_accepted=options.only_accepted,
            asked=self._asked.asked,
        )

    def _got(self, planned: Planned) -> None:
        self._planned = planned
        self._show_planned()

    def _show_planned(self) -> None:
        planned = self._planned
        points = planned.points if planned else ()
        plan = planned.plan if planned else None
        self._verdict.setText(f"<b>{verdict_words(points)}</b>" if planned else "")
        self._checklist.show_groups(checklist(points))
        words = cost_words(plan) if plan else planned.why_not if planned else ""
        self._cost_words.setText(words)
        self._cost.show_frame(cost_cells(plan) if plan else None)
        self._excluded.show_frame(left_out_table(plan) if plan else None)
        notes = plan.notes if plan else ()
        self._notes.setText("".join(f"<div>Note: {note}</div>" for note in notes))
        self._notes.setVisible(bool(notes))
        self._options.set_draft(plan is not None and not plan.passed)
        self._show_button()

    def _show_button(self) -> None:
        planned = self._planned
        plan = planned.plan if planned else None
        draft = plan is not None and not plan.passed
        self._export.setText("&Export draft" if draft else "&Export")
        why_not = (
            "An export is under way"
            if EXPORT_JOB in self._session.work.running
            else "Nothing can be exported yet"
            if plan is None
            else "What is open is being checked"
            if self._stale
            else self._options.why_not()
        )
        self._export.setEnabled(not why_not)
        self._export.setToolTip(
            why_not
            or (
                "Write a config that is marked as a draft: something is open"
                if draft
                else "Write the validated config and its companions, all files or none"
            )
        )

    def _start_export(self) -> None:
        review, planned = self._session.review, self._planned
        if review is None or planned is None or planned.plan is None:
            return
        self._result.clear()
        self._tell("Starting …")
        options = self._options
        snapshot = review.snapshot()
        run = export_job(
            snapshot,
            options.folder,
            options.formats,
            only_accepted=options.only_accepted,
            asked=self._asked.asked,
            draft=not planned.plan.passed,
            overwrite=options.overwrite,
            tell=lambda words: self._said.emit(f"{words[:1].upper()}{words[1:]} …"),
        )
        self._session.work.start(
            self, EXPORT_JOB, run, lambda result: self._wrote(result, snapshot)
        )
        self._show_button()

    def _wrote(self, result: ExportResult | LineageTripletsError, snapshot: Review) -> None:
        self._plan.take_up(snapshot)
        if isinstance(result, LineageTripletsError):
            has_all = "`lineage-triplets --full export CONFIG --to FOLDER` prints all"
            problems = "\n".join(listed_lines([str(met) for met in result.problems], has_all))
            self._tell(f"Nothing was written. {problems}")
            self._session.failed.emit(f"The export failed; nothing was written.\n{problems}")
            return
        self._tell("")
        self._result.show_result(result)
        self._options.set_written(result.files.values())
        # Once the layout has made room for it.
        soon(self._result, self._show_result)

    def _show_result(self) -> None:
        content = self._area.widget()
        layout = content.layout() if content is not None else None
        if content is not None and layout is not None:
            layout.activate()
            content.resize(content.width(), max(content.height(), layout.sizeHint().height()))
        self._area.ensureWidgetVisible(self._result)

    def _tell(self, words: str) -> None:
        self._progress.setText(words)
        self._progress.setVisible(bool(words))

    def _on_finished(self, name: str) -> None:
        if name == EXPORT_JOB:
            # Where a result comes, it replaces this at once.
            self._tell("Stopped: nothing was written.")
            self._show_button()

    def _on_plan_stopped(self) -> None:
        self._verdict.setText("Stopped. “Check again” goes on.")

    def _go(self, line: OpenLine) -> None:
        review = self._session.review
        if review is None:
            return
        names = [experiment.config.name for experiment in review.data.opened]
        choice: dict[str, object] = {}
        if line.experiment in names:
            choice["experiment"] = line.experiment
        for decision in _stale(review, line.decisions):
            choice.update(_place_of(review, decision.target))
        if choice:
            self._session.choose(**choice)
        self.panel_wanted.emit(line.panel)
        if line.finding_key:
            self._session.finding_wanted.emit(line.finding_key)

    def _confirm(self, numbers: tuple[int, ...]) -> None:
        self._session.decide(lambda review: review.confirm(*_stale(review, numbers)))

    def _take_back(self, numbers: tuple[int, ...]) -> None:
        self._session.decide(lambda review: review.withdraw(*_stale(review, numbers)))


def _stale(review: Review, numbers: tuple[int, ...]) -> list[Decision]:
    return [decision for decision in review.effect.stale if decision.number in numbers]


def _place_of(review: Review, target: Target) -> dict[str, str]:
    """Say what to choose to see what a decision is about, as far as it is there still."""
    data = review.data
    track = data.linked.names.find(target.id) if target.track else -1
    if track < 0:
        return {"fov": target.fov} if target.fov else {}
    return {"fov": target.fov, "lineage": data.track_target("lineage", track).id}


def _heading(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    font = label.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * 1.15)
    label.setFont(font)
    return label
