"""Tables of a napari tracks layer, whose graph lies beside them: trackastra, btrack's examples."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.files import read_whole
from lineage_triplets.engine.tracks.formats.dialects import (
    Dialect,
    Part,
    has_columns,
    one_part,
)
from lineage_triplets.engine.tracks.formats.laptrack import parents_by_splits
from lineage_triplets.engine.tracks.formats.values import whole_column, with_parents

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource
    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

_GRAPH = "napari-graph"
# A track number and its parents, or the end of an empty graph.
_OPENING = re.compile(r'\s*\{\s*(\}|"?\d+"?\s*:\s*(\[\s*)?\d)')
_BARE_KEY = re.compile(r"([{,]\s*)(\d+)\s*:")


def _read_graph(source: TrackSource, file: Path) -> dict[int, set[int]]:
    """Return the parents of each track, from JSON or from what Python prints of a dict."""
    try:
        content = json.loads(_BARE_KEY.sub(r'\1"\2":', read_whole(file).decode("utf-8")))
        return {
            int(child): {int(p) for p in (parents if isinstance(parents, list) else [parents])}
            for child, parents in content.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise TrackTableError(
            source.problem(
                "not-a-table",
                f"The graph beside it, {file.name}, cannot be read: {error}.",
                "It should be JSON: the number of each track to the list of its parents.",
            )
        ) from error


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    graph = one_part(source, _GRAPH)
    if graph is None:
        return raw
    track = whole_column(source, raw, "track_id")
    return with_parents(raw, parents_by_splits(source, track, _read_graph(source, graph)))


def _finish_by_id(source: TrackSource, raw: RawTable) -> RawTable:
    ids = whole_column(source, raw, "track_id")
    if len(np.unique(ids)) == len(ids) > 1:
        raise TrackTableError(
            source.problem(
                "missing-column",
                "The table has no column track_id, and each ID is there once: these are"
                f" detections, not tracks; found: {choices(raw.found, limit=40)}.",
                "Give the table of tracks.",
            )
        )
    return _finish(source, raw)


def _is_graph(glimpse: Glimpse) -> bool:
    return _OPENING.match(glimpse.text) is not None


_NO_PARENTS = frozenset({"parent_track_id", "parent_id", "parent id", "parent"})

DIALECTS = (
    Dialect(
        "a table of a napari tracks layer",
        {"track_id": "track_id", "t": "t", "z": "z", "y": "y", "x": "x", "id": "id"},
        _finish,
        telling=frozenset({"track_id", "t", "y", "x"}),
        without=_NO_PARENTS,
        parts=(_GRAPH,),
    ),
    Dialect(
        "a table of a napari tracks layer",
        {"track_id": "id", "t": "t", "z": "z", "y": "y", "x": "x"},
        _finish_by_id,
        telling=frozenset({"id", "t", "y", "x"}),
        without=_NO_PARENTS | {"track_id"},
        parts=(_GRAPH,),
    ),
)
PARTS = (
    Part(_GRAPH, "the graph of a napari tracks layer", "Give the table of its tracks.", _is_graph),
    Part(
        "trackastra-edges",
        "trackastra's table of edges, which has no positions",
        "Give its GEFF, its CTC folder, or its napari tracks with their graph.",
        has_columns("source_frame", "source_label", "target_frame", "target_label"),
    ),
)
