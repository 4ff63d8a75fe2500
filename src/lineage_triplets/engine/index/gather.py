"""FOVs found and their tables read: by threads of this process, or by workers of a cluster."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from lineage_triplets.engine.cluster import LostWorkersError, cpus_of_task, on_cluster
from lineage_triplets.engine.errors import Problem, StoreError, TrackTableError
from lineage_triplets.engine.index.fovs import (
    FovSource,
    find_fovs,
    fovs_of_experiment,
    fovs_together,
)
from lineage_triplets.engine.plates.written import n_frames_written
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.engine.tracks.read import TrackTable, read_track_table
from lineage_triplets.engine.tracks.transform import place_table, transform_into_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lineage_triplets.engine.plates.experiments import ExperimentRegistry, OpenedExperiment
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
    from lineage_triplets.engine.settings.track_reading import TrackReading

    Progress = Callable[[int, int], None]
    Gathered = tuple[list[FovSource], list[TrackTable], list[Problem]]


class TableReader(Protocol):
    """Reads one FOV's table."""

    def __call__(
        self, path: Path, /, *, experiment: str, fov: str, reading: TrackReading | None
    ) -> TrackTable:
        """Read it; raises TrackTableError or StoreError."""


@dataclass(frozen=True)
class _ReadTable:
    """A FOV and its table, placed; or why it cannot be used."""

    source: FovSource
    table: TrackTable | None
    problems: list[Problem]


def read_here(
    registry: ExperimentRegistry,
    settings: DatasetConfig,
    exclude: Exclusions,
    read: TableReader,
) -> Gathered:
    """Find all FOVs and read their tables side by side.

    Returns
    -------
    sources : list of FovSource
        Those whose table can be used.
    tables : list of TrackTable
        Theirs, with positions in pixels.
    problems : list of Problem
    """
    sources, problems = find_fovs(registry, settings, exclude)
    return _gathered(_read_tables(sources, read, settings, usable_cpus()), problems)


def read_on_cluster(
    scheduler: str,
    registry: ExperimentRegistry,
    settings: DatasetConfig,
    exclude: Exclusions,
    progress: Progress | None,
) -> Gathered:
    """Do as `read_here` does by the workers of a scheduler, a task a plate.

    Raises
    ------
    ConfigError
        There is no such scheduler, or dask.distributed is not installed.
    """
    tasks = [(number, opened, settings, exclude) for number, opened in enumerate(registry.opened)]
    plates: list[tuple[list[FovSource], list[Problem], list[_ReadTable]]]
    plates = [([], [], [])] * len(tasks)
    for number, answer in on_cluster(scheduler, _read_plate, tasks, progress):
        if isinstance(answer, LostWorkersError):
            config = registry.opened[number].config
            lost = replace(answer.problems[0], experiment=config.name, file=config.data_path)
            plates[number] = [], [lost], []
        else:
            plates[number] = answer
    found = [(sources, problems) for sources, problems, _ in plates]
    _, problems = fovs_together(registry, settings, exclude, found)
    return _gathered([read for _, _, tables in plates for read in tables], problems)


def _read_plate(
    number: int, opened: OpenedExperiment, settings: DatasetConfig, exclude: Exclusions
) -> tuple[list[FovSource], list[Problem], list[_ReadTable]]:
    """Find and read what is of one experiment, on a worker."""
    sources, problems = fovs_of_experiment(number, opened, settings, exclude)
    return sources, problems, _read_tables(sources, read_track_table, settings, cpus_of_task())


def _read_tables(
    sources: Sequence[FovSource], read: TableReader, settings: DatasetConfig, n_threads: int
) -> list[_ReadTable]:
    # Where absent chunks are the fill value on purpose, all frames count as written.
    all_written = settings.missing_chunks == "fill"
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(partial(_read_table, read, all_written), sources))


def _read_table(read: TableReader, all_written: bool, source: FovSource) -> _ReadTable:
    names = {"experiment": source.experiment, "fov": source.fov.name}
    try:
        table = read(source.table, reading=source.reading, **names)
        transform = transform_into_pixels(
            table, source.track_transform, source.fov.pixel_size_um, **names
        )
    except (TrackTableError, StoreError) as error:
        return _ReadTable(source, None, list(error.problems))
    known = replace(
        source,
        track_transform=transform,
        n_frames=source.fov.shape[0] if all_written else n_frames_written(source.fov),
        has_id=table.id is not None,
        has_parent_id=table.parent_id is not None,
    )
    return _ReadTable(known, place_table(table, transform), list(table.problems))


def _gathered(read: Sequence[_ReadTable], problems: list[Problem]) -> Gathered:
    """What can be used, and everything that is wrong."""
    usable = [(entry.source, entry.table) for entry in read if entry.table is not None]
    problems += [problem for entry in read for problem in entry.problems]
    return [source for source, _ in usable], [table for _, table in usable], problems
