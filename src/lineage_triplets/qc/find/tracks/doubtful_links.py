"""Links for which something else is much likelier, by all that the table tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.doubt.alternatives import Kind
from lineage_triplets.qc.find.doubt.suspects import suspects_of
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.track_data.data import (
    join_target,
    length,
    lengths,
    link_target,
    track_name,
    track_target,
    where,
)
from lineage_triplets.qc.find.tracks.daughters import far_links
from lineage_triplets.qc.find.tracks.jumps import odd_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.qc.find.doubt.suspects import Suspects
    from lineage_triplets.qc.find.track_data.data import TrackData
    from lineage_triplets.qc.record.decision import Target

_LEAST_DOUBT = 0.8
# That a cell was lost and another one found can be said of any link; nothing else shows it.
_LEAST_DOUBT_ALONE = 0.95
_FORETOLD_MISFIT = 4.0
_SISTER_FRAMES = 4
_LEAST_GAIN = 1.0


def find_doubtful_links(data: TrackData) -> Iterator[Finding]:
    """One finding a link, or two that exchange their ends; those apart that other checks name."""
    exchanges = data.exchanges
    named = np.concatenate([exchanges.link, exchanges.other, odd_links(data), far_links(data)])
    is_named = np.zeros(len(data.links.source) + 1, dtype=bool)
    is_named[named] = True
    for own, suspects in suspects_of(data).values():
        cells = suspects.cells
        least = np.where(suspects.kind == Kind.NEITHER, _LEAST_DOUBT_ALONE, _LEAST_DOUBT)
        doubtful = np.flatnonzero(suspects.doubt > least)
        doubtful = doubtful[~is_named[data.links.into[own[cells.target[doubtful]]]]]
        doubtful = doubtful[~_is_excused(data, own, suspects, doubtful)]
        told: set[int] = set()
        for link in doubtful[np.argsort(-suspects.doubt[doubtful], kind="stable")].tolist():
            if link in told:
                continue
            told.add(link)
            if suspects.kind[link] == Kind.EXCHANGE:
                told.add(int(suspects.partner[link]))
            yield _doubtful(data, own, suspects, link)


def _is_excused(
    data: TrackData, own: Int64Array, suspects: Suspects, link: Int64Array
) -> BoolArray:
    """Links that the law of all cells does not fit, and that are as they should be.

    Steps that the tracks themselves foretell; daughters that come late, which may have gone
    anywhere and are named as such; newborn sisters that exchange places, which nothing tells apart.
    """
    cells = suspects.cells
    source, target = own[cells.source[link]], own[cells.target[link]]
    is_division = cells.is_division[link]
    foretold = data.links.misfit[data.links.into[target]] < _FORETOLD_MISFIT
    sister = cells.sister[link]
    born = np.where(sister >= 0, np.maximum(cells.t[sister], cells.t[cells.target[link]]), -1)
    late = is_division & (born > cells.t[cells.source[link]] + 1)
    exchanged = np.flatnonzero(suspects.kind[link] == Kind.EXCHANGE)
    partner = suspects.partner[link[exchanged]]
    others = own[cells.source[partner]], own[cells.target[partner]]
    ends = source[exchanged], target[exchanged]
    track, other = data.track[ends[0]], data.track[others[0]]
    sisters = (data.parent[track] >= 0) & (data.parent[track] == data.parent[other])
    sisters &= data.t[ends[1]] - data.t[data.first_row[track]] <= _SISTER_FRAMES
    fits = data.links.likelihood
    division = is_division[exchanged], cells.is_division[partner]
    gain = fits(ends[0], others[1], division[0]) + fits(others[0], ends[1], division[1])
    gain -= fits(*ends, division[0]) + fits(*others, division[1])
    foretold[exchanged] |= sisters | (gain < _LEAST_GAIN)
    excused: BoolArray = (~is_division & foretold) | late
    return excused


def _doubtful(data: TrackData, own: Int64Array, suspects: Suspects, link: int) -> Finding:
    cells = suspects.cells
    source, target = int(own[cells.source[link]]), int(own[cells.target[link]])
    fov, t = int(data.fov[source]), int(data.t[target])
    now = _px(data, source, target)
    words, others, cuts, joins = _instead(data, own, suspects, link)
    name, into = track_name(data, source), track_name(data, target)
    if name == into:
        sentence = f"Track {name} moves {length(data, fov, now)} into frame {t}; likelier "
    elif cells.is_division[link]:
        sentence = (
            f"Track {into} begins {length(data, fov, now)} from its mother {name} in frame {t}; "
            "likelier "
        )
    else:
        sentence = (
            f"Track {name} goes on as {into}, {length(data, fov, now)} away in frame {t}; likelier "
        )
    both = (*cuts, *joins)
    return Finding(
        kind="doubtful-link",
        severity="warning",
        sentence=f"{sentence}{words}.",
        remedy="Look at both frames; cut the link if the cells differ; link each where it goes on.",
        **where(data, fov),
        tracks=tuple(dict.fromkeys([into, name, *others])),
        t=t,
        evidence=(
            *lengths(data, fov, step=now),
            Evidence("likelihood that it is wrong", float(suspects.doubt[link])),
        ),
        settled_by=tuple(
            dict.fromkeys((both, cuts, (track_target(data, int(data.track[target])),)))
        ),
    )


def _instead(
    data: TrackData, own: Int64Array, suspects: Suspects, link: int
) -> tuple[str, list[int], tuple[Target, ...], tuple[Target, ...]]:
    """What is likelier in words, the other tracks in it, what to cut for it, and what to link."""
    cells, partner = suspects.cells, int(suspects.partner[link])
    a, b = int(own[cells.source[link]]), int(own[cells.target[link]])
    fov = int(data.fov[a])
    cut = (link_target(data, int(data.links.into[b])),)

    def px(row: int, other: int) -> str:
        return length(data, fov, _px(data, row, other))

    def number(row: int) -> int:
        return track_name(data, row)

    match Kind(int(suspects.kind[link])):
        case Kind.EXCHANGE:
            c, d = int(own[cells.source[partner]]), int(own[cells.target[partner]])
            words = (
                f"it exchanges cells with track {number(c)}: the two then move {px(a, d)} and "
                f"{px(c, b)} instead of {px(a, b)} and {px(c, d)}"
            )
            cuts = (*cut, link_target(data, int(data.links.into[d])))
            return words, [number(c), number(d)], cuts, _joins(data, (a, d), (c, b))
        case Kind.OTHER_END:
            c = int(own[partner])
            words = f"it goes on from track {number(c)}, which ends {px(c, b)} away"
            return words, [number(c)], cut, _joins(data, (c, b))
        case Kind.OTHER_START:
            d = int(own[partner])
            words = f"it goes on as track {number(d)}, which begins {px(a, d)} away"
            return words, [number(d)], cut, _joins(data, (a, d))
        case Kind.OTHER_MOTHER:
            c = int(own[cells.source[partner]])
            words = f"it is a daughter of track {number(c)}, {px(c, b)} away"
            return words, [number(c)], cut, _joins(data, (c, b))
    sister = int(cells.sister[link])
    if sister < 0:
        return "one cell is lost there and another one begins", [], cut, ()
    e = int(own[sister])
    words = (
        f"there is no division: the mother goes on as track {number(e)}, {px(a, e)} away, and this "
        "is another cell"
    )
    return words, [number(e)], cut, ()


def _joins(data: TrackData, *pairs: tuple[int, int]) -> tuple[Target, ...]:
    return tuple(join_target(data, *pair) for pair in pairs)


def _px(data: TrackData, row: int, other: int) -> float:
    return float(data.distance(np.array([row]), np.array([other]))[0])


register(TableCheck("doubtful-links", ("doubtful-link",), find_doubtful_links))
