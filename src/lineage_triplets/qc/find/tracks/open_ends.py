"""Tracks that begin or end amid the field, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import TableCheck, register
from lineage_triplets.qc.find.tracks.words import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData


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


register(TableCheck("open-ends", ("track-begins", "track-ends"), find_open_ends))
