"""The tracks as decisions leave them: links cut and joined, what is rejected left out, numbered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.engine.errors import choices, counted
from lineage_triplets.engine.index.assemble import excluded_rows
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.settings.model import Exclusions
from lineage_triplets.qc.open.data import every_cell, unread_problems

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.qc.open.data import ReviewData

_OUTSIDE = frozenset({"outside-movie", "outside-image", "outside-stack"})


@dataclass(frozen=True, eq=False)
class FovTracks:
    """One FOV's cells, sorted by (track, t); what names rows counts from 0.

    Attributes
    ----------
    source : FovSource
    cell : ndarray of int64, shape (n,)
        The table's ids where it has one for each cell; else from 1.
    track, parent, lineage : ndarray of int64, shape (n,)
        Ids of the cell's track, of that track's mother (-1 for none), and of its root.
    t : ndarray of int64, shape (n,)
        Frames of the image.
    y, x, z : ndarray of float64, shape (n,)
        Pixels and slices of the image.
    previous : ndarray of int64, shape (n,)
        Row of the cell before: in the track, or the mother's last before it; -1 for none.
    n_overlaps : int
        Tracks that begin before their mother ends.
    """

    source: FovSource
    cell: Int64Array
    track: Int64Array
    parent: Int64Array
    lineage: Int64Array
    t: Int64Array
    y: Float64Array
    x: Float64Array
    z: Float64Array
    previous: Int64Array
    n_overlaps: int

    def __len__(self) -> int:
        return len(self.t)

    @property
    def links(self) -> tuple[Int64Array, Int64Array]:
        """Rows of all links: from, and to."""
        to = np.flatnonzero(self.previous >= 0)
        return self.previous[to], to

    def tracklets(self, *, split_gaps: bool = False) -> Int64Array:
        """Number each cell's unbranched way: as its first track, else above all tracks.

        An only daughter goes on in her mother's; of a mother who goes on beside her daughter, the
        rest is one of its own, and where asked for what follows a gap.
        """
        source, _ = self.links
        n_next = np.bincount(source, minlength=len(self))
        begins = (self.previous < 0) | (n_next[self.previous] > 1)
        if split_gaps:
            begins |= self.t - self.t[self.previous] > 1
        first = Forest.build(np.where(begins, -1, self.previous)).root
        heads = np.flatnonzero(begins)
        numbers = self.track[heads].copy()
        _, known = np.unique(numbers, return_index=True)
        is_again = ~np.isin(np.arange(len(heads)), known)
        numbers[is_again] = self.track.max(initial=0) + 1 + np.arange(int(is_again.sum()))
        return numbers[np.searchsorted(heads, first)]


@dataclass(frozen=True, eq=False)
class MendedTracks:
    """All FOVs of a review as its decisions leave them.

    Attributes
    ----------
    fovs : tuple of FovTracks
        Those that are not rejected.
    origin : DataFrame
        Which track of the tables is now which: ``experiment, fov_name, track_id, first_t, last_t,
        cells, cells_written, new_track_id``, one row a piece of a table's track.
    notes : tuple of str
        What is left out, with counts.
    """

    fovs: tuple[FovTracks, ...]
    origin: pd.DataFrame
    notes: tuple[str, ...]


def mended_tracks(data: ReviewData, *, keep_rejected: bool = False) -> MendedTracks:
    """Apply all decisions about tracks.

    A track keeps the id that its table gives it where it has just the cells that it has there,
    rejected or not. Others get ids above all of the FOV's table.

    Parameters
    ----------
    data : ReviewData
    keep_rejected : bool
        Keep what was rejected; by default it is left out.
    """
    settings = every_cell(data.settings)
    if settings == data.settings:
        index = data.linked
    else:
        cuts, links = data.effect.cut_list(), data.effect.link_list()
        index = MultiExperimentIndex.of_what_loads(
            data.registry, settings, Exclusions(), cuts, links, read=data.tables
        )
    rows = index.observations
    rejected_fov = _rejected_fovs(index, data.exclusions)
    rejected, _ = excluded_rows(
        rows, index.track_columns, index.forest, index.fovs, data.exclusions
    )
    rejected = rejected | rejected_fov[index.fov_of_row]
    left = np.zeros(len(rows), bool) if keep_rejected else rejected
    ids = _new_ids(index)
    fovs, n_lost = [], 0
    for number, source in enumerate(index.fovs):
        if rejected_fov[number] and not keep_rejected:
            continue
        own = np.arange(*np.searchsorted(index.fov_of_row, [number, number + 1]))
        fov, lost = _fov_tracks(index, source, own, left, ids)
        fovs.append(fov)
        n_lost += lost
    outside = [met for met in index.problems if met.kind in _OUTSIDE]
    notes = [
        f"{met.experiment} {met.fov}: {met.message}" for met in (*unread_problems(data), *outside)
    ]
    n_stale = len(data.effect.stale)
    if n_stale:
        notes.append(f"{counted(n_stale, 'stale decision')} not in effect: see history.")
    notes += _rejection_notes(index, rejected, rejected_fov, keep_rejected, n_lost)
    return MendedTracks(tuple(fovs), _origin(index, left, ids), tuple(notes))


def _rejected_fovs(index: MultiExperimentIndex, exclude: Exclusions) -> BoolArray:
    fovs = {(left.experiment, left.fov) for left in exclude.fovs}
    wells = {(left.experiment, left.well) for left in exclude.wells}
    return np.array(
        [
            (source.experiment, source.fov.name) in fovs
            or (source.experiment, source.fov.well_name) in wells
            for source in index.fovs
        ],
        dtype=bool,
    )


def _new_ids(index: MultiExperimentIndex) -> Int64Array:
    """Id of every track, unique in its FOV."""
    tracks = index.track_columns
    parts = tracks.parts
    begins = np.ones(len(parts.track), bool)
    begins[1:] = (np.diff(parts.fov) != 0) | (np.diff(parts.track_id) != 0)
    of_table = np.cumsum(begins) - 1
    in_pieces = np.bincount(of_table)[of_table] > 1
    is_other = np.bincount(parts.track, minlength=len(tracks.fov)) != 1
    is_other[parts.track[in_pieces]] = True
    top = np.zeros(len(index.fovs), np.int64)
    np.maximum.at(top, parts.fov, parts.track_id)
    new = np.flatnonzero(is_other)
    fov = tracks.fov[new]
    # Tracks are sorted by FOV.
    rank = np.arange(len(new)) - np.searchsorted(fov, fov)
    ids = tracks.track_id.copy()
    ids[new] = top[fov] + 1 + rank
    return ids


def _fov_tracks(
    index: MultiExperimentIndex,
    source: FovSource,
    own: Int64Array,
    left: BoolArray,
    ids: Int64Array,
) -> tuple[FovTracks, int]:
    """One FOV's cells, and how many tracks lose their mother."""
    everything = index.observations.take(own)
    cell = _cell_ids(everything, source)
    keep = ~left[own]
    rows, cell = everything.take(keep), cell[keep]
    order = np.lexsort((rows.t, ids[rows.track]))
    rows, cell = rows.take(order), cell[order]
    n = len(rows)
    begins = np.ones(n, bool)
    begins[1:] = np.diff(rows.track) != 0
    first = np.flatnonzero(begins)
    track = rows.track[first]
    mother = index.forest.parent[track]
    by_number = np.argsort(track)
    place = np.searchsorted(track, mother, sorter=by_number)
    at = by_number[np.minimum(place, max(len(track) - 1, 0))] if len(track) else place
    is_there = (mother >= 0) & (track[at] == mother) if len(track) else mother >= 0
    end = np.append(first[1:], n)
    before = np.full(len(track), -1, np.int64)
    for child in np.flatnonzero(is_there).tolist():
        low, high = first[at[child]], end[at[child]]
        row = low + np.searchsorted(rows.t[low:high], rows.t[first[child]]) - 1
        before[child] = row if row >= low else -1
    parent = np.where(before >= 0, at, -1)
    overlaps = (before >= 0) & (before + 1 < end[at] if len(track) else before >= 0)
    previous = np.arange(n) - 1
    previous[first] = before
    number = np.cumsum(begins) - 1
    name = ids[track]
    root = Forest.build(parent).root
    parent_name = np.where(parent >= 0, name[parent], -1)
    made = FovTracks(
        source=source, cell=cell, track=name[number], parent=parent_name[number],
        lineage=name[root][number], t=rows.t, y=rows.y, x=rows.x, z=rows.z,
        previous=previous, n_overlaps=int(overlaps.sum()),
    )  # fmt: skip
    return made, int(((mother >= 0) & (before < 0)).sum())


