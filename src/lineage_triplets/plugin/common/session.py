"""What all panels share: the open review, the work behind it, and where to look next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.engine.settings.file import read_config
from lineage_triplets.engine.settings.model import DatasetConfig
from lineage_triplets.plugin.common.work import Work
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.record.effect import AUDIT_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.record import Decision, NewDecision
    from lineage_triplets.qc.record.decision import Target

OPENING = "Opening the config"
CHOOSING = "Drawing pairs"
DECIDING = "Deciding"
FOLLOWING = "Following decisions"
# So many take the event loop no time that anybody would notice.
_MANY_OBSERVATIONS = 100_000


@dataclass(frozen=True)
class Place:
    """Where the viewer shall look.

    Attributes
    ----------
    experiment, fov : str
    t : int or None
        Frame; None stays where it is.
    y, x, z : float or None
        In pixels; None does not move the camera.
    tracks : tuple of str
        Tracks to draw out, as numbers with ``@t`` after a cut.
    """

    experiment: str
    fov: str
    t: int | None = None
    y: float | None = None
    x: float | None = None
    z: float | None = None
    tracks: tuple[str, ...] = ()


class Session(QObject):
    """The open review, for views. It belongs to the thread of the event loop.

    Every change of the review goes through here, so that an error reaches a person as a message
    and the views hear of a change once.

    Attributes
    ----------
    opened : Signal(object)
        Gets the review that was opened.
    closed : Signal()
    state_changed : Signal(object)
        Gets the new `ReviewState`, after a choice or a decision, but not after an answer about a
        pair, or that a link is right.
    decided : Signal(object)
        Gets the decisions that were made, undone or redone; plans and answers of audits too.
    channels_changed : Signal(str)
        Gets the experiment whose slots show other channels.
    findings_changed : Signal()
    place_wanted : Signal(object)
        Gets a `Place`.
    foretold : Signal(object)
        Gets the `Place`s that will be looked at next, by what is chosen in a panel.
    pair_wanted : Signal(object, int)
        Gets a `PairList` and which of its pairs to frame in the viewer.
    failed : Signal(str)
        Gets what went wrong, in words that a person can act on.
    told : Signal(str)
        Gets something to know that asks for nothing: a line in the status.
    frame_changed : Signal(str, str, int)
        Gets experiment, FOV and frame that the viewer shows.
    finding_wanted : Signal(str)
        Gets the key of a finding that is to be selected.
    opening : Signal(str)
        Gets the name of the config that is being opened; empty once it is open, or never will be.
    unloadable : Signal(object)
        Gets the error where nothing of the open config can be loaded.
    cut_marked : Signal(object)
        Gets the `CutPlace` of the link that is about to be cut; None when it no longer is.
    menu_wanted : Signal()
        The cell that was just looked at was clicked for what can be done with it.
    outlines_changed : Signal()
        Masks are to be shown as outlines, or no more.
    tails_changed : Signal()
        The tails of all tracks are to be drawn, or only the tracks that are marked.
    masks_found : Signal(str, bool)
        Gets what the viewer found of masks of the FOV it shows, in words; and whether there are.
    contrast_changed : Signal(str)
        Gets the experiment whose slots the viewer shows at another contrast.
    contrast : dict of str to dict
        Of each experiment that the viewer showed: slot to `GreyScale`, as its layers have it.
    """

    opened = Signal(object)
    closed = Signal()
    state_changed = Signal(object)
    decided = Signal(object)
    channels_changed = Signal(str)
    findings_changed = Signal()
    place_wanted = Signal(object)
    foretold = Signal(object)
    pair_wanted = Signal(object, int)
    failed = Signal(str)
    told = Signal(str)
    frame_changed = Signal(str, str, int)
    finding_wanted = Signal(str)
    cut_marked = Signal(object)
    menu_wanted = Signal()
    contrast_changed = Signal(str)
    outlines_changed = Signal()
    tails_changed = Signal()
    masks_found = Signal(str, bool)
    opening = Signal(str)
    unloadable = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._review: Review | None = None
        self._coming: dict[str, Any] = {}
        self.contrast: dict[str, dict[int, GreyScale]] = {}
        self._contrast_of: dict[str, tuple[object, ...]] = {}
        self._outlined = True
        self._with_tails = False
        self._wrong: set[Target] = set()
        self.work = Work(self)
        self.work.failed.connect(self.failed)
        self.work.waits.connect(self.told)

    @property
    def review(self) -> Review | None:
        """The open review; None if none is."""
        return self._review

    def open(self, path: str | Path, **options: Any) -> None:
        """Open a config for review in place of the present one.

        Raises
        ------
        LineageTripletsError
            As `Review.open`; the present review stays open, unless it is of the same config.
        """
        self._let_go_of(path)
        self._take(Review.open(path, **options))

    def start_opening(
        self, path: str | Path, failed: Callable[[LineageTripletsError], None], **options: Any
    ) -> None:
        """Open a config as `open`, with files and tables read beside the event loop.

        Parameters
        ----------
        path : str or Path
        failed : callable
            Gets the error where it cannot be opened.
        **options
            Of `Review.open`.
        """
        path_map = options.pop("path_map", None)

        def over() -> None:
            self.opening.emit("")

        def begin(read: tuple[TripletConfig | None, list[Problem]]) -> None:
            self._let_go_of(path)
            try:
                review = Review.begin(path, read, **options)
            except LineageTripletsError as error:
                over()
                failed(error)
                return
            # What decides stays in this thread; the job reads.
            snapshot = review.snapshot()

            def prepare(job: Job) -> None:
                def go_on() -> None:
                    if job.stopped():
                        raise InterruptedError

                snapshot.prepare(go_on)

            def take(_nothing: None) -> None:
                over()
                review.adopt(snapshot)
                self._take(review)

            def drop() -> None:
                review.close()
                over()

            self.work.start(self, OPENING, prepare, take, drop)

        self.opening.emit(Path(path).name)
        self.work.start(self, OPENING, lambda _job: read_config(path, path_map), begin, over)

    def _let_go_of(self, path: str | Path) -> None:
        """Close the present review if it is of this config: its lease is ours."""
        present = self._review
        if present is not None and present.config_path.resolve() == Path(path).resolve():
            self.close()

    def _take(self, review: Review) -> None:
        self.close()
        self._review = review
        self._wrong = _wrong_pairs(review)
        review.events.decisions.connect(self._on_decisions)
        review.events.channels.connect(self._on_channels)
        review.events.findings.connect(self.findings_changed.emit)
        review.events.data.connect(self._on_data)
        self.opened.emit(review)
        self._say_state(review)

    def _say_state(self, review: Review) -> None:
        """Say what is shown now, or why nothing loads; later, where it takes long to make."""
        if not review.has_state and review.data.n_observations > _MANY_OBSERVATIONS:
            self._say_state_later(review)
            return
        try:
            state = review.state
        except LineageTripletsError as error:
            self.unloadable.emit(error)
        else:
            self.attempt(lambda: self.state_changed.emit(state))

    def _say_state_later(self, review: Review) -> None:
        snapshot = review.snapshot()

        def say(error: LineageTripletsError | None) -> None:
            if not review.adopt(snapshot):
                self._say_state(review)
            elif error is not None:
                self.unloadable.emit(error)
            else:
                self.attempt(lambda: self.state_changed.emit(review.state))

        self.work.start(self, FOLLOWING, lambda _job: _error_of(lambda: snapshot.state), say)

    def close(self) -> None:
        """Stop all work and let go of the review."""
        self.work.cancel_all()
        if self._review is not None:
            review, self._review = self._review, None
            review.events.decisions.disconnect()
            review.events.channels.disconnect()
            review.events.findings.disconnect()
            review.events.data.disconnect()
            review.close()
            self.contrast, self._contrast_of = {}, {}
            self.closed.emit()
            # A large array in a small circle would be there until many more were made.
            self.work.collect_soon()

    def end(self) -> None:
        """Close, and wait for the threads to end."""
        self.close()
        self.work.shut_down()

    def choose(self, **changes: Any) -> bool:
        """Change what is shown; False, and a message, where that cannot be.

        Where pairs of many observations are made for it, it is shown a moment later.
        """
        review = self._review
        if review is None:
            return False
        before = review.intent
        if self._takes_long(review, changes):
            self._choose_later(review, changes)
            return True

        def change() -> None:
            state = review.choose(**changes)
            if review.intent != before:
                self.state_changed.emit(state)

        return self.attempt(change)

    def _takes_long(self, review: Review, changes: dict[str, Any]) -> bool:
        data = review.data
        kept = "" if {"experiment", "fov"} & set(changes) else review.intent.lineage
        # Pairs of all cells take long, those of a lineage do not; and what comes is added to.
        quick = data.has_linked and changes.get("lineage", kept)
        is_coming = CHOOSING in self.work.running
        return (is_coming or not quick) and data.n_observations > _MANY_OBSERVATIONS

    def _choose_later(self, review: Review, changes: dict[str, Any]) -> None:
        if CHOOSING in self.work.running:
            changes = {**self._coming, **changes}
        self._coming = changes
        snapshot, before = review.snapshot(), review.intent

        def show(error: LineageTripletsError | None) -> None:
            if error is not None:
                self.failed.emit(str(error))
            elif not review.adopt(snapshot):
                # Something else was decided or chosen since; of the view, that counts.
                self.choose(**{k: v for k, v in changes.items() if k in DatasetConfig.model_fields})
                return
            if review.intent != before:
                self.attempt(lambda: self.state_changed.emit(review.state))

        self.work.start(
            self, CHOOSING, lambda _job: _error_of(lambda: snapshot.choose(**changes)), show
        )

    def decide(self, action: Callable[[Review], object]) -> bool:
        """Decide something; False, and a message, where that cannot be."""
        review = self._review
        return review is not None and self.attempt(lambda: action(review))

    def decide_many(self, prepare: Callable[[Review], Sequence[NewDecision]]) -> bool:
        """Decide much in one step: what it takes is worked out beside the window.

        Parameters
        ----------
        prepare : callable
            Gets a snapshot, in a thread; gives what is decided.
        """
        review = self._review
        if review is None:
            return False
        snapshot = review.snapshot()

        def run(_job: Job) -> Sequence[NewDecision] | LineageTripletsError:
            try:
                return prepare(snapshot)
            except LineageTripletsError as error:
                return error

        def take(made: Sequence[NewDecision] | LineageTripletsError) -> None:
            if isinstance(made, LineageTripletsError):
                self.failed.emit(str(made))
            elif review.data is not snapshot.data:
                # Something was decided meanwhile, after which it may come to something else.
                self.decide_many(prepare)
            else:
                self.decide(lambda review: review.carry_out(*made))

        self.work.start(self, DECIDING, run, take)
        return True

    def attempt(self, action: Callable[[], object]) -> bool:
        """Do something; its error becomes a message."""
        try:
            action()
        except LineageTripletsError as error:
            self.failed.emit(str(error))
            return False
        return True

    def look_at(self, place: Place) -> None:
        """Take the viewer to a place."""
        self.place_wanted.emit(place)

    def look_at_pair(self, pairs: PairList, number: int) -> None:
        """Frame both cells of a pair in the viewer."""
        self.pair_wanted.emit(pairs, number)

    def show_contrast(self, experiment: str, slots: dict[int, GreyScale]) -> None:
        """Let patches of an experiment be drawn at a contrast; slots without one have their own."""
        if self._review is not None:
            self._contrast_of[experiment] = _channels_in_slots(self._review, experiment)
            if self.contrast.get(experiment, {}) != slots:
                self.contrast[experiment] = slots
                self.contrast_changed.emit(experiment)

    @property
    def outlined(self) -> bool:
        """Whether masks, where there are any, are shown as outlines."""
        return self._outlined

    def show_outlines(self, outlined: bool) -> None:
        """Show masks as outlines, or read none."""
        if outlined != self._outlined:
            self._outlined = outlined
            self.outlines_changed.emit()

    @property
    def with_tails(self) -> bool:
        """Whether the tails of all tracks are drawn, not only the tracks that are marked."""
        return self._with_tails

    def show_tails(self, with_tails: bool) -> None:
        """Draw the tails of all tracks, or only the tracks that are marked."""
        if with_tails != self._with_tails:
            self._with_tails = with_tails
            self.tails_changed.emit()

    def _on_channels(self, experiment: str) -> None:
        review, of = self._review, self._contrast_of.get(experiment)
        if review is not None and of not in {None, _channels_in_slots(review, experiment)}:
            self.show_contrast(experiment, {})
        self.channels_changed.emit(experiment)

    def _on_data(self) -> None:
        review = self._review
        if review is not None:
            self.findings_changed.emit()
            self._say_state(review)

    def _on_decisions(self, decisions: tuple[Decision, ...]) -> None:
        review = self._review
        if review is None:
            return
        self.decided.emit(decisions)
        # Answers about pairs, and that links are right, change nothing that is shown, and follow
        # each other fast; but a wrong pair is a finding.
        if any(made.kind not in (*AUDIT_KINDS, "keep", "judge") for made in decisions):
            self.findings_changed.emit()
            self._say_state(review)
        elif _wrong_pairs(review) != self._wrong:
            self.findings_changed.emit()
        self._wrong = _wrong_pairs(review)


def _error_of(action: Callable[[], object]) -> LineageTripletsError | None:
    try:
        action()
    except LineageTripletsError as error:
        return error
    return None


def _wrong_pairs(review: Review) -> set[Target]:
    judged = review.effect.judged
    return {pair for pair, made in judged.items() if made.value["verdict"] == "wrong"}


def _channels_in_slots(review: Review, experiment: str) -> tuple[object, ...]:
    found = [known for known in review.data.experiments if known.name == experiment]
    return tuple((*known.source_channel, *known.channel_names) for known in found)
