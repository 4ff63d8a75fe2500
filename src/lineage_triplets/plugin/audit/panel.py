"""Audit: how far each experiment is, and its pairs judged blind, one key each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.audit.judging import Judging
from lineage_triplets.plugin.audit.model import Round, own_answers
from lineage_triplets.plugin.audit.overview import Overview, has_pairs_left
from lineage_triplets.plugin.audit.reading import AHEAD, FRAMES_JOB, PairAhead
from lineage_triplets.plugin.common.keys import KeyButton, bind, key_groups
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.qc.decide.channels import images_hash
from lineage_triplets.qc.record.effect import AUDIT_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.audit.answers import Judgement, Queue
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.view import ReviewState
    from lineage_triplets.qc.record import Decision

LOOK_JOB = "Looking up audits"
PLAN_JOB = "Planning a sample"
_PATIENCE_MS = 60
_SLOT_KEYS = 9
_KEYS_OF = ("audit.judging", "audit.overview", "common.outlines", "common.tails")


class AuditPanel(QWidget):
    """The audits of the open review.

    Nothing of the pair on screen reaches the viewer or another panel: who judges it shall not know
    where it is.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("audit_panel")
        self._session = session
        self._states: dict[str, AuditState] = {}
        self._turn: Round | None = None
        self._number = 0
        self._stale = True
        self._refresh = Refresh(
            session, LOOK_JOB, _look_job, self._got, wait_ms=_PATIENCE_MS, of=_drawn_of, parent=self
        )
        self._refresh.stopped.connect(lambda: self.show_list("Stopped. Enter looks again."))
        self._ahead = PairAhead(session, self)
        self._ahead.read.connect(self._show_pixels)
        self._build()
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(self._on_state)
        session.decided.connect(self._on_decided)
        session.contrast_changed.connect(self._on_contrast)
        session.outlines_changed.connect(self._on_outlines)
        self.judging.set_outlined(session.outlined)
        self._on_closed()
        if session.review is not None:
            self._on_opened(session.review)

    def _build(self) -> None:
        self._title = QLabel(self)
        self._title.setObjectName("audit_title")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.leave = QPushButton("To the list", self)
        self.leave.setObjectName("audit_leave")
        self.leave.setToolTip("To the list of experiments; what was judged is kept (Esc)")
        self.leave.clicked.connect(lambda _=False: self.show_list())
        self.overview = Overview(self)
        self.overview.begin_wanted.connect(self._begin)
        self.overview.divisions_wanted.connect(lambda name: self._judge(name, "divisions"))
        self.judging = Judging(self)
        self.judging.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.judging.answered.connect(self._answer)
        self.judging.back_wanted.connect(self._go_back)
        self.judging.undo_wanted.connect(self._undo)
        self.judging.frames_wanted.connect(self._on_frames)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.overview)
        self._pages.addWidget(self.judging)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.leave)
        head.addWidget(KeyButton("audit_keys", key_groups(*_KEYS_OF), self, self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 4, 2, 2)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._pages, 1)
        for name in ("Return", "Enter"):
            bind(self, name, self._go_on).setAutoRepeat(False)
        for slot in range(_SLOT_KEYS):
            bind(self, f"{slot + 1}", partial(self.judging.show_slot, slot))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Look up what changed while nobody looked."""
        super().showEvent(event)
        review = self._session.review
        wanted = None if review is None else self._states.get(review.intent.experiment)
        if self._turn is None and wanted is not None and has_pairs_left(wanted):
            self.overview.select(wanted.experiment)
        if self._stale:
            self._look_up()

    @property
    def is_judging(self) -> bool:
        """Whether a pair is asked about."""
        return self._turn is not None

    def show_list(self, words: str = "") -> None:
        """Show the experiments, with words over them."""
        self._turn, self._number = None, 0
        self._session.work.cancel(FRAMES_JOB)
        self._ahead.set_pairs(None)
        self.judging.hide_frames()
        self._list_states()
        self.overview.say(words)
        self._show_page(self.overview, "<b>How many pairs are wrong?</b>", self.overview.list)

    def _show_page(self, page: QWidget, title: str, focus: QWidget) -> None:
        had_focus = self._pages.currentWidget().isAncestorOf(self.focusWidget() or self)
        self._pages.setCurrentWidget(page)
        self._title.setText(title)
        self.leave.setVisible(page is self.judging)
        if had_focus or self.isAncestorOf(self.window().focusWidget() or self):
            focus.setFocus()

    # What there is to audit

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._look_up)
        self.overview.say("Looking up the audits…")
        self._look_up()

    def _on_closed(self) -> None:
        self._states, self._stale = {}, True
        self.show_list("No config is open")

    def _on_state(self, state: ReviewState) -> None:
        if self._turn is None and state.experiment:
            self.overview.select(state.experiment)
        if not self._refresh.is_current:
            self._look_up()

    def _on_decided(self, decisions: Sequence[Decision]) -> None:
        if any(made.kind not in AUDIT_KINDS for made in decisions) or self._refresh.is_due:
            self._look_up()
            return
        review = self._session.review
        if review is None:
            return
        for name in dict.fromkeys(made.target.experiment for made in decisions):
            if name in self._states:
                self._states[name] = review.audit(name)
        self._show_states()

    def _look_up(self) -> None:
        """Look up soon; until then no answer is taken."""
        self._stale = True
        if self.isVisible():
            self._refresh.later()

    def _got(self, states: dict[str, AuditState]) -> None:
        self._stale = self._refresh.is_due
        self._states = states
        if self._turn is None:
            self.overview.say("" if states else "Nothing of the config could be opened.")
        self._show_states()

    def _show_states(self) -> None:
        turn = self._turn
        if turn is None:
            self._list_states()
            return
        state = self._states.get(turn.experiment)
        if state is None or not turn.fits(state) or state.state in {"void", "not begun"}:
            void = "" if state is None else state.sentence
            self.show_list(f"What was being judged is there no more. {void}")
        else:
            self._show_next()

    def _list_states(self) -> None:
        review = self._session.review
        read_only = review is not None and review.log.read_only
        self.overview.set_states(self._states, "Opened read-only" if read_only else "")

    # Planning, and beginning to judge

    def _begin(self, experiment: str, number: int, second: bool) -> None:
        review = self._session.review
        if review is None or self._refresh.is_due:
            return
        if not number:
            self._judge(experiment, "sample", second=second)
            return
        snapshot, version = review.snapshot(), review.data.data_version
        self.overview.say(f"Planning a sample of {number} pairs…")
        self._session.work.start(
            self,
            PLAN_JOB,
            lambda _job: images_hash(snapshot.data, experiment),
            lambda images: self._plan(experiment, number, images, version),
            lambda: soon(self, lambda: self.overview.say("")),
        )

    def _plan(self, experiment: str, number: int, images: str, version: int) -> None:
        review = self._session.review
        self.overview.say("")
        if review is None:
            return
        if review.data.data_version != version:
            self._session.failed.emit(
                f"No sample of {experiment} was planned: its data changed meanwhile. Plan again."
            )
            return
        planned = self._session.decide(
            lambda review: review.plan_audit(experiment, number, images=images)
        )
        if planned and not self._refresh.is_due:
            self._judge(experiment, "sample")

    def _judge(self, experiment: str, queue: Queue, *, second: bool = False) -> None:
        """Judge the pairs of a queue, from the next one on."""
        review, state = self._session.review, self._states.get(experiment)
        if review is None or state is None or self._refresh.is_due:
            return

        def begin() -> None:
            self._turn = Round.of(review, state, queue, second=second)

        if not self._session.attempt(begin) or self._turn is None:
            return
        self._number = 0
        height, width = review.data.settings.yx_patch_size
        self.judging.set_patches(review.slot_labels, (height, width))
        self._on_contrast()
        self._show_page(self.judging, f"<b>{experiment}</b>", self.judging)
        self._show_next()

    # Judging

    def _go_on(self) -> None:
        """Do what Enter does: begin, or on to the next pair without an answer."""
        if self._stale:
            self._refresh.now()
        elif self._turn is None:
            if self.overview.begin.isVisible():
                self.overview.begin.click()
            elif self.overview.divisions.isVisible():
                self.overview.divisions.click()
        else:
            self._show_next()

    def _answer(self, verdict: Judgement) -> None:
        """Take an answer about the pair on screen, if that is what was on screen."""
        turn, number = self._turn, self._number
        if turn is None or self._stale or self.judging.pair.painted != number - 1:
            return
        self._session.decide(
            lambda review: review.judge(turn.experiment, number, verdict, queue=turn.queue)
        )

    def _undo(self) -> None:
        """Take this person's last answer back; nothing else is undone from here."""
        review, turn = self._session.review, self._turn
        if review is None:
            return
        # That pairs were on screen is passed over by undo.
        made = [decision for decision in review.log.active if decision.kind != "seen"]
        if not made or made[-1].kind != "audit" or made[-1].by != review.log.by:
            self._session.failed.emit("Your last decision is no answer: undo it in Browse.")
            return
        about, queue, number = (
            made[-1].target.experiment, made[-1].value["queue"], int(made[-1].value["number"])
        )  # fmt: skip
        undone = self._session.decide(lambda review: review.undo())
        if undone and turn is not None and (about, queue) == (turn.experiment, turn.queue):
            self._show(number)

    def _go_back(self) -> None:
        turn, own = self._turn, self._own()
        before = None if turn is None else turn.before(self._number, own)
        if before is not None:
            self._show(before)

    def _own(self) -> dict[int, Decision]:
        review, turn = self._session.review, self._turn
        if review is None or turn is None:
            return {}
        return own_answers(review, self._states[turn.experiment], turn.queue)

    def _show_next(self) -> None:
        """Show the next pair; after the last one the extra ones, and then the list."""
        turn = self._turn
        if turn is None:
            return
        state = self._states[turn.experiment]
        number = turn.next(state)
        if number is not None:
            self._show(number)
        elif turn.queue == "sample" and state.divisions.next is not None:
            self._judge(turn.experiment, "divisions")
        else:
            self.show_list(f"{turn.experiment} is judged. {state.sentence}")
            self.overview.select_next(turn.experiment)

    def _show(self, number: int) -> None:
        turn = self._turn
        if turn is None:
            return
        state, own = self._states[turn.experiment], self._own()
        self._number = number
        self.judging.hide_frames()
        self.judging.show_progress(turn, state, own, number)
        self._ahead.set_pairs(turn.pairs)
        done = own if turn.second or turn.queue == "divisions" else state.verdicts
        self._ahead.want([k - 1 for k in turn.ahead(number, done, AHEAD)])
        self._show_pixels()

    def _show_pixels(self) -> None:
        turn, place = self._turn, self._number - 1
        if turn is None or place < 0:
            return
        anchors, positives = turn.pairs.take([place]).centres()
        centres = (anchors[0], positives[0])
        self.judging.pair.show_pair(place, self._ahead.shown, centres, turn.later(place))

    def _on_frames(self, wanted: bool) -> None:
        self._session.work.cancel(FRAMES_JOB)
        review, turn, number = self._session.review, self._turn, self._number
        self.judging.strip.set_strip(None)
        if review is None or turn is None or not wanted or not number:
            return

        def show() -> None:
            strip = review.strip(turn.pairs, number - 1, from_common=True)
            height, width = review.data.settings.yx_patch_size
            self.judging.strip.set_strip(strip, (height, width), turn.later(number - 1))
            self.judging.show_frames()
            self._ahead.read_frames(strip, self.judging.strip.set_shown)

        self._session.attempt(show)

    def _on_outlines(self) -> None:
        self.judging.set_outlined(self._session.outlined)
        self._ahead.read_anew()
        if self.judging.frames.isChecked() and self._session.outlined:
            self._on_frames(True)

    def _on_contrast(self) -> None:
        if self._turn is not None:
            self.judging.set_contrast(self._session.contrast.get(self._turn.experiment, {}))


def _drawn_of(review: Review) -> object:
    """What audits depend on, their own answers apart."""
    data = review.data
    return data.data_version, data.settings, data.effect.rejected, data.effect.cuts


def _look_job(snapshot: Review) -> Callable[[Job], dict[str, AuditState]]:
    """Make the job that looks up how far all audits are, and draws their pairs."""

    def run(_job: Job) -> dict[str, AuditState]:
        if not snapshot.data.opened:
            return {}
        states = {
            config.name: snapshot.audit(config.name)
            for config in snapshot.data.registry.experiments
        }
        for name, state in states.items():
            for queue in ("sample", "divisions") if state.planned else ():
                snapshot.audit_pairs(name, queue)
        return states

    return run
