"""How far a step lies from what its track foretells, in units of what is usual there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.group_statistics import group_median
from lineage_triplets.qc.find.track_data.motion import REACH, MotionModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

# Medians of the length of a normal vector of unit variance, by the number of axes.
MEDIAN_LENGTH = np.array([np.nan, 0.6745, 1.1774, 1.5382])
_TRACK_PRIOR_STEPS, _FOV_PRIOR_STEPS = 8.0, 20.0
_FACTOR_BOUNDS = (0.6, 4.0)


@dataclass(frozen=True, eq=False)
class StepLaw:
    """What is usual for the steps of each cell.

    Attributes
    ----------
    data : TrackData
    motion : MotionModel
    into : ndarray of float64, shape (axes, rows)
        Step into each row from the frame before it, no longer than the model's limit; 0 where
        there is none.
    before, after : ndarray of int64, shape (rows,)
        How many steps from frame to frame lead to a row, and from it, up to `REACH`.
    scale : ndarray of float64, shape (tracks,)
        How much a track's steps stray, relative to its experiment's.
    """

    data: TrackData
    motion: MotionModel
    into: Float64Array
    before: Int64Array
    after: Int64Array
    scale: Float64Array

    @classmethod
    def of_data(cls, data: TrackData) -> StepLaw:
        """Fit motion to all steps, then scales to all tracks."""
        n_rows, n_tracks = len(data.t), len(data.parent)
        follows = np.zeros(n_rows, dtype=bool)
        follows[1:] = (data.track[1:] == data.track[:-1]) & (data.t[1:] == data.t[:-1] + 1)
        steps = np.flatnonzero(follows)
        step = data.still[:, steps] - data.still[:, steps - 1]
        chained = np.zeros(len(steps), dtype=bool)
        chained[1:] = (steps[1:] == steps[:-1] + 1) & follows[steps[:-1]]
        experiment = data.experiment[steps]
        motion = MotionModel.fit(step, chained, experiment, data.n_experiments)
        into = np.zeros_like(data.still)
        into[:, steps] = _shortened(step, motion.limit[experiment].T, data.track[steps], n_tracks)
        before = follows.astype(np.int64)
        before[1:] += follows[1:] & follows[:-1]
        after = np.zeros(n_rows, dtype=np.int64)
        after[:-1] = follows[1:]
        after[:-2] += follows[1:-1] & follows[2:]
        plain = cls(data, motion, into, before, after, np.ones(n_tracks))
        usual = MEDIAN_LENGTH[data.n_axes[experiment]]
        length = np.sqrt(plain.misfit(steps - 1, steps)) / usual
        return replace(plain, scale=_track_scales(data, length, data.track[steps]))

    def foretold(
        self, source: Int64Array, target: Int64Array, *, look_ahead: bool = True
    ) -> Float64Array:
        """Step per frame from row `source` to row `target` that the steps around foretell, in px.

        With ``look_ahead=False`` from the steps before alone.
        """
        law = self._law(source, target, look_ahead)
        ahead = target + 1 if look_ahead else source
        last = len(self.before) - 1
        known = (
            np.maximum(source - 1, 0),
            source,
            np.minimum(ahead, last),
            np.minimum(ahead + 1, last),
        )
        result = np.zeros((len(self.into), len(source)))
        n_axes = len(self.into)
        weights = self.motion.weights.reshape(-1, 2 * REACH)
        for axis in range(n_axes):
            of = (self.data.experiment[source] * n_axes + axis) * (REACH + 1) ** 2 + law
            for number, rows in enumerate(known if look_ahead else known[:REACH]):
                result[axis] += weights[of, number] * self.into[axis, rows]
        return result

    def misfit(self, source: Int64Array, target: Int64Array) -> Float64Array:
        """Squared distance of row `target` from where row `source` should go, in variances.

        For normal steps it is chi-squared with as many degrees of freedom as there are axes.
        """
        data = self.data
        gap = data.t[target] - data.t[source]
        expected = self.foretold(source, target) * gap
        law = self._law(source, target, True)
        experiment = data.experiment[source]
        n_axes = len(data.still)
        variances = self.motion.variance.reshape(-1)
        several = np.flatnonzero(gap > 1)
        result = np.zeros(len(source))
        for axis in range(n_axes):
            away = data.still[axis, target] - data.still[axis, source] - expected[axis]
            variance = variances[(experiment * n_axes + axis) * (REACH + 1) ** 2 + law]
            if len(several):
                variance[several] = self.motion.variance_over(
                    experiment[several], axis, gap[several]
                )
            result += away**2 / variance
        scale = self.scale[data.track[source]] * self.scale[data.track[target]]
        result /= scale
        return result

    def sigma_px(self, row: Int64Array) -> Float64Array:
        """Standard deviation of a step from a row, along an axis of the plane."""
        data = self.data
        known = self.motion.covariance[data.experiment[row], 0, 0]
        sigma: Float64Array = np.sqrt(known) * self.scale[data.track[row]]
        return sigma

    def _law(self, source: Int64Array, target: Int64Array, look_ahead: bool) -> Int64Array:
        law = self.before[source] * (REACH + 1)
        return law + self.after[target] if look_ahead else law


def _shortened(
    step: Float64Array, limit: Float64Array, track: Int64Array, n_tracks: int
) -> Float64Array:
    """Steps cut to the limit, or to more of it in tracks that are fast throughout."""
    result = np.empty_like(step)
    for axis, values in enumerate(step):
        usual, _ = group_median(np.abs(values), track, n_tracks)
        # The median of |step| is two thirds of its standard deviation.
        own = np.maximum(limit[axis], 3.0 * usual[track] / 0.6745)
        result[axis] = np.clip(values, -own, own)
    return result


def _track_scales(data: TrackData, length: Float64Array, track: Int64Array) -> Float64Array:
    """Robust spread of each track, drawn towards its FOV's, and that towards 1."""
    of_track, n = group_median(length, track, len(data.parent))
    of_fov, n_fov = group_median(length, data.track_fov[track], len(data.sources))
    fov_square = (n_fov * of_fov**2 + _FOV_PRIOR_STEPS) / (n_fov + _FOV_PRIOR_STEPS)
    usual = fov_square[data.track_fov]
    square = (n * of_track**2 + _TRACK_PRIOR_STEPS * usual) / (n + _TRACK_PRIOR_STEPS)
    low, high = _FACTOR_BOUNDS
    scale: Float64Array = np.clip(np.sqrt(square), low * np.sqrt(usual), high * np.sqrt(usual))
    return scale
