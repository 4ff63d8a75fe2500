"""Divisions of which a table has one link or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.doubt.suspects import suspects_of
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.track_data.data import (
    join_target,
    length,
    lengths,
    track_name,
    track_target,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.data import TrackData


MOST_BROKEN_SHARE = 0.25
"""Of cells; where more of them begin a track, what is named would mostly be wrong."""


def broken_share(data: TrackData) -> Float64Array:
    """Share of the cells of each experiment, after the first frames, that begin a track."""
    later = data.t > 0
    cells = np.bincount(data.experiment[later], minlength=data.n_experiments)
    begin = np.bincount(data.experiment[data.begins], minlength=data.n_experiments)
    share: Float64Array = begin / np.maximum(cells, 1)
    return share


def missed_divisions(data: TrackData) -> tuple[Int64Array, Float64Array]:
    """Rows of mothers and their daughters, shape (3, divisions), and how likely each is.

    The mother's last row, the row of the daughter as which she goes on, or of one of the two that
    begin, and that of a daughter that begins. Those are not among them that exchanges of cells
    explain, and none is of an experiment whose tracks break off all the time.
    """
    rows, probability = [np.zeros((3, 0), dtype=np.int64)], [np.zeros(0)]
    taken = np.concatenate([data.exchanges.begin, data.exchanges.end])
    broken = broken_share(data)
    for experiment, (own, suspects) in suspects_of(data).items():
        if broken[experiment] > MOST_BROKEN_SHARE:
            continue
        missed = suspects.missed
        families = own[np.stack([missed.mother, missed.one, missed.other])]
        free = ~np.isin(families, taken).any(axis=0)
        rows.append(families[:, free])
        probability.append(missed.probability[free])
    return np.concatenate(rows, axis=1), np.concatenate(probability)


def find_missed_divisions(data: TrackData) -> Iterator[Finding]:
    """One finding a mother."""
    families, probability = missed_divisions(data)
    for (mother, one, other), likely in zip(families.T.tolist(), probability.tolist(), strict=True):
        fov, t = int(data.fov[mother]), int(data.t[other])
        links = data.links
        goes_on = links.into[one] >= 0 and int(links.source[links.into[one]]) == mother
        daughters = [one, other]
        if not goes_on:
            daughters.sort(key=lambda row: (int(data.t[row]), track_name(data, row)))
            t = int(data.t[daughters[0]])
        away = data.distance(np.full(2, mother), np.array(daughters))
        name, names = track_name(data, mother), [track_name(data, row) for row in daughters]
        there = [length(data, fov, float(px)) for px in away]
        if goes_on and data.track[one] == data.track[mother]:
            sentence = (
                f"Track {name} goes on in frame {t}, and track {names[1]} begins {there[1]} "
                "beside where it was, without a parent"
            )
        elif goes_on:
            sentence = (
                f"Track {name} goes on as {names[0]} in frame {t}, and track {names[1]} begins "
                f"{there[1]} beside where it was, without a parent"
            )
        else:
            sentence = (
                f"Track {name} ends in frame {data.t[mother]}, and tracks {names[0]} and "
                f"{names[1]} begin {there[0]} and {there[1]} beside it in frame {t}, without a "
                "parent"
            )
        sentence += (
            ": a division of which one daughter was not linked?"
            if goes_on
            else ": a division that was not linked?"
        )
        missing = daughters[1:] if goes_on else daughters
        yield Finding(
            kind="missed-division",
            severity="warning",
            sentence=sentence,
            remedy=(
                "Look at the frames; add the missing link if they show a division. Without it no "
                "pair goes across, and the daughters count as other lineages."
            ),
            **where(data, fov),
            tracks=tuple(dict.fromkeys([name, *names])),
            t=t,
            evidence=(
                *lengths(data, fov, distance=float(away[0]), other_distance=float(away[1])),
                Evidence("likelihood", likely),
            ),
            settled_by=(
                tuple(join_target(data, mother, row) for row in missing),
                (track_target(data, int(data.track[mother])),),
                tuple(track_target(data, int(data.track[row])) for row in missing),
            ),
            count=2,
        )


register(TableCheck("missed-divisions", ("missed-division",), find_missed_divisions))
