"""Everything that is wrong with a config and its data, at once, and the rest loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem
from lineage_triplets.engine.index.assemble import assemble
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.plates.experiments import ExperimentRegistry, open_experiments
from lineage_triplets.engine.reading.cost import costly_chunks
from lineage_triplets.engine.settings.file import given_config, read_config, with_lines
from lineage_triplets.engine.settings.model import TripletConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lineage_triplets.engine.index.gather import Progress


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and what could be loaded.

    Attributes
    ----------
    problems : tuple of Problem
        Errors first, then warnings, then notes.
    config : TripletConfig or None
    index : MultiExperimentIndex or None
        Over what could be opened, None if nothing could. An experiment whose channels are in
        another order than the store's is opened by the store's names.
    """

    problems: tuple[Problem, ...]
    config: TripletConfig | None
    index: MultiExperimentIndex | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep something from being loaded."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def diagnose(
    config: TripletConfig | str | Path,
    *,
    path_map: Mapping[str, str] | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Collect everything that is wrong with a config and its data; nothing is raised.

    Parameters
    ----------
    config : TripletConfig, str or Path
        A config or its file.
    path_map : dict, optional
        Leading folders of a file's paths to replace, ``{old: new}``; beside a config that was
        loaded already it is an error that is raised (ConfigError).
    scheduler : str, optional
        Address of a dask scheduler whose workers open the plates and read the tables; that there
        is none is raised (ConfigError).
    progress : callable, optional
        Called with how many plates workers have read, and how many there are.

    Examples
    --------
    >>> from lineage_triplets import diagnose
    >>> diagnose("experiments.yml").problems
    ()
    """
    if not isinstance(config, TripletConfig):
        loaded, problems = read_config(config, path_map)
        found = _diagnose(loaded, problems, scheduler, progress)
        return replace(found, problems=tuple(with_lines(found.problems, config)))
    return _diagnose(given_config(config, path_map), [], scheduler, progress)


def _diagnose(
    loaded: TripletConfig | None,
    problems: list[Problem],
    scheduler: str | None,
    progress: Progress | None,
) -> Diagnosis:
    if loaded is None:
        return Diagnosis(_sorted(problems), None, None)
    opened, found = open_experiments(loaded.experiments)
    problems += found
    if not opened:
        return Diagnosis(_sorted(problems), loaded, None)
    try:
        registry = ExperimentRegistry.of_opened(opened, slot_labels=loaded.dataset.slot_labels)
    except ConfigError as error:
        problems += error.problems
        registry = ExperimentRegistry.of_opened(opened)
    parts = (loaded.dataset, loaded.exclude, loaded.cut, loaded.link)
    assembly = assemble(registry, *parts, scheduler=scheduler, progress=progress)
    index = MultiExperimentIndex.of_assembly(registry, loaded.dataset, assembly)
    everything = [*problems, *index.problems]
    refused = {problem.experiment for problem in everything if problem.severity == "error"}
    problems += [
        problem
        for problem in index.problems
        if not (problem.kind == "no-anchors" and problem.experiment in refused)
    ]
    problems += costly_chunks(index)
    try:
        PairSource(index, loaded.dataset).require_anchors()
    except (ConfigError, NoAnchorsError) as error:
        problems += error.problems[:1]
    return Diagnosis(_sorted(problems), loaded, index)


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    rank = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: rank[problem.severity]))
