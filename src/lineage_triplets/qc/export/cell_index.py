"""``cell_index.parquet``: the flat table that DynaCLR's current training reads.

One row for each cell, frame and channel, written in parts, so that memory does not grow with it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lineage_triplets.engine.dataset.companions import CELL_INDEX_KEY
from lineage_triplets.engine.errors import ConfigError, Problem, without_query
from lineage_triplets.engine.plates.statistics import focus_of, normalization_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lineage_triplets.engine.arrays import Float32Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.verified import Verification


STATISTICS = ("mean", "std", "median", "iqr", "max", "min")
_LEVELS = ("fov_statistics", "dataset_statistics")
_ROWS_A_BATCH = 131_072

CELL_INDEX_SCHEMA = pa.schema(
    [
        *[
            (name, pa.string())
            for name in ("cell_id", "experiment", "store_path", "tracks_path", "fov", "well")
        ],
        ("y", pa.float32()),
        ("x", pa.float32()),
        ("z", pa.int16()),
        *[(name, pa.string()) for name in ("perturbation", "channel_name", "marker", "organelle")],
        *[(name, pa.int32()) for name in ("t", "track_id", "parent_track_id")],
        *[(name, pa.string()) for name in ("global_track_id", "lineage_id")],
        *[(name, pa.float32()) for name in ("hours_post_perturbation", "interval_minutes")],
        *[(name, pa.string()) for name in ("gene_name", "reporter", "sgRNA", "microscope")],
        *[(name, pa.float32()) for name in ("pixel_size_xy_um", "pixel_size_z_um")],
        *[(f"{axis}_shape", pa.int32()) for axis in "TCZYX"],
        ("z_focus_mean", pa.float32()),
        *[(f"norm_{name}", pa.float32()) for name in STATISTICS],
    ]
)
"""The table's columns and types; null where nothing is known."""


CELL_INDEX_LOSES: tuple[str, ...] = (
    "Which kin may be a positive: its training takes the whole lineage, sisters included.",
    "The range and law of tau, and tau_fallback: they are arguments of its training.",
    "Patch size, z_range, border and data type: its training has its own.",
    "The seed: its pairs are not those that were looked at here.",
    "Why and by whom something was excluded, cut or linked: only what came of it is there.",
    "Channels that are in no slot; date and moi of the experiments.",
    "The verification: nothing notices when images or tables change afterwards.",
)
"""What the table cannot carry, in sentences."""


@dataclass(frozen=True, slots=True)
class CellIndexReport:
    """What was written.

    Attributes
    ----------
    rows : int
        Cells in frames, times slots.
    observations : int
        Cells in frames.
    slots : int
    fovs_without_normalization : int
        FOVs of which a slot's channel has no statistics; ``norm_*`` is null there.
    """

    rows: int
    observations: int
    slots: int
    fovs_without_normalization: int


def write_cell_index(
    index: MultiExperimentIndex, path: str | Path, verification: Verification | None = None
) -> CellIndexReport:
    """Write the table to `path`, replacing what is there; see `engine.files.whole_files`.

    Parameters
    ----------
    index : MultiExperimentIndex
        What training reads: exclusions, cuts and links effect.
    path : str or Path
    verification : Verification, optional
        What is known of the pairs; kept inside the file, in the schema's metadata under
        ``lineage_triplets``, as JSON.

    Raises
    ------
    ConfigError
        A channel is in two slots, or a number is too large for the table.
    OSError
        The file cannot be written.
    """
    table = _FlatTable(index)
    schema = CELL_INDEX_SCHEMA
    if verification is not None:
        known = verification.model_dump(
            mode="json",
            include={"validated", "by", "at", "audit", "images_scanned", "config_hash"},
        )
        schema = schema.with_metadata({CELL_INDEX_KEY: json.dumps(known)})
    with pq.ParquetWriter(str(path), schema, compression="zstd") as writer:
        for batch in table.batches():
            writer.write_batch(batch)
    n_slots = index.registry.num_source_channels
    return CellIndexReport(
        len(index) * n_slots, len(index), n_slots, table.fovs_without_normalization
    )


def cell_index_batches(index: MultiExperimentIndex) -> Iterator[pa.RecordBatch]:
    """Give the table in parts, in the order of ``index.tracks``, slots within a row.

    Raises
    ------
    ConfigError
        A channel is in two slots, or a number is too large for the table.
    """
    return _FlatTable(index).batches()


