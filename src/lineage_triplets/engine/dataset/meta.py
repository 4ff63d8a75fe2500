"""What batches say about their rows, as lists of dicts made from whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.pairs.forest import RELATION_LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.dataset.source import Pairs, PairSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex

    Int64Array = NDArray[np.int64]


def _dicts(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _track_names(index: MultiExperimentIndex, track: Int64Array) -> list[str]:
    """``global_track_id`` of some tracks."""
    columns = index.track_columns
    values = zip(
        columns.fov[track].tolist(),
        columns.track_id[track].tolist(),
        columns.cut_t[track].tolist(),
        strict=True,
    )
    return [
        f"{index.fovs[fov].experiment}_{index.fovs[fov].fov.name}_{number}"
        + (f"@{cut_t}" if cut_t >= 0 else "")
        for fov, number, cut_t in values
    ]


def observation_meta(index: MultiExperimentIndex, rows: Int64Array) -> list[dict[str, Any]]:
    """Identify some rows of ``tracks``: one dict a row."""
    return _dicts(_observation_columns(index, rows))


def positive_meta(source: PairSource, pairs: Pairs) -> list[dict[str, Any]]:
    """Identify positives, with tau and relation; ``generations`` is (up, down)."""
    index = source.index
    relation, up, down = source.relations(pairs)
    experiments = index.registry.experiments
    interval_minutes = np.array([one.interval_minutes for one in experiments])
    tau_hours = pairs.tau_frames * interval_minutes[index.experiment_of_row[pairs.anchor]] / 60
    return _dicts(
        {
            **_observation_columns(index, pairs.positive),
            "tau_frames": pairs.tau_frames.tolist(),
            "tau_hours": tau_hours.tolist(),
            "relation": RELATION_LABELS[relation].tolist(),
            "generations": list(zip(up.tolist(), down.tolist(), strict=True)),
        }
    )


def _observation_columns(index: MultiExperimentIndex, rows: Int64Array) -> dict[str, list[Any]]:
    observations = index.observations
    track = observations.track[rows]
    t = observations.t[rows]
    sources = [index.fovs[fov] for fov in index.fov_of_row[rows].tolist()]
    experiments = index.registry.experiments
    start_hpi = np.array([one.start_hpi for one in experiments])
    interval_minutes = np.array([one.interval_minutes for one in experiments])
    experiment = index.experiment_of_row[rows]
    hours = start_hpi[experiment] + t * interval_minutes[experiment] / 60
    return {
        "experiment": [one.experiment for one in sources],
        "fov_name": [one.fov.name for one in sources],
        "track_id": index.track_id_of_row[rows].tolist(),
        "global_track_id": _track_names(index, track),
        "lineage_id": _track_names(index, index.forest.root[track]),
        "t": t.tolist(),
        "y": observations.y[rows].tolist(),
        "x": observations.x[rows].tolist(),
        "condition": [one.condition for one in sources],
        "hours_post_infection": hours.tolist(),
    }


def prediction_index(index: MultiExperimentIndex, rows: Int64Array) -> list[dict[str, Any]]:
    """Identify rows as the tables do; ``id`` and ``parent_id`` where the table has them."""
    observations = index.observations
    sources = [index.fovs[fov] for fov in index.fov_of_row[rows].tolist()]
    columns = {
        "experiment": [one.experiment for one in sources],
        "fov_name": [one.fov.name for one in sources],
        "track_id": index.track_id_of_row[rows].tolist(),
        "t": observations.t[rows].tolist(),
        "id": observations.id[rows].tolist(),
        "parent_track_id": index.track_columns.parent_track_id[observations.track[rows]].tolist(),
        "parent_id": observations.parent_id[rows].tolist(),
        "z": observations.z[rows].tolist(),
        "y": observations.y[rows].tolist(),
        "x": observations.x[rows].tolist(),
    }
    entries = _dicts(columns)
    for entry, source in zip(entries, sources, strict=True):
        if not source.has_id:
            del entry["id"]
        if not source.has_parent_id:
            del entry["parent_id"]
    return entries
