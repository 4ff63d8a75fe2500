"""How cells move from frame to frame, and how far a step lies from what its track foretells.

A cell's step is foretold from the two steps before and the two after, by the experiment's own
covariances of steps: cells that keep their direction, and centres that jitter, both are in these.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.groups import group_median

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.rows import TrackRows


_LAGS = 4
REACH = 2
_CLIP_SIGMAS = 3.0
_LEAST_SIGMA_PX = 0.3
_LEAST_STEP_PX = 1e-3
_LEAST_UNFORETOLD_SHARE = 0.1
_MEDIAN_OF_SQUARE_1D = 0.4549
# Medians of the length of a normal vector of unit variance, by the number of axes.
_MEDIAN_LENGTH = np.array([np.nan, 0.6745, 1.1774, 1.5382])
_TRACK_PRIOR_STEPS, _FOV_PRIOR_STEPS = 8.0, 20.0
_FACTOR_BOUNDS = (0.6, 4.0)


@dataclass(frozen=True, eq=False)
class MotionModel:
    """Second-order statistics of the steps of every experiment.

    Attributes
    ----------
    weights : ndarray of float64, shape (experiments, axes, REACH + 1, REACH + 1, 2 * REACH)
        By how many steps are known before and after: weights of the steps 2 and 1 before, and 1
        and 2 after.
    variance : ndarray of float64, shape (experiments, axes, REACH + 1, REACH + 1)
        Of a step about what is foretold, in px².
    covariance : ndarray of float64, shape (experiments, axes, _LAGS + 1)
        Of steps that many frames apart.
    limit : ndarray of float64, shape (experiments, axes)
        Steps beyond it count as so long, in px.
    """

    weights: Float64Array
    variance: Float64Array
    covariance: Float64Array
    limit: Float64Array

    @classmethod
    def fit(
        cls,
        step: Float64Array,
        follows: BoolArray,
        experiment: Int64Array,
        n_experiments: int,
    ) -> MotionModel:
        """Fit to all steps.

        Parameters
        ----------
        step : ndarray of float64, shape (axes, steps)
            From frame to frame, by track.
        follows : ndarray of bool, shape (steps,)
            Whether a step starts where and when the one before it in the array ends.
        experiment : ndarray of int64, shape (steps,)
        n_experiments : int
        """
        n_axes = len(step)
        covariance = np.zeros((n_experiments, n_axes, _LAGS + 1))
        limit = np.zeros((n_experiments, n_axes))
        for number in range(n_experiments):
            own = experiment == number
            # Steps of one experiment are one range, since rows are sorted by FOV.
            steps, chained = (step, follows) if own.all() else (step[:, own], follows[own])
            # Both axes of the plane share one law; depth has its own.
            for axes in ([0, 1], [2])[: n_axes - 1]:
                values = steps[axes]
                limit[number, axes] = _clip_limit(values, is_depth=axes == [2])
                covariance[number, axes] = _covariances(
                    np.clip(values, -limit[number, axes[0]], limit[number, axes[0]]), chained
                )
        weights, variance = _predictors(covariance)
        return cls(weights, variance, covariance, limit)

    def variance_over(self, experiment: Int64Array, axis: int, gap: Int64Array) -> Float64Array:
        """Variance of the way over several frames, in px²."""
        known = self.covariance[experiment, axis]
        total = gap * known[:, 0]
        for lag in range(1, _LAGS + 1):
            total += 2 * np.maximum(gap - lag, 0) * np.maximum(known[:, lag], 0.0)
        result: Float64Array = np.maximum(total, known[:, 0])
        return result


def _clip_limit(values: Float64Array, *, is_depth: bool) -> float:
    if values.size == 0:
        return _CLIP_SIGMAS * _LEAST_SIGMA_PX
    sigma = float(np.sqrt(np.median(values**2) / _MEDIAN_OF_SQUARE_1D))
    if is_depth:
        # In whole slices most steps are 0, and what cells move is in the share that is not.
        size = np.abs(values[np.abs(values) > _LEAST_STEP_PX])
        if len(size):
            share = len(size) / values.size
            sigma = max(sigma, float(np.sqrt(share) * np.median(size)))
    return _CLIP_SIGMAS * max(sigma, _LEAST_SIGMA_PX)


def _covariances(values: Float64Array, follows: BoolArray) -> Float64Array:
    n = values.shape[1]
    result = np.zeros(_LAGS + 1)
    result[0] = max(float((values**2).mean()) if n else 0.0, _LEAST_SIGMA_PX**2)
    linked = np.ones(n, dtype=bool)
    for lag in range(1, min(_LAGS, n - 1) + 1):
        # Steps i - lag and i are of one run where every step between follows its own before.
        linked = linked[1:] & follows[lag:] if lag > 1 else follows[1:].copy()
        pairs = np.flatnonzero(linked)
        if len(pairs):
            result[lag] = float((values[:, pairs] * values[:, pairs + lag]).mean())
            # Few pairs say little.
            result[lag] *= len(pairs) / (len(pairs) + 20)
    return result


def _predictors(covariance: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Least-squares weights for every number of known steps before and after."""
    n_experiments, n_axes, _ = covariance.shape
    patterns = (REACH + 1, REACH + 1)
    weights = np.zeros((n_experiments, n_axes, *patterns, 2 * REACH))
    variance = np.zeros((n_experiments, n_axes, *patterns))
    offsets = np.array([-2, -1, 1, 2])
    for number, axis in np.ndindex(n_experiments, n_axes):
        lagged = covariance[number, axis]
        for before, after in np.ndindex(patterns):
            known = np.flatnonzero((offsets >= -before) & (offsets <= after))
            at = offsets[known]
            among = lagged[np.abs(at[:, None] - at[None])] + 0.02 * lagged[0] * np.eye(len(at))
            with_it = lagged[np.abs(at)]
            chosen = np.linalg.solve(among, with_it) if len(at) else np.zeros(0)
            left = lagged[0] - float(chosen @ with_it)
            least = _LEAST_UNFORETOLD_SHARE * lagged[0]
            weights[number, axis, before, after, known] = chosen
            variance[number, axis, before, after] = max(left, least, _LEAST_SIGMA_PX**2)
    return weights, variance


