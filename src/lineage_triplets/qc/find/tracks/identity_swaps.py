"""Tracks that exchange cells, or go on along another cell than their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import TableCheck, register
from lineage_triplets.qc.find.tracks.words import (
    length,
    lengths,
    link_target,
    track_name,
    track_target,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.find.track_data.data import TrackData


def find_swaps(data: TrackData) -> Iterator[Finding]:
    """One finding for each exchange; those of a mother's link alone are left to `far_daughters`."""
    exchanges = data.exchanges
    for number in range(len(exchanges)):
        if exchanges.other[number] >= 0:
            yield _swap(data, number)
        elif not data.links.is_division[exchanges.link[number]]:
            yield _wrong_link(data, number)


def _way(data: TrackData, source: int, target: int) -> float:
    """Distance of two rows in px, without the stage's drift."""
    return float(np.sqrt(((data.still[:, target] - data.still[:, source]) ** 2).sum()))


def _swap(data: TrackData, number: int) -> Finding:
    links, exchanges = data.links, data.exchanges
    pair = (int(exchanges.link[number]), int(exchanges.other[number]))
    rows = [(int(links.source[one]), int(links.target[one])) for one in pair]
    now = [_way(data, *one) for one in rows]
    if now[1] > now[0]:
        pair, rows, now = pair[::-1], rows[::-1], now[::-1]
    crossed = [_way(data, rows[0][0], rows[1][1]), _way(data, rows[1][0], rows[0][1])]
    fov = int(data.fov[rows[0][0]])
    before, after = ([track_name(data, row[end]) for row in rows] for end in (0, 1))
    t = int(data.t[rows[0][1]])
    names = f"Tracks {before[0]} and {before[1]}"
    if before != after:
        names += f" (then {after[0]} and {after[1]})"
    return Finding(
        kind="identity-swap",
        severity="warning",
        sentence=(
            f"{names} seem to exchange cells between frames {t - 1} and {t}: they move "
            f"{length(data, fov, now[0])} and {length(data, fov, now[1])}; exchanged, it would be "
            f"{length(data, fov, crossed[0])} and {length(data, fov, crossed[1])}."
        ),
        remedy="Look at both frames; cut both links if the cells differ.",
        **where(data, fov),
        tracks=tuple(dict.fromkeys([*before, *after])),
        t=t,
        evidence=(
            *lengths(
                data,
                fov,
                step=now[0],
                other_step=now[1],
                step_if_exchanged=crossed[0],
                other_step_if_exchanged=crossed[1],
            ),
            Evidence("log-likelihood gained", float(exchanges.gain[number])),
        ),
        settled_by=tuple(
            dict.fromkeys(
                (
                    tuple(link_target(data, one) for one in pair),
                    tuple(track_target(data, int(data.track[row])) for row, _ in rows),
                    tuple(track_target(data, int(data.track[row])) for _, row in rows),
                )
            )
        ),
    )


def _wrong_link(data: TrackData, number: int) -> Finding:
    links, exchanges = data.links, data.exchanges
    link = int(exchanges.link[number])
    begin, end = int(exchanges.begin[number]), int(exchanges.end[number])
    source, target = int(links.source[link]), int(links.target[link])
    fov, t = int(data.fov[source]), int(data.t[target])
    name, way = track_name(data, source), _way(data, source, target)
    reasons, measured = [], {"step": way}
    if begin >= 0:
        near = _way(data, source, begin)
        reasons.append(
            f"track {track_name(data, begin)} begins {length(data, fov, near)} from where it was"
        )
        measured["distance of the track that begins"] = near
    if end >= 0:
        near = _way(data, end, target)
        reasons.append(
            f"track {track_name(data, end)} ends {length(data, fov, near)} from where it goes"
        )
        measured["distance of the track that ends"] = near
    others = [track_name(data, row) for row in (target, begin, end) if row >= 0]
    return Finding(
        kind="wrong-link",
        severity="warning",
        sentence=(
            f"Track {name} seems to go on along another cell from frame {t} on: it moves "
            f"{length(data, fov, way)}, and {' and '.join(reasons)}."
        ),
        remedy="Look at both frames; cut the link if the cells differ.",
        **where(data, fov),
        tracks=tuple(dict.fromkeys([name, *others])),
        t=t,
        evidence=(
            *lengths(data, fov, **measured),
            Evidence("log-likelihood gained", float(exchanges.gain[number])),
        ),
        settled_by=(
            (link_target(data, link),),
            (track_target(data, int(data.track[source])),),
        ),
    )


register(TableCheck("identity-swaps", ("identity-swap", "wrong-link"), find_swaps))
