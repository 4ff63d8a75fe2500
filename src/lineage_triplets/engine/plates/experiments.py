"""Validated experiments: their plates, channel maps, and tau in frames."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import (
    ConfigError,
    LineageTripletsError,
    Problem,
    StoreError,
    UnknownNameError,
    choices,
)
from lineage_triplets.engine.plates.channels import resolve_channels
from lineage_triplets.engine.plates.plate import Plate, open_plate
from lineage_triplets.engine.settings.faults import experiment_faults, field_fault, unset_variable
from lineage_triplets.engine.settings.file import load_config, locate_experiment
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.settings.tau import TauFrames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.model import ExperimentConfig

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenedExperiment:
    """An experiment whose plate was opened.

    Attributes
    ----------
    config : ExperimentConfig
        With absolute paths.
    plate : Plate
    channel_names : tuple of str
        The store's, in its order; the config's where the store has none.
    channel_map : dict of int to int
        Slot to zarr channel index.
    first_fov : Fov
        The FOV that the channels were read from.
    """

    config: ExperimentConfig
    plate: Plate
    channel_names: tuple[str, ...]
    channel_map: dict[int, int]
    first_fov: Fov

    def list_fovs(self, wells: Sequence[str]) -> tuple[list[str], list[Problem]]:
        """Names of the FOVs in some wells; of a well that cannot be read, a warning."""
        self.plate.read_ahead(wells=wells)
        names: list[str] = []
        problems: list[Problem] = []
        for well in wells:
            try:
                names += self.plate.fov_names([well])
            except StoreError as error:
                problems += _skipped(error, self.config.name, "")
        return names, problems

    def open_fovs(self, names: Sequence[str]) -> tuple[list[Fov], list[Problem]]:
        """Open some FOVs, and say what is wrong with those that cannot be opened."""
        self.plate.read_ahead(fovs=names)
        fovs: list[Fov] = []
        problems: list[Problem] = []
        for name in names:
            try:
                fov = self.plate.fov(name)
            except StoreError as error:
                problems += self.fov_faults(error, name)
                continue
            fovs.append(fov)
            if fov.unread_transform:
                problems.append(_of_experiment(_unread_transform(fov), self.config))
        return fovs, problems

    def fov_faults(self, error: LineageTripletsError, fov: str) -> list[Problem]:
        """What is wrong with a FOV; that the plate lists one that is absent is a warning."""
        if isinstance(error, StoreError) and error.problems[0].kind == "missing-path":
            return _skipped(error, self.config.name, fov)
        return [
            replace(problem, experiment=self.config.name, fov=fov) for problem in error.problems
        ]


def _unread_transform(fov: Fov) -> Problem:
    return Problem(
        "unread-transform",
        f"its metadata place the pixels by a transformation of the kind {fov.unread_transform!r}, "
        "which is read only where it scales and moves: pixel size and interval are unknown.",
        "Pixels are read as they are stored. Positions in µm need a scale in track_transform.",
        severity="warning",
        fov=fov.name,
        file=fov.path,
    )


def _skipped(error: LineageTripletsError, experiment: str, fov: str) -> list[Problem]:
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


class ExperimentRegistry:
    """Experiments that were checked against their stores.

    Parameters
    ----------
    experiments : sequence of ExperimentConfig
        Relative paths are relative to the working folder. ``tracks_path`` is looked at by the
        index.
    slot_labels : sequence of str, optional
        Names of the slots; the first experiment's source channels by default.

    Raises
    ------
    ConfigError
        A ``ValueError`` that names the experiment and the field, or the store.

    Examples
    --------
    >>> from lineage_triplets import ExperimentRegistry
    >>> registry = ExperimentRegistry.from_yaml("experiments.yml")
    >>> registry.channel_maps
    {'early': {0: 0, 1: 1}, 'late': {0: 1, 1: 0}}
    >>> registry.tau_range_frames("late", (0.5, 2))
    (2, 8)
    """

    def __init__(
        self,
        experiments: Sequence[ExperimentConfig],
        *,
        slot_labels: Sequence[str] | None = None,
    ) -> None:
        opened, problems = open_experiments(experiments, check_tables=False)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            raise ConfigError(*errors)
        self._adopt(opened, problems, slot_labels)

    def _adopt(
        self,
        opened: Sequence[OpenedExperiment],
        problems: Sequence[Problem],
        slot_labels: Sequence[str] | None,
    ) -> None:
        self._opened = {experiment.config.name: experiment for experiment in opened}
        self.problems = tuple(problems)
        labels = list(slot_labels or opened[0].config.source_channel)
        if len(labels) != self.num_source_channels:
            raise ConfigError(
                Problem(
                    "unequal-slots",
                    f"there are {len(labels)} slot labels and {self.num_source_channels} slots.",
                    "Give one label a slot.",
                    field="slot_labels",
                )
            )
        self.slot_labels = labels
        for problem in problems:
            _log.warning("%s", problem)

    @classmethod
    def of_opened(
        cls,
        opened: Sequence[OpenedExperiment],
        problems: Sequence[Problem] = (),
        slot_labels: Sequence[str] | None = None,
    ) -> ExperimentRegistry:
        """Make a registry of experiments that are open already, whatever else is wrong."""
        registry = cls.__new__(cls)
        registry._adopt(opened, problems, slot_labels)
        return registry

    @classmethod
    def from_yaml(cls, path: str | Path) -> ExperimentRegistry:
        """Read the ``experiments`` of a YAML file; relative paths are relative to that file.

        ``~`` and ``${VAR}`` are expanded. DynaCLR's ``collection.yml`` is read too.
        """
        config = load_config(path)
        return cls(config.experiments, slot_labels=config.dataset.slot_labels)

    @property
    def experiments(self) -> list[ExperimentConfig]:
        """The experiments, in order, with absolute paths."""
        return [experiment.config for experiment in self._opened.values()]

    @property
    def opened(self) -> list[OpenedExperiment]:
        """The experiments with their plates, in order."""
        return list(self._opened.values())

    @property
    def num_source_channels(self) -> int:
        """Number of slots."""
        return len(self.opened[0].config.source_channel)

    @property
    def channel_maps(self) -> dict[str, dict[int, int]]:
        """``{experiment: {slot: zarr index}}``."""
        return {name: dict(experiment.channel_map) for name, experiment in self._opened.items()}

    def get_experiment(self, name: str) -> ExperimentConfig:
        """Give an experiment by its name.

        Raises
        ------
        UnknownNameError
            A ``KeyError`` that lists the names there are.
        """
        return self.get_opened(name).config

    def get_opened(self, name: str) -> OpenedExperiment:
        """Give an experiment with its plate; raises as `get_experiment`."""
        if name not in self._opened:
            raise UnknownNameError(
                Problem(
                    "unknown-experiment",
                    f"there is no experiment {name!r}.",
                    f"There is: {choices(self._opened)}.",
                )
            )
        return self._opened[name]

    def tau_range_frames(self, name: str, tau_range_hours: tuple[float, float]) -> tuple[int, int]:
        """Hours to frames of one experiment, ``(min, max)``, each end rounded half to even.

        Logs a warning where fewer than two frames remain of those that can be drawn: frame 0 never
        is.

        Raises
        ------
        UnknownNameError, ConfigError
            There is no such experiment; its interval makes tau more than a million frames.
        """
        interval_minutes = self.get_experiment(name).interval_minutes
        frames = TauFrames.of_hours(tau_range_hours, interval_minutes, name)
        if frames.is_empty or frames.is_single:
            _log.warning(
                "Experiment %s: tau from %g to %g h is frames %d to %d at %g min, which leaves "
                "fewer than 2 frames: %s.",
                name,
                *tau_range_hours,
                *frames,
                interval_minutes,
                f"only tau = {frames.last} to draw" if frames.is_single else "nothing to draw",
            )
        return frames.low, frames.high


def open_experiments(
    experiments: Sequence[ExperimentConfig], *, check_tables: bool = True
) -> tuple[list[OpenedExperiment], list[Problem]]:
    """Check experiments against each other and against their stores, and open what can be opened.

    An experiment whose channel order differs from the store's is opened by the store's names, if
    these have the source channels, and the difference is among the problems.

    Parameters
    ----------
    experiments : sequence of ExperimentConfig
    check_tables : bool
        Whether an experiment whose ``tracks_path`` is absent is refused here already.

    Returns
    -------
    opened : list of OpenedExperiment
    problems : list of Problem
        All that is wrong.
    """
    if not experiments:
        return [], [
            Problem(
                "no-experiments",
                "the list of experiments is empty.",
                "Add one.",
                field="experiments",
            )
        ]
    opened: list[OpenedExperiment] = []
    problems: list[Problem] = []
    names: set[str] = set()
    n_slots = len(experiments[0].source_channel)
    for given in experiments:
        try:
            config = locate_experiment(given, Path.cwd())
        except ValueError as error:
            problems.append(unset_variable(error, experiment=given.name, field="data_path"))
            continue
        faults = experiment_faults(config)
        if config.name in names:
            faults.append(
                field_fault(
                    config,
                    "name",
                    "duplicate-name",
                    "this name is a duplicate: two experiments have it.",
                    "Rename one: names tell experiments apart everywhere.",
                )
            )
        names.add(config.name)
        if len(config.source_channel) != n_slots:
            faults.append(
                field_fault(
                    config,
                    "source_channel",
                    "unequal-slots",
                    f"it has {len(config.source_channel)} source channels {config.source_channel}, "
                    f"experiment {experiments[0].name!r} has {n_slots} "
                    f"{experiments[0].source_channel}.",
                    "Give every experiment the same number, one a slot.",
                )
            )
        tables_fault = find_tables_fault(config) if check_tables else None
        experiment, store_problems = _open_store(config)
        problems += faults + ([tables_fault] if tables_fault else []) + store_problems
        if experiment is not None and not faults and tables_fault is None:
            opened.append(experiment)
    return opened, problems


def find_tables_fault(config: ExperimentConfig) -> Problem | None:
    """Say why track tables cannot be looked for in an experiment's ``tracks_path``, if so."""
    if is_url(config.tracks_path):
        return field_fault(
            config,
            "tracks_path",
            "remote-tables",
            f"track tables are not read from {config.tracks_path}; only images are.",
            "Copy the folder of the tables to this machine, and name the copy.",
        )
    if not os.path.exists(config.tracks_path):  # noqa: PTH110 - never raises, as pathlib's may
        return field_fault(
            config,
            "tracks_path",
            "missing-path",
            f"there is no {config.tracks_path}.",
            "Check the path.",
        )
    return None


