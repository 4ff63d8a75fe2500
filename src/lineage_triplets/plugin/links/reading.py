"""Reads the cells of links ahead of whoever looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from lineage_triplets.qc.look.link_view import LinkReader
from lineage_triplets.qc.look.pictures.grey import measured_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.links.entries import InOrder
    from lineage_triplets.qc.look.link_view import LinkView, ShownLink
    from lineage_triplets.qc.look.pictures.grey import GreyScale

JOB = "Links to look at"
AHEAD = 5
_KEPT = 24


class LinksAhead(QObject):
    """The pixels of links, as far as they were read: of the one that is wanted, and those next.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    read : Signal()
        More was read.
    shown : dict of int to ShownLink
        By the row where each ends.
    scales : dict of str to tuple of GreyScale
        Of each experiment, one a slot: of the first of its links that could be read.
    """

    read = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._reader = LinkReader()
        self._origin: object = None
        self._wanted: dict[int, LinkView] = {}
        self.shown: dict[int, ShownLink] = {}
        self.scales: dict[str, tuple[GreyScale, ...]] = {}

    def set_links(self, links: InOrder | None) -> None:
        """Read links of another list from now on; of the same origin what was read is kept."""
        origin = None if links is None else links.origin
        if origin is not self._origin:
            self._session.work.cancel(JOB)
            self._origin, self._wanted, self.shown = origin, {}, {}
            self._reader = LinkReader()
            if links is None:
                self.scales = {}

    def want(self, links: InOrder, numbers: Sequence[int]) -> None:
        """Read some links by their numbers in the list, the first one first."""
        rows = {links.row(number): number for number in numbers}
        known = self._wanted
        self._wanted = {row: known.get(row) or links.view(number) for row, number in rows.items()}
        self._go_on()

    def read_anew(self) -> None:
        """Read again what is wanted, with masks if these are shown."""
        if self._session.outlined and not all(link.outlines for link in self.shown.values()):
            self._session.work.cancel(JOB)
            self.shown = {}
            self._go_on()

    def _go_on(self) -> None:
        row = next((row for row in self._wanted if row not in self.shown), None)
        if row is None or JOB in self._session.work.running:
            return
        view, reader = self._wanted[row], self._reader
        outlined = self._session.outlined
        self._session.work.start(
            self,
            JOB,
            lambda _job: reader.read(view, outlined=outlined),
            lambda shown: self._take(row, view, shown),
        )

    def _take(self, row: int, view: LinkView, shown: ShownLink) -> None:
        self.shown[row] = shown
        for old in list(self.shown)[:-_KEPT]:
            if old not in self._wanted:
                del self.shown[old]
        name = view.experiment
        if name not in self.scales and shown.whole:
            n_slots = len(shown.whole[0])
            self.scales[name] = tuple(
                measured_scale([values[slot] for values in shown.whole]) for slot in range(n_slots)
            )
        self.read.emit()
        self._go_on()
