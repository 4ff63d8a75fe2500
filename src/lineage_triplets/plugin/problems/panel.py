"""Problems: what the checks found, where it is, and what becomes of it; and the scan of images."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from lineage_triplets.plugin.common.keys import key_groups
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.plugin.problems.finding_actions import FindingActions
from lineage_triplets.plugin.problems.finding_list import FindingList
from lineage_triplets.plugin.problems.link_look import LinkLook
from lineage_triplets.plugin.problems.model import MARKS, FindingRows
from lineage_triplets.plugin.problems.placement_look import PlacementLook
from lineage_triplets.qc.find import finding_place
from lineage_triplets.qc.find.pixels.scan_order import ScanOrder
from lineage_triplets.qc.find.placement import shown_placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.find.pixels.index_scan import PixelScan

SCAN_JOB = "Scanning images"
CHECK_JOB = "Checking tables"
_PATIENCE_MS = 60
_KEYS_OF = (
    "problems.finding_list",
    "problems.finding_actions",
    "problems.link_look",
    "common.bad_fov",
    "common.outlines",
    "common.tails",
    "common.reason",
)


class ImageScan(QWidget):
    """How many FOVs were scanned, and the button that scans the others.

    Parameters
    ----------
    session : Session
    """

    _scanned = Signal(object, object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._order = ScanOrder()
        self._on_screen = ("", "")
        self._version = -1
        self._n_fovs = 0
        self._running = False
        self._words = QLabel(self)
        self._words.setObjectName("scan_state")
        self._button = QPushButton(self)
        self._button.setObjectName("scan_images")
        self._button.clicked.connect(self._press)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._words, 1)
        layout.addWidget(self._button)
        self._scanned.connect(self._take)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_changed)
        session.state_changed.connect(self._on_state)
        session.channels_changed.connect(self._on_other_data)
        session.frame_changed.connect(self._on_frame)
        session.work.progressed.connect(self._on_progress)
        session.work.finished.connect(self._on_finished)
        self._on_changed()

    def set_fovs(self, n_fovs: int) -> None:
        """Say how many FOVs there are to scan."""
        self._n_fovs = n_fovs
        if not self._running:
            self._say()

    @property
    def _n_scanned(self) -> int:
        review = self._session.review
        return 0 if review is None else len(review.checks.scanned)

    def _press(self) -> None:
        if self._running:
            self._session.work.cancel(SCAN_JOB)
        else:
            self._start(anew=self._n_scanned >= self._n_fovs)

    def _start(self, *, anew: bool) -> None:
        review = self._session.review
        if review is None:
            return
        self._order = ScanOrder()
        self._order.want_first(self._on_screen)
        run = _scan_job(review, self._order, self._scanned.emit, anew=anew)
        self._session.work.start(self, SCAN_JOB, run, lambda _: None, patient=True)
        self._version = review.data.data_version
        self._running = True
        self._say("Images: starting…")

    def _take(self, review: Review, scan: PixelScan) -> None:
        if review is self._session.review:
            self._session.attempt(lambda: review.take_pixels(scan))
            if not self._running:
                self._say()

    def _say(self, words: str = "") -> None:
        done, n_fovs = self._n_scanned, self._n_fovs
        self._words.setText(words or f"Images: {done} of {n_fovs} FOVs scanned")
        if self._running:
            self._button.setText("Stop scan")
            self._button.setToolTip("Stop scanning; what is finished is kept")
        elif done >= n_fovs > 0:
            self._button.setText("Scan again")
            self._button.setToolTip("Read all images again, if they changed on disk")
        else:
            self._button.setText("Scan images")
            self._button.setToolTip(
                "Read every frame and look for blank, repeated, saturated and blurred ones; the "
                "FOV on screen first, finished FOVs are kept"
            )
        self._button.setEnabled(self._running or n_fovs > 0)

    def _on_opened(self, review: Review) -> None:
        self._on_changed()
        review.events.data.connect(self._on_other_data)

    def _on_changed(self) -> None:
        self._n_fovs = 0
        self._on_screen = ("", "")
        self._say("Images: not scanned")

    def _on_state(self) -> None:
        review = self._session.review
        if review is not None and self._on_screen == ("", ""):
            self._want(review.intent.experiment, review.intent.fov)

    def _on_frame(self, experiment: str, fov: str, _: int) -> None:
        self._want(experiment, fov)

    def _want(self, experiment: str, fov: str) -> None:
        self._on_screen = (experiment, fov)
        self._order.want_first(self._on_screen)

    def _on_other_data(self) -> None:
        """Scan what is in the slots now, around the cells as they are now."""
        review = self._session.review
        if self._running and review is not None:
            if self._version != review.data.data_version:
                self._start(anew=False)
        else:
            self._say()

    def _on_progress(self, name: str, done: int, total: int) -> None:
        if name == SCAN_JOB and self._running:
            self._say(f"Images: {done:,} of {total:,} frames")

    def _on_finished(self, name: str) -> None:
        if name == SCAN_JOB:
            self._running = False
            self._say()


def _scan_job(
    review: Review, order: ScanOrder, tell: Callable[[Review, PixelScan], None], *, anew: bool
) -> Callable[[Job], None]:
    """Make the job that scans a snapshot, and tells of each FOV."""
    snapshot = review.snapshot()

    def run(job: Job) -> None:
        checks = snapshot.checks
        checks.recall_pixels()
        fovs = {
            (source.experiment, source.fov.name): source.fov.shape[0]
            for source in snapshot.data.raw.fovs
        }
        left = [place for place in fovs if anew or place not in checks.scanned]
        total = sum(fovs[place] for place in left)
        done = 0
        order.put(left)

        def said(frames: int, _: int) -> None:
            job.progress(done + frames, total)

        while not job.stopped():
            place = order.take()
            if place is None:
                return
            scan = checks.scan_pixels(*place, anew=anew, on_frame=said, stop=job.stopped)
            if scan is None:
                return
            done += fovs[place]
            tell(review, scan)

    return run


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
        self._asked_for = ""
        # Of list and text while a picture is not shown; empty once a person chose them.
        self._sizes: list[int] = []
        self.placement = PlacementLook(session, self)
        self._refresh = Refresh(
            session,
            CHECK_JOB,
            self._check_job,
            self._take,
            wait_ms=_PATIENCE_MS,
            patient=True,
            parent=self,
        )
        self._refresh.stopped.connect(self._on_stopped)
        self._summary = QLabel(self)
        self._summary.setObjectName("findings_summary")
        self._summary.setWordWrap(True)
        self._again = QPushButton("Check again", self)
        self._again.setObjectName("check_tables")
        self._again.setToolTip("Go on with the checks of tables and settings")
        self._again.clicked.connect(self._refresh.later)
        self.findings = FindingList(self)
        self.actions_view = FindingActions(session, key_groups(*_KEYS_OF), self)
        self.scan = ImageScan(session, self)
        head = QHBoxLayout()
        head.addWidget(self._summary, 1)
        head.addWidget(self._again)
        splitter = self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setObjectName("problems_splitter")
        splitter.setChildrenCollapsible(False)
        self.link = LinkLook(session, self)
        splitter.addWidget(self.findings)
        splitter.addWidget(self.link)
        splitter.addWidget(self.actions_view)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setStretchFactor(2, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(splitter, 1)
        layout.addWidget(self.placement)
        layout.addWidget(self.scan)
        self.findings.selected.connect(self._on_selected)
        self.findings.wanted.connect(self._go)
        self.actions_view.step_wanted.connect(self.findings.step)
        self.actions_view.text.height_wanted.connect(self._make_room)
        # The splitter knows its size once it is laid out.
        self.link.appeared.connect(lambda: soon(self, self._make_room_for_link))
        splitter.splitterMoved.connect(lambda *_: self._sizes.clear())
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        session.findings_changed.connect(self._refresh.later)
        session.finding_wanted.connect(self._select)
        self._on_closed()

    @property
    def is_checking(self) -> bool:
        """Whether the list will be made anew."""
        return self._refresh.is_due or self.placement.is_looking

    @property
    def fovs_in_hand(self) -> list[tuple[str, str]]:
        """Experiments and FOVs of the findings that are selected."""
        chosen = [reviewed.finding for reviewed in self.findings.chosen]
        return [(finding.experiment, finding.fov) for finding in chosen]

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._refresh.later)
        self._summary.setText("Checking tables and settings…")
        self._refresh.later()

    def _on_closed(self) -> None:
        self._asked_for = ""
        self.findings.set_rows(FindingRows())
        self._summary.setText("No config is open")
        self._again.hide()

    def _on_state(self) -> None:
        """Check again if settings or decisions are others."""
        if not self._refresh.is_current:
            self._refresh.later()

    def _check_job(self, snapshot: Review) -> Callable[[Job], tuple[FindingRows, int]]:
        """Make the job that runs the checks; it gives the number of FOVs too."""
        self._again.hide()

        def run(job: Job) -> tuple[FindingRows, int]:
            # Where tables are is looked at beside it.
            reviewed = snapshot.check(channels=False, placement=False, stop=job.stopped)
            n_fovs = len(snapshot.data.raw.fovs) if snapshot.data.opened else 0
            return FindingRows.of(reviewed), n_fovs

        return run

    def _take(self, checked: tuple[FindingRows, int]) -> None:
        rows, n_fovs = checked
        self._again.hide()
        self.scan.set_fovs(n_fovs)
        self._summary.setText(_summary(rows))
        self.findings.set_rows(rows)
        if self._asked_for and self.findings.select(self._asked_for):
            self._asked_for = ""
            self._go()

    def _on_stopped(self) -> None:
        self._again.show()
        self._summary.setText("The checks were stopped.")

    def _on_selected(self, reviewed: ReviewedFinding | None) -> None:
        model = self.findings.model
        alike = [] if reviewed is None else model.alike(reviewed)
        self.link.show_finding(None if reviewed is None else reviewed.finding)
        self.actions_view.show_finding(reviewed, model.rowCount(), alike, self.findings.chosen)
        following = self.findings.following
        if following is not None and following.finding.fov and self.isVisible():
            finding = following.finding
            place = Place(finding.experiment, finding.fov, finding.t)
            self._session.foretold.emit([place])

    def _make_room(self, height: int) -> None:
        """Give the text room for its picture, of the list's; and back."""
        if not height:
            if self._sizes:
                self._splitter.setSizes(self._sizes)
                self._sizes = []
            return
        of_list, of_link, of_text = self._splitter.sizes()
        room = of_list - self.findings.minimumSizeHint().height()
        more = min(height - self.actions_view.text.height(), room)
        if more > 0:
            self._sizes = self._sizes or [of_list, of_link, of_text]
            self._splitter.setSizes([of_list - more, of_link, of_text + more])

    def _make_room_for_link(self) -> None:
        """Give the frames of a link their height, of the list's."""
        of_list, of_link, of_text = self._splitter.sizes()
        room = of_list - self.findings.minimumSizeHint().height()
        more = min(self.link.sizeHint().height() - of_link, room)
        if of_link and more > 0:
            self._splitter.setSizes([of_list - more, of_link + more, of_text])

    def _select(self, key: str) -> None:
        """Select a finding and go there; later, if it is not found yet."""
        if self.findings.select(key):
            self._go()
        else:
            self._asked_for = key

    def _go(self) -> None:
        """Take the viewer to the selected finding."""
        review, reviewed = self._session.review, self.findings.current
        if review is None or reviewed is None:
            return

        def go() -> None:
            finding = reviewed.finding
            shown = shown_placement(finding, review.checks.placements)
            if shown is not None:
                finding = replace(finding, fov=shown.fov)
            place = finding_place(review.data, finding)
            if place is not None:
                self._session.look_at(Place(**asdict(place)))

        self._session.attempt(go)


def _summary(rows: FindingRows) -> str:
    """``"Open: ✕ 2 errors, ▲ 5 warnings"``."""
    counts = rows.counts()
    words = [f"{MARKS[name]} {n:,} {name}{'s' * (n != 1)}" for name, n in counts.items() if n]
    return f"Open: {', '.join(words)}" if words else "Nothing is open."
