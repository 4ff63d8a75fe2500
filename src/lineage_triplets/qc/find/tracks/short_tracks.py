"""Very short tracks that nothing is linked to, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import TableCheck, register
from lineage_triplets.qc.find.tracks.words import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.find.track_data.data import TrackData

_SHORT = 2
_LEAST_MOVIE_FRAMES = 4


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


register(TableCheck("short-tracks", ("short-track",), find_short_tracks))
