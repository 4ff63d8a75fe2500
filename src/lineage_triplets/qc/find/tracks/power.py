"""Tables whose links cannot be judged: cells move so far that another one is as near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.track_data.data import length, lengths
from lineage_triplets.qc.find.tracks.missed_divisions import MOST_BROKEN_SHARE, broken_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.data import TrackData

# In a gas of cells that a tracker links as shortly as can be, one link of twenty is wrong there,
# and not one of them is found. On plates where links can be judged it is 0.08 to 0.15.
_STEP_SHARE = 0.25
_LEAST_LINKS = 30
_MOST_FRAMES = 60


def find_no_power(data: TrackData) -> Iterator[Finding]:
    """One finding an experiment in which a wrong link looks like a right one."""
    row = np.arange(1, len(data.t))
    is_step = (data.track[row] == data.track[row - 1]) & (data.t[row] == data.t[row - 1] + 1)
    steps = row[is_step]
    for experiment in range(data.n_experiments):
        into = steps[data.experiment[steps] == experiment]
        if len(into) < _LEAST_LINKS:
            continue
        expected = data.law.foretold(into - 1, into)
        way = data.still[:, into] - data.still[:, into - 1] - expected
        step = float(np.median(np.linalg.norm(way, axis=0)))
        apart = _neighbour_distances(data, np.flatnonzero(data.experiment == experiment))
        if not len(apart):
            continue
        neighbour = float(np.median(apart))
        if step >= _STEP_SHARE * neighbour:
            yield _finding(data, int(data.fov[into[0]]), step, neighbour)


def find_no_power_for_divisions(data: TrackData) -> Iterator[Finding]:
    """One finding an experiment whose tracks break off so often that divisions are not told."""
    for experiment, share in enumerate(broken_share(data).tolist()):
        rows = np.flatnonzero(data.experiment == experiment)
        if share <= MOST_BROKEN_SHARE or len(rows) < _LEAST_LINKS:
            continue
        yield Finding(
            "no-power",
            "warning",
            f"Tracks break off: {share:.0%} of the cells begin one. A division that was not linked "
            "cannot be told from a cell that was lost and found again: none is named.",
            "Track with a wider gate. Daughters count as other lineages here.",
            experiment=data.sources[int(data.fov[rows[0]])].experiment,
            evidence=(Evidence("share of cells that begin a track", share),),
            detail="divisions",
        )


def _finding(data: TrackData, fov: int, step: float, neighbour: float) -> Finding:
    return Finding(
        "no-power",
        "warning",
        f"Steps as large as the distance between cells: {length(data, fov, step)} a frame, where "
        f"the next cell is {length(data, fov, neighbour)} away. Links cannot be judged from "
        "positions: that few wrong ones were found, or none, says nothing.",
        "Look at pairs: an audit says how many are wrong. Image more often, or track with more "
        "than positions.",
        experiment=data.sources[fov].experiment,
        evidence=lengths(data, fov, step=step, neighbour=neighbour),
    )


def _neighbour_distances(data: TrackData, rows: Int64Array) -> Float64Array:
    """Distance of each cell's nearest neighbour, in px, in frames spread over an experiment."""
    frames = np.unique(data.group[rows])
    chosen = frames[np.linspace(0, len(frames) - 1, min(len(frames), _MOST_FRAMES)).astype(int)]
    nearest = [np.empty(0)]
    for group in chosen.tolist():
        place = data.still[:, rows[data.group[rows] == group]].T
        if len(place) > 1:
            distance, _ = KDTree(place).query(place, k=2)
            nearest.append(np.asarray(distance)[:, 1])
    return np.concatenate(nearest)


register(TableCheck("power", ("no-power",), find_no_power))
register(TableCheck("power-for-divisions", ("no-power",), find_no_power_for_divisions))
