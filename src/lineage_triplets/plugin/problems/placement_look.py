"""Whether tables lie on their images: looked at beside the window, before all else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from lineage_triplets.engine.errors import counted
from lineage_triplets.plugin.common.refresh import Refresh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.placement import Placement

PLACEMENT_JOB = "Looking where tables are"


class PlacementLook(QWidget):
    """Looks where tables are after opening, and whenever they may be elsewhere, and says so.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._snapshot: Review | None = None
        self._done = (0, 0)
        self._look = Refresh(
            session,
            PLACEMENT_JOB,
            self._look_job,
            self._looked,
            wait_ms=0,
            of=lambda review: review.data.data_version,
            patient=True,
            parent=self,
        )
        self._look.stopped.connect(self._on_stopped)
        self._words = QLabel(self)
        self._words.setObjectName("placement_state")
        self._words.setWordWrap(True)
        self._again = QPushButton("Go on", self)
        self._again.setObjectName("look_at_placement")
        self._again.setToolTip("Go on looking whether tables lie on their images")
        self._again.clicked.connect(self._look.now)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._words, 1)
        layout.addWidget(self._again, 0, Qt.AlignmentFlag.AlignTop)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_changed)
        session.findings_changed.connect(self._on_changed)
        session.work.progressed.connect(self._on_progress)
        self._on_closed()

    @property
    def is_looking(self) -> bool:
        """Whether something is looked at, or will be."""
        return self._look.is_due

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._on_changed)
        self.show()
        # At once: what else is found means little where tables are not on their images.
        self._look.now()

    def _on_closed(self) -> None:
        self._snapshot, self._done = None, (0, 0)
        self.hide()

    def _on_changed(self) -> None:
        """Look again if tables, slots or places are others; what is under way is of the old."""
        if self._session.review is not None and not self._look.is_current:
            self._look.stop()
            self._look.later()

    def _look_job(self, snapshot: Review) -> Callable[[Job], int]:
        """Make the job that looks at all FOVs; it gives their number."""
        self._snapshot, self._done = snapshot, (0, 0)
        self._again.hide()
        self._words.setText("Tables: looking where they are in the images…")

        def run(job: Job) -> int:
            def said(_: str, done: int, total: int) -> None:
                job.progress(done, total)

            snapshot.checks.check_placement(said, job.stopped)
            return len(snapshot.data.raw.fovs) if snapshot.data.opened else 0

        return run

    def _looked(self, n_fovs: int) -> None:
        review, self._snapshot = self._session.review, None
        self._again.hide()
        if review is not None:
            self._words.setText(placement_words(review.checks.placements))
        self.setVisible(n_fovs > 0)

    def _on_progress(self, name: str, done: int, total: int) -> None:
        if name == PLACEMENT_JOB and self._look.is_due:
            self._done = done, total
            self._words.setText(f"Tables: {done:,} of {counted(total, 'FOV')} looked at…")

    def _on_stopped(self) -> None:
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is None or not self._look.is_current:
            return
        done, total = self._done
        of = f" after {done:,} of {counted(total, 'FOV')}" if total else ""
        self._words.setText(f"Tables: looking where they are was stopped{of}.")
        self._again.show()
        # What is finished is kept.
        self._look.take_up(snapshot)


def placement_words(placements: Sequence[Placement]) -> str:
    """Say how many tables lie on their images: ``"Tables: all 4 FOVs lie on their images"``."""
    n = len(placements)
    fits = sum(found.status == "fits" for found in placements)
    untold = sum(found.status == "cannot-tell" for found in placements)
    if fits == n:
        if n == 1:
            return "Tables: the FOV lies on its images"
        return f"Tables: {'both' if n == 2 else f'all {n:,}'} FOVs lie on their images"
    words = [f"{fits:,} on their images"] if fits else []
    words += [f"{n - fits - untold:,} not on their images"] if n > fits + untold else []
    words += [f"{untold:,} cannot be told"] if untold else []
    return f"Tables of {counted(n, 'FOV')}: {', '.join(words)}"
