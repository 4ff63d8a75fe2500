"""Which FOVs of which experiments are read, and where their tables are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.images import Fov, Plate, resolve_channels
from lineage_triplets.engine.problems import (
    ConfigError,
    LineageTripletsError,
    Problem,
    StoreError,
    TrackTableError,
    choices,
    nearest,
)
from lineage_triplets.engine.randomness import text_key
from lineage_triplets.engine.tracks import find_track_table

if TYPE_CHECKING:
    from lineage_triplets.engine.config import DatasetConfig, Exclusions
    from lineage_triplets.engine.registry import ExperimentRegistry, OpenedExperiment

    NamesPerExperiment = list[str] | dict[str, list[str]] | None


@dataclass(frozen=True, slots=True)
class FovSource:
    """One FOV that is read.

    Attributes
    ----------
    experiment : str
    experiment_number : int
    fov : Fov
    table : Path
    condition : str
        "unknown" for a well that no condition lists.
    channels : tuple of int
        Zarr index of every slot.
    z_start, depth : int or None, int
        First slice, or None where it follows each cell; and how many.
    key : int
        64-bit key of (experiment, FOV) for random numbers.
    has_id, has_parent_id : bool
        Whether the table has these columns.
    """

    experiment: str
    experiment_number: int
    fov: Fov
    table: Path
    condition: str
    channels: tuple[int, ...]
    z_start: int | None
    depth: int
    key: int
    has_id: bool = False
    has_parent_id: bool = False


def find_fovs(
    registry: ExperimentRegistry, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[FovSource], list[Problem]]:
    """List the FOVs that have a table, and open these alone.

    Returns
    -------
    sources : list of FovSource
        By experiment and the plate's order.
    problems : list of Problem
        FOVs without a table, images that are too small, names that are nowhere.
    """
    sources: list[FovSource] = []
    problems = _unknown_names(registry, settings, exclude)
    for number, opened in enumerate(registry.opened):
        found, faults = _fovs_of_experiment(number, opened, settings, exclude)
        sources += found
        problems += _once_an_experiment(faults)
    prefixes: dict[str, str] = {}
    for source in sources:
        prefix = f"{source.experiment}_{source.fov.name}"
        if prefixes.setdefault(prefix, source.experiment) != source.experiment:
            problems.append(
                Problem(
                    "ambiguous-id",
                    f"its ids begin with {prefix!r}, as those of {prefixes[prefix]!r} do.",
                    "Rename one of the two experiments.",
                    experiment=source.experiment,
                    fov=source.fov.name,
                    field="name",
                )
            )
    return sources, problems


def names_for(names: NamesPerExperiment, experiment: str) -> list[str] | None:
    """The names that hold in an experiment; None where nothing is said."""
    if isinstance(names, dict):
        return names.get(experiment)
    return names


def _unknown_names(
    registry: ExperimentRegistry, settings: DatasetConfig, exclude: Exclusions
) -> list[Problem]:
    problems = []
    experiments = [one.name for one in registry.experiments]
    for field in ("z_range", "include_wells", "exclude_fovs"):
        value = getattr(settings, field)
        if isinstance(value, dict):
            problems += [
                Problem(
                    "unknown-experiment",
                    f"there is no experiment {name!r}.",
                    nearest(name, experiments),
                    field=field,
                )
                for name in value
                if name not in experiments
            ]
    if isinstance(settings.include_wells, list):
        wells = {well for one in registry.opened for well in one.plate.wells}
        problems += [
            Problem(
                "unknown-well",
                f"no plate has the well {well!r}.",
                f"There is: {choices(sorted(wells))}.",
                field="include_wells",
            )
            for well in settings.include_wells
            if well not in wells
        ]
    plates = {one.config.name: one.plate for one in registry.opened}
    for name, where in _excluded_fovs(settings.exclude_fovs, list(plates)):
        if not any(_has_fov(plates[experiment], name) for experiment in where):
            problems.append(
                Problem(
                    "unknown-fov",
                    f"there is no FOV {name!r} in {choices(where)}.",
                    "Mend the name, or remove it.",
                    field="exclude_fovs",
                )
            )
    wells_of = [(one.experiment, one.well, "wells", one.well) for one in exclude.wells]
    wells_of += [
        (one.experiment, one.fov.rsplit("/", 1)[0], "fovs", one.fov) for one in exclude.fovs
    ]
    for experiment, well, field, name in wells_of:
        if experiment not in plates or well not in plates[experiment].wells:
            problems.append(
                Problem(
                    "unmatched-exclusion",
                    f"there is no {name!r} to exclude.",
                    "Remove it from the config, or mend the name.",
                    severity="warning",
                    experiment=experiment,
                    field=f"exclude.{field}",
                )
            )
    return problems


def _excluded_fovs(
    names: NamesPerExperiment, experiments: list[str]
) -> list[tuple[str, list[str]]]:
    """FOV names that are excluded, with the experiments that may have them."""
    if isinstance(names, dict):
        return [
            (name, [experiment])
            for experiment, listed in names.items()
            if experiment in experiments
            for name in listed
        ]
    return [(name, experiments) for name in names or []]


def _has_fov(plate: Plate, name: str) -> bool:
    well = name.rsplit("/", 1)[0]
    try:
        return well in plate.wells and name in plate.fov_names([well])
    except StoreError:
        return False


def _fovs_of_experiment(
    number: int, opened: OpenedExperiment, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[FovSource], list[Problem]]:
    config, plate = opened.config, opened.plate
    problems: list[Problem] = []
    try:
        z_window(settings, config.name)
    except ConfigError as error:
        return [], list(error.problems)
    included = names_for(settings.include_wells, config.name)
    no_wells = {one.well for one in exclude.wells if one.experiment == config.name}
    wells = [
        well
        for well in plate.wells
        if well not in no_wells and (included is None or well in included)
    ]
    no_fovs = {one.fov for one in exclude.fovs if one.experiment == config.name}
    no_fovs |= set(names_for(settings.exclude_fovs, config.name) or [])
    condition_of = {
        well: condition for condition, wells in config.condition_wells.items() for well in wells
    }
    sources, without_table = [], []
    for well in wells:
        try:
            names = plate.fov_names([well])
        except StoreError as error:
            problems += _as_warnings(error, config.name, "")
            continue
        for name in names:
            if name in no_fovs:
                continue
            try:
                table = _table_of(opened, name)
                if table is None:
                    without_table.append(name)
                    continue
                fov = plate.fov(name)
            except (StoreError, TrackTableError) as error:
                absent = isinstance(error, StoreError) and not (Path(plate.path) / name).exists()
                found = [
                    replace(problem, experiment=config.name, fov=name) for problem in error.problems
                ]
                problems += _as_warnings(error, config.name, name) if absent else found
                continue
            source, faults = _source(number, opened, fov, table, condition_of, settings)
            problems += faults
            if source is not None:
                sources.append(source)
    if without_table:
        problems.append(
            Problem(
                "no-table",
                f"{len(without_table)} FOVs have no track table and are skipped: "
                f"{choices(without_table)}.",
                "Tables are expected at {tracks_path}/{row}/{column}/{fov}/.",
                severity="warning",
                experiment=config.name,
                fov=without_table[0],
                file=config.tracks_path,
                count=len(without_table),
            )
        )
    return sources, problems


def _table_of(opened: OpenedExperiment, name: str) -> Path | None:
    root = Path(opened.config.tracks_path)
    return find_track_table(root if opened.plate.single_image else root / name)


def _source(
    number: int,
    opened: OpenedExperiment,
    fov: Fov,
    table: Path,
    condition_of: dict[str, str],
    settings: DatasetConfig,
) -> tuple[FovSource | None, list[Problem]]:
    """Check one FOV against the settings."""
    config = opened.config
    problems = []
    names, unlike = resolve_channels(fov, list(opened.channel_names))
    if unlike is not None and unlike.severity == "error":
        return None, [replace(unlike, experiment=config.name)]
    height, width = fov.shape[3:]
    patch_height, patch_width = settings.yx_patch_size
    if settings.border == "clamp" and (patch_height > height or patch_width > width):
        problems.append(
            Problem(
                "patch-too-large",
                f"the patch of {patch_height} x {patch_width} pixels is larger than the image of "
                f"{height} x {width}.",
                "Choose a smaller yx_patch_size, or border='pad' (zeros around the image) or "
                "'exclude' (leave such cells out).",
                experiment=config.name,
                fov=fov.name,
                file=fov.path,
                field="yx_patch_size",
            )
        )
    z_start, depth = z_window(settings, config.name)
    if (z_start or 0) + depth > fov.shape[2]:
        asked = (
            f"slices {z_start} to {z_start + depth - 1}"
            if z_start is not None
            else f"{depth} slices"
        )
        problems.append(
            Problem(
                "z-range",
                f"z_range asks for {asked}, and the image has {fov.shape[2]} (0 to "
                f"{fov.shape[2] - 1}).",
                "Choose slices inside; z_range can be given for each experiment.",
                experiment=config.name,
                fov=fov.name,
                file=fov.path,
                field="z_range",
            )
        )
    if problems:
        return None, problems
    return (
        FovSource(
            experiment=config.name,
            experiment_number=number,
            fov=fov,
            table=table,
            condition=condition_of.get(fov.well_name, "unknown"),
            channels=tuple(names.index(channel) for channel in config.source_channel),
            z_start=z_start,
            depth=depth,
            key=text_key(config.name, fov.name),
        ),
        [],
    )


def z_window(settings: DatasetConfig, experiment: str) -> tuple[int | None, int]:
    """First slice (None where it follows each cell) and number of slices.

    Raises
    ------
    ConfigError
        ``z_range`` is given for each experiment, and not for this one.
    """
    z_range = settings.z_range
    if isinstance(z_range, int):
        return None, z_range
    if isinstance(z_range, dict):
        if experiment not in z_range:
            raise ConfigError(
                Problem(
                    "z-range",
                    f"z_range is given for {choices(z_range)} and not for this one.",
                    "Add it.",
                    experiment=experiment,
                    field="z_range",
                )
            )
        z_range = z_range[experiment]
    start, stop = z_range
    return start, stop - start


def _as_warnings(error: LineageTripletsError, experiment: str, fov: str) -> list[Problem]:
    return [
        replace(
            problem,
            severity="warning",
            experiment=experiment,
            fov=fov,
            message=f"{problem.message} The plate lists it; it is skipped.",
        )
        for problem in error.problems
    ]


def _once_an_experiment(problems: list[Problem]) -> list[Problem]:
    """Say once what is wrong with every FOV of an experiment alike."""
    first: dict[tuple[str, str, str], Problem] = {}
    rest = []
    for problem in problems:
        if problem.kind not in {"patch-too-large", "z-range", "channel-names"}:
            rest.append(problem)
            continue
        key = (problem.experiment, problem.kind, problem.message)
        known = first.get(key)
        first[key] = replace(known, count=known.count + 1) if known else problem
    return [
        replace(one, message=f"{one.message} So in {one.count} FOVs.") if one.count > 1 else one
        for one in first.values()
    ] + rest
