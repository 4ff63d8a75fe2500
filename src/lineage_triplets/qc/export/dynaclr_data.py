"""``dynaclr_data.yml``: the ``data`` section with which DynaCLR's training reads the cell index.

Its module (``dynaclr`` of June 2026, read as source at
https://github.com/mehta-lab/VisCy/tree/main/applications/dynaclr) has its own ways with borders,
slices and positives: what it will not honour is counted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.dataset.companions import hash_line
from lineage_triplets.engine.errors import choices
from lineage_triplets.engine.plates.statistics import normalization_of
from lineage_triplets.engine.plates.stores import last_name
from lineage_triplets.engine.plates.zarr_json import node_attributes
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.settings.yaml import write_yaml_text

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig

_CLASS = "dynaclr.data.datamodule.MultiExperimentDataModule"
_LEVEL = "timepoint_statistics"
_HEADER = "# For `viscy fit`, beside sections for trainer and model. What it does not honour:\n"

DYNACLR_LOSES: tuple[str, ...] = (
    "The order of batches, the split and augmentation: they are its own (split_ratio, …).",
    "The seed is that of its sampler; its pairs are not those that were looked at here.",
)
"""What the module does in its own way, whatever the data are."""


def write_dynaclr_data(
    index: MultiExperimentIndex,
    settings: DatasetConfig,
    cell_index: Path,
    path: Path,
    config_hash: str = "",
) -> None:
    """Write the section to `path`, replacing what is there; see `engine.files.whole_files`.

    Parameters
    ----------
    index : MultiExperimentIndex
        Of which the cell index is.
    settings : DatasetConfig
        What training here would have.
    cell_index : Path
        Where the table will be.
    path : Path
    config_hash : str
        Of the config that it is exported with, for a comment at its head.
    """
    lost = (*not_honoured(index, settings), *DYNACLR_LOSES)
    header = hash_line(config_hash) + _HEADER + "".join(f"# - {sentence}\n" for sentence in lost)
    content = {"data": data_section(index, settings, cell_index)}
    path.write_text(write_yaml_text(content, header), encoding="utf-8")


def data_section(
    index: MultiExperimentIndex, settings: DatasetConfig, cell_index: Path
) -> dict[str, Any]:
    """Give class and arguments, for LightningCLI."""
    arguments: dict[str, Any] = {
        "cell_index_path": str(cell_index.absolute()),
        "z_window": _depth(index),
        "yx_patch_size": list(settings.yx_patch_size),
        "final_yx_patch_size": list(settings.yx_patch_size),
        "tau_range": list(settings.tau_range_hours),
        "tau_decay_rate": settings.tau_decay_rate,
        "positive_cell_source": "lookup",
        "positive_match_columns": ["lineage_id"],
        # Any other number makes it fail on a table of one row a channel.
        "channels_per_sample": 1,
        "channel_dropout_channels": [],
        "seed": settings.seed or 0,
    }
    if not _without_statistics(index):
        arguments["normalizations"] = [
            {
                "class_path": "viscy_transforms.NormalizeSampled",
                "init_args": {
                    "keys": ["channel_0"],
                    "level": _LEVEL,
                    "subtrahend": "mean",
                    "divisor": "std",
                },
            }
        ]
    return {"class_path": _CLASS, "init_args": arguments}


def not_honoured(index: MultiExperimentIndex, settings: DatasetConfig) -> tuple[str, ...]:
    """Say, with numbers, what the module does otherwise with these data."""
    return (*_cells_not_honoured(index, settings), *_settings_not_honoured(index, settings))


def _cells_not_honoured(index: MultiExperimentIndex, settings: DatasetConfig) -> list[str]:
    said: list[str] = []
    kept = _kept_cells(index)
    left = _anchors_left(index, kept)
    experiments = index.experiment_of_row[index.anchor_rows]
    for number, opened in enumerate(index.registry.opened):
        own = experiments == number
        n_lost = int(np.count_nonzero(own & ~left))
        if n_lost:
            quarter = max(settings.yx_patch_size) // 4
            said.append(
                f"{opened.config.name}: {n_lost:,} of {np.count_nonzero(own):,} anchors are not "
                f"used: they, or all their positives, are cells whose patch is moved by more than "
                f"{quarter} pixels at the border, which it drops."
            )
        n_other = _other_slices(index, number, kept)
        if n_other:
            n_cells = int(np.count_nonzero(kept & (index.experiment_of_row == number)))
            said.append(
                f"{opened.config.name}: {n_other:,} of {n_cells:,} patches are other slices: it "
                "takes the same for all cells, around the plate's focus_slice or the middle."
            )
        if is_url(opened.config.data_path):
            said.append(f"{opened.config.name}: it opens no plate behind a URL.")
    odd_levels = sorted(
        {name for fov in index.positions if (name := last_name(fov.array_path)) != "0"}
    )
    if odd_levels:
        said.append(f"It looks for the level '0'; here are {choices(odd_levels)}: a KeyError.")
    without = _without_statistics(index)
    if without:
        said.append(
            f"{without:,} FOVs have no statistics of every slot, so that nothing is normalized: "
            "run `lineage-triplets stats`, and export again."
        )
    return said


def _settings_not_honoured(index: MultiExperimentIndex, settings: DatasetConfig) -> list[str]:
    said: list[str] = []
    if settings.positive_relation != "lineage":
        said.append(
            f"Positives are the whole lineage, sisters and cousins too, where "
            f"{settings.positive_relation!r} was chosen."
        )
    if settings.positive_match is not None:
        said.append(
            f"Positives are the same lineage at tau, where an equal "
            f"{', '.join(settings.positive_match)} was chosen."
        )
    if settings.tau_fallback != "scan":
        said.append("Where nobody is at the drawn tau it takes the smallest that has somebody.")
    if settings.border != "clamp":
        said.append(
            f"Patches at the border are moved inward, where {settings.border!r} was chosen."
        )
    if any(size % 2 for size in settings.yx_patch_size):
        said.append("Odd patch sizes lose a row or column.")
    if index.registry.num_source_channels > 1:
        said.append("A sample is one channel, drawn for each; not all slots together.")
    return said


def _depth(index: MultiExperimentIndex) -> int:
    return index.fovs[0].depth


def _without_statistics(index: MultiExperimentIndex) -> int:
    """FOVs of which a slot's channel has no statistics."""
    n_without = 0
    for source in index.fovs:
        names = index.registry.experiments[source.experiment_number].source_channel
        path = index.settings.statistics_path
        known = normalization_of(path, source.experiment, source.fov) or {}
        n_without += any(not known.get(name) for name in names)
    return n_without


