"""``collection.yml``: a config in DynaCLR's own words, as far as these go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.dataset.companions import hash_line
from lineage_triplets.engine.errors import ConfigError, Problem, choices, counted
from lineage_triplets.engine.index.asked import names_for
from lineage_triplets.engine.settings.collection import EXPERIMENT_KEYS
from lineage_triplets.engine.settings.file import locate_experiment
from lineage_triplets.engine.settings.paths import expand, is_url
from lineage_triplets.engine.settings.yaml import write_yaml_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import ExperimentConfig, TripletConfig

COLLECTION_LOSES: tuple[str, ...] = (
    "Excluded lineages, tracks, frames and observations: they are in training again.",
    "Cut links, and links that tables lack: all is joined as the tracker wrote it.",
    "The whole dataset section (tau, relation, patch size, z_range, border, seed).",
    "Tables that are no CSV: its readers know no other.",
    "Wells that no condition names: its readers leave them out, here they are 'unknown'.",
    "Reasons of exclusions, and the verification.",
)
"""What the format cannot carry, in sentences."""


def collection_of(
    config: TripletConfig, index: MultiExperimentIndex, *, name: str, description: str = ""
) -> dict[str, Any]:
    """Say a config in DynaCLR's words.

    Parameters
    ----------
    config : TripletConfig
        Its exclusions of wells and FOVs become ``exclude_fovs``; the others are counted in the
        description alone.
    index : MultiExperimentIndex
        Of that config; gives plates, slot labels and pixel sizes.
    name : str
        Of the collection.
    description : str
        Comes first in the file's description.

    Raises
    ------
    ConfigError
        Two slots have one label; an experiment's tables are not as they are written.
    """
    placed = placed_experiments(config)
    if placed:
        raise ConfigError(
            Problem(
                "collection",
                f"{cannot_place(placed)}",
                "Take the config or the cell index, or write the tables anew.",
                experiment=placed[0],
                field="track_transform",
            )
        )
    labels = index.registry.slot_labels
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise ConfigError(
            Problem(
                "collection",
                f"two slots have the label {twice[0]!r}, by which a collection knows its slots.",
                "Give each slot its own label (slot_labels).",
                field="slot_labels",
            )
        )
    experiments = [_entry(experiment, config, index) for experiment in config.experiments]
    words = " ".join(part for part in (description.strip(), _not_carried(config)) if part)
    return {"name": name, "description": words, "experiments": experiments}


def placed_experiments(config: TripletConfig) -> list[str]:
    """Experiments whose tables are not read as they are: by other columns, or placed elsewhere."""
    return [
        experiment.name
        for experiment in config.experiments
        if experiment.track_transform is not None or experiment.tracks is not None
    ]


def cannot_place(placed: Sequence[str]) -> str:
    """Say that a collection of these experiments would be read as other cells."""
    return (
        f"A collection cannot say the track_transform of {choices(placed)}, nor its tracks: its "
        "readers would take columns, frames and positions as the tables have them."
    )


def write_collection(content: dict[str, Any], path: str | Path, config_hash: str = "") -> None:
    """Write what `collection_of` gives to `path`, replacing what is there.

    Parameters
    ----------
    content : dict
    path : str or Path
    config_hash : str
        Of the config that it is exported with, for a comment at its head.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    Path(path).write_text(write_yaml_text(content, hash_line(config_hash)), encoding="utf-8")


def _not_carried(config: TripletConfig) -> str:
    """Say what of this config is lost, with numbers."""
    exclude = config.exclude
    counts = {
        "lineage": len(exclude.lineages),
        "track": len(exclude.tracks),
        "frame": len(
            {
                (excluded.experiment, excluded.fov, t)
                for excluded in exclude.frames
                for t in excluded.frames
            }
        ),
        "observation": len(exclude.observations),
    }
    excluded = [counted(number, noun) for noun, number in counts.items() if number]
    lost = [f"the exclusion of {', '.join(excluded)}"] if excluded else []
    if config.cut:
        lost.append(f"{counted(len(config.cut), 'cut link')}")
    if config.link:
        lost.append(f"{counted(len(config.link), 'link')} that no table has")
    what = f": {' and '.join(lost)}" if lost else " (there are none)"
    return (
        "Exported by lineage-triplets. A collection cannot carry exclusions below a FOV, cut "
        f"links, nor links that tables lack{what}; the validated config and the cell index can."
    )


def _entry(
    given: ExperimentConfig, config: TripletConfig, index: MultiExperimentIndex
) -> dict[str, Any]:
    experiment = locate_experiment(given, Path.cwd())
    name, labels = experiment.name, index.registry.slot_labels
    data_path, tracks_path = _written_paths(experiment)
    values: dict[str, Any] = {
        key: getattr(experiment, own) for key, own in EXPERIMENT_KEYS.items() if key == own
    }
    values |= {
        "data_path": data_path,
        "tracks_path": tracks_path,
        "channels": [
            {"name": channel, "marker": label}
            for channel, label in zip(experiment.source_channel, labels, strict=True)
        ],
        "channel_names": list(experiment.channel_names),
        "perturbation_wells": {
            condition: list(wells) for condition, wells in experiment.condition_wells.items()
        },
        "microscope": "",
        **_pixel_sizes(name, index),
    }
    excluded = _excluded_fovs(name, config, index)
    if excluded:
        values["exclude_fovs"] = excluded
    return {key: values[key] for key in EXPERIMENT_KEYS if key in values}


def _written_paths(experiment: ExperimentConfig) -> tuple[str, str]:
    """Absolute paths, or those with a variable as they were written."""
    located = (experiment.data_path, experiment.tracks_path)
    written = located
    if experiment._written is not None:
        written = (experiment._written["data_path"], experiment._written["tracks_path"])
    first, second = (
        text if "$" in text and _is_whole(text) else path
        for text, path in zip(written, located, strict=True)
    )
    return first, second


def _is_whole(path: str) -> bool:
    expanded = expand(path)
    return is_url(expanded) or Path(expanded).is_absolute()


def _pixel_sizes(name: str, index: MultiExperimentIndex) -> dict[str, float]:
    """Sizes of pixels, where all FOVs that are read agree."""
    fovs = [source.fov for source in index.fovs if source.experiment == name]
    sizes = {fov.pixel_size_um for fov in fovs}
    size = sizes.pop() if len(sizes) == 1 else None
    # Writers put 1 where they do not know.
    if size is None or set(size[1:]) == {1.0}:
        return {}
    known = {"pixel_size_xy_um": size[2]}
    if all("z" in fov.axes for fov in fovs):
        known["pixel_size_z_um"] = size[0]
    return known


def _excluded_fovs(name: str, config: TripletConfig, index: MultiExperimentIndex) -> list[str]:
    """FOVs of the plate that nothing is taken from, in its order."""
    settings, exclude = config.dataset, config.exclude
    included = names_for(settings.include_wells, name)
    no_fovs = {excluded.fov for excluded in exclude.fovs if excluded.experiment == name}
    no_fovs |= set(names_for(settings.exclude_fovs, name) or [])
    no_wells = {excluded.well for excluded in exclude.wells if excluded.experiment == name}
    opened = {opened.config.name: opened for opened in index.registry.opened}.get(name)
    if opened is None:
        return sorted(no_fovs)
    # Its readers stop at a FOV without a table.
    read = {source.fov.name for source in index.fovs if source.experiment == name} - no_fovs
    excluded = []
    for well in opened.plate.wells:
        whole = well in no_wells or (included is not None and well not in included)
        excluded += [fov for fov in opened.list_fovs([well])[0] if whole or fov not in read]
    return excluded
