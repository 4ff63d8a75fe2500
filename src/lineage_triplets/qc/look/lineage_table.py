"""All lineages of a review, one row each, by arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.engine.index.names import track_name_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.effect import Effect

    Int64Array = NDArray[np.int64]


def lineage_table(data: ReviewData) -> pd.DataFrame:
    """List all lineages, links cut, whether they are excluded or not.

    Returns
    -------
    DataFrame
        ``lineage_id, experiment, fov_name, well_name, condition, n_cells`` (observations),
        ``n_tracks, n_divisions, first_t, last_t, n_anchors`` (that training has), ``decision``:
        "rejected", "partly rejected", "accepted" or "".
    """
    index = data.linked
    forest = index.forest
    roots = np.flatnonzero(forest.parent < 0)
    lineage = forest.lineage[index.observations.track]
    n_lineages = len(roots)
    first = np.full(n_lineages, np.iinfo(np.int64).max)
    last = np.full(n_lineages, -1, dtype=np.int64)
    np.minimum.at(first, lineage, index.observations.t)
    np.maximum.at(last, lineage, index.observations.t)
    n_cells = np.bincount(lineage, minlength=n_lineages)
    fov = index.fov_of_track[roots]
    names = track_name_words(index.track_columns, index.fovs).take(roots).to_pylist()
    sources = [index.fovs[number] for number in fov.tolist()]
    kept, anchors = _in_training(data.training, names)
    table = pd.DataFrame(
        {
            "lineage_id": names,
            "experiment": [one.experiment for one in sources],
            "fov_name": [one.fov.name for one in sources],
            "well_name": [one.fov.well_name for one in sources],
            "condition": [one.condition for one in sources],
            "n_cells": n_cells,
            "n_tracks": np.bincount(forest.lineage, minlength=n_lineages),
            "n_divisions": np.bincount(forest.lineage[forest.is_division], minlength=n_lineages),
            "first_t": np.where(n_cells > 0, first, -1),
            "last_t": last,
            "n_anchors": anchors,
            "decision": _decisions(data.effect, index, roots, n_cells - kept, n_cells),
        }
    )
    return table[table["n_cells"] > 0].reset_index(drop=True)


def _in_training(index: MultiExperimentIndex, names: list[str]) -> tuple[Int64Array, Int64Array]:
    """Cells and anchors of each lineage in what training reads."""
    roots = np.flatnonzero(index.forest.parent < 0)
    words = track_name_words(index.track_columns, index.fovs)
    place = pd.Index(words.take(roots).to_pylist()).get_indexer(pd.Index(names))
    of_row = index.forest.lineage[index.observations.track]
    cells = np.append(np.bincount(of_row, minlength=len(roots)), 0)
    anchors = np.append(np.bincount(of_row[index.anchor_rows], minlength=len(roots)), 0)
    return cells[place], anchors[place]


def _decisions(
    effect: Effect,
    index: MultiExperimentIndex,
    roots: Int64Array,
    n_excluded: Int64Array,
    n_cells: Int64Array,
) -> list[str]:
    accepted = {
        (one.experiment, one.fov, one.track) for one in effect.accepted if one.level == "lineage"
    }
    words = np.full(len(roots), "", dtype=object)
    for number, root in enumerate(roots.tolist() if accepted else []):
        source = index.fovs[int(index.fov_of_track[root])]
        cut_t = int(index.track_columns.cut_t[root])
        track = str(int(index.track_columns.track_id[root])) + (f"@{cut_t}" if cut_t >= 0 else "")
        if (source.experiment, source.fov.name, track) in accepted:
            words[number] = "accepted"
    words[n_excluded > 0] = "partly rejected"
    words[(n_excluded == n_cells) & (n_cells > 0)] = "rejected"
    return list(words)
