"""Something of the review is read anew beside the window, whenever it may have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal
from superqt.utils import qdebounced

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review


def _versions(review: Review) -> object:
    return review.data.version, review.data.data_version


class Refresh(QObject):
    """Reads a snapshot of the open review in a thread, and what it found is kept and shown.

    There is one read at a time. What changes meanwhile is read afterwards, so that something is
    shown however fast changes follow each other.

    Parameters
    ----------
    session : Session
    name : str
        Of the job.
    prepare : callable
        Gets a snapshot as a read begins; gives what reads it in a thread, which gets the `Job`.
    show : callable
        Gets what was read, once the review took up what its snapshot found.
    wait_ms : int
        How long nothing shall change before it is read.
    of : callable, optional
        Gives what of a review is read; by default its settings, decisions and data.
    patient : bool
        Whether a read begins once nobody waits for anything else, as of `Work.start`.
    parent : QObject, optional

    Attributes
    ----------
    stopped : Signal()
        There is nothing to show: a person stopped the read, or it failed.
    """

    stopped = Signal()

    def __init__(
        self,
        session: Session,
        name: str,
        prepare: Callable[[Review], Callable[[Job], Any]],
        show: Callable[[Any], object],
        *,
        wait_ms: int,
        of: Callable[[Review], object] = _versions,
        patient: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._name = session, name
        self._prepare, self._show, self._of = prepare, show, of
        self._patient = patient
        self._waits = self._reads = self._outdated = self._takes_up = False
        self._read_of: object = None
        self._after_a_moment = qdebounced(self.now, timeout=wait_ms)
        session.closed.connect(self.stop)

    @property
    def is_due(self) -> bool:
        """Whether something is being read, or will be."""
        return self._waits or self._reads or self._outdated

    @property
    def is_current(self) -> bool:
        """Whether the last read began with the review as it is now."""
        review = self._session.review
        return review is not None and self._read_of == self._of(review)

    @property
    def takes_up(self) -> bool:
        """Whether the review just takes up what was read, and tells of it."""
        return self._takes_up

    def later(self) -> None:
        """Read once nothing changes for a moment; what it found itself is no change."""
        if self._session.review is not None and not self._takes_up:
            self._waits = True
            self._after_a_moment()

    def now(self) -> None:
        """Read at once, or as soon as the read under way is over."""
        self._waits = False
        self._after_a_moment.cancel()
        if self._reads:
            self._outdated = True
        else:
            self._session.attempt(self._begin)

    def stop(self) -> None:
        """Read no more, and show nothing of what is being read."""
        self._waits = self._outdated = False
        self._after_a_moment.cancel()
        self._read_of = None
        if self._reads:
            self._session.work.cancel(self._name)

    def take_up(self, snapshot: Review) -> None:
        """Let the review keep what a snapshot found, which is no change."""
        review = self._session.review
        if review is not None:
            self._takes_up = True
            try:
                review.take_up(snapshot)
            finally:
                self._takes_up = False

    def _begin(self) -> None:
        self._outdated = False
        review = self._session.review
        if review is None:
            return
        snapshot = review.snapshot()
        run = self._prepare(snapshot)
        self._reads, self._read_of = True, self._of(review)
        self._session.work.start(
            self,
            self._name,
            run,
            lambda found: self._take(snapshot, found),
            self._drop,
            patient=self._patient,
        )

    def _take(self, snapshot: Review, found: Any) -> None:
        self._reads = False
        self.take_up(snapshot)
        self._show(found)
        self._go_on()

    def _drop(self) -> None:
        # The job is void by its owner's end, too.
        if not isalive(self):
            return
        self._reads = False
        self.stopped.emit()
        self._go_on()

    def _go_on(self) -> None:
        if self._outdated:
            self.later()
