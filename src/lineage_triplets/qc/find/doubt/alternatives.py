"""Each link against what else may have been: how likely it is wrong, and what is likeliest then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.costs import Costs
from lineage_triplets.qc.find.doubt.scales import Scales, isotropic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells

_CANDIDATES = 6
_LINKS_AT_ONCE = 100_000


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
        From 0 to 1.
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
        n_links = len(cells.source)
        doubt, nats = np.zeros(n_links), np.zeros(n_links)
        kind, partner = (np.zeros(n_links, dtype=np.int64) for _ in range(2))
        cells = replace(cells, place=isotropic(cells))
        scales = Scales.of_cells(cells)
        costs = Costs(cells, scales)
        for first in range(0, n_links, _LINKS_AT_ONCE):
            link = np.arange(first, min(first + _LINKS_AT_ONCE, n_links))
            parts = zip(*_alternatives(costs, link), strict=True)
            of, cost, kinds, partners = (np.concatenate(part) for part in parts)
            of = of - first
            least = np.full(len(link), np.inf)
            np.minimum.at(least, of, cost)
            weight = np.bincount(of, np.exp(least[of] - cost), minlength=len(link))
            # Of equal ones the first counts, whichever way they are written.
            best = np.flatnonzero(cost == least[of])[::-1]
            kind[link[of[best]]], partner[link[of[best]]] = kinds[best], partners[best]
            nats[link] = least
            log_odds = np.clip(np.log(weight) - least, -500, 500)
            doubt[link] = 1.0 / (1.0 + np.exp(-log_odds))
        return cls(doubt, kind, partner, nats, scales)


Alternative = tuple["Int64Array", "Float64Array", "Int64Array", "Int64Array"]


def _alternatives(costs: Costs, link: Int64Array) -> Iterator[Alternative]:
    """Give links, what an alternative costs more than what is there, its kind, and its partner."""
    cells = costs.cells
    target = cells.target[link]
    now = np.zeros(int(link[-1]) + 1 if len(link) else 0)
    gone = now.copy()
    now[link] = costs.to(link, target)
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
    more -= now[link] + costs.to(other, cells.target[other])
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
