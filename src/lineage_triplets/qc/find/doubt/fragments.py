"""Tracks that a tracker left in pieces: which of them go on as which, before links are weighed.

A tracker that allows short steps alone ends a track at each long one; where it may leave frames
out, it plaits the track of one cell from two; many know no divisions. Lengths of links, and numbers
of ends and starts, then tell of the tracker and not of the cells, so what fits is taken as linked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.cells import Nearest
from lineage_triplets.qc.find.doubt.costs import Costs
from lineage_triplets.qc.find.doubt.scales import Scales
from lineage_triplets.qc.find.track_data.groups import expand

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells

_ROUNDS, _MOST_PLAITS = 2, 8
_CANDIDATES = 6
_MOST_FRAMES_OVER = 3
_CLEARLY = 3.0


@dataclass(frozen=True, eq=False)
class Fragments:
    """Cells with the pieces of their tracks joined, and where the table's links went.

    Attributes
    ----------
    costs : Costs
        Of the cells with other links, which need not keep to `Cells.track`.
    whole, part : ndarray of int64, shape (parts,)
        Each link of the table, and a link that lies on its way now: one or more of each.
    """

    costs: Costs
    whole: Int64Array
    part: Int64Array

    @classmethod
    def of_cells(cls, cells: Cells) -> Fragments:
        """Join what is likelier joined, of cells whose places are `isotropic`."""
        scales, joined = Scales.of_cells(cells), cells
        for _ in range(_ROUNDS):
            joined = _plaited(cells, scales)
            joined = _with_links(joined, *_going_on(Costs(joined, scales)))
            joined = _with_links(joined, *_born(Costs(joined, scales)))
            scales = scales.with_motion(joined).with_links(joined)
        return cls(Costs(joined, scales), *_ways(cells, joined))


def second_daughters(costs: Costs) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Weigh that the source of a link divides, and what begins beside its target is a daughter too.

    Returns
    -------
    link, start : ndarray of int64, shape (n,)
    gain : ndarray of float64, shape (n,)
        By how many nats that is likelier than the link and a start.
    """
    cells, scales = costs.cells, costs.scales
    starts = np.flatnonzero(cells.is_start)
    near, _ = scales.nearest(scales.place[:, starts], cells.frame[starts] - 1, _CANDIDATES)
    row, column = np.nonzero(near >= 0)
    start, mother = starts[row], near[row, column]
    link = cells.link_from(mother)
    single = cells.n_out[mother] == 1
    single[single] = cells.gap[link[single]] == 1
    link, start, mother = link[single], start[single], mother[single]
    other = cells.target[link]
    gain = costs.follow(mother, other) + costs.start(start) - costs.divide(mother, other, start)
    return link, start, gain


def _with_links(cells: Cells, source: Int64Array, target: Int64Array) -> Cells:
    return replace(
        cells,
        source=np.concatenate([cells.source, source]),
        target=np.concatenate([cells.target, target]),
    )


def _ways(cells: Cells, joined: Cells) -> tuple[Int64Array, Int64Array]:
    """Links of the one, and the links of the other on their ways."""
    link, at = np.arange(len(cells.source)), cells.target
    whole, part = [link[:0]], [link[:0]]
    while len(link):
        into = joined.link_into[at]
        whole.append(link)
        part.append(into)
        further = joined.source[into] != cells.source[link]
        link, at = link[further], joined.source[into][further]
    return np.concatenate(whole), np.concatenate(part)


def _plaited(cells: Cells, scales: Scales) -> Cells:
    """Put tracks into the gaps of others that are never there in the same frame."""
    label, joined = cells.track, cells
    for _ in range(_MOST_PLAITS if (cells.gap > 1).any() else 0):
        track, piece = _gaps_and_pieces(Costs(joined, scales), label)
        if not len(track):
            break
        merged = np.arange(int(label.max()) + 1)
        merged[piece] = track
        label = merged[label]
        order = np.lexsort((cells.t, label))
        follows = label[order[1:]] == label[order[:-1]]
        of_mother = cells.track[cells.source] != cells.track[cells.target]
        joined = _with_links(
            replace(cells, source=order[:-1][follows], target=order[1:][follows]),
            cells.source[of_mother],
            cells.target[of_mother],
        )
    return joined


