"""Reads the pairs of a round ahead of whoever judges them, and the frames between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from lineage_triplets.qc.look.shown_pixels import ShownPairs, read_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.look.shown_pixels import ShownStrip
    from lineage_triplets.qc.look.strip import Strip

JOB = "Pairs to judge"
FRAMES_JOB = "Frames between"
AHEAD = 6
_AT_ONCE = 4


class PairAhead(QObject):
    """The pixels of a list of pairs, as far as they were read: those wanted, and those next.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    read : Signal()
        More was read.
    shown : ShownPairs
    """

    read = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._pairs: PairList | None = None
        self._wanted: list[int] = []
        self.shown = ShownPairs()

    def set_pairs(self, pairs: PairList | None) -> None:
        """Read other pairs from now on; the same ones keep what was read of them."""
        if pairs is not self._pairs:
            self._session.work.cancel(JOB)
            self._pairs, self._wanted = pairs, []
            self.shown = ShownPairs(outlined=self._session.outlined)

    def want(self, places: Sequence[int]) -> None:
        """Read some pairs by their places in the list, the first one first."""
        self._wanted = list(places)
        damaged = self._wanted[0] if self._wanted else -1
        if damaged in self.shown.damage and JOB not in self._session.work.running:
            # What could not be read may be whole again.
            self.shown = self.shown.without_damage(damaged)
        self._go_on()

    def read_anew(self) -> None:
        """Read again what is wanted, with masks if these are shown."""
        if self._session.outlined and not self.shown.outlined:
            self._session.work.cancel(JOB)
            self.shown = ShownPairs(outlined=True)
            self._go_on()

    def _go_on(self) -> None:
        pairs, shown = self._pairs, self.shown
        if pairs is None or not self._wanted or JOB in self._session.work.running:
            return
        is_there = shown.has(self._wanted[0])
        names = [""] * len(pairs)
        numbers = shown.next_numbers(names, self._wanted, _AT_ONCE if is_there else 1)
        if numbers:
            keep = tuple(self._wanted)
            self._session.work.start(
                self, JOB, lambda _job: shown.read_more(pairs, numbers, keep), self._take
            )

    def _take(self, shown: ShownPairs) -> None:
        self.shown = shown
        self.read.emit()
        self._go_on()

    def read_frames(self, strip: Strip, show: Callable[[ShownStrip], None]) -> None:
        """Read the frames of a strip that are shown."""
        places = strip.thinned()
        scales, outlined = self.shown.scales.get(strip.experiment, ()), self._session.outlined
        self._session.work.start(
            self,
            FRAMES_JOB,
            lambda _job: read_strip(strip, places, scales, outlined=outlined),
            show,
        )
