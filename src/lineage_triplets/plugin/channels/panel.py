"""Channels: slots down, experiments across; seen, remapped and approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from lineage_triplets.plugin.channels.grid import ChannelGrid, approvals, experiment_channels
from lineage_triplets.plugin.common.keys import Key, KeyButton, KeyGroup, key_groups
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.qc.decide.channels import chosen_slots, images_hash
from lineage_triplets.qc.record.effect import AUDIT_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.channels.grid import ExperimentChannels
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.record import Decision

    Found = tuple[tuple[ExperimentChannels, ...], dict[str, Approval]]

KEYS = KeyGroup(
    "Channels",
    (
        Key("Down", "in a box: the channels to choose from, Enter takes one"),
        Key("Space", "approve, or press whatever has the focus"),
        Key("Ctrl+Z", "undo"),
        Key("Ctrl+Shift+Z", "redo"),
    ),
)
_KEYS_OF = ("channels.panel", "common.outlines")
LOOK_JOB = "Looking at channels"
APPROVALS_JOB = "Looking up approvals"
APPROVE_JOB = "Approving channels"
_KEY = "✓ looks right · ✕ looks wrong · ? cannot tell"


class ChannelsPanel(QWidget):
    """What is in each slot of each experiment of the open review.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("channels")
        self._session = session
        self._experiments: tuple[ExperimentChannels, ...] = ()
        self._approvals: dict[str, Approval] = {}
        self._without_result: set[str] = set()
        self._lookup = Refresh(
            session,
            APPROVALS_JOB,
            self._lookup_job,
            self._got,
            wait_ms=0,
            patient=True,
            parent=self,
        )
        self._lookup.stopped.connect(lambda: self._on_stopped(APPROVALS_JOB))
        self._inspection = Refresh(
            session,
            LOOK_JOB,
            self._look_job,
            self._looked,
            wait_ms=0,
            of=lambda review: review.data.data_version,
            patient=True,
            parent=self,
        )
        self._inspection.stopped.connect(lambda: self._on_stopped(LOOK_JOB))
        self._words = QLabel(self)
        self._words.setObjectName("channels_state")
        self._words.setWordWrap(True)
        self._look = QPushButton("Look again", self)
        self._look.setObjectName("look_at_channels")
        self._look.setToolTip("Read patches of all channels, and compare the experiments")
        self._look.clicked.connect(self._look_again)
        self.grid = ChannelGrid(self)
        self.grid.picked.connect(self._on_picked)
        self.grid.approval_wanted.connect(self._on_approval)
        head = QHBoxLayout()
        head.addWidget(self._words, 1)
        head.addWidget(self._look, 0, Qt.AlignmentFlag.AlignTop)
        keys = KeyButton("channel_keys", key_groups(*_KEYS_OF), self, self)
        head.addWidget(keys, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addLayout(head)
        layout.addWidget(self.grid, 1)
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.channels_changed.connect(self._on_channels)
        session.decided.connect(self._on_decided)
        session.findings_changed.connect(self._on_findings)
        session.state_changed.connect(self._on_state)
        session.work.progressed.connect(self._on_progress)
        self._on_closed()

    @property
    def is_looking(self) -> bool:
        """Whether something is looked up or drawn anew."""
        return self._lookup.is_due or self._inspection.is_due or self.grid.is_filling

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._look_up_soon)
        self._words.setText("Opening…")
        self._lookup.later()

    def _on_closed(self) -> None:
        self._experiments, self._approvals = (), {}
        self._without_result.clear()
        self.grid.clear()
        self._words.setText("No config is open")
        self._look.hide()

    def _on_channels(self) -> None:
        """Show the new mapping before anything is read again."""
        review = self._session.review
        if review is None:
            return
        slots = {
            experiment.name: tuple(experiment.source_channel)
            for experiment in review.data.experiments
        }
        self._experiments = tuple(
            experiment.with_slots(slots.get(experiment.name, experiment.slots))
            for experiment in self._experiments
        )
        self._approvals = {}
        self._show()
        self._look_up_soon()

    def _on_decided(self, decisions: Sequence[Decision]) -> None:
        if any(made.kind not in AUDIT_KINDS for made in decisions):
            self._look_up_soon()

    def _on_state(self) -> None:
        if not self._inspection.is_current:
            self._look_up_soon()

    def _on_findings(self) -> None:
        if self._session.review is not None and self._experiments:
            self._show()

    def _look_up_soon(self) -> None:
        """Look up what changed; what is under way is of other channels or approvals."""
        self._lookup.stop()
        self._lookup.later()

    def _look_again(self) -> None:
        self._inspection.stop()
        self._look_up_soon()

    def _lookup_job(self, snapshot: Review) -> Callable[[Job], Found]:
        """Look up experiments and approvals, and look at the channels where that was not done."""
        if not self._inspection.is_current:
            self._inspection.stop()
            self._inspection.later()
        return lambda _job: (experiment_channels(snapshot), approvals(snapshot))

    def _got(self, found: Found) -> None:
        self._experiments, self._approvals = found
        self._without_result.discard(APPROVALS_JOB)
        self._show()

    def _look_job(self, snapshot: Review) -> Callable[[Job], None]:
        self._without_result.clear()
        self._look.hide()
        self._words.setText("Looking at the channels…")

        def run(job: Job) -> None:
            snapshot.checks.check_channels(
                progress=lambda _, done, total: job.progress(done, total), stop=job.stopped
            )

        return run

    def _looked(self, _nothing: None) -> None:
        self._without_result.discard(LOOK_JOB)
        self._show()

    def _show(self) -> None:
        review = self._session.review
        if review is None:
            return
        inspection = review.checks.inspection
        looking = self._inspection.is_due
        note = "looking…" if looking else "not looked at"
        why_not = "Opened read-only" if review.log.read_only else ""
        self.grid.show_experiments(
            self._experiments,
            review.slot_labels,
            inspection,
            self._approvals,
            note=note,
            why_not=why_not,
        )
        if not looking and inspection is not None:
            self._words.setText(_KEY)
        self._look.setVisible(bool(self._without_result))

    def _on_picked(self, experiment: str, slot: int, channel: str) -> None:
        slots = next(known.slots for known in self._experiments if known.name == experiment)
        chosen = chosen_slots(slots, slot, channel)
        self._session.decide(lambda review: review.remap(experiment, chosen))

    def _on_approval(self, experiment: str, wanted: bool) -> None:
        if not wanted:
            self._session.decide(lambda review: review.disapprove(experiment))
            return
        review = self._session.review
        if review is None:
            return
        snapshot, version = review.snapshot(), review.data.data_version
        self.grid.show_working(experiment)

        def run(job: Job) -> str:
            del job
            return images_hash(snapshot.data, experiment)

        self._session.work.start(
            self,
            APPROVE_JOB,
            run,
            lambda images: self._approve(experiment, images, version),
            lambda: soon(self, self._show),
        )

    def _approve(self, experiment: str, images: str, version: int) -> None:
        review = self._session.review
        if review is None:
            return
        if review.data.data_version != version:
            self._session.failed.emit(
                f"{experiment} was not approved: its channels changed meanwhile. Look at them, and "
                "approve again."
            )
            self._show()
            return
        self._session.decide(lambda review: review.approve(experiment, images=images))

    def _on_progress(self, name: str, done: int, total: int) -> None:
        if name == LOOK_JOB:
            self._words.setText(f"Looking at the channels… {done} of {total} cells")

    def _on_stopped(self, name: str) -> None:
        self._without_result.add(name)
        if name == LOOK_JOB:
            self._words.setText("Looking at the channels was stopped.")
        self._show()
