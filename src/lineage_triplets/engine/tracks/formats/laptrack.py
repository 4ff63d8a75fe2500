"""laptrack's tables: tracks counted from 0 by frame, and the table of splits beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.tracks.formats.delimited import read_part
from lineage_triplets.engine.tracks.formats.dialects import (
    Dialect,
    Part,
    has_columns,
    parts_beside,
)
from lineage_triplets.engine.tracks.formats.values import whole_column, whole_or_none, with_parents

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

_SPLITS = "laptrack-splits"
_PARENT, _CHILD = "parent_track_id", "child_track_id"


def parents_by_splits(
    source: TrackSource, track: Int64Array, parent_of: dict[int, set[int]]
) -> Int64Array:
    """Return the parent track of each row, -1 for none.

    Raises
    ------
    TrackTableError
        A track has two parents.
    """
    merges = {child: parents for child, parents in parent_of.items() if len(parents) > 1}
    if merges:
        raise TrackTableError(
            *(
                source.problem(
                    "merge",
                    f"Track {child} has two parents, {choices(sorted(parents))}.",
                    "A cell has one mother: remove the wrong link, or forbid merges.",
                )
                for child, parents in merges.items()
            )
        )
    tracks, rows = np.unique(track, return_inverse=True)
    parents = [next(iter(parent_of.get(number, {-1}))) for number in tracks.tolist()]
    return np.array(parents, np.int64)[rows] if len(tracks) else track


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    track = whole_column(source, raw, "track_id")
    files = parts_beside(source.file, (_SPLITS,))
    parent_of: dict[int, set[int]] = {}
    for file in files:
        pairs = read_part(file, source, (_PARENT, _CHILD))
        for parent, child in zip(pairs[_PARENT].tolist(), pairs[_CHILD].tolist(), strict=True):
            parent_of.setdefault(child, set()).add(parent)
    if "tree_id" in raw.columns and not parent_of:
        tree = whole_or_none(source, raw, "tree_id").values
        n_tracks = len(np.unique(track))
        if len(np.unique(tree)) < n_tracks:
            raise TrackTableError(
                source.problem(
                    "needs-part",
                    f"This is laptrack's table of tracks: its {n_tracks} tracks are"
                    f" {len(np.unique(tree))} trees, and the splits are not beside it.",
                    "Save laptrack's table of splits (parent_track_id, child_track_id) beside it.",
                )
            )
    return with_parents(raw, parents_by_splits(source, track, parent_of))


DIALECTS = (
    Dialect(
        "laptrack's table of tracks",
        {"track_id": "track_id", "t": "frame", "z": "z", "y": "y", "x": "x"},
        _finish,
        telling=frozenset({"frame", "track_id", "y", "x"}),
        without=frozenset({"t", "parent_track_id"}),
        extra=("tree_id",),
        parts=(_SPLITS,),
    ),
)
PARTS = (
    Part(
        _SPLITS,
        "laptrack's table of splits",
        "Give laptrack's table of tracks, and leave this one beside it.",
        lambda glimpse: (
            has_columns(_PARENT, _CHILD)(glimpse) and not {"y", "track_id"} & glimpse.columns
        ),
    ),
)
