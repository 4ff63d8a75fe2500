"""The share of wrong pairs that a judged sample allows: exact one-sided bounds.

Clopper and Pearson, Biometrika 26 (1934): the largest share at which so few wrong ones among n
independent draws would still have a chance of 1 - confidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array

CONFIDENCE = 0.95
LIMITS = (0.05, 0.02, 0.01)
"""Shares of wrong pairs that are asked for: the first by the gate, unless it is told another."""


def upper_bound(judged: int, wrong: int, confidence: float = CONFIDENCE) -> float:
    """Give the largest share of wrong pairs that `wrong` among `judged` do not contradict.

    Parameters
    ----------
    judged : int
        Independent draws; 1.0 is given for none.
    wrong : int
        How many of them were not right.
    confidence : float
        How often, at least, the bound is above the true share.

    Examples
    --------
    >>> from lineage_triplets.qc import upper_bound
    >>> round(upper_bound(59, 0), 4)
    0.0495
    """
    _require(judged, wrong)
    return float(upper_bounds(np.array([judged]), np.array([wrong]), confidence)[0])


def upper_bounds(
    judged: Int64Array, wrong: Int64Array, confidence: float = CONFIDENCE
) -> Float64Array:
    """Give `upper_bound` of many samples at once."""
    right = np.maximum(judged - wrong, 1)
    bounds = betaincinv(wrong + 1.0, right, confidence)
    whole: Float64Array = np.where(wrong >= judged, 1.0, bounds)
    return whole


def more_needed(judged: int, wrong: int, limit: float, confidence: float = CONFIDENCE) -> int:
    """Give how many more pairs, none of them wrong, bring the bound down to `limit`.

    Raises
    ------
    ConfigError
        `limit` is not between 0 and 1.
    """
    _require(judged, wrong)
    if not 0 < limit < 1:
        raise ConfigError(
            Problem("bad-value", f"a share of {limit} is asked for.", "Ask for one within 0 and 1.")
        )
    low, high = judged, max(2 * judged, 64)
    while upper_bound(high, wrong, confidence) > limit:
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if upper_bound(middle, wrong, confidence) > limit:
            low = middle + 1
        else:
            high = middle
    return low - judged


def allowed_wrong(n: int, limit: float, confidence: float = CONFIDENCE) -> int:
    """Give how many of `n` pairs may be wrong with the bound still within `limit`; -1 if none may.

    Where even 0 wrong ones give a higher bound, the sample is too small for the limit.
    """
    wrong = np.arange(n + 1)
    fits = upper_bounds(np.full(n + 1, n), wrong, confidence) <= limit
    return int(np.count_nonzero(fits)) - 1


def _require(judged: int, wrong: int) -> None:
    if not 0 <= wrong <= judged:
        raise ConfigError(
            Problem("bad-value", f"{wrong} of {judged} pairs cannot be wrong.", "Count them again.")
        )