class _FlatTable:
    """Columns that are the same all over a FOV or a track, once each, and how to spread them."""

    def __init__(self, index: MultiExperimentIndex) -> None:
        _check(index)
        self._index = index
        self._n_slots = index.registry.num_source_channels
        self._names = index.names.words.cast(pa.large_string())
        self._of_fov = {name: _column(name, values) for name, values in _fov_columns(index).items()}
        self._of_slot = _slot_columns(index)
        self._of_frame = _FrameStatistics(index)
        self.fovs_without_normalization = self._of_frame.fovs_without

    def batches(self) -> Iterator[pa.RecordBatch]:
        n_rows = len(self._index)
        at_once = max(1, _ROWS_A_BATCH // self._n_slots)
        for start in range(0, n_rows, at_once):
            yield self._batch(np.arange(start, min(start + at_once, n_rows)))

    def _batch(self, row_numbers: Int64Array) -> pa.RecordBatch:
        index, n_slots = self._index, self._n_slots
        repeated = np.repeat(row_numbers, n_slots)
        slot = np.tile(np.arange(n_slots), len(row_numbers))
        rows = index.observations.take(repeated)
        fov = index.fov_of_row[repeated]
        configs = index.registry.experiments
        start_hpi = np.array([config.start_hpi for config in configs])
        interval_minutes = np.array([config.interval_minutes for config in configs])
        experiment = index.experiment_of_row[repeated]
        name = self._names.take(pa.array(rows.track))
        lineage = self._names.take(pa.array(index.forest.root[rows.track]))
        frame = pa.array(rows.t).cast(pa.large_string())
        columns: dict[str, Any] = {
            "cell_id": pc.binary_join_element_wise(name, frame, pa.scalar("_", pa.large_string())),
            "global_track_id": name,
            "lineage_id": lineage,
            "y": rows.y,
            "x": rows.x,
            "z": np.rint(np.nan_to_num(rows.z)).astype(np.int64),
            "t": rows.t,
            "track_id": index.track_id_of_row[repeated],
            "parent_track_id": index.track_columns.parent_track_id[rows.track],
            "hours_post_perturbation": start_hpi[experiment]
            + rows.t * interval_minutes[experiment] / 60,
        }
        at_fov, at_slot = pa.array(fov), pa.array(fov * n_slots + slot)
        columns |= {key: values.take(at_fov) for key, values in self._of_fov.items()}
        columns |= {key: values.take(at_slot) for key, values in self._of_slot.items()}
        columns |= self._of_frame.columns(fov, slot, rows.t)
        arrays = [
            _column(field.name, columns[field.name])
            if field.name in columns
            else pa.nulls(len(repeated), field.type)
            for field in CELL_INDEX_SCHEMA
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=CELL_INDEX_SCHEMA)


def _column(name: str, values: Any) -> pa.Array:
    """Make an array of the column's type."""
    kind = CELL_INDEX_SCHEMA.field(name).type
    array = values if isinstance(values, pa.Array) else pa.array(values)
    if array.type == kind:
        return array
    return array.cast(kind, safe=not pa.types.is_floating(kind))


def _fov_columns(index: MultiExperimentIndex) -> dict[str, list[Any]]:
    """What is the same for all cells of a FOV."""
    sources = index.fovs
    configs = [index.registry.experiments[source.experiment_number] for source in sources]
    sizes = [_pixel_size_um(source) for source in sources]
    return {
        "experiment": [source.experiment for source in sources],
        "store_path": [without_query(config.data_path) for config in configs],
        "tracks_path": [config.tracks_path for config in configs],
        "fov": [source.fov.name.rsplit("/", 1)[-1] for source in sources],
        "well": [source.fov.well_name for source in sources],
        "perturbation": [source.condition for source in sources],
        "organelle": [config.organelle or None for config in configs],
        "microscope": [""] * len(sources),
        "interval_minutes": [config.interval_minutes for config in configs],
        "pixel_size_xy_um": [xy for xy, _ in sizes],
        "pixel_size_z_um": [z for _, z in sizes],
        **{
            f"{axis}_shape": [source.fov.shape[number] for source in sources]
            for number, axis in enumerate("TCZYX")
        },
    }


def _slot_columns(index: MultiExperimentIndex) -> dict[str, pa.Array]:
    """What depends on FOV and slot, in the order (FOV, slot)."""
    columns: dict[str, Sequence[Any]] = {
        "channel_name": [
            channel
            for source in index.fovs
            for channel in index.registry.experiments[source.experiment_number].source_channel
        ],
        "marker": index.registry.slot_labels * len(index.fovs),
        "z_focus_mean": [
            _z_focus_mean(index, source, channel)
            for source in index.fovs
            for channel in index.registry.experiments[source.experiment_number].source_channel
        ],
    }
    return {
        name: pa.array(values, CELL_INDEX_SCHEMA.field(name).type)
        for name, values in columns.items()
    }


def _z_focus_mean(index: MultiExperimentIndex, source: FovSource, channel: str) -> float | None:
    """Mean slice in focus over the FOV's frames; None where it is not known."""
    known = focus_of(index.settings.statistics_path, source.experiment, source.fov, channel)
    mean = _number((known.get("fov_statistics") or {}).get("z_focus_mean"))
    return None if math.isnan(mean) else mean


class _FrameStatistics:
    """Statistics of every frame of every slot: the frame's own, else the FOV's, else the plate's.

    Attributes
    ----------
    fovs_without : int
        FOVs of which a slot's channel has none.
    """

    def __init__(self, index: MultiExperimentIndex) -> None:
        n_slots = index.registry.num_source_channels
        self._n_frames = np.array([source.fov.shape[0] for source in index.fovs], dtype=np.int64)
        ends = np.cumsum(self._n_frames * n_slots)
        self._starts = ends - self._n_frames * n_slots
        # NaN where nothing is known, which becomes null.
        self._values = np.full((len(STATISTICS), ends[-1] if len(ends) else 0), np.nan, np.float32)
        self.fovs_without = 0
        for source, start in zip(index.fovs, self._starts.tolist(), strict=True):
            known = normalization_of(index.settings.statistics_path, source.experiment, source.fov)
            names = index.registry.experiments[source.experiment_number].source_channel
            n_frames = source.fov.shape[0]
            of_fov = self._values[:, start : start + n_slots * n_frames]
            for slot, name in enumerate(names):
                of_slot = of_fov[:, slot * n_frames : (slot + 1) * n_frames]
                _fill(of_slot, (known or {}).get(name))
            self.fovs_without += bool(np.isnan(of_fov[0]).any())

    def columns(self, fov: Int64Array, slot: Int64Array, t: Int64Array) -> dict[str, pa.Array]:
        """Give the columns of some rows."""
        place = self._starts[fov] + slot * self._n_frames[fov] + t
        return {
            f"norm_{name}": pa.array(values[place], from_pandas=True)
            for name, values in zip(STATISTICS, self._values, strict=True)
        }


def _fill(values: Float32Array, levels: object) -> None:
    """Fill in one channel's statistics by name and frame."""
    if not isinstance(levels, dict):
        return
    for level in _LEVELS:
        if isinstance(levels.get(level), dict):
            values[:] = np.array(_numbers(levels[level]), np.float32)[:, None]
            break
    frames = levels.get("timepoint_statistics")
    if isinstance(frames, dict):
        for t in range(values.shape[1]):
            if isinstance(frames.get(str(t)), dict):
                values[:, t] = _numbers(frames[str(t)])


def _numbers(found: dict[str, Any]) -> list[float]:
    return [_number(found.get(name)) for name in STATISTICS]


def _number(value: object) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else math.nan  # type: ignore[arg-type]


def _pixel_size_um(source: FovSource) -> tuple[float | None, float | None]:
    """Sizes along x and z; None where the store does not say."""
    size = source.fov.pixel_size_um
    # Writers put 1 where they do not know, and training would rescale by it.
    if size is None or set(size[1:]) == {1.0}:
        return None, None
    return size[2], size[0] if "z" in source.fov.axes else None


def _check(index: MultiExperimentIndex) -> None:
    """Raise ConfigError for what the table cannot hold."""
    for config in index.registry.experiments:
        twice = [
            channel for channel in config.source_channel if config.source_channel.count(channel) > 1
        ]
        if twice:
            raise ConfigError(_unfit(f"the channel {twice[0]!r} is in two slots.", config.name))
    too_large = numbers_too_large(index)
    if too_large is not None:
        raise ConfigError(too_large)


def numbers_too_large(index: MultiExperimentIndex) -> Problem | None:
    """Say which number of the tables the cell index cannot hold; None if it holds all."""
    tracks, rows = index.track_columns, index.observations
    for name, values in (
        ("z", np.rint(np.nan_to_num(rows.z))),
        ("track_id", rows.track_id),
        ("parent_track_id", tracks.parent_track_id[rows.track]),
    ):
        limits = np.iinfo(CELL_INDEX_SCHEMA.field(name).type.to_pandas_dtype())
        beyond = np.flatnonzero((values < limits.min) | (values > limits.max))
        if len(beyond):
            experiment = index.registry.experiments[index.experiment_of_row[beyond[0]]]
            found = f"the {name} {values[beyond[0]]:.0f} is beyond {limits.max}, where it ends."
            return _unfit(found, experiment.name)
    return None


def _unfit(message: str, experiment: str) -> Problem:
    return Problem(
        "cell-index",
        f"the cell index cannot hold it: {message}",
        "Mend that, or do without the cell index.",
        experiment=experiment,
    )
