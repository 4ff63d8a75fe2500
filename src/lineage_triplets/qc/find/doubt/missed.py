"""Divisions that a table lacks: tracks that begin beside a mother, and what makes them do so.

Why tracks begin is told for all of them together, by rounds: each is a daughter that was left out,
the rest of a track that ends, or a cell that comes from nowhere; how many of each kind there are,
and how daughters lie about their mothers, follows from that, and that from these again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.costs import Costs
from lineage_triplets.qc.find.doubt.scales import fit_division_law, student_scale_of

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells
    from lineage_triplets.qc.find.doubt.scales import DivisionLaw, Scales

_NEAR = 6
_ROUNDS = 10
_ENOUGH_DIVISIONS, _ENOUGH_JOINS = 8, 8.0
_MOST_WIDER = 4.0
_FIRST_SHARE = 0.5
_LEAST_LOG_SHARE = -6.2
_MOST_LOG_SHIFT, _MOST_LOG_SPREAD = 0.7, 0.7
_HOPELESS, _MOST_NATS = -12.0, 50.0
_LIKELY = 0.5


@dataclass(frozen=True, eq=False)
class MissedDivisions:
    """Divisions of which a table has one link or none, the likeliest first.

    Attributes
    ----------
    mother, one, other : ndarray of int64, shape (divisions,)
        Cells: the mother's last, and her daughters' first. `other` follows none in the table; `one`
        follows the mother, or none.
    probability : ndarray of float64, shape (divisions,)
        That `other` is a daughter that was left out, of this mother or of another one.
    costs : Costs
        By what was learnt of divisions, starts and ends.
    log_end : ndarray of float64, shape (cells,)
        Logarithm of the share of cells that end, in each one's zone.
    second_daughters : ndarray of float64, shape (links,)
        How much likelier than the link alone it is that its source divides, and that a track which
        begins beside the link's target is the other daughter.
    """

    mother: Int64Array
    one: Int64Array
    other: Int64Array
    probability: Float64Array
    costs: Costs
    log_end: Float64Array
    second_daughters: Float64Array

    @classmethod
    def of_cells(
        cls, cells: Cells, scales: Scales, zone: Int64Array | None = None
    ) -> MissedDivisions:
        """Find them.

        Parameters
        ----------
        cells : Cells
            Whose places are `isotropic`.
        scales : Scales
            Of these cells.
        zone : ndarray of int64, shape (cells,), optional
            Zones from 0, such as those along the border of the image, between which the shares of
            cells that come and go differ; one by default.
        """
        starts = _Starts.of_cells(cells, scales, zone)
        costs, gain, join, log_end = starts.explained()
        weight = np.exp(np.clip(gain, -_MOST_NATS, _MOST_NATS))
        second = np.zeros(len(cells.source))
        on = np.flatnonzero(starts.goes_on)
        np.add.at(second, cells.link_into[starts.one[on]], weight[on])
        as_daughter = starts.summed(weight)
        as_rest = np.bincount(
            starts.number[starts.rest], np.exp(np.clip(join, -_MOST_NATS, _MOST_NATS)),
            minlength=len(as_daughter),
        )  # fmt: skip
        probability = as_daughter / (1.0 + as_rest + as_daughter)
        of_candidate = probability[starts.number[starts.other]]
        pair = ~starts.goes_on
        of_candidate[pair] = np.minimum(
            of_candidate[pair], probability[starts.number[starts.one[pair]]]
        )
        chosen = _each_once(starts, gain, of_candidate)
        return cls(
            starts.mother[chosen], starts.one[chosen], starts.other[chosen], of_candidate[chosen],
            costs, log_end, second,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Starts:
    """Tracks that begin, and what may explain them.

    Attributes
    ----------
    cells : Cells
    scales : Scales
    number : ndarray of int64, shape (cells,)
        Of the starts; -1 for other cells.
    mother, one, other : ndarray of int64, shape (candidates,)
        Divisions that there may be.
    goes_on : ndarray of bool, shape (candidates,)
        Whether the mother goes on as `one`; else she ends, and `one` is a start as well.
    end, rest : ndarray of int64, shape (joins,)
        Cells that nothing follows, and starts that may be the same cell in the next frame.
    zone : ndarray of int64, shape (cells,)
    """

    cells: Cells
    scales: Scales
    number: Int64Array
    mother: Int64Array
    one: Int64Array
    other: Int64Array
    goes_on: BoolArray
    end: Int64Array
    rest: Int64Array
    zone: Int64Array

    @classmethod
    def of_cells(cls, cells: Cells, scales: Scales, zone: Int64Array | None) -> _Starts:
        start = np.flatnonzero(cells.is_start)
        number = np.full(len(cells.t), -1, dtype=np.int64)
        number[start] = np.arange(len(start))
        cell, begin = _cells_before(cells, scales, start, 1)
        earlier, late = _cells_before(cells, scales, start, 2)
        on = np.flatnonzero(cells.n_out[cell] == 1)
        after = cells.target[cells.link_from(cell[on])]
        # Over a gap the start may be the mother herself, in a frame that was left out.
        at_once = cells.t[after] == cells.t[begin[on]]
        on, after = on[at_once], after[at_once]
        end, rest = np.append(cell, earlier), np.append(begin, late)
        is_end = cells.is_end[end]
        end, rest = end[is_end], rest[is_end]
        mother, one, other = _pairs(end, rest)
        return cls(
            cells, scales, number,
            np.concatenate([cell[on], mother]),
            np.concatenate([after, one]),
            np.concatenate([begin[on], other]),
            np.arange(len(on) + len(mother)) < len(on),
            end, rest,
            np.zeros(len(cells.t), dtype=np.int64) if zone is None else zone,
        )  # fmt: skip

    def explained(self) -> tuple[Costs, Float64Array, Float64Array, Float64Array]:
        """Learn rates and the law of divisions.

        Returns
        -------
        costs : Costs
        gain : ndarray of float64, shape (candidates,)
            By how many nats each division is likelier than that its starts come from nowhere.
        join : ndarray of float64, shape (joins,)
            Likewise that a start is the rest of a track.
        log_end : ndarray of float64, shape (cells,)
        """
        # What a gap costs is counted apart: many tables have none to tell it by.
        scales = replace(self.scales, gap_cost=np.zeros(1))
        cells, on = self.cells, self.goes_on
        n_follow = max(int(cells.may_end.sum()), 1)
        own = _own_divisions(cells)
        # How many are missed is another share than how many there are: in most tables, hardly any.
        most = _FIRST_SHARE * int(cells.is_start.sum())
        broken = _log_share(min(most, float(cells.is_end.sum())), n_follow)
        first_law = replace(scales.division, log_share=_log_share(most, n_follow))
        costs = Costs(cells, replace(scales, division=first_law))
        log_start = self._log_shares(cells.is_start, cells.may_start)
        log_end = self._log_shares(cells.is_end, cells.may_end)
        apart, along = self._apart(costs)
        way = self._way()
        follow = costs.follow(self.end, self.rest)
        for number in range(_ROUNDS + 1):
            gain = apart - log_start[self.other]
            gain[~on] -= log_start[self.one[~on]] + log_end[self.mother[~on]]
            gain -= costs.divide(self.mother, self.one, self.other)
            join = along + broken - follow - log_start[self.rest] - log_end[self.end]
            if number == _ROUNDS:
                break
            share, joined = self._shares(gain, join)
            divided = np.concatenate([share, np.ones(own.shape[1])])
            broken = _log_share(float(joined.sum()), n_follow)
            law = replace(costs.scales.division, log_share=_log_share(float(share.sum()), n_follow))
            if own.shape[1] + int((share > _LIKELY).sum()) >= _ENOUGH_DIVISIONS:
                families = np.stack([self.mother, self.one, self.other])
                families = np.concatenate([families, own], axis=1)
                fitted = fit_division_law(
                    cells.t, scales.place, families, divided, law, scales.neighbour_px
                )
                law = _bounded(fitted, first_law)
            costs = Costs(cells, replace(scales, division=law))
            if joined.sum() >= _ENOUGH_JOINS:
                wide = student_scale_of(way, joined, len(scales.place))
                wide = min(max(wide, scales.sigma_px), _MOST_WIDER * scales.sigma_px)
                follow = Costs(cells, replace(scales, sigma_px=wide)).follow(self.end, self.rest)
            log_start, log_end = self._unexplained(share, joined)
        share, _ = self._shares(gain, join)
        all_of = max(_log_share(float(share.sum()) + own.shape[1], n_follow), _LEAST_LOG_SHARE)
        usual = _usual(log_start, cells.may_start, scales.log_start)
        learnt = replace(
            costs.scales,
            division=replace(costs.scales.division, log_share=all_of),
            # A start costs what it does in its zone.
            log_density=scales.log_density + log_start - usual,
            log_start=usual,
            log_end=_usual(log_end, cells.may_end, scales.log_end),
        )
        return Costs(cells, learnt), gain, join, log_end

    def _apart(self, costs: Costs) -> tuple[Float64Array, Float64Array]:
        """Cost of all that divisions and joins explain, but for the rates; and of the joins."""
        cells, begin = self.cells, -self.scales.log_density
        apart = begin[self.other]
        on = self.goes_on
        apart[on] += costs.follow(self.mother[on], self.one[on])
        apart[~on] += begin[self.one[~on]]
        along = begin[self.rest]
        # Over a gap a cell was not seen, which is as rare as it is in the table's tracks.
        rare = float(np.log((int((cells.gap > 1).sum()) + 0.5) / max(len(cells.gap), 1)))
        along += np.where(cells.t[self.rest] > cells.t[self.end] + 1, rare, 0.0)
        born = np.maximum(cells.t[self.one], cells.t[self.other])
        apart += np.where(born > cells.t[self.mother] + 1, rare, 0.0)
        return apart, along

    def _way(self) -> Float64Array:
        """Length of each join a frame, beside what the neighbours make of it."""
        scales, gap = self.scales, self.cells.t[self.rest] - self.cells.t[self.end]
        way = scales.place[:, self.rest] - scales.place[:, self.end]
        left = (way - gap * scales.forth[:, self.end]) / np.sqrt(gap)
        length: Float64Array = np.sqrt((left**2).sum(axis=0))
        return length

    def _unexplained(
        self, share: Float64Array, joined: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """Shares of cells that come from nowhere, and that vanish, as logarithms."""
        cells, pair = self.cells, ~self.goes_on
        begun, ended = cells.is_start.astype(np.float64), cells.is_end.astype(np.float64)
        np.subtract.at(begun, self.other, share)
        np.subtract.at(begun, self.one[pair], share[pair])
        np.subtract.at(begun, self.rest, joined)
        np.subtract.at(ended, self.mother[pair], share[pair])
        np.subtract.at(ended, self.end, joined)
        return self._log_shares(begun, cells.may_start), self._log_shares(ended, cells.may_end)

    def _log_shares(self, weight: Float64Array | BoolArray, able: BoolArray) -> Float64Array:
        """Logarithm of the share of able cells in each cell's zone that something is true of."""
        n_zones = int(self.zone.max(initial=0)) + 1
        counted = np.bincount(self.zone, np.maximum(weight, 0.0), minlength=n_zones)
        among = np.bincount(self.zone, able, minlength=n_zones)
        shares: Float64Array = np.log((counted + 0.5) / np.maximum(among, 1.0))[self.zone]
        return shares

    def _shares(self, gain: Float64Array, join: Float64Array) -> tuple[Float64Array, Float64Array]:
        """How likely each division and each join is, among all that may explain its starts."""
        weight = np.exp(np.clip(gain, -_MOST_NATS, _MOST_NATS))
        joined = np.exp(np.clip(join, -_MOST_NATS, _MOST_NATS))
        total = 1.0 + self.summed(weight)
        total += np.bincount(self.number[self.rest], joined, minlength=len(total))
        of_all = total[self.number[self.other]]
        pair = ~self.goes_on
        of_all[pair] = np.maximum(of_all[pair], total[self.number[self.one[pair]]])
        return weight / of_all, joined / total[self.number[self.rest]]

    def summed(self, weight: Float64Array) -> Float64Array:
        """Sum weights of divisions over each start that they explain."""
        n_starts = int(self.number.max(initial=-1)) + 1
        pair = ~self.goes_on
        start = np.concatenate([self.number[self.other], self.number[self.one[pair]]])
        summed: Float64Array = np.bincount(
            start, np.concatenate([weight, weight[pair]]), minlength=n_starts
        ).astype(np.float64)
        return summed


