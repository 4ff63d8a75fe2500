"""Tracks and observations as columns of plain arrays; rows to tracks, with wrong links cut."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.settings.model import Cut


def _nothing() -> Int64Array:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Parts:
    """What the tables' tracks fall into, sorted by (FOV, track_id, frame), and what became of it.

    Attributes
    ----------
    fov, track_id : ndarray of int64
        Number of the FOV, and the track in its table.
    cut_t : ndarray of int64
        First frame after a cut, or a division that a link made, inside the track; -1 for its start.
    track : ndarray of int64
        Number in `Tracks` of the track that the part is, or is joined to.
    """

    fov: Int64Array = field(default_factory=_nothing)
    track_id: Int64Array = field(default_factory=_nothing)
    cut_t: Int64Array = field(default_factory=_nothing)
    track: Int64Array = field(default_factory=_nothing)

    def of_track(self, fov: int, track_id: int) -> slice:
        """Give the entries of a table's track."""
        low, high = np.searchsorted(self.fov, [fov, fov + 1])
        first, end = np.searchsorted(self.track_id[low:high], [track_id, track_id + 1]) + low
        return slice(int(first), int(end))

    def of_cell(self, fov: int, track_id: int, t: int) -> int:
        """Give the entry that has, or would have, a table's cell; -1 where there is none."""
        own = self.of_track(fov, track_id)
        place = int(np.searchsorted(self.cut_t[own], t, side="right"))
        return own.start + place - 1 if place else -1


@dataclass(frozen=True)
class Tracks:
    """Every track that any table has, sorted by (FOV, track_id, frame); one entry a track.

    Attributes
    ----------
    fov : ndarray of int64
        Number of the FOV.
    track_id : ndarray of int64
        As in the table; of a track joined of several, that of its first part.
    parent_track_id : ndarray of int64
        That of the parent; -1 for a root, also where its link was cut.
    cut_t : ndarray of int64
        First frame after a cut, or a division that a link made, inside the track; -1 where none
        precedes.
    joined : Parts
        Those that links joined to an earlier one, and that are no track of their own.
    """

    fov: Int64Array
    track_id: Int64Array
    parent_track_id: Int64Array
    cut_t: Int64Array
    joined: Parts = field(default_factory=Parts)

    @cached_property
    def parts(self) -> Parts:
        """Every part of every table's track, to find what a cell of a table belongs to."""
        own = Parts(self.fov, self.track_id, self.cut_t, np.arange(len(self.fov)))
        if not len(self.joined.track):
            return own
        columns = [
            np.concatenate([getattr(own, column.name), getattr(self.joined, column.name)])
            for column in fields(Parts)
        ]
        order = np.lexsort((columns[2], columns[1], columns[0]))
        return Parts(*(column[order] for column in columns))

    def of_one_fov(self, tracks: Int64Array) -> Tracks:
        """Give some tracks of one FOV, by ascending number, as those of FOV 0."""
        joined = self.joined
        place = np.searchsorted(tracks, joined.track)
        taken = np.append(tracks, -1)[place] == joined.track
        return Tracks(
            np.zeros(len(tracks), dtype=np.int64),
            self.track_id[tracks],
            self.parent_track_id[tracks],
            self.cut_t[tracks],
            Parts(
                np.zeros(int(taken.sum()), dtype=np.int64),
                joined.track_id[taken],
                joined.cut_t[taken],
                place[taken],
            ),
        )


@dataclass(frozen=True)
class Observations:
    """One entry a row: a cell in a frame that may be looked at.

    Attributes
    ----------
    track : ndarray of int64
        Number of the track in `Tracks`.
    track_id : ndarray of int64
        The track in the table, whatever was cut or linked.
    t : ndarray of int64
        Frame of the image.
    y, x, z : ndarray of float64
        Pixels and slices of the image: as in the table, or where `track_transform` puts them.
    y_clamp, x_clamp : ndarray of float64
        Moved inward so that the patch fits, as ``border`` says.
    id, parent_id : ndarray of int64
        As in the table; -1 where it has none.
    """

    track: Int64Array
    track_id: Int64Array
    t: Int64Array
    y: Float64Array
    x: Float64Array
    z: Float64Array
    y_clamp: Float64Array
    x_clamp: Float64Array
    id: Int64Array
    parent_id: Int64Array

    def __len__(self) -> int:
        return len(self.t)

    def take(self, rows: Int64Array | BoolArray) -> Observations:
        """Some of the rows, in the order given."""
        return Observations(
            **{column.name: getattr(self, column.name)[rows] for column in fields(self)}
        )


