"""btrack's CSV: parted by blanks, founders that are their own parent, interpolated rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.engine.tracks.formats.dialects import Dialect
from lineage_triplets.engine.tracks.formats.values import whole_or_none, with_parents, without_rows

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource


def dummies_left_out(source: TrackSource, n_rows: int) -> Problem:
    """Say how many interpolated rows are left out."""
    return source.problem(
        "interpolated-rows",
        f"{counted(n_rows, 'row')} of btrack's are interpolated (dummy): no cell was seen there,"
        " and they are left out.",
        "",
        "note",
        count=n_rows,
    )


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    if "dummy" in raw.columns:
        is_dummy = whole_or_none(source, raw, "dummy").values != 0
        if is_dummy.any():
            raw = without_rows(raw, is_dummy)
            problem = dummies_left_out(source, int(is_dummy.sum()))
            raw = replace(raw, problems=(*raw.problems, problem))
    track = whole_or_none(source, raw, "track_id").values
    parent = whole_or_none(source, raw, "parent_track_id")
    is_founder = parent.empty | (parent.values == track)
    return with_parents(raw, np.where(is_founder, -1, parent.values))


DIALECTS = (
    Dialect(
        "btrack's table",
        {"track_id": "id", "t": "t", "z": "z", "y": "y", "x": "x", "parent_track_id": "parent"},
        _finish,
        telling=frozenset({"id", "t", "y", "x", "parent", "root"}),
        extra=("dummy",),
    ),
)
