"""Each link against what else may have been: how likely it is wrong, and what is likeliest then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from lineage_triplets.qc.find.doubt.fragments import Fragments, second_daughters
from lineage_triplets.qc.find.doubt.scales import isotropic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells
    from lineage_triplets.qc.find.doubt.costs import Costs
    from lineage_triplets.qc.find.doubt.scales import Scales

_CANDIDATES = 6
_LINKS_AT_ONCE = 100_000
_MOST_NATS = 500.0


class Kind(IntEnum):
    """What may have been instead of a link from a to b."""

    NEITHER = 0
    """a ends, or has the other daughter alone; b begins."""
    EXCHANGE = 1
    """a goes on where another link goes, and that one to b."""
    OTHER_END = 2
    """b follows a cell that nothing follows."""
    OTHER_START = 3
    """a goes on as a cell that follows none."""
    OTHER_MOTHER = 4
    """b is the second daughter of a cell that goes on otherwise."""


@dataclass(frozen=True, eq=False)
class Doubts:
    """How likely each link is wrong, and the likeliest alternative.

    Attributes
    ----------
    doubt : ndarray of float64, shape (links,)
        From 0 to 1, `calibrated`.
    kind : ndarray of int64, shape (links,)
        `Kind` of the likeliest alternative.
    partner : ndarray of int64, shape (links,)
        The other link of an exchange or mother, the cell of an end or start; of neither the
        other daughter of a division, else -1.
    nats : ndarray of float64, shape (links,)
        By how much that alternative is less likely than the link; negative where it is likelier.
    scales : Scales
    """

    doubt: Float64Array
    kind: Int64Array
    partner: Int64Array
    nats: Float64Array
    scales: Scales

    @classmethod
    def of_cells(cls, cells: Cells) -> Doubts:
        """Weigh every link."""
        fragments = Fragments.of_cells(replace(cells, place=isotropic(cells)))
        costs = fragments.costs
        n_links = len(costs.cells.source)
        log_weight, nats = np.zeros(n_links), np.zeros(n_links)
        kind, partner = (np.zeros(n_links, dtype=np.int64) for _ in range(2))
        for first in range(0, n_links, _LINKS_AT_ONCE):
            link = np.arange(first, min(first + _LINKS_AT_ONCE, n_links))
            of, cost, kinds, partners = weighed_alternatives(costs, link)
            of = of - first
            least = np.full(len(link), np.inf)
            np.minimum.at(least, of, cost)
            weight = np.bincount(of, np.exp(least[of] - cost), minlength=len(link))
            # Of equal ones the first counts, whichever way they are written.
            best = np.flatnonzero(cost == least[of])[::-1]
            kind[link[of[best]]], partner[link[of[best]]] = kinds[best], partners[best]
            nats[link] = least
            log_weight[link] = np.log(weight) - least
        log_odds = log_weight - np.log(_weight_of_right(costs, log_weight))
        # A link that others now lie on the way of is wrong if one of these is; the best alternative
        # to any of them is its own.
        whole, part = fragments.whole, fragments.part
        summed, least = np.full(len(cells.source), -np.inf), np.full(len(cells.source), np.inf)
        np.logaddexp.at(summed, whole, log_odds[part])
        np.minimum.at(least, whole, nats[part])
        is_best = nats[part] == least[whole]
        best = np.zeros(len(cells.source), dtype=np.int64)
        best[whole[is_best]] = part[is_best]
        kind, partner = _in_table(cells, fragments, kind, partner)
        return cls(calibrated(summed), kind[best], partner[best], least, costs.scales)


def calibrated(log_odds: Float64Array) -> Float64Array:
    """Probability that a link is wrong, from what the laws of the table say.

    The laws are not the whole truth: their odds are a little too bold, and where they say that a
    link is wrong for certain, it is right in one of ten cases. The numbers are those of the tables
    in docs/review.md.
    """
    bold, shift, most = 0.9, -0.2, 0.9
    doubt: Float64Array = most * expit(bold * log_odds + shift)
    return doubt


def _weight_of_right(costs: Costs, log_weight: Float64Array) -> Float64Array:
    """How likely each link is right, against how likely it is as it stands: in what else may be.

    A source may divide in truth; and what is wrong with a division may be the other daughter.
    """
    cells = costs.cells
    link, _, gain = second_daughters(costs)
    weight = np.ones(len(cells.source))
    np.add.at(weight, link, _bounded_exp(gain))
    of_two = np.flatnonzero(cells.sister >= 0)
    weight[of_two] += _bounded_exp(log_weight[cells.link_into[cells.sister[of_two]]])
    return weight


def _bounded_exp(values: Float64Array) -> Float64Array:
    return np.exp(np.clip(values, -_MOST_NATS, _MOST_NATS))


def _in_table(
    cells: Cells, fragments: Fragments, kind: Int64Array, partner: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Word alternatives by the table's links, of links that may be others."""
    joined = fragments.costs.cells
    table = np.full(len(joined.source), -1, dtype=np.int64)
    table[fragments.part] = fragments.whole
    of_link = (kind == Kind.EXCHANGE) | (kind == Kind.OTHER_MOTHER)
    link = np.where(of_link, partner, 0)
    known = of_link & (table[link] >= 0)
    lacks = of_link & ~known
    # For the table an end and a start that were joined are just that.
    ends = lacks & (cells.n_out[joined.source[link]] == 0)
    starts = lacks & ~ends
    # So is a daughter that was added: without the division, the mother goes on as her.
    starts |= (kind == Kind.NEITHER) & (partner >= 0) & cells.is_start[partner]
    kind = np.where(ends, Kind.OTHER_END, np.where(starts, Kind.OTHER_START, kind))
    cell = np.where(ends, joined.source[link], np.where(lacks, joined.target[link], partner))
    return kind, np.where(known, table[link], cell)