@dataclass(frozen=True, eq=False)
class StepLaw:
    """What is usual for the steps of each cell.

    Attributes
    ----------
    rows : TrackRows
    motion : MotionModel
    into : ndarray of float64, shape (axes, rows)
        Step into each row from the frame before it, no longer than the model's limit; 0 where
        there is none.
    before, after : ndarray of int64, shape (rows,)
        How many steps from frame to frame lead to a row, and from it, up to `REACH`.
    scale : ndarray of float64, shape (tracks,)
        How much a track's steps stray, relative to its experiment's.
    """

    rows: TrackRows
    motion: MotionModel
    into: Float64Array
    before: Int64Array
    after: Int64Array
    scale: Float64Array

    @classmethod
    def of_rows(cls, rows: TrackRows) -> StepLaw:
        """Fit motion to all steps, then scales to all tracks."""
        n_rows, n_tracks = len(rows.t), len(rows.parent)
        follows = np.zeros(n_rows, dtype=bool)
        follows[1:] = (rows.track[1:] == rows.track[:-1]) & (rows.t[1:] == rows.t[:-1] + 1)
        steps = np.flatnonzero(follows)
        step = rows.still[:, steps] - rows.still[:, steps - 1]
        chained = np.zeros(len(steps), dtype=bool)
        chained[1:] = (steps[1:] == steps[:-1] + 1) & follows[steps[:-1]]
        experiment = rows.experiment[steps]
        motion = MotionModel.fit(step, chained, experiment, rows.n_experiments)
        into = np.zeros_like(rows.still)
        into[:, steps] = _shortened(step, motion.limit[experiment].T, rows.track[steps], n_tracks)
        before = follows.astype(np.int64)
        before[1:] += follows[1:] & follows[:-1]
        after = np.zeros(n_rows, dtype=np.int64)
        after[:-1] = follows[1:]
        after[:-2] += follows[1:-1] & follows[2:]
        plain = cls(rows, motion, into, before, after, np.ones(n_tracks))
        usual = _MEDIAN_LENGTH[rows.n_axes[experiment]]
        length = np.sqrt(plain.misfit(steps - 1, steps)) / usual
        return replace(plain, scale=_track_scales(rows, length, rows.track[steps]))

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
            of = (self.rows.experiment[source] * n_axes + axis) * (REACH + 1) ** 2 + law
            for number, at in enumerate(known if look_ahead else known[:REACH]):
                result[axis] += weights[of, number] * self.into[axis, at]
        return result

    def misfit(self, source: Int64Array, target: Int64Array) -> Float64Array:
        """Squared distance of row `target` from where row `source` should go, in variances.

        For normal steps it is chi-squared with as many degrees of freedom as there are axes.
        """
        rows = self.rows
        gap = rows.t[target] - rows.t[source]
        expected = self.foretold(source, target) * gap
        law = self._law(source, target, True)
        experiment = rows.experiment[source]
        n_axes = len(rows.still)
        variances = self.motion.variance.reshape(-1)
        several = np.flatnonzero(gap > 1)
        result = np.zeros(len(source))
        for axis in range(n_axes):
            away = rows.still[axis, target] - rows.still[axis, source] - expected[axis]
            variance = variances[(experiment * n_axes + axis) * (REACH + 1) ** 2 + law]
            if len(several):
                variance[several] = self.motion.variance_over(
                    experiment[several], axis, gap[several]
                )
            result += away**2 / variance
        scale = self.scale[rows.track[source]] * self.scale[rows.track[target]]
        result /= scale
        return result

    def sigma_px(self, row: Int64Array) -> Float64Array:
        """Standard deviation of a step from a row, along an axis of the plane."""
        rows = self.rows
        known = self.motion.covariance[rows.experiment[row], 0, 0]
        sigma: Float64Array = np.sqrt(known) * self.scale[rows.track[row]]
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


def _track_scales(rows: TrackRows, length: Float64Array, track: Int64Array) -> Float64Array:
    """Robust spread of each track, drawn towards its FOV's, and that towards 1."""
    of_track, n = group_median(length, track, len(rows.parent))
    of_fov, n_fov = group_median(length, rows.track_fov[track], len(rows.sources))
    fov_square = (n_fov * of_fov**2 + _FOV_PRIOR_STEPS) / (n_fov + _FOV_PRIOR_STEPS)
    usual = fov_square[rows.track_fov]
    square = (n * of_track**2 + _TRACK_PRIOR_STEPS * usual) / (n + _TRACK_PRIOR_STEPS)
    low, high = _FACTOR_BOUNDS
    scale: Float64Array = np.clip(np.sqrt(square), low * np.sqrt(usual), high * np.sqrt(usual))
    return scale
