"""Links: those worth a look, one after the other, and what becomes of them by one key each."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from lineage_triplets.plugin.common.keys import KeyButton, LettersStay, bind, key_groups
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.views import words_label
from lineage_triplets.plugin.links.answers import DONE, answered, decide, last_answer, where
from lineage_triplets.plugin.links.looking import Looking
from lineage_triplets.plugin.links.model import LinkList, harm_words, settled_words
from lineage_triplets.plugin.links.reading import AHEAD, LinksAhead
from lineage_triplets.qc.find.doubt.links import link_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.doubt.links import LinkQueue
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.decision import Target

WEIGH_JOB = "Weighing links"
_PATIENCE_MS = 400
_SLOT_KEYS = 9
# Where links take longer to be weighed, it is done once a person pauses for so long.
_LONG_S, _PAUSE_MS = 3.0, 20_000
_KEYS_OF = ("links.looking",)
_ALL = "all experiments"


class LinksPanel(QWidget):
    """The links of the open review by their doubt.

    What is answered is decided at once, and the next link is shown. The links are weighed anew
    beside the window; until then the list goes on without what was settled.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("links_panel")
        self._session = session
        self._links: LinkList | None = None
        self._number = -1
        self._parts = 1
        self._stale = True
        self._mine = self._marks = False
        # By link what was answered here, and the wrong pairs that were expected of it then.
        self._said: dict[Target, str] = {}
        self._harm_of: dict[Target, float] = {}
        self._weighed_s = 0.0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._look_up)
        self._refresh = Refresh(
            session,
            WEIGH_JOB,
            _weigh_job,
            self._got,
            wait_ms=_PATIENCE_MS,
            of=_weighed_of,
            parent=self,
        )
        self._refresh.stopped.connect(
            lambda: self._say_on_page("Stopped. Enter weighs them again.")
        )
        self._ahead = LinksAhead(session, self)
        self._ahead.read.connect(self._show_pixels)
        self._build()
        session.opened.connect(self._on_opened)
        session.closed.connect(self._on_closed)
        session.state_changed.connect(lambda _: self._look_if_other())
        session.decided.connect(self._on_decided)
        session.contrast_changed.connect(self._on_contrast)
        self._on_closed()
        if session.review is not None:
            self._on_opened(session.review)

    def _build(self) -> None:
        self._experiments = QComboBox(self)
        self._experiments.setObjectName("link_experiment")
        self._experiments.setToolTip("Links of which experiment")
        self._experiments.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._experiments.setMinimumContentsLength(12)
        LettersStay(self._experiments)
        self._experiments.currentIndexChanged.connect(self._on_experiment)
        self.looking = Looking(self)
        self.looking.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.looking.answered.connect(self._answer)
        self.looking.back_wanted.connect(self._go_back)
        self.looking.undo_wanted.connect(self._undo)
        self.looking.find_wanted.connect(self._find)
        self._page = QWidget(self)
        self._words = words_label("link_words", self._page)
        self._more = QPushButton("Go on", self._page)
        self._more.setObjectName("link_more")
        self._more.setToolTip("Go on with the next links (Enter)")
        self._more.clicked.connect(self._go_further)
        of_page = QVBoxLayout(self._page)
        of_page.addWidget(self._words)
        of_page.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        of_page.addStretch(1)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._page)
        self._pages.addWidget(self.looking)
        head = QHBoxLayout()
        self._title = QLabel(self)
        head.addWidget(self._title)
        head.addWidget(self._experiments, 1)
        head.addStretch(0)
        head.addWidget(KeyButton("link_keys", key_groups(*_KEYS_OF), self, self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 4, 2, 2)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addWidget(self._pages, 1)
        for name in ("Return", "Enter"):
            bind(self, name, self._go_on).setAutoRepeat(False)
        for slot in range(_SLOT_KEYS):
            bind(self, f"{slot + 1}", partial(self.looking.show_slot, slot))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Weigh what changed while nobody looked."""
        super().showEvent(event)
        if self._stale:
            self._look_up()

    @property
    def is_weighing(self) -> bool:
        """Whether the list will be made anew."""
        return self._refresh.is_due

    # The list of links

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._look_up)
        self._say_on_page("Weighing the links…")
        self._look_up()

    def _on_closed(self) -> None:
        self._links, self._number, self._stale = None, -1, True
        self._pause.stop()
        self._said, self._harm_of, self._parts = {}, {}, 1
        self._ahead.set_links(None)
        self._say_on_page("No config is open")

    def _look_if_other(self) -> None:
        if self._refresh.is_current:
            return
        if self._mine and self._weighed_s > _LONG_S:
            # Answers follow each other faster than many links are weighed.
            self._stale = True
            self._pause.start()
        else:
            self._look_up()

    def _look_up(self) -> None:
        self._stale = True
        self._pause.stop()
        if self.isVisible():
            self._refresh.later()

    def _got(self, weighed: tuple[LinkQueue | None, float]) -> None:
        review, (queue, self._weighed_s) = self._session.review, weighed
        self._stale = self._refresh.is_due
        if review is None or queue is None:
            self._say_on_page("Nothing of the config could be opened.")
            return
        names = [config.name for config in queue.index.registry.experiments]
        before = self._experiments.currentText()
        if [self._experiments.itemText(k) for k in range(1, self._experiments.count())] != names:
            with signals_blocked(self._experiments):
                self._experiments.clear()
                self._experiments.addItems([_ALL, *names])
                self._experiments.setCurrentIndex(max(self._experiments.findText(before), 0))
        self._experiments.setVisible(len(names) > 1)
        self._title.setText(
            "<b>Links of</b>" if len(names) > 1 else "<b>Which links are wrong?</b>"
        )
        height, width = review.data.settings.yx_patch_size
        self.looking.set_patches(review.slot_labels, (height, width))
        self._list(queue)

    def _on_experiment(self) -> None:
        self._parts, self._number = 1, -1
        if self._links is not None:
            self._list(self._links.queue)

    def _list(self, queue: LinkQueue) -> None:
        """List the links of a queue; the link on screen stays there if it is still open."""
        review, links, number = self._session.review, self._links, self._number
        if review is None:
            return
        on_screen = None if links is None or number < 0 else links.link(number).link
        name = self._experiments.currentText()
        experiment = "" if name == _ALL else name
        patches = review.data.patches_of(queue.index)
        made = LinkList.of(queue, patches, experiment, parts=self._parts, answered=self._harm_of)
        self._links = made
        self._ahead.set_links(made)
        kept = None if on_screen is None else made.number_of(on_screen)
        if kept is not None and not made.settled[made.places[kept]]:
            self._show(kept)
        else:
            self._show_next()

    def _go_further(self) -> None:
        self._parts += 1
        if self._links is not None:
            self._list(self._links.queue)

    # One link after the other

    def _go_on(self) -> None:
        """Do what Enter does: weigh again, go on with more, or to the next without an answer."""
        if self._links is None:
            self._refresh.now()
        elif self._pages.currentWidget() is self.looking:
            self._show_next()
        elif self._more.isVisible():
            self._go_further()

    def _show_next(self) -> None:
        links = self._links
        if links is None:
            return
        number = links.next(self._number)
        if number is not None:
            self._show(number)
            return
        self._number = -1
        n_left = len(links.own) - len(links)
        if not len(links.own):
            self._say_on_page("There is no link in the tables.")
            return
        words = f"The first {len(links):,} of {len(links.own):,} links are looked at. "
        self._say_on_page(f"{words}Expected: {harm_words(links)}.", more=n_left > 0)

    def _show(self, number: int) -> None:
        links = self._links
        if links is None:
            return
        had_focus = self._pages.currentWidget().isAncestorOf(self.focusWidget() or self)
        self._pages.setCurrentWidget(self.looking)
        if had_focus and not self.looking.isAncestorOf(self.focusWidget() or self):
            self.looking.setFocus()
        self._unmark()
        self._number = number
        link, view = links.link(number), links.view(number)
        self.looking.show_link(link, view, self._said.get(link.link, ""))
        self.looking.show_counts(links, number)
        self._on_contrast()
        self._ahead.want(links, links.ahead(number, AHEAD))
        self._show_pixels()

    def _show_pixels(self) -> None:
        links, number = self._links, self._number
        if links is None or number < 0:
            return
        link = links.link(number)
        shown = self._ahead.shown.get(links.row(number))
        scales = self._ahead.scales.get(link.experiment, ())
        self.looking.picture.show_link(number, links.view(number), shown, scales)

    def _say_on_page(self, words: str, *, more: bool = False) -> None:
        self._words.setText(words)
        self._more.setVisible(more)
        had_focus = self.isAncestorOf(self.window().focusWidget() or self.window())
        self._pages.setCurrentWidget(self._page)
        if more and had_focus:
            self._more.setFocus()

    def _on_contrast(self) -> None:
        links, number = self._links, self._number
        if links is not None and number >= 0:
            contrast = self._session.contrast.get(links.link(number).experiment, {})
            self.looking.picture.set_contrast(contrast)

    # Answers

    def _answer(self, answer: str) -> None:
        """Take an answer about the link on screen, if that is what was on screen."""
        links, number = self._links, self._number
        if links is None or number < 0 or self.looking.picture.painted != number:
            return
        if answer == "later":
            self._links = links.put_off(number)
            self.looking.say("Put off: it is asked again after all others.")
            self._show_next()
            return
        link = links.link(number)
        targets = answered(answer, link, links.view(number))
        settled = [target for target in targets if links.places_of([target])]
        self._links = links.with_settled(settled)
        self.looking.say(settled_words(len(settled), DONE[answer]))
        self._show_next()
        # In a large table it takes a moment to decide; the next link is there before.
        self.looking.repaint()
        self._mine = True
        try:
            decided = self._session.decide(partial(decide, answer, targets))
        finally:
            self._mine = False
        if not decided:
            self._links = links
            self.looking.say("Nothing was decided.")
            self._show(number)
            return
        for target in settled:
            self._said[target] = DONE[answer]
            self._harm_of.setdefault(target, links.harm_of(target))

    def _go_back(self) -> None:
        links = self._links
        if links is None or not len(links):
            return
        number = len(links) if self._number < 0 else self._number
        if number > 0:
            self._show(number - 1)

    def _undo(self) -> None:
        """Take this person's last answer back; nothing else is undone from here."""
        review = self._session.review
        if review is None:
            return
        targets = last_answer(review)
        if not targets:
            self._session.failed.emit("Your last decision is about no link: undo it in Browse.")
            return
        self._mine = True
        try:
            undone = self._session.decide(lambda review: review.undo())
        finally:
            self._mine = False
        links = self._links
        if not undone or links is None:
            return
        for target in targets:
            self._said.pop(target, None)
            self._harm_of.pop(target, None)
        self._links = links = links.with_settled(targets, settled=False)
        self.looking.say("Undone.")
        numbers = [number for target in targets if (number := links.number_of(target)) is not None]
        if numbers:
            self._show(numbers[0])
        else:
            # A link that was gone comes back once all are weighed anew.
            self._number = -1

    def _on_decided(self, decisions: Sequence[Decision]) -> None:
        """Follow what was decided, here or elsewhere."""
        review, links = self._session.review, self._links
        if review is None:
            return
        of_links = {made.kind for made in decisions if made.target.level in {"link", "join"}}
        if self._mine or links is None or of_links.isdisjoint({"keep", "withdraw", "confirm"}):
            return
        effect = review.effect
        self._said = {
            target: said
            for target, said in self._said.items()
            if target in effect.kept or target in effect.cuts
        }
        self._harm_of = {target: self._harm_of[target] for target in self._said}
        self._list(links.queue.judged(effect))

    def _find(self) -> None:
        """Take the viewer to the link on screen."""
        links, number = self._links, self._number
        if links is None or number < 0:
            return
        link, view = links.link(number), links.view(number)
        place, mark = where(link, view)
        self._session.look_at(place)
        self._session.cut_marked.emit(mark)
        self._marks = True

    def _unmark(self) -> None:
        """Let the viewer mark no link that is on screen here no more."""
        if self._marks:
            self._marks = False
            self._session.cut_marked.emit(None)


def _weighed_of(review: Review) -> object:
    """What links are weighed by: that some are kept changes nothing of it."""
    data = review.data
    effect = data.effect
    cuts, links = frozenset(effect.cuts), frozenset(effect.links)
    return data.data_version, data.settings, effect.rejected, cuts, links


def _weigh_job(snapshot: Review) -> Callable[[Job], tuple[LinkQueue | None, float]]:
    """Make the job that weighs all links of a snapshot; it gives how long that took, too."""

    def run(job: Job) -> tuple[LinkQueue | None, float]:
        data, begun = snapshot.data, time.monotonic()
        if not data.opened:
            return None, 0.0
        job.progress(0, 3)
        _ = data.linked
        job.progress(1, 3)
        _ = data.training
        job.progress(2, 3)
        queue = link_queue(data)
        return queue, time.monotonic() - begun

    return run
