"""One FOV of an index: its tracks and cells, and what of them training leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.index.assemble import excluded_rows, is_fov_excluded
from lineage_triplets.engine.index.rows import Observations
from lineage_triplets.engine.pairs.forest import Forest

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import Exclusions


@dataclass(frozen=True, eq=False)
class FovPart:
    """Tracks and cells of a FOV.

    Attributes
    ----------
    index : MultiExperimentIndex
        Nothing excluded, links cut.
    number : int
        Of the FOV there.
    first_track, first_row : int
        What the FOV's first track and its first cell are there.
    observations : Observations
        Its cells, track by track; tracks are counted from `first_track`.
    forest : Forest
        Of its tracks.
    exclude : Exclusions
    """

    index: MultiExperimentIndex
    number: int
    first_track: int
    first_row: int
    observations: Observations
    forest: Forest
    exclude: Exclusions

    @classmethod
    def of(
        cls, index: MultiExperimentIndex, experiment: str, fov: str, exclude: Exclusions
    ) -> FovPart | None:
        """Take a FOV out of an index; None without such a FOV.

        Parameters
        ----------
        index : MultiExperimentIndex
        experiment, fov : str
        exclude : Exclusions
            Those that can concern the FOV.
        """
        number = index.fov_number(experiment, fov)
        if number < 0:
            return None
        first, end = np.searchsorted(index.track_columns.fov, [number, number + 1]).tolist()
        low, high = np.searchsorted(index.observations.track, [first, end]).tolist()
        taken = index.observations.take(np.arange(low, high))
        parent = index.forest.parent[first:end]
        forest = Forest.build(np.where(parent < 0, -1, parent - first))
        own = {name: getattr(taken, name) for name in taken.__dataclass_fields__}
        rows = Observations(**{**own, "track": taken.track - first})
        return cls(index, number, first, low, rows, forest, exclude)

    @property
    def source(self) -> FovSource:
        """The FOV."""
        return self.index.fovs[self.number]

    @property
    def place(self) -> tuple[str, str]:
        """Experiment and FOV."""
        return self.source.experiment, self.source.fov.name

    @cached_property
    def excluded(self) -> BoolArray:
        """Whether training leaves each cell out."""
        if is_fov_excluded(self.exclude, self.source):
            return np.ones(len(self.observations), dtype=bool)
        end = self.first_track + len(self.forest.parent)
        tracks = self.index.track_columns.of_one_fov(np.arange(self.first_track, end))
        excluded, _ = excluded_rows(
            self.observations, tracks, self.forest, [self.source], self.exclude
        )
        return excluded
