"""Problems: what the checks found, where it is, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.keys import bind
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.plugin.problems.finding_actions import FindingActions
from lineage_triplets.plugin.problems.finding_list import FindingList
from lineage_triplets.plugin.problems.image_scan import ImageScan
from lineage_triplets.plugin.problems.model import MARKS, FindingRows
from lineage_triplets.qc.find.places import finding_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding

CHECK_JOB = "Checking tables"
_PATIENCE_MS = 60


@dataclass(frozen=True, eq=False)
class _Checked:
    """What the checks of a snapshot gave.

    Attributes
    ----------
    snapshot : Review
    rows : FindingRows
    n_fovs : int
    """

    snapshot: Review
    rows: FindingRows
    n_fovs: int


class ProblemsPanel(QWidget):
    """The findings of the open review.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problems")
        self._session = session
        self._running = self._outdated = self._taking_up = False
        self._asked_for = ""
        self._version = (-1, -1)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_PATIENCE_MS)
        self._later.timeout.connect(self._check)
        self._summary = QLabel(self)
        self._summary.setObjectName("findings_summary")
        self._summary.setWordWrap(True)
        self._again = QPushButton("Check again", self)
        self._again.setObjectName("check_tables")
        self._again.setToolTip("Go on with the checks of tables and settings")
        self._again.clicked.connect(self._later.start)
        self.findings = FindingList(self)
        self.actions_view = FindingActions(session, self)
        self.scan = ImageScan(session, self)
        head = QHBoxLayout()
        head.addWidget(self._summary, 1)
        head.addWidget(self._again)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setObjectName("problems_splitter")
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.findings)
        splitter.addWidget(self.actions_view)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.scan)
        for key, step in (("J", 1), ("F8", 1), ("K", -1), ("Shift+F8", -1)):
            bind(self, key, self._stepper(step))
        bind(self, "Ctrl+F", self.findings.filter_text.setFocus)
        self.findings.selected.connect(self._on_selected)
        self.findings.wanted.connect(self._go)
        self.actions_view.step_wanted.connect(self.findings.step)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        session.findings_changed.connect(self._refresh)
        session.finding_wanted.connect(self._select)
        session.work.finished.connect(self._on_finished)
        self._on_closed()

    @property
    def is_checking(self) -> bool:
        """Whether the list will be made anew."""
        return self._running or self._later.isActive()

    def _stepper(self, step: int) -> Callable[[], None]:
        return lambda: self.findings.step(step)

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._refresh)
        self._summary.setText("Checking tables and settings…")
        self._refresh()

    def _on_closed(self) -> None:
        self._later.stop()
        self._running = self._outdated = False
        self._asked_for = ""
        self.findings.set_rows(FindingRows())
        self._summary.setText("No config is open")
        self._again.hide()

    def _refresh(self) -> None:
        """Check soon, after whatever else changes now."""
        if self._session.review is not None and not self._taking_up:
            self._later.start()

    def _on_state(self) -> None:
        """Check again if settings or decisions are others."""
        review = self._session.review
        if review is not None and self._version != _version(review):
            self._refresh()

    def _check(self) -> None:
        review = self._session.review
        if review is None:
            return
        if self._running:
            self._outdated = True
            return
        self._outdated = False
        self._running = True
        self._version = _version(review)
        self._again.hide()
        self._session.work.start(CHECK_JOB, _check_job(review), self._take)

    def _take(self, checked: _Checked) -> None:
        review = self._session.review
        if review is None:
            return
        self._taking_up = True
        try:
            review.take_up(checked.snapshot)
        finally:
            self._taking_up = False
        self._again.hide()
        self.scan.set_fovs(checked.n_fovs)
        self._summary.setText(_summary(checked.rows))
        self.findings.set_rows(checked.rows)
        if self._asked_for and self.findings.select(self._asked_for):
            self._asked_for = ""
            self._go()

    def _on_finished(self, name: str) -> None:
        if name != CHECK_JOB:
            return
        self._running = False
        # Where a result comes, it replaces this at once.
        self._again.show()
        self._summary.setText("The checks were stopped.")
        if self._outdated:
            self._later.start()

    def _on_selected(self, one: ReviewedFinding | None) -> None:
        self.actions_view.show_finding(one, self.findings.model.rowCount())

    def _select(self, key: str) -> None:
        """Select a finding and go there; later, if it is not found yet."""
        if self.findings.select(key):
            self._go()
        else:
            self._asked_for = key

    def _go(self) -> None:
        """Take the viewer to the selected finding."""
        review, one = self._session.review, self.findings.current
        if review is None or one is None:
            return

        def go() -> None:
            place = finding_place(review.data, one.finding)
            if place is not None:
                self._session.look_at(Place(**asdict(place)))

        self._session.attempt(go)


def _check_job(review: Review) -> Callable[[Job], _Checked]:
    snapshot = review.snapshot()

    def run(job: Job) -> _Checked:
        del job
        reviewed = snapshot.check(channels=False)
        n_fovs = len(snapshot.data.raw.fovs) if snapshot.data.opened else 0
        return _Checked(snapshot, FindingRows.of(reviewed), n_fovs)

    return run


def _version(review: Review) -> tuple[int, int]:
    return review.data.version, review.data.data_version


def _summary(rows: FindingRows) -> str:
    """``"Open: ✕ 2 errors, ▲ 5 warnings"``."""
    counts = rows.counts()
    words = [f"{MARKS[name]} {n:,} {name}{'s' * (n != 1)}" for name, n in counts.items() if n]
    return f"Open: {', '.join(words)}" if words else "Nothing is open."
