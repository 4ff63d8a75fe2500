"""Tracks that are no cell's life: doubled, short, or lost amid the field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.checks import TableCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.track_data.data import (
    length,
    lengths,
    track_target,
    where,
)
from lineage_triplets.qc.find.tracks.missed_divisions import missed_divisions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find.track_data.data import TrackData


_SHARE_OF_CELL, _TIGHT_SHARE_OF_CELL = 0.3, 0.12
_SHARE_OF_NEIGHBOUR, _LEAST_SHARE_OF_LIFE = 0.25, 0.5
_NEAREST, _FEW_CELLS = 6, 5
_LEAST_FRAMES = 3
_SISTER_FRAMES, _SISTER_HOURS = 4, 2.0
_SHORT_ROWS = 2
_LEAST_MOVIE_FRAMES = 4


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
    tight = _tight(data, one, apart, starts)
    overlap = _frames_together(data, one[starts], other[starts])
    lasting = runs >= _LEAST_SHARE_OF_LIFE * overlap
    # Neighbours that pass each other are on one place for some frames; one cell's tracks stay so.
    enough = (runs >= _LEAST_FRAMES) & (lasting | tight) | tight & (runs == overlap)
    enough &= ~_excused_sisters(data, one[starts], other[starts], runs)
    enough[enough] = _nearer_than_neighbours(data, one, apart, starts[enough], runs[enough])
    reported: set[tuple[int, int]] = set()
    for start, n in zip(starts[enough].tolist(), runs[enough].tolist(), strict=True):
        pair = int(data.track[one[start]]), int(data.track[other[start]])
        if pair not in reported:
            reported.add(pair)
            yield _duplicate(data, pair, int(one[start]), n, float(apart[start : start + n].mean()))


def _breaks(data: TrackData, one: Int64Array, other: Int64Array) -> BoolArray:
    """Where a pair of tracks or a run of frames ends."""
    breaks: BoolArray = (
        (data.track[one[1:]] != data.track[one[:-1]])
        | (data.track[other[1:]] != data.track[other[:-1]])
        | (data.t[one[1:]] != data.t[one[:-1]] + 1)
    )
    return breaks


def _tight(data: TrackData, one: Int64Array, apart: Float64Array, starts: Int64Array) -> BoolArray:
    """Runs so close throughout that two cells cannot be."""
    widest = np.maximum.reduceat(apart, starts) if len(starts) else apart
    tight: BoolArray = widest < _TIGHT_SHARE_OF_CELL * data.cell_px[data.fov[one[starts]]]
    return tight


def _frames_together(data: TrackData, one: Int64Array, other: Int64Array) -> Int64Array:
    """From the first frame to the last in which both tracks of a pair are."""
    tracks = data.track[one], data.track[other]
    first = np.maximum(*(data.t[data.first_row[track]] for track in tracks))
    last = np.minimum(*(data.t[data.last_row[track]] for track in tracks))
    together: Int64Array = last - first + 1
    return together


def _nearer_than_neighbours(
    data: TrackData, one: Int64Array, apart: Float64Array, starts: Int64Array, runs: Int64Array
) -> BoolArray:
    """Runs that are far closer than neighbours are in the frame where the run begins."""
    frames, of = np.unique(data.group[one[starts]], return_inverse=True)
    usual = np.array([_usual_neighbour_px(data, group) for group in frames.tolist()])
    mean = [
        float(apart[start : start + n].mean())
        for start, n in zip(starts.tolist(), runs.tolist(), strict=True)
    ]
    nearer: BoolArray = np.array(mean) < _SHARE_OF_NEIGHBOUR * usual[of]
    return nearer


def _usual_neighbour_px(data: TrackData, group: int) -> float:
    """Median distance of neighbours in a frame, copies apart; infinite where there are few."""
    low, high = np.searchsorted(data.search.key, np.array([group, group + 1]) * data.search.stride)
    rows = data.search.order[low:high]
    if len(rows) < _FEW_CELLS:
        return np.inf
    place = data.still[:, rows].T
    distance, _ = KDTree(place).query(place, k=min(_NEAREST, len(rows)))
    copies = distance < _TIGHT_SHARE_OF_CELL * data.cell_px[data.fov[rows[0]]]
    nearest = np.where(copies, np.inf, distance).min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.median(nearest)) if len(nearest) else np.inf


def _excused_sisters(
    data: TrackData, one: Int64Array, other: Int64Array, n: Int64Array
) -> BoolArray:
    """Daughters of one mother that have not parted yet."""
    tracks = data.track[one], data.track[other]
    sisters = (data.parent[tracks[0]] >= 0) & (data.parent[tracks[0]] == data.parent[tracks[1]])
    together = data.t[one] - np.maximum(
        data.t[data.first_row[tracks[0]]], data.t[data.first_row[tracks[1]]]
    )
    hours = (together + n) * data.interval_minutes[data.fov[one]] / 60
    excused: BoolArray = sisters & ((together + n <= _SISTER_FRAMES) | (hours <= _SISTER_HOURS))
    return excused


def _duplicate(data: TrackData, pair: tuple[int, int], row: int, n: int, apart: float) -> Finding:
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


def find_open_ends(data: TrackData) -> Iterator[Finding]:
    """One note a FOV for tracks that begin, and one for those that end."""
    exchanges = data.exchanges
    missed = missed_divisions(data)[0].ravel()
    explained = np.concatenate([missed, exchanges.begin, exchanges.end])
    has_rows = data.first_row >= 0
    tracks = np.bincount(data.track_fov[has_rows], minlength=len(data.sources))
    yield from _open_end_notes(data, data.begins, explained, tracks, "begins", "first", "no parent")
    yield from _open_end_notes(data, data.ends, explained, tracks, "ends", "last", "no daughters")


def _open_end_notes(
    data: TrackData,
    free: BoolArray,
    explained: Int64Array,
    tracks: Int64Array,
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


def find_short_tracks(data: TrackData) -> Iterator[Finding]:
    """One note a FOV."""
    there = data.first_row >= 0
    alone = there & (data.parent < 0) & (data.n_children == 0)
    alone &= data.n_frames[data.track_fov] >= _LEAST_MOVIE_FRAMES
    short = alone & (data.last_row - data.first_row + 1 <= _SHORT_ROWS)
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
                f"{n} of {total[fov]} tracks ({share:.0%}) {have} {_SHORT_ROWS} observations or "
                "fewer, and neither parent nor daughters."
            ),
            remedy="They are often debris or a tracker's slips; they give few pairs or none.",
            **where(data, fov),
            evidence=(Evidence("tracks", n), Evidence("share of tracks", share)),
            count=n,
        )


register(TableCheck("duplicate-tracks", ("duplicate-track",), find_duplicates))
register(TableCheck("open-ends", ("track-begins", "track-ends"), find_open_ends))
register(TableCheck("short-tracks", ("short-track",), find_short_tracks))