def cut_tracks(
    fov: Int64Array,
    track_id: Int64Array,
    parent_track_id: Int64Array,
    t: Int64Array,
    cuts: Sequence[Cut],
    fov_number: Mapping[tuple[str, str], int],
) -> tuple[Tracks, Int64Array, Int64Array, list[Problem]]:
    """Number the tracks, cut what is to be cut, and link the rest.

    Parameters
    ----------
    fov, track_id, parent_track_id, t : ndarray of int64, shape (rows,)
        Sorted by (FOV, track_id, frame).
    cuts : sequence of Cut
    fov_number : mapping
        Number of each FOV by the names of its experiment and itself.

    Returns
    -------
    tracks : Tracks
    parent : ndarray of int64, shape (tracks,)
        Number of the parent track, -1 for a root.
    track : ndarray of int64, shape (rows,)
        Number of each row's track.
    problems : list of Problem
        Cuts that match nothing.
    """
    change = np.ones(len(t), dtype=bool)
    change[1:] = (fov[1:] != fov[:-1]) | (track_id[1:] != track_id[:-1])
    whole = np.flatnonzero(change)
    whole_key = _Keys(fov[whole], track_id[whole])
    whole_end = np.append(whole[1:], len(t))
    problems: list[Problem] = []
    inside: dict[int, int] = {}
    from_mother: list[int] = []
    for cut in cuts:
        where = fov_number.get((cut.experiment, cut.fov))
        found = -1 if where is None else whole_key.find(where, cut.track_id)
        if where is None or found < 0:
            problems.append(_unmatched(cut, "there is no such track"))
            continue
        if cut.daughter is not None:
            daughter = whole_key.find(where, cut.daughter)
            if daughter < 0 or parent_track_id[whole[daughter]] != cut.track_id:
                problems.append(_unmatched(cut, f"track {cut.daughter} is no daughter of it"))
            else:
                from_mother.append(daughter)
            continue
        frame = int(cut.t or 0)
        row = int(whole[found] + np.searchsorted(t[whole[found] : whole_end[found]], frame))
        if row in {int(whole[found]), int(whole_end[found])}:
            problems.append(_unmatched(cut, f"it has no frames on both sides of t = {frame}"))
        elif frame > inside.get(row, -1):
            inside[row] = frame
    starts = np.union1d(whole, np.array(sorted(inside), dtype=np.int64)) if inside else whole
    change[starts] = True
    track = np.cumsum(change) - 1
    cut_t = np.full(len(starts), -1, dtype=np.int64)
    for row, frame in inside.items():
        cut_t[track[row]] = frame
    parents = parent_track_id[starts].copy()
    parents[cut_t >= 0] = -1
    if from_mother:
        parents[track[whole[from_mother]]] = -1
    tracks = Tracks(fov[starts], track_id[starts], parents, cut_t)
    return tracks, _parent_numbers(tracks, t[starts], whole_key, track[whole]), track, problems


def _parent_numbers(
    tracks: Tracks, first_t: Int64Array, whole_key: _Keys, first_segment: Int64Array
) -> Int64Array:
    """Number of each track's parent: of a cut parent, the last part that starts before it."""
    parent = np.full(len(first_t), -1, dtype=np.int64)
    linked = np.flatnonzero(tracks.parent_track_id >= 0)
    found = whole_key.find_all(tracks.fov[linked], tracks.parent_track_id[linked])
    linked, found = linked[found >= 0], found[found >= 0]
    end = np.append(first_segment, len(first_t))[found + 1]
    parent[linked] = part_followed(first_segment[found], end, first_t, first_t[linked])
    return parent


def part_followed(
    first: Int64Array, end: Int64Array, first_t: Int64Array, child_t: Int64Array
) -> Int64Array:
    """Of each parent's parts, `first` to `end`, the last that starts before the child does.

    The first one where none does. `first_t` are the frames in which parts start.
    """
    part = first.copy()
    while True:
        further = np.where(part + 1 < end, part + 1, first)
        moves = (further > part) & (first_t[further] < child_t)
        if not moves.any():
            return part
        part = part + moves


class _Keys:
    """Finds (FOV, track_id) among sorted, unique pairs."""

    def __init__(self, fov: Int64Array, track_id: Int64Array) -> None:
        self._distinct, self._rank = np.unique(track_id, return_inverse=True)
        self._key = fov * len(self._distinct) + self._rank

    def find(self, fov: int, track_id: int) -> int:
        """Place of one pair; -1 where it is not there."""
        return int(self.find_all(np.array([fov]), np.array([track_id]))[0])

    def find_all(self, fov: Int64Array, track_id: Int64Array) -> Int64Array:
        """Places of pairs; -1 where one is not there."""
        if not len(self._key):
            return np.full(len(fov), -1, dtype=np.int64)
        rank = np.minimum(np.searchsorted(self._distinct, track_id), len(self._distinct) - 1)
        known = self._distinct[rank] == track_id
        key = fov * len(self._distinct) + rank
        place = np.minimum(np.searchsorted(self._key, key), len(self._key) - 1)
        return np.where(known & (self._key[place] == key), place, -1)


def _unmatched(cut: Cut, why: str) -> Problem:
    what = f"to daughter {cut.daughter}" if cut.daughter is not None else f"at t = {cut.t}"
    return Problem(
        "unmatched-cut",
        f"the cut of track {cut.track_id} {what} matches nothing: {why}.",
        "Remove it from the config, or mend its numbers.",
        severity="warning",
        experiment=cut.experiment,
        fov=cut.fov,
        field="cut",
    )
