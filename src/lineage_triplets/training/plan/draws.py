"""Which anchors an epoch draws: each once, or more and less often by weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array


def draws_of_groups(group: Int64Array, n_groups: int, weight: Float64Array | None) -> Int64Array:
    """Count the draws of each group in an epoch, as many in all as there are anchors.

    Parameters
    ----------
    group : ndarray of int64, shape (anchors,)
    n_groups : int
    weight : ndarray of float64, shape (anchors,), optional
        Each group gets its share of the weight, rounded by largest remainders.
    """
    if weight is None:
        return np.asarray(np.bincount(group, minlength=n_groups))
    share = np.bincount(group, weights=weight, minlength=n_groups)
    wanted = share / share.sum() * len(group)
    whole: Int64Array = np.floor(wanted).astype(np.int64)
    most = np.argsort(-(wanted - whole), kind="stable")[: len(group) - int(whole.sum())]
    whole[most] += 1
    return whole


def draw_weighted(weight: Float64Array, n_draws: int, rng: np.random.Generator) -> Int64Array:
    """Draw anchors in proportion to their weights, each as often as expected, rounded up or down.

    Parameters
    ----------
    weight : ndarray of float64, shape (anchors,)
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int64, shape (n_draws,)
        Anchors, the same ones in a row.
    """
    if n_draws == 0:
        return np.empty(0, dtype=np.int64)
    shuffled = rng.permutation(len(weight))
    reached = np.cumsum(weight[shuffled])
    marks = (np.arange(n_draws) + rng.random()) * (reached[-1] / n_draws)
    place = np.searchsorted(reached, marks, side="right")
    # Rounding may put the last mark behind the last weight.
    last = np.flatnonzero(weight[shuffled])[-1]
    return np.asarray(shuffled[np.minimum(place, last)])
