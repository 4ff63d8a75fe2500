"""All links of all tracks, from row to row, and how usual each division is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.cell_size import distance
from lineage_triplets.qc.find.track_data.group_statistics import group_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

_PRIOR_DIVISIONS = 4.0
_USUAL_SHARE_OF_CELL, _SPREAD_SHARE = 0.6, 0.3
_LEAST_SPREAD_PX = 0.5
_NORMAL_MAD = 1.4826
_NU = 5.0


@dataclass(frozen=True, eq=False)
class Links:
    """Links inside tracks, then links from parents; each from a row to a row of a later frame.

    Attributes
    ----------
    data : TrackData
    source, target, gap : ndarray of int64, shape (links,)
        Rows, and the frames between them.
    is_division, is_inside : ndarray of bool, shape (links,)
        From a mother of two or more, and between rows of one track.
    into : ndarray of int64, shape (rows,)
        The link that ends at a row, or -1.
    division_px, division_spread_px : ndarray of float64, shape (fovs,)
        Usual distance of a daughter's first place from her mother's last, and its spread.
    """

    data: TrackData
    source: Int64Array
    target: Int64Array
    gap: Int64Array
    is_division: BoolArray
    is_inside: BoolArray
    into: Int64Array
    division_px: Float64Array
    division_spread_px: Float64Array

    @classmethod
    def of_data(cls, data: TrackData) -> Links:
        """Collect the links, and learn how far daughters usually are from their mothers."""
        inside = np.flatnonzero(data.track[1:] == data.track[:-1])
        child = np.flatnonzero((data.parent >= 0) & (data.first_row >= 0))
        child = child[data.first_row[data.parent[child]] >= 0]
        # A mother may have frames beside her daughter's: the last one before counts.
        n_frames = int(data.t.max(initial=0)) + 1
        born = data.parent[child] * n_frames + data.t[data.first_row[child]]
        mother_row = np.searchsorted(data.track * n_frames + data.t, born) - 1
        earlier = mother_row >= data.first_row[data.parent[child]]
        child, mother_row = child[earlier], mother_row[earlier]
        source = np.concatenate([inside, mother_row])
        target = np.concatenate([inside + 1, data.first_row[child]])
        gap = data.t[target] - data.t[source]
        is_inside = np.arange(len(source)) < len(inside)
        is_division = ~is_inside & data.is_daughter[data.track[target]]
        into = np.full(len(data.t), -1, dtype=np.int64)
        into[target] = np.arange(len(target))
        usual, spread = _division_law(
            data, source[is_division], target[is_division], gap[is_division]
        )
        return cls(data, source, target, gap, is_division, is_inside, into, usual, spread)

    def division_misfit(self, source: Int64Array, target: Int64Array) -> Float64Array:
        """How much farther than usual a daughter's first place is from her mother's last.

        In spreads of that distance, wider where frames are missing between; 0 if not farther.
        """
        data = self.data
        gap = data.t[target] - data.t[source]
        fov = data.fov[source]
        beyond = np.maximum(distance(data, source, target) - self.division_px[fov], 0.0)
        variance = self.division_spread_px[fov] ** 2
        experiment = data.experiment[source]
        late = np.maximum(gap - 1, 0)
        moved = data.law.motion.variance_over(experiment, 0, np.maximum(late, 1))
        result: Float64Array = beyond / np.sqrt(variance + np.where(late > 0, 2 * moved, 0.0))
        return result

    def likelihood(
        self, source: Int64Array, target: Int64Array, is_division: BoolArray
    ) -> Float64Array:
        """Logarithm of how likely a link from row to row is, 0 for one that fits exactly."""
        misfit = self.data.law.misfit(source, target)
        if is_division.any():
            misfit[is_division] = (
                self.division_misfit(source[is_division], target[is_division]) ** 2
            )
        n_free = np.where(is_division, 1, self.data.n_axes[self.data.experiment[source]])
        # Heavier tails than a normal law's: real cells do make odd steps.
        result: Float64Array = -(_NU + n_free) / 2 * np.log1p(misfit / _NU)
        return result


def _division_law(
    data: TrackData, mother: Int64Array, daughter: Int64Array, gap: Int64Array
) -> tuple[Float64Array, Float64Array]:
    """Usual distance and spread of every FOV's experiment, in px."""
    size = data.cell_px
    usual, spread = _USUAL_SHARE_OF_CELL * size, _SPREAD_SHARE * size
    soon = gap == 1
    away = distance(data, mother[soon], daughter[soon])
    experiment = data.experiment[mother[soon]]
    middle, n = group_median(away, experiment, data.n_experiments)
    off, _ = group_median(np.abs(away - middle[experiment]), experiment, data.n_experiments)
    of_fov = data.fov_experiment
    known = (n / (n + _PRIOR_DIVISIONS))[of_fov]
    result = known * middle[of_fov] + (1 - known) * usual
    found = known * _NORMAL_MAD * off[of_fov] + (1 - known) * spread
    return result, np.maximum(found, np.maximum(0.15 * result, _LEAST_SPREAD_PX))
