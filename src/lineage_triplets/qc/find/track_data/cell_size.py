"""How large cells are, from how close they come: tables say nothing of sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.neighbours import expand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

_USUAL_CELL_UM = 12.0
_CELLS_A_PATCH = 8.0
_PRIOR_FAMILIES = 5.0
_SISTER_FRAMES = 3
_SAMPLED_FRAMES, _SAMPLED_FOVS = 12, 24
_ENOUGH_ROWS = 30


def sister_pairs(data: TrackData) -> tuple[Int64Array, Int64Array]:
    """Tracks that follow each other among the daughters of a mother, in pairs."""
    children = np.flatnonzero(data.is_daughter & (data.first_row >= 0))
    children = children[np.argsort(data.parent[children], kind="stable")]
    alike = np.flatnonzero(data.parent[children[1:]] == data.parent[children[:-1]])
    return children[alike], children[alike + 1]


def row_at(data: TrackData, track: Int64Array, t: Int64Array) -> Int64Array:
    """Row of each track in a frame, where it has one and none before is missing; else -1."""
    row = data.first_row[track] + t - data.t[data.first_row[track]]
    inside = (row >= data.first_row[track]) & (row <= data.last_row[track])
    row = np.where(inside, row, data.first_row[track])
    return np.where(inside & (data.t[row] == t), row, -1)


def distance(data: TrackData, one: Int64Array, other: Int64Array) -> Float64Array:
    """Distance of rows in px, of cells of one frame or without the stage's drift."""
    apart: Float64Array = np.sqrt(((data.still[:, one] - data.still[:, other]) ** 2).sum(axis=0))
    return apart


def cell_sizes(data: TrackData) -> Float64Array:
    """Estimate a cell's diameter in each FOV, in px.

    It is the distance of newborn sisters where there are divisions, else what is usual of
    cultured cells, and no more than the usual distance of neighbours.
    """
    known = np.where(np.isfinite(data.um_per_px), data.um_per_px, 1.0)
    usual = np.where(
        np.isfinite(data.um_per_px), _USUAL_CELL_UM / known, data.patch_px / _CELLS_A_PATCH
    )
    one, other = sister_pairs(data)
    start = np.maximum(data.t[data.first_row[one]], data.t[data.first_row[other]])
    fov, apart = [], []
    for age in range(_SISTER_FRAMES):
        rows = row_at(data, one, start + age), row_at(data, other, start + age)
        both = (rows[0] >= 0) & (rows[1] >= 0)
        fov.append(data.track_fov[one[both]])
        apart.append(distance(data, rows[0][both], rows[1][both]))
    sisters, sister_fov = np.concatenate(apart), np.concatenate(fov)
    size = usual.copy()
    for experiment in range(data.n_experiments):
        fovs = np.flatnonzero(data.fov_experiment == experiment)
        own = sisters[data.fov_experiment[sister_fov] == experiment]
        if len(own):
            n = len(own) / _SISTER_FRAMES
            weight = n / (n + _PRIOR_FAMILIES)
            size[fovs] = np.exp(
                weight * np.log(max(float(np.median(own)), 1e-3))
                + (1 - weight) * np.log(usual[fovs])
            )
        size[fovs] = np.minimum(size[fovs], _neighbour_distance(data, fovs, size))
    return size


def _neighbour_distance(data: TrackData, fovs: Int64Array, size: Float64Array) -> float:
    """Median distance to the nearest cell, in a sample of frames; infinite if there are few."""
    chosen = fovs[np.linspace(0, len(fovs) - 1, min(len(fovs), _SAMPLED_FOVS)).astype(np.int64)]
    frames = [
        data.first_group[fov]
        + np.linspace(
            0, data.n_frames[fov] - 1, min(int(data.n_frames[fov]), _SAMPLED_FRAMES)
        ).astype(np.int64)
        for fov in chosen
    ]
    if not frames:
        return np.inf
    groups = np.unique(np.concatenate(frames))
    start = np.searchsorted(data.search.key, groups * data.search.stride)
    end = np.searchsorted(data.search.key, (groups + 1) * data.search.stride)
    rows = data.search.order[expand(start, end - start)[1]]
    if len(rows) < _ENOUGH_ROWS:
        return np.inf
    # Beyond this distance it does not matter how far they are.
    reach = 1.5 * size[data.fov[rows]]
    question, point, apart = data.search.within(data.group[rows], data.still[:, rows], reach)
    others = rows[question] != point
    nearest = reach.copy()
    np.minimum.at(nearest, question[others], apart[others])
    return float(np.median(nearest))