def _open_store(config: ExperimentConfig) -> tuple[OpenedExperiment | None, list[Problem]]:
    problems = []
    try:
        plate = open_plate(config.data_path)
        fov = plate.first_fov()
    except LineageTripletsError as error:
        problems += [_of_experiment(problem, config, "data_path") for problem in error.problems]
        return None, problems
    channel_names, problem = resolve_channels(fov, config.channel_names)
    if problem is not None:
        problems.append(_of_experiment(problem, config))
    absent = [name for name in config.source_channel if name not in channel_names]
    if absent:
        return None, problems
    channel_map = {
        slot: channel_names.index(name) for slot, name in enumerate(config.source_channel)
    }
    problems += _unknown_wells(config, plate)
    return OpenedExperiment(config, plate, channel_names, channel_map, fov), problems


def _unknown_wells(config: ExperimentConfig, plate: Plate) -> list[Problem]:
    named = [well for wells in config.condition_wells.values() for well in wells]
    unknown = [well for well in named if well not in plate.wells]
    if plate.single_image or not unknown:
        return []
    return [
        field_fault(
            config,
            "condition_wells",
            "unknown-well",
            f"the plate has no well {choices(unknown)}.",
            f"It has: {choices(plate.wells)}.",
            severity="warning",
        )
    ]


def _of_experiment(problem: Problem, config: ExperimentConfig, field: str = "") -> Problem:
    return replace(problem, experiment=config.name, field=problem.field or field)
