"""What is wrong with one table: links that cannot be, as pure arrays, and the report of it all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats.columns import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.errors import Problem, Severity
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

# Of each kind of fault; the rest is counted in one more problem.
FAULTS_LISTED_MAX = 20


@dataclass(frozen=True)
class TrackSpans:
    """The unique tracks of a table and where their rows are; one entry a track, in order of ids.

    Attributes
    ----------
    order : ndarray of int64, shape (n_rows,)
        Rows sorted by track and t; rows of the same track and t stay in their order.
    start, n_rows : ndarray of int64, shape (n_tracks,)
        Where in `order` a track begins, and how many rows it has.
    track_id, first_t, last_t : ndarray of int64, shape (n_tracks,)
    """

    order: Int64Array
    start: Int64Array
    n_rows: Int64Array
    track_id: Int64Array
    first_t: Int64Array
    last_t: Int64Array

    def rows(self, track: int) -> Int64Array:
        """Return the rows of one track, by its index, sorted by t."""
        return self.order[self.start[track] : self.start[track] + self.n_rows[track]]


@dataclass(frozen=True)
class LinkFaults:
    """What holds for the link of each track to its parent; arrays of shape (n_tracks,).

    Attributes
    ----------
    parent_index : ndarray of int64
        Index of the parent; -1 if there is none, or it is absent, or the track itself.
    is_own_parent, parent_absent : ndarray of bool
    in_cycle : ndarray of bool
        The track is its own ancestor. Tracks that merely descend from a cycle are not.
    parent_later : ndarray of bool
        The parent's first frame is after the track's, and the link is not part of a cycle.
    parent_overlaps : ndarray of bool
        The parent starts no later, and has a frame at or after the track's first.
    """

    parent_index: Int64Array
    is_own_parent: BoolArray
    parent_absent: BoolArray
    in_cycle: BoolArray
    parent_later: BoolArray
    parent_overlaps: BoolArray


def span_tracks(track_id: Int64Array, t: Int64Array, usable: BoolArray) -> TrackSpans:
    """Group the usable rows of a table by track.

    Parameters
    ----------
    track_id, t : ndarray of int64, shape (n,)
    usable : ndarray of bool, shape (n,)
        Rows whose track and t are known.
    """
    order = np.arange(len(track_id)) if usable.all() else np.flatnonzero(usable)
    tracks, frames = track_id[order], t[order]
    later = (tracks[1:] > tracks[:-1]) | ((tracks[1:] == tracks[:-1]) & (frames[1:] >= frames[:-1]))
    if not later.all():
        by_track = np.lexsort((frames, tracks))
        order, tracks, frames = order[by_track], tracks[by_track], frames[by_track]
    is_first = np.concatenate([np.ones(min(len(order), 1), bool), tracks[1:] != tracks[:-1]])
    start = np.flatnonzero(is_first)
    n_rows = np.diff(start, append=len(order))
    return TrackSpans(
        order=order, start=start, n_rows=n_rows, track_id=tracks[start],
        first_t=frames[start], last_t=frames[start + n_rows - 1],
    )  # fmt: skip


def parents_of_tracks(spans: TrackSpans, parent: Int64Array) -> tuple[Int64Array, BoolArray]:
    """Reduce the parent on each row to the one parent of each track.

    Parameters
    ----------
    parent : ndarray of int64, shape (n_table_rows,)
        -1 for none; rows with none do not contradict the others.

    Returns
    -------
    parent : ndarray of int64, shape (n_tracks,)
        -1 for none, and where rows name different parents.
    contradicts : ndarray of bool, shape (n_tracks,)
        Rows of the track name different parents.
    """
    if not len(spans.order):
        return np.zeros(0, np.int64), np.zeros(0, bool)
    named = parent[spans.order]
    largest = np.maximum.reduceat(named, spans.start)
    named_or_huge = np.where(named < 0, np.iinfo(np.int64).max, named)
    contradicts = np.minimum.reduceat(named_or_huge, spans.start) < largest
    return np.where(contradicts, -1, largest), contradicts


def check_links(
    track_id: Int64Array,
    first_t: Int64Array,
    last_t: Int64Array,
    parent_track_id: Int64Array,
) -> LinkFaults:
    """Check each track's link to its parent.

    Parameters
    ----------
    track_id : ndarray of int64, shape (n,)
        Unique, ascending.
    first_t, last_t : ndarray of int64, shape (n,)
        First and last frame of each track.
    parent_track_id : ndarray of int64, shape (n,)
        -1 for none.
    """
    n_tracks = len(track_id)
    itself = np.arange(n_tracks)
    position = np.minimum(np.searchsorted(track_id, parent_track_id), max(n_tracks - 1, 0))
    is_named = parent_track_id >= 0
    is_present = is_named & (track_id[position] == parent_track_id)
    is_own_parent = is_present & (position == itself)
    is_linked = is_present & ~is_own_parent
    parent_index = np.where(is_linked, position, -1)
    not_earlier = is_linked & (first_t[position] >= first_t)
    in_cycle = np.zeros(n_tracks, bool)
    # Times cannot rise all the way round: every cycle has a link to a parent that is not earlier.
    if not_earlier.any():
        ancestor = np.where(is_linked, position, itself)
        for _ in range(n_tracks.bit_length()):
            ancestor = ancestor[ancestor]
        in_cycle[ancestor[is_linked[ancestor]]] = True
    parent_later = is_linked & ~in_cycle & (first_t[position] > first_t)
    return LinkFaults(
        parent_index=parent_index,
        is_own_parent=is_own_parent,
        parent_absent=is_named & ~is_present,
        in_cycle=in_cycle,
        parent_later=parent_later,
        parent_overlaps=is_linked & ~in_cycle & ~parent_later & (last_t[position] >= first_t),
    )


def list_cycles(faults: LinkFaults) -> list[list[int]]:
    """Return the indices of the tracks of each cycle, a track followed by its parent."""
    cycles = []
    left = set(np.flatnonzero(faults.in_cycle).tolist())
    while left:
        cycle = [min(left)]
        while (parent := int(faults.parent_index[cycle[-1]])) != cycle[0]:
            cycle.append(parent)
        left.difference_update(cycle)
        cycles.append(cycle)
    return cycles


class TableReport:
    """Faults, warnings and notes about one table, each placed in its file.

    Attributes
    ----------
    faults : list of Problem
        What leaves the lineages without meaning.
    problems : list of Problem
        What was repaired or left out.
    """

    def __init__(self, source: TrackSource, raw: RawTable) -> None:
        self._source = source
        self._raw = raw
        self.faults: list[Problem] = [p for p in raw.problems if p.severity == "error"]
        self.problems: list[Problem] = [p for p in raw.problems if p.severity != "error"]

    def raise_faults(self) -> None:
        """Raise all faults in one error, if there are any."""
        if self.faults:
            raise TrackTableError(*self.faults)

    def add(
        self,
        kind: str,
        message: str,
        remedy: str = "",
        severity: Severity = "note",
        *,
        at: BoolArray | None = None,
        row: int | None = None,
        count: int = 1,
    ) -> None:
        """Add one problem, placed and counted by a mask of rows, or by one row and a count."""
        if at is not None:
            row, count = int(np.argmax(at)), int(at.sum())
        number = None if row is None else int(self._raw.row[row])
        line, row = (number, None) if self._raw.has_lines else (None, number)
        problem = self._source.problem(
            kind, message, remedy, severity, count=count, line=line, row=row
        )
        (self.faults if severity == "error" else self.problems).append(problem)

    def add_each(
        self,
        kind: str,
        bad: BoolArray,
        describe: Callable[[int], tuple[int, str]],
        remedy: str,
    ) -> None:
        """Add a fault for each of the first bad ones, and one that counts the rest.

        Parameters
        ----------
        bad : ndarray of bool
            Of rows or of tracks.
        describe : callable
            From an index into `bad` to the row to point at, and the message.
        """
        if not bad.any():
            return
        which = np.flatnonzero(bad).tolist()
        for index in which[:FAULTS_LISTED_MAX]:
            row, message = describe(index)
            self.add(kind, message, remedy, "error", row=row)
        more = len(which) - FAULTS_LISTED_MAX
        if more > 0:
            row, message = describe(which[FAULTS_LISTED_MAX])
            message = f"{message} With it, {more} more of this kind are not listed."
            self.add(kind, message, remedy, "error", row=row, count=more)

    def add_values(self, kind: str, column: str, bad: BoolArray, wanted: str) -> None:
        """Add a fault for each bad value of a column."""

        def describe(row: int) -> tuple[int, str]:
            value = shown(self._raw.columns[column], row)
            return row, f"{column} is {value}, which is not {wanted}."

        self.add_each(kind, bad, describe, f"Correct {column} in this row, or remove the row.")

    def place_name(self, row: int) -> str:
        """Return "line 3" or "row 3"."""
        return f"{'line' if self._raw.has_lines else 'row'} {self._raw.row[row]}"
