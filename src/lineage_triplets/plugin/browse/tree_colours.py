"""The choice of what a tree's lines are coloured by, measured beside the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.plugin.browse.tree_values import Measure, TreeValues
from lineage_triplets.plugin.common.keys import LettersStay
from lineage_triplets.qc.find.doubt.links import link_queue
from lineage_triplets.qc.look.measures import brightness_of_cells, size_of_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.plugin.common.fov_part import FovPart
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review

JOB = "Measuring cells for the tree"
_MEASURES: tuple[Measure, ...] = get_args(Measure)
_UNITS: dict[Measure, str] = {"nothing": "", "size": "px", "brightness": "", "doubt": ""}
_KEPT = 6


class TreeColours(QComboBox):
    """Chooses what lines are coloured by; what was measured of the last FOVs is kept.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    changed : Signal()
        There are other values, or none.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tree_colour")
        self.setAccessibleName("What lines of the tree are coloured by")
        self.setToolTip(
            "Colour the lines by the size of cells (by masks), their brightness in the first slot, "
            "or the doubt of the link into each (Y for the next)"
        )
        self.addItems([f"colour: {measure}" for measure in _MEASURES])
        LettersStay(self)
        self._session = session
        self._part: FovPart | None = None
        self._found: dict[tuple[int, int, Measure], tuple[FovPart, Float64Array]] = {}
        self.currentIndexChanged.connect(lambda _: self._measure())
        session.closed.connect(self._found.clear)

    @property
    def measure(self) -> Measure:
        """What is chosen."""
        return _MEASURES[max(self.currentIndex(), 0)]

    def set_part(self, part: FovPart | None) -> None:
        """Measure another FOV, if anything is to be measured."""
        if part is not self._part:
            self._part = part
            self._measure()

    def values_of(self, cells: Int64Array) -> TreeValues | None:
        """Give the values of some cells, rows of the FOV; None by nothing, and until measured."""
        found = self._found.get(self._key)
        if found is None:
            return None
        return TreeValues(self.measure, _UNITS[self.measure], found[1][cells])

    def step(self) -> None:
        """Choose the next."""
        self.setCurrentIndex((self.currentIndex() + 1) % self.count())

    @property
    def _key(self) -> tuple[int, int, Measure]:
        part = self._part
        return (id(part.index), part.number, self.measure) if part else (0, 0, self.measure)

    def _measure(self) -> None:
        """Measure what is chosen, unless that was done already."""
        review, part, measure, key = self._session.review, self._part, self.measure, self._key
        self._session.work.cancel(JOB)
        wanted = measure != "nothing" and key not in self._found
        if wanted and review is not None and part is not None:
            run = _job(review, part, measure)
            self._session.work.start(self, JOB, run, lambda values: self._take(key, part, values))
        self.changed.emit()

    def _take(
        self, key: tuple[int, int, Measure], part: FovPart, values: Float64Array | None
    ) -> None:
        if values is None:
            return
        # The part is held with its values: by it the key stays that of one index.
        self._found[key] = part, values
        for old in list(self._found)[:-_KEPT]:
            del self._found[old]
        self.changed.emit()


def _job(review: Review, part: FovPart, measure: Measure) -> Callable[[Job], Float64Array | None]:
    """Make the job that measures all cells of a FOV; None where nobody waits for it any more."""
    snapshot = review.snapshot()
    patch_px = max(review.data.settings.yx_patch_size)

    def run(job: Job) -> Float64Array | None:
        def go_on(done: int, total: int) -> bool:
            job.progress(done, total)
            return not job.stopped()

        data = snapshot.data
        if measure == "doubt":
            queue = link_queue(data)
            values = np.full(len(part.observations), np.nan)
            inside = queue.target - part.first_row
            own = (inside >= 0) & (inside < len(values))
            values[inside[own]] = queue.doubt[own]
        elif measure == "brightness":
            values = brightness_of_cells(part.source, 0, part.observations, patch_px, go_on)
        else:
            number = data.raw.fov_number(*part.place)
            masks = data.masks.of(number)
            if masks is None:
                raise ConfigError(data.masks.fault(number) or _no_masks(*part.place))
            values = size_of_cells(masks, part.observations, go_on)
        return None if job.stopped() else values

    return run


def _no_masks(experiment: str, fov: str) -> Problem:
    return Problem(
        "no-masks",
        "there are no masks, so cells have no size.",
        "Colour by brightness or doubt, or name masks by labels_path.",
        experiment=experiment,
        fov=fov,
    )
