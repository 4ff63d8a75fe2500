"""How fast cells of an experiment live, by their way and their cycle: witnesses of its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.rows import drift_steps, stabilized

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex


_LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
_LEAST_APART = 30
_LEAST_TRACKS = 5
_MEDIAN_OF_SQUARE_2D = 2 * np.log(2)
_MOST_ROWS = 200_000
_LEAST_ROWS = 10_000
LEAST_DIVISIONS = 8


@dataclass(frozen=True, eq=False)
class Displacement:
    """Typical displacement of an experiment's cells against time.

    Attributes
    ----------
    hours : ndarray of float64, shape (lags,)
        Ascending.
    square : ndarray of float64, shape (lags,)
        Squared displacement along one axis in that time, without the stage's drift, in um² or px².
    """

    hours: Float64Array
    square: Float64Array

    def at(self, hours: float) -> float:
        """Logarithm of the squared displacement after so many hours, between known lags."""
        return float(np.interp(np.log(hours), np.log(self.hours), np.log(self.square)))

    def when(self, log_square: float) -> float:
        """Hours after which the squared displacement has that logarithm; inverse of `at`."""
        known = np.maximum.accumulate(np.log(self.square))
        if log_square < known[0]:
            # Before the first lag, as a random walk.
            return float(self.hours[0] * np.exp(log_square - known[0]))
        return float(np.exp(np.interp(log_square, known, np.log(self.hours))))


def displacements(index: MultiExperimentIndex, *, in_um: bool) -> list[Displacement | None]:
    """Measure every experiment; None where there are too few cells or frames."""
    experiments = index.registry.experiments
    most_rows = max(_LEAST_ROWS, _MOST_ROWS // max(1, len(experiments)))
    rows_of_fov = np.searchsorted(index.fov_of_row, np.arange(len(index.fovs) + 1))
    result: list[Displacement | None] = []
    for number, config in enumerate(experiments):
        fovs = [k for k, source in enumerate(index.fovs) if source.experiment_number == number]
        rows = _some_rows(rows_of_fov, fovs, most_rows)
        hours = config.interval_minutes / 60
        result.append(_measured(index, rows, hours, in_um) if len(rows) else None)
    return result


def times_longer(one: Displacement | None, other: Displacement | None) -> float | None:
    """Say how much more time, by the config's intervals, one takes for the other's displacement.

    Compared after the longest time that both know, where noise of the positions counts least.

    Returns
    -------
    float or None
        2.0 if its cells seem to take twice the hours; None if no time is known of both.
    """
    hours = common_hours(one, other)
    if hours is None or one is None or other is None:
        return None
    way, other_way = one.at(hours), other.at(hours)
    if way <= other_way:
        return hours / other.when(way)
    return one.when(other_way) / hours


def common_hours(one: Displacement | None, other: Displacement | None) -> float | None:
    """Give the longest time that both know."""
    if one is None or other is None:
        return None
    hours = min(one.hours[-1], other.hours[-1])
    return float(hours) if hours >= max(one.hours[0], other.hours[0]) else None


def _some_rows(rows_of_fov: Int64Array, fovs: list[int], most_rows: int) -> Int64Array:
    """Rows of whole FOVs, spread over the experiment, until there are enough."""
    sizes = np.array([rows_of_fov[k + 1] - rows_of_fov[k] for k in fovs], dtype=np.int64)
    total = int(sizes.sum())
    n_kept = len(fovs) if total <= most_rows else max(1, len(fovs) * most_rows // total)
    chosen = np.linspace(0, len(fovs) - 1, n_kept).astype(np.int64)
    kept = [np.arange(rows_of_fov[fovs[k]], rows_of_fov[fovs[k] + 1]) for k in np.unique(chosen)]
    return np.concatenate([np.empty(0, np.int64), *kept])


def _measured(
    index: MultiExperimentIndex, rows: Int64Array, interval_hours: float, in_um: bool
) -> Displacement | None:
    observations, fov = index.observations, index.fov_of_row[rows]
    track, t = observations.track[rows], observations.t[rows]
    place = np.stack([observations.y[rows], observations.x[rows]])
    if in_um:
        sizes = [source.fov.pixel_size_um or (1.0, 1.0, 1.0) for source in index.fovs]
        place *= np.array([size[1:] for size in sizes])[fov].T
    n_frames = np.array([source.fov.shape[0] for source in index.fovs], dtype=np.int64)
    first_group = np.cumsum(n_frames) - n_frames
    group = first_group[fov] + t
    step = np.flatnonzero(track[1:] == track[:-1])
    drift = drift_steps(
        group[step],
        t[step + 1] - t[step],
        place[:, step + 1] - place[:, step],
        int(n_frames.sum()),
    )
    place = stabilized(place, group, drift, first_group[fov])
    hours, square = [], []
    for lag in _LAGS:
        if lag >= len(rows):
            break
        start = np.flatnonzero((track[lag:] == track[:-lag]) & (t[lag:] - t[:-lag] == lag))
        # Displacements that overlap tell the same twice.
        if len(start) < _LEAST_APART * lag or len(np.unique(track[start])) < _LEAST_TRACKS:
            continue
        way = ((place[:, start + lag] - place[:, start]) ** 2).sum(axis=0)
        # The median is deaf to wrong links.
        typical = float(np.median(way)) / _MEDIAN_OF_SQUARE_2D
        if typical > 0:
            hours.append(lag * interval_hours)
            square.append(typical)
    return Displacement(np.array(hours), np.array(square)) if hours else None


def cycle_frames(index: MultiExperimentIndex) -> list[float | None]:
    """Give each experiment's median time from division to division; None where few are known.

    Cells that are lost, or still undivided when the movie ends, count for as long as they were
    seen (Kaplan and Meier's estimate), so that short movies do not make cycles short.
    """
    forest, rows = index.forest, index.observations
    n_tracks = len(forest.parent)
    head = _heads(forest.parent, forest.n_children)
    first = np.full(n_tracks, np.iinfo(np.int64).max)
    last = np.full(n_tracks, -1, dtype=np.int64)
    divides = np.zeros(n_tracks, dtype=bool)
    np.minimum.at(first, head[rows.track], rows.t)
    np.maximum.at(last, head[rows.track], rows.t)
    divides[head[forest.is_division]] = True
    parent = forest.parent[head]
    born = (head == np.arange(n_tracks)) & (parent >= 0) & (last >= 0)
    cells = np.flatnonzero(born)
    frames = last[cells] - first[cells] + 1
    fov_experiment = np.array([source.experiment_number for source in index.fovs], dtype=np.int64)
    experiment = fov_experiment[index.fov_of_track[cells]]
    result: list[float | None] = []
    for number in range(len(index.registry.experiments)):
        own = experiment == number
        divided = divides[cells[own]]
        enough = np.count_nonzero(divided) >= LEAST_DIVISIONS
        result.append(_median_survival(frames[own], divided) if enough else None)
    return result


def _heads(parent: Int64Array, n_children: Int64Array) -> Int64Array:
    """First track of each cell's life: tracks that go on as an only child are one cell."""
    only = (parent >= 0) & (n_children[parent] == 1)
    head = np.where(only, parent, np.arange(len(parent)))
    for _ in range(max(len(parent), 1).bit_length() + 1):
        further = head[head]
        if np.array_equal(further, head):
            break
        head = further
    return head


def _median_survival(frames: Int64Array, divided: BoolArray) -> float | None:
    """Frames after which half of the cells have divided; None if that is beyond what was seen."""
    order = np.argsort(frames, kind="stable")
    times, start = np.unique(frames[order], return_index=True)
    events = np.add.reduceat(divided[order].astype(np.int64), start)
    at_risk = len(frames) - start
    undivided = np.cumprod(1 - events / at_risk)
    below = np.flatnonzero(undivided <= 0.5)
    return float(times[below[0]]) if len(below) else None
