"""Links: those worth a look, one after the other, and what becomes of them by one key each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lineage_triplets.plugin.common.flow import FlowLayout
from lineage_triplets.plugin.common.keys import KeyButton, bind, key_groups
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.weighing import weigh_job, weighed_of
from lineage_triplets.plugin.links.answered import Answered
from lineage_triplets.plugin.links.answers import last_answer, where
from lineage_triplets.plugin.links.choosing import LinkExperiments, LinkOrder
from lineage_triplets.plugin.links.differing import DifferingList, comparison_words, listed_words
from lineage_triplets.plugin.links.looking import Looking
from lineage_triplets.plugin.links.model import LinkList
from lineage_triplets.plugin.links.over_page import OverPage
from lineage_triplets.plugin.links.reading import AHEAD, LinksAhead
from lineage_triplets.plugin.links.words import settled_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QShowEvent

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.links.entries import InOrder
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.against.compare import Comparison
    from lineage_triplets.qc.find.doubt.links import LinkQueue
    from lineage_triplets.qc.look.link_view import LinkView
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.decision import Target

WEIGH_JOB = "Weighing links"
_PATIENCE_MS = 400
_SLOT_KEYS = 9
# Where links take longer to be weighed, it is done once a person pauses for so long.
_LONG_S, _PAUSE_MS = 3.0, 20_000
_KEYS_OF = ("links.looking", "links.choosing", "common.bad_fov", "common.outlines", "common.tails")


class LinksPanel(QWidget):
    """The links of the open review by their doubt, or where another's tables differ.

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
        self._links: InOrder | None = None
        self._queue: LinkQueue | None = None
        self._comparison: Comparison | None = None
        self._number = -1
        self._view: LinkView | None = None
        self._parts = 1
        self._stale = True
        self._mine = self._marks = False
        self._answered = Answered()
        self._weighed_s = 0.0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._look_up)
        self._refresh = Refresh(
            session,
            WEIGH_JOB,
            weigh_job,
            self._got,
            wait_ms=_PATIENCE_MS,
            of=weighed_of,
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
        session.outlines_changed.connect(self._on_outlines)
        self._on_outlines()
        self._on_closed()
        if session.review is not None:
            self._on_opened(session.review)

    def _build(self) -> None:
        self._experiments = LinkExperiments(self)
        self._experiments.currentIndexChanged.connect(self._on_experiment)
        self.order = LinkOrder(self._session, self)
        self.order.compared.connect(self._on_compared)
        self.looking = Looking(self)
        self.looking.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.looking.answered.connect(self._answer)
        self.looking.back_wanted.connect(self._go_back)
        self.looking.undo_wanted.connect(self._undo)
        self.looking.find_wanted.connect(self._find)
        self._page = OverPage(self)
        self._page.more.clicked.connect(self._go_on)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._page)
        self._pages.addWidget(self.looking)
        head = FlowLayout()
        self._title = QLabel(self)
        head.addWidget(self._title)
        head.addWidget(self._experiments, 1)
        head.addWidget(self.order, 1)
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

    @property
    def fovs_in_hand(self) -> list[tuple[str, str]]:
        """Experiment and FOV of the link on screen."""
        view = self._view if self._number >= 0 else None
        return [] if view is None else [(view.experiment, view.fov)]

    # The list of links

    def _on_opened(self, review: Review) -> None:
        review.events.data.connect(self._look_up)
        self._say_on_page("Weighing the links…")
        self._look_up()

    def _on_closed(self) -> None:
        self._links, self._number, self._stale = None, -1, True
        self._queue = self._comparison = None
        self.order.reset()
        self.order.setEnabled(False)
        self._pause.stop()
        self._answered, self._parts = Answered(), 1
        self._ahead.set_links(None)
        self.looking.say("")
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
        if self._comparison is not None:
            self.order.follow()
        elif self.isVisible():
            self._refresh.later()

    def _got(self, weighed: tuple[LinkQueue | None, float]) -> None:
        review, (queue, self._weighed_s) = self._session.review, weighed
        self._stale = self._refresh.is_due
        if review is None or queue is None:
            self._say_on_page("Nothing of the config could be opened.")
            return
        names = [config.name for config in queue.index.registry.experiments]
        self._experiments.fill(names)
        self._title.setText(
            "<b>Links of</b>" if len(names) > 1 else "<b>Which links are wrong?</b>"
        )
        height, width = review.data.settings.yx_patch_size
        self.looking.set_patches(review.slot_labels, (height, width))
        self._queue = queue
        self.order.setEnabled(True)
        if self._comparison is None:
            self._list()

    def _on_compared(self, comparison: Comparison | None) -> None:
        """List what differs from another table, or links by doubt again."""
        review = self._session.review
        self._comparison, self._number = comparison, -1
        if comparison is None and self._stale:
            self._links = None
            self._say_on_page("Weighing the links…")
            self._look_up()
            return
        if comparison is None and review is not None and self._queue is not None:
            self._queue = self._queue.judged(review.effect)
        self._list()
        if comparison is None or self._links is None:
            return
        words, is_open = comparison_words(comparison), self._links.next() is not None
        if comparison.problems or not is_open:
            self._number = -1
            self._say_on_page(
                words if is_open else f"{words}\n\n{self._links.over_words}", more=is_open
            )
        else:
            self.looking.say(listed_words(comparison))

    def _on_experiment(self) -> None:
        self._parts, self._number = 1, -1
        self._list()

    def _listed(self, review: Review) -> InOrder | None:
        """List what is chosen; None before it was weighed."""
        queue, comparison = self._queue, self._comparison
        experiment = self._experiments.chosen
        if comparison is not None:
            patches = review.data.patches_of(comparison.index)
            passed, told = self._answered.passed, self._answered.about(experiment, by_doubt=False)
            return DifferingList.of(
                comparison, patches, review.effect, experiment, answered=passed
            ).with_answered(told)
        if queue is None:
            return None
        patches = review.data.patches_of(queue.index)
        harm_of, told = self._answered.harm_of, self._answered.about(experiment, by_doubt=True)
        return LinkList.of(
            queue, patches, experiment, parts=self._parts, answered=harm_of
        ).with_answered(told)

    def _list(self) -> None:
        """Make the list anew; the link on screen stays there if it is still open."""
        review, links, number = self._session.review, self._links, self._number
        made = None if review is None else self._listed(review)
        if made is None:
            return
        on_screen = None if links is None or number < 0 else links.entry(number).key
        self._links = made
        self._ahead.set_links(made)
        kept = None if on_screen is None else made.number_of(on_screen)
        if kept is not None and made.is_open[kept]:
            self._show(kept)
        else:
            self._show_next()

    def _go_further(self) -> None:
        self._parts += 1
        self._list()

    # One link after the other

    def _go_on(self) -> None:
        """Do what Enter does: weigh again, go on with more, or to the next without an answer."""
        if self._links is None:
            self._refresh.now()
        elif self._pages.currentWidget() is self.looking or self._links.next() is not None:
            self._show_next()
        elif self._links.has_more:
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
        self._say_on_page(links.over_words, more=links.has_more)

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
        entry = links.entry(number)
        self._view = entry.view
        self.looking.show_entry(entry, self._answered.said.get(entry.key, ""))
        self.looking.show_counts(links, number)
        self._on_contrast()
        self._ahead.want(links, links.ahead(number, AHEAD))
        self._show_pixels()

    def _show_pixels(self) -> None:
        links, number, view = self._links, self._number, self._view
        if links is None or view is None or number < 0:
            return
        shown = self._ahead.shown.get(links.row(number))
        scales = self._ahead.scales.get(view.experiment, ())
        self.looking.picture.show_link(number, view, shown, scales)

    def _say_on_page(self, words: str, *, more: bool = False) -> None:
        self._page.say(words, more=more)
        had_focus = self.isAncestorOf(self.window().focusWidget() or self.window())
        self._pages.setCurrentWidget(self._page)
        if more and had_focus:
            self._page.more.setFocus()

    def _on_outlines(self) -> None:
        self.looking.picture.set_outlined(self._session.outlined)
        self._ahead.read_anew()

    def _on_contrast(self) -> None:
        if self._view is not None and self._number >= 0:
            contrast = self._session.contrast.get(self._view.experiment, {})
            self.looking.picture.set_contrast(contrast)

    # Answers

    def _answer(self, answer: str) -> None:
        """Take an answer about the link on screen, if that is what was on screen."""
        review, links, number = self._session.review, self._links, self._number
        if review is None or links is None or self.looking.picture.painted != number or number < 0:
            return
        if answer == "later":
            self._links = links.put_off(number)
            self.looking.say("Put off: it is asked again after all others.")
            self._show_next()
            return
        chosen = links.entry(number).answers[answer]
        settled = links.known(chosen.targets)
        self._links = links.with_settled(settled)
        self.looking.say(settled_words(len(settled), chosen.done))
        self._show_next()
        self._mine = True
        try:
            decided = self._session.decide(chosen.decide or (lambda _: None))
        finally:
            self._mine = False
        if not decided:
            self._links = links
            self.looking.say("Nothing was decided.")
            self._show(number)
            return
        self._answered.take(settled, chosen, review)
        if isinstance(links, LinkList):
            for target in settled:
                self._answered.harm_of.setdefault(target, links.harm_of(target))

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
        passed = self._answered.last_passed(review)
        if passed and self._links is not None and self._links.known(passed):
            self._reopen(passed)
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
        if undone:
            self._reopen(targets)

    def _reopen(self, targets: Sequence[Target]) -> None:
        """Ask about links again whose answer was taken back."""
        links = self._links
        if links is None:
            return
        self._answered.forget(targets)
        self._links = links = links.with_settled(targets, settled=False)
        self.looking.say("Undone.")
        numbers = [number for target in targets if (number := links.number_of(target)) is not None]
        if numbers:
            self._show(numbers[0])
        else:
            # A link that was gone comes back once all are weighed anew.
            self._number = -1
            if self._comparison is not None:
                self._show_next()

    def _on_decided(self, decisions: Sequence[Decision]) -> None:
        """Follow what was decided, here or elsewhere."""
        review, links = self._session.review, self._links
        if review is None:
            return
        of_links = {made.kind for made in decisions if made.target.level in {"link", "join"}}
        if self._comparison is None:
            # All else has the links weighed anew.
            of_links &= {"keep", "withdraw", "confirm"}
        if self._mine or links is None or not of_links:
            return
        self._answered.follow(review)
        if self._queue is not None:
            self._queue = self._queue.judged(review.effect)
        self._list()

    def _find(self) -> None:
        """Take the viewer to the link on screen."""
        links, number = self._links, self._number
        if links is None or number < 0:
            return
        place, mark = where(links.entry(number))
        self._session.look_at(place)
        self._session.cut_marked.emit(mark)
        self._marks = True

    def _unmark(self) -> None:
        """Let the viewer mark no link that is on screen here no more."""
        if self._marks:
            self._marks = False
            self._session.cut_marked.emit(None)
