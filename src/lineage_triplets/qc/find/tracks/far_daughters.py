"""Daughters whose first place is out of line with their mother's last."""

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

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]

_FAR, _FAR_WITH_SUPPORT = 5.0, 3.0
_LEAST_SHARE_OF_CELL = 1.0


def find_far_daughters(data: TrackData) -> Iterator[Finding]:
    """One finding a daughter."""
    links, exchanges = data.links, data.exchanges
    divisions = np.flatnonzero(links.is_division)
    source, target = links.source[divisions], links.target[divisions]
    misfit = links.division_misfit(source, target)
    away = data.distance(source, target)
    nearest = _root_near(data, source)
    far = misfit > np.where(nearest >= 0, _FAR_WITH_SUPPORT, _FAR)
    far &= away > _LEAST_SHARE_OF_CELL * data.cell_px[data.fov[source]]
    free = np.flatnonzero(exchanges.other < 0)
    exchange_of = np.full(len(links.source), -1, dtype=np.int64)
    exchange_of[exchanges.link[free]] = free
    number = exchange_of[divisions]
    # Number -1 takes the -1 that is appended.
    begin, end = (np.append(rows, -1)[number] for rows in (exchanges.begin, exchanges.end))
    root = np.where(begin >= 0, begin, nearest)
    exchanged = np.isin(divisions, exchanges.other) | np.isin(
        divisions, exchanges.link[exchanges.other >= 0]
    )
    for at in np.flatnonzero((far | (number >= 0)) & ~exchanged).tolist():
        yield _finding(
            data,
            int(divisions[at]),
            float(away[at]),
            float(misfit[at]),
            int(root[at]),
            int(end[at]),
        )


def _root_near(data: TrackData, mother: Int64Array) -> Int64Array:
    """The nearest track without parent that begins beside a mother in the frame after; or -1."""
    links = data.links
    fov = data.fov[mother]
    reach = links.division_px[fov] + 2 * links.division_spread_px[fov]
    of, row, apart = data.search.within(data.group[mother] + 1, data.still[:, mother], reach)
    begins = np.flatnonzero(data.begins[row])
    order = begins[np.lexsort((row[begins], -apart[begins], of[begins]))]
    nearest = np.full(len(mother), -1, dtype=np.int64)
    # Of several values for one place, the last stays.
    nearest[of[order]] = row[order]
    return nearest


def _finding(
    data: TrackData, link: int, away: float, misfit: float, root: int, end: int
) -> Finding:
    links = data.links
    source, target = int(links.source[link]), int(links.target[link])
    fov, t = int(data.fov[source]), int(data.t[target])
    mother, daughter = track_name(data, source), track_name(data, target)
    usual = float(links.division_px[fov])
    sentence = (
        f"Track {daughter} begins {length(data, fov, away)} from its mother {mother} in frame {t}; "
        f"usual here is {length(data, fov, usual)}."
    )
    if end >= 0:
        sentence += f" It goes on where track {track_name(data, end)} ends."
    if root >= 0:
        sentence += (
            f" Track {track_name(data, root)} begins beside the mother and has no parent: it may "
            "be the true daughter."
        )
    others = [track_name(data, row) for row in (root, end) if row >= 0]
    return Finding(
        kind="far-daughter",
        severity="warning",
        sentence=sentence,
        remedy="Look at the division; cut the link if another cell was taken for the daughter.",
        **where(data, fov),
        tracks=(daughter, mother, *others),
        t=t,
        evidence=(
            *lengths(data, fov, distance=away, usual_distance=usual),
            Evidence("spreads beyond the usual", misfit),
        ),
        settled_by=(
            (link_target(data, link),),
            (track_target(data, int(data.track[target])),),
        ),
    )


register(TableCheck("far-daughters", ("far-daughter",), find_far_daughters))
