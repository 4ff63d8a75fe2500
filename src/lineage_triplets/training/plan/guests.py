"""Anchors from outside a batch's group, beside those of the group itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.training.plan.epoch import EpochPlan

# Batches before and after one, whose chunks are still, or soon, in memory.
_NEIGHBOURS = 16


def draw_guests(
    plan: EpochPlan, number: int, n_guests: int, rng: np.random.Generator, *, near: bool
) -> Int64Array:
    """Draw anchors of a rank's batches of other groups, each at most once.

    Parameters
    ----------
    plan : EpochPlan
    number : int
        The batch that they come into.
    n_guests : int
    rng : numpy.random.Generator
    near : bool
        Take them from the batches around it if these have enough.
    """
    low, high = (number - _NEIGHBOURS, number + _NEIGHBOURS) if near else (0, len(plan))
    while True:
        around = np.arange(max(0, low), min(len(plan), high))
        others = around[plan.group[around] != plan.group[number]]
        candidates = [plan.batch(other) for other in others.tolist()]
        found = np.unique(np.concatenate(candidates)) if candidates else np.empty(0, np.int64)
        if len(found) >= n_guests or len(around) == len(plan):
            return np.asarray(rng.permutation(found)[:n_guests])
        low, high = 2 * low - number, 2 * high - number