Alternative = tuple["Int64Array", "Float64Array", "Int64Array", "Int64Array"]


def weighed_alternatives(costs: Costs, link: Int64Array) -> Alternative:
    """Hold links against what may have been instead.

    Parameters
    ----------
    costs : Costs
    link : ndarray of int64, shape (links,)
        Rising.

    Returns
    -------
    of : ndarray of int64, shape (alternatives,)
        The link.
    cost : ndarray of float64, shape (alternatives,)
        By how many nats the alternative is less likely than what is there.
    kind, partner : ndarray of int64, shape (alternatives,)
        As in `Doubts`.
    """
    parts = zip(*_alternatives(costs, link), strict=True)
    of, cost, kind, partner = (np.concatenate(part) for part in parts)
    return of, cost, kind, partner


def _alternatives(costs: Costs, link: Int64Array) -> Iterator[Alternative]:
    """Give links, what an alternative costs more than what is there, its kind, and its partner."""
    cells = costs.cells
    target = cells.target[link]
    now = costs.as_they_are
    gone = np.zeros(len(now))
    gone[link] = costs.without(link)
    more = gone[link] + costs.start(target) - now[link]
    yield _alternative(link, more, Kind.NEITHER, cells.sister[link])
    of, cell = _candidates(costs, link, ahead=False)
    known = of * len(cells.t) + cell
    known.sort()
    into = cells.target[of]
    ends = cells.is_end[cell]
    at, end = of[ends], cell[ends]
    more = costs.follow(end, into[ends]) + gone[at] - costs.end - now[at]
    yield _alternative(at, more, Kind.OTHER_END, end)
    for number in range(int(cells.n_out.max(initial=0))):
        other = cells.link_from(cell, number)
        yield _exchanged(costs, of[other >= 0], other[other >= 0], now)
    lone = np.flatnonzero(cells.n_out[cell] == 1)
    at, other = of[lone], cells.link_from(cell[lone])
    x = cells.target[other]
    distinct = x != cells.target[at]
    at, other, x = at[distinct], other[distinct], x[distinct]
    more = costs.divide(cells.source[other], x, cells.target[at]) + gone[at] - now[at]
    yield _alternative(at, more - costs.follow(cells.source[other], x), Kind.OTHER_MOTHER, other)
    of, cell = _candidates(costs, link, ahead=True)
    starts = cells.is_start[cell]
    at, begin = of[starts], cell[starts]
    more = costs.to(at, begin) + costs.start(cells.target[at]) - costs.start(begin) - now[at]
    yield _alternative(at, more, Kind.OTHER_START, begin)
    other = cells.link_into[cell]
    of, other = of[other >= 0], other[other >= 0]
    # Exchanges with the links of cells near the target were weighed already.
    key = of * len(cells.t) + cells.source[other]
    place = np.minimum(np.searchsorted(known, key), max(len(known) - 1, 0))
    new = known[place] != key if len(known) else np.ones(len(key), dtype=bool)
    new &= cells.source[other] != cells.source[of]
    yield _exchanged(costs, of[new], other[new], now)


def _alternative(
    link: Int64Array, more: Float64Array, kind: Kind, partner: Int64Array
) -> Alternative:
    return link, more, np.full(len(link), int(kind), dtype=np.int64), partner


def _exchanged(costs: Costs, link: Int64Array, other: Int64Array, now: Float64Array) -> Alternative:
    cells = costs.cells
    more = costs.to(link, cells.target[other]) + costs.to(other, cells.target[link])
    more -= now[link] + now[other]
    return _alternative(link, more, Kind.EXCHANGE, other)


def _candidates(costs: Costs, link: Int64Array, *, ahead: bool) -> tuple[Int64Array, Int64Array]:
    """Give links and cells that may follow their source, or be followed by their target.

    They are of the frame where the link ends, or begins; over a gap also of the next to it.
    """
    cells, scales = costs.cells, costs.scales
    own = cells.target if ahead else cells.source
    gap = cells.gap[link]
    of, found = [], []
    wide = link[gap > 1]
    for links, way in ((link, gap), (wide, np.ones(len(wide), dtype=np.int64))):
        if ahead:
            at, frames = cells.source[links], way
            place = scales.place[:, at] + frames * scales.forth[:, at]
        else:
            at, frames = cells.target[links], -way
            place = scales.place[:, at] + frames * scales.back[:, at]
        cell, _ = scales.nearest(place, cells.frame[at] + frames, _CANDIDATES + 1)
        row, column = np.nonzero((cell >= 0) & (cell != own[links][:, None]))
        of.append(links[row])
        found.append(cell[row, column])
    return np.concatenate(of), np.concatenate(found)
