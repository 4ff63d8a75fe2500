"""All links of all tracks, from row to row; how large cells are, and how far daughters part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.groups import expand, group_median

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.groups import FrameSearch
    from lineage_triplets.qc.find.track_data.rows import TrackRows
    from lineage_triplets.qc.find.track_data.steps import StepLaw


_USUAL_CELL_UM = 12.0
_CELLS_A_PATCH = 8.0
_PRIOR_FAMILIES = 5.0
_SISTER_FRAMES = 3
_SAMPLED_FRAMES, _SAMPLED_FOVS = 12, 24
_ENOUGH_ROWS = 30
_PRIOR_DIVISIONS = 4.0
_USUAL_SHARE_OF_CELL, _SPREAD_SHARE = 0.6, 0.3
_LEAST_SPREAD_PX = 0.5
_NORMAL_MAD = 1.4826
_NU = 5.0


def _sister_pairs(rows: TrackRows) -> tuple[Int64Array, Int64Array]:
    """Tracks that follow each other among the daughters of a mother, in pairs."""
    children = np.flatnonzero(rows.is_daughter & (rows.first_row >= 0))
    children = children[np.argsort(rows.parent[children], kind="stable")]
    alike = np.flatnonzero(rows.parent[children[1:]] == rows.parent[children[:-1]])
    return children[alike], children[alike + 1]


def _row_at(rows: TrackRows, track: Int64Array, t: Int64Array) -> Int64Array:
    """Row of each track in a frame, where it has one and none before is missing; else -1."""
    row = rows.first_row[track] + t - rows.t[rows.first_row[track]]
    inside = (row >= rows.first_row[track]) & (row <= rows.last_row[track])
    row = np.where(inside, row, rows.first_row[track])
    return np.where(inside & (rows.t[row] == t), row, -1)


def cell_sizes(rows: TrackRows, search: FrameSearch) -> Float64Array:
    """Estimate a cell's diameter in each FOV, in px.

    It is the distance of newborn sisters where there are divisions, else what is usual of
    cultured cells, and no more than the usual distance of neighbours.
    """
    known = np.where(np.isfinite(rows.um_per_px), rows.um_per_px, 1.0)
    usual = np.where(
        np.isfinite(rows.um_per_px), _USUAL_CELL_UM / known, rows.patch_px / _CELLS_A_PATCH
    )
    one, other = _sister_pairs(rows)
    start = np.maximum(rows.t[rows.first_row[one]], rows.t[rows.first_row[other]])
    fov, apart = [], []
    for age in range(_SISTER_FRAMES):
        at = _row_at(rows, one, start + age), _row_at(rows, other, start + age)
        both = (at[0] >= 0) & (at[1] >= 0)
        fov.append(rows.track_fov[one[both]])
        apart.append(rows.distance(at[0][both], at[1][both]))
    sisters, sister_fov = np.concatenate(apart), np.concatenate(fov)
    size = usual.copy()
    for experiment in range(rows.n_experiments):
        fovs = np.flatnonzero(rows.fov_experiment == experiment)
        own = sisters[rows.fov_experiment[sister_fov] == experiment]
        if len(own):
            n = len(own) / _SISTER_FRAMES
            weight = n / (n + _PRIOR_FAMILIES)
            size[fovs] = np.exp(
                weight * np.log(max(float(np.median(own)), 1e-3))
                + (1 - weight) * np.log(usual[fovs])
            )
        size[fovs] = np.minimum(size[fovs], _neighbour_distance(rows, search, fovs, size))
    return size


def _neighbour_distance(
    rows: TrackRows, search: FrameSearch, fovs: Int64Array, size: Float64Array
) -> float:
    """Median distance to the nearest cell, in a sample of frames; infinite if there are few."""
    chosen = fovs[np.linspace(0, len(fovs) - 1, min(len(fovs), _SAMPLED_FOVS)).astype(np.int64)]
    frames = [
        rows.first_group[fov]
        + np.linspace(
            0, rows.n_frames[fov] - 1, min(int(rows.n_frames[fov]), _SAMPLED_FRAMES)
        ).astype(np.int64)
        for fov in chosen
    ]
    if not frames:
        return np.inf
    groups = np.unique(np.concatenate(frames))
    start = np.searchsorted(search.key, groups * search.stride)
    end = np.searchsorted(search.key, (groups + 1) * search.stride)
    sampled = search.order[expand(start, end - start)[1]]
    if len(sampled) < _ENOUGH_ROWS:
        return np.inf
    # Beyond this distance it does not matter how far they are.
    reach = 1.5 * size[rows.fov[sampled]]
    question, point, apart = search.within(rows.group[sampled], rows.still[:, sampled], reach)
    others = sampled[question] != point
    nearest = reach.copy()
    np.minimum.at(nearest, question[others], apart[others])
    return float(np.median(nearest))


@dataclass(frozen=True, eq=False)
class Links:
    """Links inside tracks, then links from parents; each from a row to a row of a later frame.

    Attributes
    ----------
    rows : TrackRows
    law : StepLaw
    source, target, gap : ndarray of int64, shape (links,)
        Rows, and the frames between them.
    is_division, is_inside : ndarray of bool, shape (links,)
        From a mother of two or more, and between rows of one track.
    into : ndarray of int64, shape (rows,)
        The link that ends at a row, or -1.
    division_px, division_spread_px : ndarray of float64, shape (fovs,)
        Usual distance of a daughter's first place from her mother's last, and its spread.
    """

    rows: TrackRows
    law: StepLaw
    source: Int64Array
    target: Int64Array
    gap: Int64Array
    is_division: BoolArray
    is_inside: BoolArray
    into: Int64Array
    division_px: Float64Array
    division_spread_px: Float64Array

    @classmethod
    def of_rows(cls, rows: TrackRows, law: StepLaw, cell_px: Float64Array) -> Links:
        """Collect the links, and learn how far daughters usually are from their mothers."""
        inside = np.flatnonzero(rows.track[1:] == rows.track[:-1])
        child = np.flatnonzero((rows.parent >= 0) & (rows.first_row >= 0))
        child = child[rows.first_row[rows.parent[child]] >= 0]
        # A mother may have frames beside her daughter's: the last one before counts.
        n_frames = int(rows.t.max(initial=0)) + 1
        born = rows.parent[child] * n_frames + rows.t[rows.first_row[child]]
        mother_row = np.searchsorted(rows.track * n_frames + rows.t, born) - 1
        earlier = mother_row >= rows.first_row[rows.parent[child]]
        child, mother_row = child[earlier], mother_row[earlier]
        source = np.concatenate([inside, mother_row])
        target = np.concatenate([inside + 1, rows.first_row[child]])
        gap = rows.t[target] - rows.t[source]
        is_inside = np.arange(len(source)) < len(inside)
        is_division = ~is_inside & rows.is_daughter[rows.track[target]]
        into = np.full(len(rows.t), -1, dtype=np.int64)
        into[target] = np.arange(len(target))
        usual, spread = _division_law(
            rows, cell_px, source[is_division], target[is_division], gap[is_division]
        )
        return cls(rows, law, source, target, gap, is_division, is_inside, into, usual, spread)

    @cached_property
    def misfit(self) -> Float64Array:
        """`StepLaw.misfit` of each link that is no division; 0 for those."""
        plain = np.flatnonzero(~self.is_division)
        misfit = np.zeros(len(self.source))
        misfit[plain] = self.law.misfit(self.source[plain], self.target[plain])
        return misfit

    def division_misfit(self, source: Int64Array, target: Int64Array) -> Float64Array:
        """How much farther than usual a daughter's first place is from her mother's last.

        In spreads of that distance, wider where frames are missing between; 0 if not farther.
        """
        rows = self.rows
        gap = rows.t[target] - rows.t[source]
        fov = rows.fov[source]
        beyond = np.maximum(rows.distance(source, target) - self.division_px[fov], 0.0)
        variance = self.division_spread_px[fov] ** 2
        experiment = rows.experiment[source]
        late = np.maximum(gap - 1, 0)
        moved = self.law.motion.variance_over(experiment, 0, np.maximum(late, 1))
        result: Float64Array = beyond / np.sqrt(variance + np.where(late > 0, 2 * moved, 0.0))
        return result

    def likelihood(
        self, source: Int64Array, target: Int64Array, is_division: BoolArray
    ) -> Float64Array:
        """Logarithm of how likely a link from row to row is, 0 for one that fits exactly."""
        misfit = self.law.misfit(source, target)
        if is_division.any():
            misfit[is_division] = (
                self.division_misfit(source[is_division], target[is_division]) ** 2
            )
        n_free = np.where(is_division, 1, self.rows.n_axes[self.rows.experiment[source]])
        # Heavier tails than a normal law's: real cells do make odd steps.
        result: Float64Array = -(_NU + n_free) / 2 * np.log1p(misfit / _NU)
        return result


def _division_law(
    rows: TrackRows,
    cell_px: Float64Array,
    mother: Int64Array,
    daughter: Int64Array,
    gap: Int64Array,
) -> tuple[Float64Array, Float64Array]:
    """Usual distance and spread of every FOV's experiment, in px."""
    usual, spread = _USUAL_SHARE_OF_CELL * cell_px, _SPREAD_SHARE * cell_px
    soon = gap == 1
    away = rows.distance(mother[soon], daughter[soon])
    experiment = rows.experiment[mother[soon]]
    middle, n = group_median(away, experiment, rows.n_experiments)
    off, _ = group_median(np.abs(away - middle[experiment]), experiment, rows.n_experiments)
    of_fov = rows.fov_experiment
    known = (n / (n + _PRIOR_DIVISIONS))[of_fov]
    result = known * middle[of_fov] + (1 - known) * usual
    found = known * _NORMAL_MAD * off[of_fov] + (1 - known) * spread
    return result, np.maximum(found, np.maximum(0.15 * result, _LEAST_SPREAD_PX))
