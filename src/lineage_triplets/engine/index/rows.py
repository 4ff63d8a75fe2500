"""Tracks and observations as columns of plain arrays; rows to tracks, with wrong links cut."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.settings.model import Cut


@dataclass(frozen=True)
class Tracks:
    """Every track that any table has, sorted by (FOV, track_id, frame); one entry a track.

    Attributes
    ----------
    fov : ndarray of int64
        Number of the FOV.
    track_id, parent_track_id : ndarray of int64
        As in the table; the parent is -1 for a root, also where its link was cut.
    cut_t : ndarray of int64
        First frame after a cut inside the track; -1 where none precedes.
    """

    fov: Int64Array
    track_id: Int64Array
    parent_track_id: Int64Array
    cut_t: Int64Array


@dataclass(frozen=True)
class Observations:
    """One entry a row: a cell in a frame that may be looked at.

    Attributes
    ----------
    track : ndarray of int64
        Number of the track in `Tracks`.
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
    first = first_segment[found]
    end = np.append(first_segment, len(first_t))[found + 1]
    parent[linked] = first
    while True:
        further = parent[linked] + 1
        inside = further < end
        candidate = np.where(inside, further, first)
        moves = inside & (first_t[candidate] < first_t[linked])
        if not moves.any():
            return parent
        parent[linked[moves]] += 1


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
