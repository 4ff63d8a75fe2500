"""Which FOVs of which experiments are read, and where their tables are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import (
    ConfigError,
    Problem,
    StoreError,
    TrackTableError,
    choices,
    counted,
)
from lineage_triplets.engine.index.asked import names_for, unknown_names
from lineage_triplets.engine.index.fits import size_faults, z_window
from lineage_triplets.engine.index.focus import focused_slices
from lineage_triplets.engine.index.names import global_id
from lineage_triplets.engine.masks.find import find_masks, masks_place
from lineage_triplets.engine.pairs.randomness import text_key
from lineage_triplets.engine.plates.acquisitions import several_acquisitions
from lineage_triplets.engine.plates.channels import resolve_channels
from lineage_triplets.engine.plates.experiments import find_tables_fault
from lineage_triplets.engine.plates.zarr_json import unreadable_array
from lineage_triplets.engine.tracks.read import (
    FovTables,
    find_track_table,
    unknown_format,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.masks.find import Masks
    from lineage_triplets.engine.plates.experiments import ExperimentRegistry, OpenedExperiment
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions, ExperimentConfig
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform

_OF_EVERY_FOV = frozenset(
    {"patch-too-large", "z-range", "channel-names", "no-channel-names", "some-channel-names"}
    | {"one-table-for-all", "unusable-masks", "unread-transform", "unreadable-codec"}
)


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
        First slice, or None where it follows each cell or frame; and how many.
    key : int
        64-bit key of (experiment, FOV) for random numbers.
    reading : TrackReading or None
        How the table is read; None where its content says it.
    track_transform : TrackTransform or None
        Where the table's frames and positions are in the image; None where they are as written.
    labels_path, labels_name : str
        Where the FOV's masks are, and which of its NGFF labels; empty where the config says
        nothing.
    z_starts : tuple of int
        First slice of each frame; empty where it is the same, or follows each cell.
    n_frames : int
        From the first on, those that are written, of as many as the image has.
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
    reading: TrackReading | None = None
    track_transform: TrackTransform | None = None
    labels_path: str = ""
    labels_name: str = ""
    z_starts: tuple[int, ...] = ()
    n_frames: int = 0
    has_id: bool = False
    has_parent_id: bool = False

    @property
    def table_as(self) -> tuple[Path, TrackReading | None]:
        """Its table, and how it is read."""
        return self.table, self.reading

    @property
    def has_slices_of_cells(self) -> bool:
        """Whether the slices that are read follow each cell."""
        return self.z_start is None and not self.z_starts

    @property
    def id_prefix(self) -> str:
        """How the ids of its tracks begin."""
        return global_id(self.experiment, self.fov.name)

    def masks(self) -> Masks | None:
        """Find the masks of its cells, which pixels and pairs do without; None if there are none.

        Raises
        ------
        StoreError
            There are, and they cannot be used.
        """
        try:
            return find_masks(
                self.fov, self.table, self.labels_path, self.labels_name, self.track_transform
            )
        except StoreError as error:
            told = error.problems[0]
            raise StoreError(
                replace(told, experiment=self.experiment, fov=self.fov.name)
            ) from error


def fov_numbers(sources: Sequence[FovSource]) -> dict[tuple[str, str], int]:
    """Number of each FOV by the names of its experiment and itself."""
    return {(source.experiment, source.fov.name): k for k, source in enumerate(sources)}


def find_fovs(
    registry: ExperimentRegistry, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[FovSource], list[Problem]]:
    """List the FOVs that have a table, and open these alone.

    Returns
    -------
    sources : list of FovSource
        By experiment and the plate's order.
    problems : list of Problem
        Tables that are absent, of an experiment or a FOV; images that are too small; names that
        are nowhere.
    """
    found = [
        fovs_of_experiment(number, opened, settings, exclude)
        for number, opened in enumerate(registry.opened)
    ]
    return fovs_together(registry, settings, exclude, found)


def fovs_together(
    registry: ExperimentRegistry,
    settings: DatasetConfig,
    exclude: Exclusions,
    found: Sequence[tuple[list[FovSource], list[Problem]]],
) -> tuple[list[FovSource], list[Problem]]:
    """Put together what `fovs_of_experiment` found, and look at it as a whole."""
    sources = [source for of_experiment, _ in found for source in of_experiment]
    problems = unknown_names(registry, settings, exclude)
    problems += [problem for _, faults in found for problem in faults]
    prefixes: dict[str, str] = {}
    for source in sources:
        prefix = source.id_prefix.removesuffix("_")
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


def fovs_of_experiment(
    number: int, opened: OpenedExperiment, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[FovSource], list[Problem]]:
    """List the FOVs of one experiment that have a table, and say what is wrong."""
    fault = find_tables_fault(opened.config)
    fault = fault or unknown_format(opened.config.tracks, opened.config.name)
    if fault is not None:
        return [], [fault]
    sources, faults = _fovs_of_experiment(number, opened, settings, exclude)
    return sources, _once_an_experiment(faults)


def _fovs_of_experiment(
    number: int, opened: OpenedExperiment, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[FovSource], list[Problem]]:
    config = opened.config
    problems: list[Problem] = []
    try:
        z_window(settings, config.name)
    except ConfigError as error:
        return [], list(error.problems)
    condition_of = {
        well: condition for condition, wells in config.condition_wells.items() for well in wells
    }
    below = FovTables(opened.plate, Path(config.tracks_path), config.tracks)
    sources, without_table, tables = [], [], {}
    names, faults = _wanted_names(opened, settings, exclude)
    problems += faults
    for name in names:
        try:
            table = below.find(name)
        except (StoreError, TrackTableError) as error:
            problems += opened.fov_faults(error, name)
            continue
        if table is None:
            without_table.append(name)
        else:
            tables[name] = table
    fovs, faults = opened.open_fovs(list(tables))
    problems += faults
    for fov in fovs:
        source, faults = _source(number, opened, fov, tables[fov.name], condition_of, settings)
        problems += faults
        if source is not None:
            sources.append(source)
            problems += _mask_faults(source)
    acquisitions = several_acquisitions(opened.plate, [source.fov for source in sources])
    if acquisitions is not None:
        problems.append(replace(acquisitions, experiment=config.name))
    if without_table:
        problems.append(
            _fovs_skipped(
                "no-table",
                without_table,
                "{fovs} no track table, and nothing is taken from there: {names}.",
                f"Tables are expected at {{tracks_path}}/{opened.plate.folder_pattern}/.",
                config,
            )
        )
    strangers = [] if below.is_one else _tables_without_fov(opened)
    if strangers:
        problems.append(
            _fovs_skipped(
                "table-without-fov",
                strangers,
                "{fovs} a track table and no image in the plate: {names}.",
                "Check that tables and plate belong together.",
                config,
            )
        )
    return sources, problems


def _wanted_names(
    opened: OpenedExperiment, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[str], list[Problem]]:
    """Names of the FOVs that are neither left out nor excluded."""
    name = opened.config.name
    included = names_for(settings.include_wells, name)
    no_wells = {well.well for well in exclude.wells if well.experiment == name}
    no_fovs = {fov.fov for fov in exclude.fovs if fov.experiment == name}
    no_fovs |= set(names_for(settings.exclude_fovs, name) or [])
    listed, problems = opened.list_fovs(
        [
            well
            for well in opened.plate.wells
            if well not in no_wells and (included is None or well in included)
        ]
    )
    return [fov for fov in listed if fov not in no_fovs], problems


def _fovs_skipped(
    kind: str, names: list[str], message: str, remedy: str, config: ExperimentConfig
) -> Problem:
    """One warning for all FOVs that something is missing of."""
    fovs = f"{counted(len(names), 'FOV')} {'has' if len(names) == 1 else 'have'}"
    return Problem(
        kind,
        message.format(fovs=fovs, names=choices(names)),
        remedy,
        severity="warning",
        experiment=config.name,
        fov=names[0],
        file=config.tracks_path,
        count=len(names),
        fovs=tuple(names),
    )


def _mask_faults(source: FovSource) -> list[Problem]:
    """What is wrong with masks that a config names; others are looked for when they are wanted."""
    if not source.labels_path and not source.labels_name:
        return []
    try:
        source.masks()
    except StoreError as error:
        return list(error.problems)
    return []


def _tables_without_fov(opened: OpenedExperiment) -> list[str]:
    """Folders of tables, ``{row}/{column}/{fov}``, for which the plate has no FOV."""
    root, plate = Path(opened.config.tracks_path), opened.plate
    if plate.single_image:
        return []
    folders = sorted(
        folder.relative_to(root).as_posix() for folder in root.glob("*/*/*") if folder.is_dir()
    )
    if plate.series:
        ours = {name.partition("/")[0] for name in plate.series} | set(plate.series.values())
        folders += sorted(
            folder.name for folder in root.glob("*") if folder.is_dir() and folder.name not in ours
        )
    return [name for name in folders if not plate.has_fov(name) and _has_table(root / name)]


def _has_table(folder: Path) -> bool:
    try:
        return find_track_table(folder) is not None
    except TrackTableError:
        return True


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
    unnamed: list[Problem] = []
    if unlike is not None:
        unlike = replace(unlike, experiment=config.name)
        if unlike.severity == "error":
            return None, [unlike]
        if fov.channel_labels != opened.first_fov.channel_labels:
            unnamed = [unlike]
    if fov.form.unreadable:
        fault = unreadable_array(fov.form.unreadable, fov.array_path, opened.plate.path)
        problems.append(replace(fault, experiment=config.name, fov=fov.name))
    z_start, depth = z_window(settings, config.name)
    problems += [
        replace(fault, experiment=config.name, fov=fov.name, file=fov.path)
        for fault in size_faults(fov.shape, settings, z_start, depth)
    ]
    z_starts: tuple[int, ...] = ()
    if not problems and settings.z_centre != "cell":
        try:
            z_start, z_starts = focused_slices(
                settings, config.name, fov, config.source_channel[0], depth
            )
        except (ConfigError, StoreError) as error:
            problems += opened.fov_faults(error, fov.name)
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
            reading=config.tracks,
            track_transform=config.track_transform,
            labels_path=masks_place(opened.plate, config.labels_path, fov.name),
            labels_name=config.labels_name or "",
            z_starts=z_starts,
        ),
        unnamed,
    )


def _once_an_experiment(problems: list[Problem]) -> list[Problem]:
    """Say once what is wrong with every FOV of an experiment alike."""
    first: dict[tuple[str, str, str], Problem] = {}
    rest = []
    for problem in problems:
        if problem.kind not in _OF_EVERY_FOV:
            rest.append(problem)
            continue
        key = (problem.experiment, problem.kind, problem.message)
        known = first.get(key)
        fovs = (*(known.fovs if known else ()), problem.fov)
        first[key] = replace(known or problem, count=len(fovs), fovs=fovs)
    return [
        replace(fault, message=f"{fault.message} So in {counted(fault.count, 'FOV')}.")
        if fault.count > 1
        else fault
        for fault in first.values()
    ] + rest
