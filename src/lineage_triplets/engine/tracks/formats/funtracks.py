"""Tables whose parents are cells: funtracks, plain and with display names; the motile tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.tracks.formats.columns import none_as_minus_one, whole_numbers
from lineage_triplets.engine.tracks.formats.dialects import Dialect
from lineage_triplets.engine.tracks.formats.graph import tracks_of_cells
from lineage_triplets.engine.tracks.formats.values import with_parents

if TYPE_CHECKING:
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource


def _tracks_of_cells(source: TrackSource, raw: RawTable) -> RawTable:
    own = next((name for name in ("tracklet_id", "tracklet id") if name in raw.columns), None)
    return tracks_of_cells(source, raw, track=own)


def _parents_of_tracks(_source: TrackSource, raw: RawTable) -> RawTable:
    """Find the parents of tracks, which have numbers, by the cells that their first cells name."""
    ids, parents = whole_numbers(raw.columns["id"]), whole_numbers(raw.columns["parent_id"])
    track = whole_numbers(raw.columns["track_id"])
    everywhere = np.ones(len(ids.values), bool)
    known = ~(ids.empty | ids.bad | track.empty | track.bad)
    order = np.argsort(ids.values, kind="stable")
    order = order[known[order]]
    ordered = ids.values[order]
    # Ids that are not unique name no cell.
    if not known.all() or not len(order) or (ordered[1:] == ordered[:-1]).any():
        return raw
    parent_id = none_as_minus_one(parents, ids.values, everywhere)
    place = np.minimum(np.searchsorted(ordered, parent_id), len(ordered) - 1)
    found = (parent_id >= 0) & (ordered[place] == parent_id)
    before = track.values[order[place]]
    return with_parents(raw, np.where(found & (before != track.values), before, -1))


_CELLS = {"id": "id", "parent_id": "parent_id", "t": "t", "z": "z", "y": "y", "x": "x"}

DIALECTS = (
    Dialect(
        "a table whose parents are cells (funtracks, motile tracker)",
        _CELLS,
        _tracks_of_cells,
        telling=frozenset({"id", "parent_id", "t", "y", "x"}),
        without=frozenset({"parent_track_id", "track_id"}),
        extra=("tracklet_id",),
    ),
    Dialect(
        "funtracks' table with display names",
        {**_CELLS, "parent_id": "parent id", "t": "time"},
        _tracks_of_cells,
        telling=frozenset({"id", "parent id", "time", "y", "x"}),
        extra=("tracklet id",),
    ),
    Dialect(
        "a table of tracks whose parents are cells (motile tracker)",
        {**_CELLS, "track_id": "track_id"},
        _parents_of_tracks,
        telling=frozenset({"track_id", "id", "parent_id", "t", "y", "x"}),
        without=frozenset({"parent_track_id"}),
    ),
)
