"""Reads thumbnails of FOVs beside the event loop: those in view first, a few at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from lineage_triplets.qc.look.pictures.grey import measured_scale
from lineage_triplets.qc.look.thumbnail import read_thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.look.pictures.grey import GreyScale
    from lineage_triplets.qc.look.thumbnail import Thumbnail

    Place = tuple[str, str]

JOB = "Thumbnails"
SIDE_PX = 192
_AT_ONCE, _THREADS = 6, 3
# Over so many FOVs of an experiment its contrast is measured.
_OF_SCALE = 12


class Thumbnails(QObject):
    """The thumbnails of one slot, as far as they were read.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    read : Signal(object)
        Gets the places of which a thumbnail came, or another contrast.
    shown : dict of (str, str) to Thumbnail
    scales : dict of str to GreyScale
        Of each experiment.
    slot : int
    """

    read = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._sources: Mapping[Place, FovSource] = {}
        self._wanted: list[Place] = []
        self.slot = 0
        self.shown: dict[Place, Thumbnail] = {}
        self.scales: dict[str, GreyScale] = {}

    def set_sources(self, sources: Mapping[Place, FovSource], slot: int) -> None:
        """Read other FOVs, or another slot; what was read of the same ones stays."""
        same_slot = slot == self.slot
        kept = {
            place
            for place in self.shown
            if same_slot and sources.get(place) is self._sources.get(place) is not None
        }
        if len(kept) < len(self.shown) or not same_slot:
            self._session.work.cancel(JOB)
            self.shown = {place: self.shown[place] for place in kept}
            self.scales = {}
        self._sources, self.slot = sources, slot

    def want(self, places: Sequence[Place]) -> None:
        """Read these in this order; what is being read is finished first."""
        self._wanted = list(places)
        self._go_on()

    def rest(self) -> None:
        """Read no more, until something is wanted."""
        self._wanted = []
        self._session.work.cancel(JOB)

    def _go_on(self) -> None:
        left = [
            place for place in self._wanted if place not in self.shown and place in self._sources
        ]
        if not left or JOB in self._session.work.running:
            return
        now, slot = left[:_AT_ONCE], self.slot
        sources = [self._sources[place] for place in now]

        def run(job: Job) -> list[Thumbnail]:
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="thumbnails") as pool:
                return list(
                    pool.map(
                        lambda source: read_thumbnail(source, slot, SIDE_PX, job.stopped), sources
                    )
                )

        self._session.work.start(
            self,
            JOB,
            run,
            lambda found: self._take(dict(zip(now, found, strict=True))),
            patient=True,
        )

    def _take(self, found: dict[Place, Thumbnail]) -> None:
        self.shown.update(found)
        others = {experiment for experiment, _ in found if self._measure(experiment)}
        self.read.emit([place for place in self.shown if place in found or place[0] in others])
        self._go_on()

    def _measure(self, experiment: str) -> bool:
        """Give an experiment one contrast, so that its FOVs can be compared: whether it changed."""
        before = self.scales.get(experiment)
        values = [
            thumbnail.values
            for place, thumbnail in self.shown.items()
            if place[0] == experiment and thumbnail.values is not None
        ]
        if values and (len(values) <= _OF_SCALE + _AT_ONCE or experiment not in self.scales):
            self.scales[experiment] = measured_scale(values[:_OF_SCALE])
        return self.scales.get(experiment) != before
