"""Two tracks on one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.tracks.words import length, lengths, track_target, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.track_data.data import TrackData

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

_SHARE_OF_CELL, _TIGHT_SHARE_OF_CELL = 0.3, 0.12
_LEAST_FRAMES = 3
_SISTER_FRAMES, _SISTER_HOURS = 4, 2.0


def find_duplicates(data: TrackData) -> Iterator[Finding]:
    """One finding a pair of tracks, at the first of some frames in a row."""
    row = np.arange(len(data.t))
    reach = _SHARE_OF_CELL * data.cell_px[data.fov]
    one, other, apart = data.search.within(data.group, data.still, reach)
    twice = data.track[one] < data.track[other]
    one, other, apart = row[one[twice]], other[twice], apart[twice]
    tracks = data.track[one], data.track[other]
    order = np.lexsort((data.t[one], tracks[1], tracks[0]))
    one, other, apart = one[order], other[order], apart[order]
    starts = np.flatnonzero(np.append(True, _breaks(data, one, other))[: len(one)])
    runs = np.diff(np.append(starts, len(one)))
    enough = (runs >= _LEAST_FRAMES) | _whole_and_tight(data, one, other, apart, starts, runs)
    enough &= ~_excused_sisters(data, one[starts], other[starts], runs)
    reported: set[tuple[int, int]] = set()
    for start, n in zip(starts[enough].tolist(), runs[enough].tolist(), strict=True):
        pair = int(data.track[one[start]]), int(data.track[other[start]])
        if pair not in reported:
            reported.add(pair)
            yield _finding(data, pair, int(one[start]), n, float(apart[start : start + n].mean()))


def _breaks(data: TrackData, one: Int64Array, other: Int64Array) -> NDArray[np.bool_]:
    """Where a pair of tracks or a run of frames ends."""
    breaks: NDArray[np.bool_] = (
        (data.track[one[1:]] != data.track[one[:-1]])
        | (data.track[other[1:]] != data.track[other[:-1]])
        | (data.t[one[1:]] != data.t[one[:-1]] + 1)
    )
    return breaks


def _whole_and_tight(
    data: TrackData,
    one: Int64Array,
    other: Int64Array,
    apart: Float64Array,
    starts: Int64Array,
    runs: Int64Array,
) -> NDArray[np.bool_]:
    """Runs that last as long as the shorter track, so close that two cells cannot be."""
    lengths_of = data.last_row - data.first_row + 1
    shorter = np.minimum(lengths_of[data.track[one[starts]]], lengths_of[data.track[other[starts]]])
    widest = np.maximum.reduceat(apart, starts) if len(starts) else apart
    tight: NDArray[np.bool_] = widest < _TIGHT_SHARE_OF_CELL * data.cell_px[data.fov[one[starts]]]
    tight &= runs == shorter
    return tight


def _excused_sisters(
    data: TrackData, one: Int64Array, other: Int64Array, n: Int64Array
) -> NDArray[np.bool_]:
    """Daughters of one mother that have not parted yet."""
    tracks = data.track[one], data.track[other]
    sisters = (data.parent[tracks[0]] >= 0) & (data.parent[tracks[0]] == data.parent[tracks[1]])
    together = data.t[one] - np.maximum(
        data.t[data.first_row[tracks[0]]], data.t[data.first_row[tracks[1]]]
    )
    hours = (together + n) * data.interval_minutes[data.fov[one]] / 60
    excused: NDArray[np.bool_] = sisters & (
        (together + n <= _SISTER_FRAMES) | (hours <= _SISTER_HOURS)
    )
    return excused


def _finding(data: TrackData, pair: tuple[int, int], row: int, n: int, apart: float) -> Finding:
    fov, t = int(data.fov[row]), int(data.t[row])
    names = [int(data.track_id[track]) for track in pair]
    cell = float(data.cell_px[fov])
    return Finding(
        kind="duplicate-track",
        severity="warning",
        sentence=(
            f"Tracks {names[0]} and {names[1]} lie on one cell from frame {t} on, for "
            f"{counted(n, 'frame')}: they are {length(data, fov, apart)} apart; a cell is about "
            f"{length(data, fov, cell)} wide."
        ),
        remedy="Reject one of them; otherwise it is taken for another cell.",
        **where(data, fov),
        tracks=(names[0], names[1]),
        t=t,
        evidence=(
            *lengths(data, fov, distance=apart, cell_width=cell),
            Evidence("frames", n, "frames"),
        ),
        settled_by=tuple((track_target(data, track),) for track in pair),
        count=n,
    )


register(TableCheck("duplicate-tracks", ("duplicate-track",), find_duplicates))