def _gaps_and_pieces(costs: Costs, label: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Choose tracks with a gap, and for each another that begins in it; no track twice."""
    cells, scales = costs.cells, costs.scales
    starts = np.flatnonzero(cells.is_start)
    wide = np.flatnonzero((cells.gap > 1) & (label[cells.source] == label[cells.target]))
    if not len(wide) or not len(starts):
        return starts[:0], starts[:0]
    near = Nearest(scales.place[:, starts], cells.frame[starts])
    tried = []
    for ahead in range(1, min(_MOST_FRAMES_OVER, int(cells.gap[wide].max()) - 1) + 1):
        link = wide[cells.gap[wide] > ahead]
        source = cells.source[link]
        place = scales.place[:, source] + ahead * scales.forth[:, source]
        cell, _ = near(place, cells.frame[source] + ahead, _CANDIDATES)
        row, column = np.nonzero(cell >= 0)
        tried.append((link[row], starts[cell[row, column]]))
    link, begin = (np.concatenate(parts) for parts in zip(*tried, strict=True))
    track, piece = label[cells.source[link]], label[begin]
    order = np.lexsort((cells.t, label))
    n_rows = np.bincount(label)
    first = np.cumsum(n_rows) - n_rows
    n_frames = int(cells.t.max()) + 1
    key = label[order] * n_frames + cells.t[order]
    last_before = order[np.searchsorted(key, piece * n_frames + cells.t[cells.target[link]]) - 1]
    gain = costs.start(begin) + costs.end + costs.to(link, cells.target[link])
    gain -= costs.follow(cells.source[link], begin)
    gain -= costs.follow(last_before, cells.target[link])
    # Whichever of the two is over first must have no daughters: the other goes on.
    one, other = (order[first[which] + n_rows[which] - 1] for which in (track, piece))
    over = np.where(cells.t[one] < cells.t[other], one, other)
    fits = np.flatnonzero((gain > 0) & (cells.n_out[over] == 0))
    of, place_in_order = expand(first[piece[fits]], n_rows[piece[fits]])
    asked = track[fits][of] * n_frames + cells.t[order[place_in_order]]
    found = np.minimum(np.searchsorted(key, asked), len(key) - 1)
    fits = fits[np.bincount(of, key[found] == asked, minlength=len(fits)) == 0]
    chosen = fits[_chosen(track[fits], piece[fits], gain[fits])]
    return track[chosen], piece[chosen]


def _going_on(costs: Costs) -> tuple[Int64Array, Int64Array]:
    """Choose cells that none follows, and for each one that begins in the next frame."""
    cells, scales = costs.cells, costs.scales
    ends, starts = np.flatnonzero(cells.is_end), np.flatnonzero(cells.is_start)
    if not len(ends) or not len(starts):
        return ends[:0], starts[:0]
    near = Nearest(scales.place[:, starts], cells.frame[starts])
    place = scales.place[:, ends] + scales.forth[:, ends]
    cell, _ = near(place, cells.frame[ends] + 1, _CANDIDATES)
    row, column = np.nonzero(cell >= 0)
    end, start = ends[row], starts[cell[row, column]]
    gain = costs.end + costs.start(start) - costs.follow(end, start)
    chosen = _chosen(end, len(cells.t) + start, gain)
    return end[chosen], start[chosen]


def _born(costs: Costs) -> tuple[Int64Array, Int64Array]:
    """Choose cells that go on as one, and for each a second daughter that begins."""
    link, start, gain = second_daughters(costs)
    mother, other = costs.cells.source[link], costs.cells.target[link]
    # Not where the mother clearly goes on as the cell that begins, and the link is wrong.
    instead = costs.follow(mother, start) + costs.start(other)
    as_it_is = costs.follow(mother, other) + costs.start(start)
    gain += np.minimum(instead - as_it_is + _CLEARLY, 0.0)
    chosen = _chosen(link, len(costs.cells.source) + start, gain)
    return mother[chosen], start[chosen]


def _chosen(one: Int64Array, other: Int64Array, gain: Float64Array) -> Int64Array:
    """Choose pairs of things, no thing twice, those that gain most first; none without gain.

    Parameters
    ----------
    one, other : ndarray of int64, shape (pairs,)
        Numbers of the things, small ones: those of both are counted together.
    gain : ndarray of float64, shape (pairs,)
    """
    left = np.flatnonzero(gain > 0)
    chosen = [left[:0]]
    rank = np.empty(len(gain), dtype=np.int64)
    rank[np.argsort(-gain, kind="stable")] = np.arange(len(gain))
    n_things = int(max(one.max(initial=0), other.max(initial=0))) + 1
    while len(left):
        # Pairs that are the best of both their things; the next ones may be once these are gone.
        best = np.full(n_things, len(gain))
        np.minimum.at(best, one[left], rank[left])
        np.minimum.at(best, other[left], rank[left])
        taken = left[(best[one[left]] == rank[left]) & (best[other[left]] == rank[left])]
        chosen.append(taken)
        is_taken = np.zeros(n_things, dtype=bool)
        is_taken[one[taken]] = True
        is_taken[other[taken]] = True
        left = left[~(is_taken[one[left]] | is_taken[other[left]])]
    return np.sort(np.concatenate(chosen))