def _kept_cells(index: MultiExperimentIndex) -> BoolArray:
    """Rows whose patch lies in the image after a shift of at most a quarter of a patch."""
    patch = index.settings.yx_patch_size
    most = max(patch) // 4
    sizes = np.array([fov.shape[3:] for fov in index.positions]).reshape(-1, 2)[index.fov_of_row]
    rows = index.observations
    kept = np.ones(len(index), dtype=bool)
    for axis, values in enumerate((rows.y, rows.x)):
        half = patch[axis] // 2
        moved = np.minimum(np.maximum(values, half), sizes[:, axis] - half)
        kept &= np.abs(moved - values) <= most
    return kept


def _anchors_left(index: MultiExperimentIndex, kept: BoolArray) -> BoolArray:
    """Anchors that are kept, and have a kept cell of their lineage at some tau."""
    rows = index.observations
    root = index.forest.root[rows.track].astype(np.int64)
    step = int(rows.t.max(initial=0)) + 1
    there = np.unique((root * step + rows.t)[kept])
    anchors: Int64Array = index.anchor_rows
    has = np.zeros(len(anchors), dtype=bool)
    experiments = index.experiment_of_row[anchors]
    for number, frames in enumerate(index.tau_range_frames):
        own = np.flatnonzero(experiments == number)
        for tau in range(max(1, frames.low), frames.high + 1):
            t = rows.t[anchors[own]] + tau
            wanted = root[anchors[own]] * step + t
            has[own] |= np.isin(wanted, there) & (t < step)
    return kept[anchors] & has


def _other_slices(index: MultiExperimentIndex, number: int, kept: BoolArray) -> int:
    """Kept cells of an experiment whose slices the module does not take."""
    opened = index.registry.opened[number]
    attributes, _ = node_attributes(opened.plate.path)
    focus = attributes.get("focus_slice")
    name = opened.config.source_channel[0]
    of_channel = focus.get(name) if isinstance(focus, dict) else None
    known = (of_channel or {}).get("dataset_statistics", {}).get("z_focus_mean")
    n_other = 0
    for place, source in enumerate(index.fovs):
        if source.experiment_number != number:
            continue
        rows = index.observations.take(np.flatnonzero(kept & (index.fov_of_row == place)))
        # It looks at the first image of the plate.
        n_z, depth = opened.first_fov.shape[2], source.depth
        centre = round(known) if known is not None else n_z // 2
        start = max(0, centre - int(depth * 0.5))
        start = max(0, min(n_z, start + depth) - depth)
        if source.z_start is not None:
            n_other += len(rows) * (source.z_start != start)
            continue
        if source.z_starts:
            n_other += int(np.count_nonzero(np.array(source.z_starts)[rows.t] != start))
            continue
        around = np.floor(rows.z - (depth - 1) / 2 + 0.5).astype(np.int64)
        own = np.clip(around, 0, source.fov.shape[2] - depth)
        n_other += int(np.count_nonzero(own != start))
    return n_other
