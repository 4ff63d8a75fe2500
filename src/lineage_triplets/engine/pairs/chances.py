"""How likely a draw is: every tau of an anchor, after the fallback, and every positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.pairs.positives import PositiveLookup
    from lineage_triplets.engine.pairs.tau import TauLaw
    from lineage_triplets.engine.settings.model import TauFallback

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class TauChances:
    """What can be drawn for some anchors of one experiment.

    Attributes
    ----------
    tau : ndarray of int64, shape (taus,)
        The experiment's taus, in frames.
    law : ndarray of float64, shape (taus,)
        Probability of each, were somebody always there.
    n_candidates : ndarray of int64, shape (anchors, taus)
        How many positives each anchor has at each tau.
    drawn : ndarray of float64, shape (anchors, taus)
        Probability of each tau after the fallback; all 0 for an anchor without any positive.
    """

    tau: Int64Array
    law: Float64Array
    n_candidates: Int64Array
    drawn: Float64Array


def tau_chances(
    lookup: PositiveLookup,
    law: TauLaw,
    fallback: TauFallback,
    experiment: int,
    rows: Int64Array,
) -> TauChances:
    """Work out what is drawn for some rows of one experiment, exactly.

    Parameters
    ----------
    lookup : PositiveLookup
    law : TauLaw
    fallback : {"scan", "renormalize"}
    experiment : int
        Number of the rows' experiment.
    rows : ndarray of int64, shape (anchors,)
    """
    place = slice(int(law.start[experiment]), int(law.start[experiment + 1]))
    tau = law.tau[place]
    weight = np.exp(law.log_weight[place])
    chance = weight / weight.sum() if len(tau) else weight
    low, high = lookup.candidates(np.repeat(rows, len(tau)), np.tile(tau, len(rows)))
    n_candidates = (high - low).reshape(len(rows), len(tau))
    there = n_candidates > 0
    direct = np.where(there, chance, 0.0)
    hit = direct.sum(axis=1)
    if not len(tau):
        drawn = direct
    elif fallback == "scan":
        drawn = direct.copy()
        some = np.flatnonzero(there.any(axis=1))
        drawn[some, there[some].argmax(axis=1)] += 1 - hit[some]
    else:
        # All that is there may be too unlikely for a float beside what is not.
        log_weight = np.where(there, law.log_weight[place], -np.inf)
        top = np.where(there.any(axis=1), log_weight.max(axis=1, initial=-np.inf), 0.0)
        relative = np.exp(log_weight - top[:, None])
        total = relative.sum(axis=1, keepdims=True)
        drawn = np.divide(relative, total, out=np.zeros_like(relative), where=total > 0)
    return TauChances(tau, chance, n_candidates, drawn)


def positive_chances(chances: TauChances, tau_frames: Int64Array) -> Float64Array:
    """Probability of one positive at a tau, for each anchor; 0 where there is none."""
    place = np.clip(np.searchsorted(chances.tau, tau_frames), 0, max(len(chances.tau) - 1, 0))
    anchor = np.arange(len(tau_frames))
    if not len(chances.tau):
        return np.zeros(len(tau_frames))
    n_candidates = chances.n_candidates[anchor, place]
    drawn = chances.drawn[anchor, place]
    known = (chances.tau[place] == tau_frames) & (n_candidates > 0)
    return np.where(known, drawn / np.maximum(n_candidates, 1), 0.0)
