"""TrackMate's tables of spots and of edges, with their four lines of names and units."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.engine.tracks.formats.delimited import read_part
from lineage_triplets.engine.tracks.formats.dialects import (
    Dialect,
    Part,
    has_columns,
    one_part,
)
from lineage_triplets.engine.tracks.formats.graph import Cells, table_of_links
from lineage_triplets.engine.tracks.formats.values import lengths_of_column, require_columns

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

_EDGES = "trackmate-edges"
_SOURCE, _TARGET = "spot_source_id", "spot_target_id"


def spots_left_out(source: TrackSource, n_spots: int) -> Problem:
    """Say how many spots are in no track."""
    return source.problem(
        "spots-without-track",
        f"{counted(n_spots, 'spot')} of TrackMate's in no track that was kept, or filtered out:"
        " left out.",
        "",
        "note",
        count=n_spots,
    )


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    require_columns(source, raw, "TrackMate's spots table", "id", "t", "y", "x")
    edges = one_part(
        source,
        _EDGES,
        needed="This is TrackMate's spots table: it says which tree a spot is in, and not which "
        "spot follows which.",
    )
    assert edges is not None
    pairs = read_part(edges, source, (_SOURCE, _TARGET))
    cells = Cells.of_table(source, raw, word="spot")
    linked = np.isin(cells.id, np.concatenate([pairs[_SOURCE], pairs[_TARGET]]))
    if not linked.all():
        cells = cells.take(linked)
        raw = replace(raw, problems=(*raw.problems, spots_left_out(source, int((~linked).sum()))))
    return table_of_links(
        source,
        cells,
        (pairs[_SOURCE], pairs[_TARGET]),
        found=raw.found,
        has_lines=raw.has_lines,
        problems=raw.problems,
        lengths=lengths_of_column(raw, "position_x"),
    )


DIALECTS = (
    Dialect(
        "TrackMate's spots table",
        {"id": "id", "t": "frame", "z": "position_z", "y": "position_y", "x": "position_x"},
        _finish,
        telling=frozenset({"id", "frame", "track_id", "position_x", "position_y"}),
        parts=(_EDGES,),
        heads=True,
    ),
)
PARTS = (
    Part(
        _EDGES,
        "TrackMate's edges table",
        "Give its spots table with its edges table beside it, or the XML.",
        has_columns(_SOURCE, _TARGET),
    ),
    Part(
        "trackmate-tracks",
        "TrackMate's tracks table",
        "Give its spots table with its edges table beside it, or the XML.",
        lambda glimpse: (
            has_columns("track_id", "number_spots")(glimpse)
            and not {"position_x", _SOURCE} & glimpse.columns
        ),
    ),
)
