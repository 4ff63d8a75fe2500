"""Links that trackers got wrong: ends that were exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.groups import FrameSearch

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.links import Links
    from lineage_triplets.qc.find.track_data.rows import TrackRows

    Found = tuple[Int64Array, Int64Array, Int64Array, Int64Array, Float64Array]

_ODD_MISFIT = 4.0
_ENOUGH_GAIN = 3.5
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


def find_exchanges(
    rows: TrackRows, links: Links, search: FrameSearch, is_amid: BoolArray
) -> Exchanges:
    """Compare every odd link with what its ends could be linked to in the same two frames.

    Parameters
    ----------
    rows : TrackRows
    links : Links
    search : FrameSearch
        All rows by place.
    is_amid : ndarray of bool, shape (rows,)
        Where cells do not come and go.
    """
    odd = np.flatnonzero((links.gap == 1) & ((links.misfit > _ODD_MISFIT) | links.is_division))
    now = links.likelihood(links.source[odd], links.target[odd], links.is_division[odd])
    of, row, fit = _other_targets(rows, links, search, odd)
    found = (
        _swaps(links, odd, now, of, row, fit),
        _free(rows, links, is_amid, odd, now, _best(of, row, fit, rows.begins[row], len(odd))),
    )
    link, other, begin, end, gain = (np.concatenate(column) for column in zip(*found, strict=True))
    return _surest(link, other, begin, end, gain)


def _other_targets(
    rows: TrackRows, links: Links, search: FrameSearch, odd: Int64Array
) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Rows that an odd link's source could go to: its number, the row, how likely that is."""
    law = links.law
    source, division = links.source[odd], links.is_division[odd]
    going = law.foretold(source, source, look_ahead=False)
    going[:, division] = 0.0
    fov = rows.fov[source]
    reach = np.where(
        division,
        links.division_px[fov] + _REACH_SPREADS * links.division_spread_px[fov],
        _REACH_SIGMAS * law.sigma_px(source),
    )
    of, row, _ = search.within(rows.group[source] + 1, rows.still[:, source] + going, reach)
    other = row != links.target[odd[of]]
    of, row = of[other], row[other]
    return of, row, links.likelihood(source[of], row, division[of])


def _swaps(
    links: Links,
    odd: Int64Array,
    now: Float64Array,
    of: Int64Array,
    row: Int64Array,
    fit: Float64Array,
) -> Found:
    """Exchanges with another link between the same frames."""
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
    rows: TrackRows,
    links: Links,
    is_amid: BoolArray,
    odd: Int64Array,
    now: Float64Array,
    begins: tuple[Int64Array, Float64Array],
) -> Found:
    """Exchanges with a track that begins there, one that ends there, or both."""
    target = links.target[odd]
    ends = np.flatnonzero(rows.ends)
    search = FrameSearch.build(rows.group[ends], rows.still[:, ends])
    reach = _REACH_SIGMAS * links.law.sigma_px(target)
    of, at, _ = search.within(rows.group[target] - 1, rows.still[:, target], reach)
    row = ends[at]
    # What follows a division is not foretold, but a track that goes on as "daughter" is.
    fit = links.likelihood(row, target[of], np.zeros(len(of), dtype=bool))
    begin, begin_fit = begins
    end, end_fit = _best(of, row, fit, np.ones(len(of), dtype=bool), len(odd))
    fov = rows.fov[links.source[odd]]
    rare = _free_gain(rows, is_amid, rows.begins)[fov] * is_amid[begin]
    rare += _free_gain(rows, is_amid, rows.ends)[fov] * is_amid[end]
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


def _free_gain(rows: TrackRows, is_amid: BoolArray, free: BoolArray) -> Float64Array:
    """How unlikely a track without parent or daughters is to be at a place by chance, by FOV."""
    amid = np.bincount(rows.experiment[free & is_amid], minlength=rows.n_experiments)
    cells = np.bincount(rows.experiment, minlength=rows.n_experiments)
    share = (amid + 1) / (cells + 2)
    gain: Float64Array = np.minimum(-np.log(share), _MOST_FREE_GAIN)[rows.fov_experiment]
    return gain


def _surest(
    link: Int64Array, other: Int64Array, begin: Int64Array, end: Int64Array, gain: Float64Array
) -> Exchanges:
    """Those that gain enough, the best first, each link and each free end once."""
    enough = np.flatnonzero(gain > _ENOUGH_GAIN)
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
