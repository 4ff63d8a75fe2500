"""Links that fit much better when they exchange their ends: cells that trackers mixed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.neighbours import FrameSearch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]
    Found = tuple[Int64Array, Int64Array, Int64Array, Int64Array, Float64Array]

ODD_MISFIT = 4.0
ENOUGH_GAIN = 3.5
_REACH_SIGMAS = 3.5
_REACH_SPREADS = 3.0
_MOST_FREE_GAIN = 4.0


@dataclass(frozen=True, eq=False)
class Exchanges:
    """Better links, the surest first; no link is in two of them.

    Attributes
    ----------
    link, other : ndarray of int64
        The odd link, and the one that it exchanges targets with; -1 where a track begins or ends
        instead.
    begin, end : ndarray of int64
        First row of a track without parent, to which the odd link's source fits; last row of a
        track without daughters, which fits the odd link's target; -1 for none.
    gain : ndarray of float64
        How much likelier the other links are, as a natural logarithm.
    """

    link: Int64Array
    other: Int64Array
    begin: Int64Array
    end: Int64Array
    gain: Float64Array

    def __len__(self) -> int:
        return len(self.link)


def find_exchanges(data: TrackData) -> Exchanges:
    """Compare every odd link with what its ends could be linked to in the same two frames."""
    links = data.links
    odd = np.flatnonzero((links.gap == 1) & ((data.link_misfit > ODD_MISFIT) | links.is_division))
    now = links.likelihood(links.source[odd], links.target[odd], links.is_division[odd])
    of, row, fit = _other_targets(data, odd)
    found = (
        _swaps(data, odd, now, of, row, fit),
        _free(data, odd, now, _best(of, row, fit, data.begins[row], len(odd))),
    )
    link, other, begin, end, gain = (np.concatenate(column) for column in zip(*found, strict=True))
    return _surest(link, other, begin, end, gain)


def _other_targets(data: TrackData, odd: Int64Array) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Rows that an odd link's source could go to: its number, the row, how likely that is."""
    links, law = data.links, data.law
    source, division = links.source[odd], links.is_division[odd]
    going = law.foretold(source, source, look_ahead=False)
    going[:, division] = 0.0
    fov = data.fov[source]
    reach = np.where(
        division,
        links.division_px[fov] + _REACH_SPREADS * links.division_spread_px[fov],
        _REACH_SIGMAS * law.sigma_px(source),
    )
    of, row, _ = data.search.within(data.group[source] + 1, data.still[:, source] + going, reach)
    other = row != links.target[odd[of]]
    of, row = of[other], row[other]
    return of, row, links.likelihood(source[of], row, division[of])


def _swaps(
    data: TrackData,
    odd: Int64Array,
    now: Float64Array,
    of: Int64Array,
    row: Int64Array,
    fit: Float64Array,
) -> Found:
    """Exchanges with another link between the same frames."""
    links = data.links
    partner = links.into[row]
    able = (partner >= 0) & (links.gap[partner] == 1)
    able &= links.source[partner] != links.source[odd[of]]
    of, partner, fit = of[able], partner[able], fit[able]
    kind = links.is_division[partner]
    back = links.likelihood(links.source[partner], links.target[odd[of]], kind)
    partner_now = links.likelihood(links.source[partner], links.target[partner], kind)
    none = np.full(len(of), -1, dtype=np.int64)
    return odd[of], partner, none, none, fit + back - now[of] - partner_now


def _free(
    data: TrackData, odd: Int64Array, now: Float64Array, begins: tuple[Int64Array, Float64Array]
) -> Found:
    """Exchanges with a track that begins there, one that ends there, or both."""
    links, law = data.links, data.law
    target = links.target[odd]
    ends = np.flatnonzero(data.ends)
    search = FrameSearch.build(data.group[ends], data.still[:, ends])
    reach = _REACH_SIGMAS * law.sigma_px(target)
    of, at, _ = search.within(data.group[target] - 1, data.still[:, target], reach)
    row = ends[at]
    # What follows a division is not foretold, but a track that goes on as "daughter" is.
    fit = links.likelihood(row, target[of], np.zeros(len(of), dtype=bool))
    begin, begin_fit = begins
    end, end_fit = _best(of, row, fit, np.ones(len(of), dtype=bool), len(odd))
    rare = _free_gain(data, data.begins)[data.fov[links.source[odd]]] * data.is_amid[begin]
    rare += _free_gain(data, data.ends)[data.fov[links.source[odd]]] * data.is_amid[end]
    options = np.stack([begin_fit, end_fit, begin_fit + end_fit + rare]) - now
    best = options.argmax(axis=0)
    gain = options[best, np.arange(len(odd))]
    none = np.full(len(odd), -1, dtype=np.int64)
    return (
        odd,
        none,
        np.where(best != 1, begin, -1),
        np.where(best != 0, end, -1),
        gain,
    )


def _best(
    of: Int64Array, row: Int64Array, fit: Float64Array, able: BoolArray, n: int
) -> tuple[Int64Array, Float64Array]:
    """The likeliest row for each of `n`, -1 and minus infinity where there is none."""
    of, row, fit = of[able], row[able], fit[able]
    order = np.lexsort((row, fit, of))
    last = np.flatnonzero(np.append(of[order][1:] != of[order][:-1], True))[: len(of)]
    chosen = order[last]
    best, best_fit = np.full(n, -1, dtype=np.int64), np.full(n, -np.inf)
    best[of[chosen]] = row[chosen]
    best_fit[of[chosen]] = fit[chosen]
    return best, best_fit


def _free_gain(data: TrackData, free: BoolArray) -> Float64Array:
    """How unlikely a track without parent or daughters is to be at a place by chance, by FOV."""
    amid = np.bincount(data.experiment[free & data.is_amid], minlength=data.n_experiments)
    cells = np.bincount(data.experiment, minlength=data.n_experiments)
    share = (amid + 1) / (cells + 2)
    gain: Float64Array = np.minimum(-np.log(share), _MOST_FREE_GAIN)[data.fov_experiment]
    return gain


def _surest(
    link: Int64Array, other: Int64Array, begin: Int64Array, end: Int64Array, gain: Float64Array
) -> Exchanges:
    """Those that gain enough, the best first, each link and each free end once."""
    enough = np.flatnonzero(gain > ENOUGH_GAIN)
    order = enough[np.lexsort((link[enough], -gain[enough]))]
    taken: set[tuple[str, int]] = set()
    kept = []
    for number in order.tolist():
        names = ("link", "link", "begin", "end")
        parts = (link[number], other[number], begin[number], end[number])
        uses = {(name, int(part)) for name, part in zip(names, parts, strict=True) if part >= 0}
        if not uses & taken:
            taken |= uses
            kept.append(number)
    chosen = np.array(kept, dtype=np.int64)
    return Exchanges(link[chosen], other[chosen], begin[chosen], end[chosen], gain[chosen])