def _cell_ids(rows: Observations, source: FovSource) -> Int64Array:
    ids = rows.id
    if source.has_id and len(ids) and ids.min() >= 0 and len(np.unique(ids)) == len(ids):
        return ids
    return np.arange(1, len(rows) + 1)


def _origin(index: MultiExperimentIndex, left: BoolArray, ids: Int64Array) -> pd.DataFrame:
    rows = index.observations
    cells = pd.DataFrame(
        {"track": rows.track, "track_id": rows.track_id, "t": rows.t, "written": ~left}
    )
    pieces = cells.groupby(["track", "track_id"], as_index=False).agg(
        first_t=("t", "min"), last_t=("t", "max"), cells=("t", "size"), written=("written", "sum")
    )
    track = pieces["track"].to_numpy()
    fov = index.fov_of_track[track]
    new = pd.Series(ids[track], dtype="Int64").mask(pieces["written"] == 0)
    table = pd.DataFrame(
        {
            "experiment": [index.fovs[number].experiment for number in fov],
            "fov_name": [index.fovs[number].fov.name for number in fov],
            "track_id": pieces["track_id"],
            "first_t": pieces["first_t"],
            "last_t": pieces["last_t"],
            "cells": pieces["cells"],
            "cells_written": pieces["written"],
            "new_track_id": new,
        }
    )
    order = np.lexsort((table["first_t"], table["track_id"], fov))
    return table.iloc[order].reset_index(drop=True)


def _rejection_notes(
    index: MultiExperimentIndex,
    rejected: BoolArray,
    rejected_fov: BoolArray,
    kept: bool,
    n_lost: int,
) -> list[str]:
    notes = []
    if rejected.any():
        n_tracks = len(np.unique(index.observations.track[rejected]))
        what = f"{counted(int(rejected.sum()), 'cell')} of {counted(n_tracks, 'track')}"
        say = "kept, and the files do not say it" if kept else "left out"
        notes.append(f"{what} that somebody rejected: {say}.")
    names = [
        f"{source.experiment} {source.fov.name}"
        for source, is_rejected in zip(index.fovs, rejected_fov, strict=True)
        if is_rejected
    ]
    if names and not kept:
        notes.append(f"No file of {counted(len(names), 'rejected FOV')}: {choices(names)}.")
    if n_lost:
        notes.append(
            f"{counted(n_lost, 'track')} without an earlier cell of the mother that the table "
            "names: written as roots."
        )
    return notes