def _cells_before(
    cells: Cells, scales: Scales, start: Int64Array, frames: int
) -> tuple[Int64Array, Int64Array]:
    """Give cells near starts, some frames before, and these starts."""
    place = scales.place[:, start] + frames * scales.back[:, start]
    near, _ = scales.nearest(place, cells.frame[start] - frames, _NEAR)
    row, column = np.nonzero(near >= 0)
    return near[row, column], start[row]


def _pairs(end: Int64Array, start: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Every two starts near one end."""
    order = np.argsort(end, kind="stable")
    end, start = end[order], start[order]
    last = np.searchsorted(end, end, side="right")
    n_more = last - np.arange(len(end)) - 1
    one = np.repeat(np.arange(len(end)), n_more)
    within = np.arange(len(one)) - np.repeat(np.cumsum(n_more) - n_more, n_more)
    return end[one], start[one], start[one + 1 + within]


def _usual(log_share: Float64Array, able: BoolArray, otherwise: float) -> float:
    return float(np.log(np.exp(log_share[able]).mean())) if able.any() else otherwise


def _own_divisions(cells: Cells) -> Int64Array:
    """Mother and daughters of the divisions into two that the table has, each once."""
    link = np.flatnonzero(cells.is_division & (cells.n_out[cells.source] == 2))
    link = link[cells.target[link] < cells.sister[link]]
    return np.stack([cells.source[link], cells.target[link], cells.sister[link]])


def _log_share(n_divisions: float, n_follow: int) -> float:
    return float(np.log((n_divisions + 0.5) / n_follow))


def _bounded(law: DivisionLaw, usual: DivisionLaw) -> DivisionLaw:
    """Keep a law near the usual one: what begins for other reasons must not make it its own."""
    low, high = usual.log_half_px - _MOST_LOG_SHIFT, usual.log_half_px + _MOST_LOG_SHIFT
    return replace(
        law,
        log_half_px=float(np.clip(law.log_half_px, low, high)),
        log_spread=min(law.log_spread, _MOST_LOG_SPREAD),
    )


def _each_once(starts: _Starts, gain: Float64Array, probability: Float64Array) -> Int64Array:
    """Candidates that are likely, the likeliest first; each cell in one of them."""
    likely = np.flatnonzero((probability > _LIKELY) & (gain > _HOPELESS))
    likely = likely[np.lexsort((starts.other[likely], starts.mother[likely], -gain[likely]))]
    mothers: set[int] = set()
    daughters: set[int] = set()
    kept = []
    for number in likely.tolist():
        mother = int(starts.mother[number])
        pair = {int(starts.one[number]), int(starts.other[number])}
        if mother not in mothers and not pair & daughters:
            mothers.add(mother)
            daughters |= pair
            kept.append(number)
    return np.array(kept, dtype=np.int64)
