"""How cells move from frame to frame, and how far a step lies from what its track foretells.

A cell's step is foretold from the two steps before and the two after, by the experiment's own
covariances of steps: cells that keep their direction, and centres that jitter, both are in these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

LAGS = 4
REACH = 2
_CLIP_SIGMAS = 3.0
_LEAST_SIGMA_PX = 0.3
_LEAST_UNFORETOLD_SHARE = 0.1
_MEDIAN_OF_SQUARE_1D = 0.4549


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
    covariance : ndarray of float64, shape (experiments, axes, LAGS + 1)
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
        follows: NDArray[np.bool_],
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
        covariance = np.zeros((n_experiments, n_axes, LAGS + 1))
        limit = np.zeros((n_experiments, n_axes))
        for number in range(n_experiments):
            own = experiment == number
            # Steps of one experiment are one range, since rows are sorted by FOV.
            steps, chained = (step, follows) if own.all() else (step[:, own], follows[own])
            # Both axes of the plane share one law; depth has its own.
            for axes in ([0, 1], [2])[: n_axes - 1]:
                values = steps[axes]
                limit[number, axes] = _clip_limit(values)
                covariance[number, axes] = _covariances(
                    np.clip(values, -limit[number, axes[0]], limit[number, axes[0]]), chained
                )
        weights, variance = _predictors(covariance)
        return cls(weights, variance, covariance, limit)

    def variance_over(self, experiment: Int64Array, axis: int, gap: Int64Array) -> Float64Array:
        """Variance of the way over several frames, in px²."""
        known = self.covariance[experiment, axis]
        total = gap * known[:, 0]
        for lag in range(1, LAGS + 1):
            total += 2 * np.maximum(gap - lag, 0) * np.maximum(known[:, lag], 0.0)
        result: Float64Array = np.maximum(total, known[:, 0])
        return result


def _clip_limit(values: Float64Array) -> float:
    if values.size == 0:
        return _CLIP_SIGMAS * _LEAST_SIGMA_PX
    sigma = float(np.sqrt(np.median(values**2) / _MEDIAN_OF_SQUARE_1D))
    return _CLIP_SIGMAS * max(sigma, _LEAST_SIGMA_PX)


def _covariances(values: Float64Array, follows: NDArray[np.bool_]) -> Float64Array:
    n = values.shape[1]
    result = np.zeros(LAGS + 1)
    result[0] = max(float((values**2).mean()) if n else 0.0, _LEAST_SIGMA_PX**2)
    linked = np.ones(n, dtype=bool)
    for lag in range(1, min(LAGS, n - 1) + 1):
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
