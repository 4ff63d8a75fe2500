"""Ends of tracks where other tracks begin, as divisions do that a tracker did not link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.cell_size import distance
from lineage_triplets.qc.find.track_data.neighbours import FrameSearch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

_FRAMES_LATER = 2
_REACH_SPREADS = 3.0
_EVEN_SHARE = 0.6


@dataclass(frozen=True, eq=False)
class UnlinkedDivisions:
    """Ends of tracks with two first rows of daughters beside them.

    Attributes
    ----------
    mother, one, other : ndarray of int64
        Rows: the last of the mother, the first of each daughter.
    """

    mother: Int64Array
    one: Int64Array
    other: Int64Array


def unlinked_divisions(data: TrackData) -> UnlinkedDivisions:
    """Find tracks that end, with two roots (or an only child and a root) beside their end."""
    links = data.links
    taken = np.concatenate([data.exchanges.begin, data.exchanges.end])
    mothers = np.flatnonzero((data.n_children < 2) & (data.last_row >= 0))
    ends = data.last_row[mothers]
    ends = ends[(data.t[ends] < data.n_frames[data.fov[ends]] - 1) & ~np.isin(ends, taken)]
    begins = np.flatnonzero(data.begins)
    begins = begins[~np.isin(begins, taken)]
    child = np.flatnonzero(~links.is_inside & ~links.is_division)
    of, row, apart = _roots_beside(data, ends, begins)
    # An only child counts as one of the two, whatever its distance.
    number = np.full(len(data.t), -1, dtype=np.int64)
    number[ends] = np.arange(len(ends))
    child = child[(links.gap[child] <= _FRAMES_LATER) & (number[links.source[child]] >= 0)]
    of = np.concatenate([of, number[links.source[child]]])
    row = np.concatenate([row, links.target[child]])
    apart = np.concatenate([apart, np.full(len(child), -1.0)])
    order = np.lexsort((row, apart, of))
    of, row = of[order], row[order]
    first = np.flatnonzero(np.append(True, of[1:] != of[:-1])[: len(of)])
    first = first[first + 1 < len(of)]
    first = first[of[first + 1] == of[first]]
    mother, one, other = ends[of[first]], row[first], row[first + 1]
    likely = _likely(data, mother, one, other)
    return UnlinkedDivisions(*_once(mother[likely], one[likely], other[likely]))


def _likely(
    data: TrackData, mother: Int64Array, one: Int64Array, other: Int64Array
) -> NDArray[np.bool_]:
    """Amid the field; at its border, where cells come and go, only what parts evenly at once."""
    middle = (data.still[:, one] + data.still[:, other]) / 2
    off = np.sqrt(((middle - data.still[:, mother]) ** 2).sum(axis=0))
    even = off < _EVEN_SHARE * distance(data, one, other)
    at_once = (data.t[one] == data.t[mother] + 1) & (data.t[other] == data.t[mother] + 1)
    likely: NDArray[np.bool_] = data.is_amid[mother] | (even & at_once)
    likely &= np.abs(data.t[one] - data.t[other]) < _FRAMES_LATER
    return likely


def _roots_beside(
    data: TrackData, ends: Int64Array, begins: Int64Array
) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Pairs of an end (by number) and the first row of a root in the frames after it."""
    links = data.links
    search = FrameSearch.build(data.group[begins], data.still[:, begins])
    fov = data.fov[ends]
    parts = []
    for later in range(1, _FRAMES_LATER + 1):
        inside = np.flatnonzero(data.t[ends] + later < data.n_frames[fov])
        reach = links.division_px[fov] + _REACH_SPREADS * links.division_spread_px[fov]
        reach = reach + (later - 1) * 2 * data.law.sigma_px(ends)
        of, at, apart = search.within(
            data.group[ends[inside]] + later, data.still[:, ends[inside]], reach[inside]
        )
        parts.append((inside[of], begins[at], apart))
    of, row, apart = (np.concatenate(column) for column in zip(*parts, strict=True))
    return of, row, apart


def _once(
    mother: Int64Array, one: Int64Array, other: Int64Array
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Each daughter with one mother alone."""
    taken: set[int] = set()
    kept = []
    for number, pair in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
        if not taken & set(pair):
            taken |= set(pair)
            kept.append(number)
    return mother[kept], one[kept], other[kept]
