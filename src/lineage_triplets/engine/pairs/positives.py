"""Which observations may be the positive of an anchor, and the draw. Pure arrays.

Rows are sorted by (lineage, frame, preorder number of the track): the observations of a lineage at
a frame are one range of that order, those on the anchor's own track or below it a range within.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.pairs.randomness import UInt64Array, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.pairs.forest import Forest
    from lineage_triplets.engine.pairs.tau import TauLaw
    from lineage_triplets.engine.settings.model import PositiveRelation, TauFallback

    Int64Array = NDArray[np.int64]

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

    def have_positive(self, first_tau: Int64Array, last_tau: Int64Array) -> NDArray[np.bool_]:
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
        found: NDArray[np.bool_] = possible & in_range
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
                tau[missing] = self._scan(rows[missing], experiment[missing], law)
            else:
                tau[missing] = self._redraw(
                    rows[missing], experiment[missing], uniform(stream[missing], _FALLBACK), law
                )
            low[missing], high[missing] = self.candidates(rows[missing], tau[missing])
            n_candidates = high - low
            n_candidates[missing[tau[missing] == 0]] = 0
        choice = low + (uniform(stream, _CHOICE) * n_candidates).astype(np.int64)
        nobody = n_candidates == 0
        if nobody.any():
            choice[nobody] = 0
            return np.where(nobody, -1, self.order[choice]), np.where(nobody, 0, tau)
        return self.order[choice], tau

    def _scan(self, rows: Int64Array, experiment: Int64Array, law: TauLaw) -> Int64Array:
        """Smallest tau with somebody there; 0 where there is none."""
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
        number: NDArray[np.float64],
        law: TauLaw,
    ) -> Int64Array:
        """One tau among those with somebody there, by their weights; 0 where there is none."""
        n_taus = law.start[experiment + 1] - law.start[experiment]
        offset = np.arange(int(n_taus.max(initial=0)))
        inside = offset < n_taus[:, None]
        place = np.where(inside, law.start[experiment][:, None] + offset, 0)
        taus = law.tau[place]
        low, high = self.candidates(np.repeat(rows, len(offset)), taus.ravel())
        exists = (high > low).reshape(taus.shape) & inside
        # Relative to the likeliest one there is: all may be too unlikely for a float.
        log_weight = np.where(exists, law.log_weight[place], -np.inf)
        likeliest = np.where(exists.any(axis=1), log_weight.max(axis=1), 0.0)
        cumulative = np.cumsum(np.exp(log_weight - likeliest[:, None]), axis=1)
        chosen = np.argmax(cumulative > number[:, None] * cumulative[:, -1:], axis=1)
        tau = taus[np.arange(len(rows)), chosen]
        return np.where(exists.any(axis=1), tau, 0)
