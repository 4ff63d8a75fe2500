"""One lineage of an index as an index of its own, so that a choice on screen costs its rows alone.

A pair depends on the seed, the epoch and the anchor, and its candidates are of the anchor's own
lineage: the pairs drawn from the part are those drawn from the whole. Positives by equal columns
are of other lineages, and drawn from the whole alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.index.assemble import Assembly, excluded_rows, is_fov_excluded
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.index.rows import Observations
from lineage_triplets.engine.pairs.forest import Forest

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions


@dataclass(frozen=True)
class LineagePart:
    """One lineage, with what is excluded and without.

    Attributes
    ----------
    tracks : ndarray of int64
        Its tracks' numbers in the whole index, ascending.
    rows : ndarray of int64
        Its rows there, whether excluded or not.
    excluded : ndarray of bool, shape (rows,)
    whole : MultiExperimentIndex
        All rows of the lineage.
    included : MultiExperimentIndex
        The rows that are not excluded, in the same order.
    """

    tracks: Int64Array
    rows: Int64Array
    excluded: BoolArray
    whole: MultiExperimentIndex
    included: MultiExperimentIndex


class LineageParts:
    """Cuts single lineages out of an index that has nothing excluded.

    Parameters
    ----------
    index : MultiExperimentIndex
    """

    def __init__(self, index: MultiExperimentIndex) -> None:
        self.index = index
        n_tracks = len(index.forest.parent)
        self._by_entry = np.empty(n_tracks, dtype=np.int64)
        self._by_entry[index.forest.enter] = np.arange(n_tracks)
        self._row_start = np.searchsorted(index.observations.track, np.arange(n_tracks + 1))

    def tracks_of(self, root: int) -> Int64Array:
        """Numbers of the tracks of a root's lineage, ascending."""
        forest = self.index.forest
        return np.sort(self._by_entry[forest.enter[root] : forest.leave[root]])

    def rows_of(self, tracks: Int64Array) -> Int64Array:
        """Give the rows of some tracks, track by track."""
        first, last = self._row_start[tracks], self._row_start[tracks + 1]
        length = last - first
        shift = np.repeat(first - (np.cumsum(length) - length), length)
        rows: Int64Array = np.arange(int(length.sum()), dtype=np.int64) + shift
        return rows

    def part(self, root: int, exclude: Exclusions, settings: DatasetConfig) -> LineagePart:
        """Cut one lineage out.

        Parameters
        ----------
        root : int
            Number of the root track.
        exclude : Exclusions
            Those that could concern it; others match nothing and cost time.
        settings : DatasetConfig
            Tau and relation may differ from the index's, patches may not.
        """
        index = self.index
        tracks = self.tracks_of(root)
        rows = self.rows_of(tracks)
        source = index.fovs[int(index.fov_of_track[root])]
        taken = index.observations.take(rows)
        columns = index.track_columns.of_one_fov(tracks)
        parent = index.forest.parent[tracks]
        parent = np.where(parent < 0, -1, np.searchsorted(tracks, parent))
        forest = Forest.build(parent)
        own = {name: getattr(taken, name) for name in taken.__dataclass_fields__}
        own["track"] = np.searchsorted(tracks, taken.track)
        observations = Observations(**own)
        if is_fov_excluded(exclude, source):
            excluded = np.ones(len(rows), dtype=bool)
        else:
            excluded, _ = excluded_rows(observations, columns, forest, [source], exclude)

        def build(kept: Observations) -> MultiExperimentIndex:
            assembly = Assembly(
                fovs=(source,),
                tracks=columns,
                forest=forest,
                observations=kept,
                pool_row=np.arange(len(kept)),
                pool_lineage_start=np.array([0, len(kept)]),
                problems=(),
            )
            return MultiExperimentIndex.of_assembly(index.registry, settings, assembly)

        whole = build(observations)
        included = build(observations.take(~excluded)) if excluded.any() else whole
        return LineagePart(tracks, rows, excluded, whole, included)
