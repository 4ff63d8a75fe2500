"""What all panels share: the open review, the work behind it, and where to look next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from lineage_triplets.engine.problems import LineageTripletsError
from lineage_triplets.plugin.work import Work
from lineage_triplets.qc.review import Review

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.qc.decisions import Decision
    from lineage_triplets.qc.pair_list import PairList


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
        Gets the new `ReviewState`, after a choice or a decision.
    decided : Signal(object)
        Gets the decisions that were made, undone or redone.
    channels_changed : Signal(str)
        Gets the experiment whose slots show other channels.
    findings_changed : Signal()
    place_wanted : Signal(object)
        Gets a `Place`.
    pair_wanted : Signal(object, int)
        Gets a `PairList` and which of its pairs to frame in the viewer.
    failed : Signal(str)
        Gets what went wrong, in words that a person can act on.
    frame_changed : Signal(str, str, int)
        Gets experiment, FOV and frame that the viewer shows.
    finding_wanted : Signal(str)
        Gets the key of a finding that is to be selected.
    """

    opened = Signal(object)
    closed = Signal()
    state_changed = Signal(object)
    decided = Signal(object)
    channels_changed = Signal(str)
    findings_changed = Signal()
    place_wanted = Signal(object)
    pair_wanted = Signal(object, int)
    failed = Signal(str)
    frame_changed = Signal(str, str, int)
    finding_wanted = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._review: Review | None = None
        self.work = Work(self)
        self.work.failed.connect(self.failed)

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
        present = self._review
        if present is not None and present.config_path.resolve() == Path(path).resolve():
            # Its lease is ours, and is free only once it is closed.
            self.close()
        review = Review.open(path, **options)
        self.close()
        self._review = review
        review.events.decisions.connect(self._on_decisions)
        review.events.channels.connect(self.channels_changed.emit)
        review.events.findings.connect(self.findings_changed.emit)
        review.events.data.connect(self._on_data)
        self.opened.emit(review)
        self.attempt(lambda: self.state_changed.emit(review.state))

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
            self.closed.emit()

    def end(self) -> None:
        """Close, and wait for the threads to end."""
        self.close()
        self.work.shut_down()

    def choose(self, **changes: Any) -> bool:
        """Change what is shown; False, and a message, where that cannot be."""
        review = self._review
        if review is None:
            return False
        before = review.intent

        def change() -> None:
            state = review.choose(**changes)
            if review.intent != before:
                self.state_changed.emit(state)

        return self.attempt(change)

    def decide(self, action: Callable[[Review], object]) -> bool:
        """Decide something; False, and a message, where that cannot be."""
        review = self._review
        return review is not None and self.attempt(lambda: action(review))

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

    def _on_data(self) -> None:
        review = self._review
        if review is not None:
            self.findings_changed.emit()
            self.attempt(lambda: self.state_changed.emit(review.state))

    def _on_decisions(self, decisions: tuple[Decision, ...]) -> None:
        review = self._review
        if review is None:
            return
        self.decided.emit(decisions)
        self.findings_changed.emit()
        self.attempt(lambda: self.state_changed.emit(review.state))
