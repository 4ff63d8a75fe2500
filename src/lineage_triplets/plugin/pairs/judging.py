"""Pairs of the gallery judged one after the other; a wrong one opens where it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from lineage_triplets.plugin.common.keys import Key, KeyGroup
from lineage_triplets.plugin.common.refresh import Refresh
from lineage_triplets.plugin.common.weighing import weigh_job, weighed_of
from lineage_triplets.plugin.common.work import soon
from lineage_triplets.qc.audit.judged import shown_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.pairs.gallery import PairGallery
    from lineage_triplets.plugin.pairs.judge_bar import JudgeBar
    from lineage_triplets.plugin.pairs.strip_box import StripBox
    from lineage_triplets.qc.audit.answers import Judgement
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.doubt.links import LinkQueue
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.record import Decision

KEYS = KeyGroup(
    "Judge pairs",
    (
        Key("Arrows", "to another pair; with Shift more, Ctrl+A all"),
        Key("S", "same cell, or of its family", lambda panel: panel.judge_bar.same.click(), False),
        Key(
            "W",
            "wrong: another cell; then: cut the link that is chosen",
            lambda panel: panel.judge_bar.wrong.click(),
            False,
        ),
        Key(
            "G",
            "of a wrong pair: link it as is likeliest instead",
            lambda panel: panel.strip_box.mend.click(),
            False,
        ),
        Key("C", "cannot tell", lambda panel: panel.judge_bar.cannot_tell.click(), False),
        Key("B, Backspace", "back to the pair before", lambda panel: panel.judge_bar.back.click()),
        Key("Enter", "on to the next pair without an answer"),
        Key("F", "its frames, and the pair in the viewer", lambda panel: panel.judging.look()),
        Key("Esc", "put the frames away", lambda panel: panel.judging.put_away()),
        Key("N", "draw the next sample"),
        Key("L", "pairs of this lineage only, or of all that is chosen"),
        Key("Ctrl+Z", "undo", lambda panel: panel.judge_bar.undo.click()),
        Key("Ctrl+Shift+Z", "redo", lambda panel: panel.judge_bar.redo.click()),
    ),
)
WEIGH_JOB = "Weighing links of pairs"
_PATIENCE_MS = 400
# Where links take longer to be weighed, those weighed before stay in use.
_LONG_S = 3.0


class PairJudging(QObject):
    """Takes answers about the pairs of the gallery, and goes on by itself.

    Parameters
    ----------
    session : Session
    gallery : PairGallery
    bar : JudgeBar
    box : StripBox
    look_at : callable
        Gets the number of a pair to be shown in the viewer and as a strip.
    parent : QObject

    Attributes
    ----------
    begun : Signal()
        The first of the pairs that are listed was judged; or none is any more.
    """

    begun = Signal()

    def __init__(
        self,
        session: Session,
        gallery: PairGallery,
        bar: JudgeBar,
        box: StripBox,
        look_at: Callable[[int], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._gallery, self._bar, self._box = session, gallery, bar, box
        self._look_at = look_at
        self._weighed_s = 0.0
        self._weigh = Refresh(
            session,
            WEIGH_JOB,
            weigh_job,
            self._on_weighed,
            wait_ms=_PATIENCE_MS,
            of=weighed_of,
            parent=self,
        )
        bar.answered.connect(self.answer)
        bar.back_wanted.connect(self._go_back)
        bar.undo_wanted.connect(lambda: self._go_back_in_time(lambda review: review.undo()))
        bar.redo_wanted.connect(lambda: self._go_back_in_time(lambda review: review.redo()))
        box.mended.connect(self._on_mended)
        box.passed.connect(self.go_on)
        gallery.next_wanted.connect(self.go_on)
        box.view.next_wanted.connect(self.go_on)
        session.decided.connect(self._on_decided)
        session.closed.connect(lambda: box.set_queue(None))

    def answer(self, verdict: Judgement) -> None:
        """Say something of the pairs that are chosen, if they were on screen; and go on."""
        pairs, numbers = self._gallery.pairs.pairs, self._gallery.chosen_seen
        if self._box.asks and verdict == "wrong":
            self._box.cut.click()
            return
        if pairs is None or not numbers:
            return
        verdicts = {pairs.target(number): verdict for number in numbers}
        if not self._session.decide(lambda review: review.judge_pairs(verdicts)):
            return
        self._weigh_if_needed()
        if verdict == "wrong" and len(numbers) == 1:
            self.show_strip(pairs, numbers[0])
            self._box.ask()
        else:
            self.go_on()

    def show_strip(self, pairs: PairList, number: int) -> None:
        """Show the frames of a pair under the gallery."""
        scales = self._gallery.pairs.shown.scales.get(pairs.anchors[number]["experiment"], ())
        self._session.attempt(lambda: self._box.show_pair(pairs, number, scales))
        self._weigh_if_needed()
        # The gallery is lower now; not before its new layout can the pair be brought back.
        soon(self._gallery, self._gallery.scroll_to_current)

    def look(self) -> None:
        """Show the current pair in the viewer, and its frames."""
        if self._gallery.current >= 0:
            self._look_at(self._gallery.current)

    def put_away(self) -> None:
        """Show the frames no longer."""
        if not self._box.isHidden():
            self._box.close_strip()
            self._gallery.setFocus()

    def go_on(self) -> None:
        """Go to the next pair of which nothing was said."""
        self._go_to(self._gallery.pairs.next_open(self._gallery.current))

    def show_verdicts(self) -> None:
        """Show what was said of the pairs that are listed."""
        review, pairs = self._session.review, self._gallery.pairs.pairs
        if review is None or pairs is None:
            return
        before = bool(self._gallery.pairs.verdicts)
        self._gallery.pairs.set_verdicts(_verdicts(review, pairs))
        verdicts = self._gallery.pairs.verdicts
        if bool(verdicts) != before:
            self.begun.emit()
            soon(self._gallery, self._gallery.scroll_to_current)
        self._bar.show_counts(len(pairs), verdicts, more="N draws the next sample.")
        self._bar.count()

    def _go_to(self, number: int | None) -> None:
        if not self._box.isHidden():
            self._box.close_strip()
        if number is not None:
            self._gallery.go_to(number)
        self._gallery.setFocus()

    def _on_mended(self) -> None:
        """Go on at the pair that stands where the one that was mended was, or after it."""
        self._go_to(self._gallery.pairs.next_open(self._gallery.current - 1))

    def _go_back(self) -> None:
        before = [n for n in self._gallery.pairs.verdicts if n < self._gallery.current]
        if before:
            self._go_to(max(before))

    def _go_back_in_time(self, action: Callable[[Review], tuple[Decision, ...]]) -> None:
        """Undo or redo, and go to the pair that it was about."""
        changed: list[Decision] = []
        self._session.decide(lambda review: changed.extend(action(review)))
        pairs = self._gallery.pairs.pairs
        targets = {made.target for made in changed if made.kind == "judge"}
        if pairs is None or not targets:
            return
        number = next((n for n in range(len(pairs)) if pairs.target(n) in targets), None)
        if number is not None:
            self._go_to(number)

    def _on_decided(self, decisions: Sequence[Decision]) -> None:
        if any(made.kind in {"judge", "withdraw", "confirm"} for made in decisions):
            self.show_verdicts()

    def _weigh_if_needed(self) -> None:
        if not self._weigh.is_due and not self._weigh.is_current and self._weighed_s < _LONG_S:
            self._weigh.later()

    def _on_weighed(self, weighed: tuple[LinkQueue | None, float]) -> None:
        queue, self._weighed_s = weighed
        self._box.set_queue(queue)


def _verdicts(review: Review, pairs: PairList) -> dict[int, Judgement]:
    """Give what was said of pairs that show what they showed then, by their numbers."""
    judged, data = review.effect.judged, review.data
    if not judged or pairs.index.matches is not None:
        return {}
    shown = {opened.config.name: shown_of(data, opened.config.name) for opened in data.opened}
    found = {number: judged.get(pairs.target(number)) for number in range(len(pairs))}
    return {
        number: made.value["verdict"]
        for number, made in found.items()
        if made is not None and made.value["shown"] == shown[made.target.experiment]
    }
