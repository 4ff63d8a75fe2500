"""What the layers of a FOV show of its tables: its cells by frame, tracks, and links."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.index.exclusions import excluded_rows
from lineage_triplets.engine.index.rows import Observations, Tracks
from lineage_triplets.engine.index.track_ids import track_id_text, track_word
from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.engine.settings.tau import tau_range_in_frames

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FovCells:
    """All cells of one FOV, by frame; arrays have one entry a cell.

    Attributes
    ----------
    index : MultiExperimentIndex
        Nothing excluded, links cut.
    fov : int
        Its number there.
    t, track, lineage : ndarray of int64
        Frame, and the numbers of the track and of its root in the index.
    z, y, x : ndarray of float64
        In pixels.
    excluded : ndarray of bool
        Whether training leaves it out.
    is_anchor : ndarray of bool
        Whether it has a positive at some tau in range.
    """

    index: MultiExperimentIndex
    fov: int
    t: Int64Array
    track: Int64Array
    lineage: Int64Array
    z: Float64Array
    y: Float64Array
    x: Float64Array
    excluded: BoolArray
    is_anchor: BoolArray

    def __len__(self) -> int:
        return len(self.t)

    def at(self, t: int) -> slice:
        """Give the entries of one frame."""
        low, high = np.searchsorted(self.t, [t, t + 1])
        return slice(int(low), int(high))

    @cached_property
    def most_in_a_frame(self) -> int:
        """Number of cells in the fullest frame."""
        return int(np.bincount(self.t).max(initial=0))

    def lineage_id(self, entry: int) -> str:
        """Give the ``lineage_id`` of a cell."""
        return track_id_text(self.index, int(self.lineage[entry]))

    def track_word(self, entry: int) -> str:
        """Give the number of a cell's track, with ``@t`` after a cut."""
        return track_word(self.index, int(self.track[entry]))

    def tracks_named(self, words: Iterable[str]) -> Int64Array:
        """Give the numbers of the tracks that bear these names in this FOV."""
        wanted = set(words)
        if not wanted:
            return np.empty(0, dtype=np.int64)
        own = np.unique(self.track)
        return own[[track_word(self.index, int(one)) in wanted for one in own]]

    @cached_property
    def links(self) -> Int64Array:
        """Daughter and mother of every link between tracks that have cells: (links, 2)."""
        own = np.unique(self.track)
        mother = self.index.forest.parent[own]
        known = np.isin(mother, own) & (mother >= 0)
        return np.stack([own[known], mother[known]], axis=1)

    @cached_property
    def track_vertices(self) -> Float64Array:
        """``(track, t, z, y, x)`` of all cells, track by track."""
        order = np.lexsort((self.t, self.track))
        columns = (self.track, self.t, self.z, self.y, self.x)
        return np.stack([one[order].astype(np.float64) for one in columns], axis=1)

    def nearest(self, t: int, y: float, x: float, within: float) -> int:
        """Give the cell nearest to a place in a frame; -1 where none is as near as `within`."""
        here = self.at(t)
        distance = np.hypot(self.y[here] - y, self.x[here] - x)
        if not len(distance) or distance.min() > within:
            return -1
        return here.start + int(np.argmin(distance))

    def nearest_to_ray(
        self, t: int, start: Float64Array, direction: Float64Array, within: float
    ) -> int:
        """Give the cell nearest to a line of sight, (z, y, x) in pixels; -1 where none is near."""
        here = self.at(t)
        away = np.stack([self.z[here], self.y[here], self.x[here]], axis=1) - start
        along = direction / np.linalg.norm(direction)
        away = away - np.outer(away @ along, along)
        distance = np.linalg.norm(away, axis=1)
        if not len(distance) or distance.min() > within:
            return -1
        return here.start + int(np.argmin(distance))


def cells_of_fov(
    index: MultiExperimentIndex,
    experiment: str,
    fov: str,
    exclude: Exclusions,
    settings: DatasetConfig,
) -> FovCells | None:
    """Collect the cells of one FOV and what training makes of them; None without such a FOV.

    Parameters
    ----------
    index : MultiExperimentIndex
        With nothing excluded.
    experiment, fov : str
    exclude : Exclusions
    settings : DatasetConfig
        Whose tau and relation say who is an anchor.
    """
    numbers = [
        k for k, one in enumerate(index.fovs) if (one.experiment, one.fov.name) == (experiment, fov)
    ]
    if not numbers:
        return None
    number = numbers[0]
    source = index.fovs[number]
    first, end = np.searchsorted(index.track_columns.fov, [number, number + 1])
    low, high = np.searchsorted(index.observations.track, [first, end])
    taken = index.observations.take(np.arange(low, high))
    columns = index.track_columns
    tracks = Tracks(
        fov=np.zeros(end - first, dtype=np.int64),
        track_id=columns.track_id[first:end],
        parent_track_id=columns.parent_track_id[first:end],
        cut_t=columns.cut_t[first:end],
    )
    parent = index.forest.parent[first:end]
    forest = Forest.build(np.where(parent < 0, -1, parent - first))
    own = {name: getattr(taken, name) for name in taken.__dataclass_fields__}
    rows = Observations(**{**own, "track": taken.track - first})
    if _whole_fov(exclude, experiment, fov, source.fov.well_name):
        excluded = np.ones(len(rows), dtype=bool)
    else:
        excluded, _ = excluded_rows(rows, tracks, forest, [source], exclude)
    is_anchor = np.zeros(len(rows), dtype=bool)
    kept = np.flatnonzero(~excluded)
    if len(kept):
        config = index.registry.experiments[source.experiment_number]
        least, most = tau_range_in_frames(
            experiment, settings.tau_range_hours, config.interval_minutes
        )
        lookup = PositiveLookup.build(
            rows.track[kept], rows.t[kept], forest, settings.positive_relation
        )
        is_anchor[kept] = lookup.have_positive(
            np.full(len(kept), max(1, least)), np.full(len(kept), most)
        )
    order = np.argsort(rows.t, kind="stable")
    track = taken.track[order]
    return FovCells(
        index=index,
        fov=number,
        t=rows.t[order],
        track=track,
        lineage=index.forest.root[track],
        z=np.nan_to_num(rows.z[order]),
        y=rows.y[order],
        x=rows.x[order],
        excluded=excluded[order],
        is_anchor=is_anchor[order],
    )


def _whole_fov(exclude: Exclusions, experiment: str, fov: str, well: str) -> bool:
    return any(one.experiment == experiment and one.fov == fov for one in exclude.fovs) or any(
        one.experiment == experiment and one.well == well for one in exclude.wells
    )
