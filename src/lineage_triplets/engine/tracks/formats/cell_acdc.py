"""Cell-ACDC's output table, with the lineage tree where somebody annotated one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.tracks.formats.dialects import Dialect
from lineage_triplets.engine.tracks.formats.values import whole_or_none, with_parents

if TYPE_CHECKING:
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

_TREE_ID = "cell_id_tree"


def _finish(source: TrackSource, raw: RawTable) -> RawTable:
    if "parent_track_id" not in raw.columns:
        return raw
    written = whole_or_none(source, raw, "parent_track_id")
    parent = np.where(written.empty, -1, written.values)
    if _TREE_ID in raw.columns:
        # Parents are numbers of the tree, in which a mother that stays gets a new one.
        of_tree = whole_or_none(source, raw, _TREE_ID)
        if (~of_tree.empty & (of_tree.values >= 0)).all():
            columns = {**raw.columns, "track_id": pa.array(of_tree.values)}
            raw = replace(raw, columns=columns)
    return with_parents(raw, parent)


DIALECTS = (
    Dialect(
        "Cell-ACDC's table",
        {
            "track_id": "cell_id",
            "t": "frame_i",
            "z": "z_centroid",
            "y": "y_centroid",
            "x": "x_centroid",
            "parent_track_id": "parent_id_tree",
        },
        _finish,
        telling=frozenset({"cell_id", "frame_i", "y_centroid", "x_centroid"}),
        extra=(_TREE_ID,),
    ),
)
