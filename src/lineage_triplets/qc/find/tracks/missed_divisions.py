"""Tracks that end where others begin: divisions that the tracker did not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.finding import Finding
from lineage_triplets.qc.find.registry import TableCheck, register
from lineage_triplets.qc.find.tracks.words import length, lengths, track_name, track_target, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.find.track_data.data import TrackData


def find_missed_divisions(data: TrackData) -> Iterator[Finding]:
    """One finding a mother."""
    found = data.unlinked_divisions
    for mother, one, other in zip(
        found.mother.tolist(), found.one.tolist(), found.other.tolist(), strict=True
    ):
        rows = sorted((one, other), key=lambda row: (int(data.t[row]), track_name(data, row)))
        fov = int(data.fov[mother])
        away = [
            float(np.sqrt(((data.still[:, row] - data.still[:, mother]) ** 2).sum()))
            for row in rows
        ]
        name, daughters = track_name(data, mother), [track_name(data, row) for row in rows]
        linked = [data.parent[data.track[row]] == data.track[mother] for row in rows]
        roots = [name for name, known in zip(daughters, linked, strict=True) if not known]
        t = int(data.t[rows[0]])
        if len(roots) == 2:
            sentence = (
                f"Track {name} ends in frame {data.t[mother]}, and tracks {daughters[0]} and "
                f"{daughters[1]} begin {length(data, fov, away[0])} and "
                f"{length(data, fov, away[1])} beside it in frame {t}, without a parent: a "
                "division that was not linked?"
            )
        else:
            child = next(name for name, known in zip(daughters, linked, strict=True) if known)
            sentence = (
                f"Track {name} goes on as {child} in frame {t}, and track {roots[0]} begins beside "
                "it without a parent: a division of which one daughter was not linked?"
            )
        yield Finding(
            kind="missed-division",
            severity="warning",
            sentence=sentence,
            remedy=(
                "Add the links in your tracking tool. Without them no pair goes across this "
                "division, and the daughters count as other lineages."
            ),
            **where(data, fov),
            tracks=(name, *daughters),
            t=t,
            evidence=lengths(data, fov, distance=away[0], other_distance=away[1]),
            settled_by=(
                (track_target(data, int(data.track[mother])),),
                tuple(track_target(data, int(data.track[row])) for row in rows),
            ),
            count=2,
        )


register(TableCheck("missed-divisions", ("missed-division",), find_missed_divisions))
