"""Tracks that begin or end where cells do not: divisions without links, losses, debris."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.tracks.words import length, lengths, track_name, track_target, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

_SHORT = 2
_LEAST_MOVIE_FRAMES = 4


def find_open_ends(data: TrackData) -> Iterator[Finding]:
    """One note a FOV for tracks that begin, and one for those that end."""
    missed, exchanges = data.unlinked_divisions, data.exchanges
    explained = np.concatenate(
        [missed.mother, missed.one, missed.other, exchanges.begin, exchanges.end]
    )
    has_rows = data.first_row >= 0
    tracks = np.bincount(data.track_fov[has_rows], minlength=len(data.sources))
    yield from _notes(data, data.begins, explained, tracks, "begins", "first", "no parent")
    yield from _notes(data, data.ends, explained, tracks, "ends", "last", "no daughters")


def _notes(
    data: TrackData,
    free: NDArray[np.bool_],
    explained: NDArray[np.int64],
    tracks: NDArray[np.int64],
    word: str,
    edge: str,
    lacks: str,
) -> Iterator[Finding]:
    rows = np.flatnonzero(free & data.is_amid)
    rows = rows[~np.isin(rows, explained)]
    count = np.bincount(data.fov[rows], minlength=len(data.sources))
    for fov in np.flatnonzero(count).tolist():
        n, total = int(count[fov]), int(tracks[fov])
        share = n / total
        plural = n != 1
        verb = word.removesuffix("s") if plural else word
        yield Finding(
            kind=f"track-{word}",
            severity="note",
            sentence=(
                f"{n} of {total} tracks ({share:.0%}) {verb} amid the field, not in the {edge} "
                f"frame, with {lacks}."
            ),
            remedy=(
                "The tracker may have lost these cells; pairs across the loss are missing, but "
                "none is wrong."
            ),
            **where(data, fov),
            evidence=(Evidence("tracks", n), Evidence("share of tracks", share)),
            count=n,
        )


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


def find_short_tracks(data: TrackData) -> Iterator[Finding]:
    """One note a FOV."""
    there = data.first_row >= 0
    alone = there & (data.parent < 0) & (data.n_children == 0)
    alone &= data.n_frames[data.track_fov] >= _LEAST_MOVIE_FRAMES
    short = alone & (data.last_row - data.first_row + 1 <= _SHORT)
    n_fovs = len(data.sources)
    count = np.bincount(data.track_fov[short], minlength=n_fovs)
    total = np.bincount(data.track_fov[there], minlength=n_fovs)
    for fov in np.flatnonzero(count).tolist():
        n = int(count[fov])
        share = n / int(total[fov])
        have = "have" if n > 1 else "has"
        yield Finding(
            kind="short-track",
            severity="note",
            sentence=(
                f"{n} of {total[fov]} tracks ({share:.0%}) {have} {_SHORT} observations or fewer, "
                "and neither parent nor daughters."
            ),
            remedy="They are often debris or a tracker's slips; they give few pairs or none.",
            **where(data, fov),
            evidence=(Evidence("tracks", n), Evidence("share of tracks", share)),
            count=n,
        )


register(TableCheck("open-ends", ("track-begins", "track-ends"), find_open_ends))
register(TableCheck("missed-divisions", ("missed-division",), find_missed_divisions))
register(TableCheck("short-tracks", ("short-track",), find_short_tracks))
