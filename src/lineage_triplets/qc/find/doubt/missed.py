"""Divisions that a table lacks: tracks that begin beside a mother, and what makes them do so.

Why tracks begin is told for all of them together, by rounds: each is a daughter that was left out,
the rest of a track that ends, or a cell that comes from nowhere; how many of each kind there are,
and how daughters lie about their mothers, follows from that, and that from these again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.cells import Nearest
from lineage_triplets.qc.find.doubt.costs import Costs
from lineage_triplets.qc.find.doubt.scales import default_division_law, fit_division_law

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells
    from lineage_triplets.qc.find.doubt.scales import DivisionLaw, Scales

_MOTHERS = 6
_ROUNDS = 10
_ENOUGH_DIVISIONS = 8
_FIRST_SHARE = 0.5
_LEAST_DIVISION_SHARE = 0.002
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
    second_daughters : ndarray of float64, shape (links,)
        How much likelier than the link alone it is that its source divides, and that a track which
        begins beside the link's target is the other daughter.
    """

    mother: Int64Array
    one: Int64Array
    other: Int64Array
    probability: Float64Array
    costs: Costs
    second_daughters: Float64Array

    @classmethod
    def of_cells(cls, cells: Cells, scales: Scales) -> MissedDivisions:
        """Find them.

        Parameters
        ----------
        cells : Cells
            Whose places are `isotropic`.
        scales : Scales
            Of these cells.
        """
        starts = _Starts.of_cells(cells, scales)
        costs, gain, join = starts.explained()
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
            costs, second,
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

    @classmethod
    def of_cells(cls, cells: Cells, scales: Scales) -> _Starts:
        start = np.flatnonzero(cells.is_start)
        number = np.full(len(cells.t), -1, dtype=np.int64)
        number[start] = np.arange(len(start))
        place = scales.place[:, start] + scales.back[:, start]
        near, _ = scales.nearest(place, cells.frame[start] - 1, _MOTHERS)
        row, column = np.nonzero(near >= 0)
        cell, begin = near[row, column], start[row]
        before, late = _ends_before(cells, scales, start)
        on = np.flatnonzero(cells.n_out[cell] == 1)
        after = cells.target[cells.link_from(cell[on])]
        # Over a gap the start may be the mother herself, in a frame that was left out.
        at_once = cells.t[after] == cells.t[begin[on]]
        on, after = on[at_once], after[at_once]
        is_end = cells.is_end[cell]
        end, rest = np.append(cell[is_end], before), np.append(begin[is_end], late)
        mother, one, other = _pairs(end, rest)
        return cls(
            cells, scales, number,
            np.concatenate([cell[on], mother]),
            np.concatenate([after, one]),
            np.concatenate([begin[on], other]),
            np.arange(len(on) + len(mother)) < len(on),
            end, rest,
        )  # fmt: skip

    def explained(self) -> tuple[Costs, Float64Array, Float64Array]:
        """Learn rates and the law of divisions.

        Returns
        -------
        costs : Costs
        gain : ndarray of float64, shape (candidates,)
            By how many nats each division is likelier than that its starts come from nowhere.
        join : ndarray of float64, shape (joins,)
            Likewise that a start is the rest of a track.
        """
        cells, scales = self.cells, self.scales
        n_follow = max(int(cells.may_end.sum()), 1)
        n_led = max(int(cells.may_start.sum()), 1)
        n_start, n_end = int(cells.is_start.sum()), int(cells.is_end.sum())
        own = _own_divisions(cells)
        law = default_division_law(
            scales.step_px, scales.neighbour_px,
            _log_share(own.shape[1] + _FIRST_SHARE * n_start, n_follow),
        )  # fmt: skip
        first_law = law
        costs = Costs(cells, replace(scales, division=law))
        follow = np.zeros(len(self.mother))
        on = self.goes_on
        follow[on] = costs.follow(self.mother[on], self.one[on])
        begin = -scales.log_density
        apart = begin[self.other] + np.where(on, follow, begin[self.one])
        along = begin[self.rest] - costs.follow(self.end, self.rest)
        # Over a gap a cell was not seen, which is as rare as it is in the table's tracks.
        rare = float(np.log((int((cells.gap > 1).sum()) + 0.5) / max(len(cells.gap), 1)))
        along += np.where(cells.t[self.rest] > cells.t[self.end] + 1, rare, 0.0)
        born = np.maximum(cells.t[self.one], cells.t[self.other])
        apart += np.where(born > cells.t[self.mother] + 1, rare, 0.0)
        for number in range(_ROUNDS + 1):
            log_start, log_end = costs.scales.log_start, costs.scales.log_end
            gain = apart - log_start - np.where(on, 0.0, log_start + log_end)
            gain -= costs.divide(self.mother, self.one, self.other)
            join = along - log_start - log_end
            if number == _ROUNDS:
                break
            share, joined = self._shares(gain, join)
            divided = np.concatenate([share, np.ones(own.shape[1])])
            share_of_cells = _log_share(float(divided.sum()), n_follow)
            law = replace(costs.scales.division, log_share=share_of_cells)
            if own.shape[1] + int((share > _LIKELY).sum()) >= _ENOUGH_DIVISIONS:
                families = np.stack([self.mother, self.one, self.other])
                families = np.concatenate([families, own], axis=1)
                fitted = fit_division_law(
                    cells.t, scales.place, families, divided, law, scales.neighbour_px
                )
                law = _bounded(fitted, first_law)
            left = n_start - float(share.sum() + share[~on].sum() + joined.sum())
            ended = n_end - float(share[~on].sum() + joined.sum())
            costs = Costs(
                cells,
                replace(
                    scales,
                    division=law,
                    log_start=float(np.log((max(left, 0.0) + 0.5) / n_led)),
                    log_end=float(np.log((max(ended, 0.0) + 0.5) / n_follow)),
                ),
            )
        return costs, gain, join

    def _shares(
        self, gain: Float64Array, join: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
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
        total = np.bincount(self.number[self.other], weight, minlength=n_starts)
        total += np.bincount(self.number[self.one[pair]], weight[pair], minlength=n_starts)
        summed: Float64Array = total
        return summed


def _ends_before(
    cells: Cells, scales: Scales, start: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Ends two frames before starts, and these starts."""
    end = np.flatnonzero(cells.is_end)
    if not (len(end) and len(start)):
        return end[:0], start[:0]
    nearest = Nearest(scales.place[:, end], cells.frame[end])
    place = scales.place[:, start] + 2 * scales.back[:, start]
    near, _ = nearest(place, cells.frame[start] - 2, _MOTHERS)
    row, column = np.nonzero(near >= 0)
    return end[near[row, column]], start[row]


def _pairs(end: Int64Array, start: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Every two starts near one end."""
    order = np.argsort(end, kind="stable")
    end, start = end[order], start[order]
    last = np.searchsorted(end, end, side="right")
    n_more = last - np.arange(len(end)) - 1
    one = np.repeat(np.arange(len(end)), n_more)
    within = np.arange(len(one)) - np.repeat(np.cumsum(n_more) - n_more, n_more)
    return end[one], start[one], start[one + 1 + within]


def _own_divisions(cells: Cells) -> Int64Array:
    """Mother and daughters of the divisions into two that the table has, each once."""
    link = np.flatnonzero(cells.is_division & (cells.n_out[cells.source] == 2))
    link = link[cells.target[link] < cells.sister[link]]
    return np.stack([cells.source[link], cells.target[link], cells.sister[link]])


def _log_share(n_divisions: float, n_follow: int) -> float:
    return float(np.log(max(n_divisions / n_follow, _LEAST_DIVISION_SHARE)))


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
