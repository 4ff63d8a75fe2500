"""Links that are likelier wrong than right, with all that a table tells about them weighed in.

A doubt holds a link against what may have been instead. Here what speaks for the link counts as
well: that its source divides, and the track which begins beside it is the other daughter; that of
two daughters only one may be wrong; and how long cells live from one division to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.doubt.alternatives import Kind, weighed_alternatives
from lineage_triplets.qc.find.doubt.cells import Cells
from lineage_triplets.qc.find.doubt.lives import Lives
from lineage_triplets.qc.find.doubt.missed import MissedDivisions
from lineage_triplets.qc.find.doubt.scales import Scales, isotropic

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.doubt.costs import Costs
    from lineage_triplets.qc.find.track_data.data import TrackData

_LINKS_AT_ONCE = 100_000
_MOST_NATS = 50.0
_NEARLY_AS_GOOD = 1.0
_MOST_USUAL = 4.0
_ZONE_MARGINS = (0.1, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, eq=False)
class Suspects:
    """What may be wrong with the links of one experiment, and which divisions are missing.

    Attributes
    ----------
    cells : Cells
    missed : MissedDivisions
    doubt : ndarray of float64, shape (links,)
        How likely each link is wrong; 0 where nothing near it fits as well.
    kind, partner : ndarray of int64, shape (links,)
        Of the likeliest alternative, as in `Doubts`.
    nats : ndarray of float64, shape (links,)
        By how much it is less likely than the link; negative where it is likelier.
    """

    cells: Cells
    missed: MissedDivisions
    doubt: Float64Array
    kind: Int64Array
    partner: Int64Array
    nats: Float64Array

    @classmethod
    def of_cells(cls, cells: Cells, zone: Int64Array | None = None) -> Suspects:
        """Weigh the links of cells; the arguments are those of `MissedDivisions.of_cells`."""
        cells = replace(cells, place=isotropic(cells))
        missed = MissedDivisions.of_cells(cells, Scales.of_cells(cells), zone)
        costs, lives = missed.costs, Lives.of_cells(cells)
        n_links = len(cells.source)
        against = np.zeros(n_links)
        kind, partner = np.zeros(n_links, dtype=np.int64), np.full(n_links, -1, dtype=np.int64)
        nats = np.full(n_links, np.inf)
        odd = np.flatnonzero(_is_odd(costs))
        for first in range(0, len(odd), _LINKS_AT_ONCE):
            cells.go_on()
            link = odd[first : first + _LINKS_AT_ONCE]
            of, cost, kinds, partners = weighed_alternatives(costs, link)
            cost = cost + _in_its_zone(missed, of, kinds, partners)
            cost -= lives.gain(of, kinds, partners)
            weight = np.exp(np.clip(-cost, -_MOST_NATS, _MOST_NATS))
            np.add.at(against, of, weight)
            order = np.lexsort((np.arange(len(of))[::-1], -cost))
            # Of several values for one place, the last stays.
            kind[of[order]], partner[of[order]] = kinds[order], partners[order]
            nats[of[order]] = cost[order]
        sister = cells.sister
        of_sister = np.where(sister >= 0, cells.link_into[np.maximum(sister, 0)], -1)
        # Of a division one daughter may be another's, not both.
        other = np.where(of_sister >= 0, against[np.maximum(of_sister, 0)], 0.0)
        doubt = against / (1.0 + missed.second_daughters + other + against)
        return cls(cells, missed, doubt, kind, partner, nats)


def _in_its_zone(
    missed: MissedDivisions, link: Int64Array, kind: Int64Array, partner: Int64Array
) -> Float64Array:
    """By how much an alternative costs more because of where in the field cells would end."""
    cells, usual = missed.costs.cells, missed.costs.scales.log_end
    more = np.zeros(len(link))
    lone = np.flatnonzero(kind == Kind.OTHER_END)
    more[lone] += missed.log_end[partner[lone]] - usual
    given_up = (kind == Kind.NEITHER) | (kind == Kind.OTHER_END) | (kind == Kind.OTHER_MOTHER)
    ended = np.flatnonzero(given_up & (cells.sister[link] < 0))
    more[ended] -= missed.log_end[cells.source[link[ended]]] - usual
    return more


def _is_odd(costs: Costs) -> BoolArray:
    """Links that something may fit as well as; of all others the doubt is next to nothing."""
    cells, scales = costs.cells, costs.scales
    link = np.arange(len(cells.source))
    now = costs.follow(cells.source, cells.target)
    odd = cells.is_division | (cells.gap > 1)
    odd |= now > (now.min() if len(now) else 0.0) + _MOST_USUAL
    for own, ahead in ((cells.target, 1), (cells.source, -1)):
        start = cells.source if ahead > 0 else cells.target
        foretold = scales.forth if ahead > 0 else scales.back
        single = np.flatnonzero(~odd)
        at = start[single]
        near, _ = scales.nearest(scales.place[:, at] + foretold[:, at], cells.frame[at] + ahead, 2)
        for column in range(near.shape[1]):
            there = (near[:, column] >= 0) & (near[:, column] != own[single])
            of, cell = link[single[there]], near[there, column]
            pair = (start[of], cell) if ahead > 0 else (cell, start[of])
            as_good = costs.follow(*pair) < now[of] + _NEARLY_AS_GOOD
            odd[of[as_good]] = True
    return odd


def _zone(data: TrackData, rows: Int64Array) -> Int64Array:
    """Zones along the border, the narrower the nearer."""
    zone: Int64Array = np.searchsorted(_ZONE_MARGINS, data.margins_to_border[rows])
    return zone


def suspects_of(data: TrackData) -> dict[int, tuple[Int64Array, Suspects]]:
    """Weigh the links of each experiment, once for all checks: its rows, and what was found."""

    def weigh() -> dict[int, tuple[Int64Array, Suspects]]:
        found = {}
        for experiment in np.unique(data.experiment).tolist():
            own = np.flatnonzero(data.experiment == experiment)
            place = data.still[: int(data.n_axes[experiment]), own]
            fov = data.fov[own] - data.fov[own[0]]
            cells = Cells.of_arrays(
                place, fov, data.t[own], data.track[own], data.parent, data.go_on
            )
            found[experiment] = own, Suspects.of_cells(cells, _zone(data, own))
        return found

    return data.made_once("suspects", weigh)


def doubts_into(data: TrackData) -> Float64Array:
    """How likely the link into each row is wrong; 0 where there is none, or nothing speaks."""
    doubt = np.zeros(len(data.t))
    for own, suspects in suspects_of(data).values():
        doubt[own[suspects.cells.target]] = suspects.doubt
    return doubt
