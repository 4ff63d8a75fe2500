"""How long cells live from division to division, in frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex

    Int64Array = NDArray[np.int64]

LEAST_DIVISIONS = 8


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
    fov_experiment = np.array([one.experiment_number for one in index.fovs], dtype=np.int64)
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


def _median_survival(frames: Int64Array, divided: NDArray[np.bool_]) -> float | None:
    """Frames after which half of the cells have divided; None if that is beyond what was seen."""
    order = np.argsort(frames, kind="stable")
    times, start = np.unique(frames[order], return_index=True)
    events = np.add.reduceat(divided[order].astype(np.int64), start)
    at_risk = len(frames) - start
    undivided = np.cumprod(1 - events / at_risk)
    below = np.flatnonzero(undivided <= 0.5)
    return float(times[below[0]]) if len(below) else None
