"""Pixel checks in the background: started, stopped, resumed; the FOV on screen first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from lineage_triplets.qc.find.pixels.scan_order import ScanOrder

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.pixels.scan_order import PixelScan

SCAN_JOB = "Scanning images"


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
        session.opened.connect(self._on_changed)
        session.closed.connect(self._on_changed)
        session.state_changed.connect(self._on_state)
        session.channels_changed.connect(self._on_channels)
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
        self._session.work.start(SCAN_JOB, run, lambda _: None)
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

    def _on_channels(self) -> None:
        """Scan what is in the slots now."""
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
        fovs = {(one.experiment, one.fov.name): one.fov.shape[0] for one in snapshot.data.raw.fovs}
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
