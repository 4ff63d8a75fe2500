"""Which observations may be the positive of an anchor, how likely each is, and the draw.

Rows are sorted by (lineage, frame, preorder number of the track): the observations of a lineage at
a frame are one range of that order, those on the anchor's own track or below it a range within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.pairs.randomness import uniform

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array, UInt64Array
    from lineage_triplets.engine.pairs.forest import Forest
    from lineage_triplets.engine.settings.model import PositiveRelation, TauFallback
    from lineage_triplets.engine.settings.tau import TauLaw


_TAU, _FALLBACK, _CHOICE = 0, 1, 2
_ENTRY_BITS = np.int64(31)


@dataclass(frozen=True)
class PositiveLookup:
    """The observations by lineage and frame.

    Attributes
    ----------
    order : ndarray of int64, shape (rows,)
        Rows by (lineage, frame, preorder number).
    slot : ndarray of int64, shape (rows,)
        Number of each row's (lineage, frame); one frame later is one slot further.
    last_slot : ndarray of int64, shape (rows,)
        The last slot of the row's lineage.
    slot_start : ndarray of int64, shape (slots + 1,)
        Where a slot's rows begin in `order`.
    entry_key : ndarray of int64 or None, shape (rows,)
        Slot and preorder number in one sorted number; None where any kin counts.
    first_entry, end_entry : ndarray of int64 or None, shape (rows,)
        Preorder numbers that count for each row.
    """

    order: Int64Array
    slot: Int64Array
    last_slot: Int64Array
    slot_start: Int64Array
    entry_key: Int64Array | None
    first_entry: Int64Array | None
    end_entry: Int64Array | None

    @classmethod
    def build(
        cls, track: Int64Array, t: Int64Array, forest: Forest, relation: PositiveRelation
    ) -> PositiveLookup:
        """Build from each row's track and frame; no two rows share both."""
        lineage = forest.lineage[track]
        n_lineages = forest.n_lineages
        first_t = np.full(n_lineages, np.iinfo(np.int64).max)
        last_t = np.full(n_lineages, -1, dtype=np.int64)
        np.minimum.at(first_t, lineage, t)
        np.maximum.at(last_t, lineage, t)
        span = np.maximum(last_t - first_t + 1, 0)
        span[last_t < 0] = 0
        lineage_start = np.cumsum(span) - span
        slot = lineage_start[lineage] + t - first_t[lineage]
        last_slot = (lineage_start + span - 1)[lineage]
        n_slots = int(span.sum())
        entry = forest.enter[track]
        key = (slot << _ENTRY_BITS) | entry
        order = np.argsort(key, kind="stable")
        slot_start = np.zeros(n_slots + 1, dtype=np.int64)
        np.cumsum(np.bincount(slot, minlength=n_slots), out=slot_start[1:])
        if relation == "lineage":
            return cls(order, slot, last_slot, slot_start, None, None, None)
        end = entry + 1 if relation == "same_track" else forest.leave[track]
        return cls(order, slot, last_slot, slot_start, key[order], entry, end)

    def candidates(self, rows: Int64Array, tau: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Give the ranges ``[low, high)`` of `order` that may be positives `tau` frames later."""
        slot = self.slot[rows] + tau
        beyond = slot > self.last_slot[rows]
        slot[beyond] = 0
        if self.entry_key is None or self.first_entry is None or self.end_entry is None:
            low, high = self.slot_start[slot], self.slot_start[slot + 1]
        else:
            base = slot << _ENTRY_BITS
            low = np.searchsorted(self.entry_key, base | self.first_entry[rows])
            high = np.searchsorted(self.entry_key, base + self.end_entry[rows])
        high[beyond] = low[beyond]
        return low, high

    def have_positive(self, first_tau: Int64Array, last_tau: Int64Array) -> BoolArray:
        """Whether each row has a positive at some tau from `first_tau` to `last_tau`.

        Parameters
        ----------
        first_tau, last_tau : ndarray of int64, shape (rows,)
            Effective range of each row; ``last_tau < first_tau`` admits none.
        """
        first = self.slot + first_tau
        last = np.minimum(self.slot + last_tau, self.last_slot)
        possible = last >= first
        n_slots = len(self.slot_start) - 1
        first = np.minimum(first, n_slots)
        in_range = self.slot_start[np.where(possible, last + 1, first)] > self.slot_start[first]
        found: BoolArray = possible & in_range
        if self.entry_key is None:
            return found
        pending = np.flatnonzero(found)
        found[:] = False
        tau = first_tau[pending].copy()
        while len(pending):
            low, high = self.candidates(pending, tau)
            hit = high > low
            found[pending[hit]] = True
            tau += 1
            keep = ~hit & (tau <= last_tau[pending])
            keep &= self.slot[pending] + tau <= self.last_slot[pending]
            pending, tau = pending[keep], tau[keep]
        return found

    def draw(
        self,
        rows: Int64Array,
        experiment: Int64Array,
        stream: UInt64Array,
        law: TauLaw,
        fallback: TauFallback,
    ) -> tuple[Int64Array, Int64Array]:
        """Draw a positive for each row.

        Parameters
        ----------
        rows : ndarray of int64, shape (B,)
        experiment : ndarray of int64, shape (B,)
            Number of each row's experiment, for the law.
        stream : ndarray of uint64, shape (B,)
            One random stream a row.
        law : TauLaw
        fallback : {"scan", "renormalize"}
            Where nobody is there at the drawn tau: the smallest tau with somebody, or a new draw
            among the taus with somebody, by their weights.

        Returns
        -------
        positive : ndarray of int64, shape (B,)
            Rows; -1 where an anchor has no positive at any tau.
        tau : ndarray of int64, shape (B,)
            Frames; 0 where there is no positive.
        """
        has_tau = law.first[experiment] <= law.last[experiment]
        if not has_tau.all():
            positive, tau = np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.int64)
            positive[has_tau], tau[has_tau] = self.draw(
                rows[has_tau], experiment[has_tau], stream[has_tau], law, fallback
            )
            return positive, tau
        tau = law.draw(experiment, uniform(stream, _TAU))
        low, high = self.candidates(rows, tau)
        n_candidates = high - low
        if not n_candidates.all():
            missing = np.flatnonzero(n_candidates == 0)
            if fallback == "scan":
                tau[missing] = self.first_tau(rows[missing], experiment[missing], law)
            else:
                number = uniform(stream[missing], _FALLBACK)
                tau[missing] = self._redraw(rows[missing], experiment[missing], number, law)
            low[missing], high[missing] = self.candidates(rows[missing], tau[missing])
            n_candidates = high - low
            n_candidates[missing[tau[missing] == 0]] = 0
        choice = low + (uniform(stream, _CHOICE) * n_candidates).astype(np.int64)
        nobody = n_candidates == 0
        if nobody.any():
            choice[nobody] = 0
            return np.where(nobody, -1, self.order[choice]), np.where(nobody, 0, tau)
        return self.order[choice], tau

    def first_tau(self, rows: Int64Array, experiment: Int64Array, law: TauLaw) -> Int64Array:
        """Smallest tau with somebody there, of each row; 0 where there is none."""
        found = np.zeros(len(rows), dtype=np.int64)
        pending = np.arange(len(rows))
        tau = law.first[experiment].copy()
        while len(pending):
            low, high = self.candidates(rows[pending], tau[pending])
            hit = high > low
            found[pending[hit]] = tau[pending[hit]]
            pending = pending[~hit]
            tau[pending] += 1
            pending = pending[tau[pending] <= law.last[experiment[pending]]]
        return found

    def _redraw(
        self,
        rows: Int64Array,
        experiment: Int64Array,
        number: Float64Array,
        law: TauLaw,
    ) -> Int64Array:
        """One tau among those with somebody there, by their weights; 0 where there is none."""
        tau, log_weight, n_candidates = self.at_every_tau(rows, experiment, law)
        cumulative = np.cumsum(_weights_left(log_weight, n_candidates > 0), axis=1)
        chosen = np.argmax(cumulative > number[:, None] * cumulative[:, -1:], axis=1)
        return np.where(cumulative[:, -1] > 0, tau[np.arange(len(rows)), chosen], 0)

    def at_every_tau(
        self, rows: Int64Array, experiment: Int64Array, law: TauLaw
    ) -> tuple[Int64Array, Float64Array, Int64Array]:
        """Look at every tau of some rows; experiments with fewer taus end in ones without weight.

        Parameters
        ----------
        rows : ndarray of int64, shape (B,)
        experiment : ndarray of int64, shape (B,) or (1,)
            Number of each row's experiment, or of all.
        law : TauLaw

        Returns
        -------
        tau : ndarray of int64, shape (B, taus)
        log_weight : ndarray of float64, shape (B, taus) or (1, taus)
            Logarithms of the law's weights.
        n_candidates : ndarray of int64, shape (B, taus)
            How many positives there are.
        """
        n_taus = law.start[experiment + 1] - law.start[experiment]
        offset = np.arange(int(n_taus.max(initial=0)))
        inside = offset < n_taus[:, None]
        place = np.where(inside, law.start[experiment][:, None] + offset, 0)
        tau = np.broadcast_to(law.tau[place], (len(rows), len(offset)))
        low, high = self.candidates(np.repeat(rows, len(offset)), tau.ravel())
        n_candidates = np.where(inside, (high - low).reshape(tau.shape), 0)
        return tau, np.where(inside, law.log_weight[place], -np.inf), n_candidates


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
    tau, log_weight, n_candidates = lookup.at_every_tau(rows, np.array([experiment]), law)
    there = n_candidates > 0
    place = slice(int(law.start[experiment]), int(law.start[experiment + 1]))
    weight = np.exp(law.log_weight[place])
    chance = weight / weight.sum() if len(weight) else weight
    direct = np.where(there, chance, 0.0)
    if fallback == "scan":
        first = lookup.first_tau(rows, np.full(len(rows), experiment), law)
        fallen = (tau == first[:, None]).astype(np.float64)
    else:
        fallen = _weights_left(log_weight, there)
    total = fallen.sum(axis=1, keepdims=True)
    share = np.divide(fallen, total, out=np.zeros_like(fallen), where=total > 0)
    drawn = direct + (1 - direct.sum(axis=1, keepdims=True)) * share
    return TauChances(law.tau[place], chance, n_candidates, drawn)


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


def _weights_left(log_weight: Float64Array, there: BoolArray) -> Float64Array:
    """Weights of the taus with somebody there, up to a factor for each row; 0 of the others."""
    log_weight = np.where(there, log_weight, -np.inf)
    # Relative to the likeliest one there is: all may be too unlikely for a float.
    likeliest = np.where(there.any(axis=1), log_weight.max(axis=1, initial=-np.inf), 0.0)
    weights: Float64Array = np.exp(log_weight - likeliest[:, None])
    return weights
