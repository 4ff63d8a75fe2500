"""Config files: YAML in, with every fault and its line; YAML out, whole or not at all."""

from __future__ import annotations

import copy
import logging
import types
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lineage_triplets.engine.errors import ConfigError, Problem, choices, nearest, shown
from lineage_triplets.engine.files import whole_file
from lineage_triplets.engine.settings import collection
from lineage_triplets.engine.settings.faults import distinct_faults, is_branch, unset_variable
from lineage_triplets.engine.settings.model import (
    FORMAT,
    DatasetConfig,
    ExperimentConfig,
    TripletConfig,
)
from lineage_triplets.engine.settings.path_map import experiment_paths, unmatched_entries
from lineage_triplets.engine.settings.paths import locate, rebase
from lineage_triplets.engine.settings.yaml import YamlDocument, read_yaml, write_yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

_log = logging.getLogger(__name__)

BASE = ""
"""Key of the folder that paths are relative to, among the paths as they were written."""
DRAFT_HEADER = "# DRAFT: not reviewed. Training reads it, but nobody has looked at the pairs yet.\n"


def read_config(
    path: str | Path, path_map: Mapping[str, str] | None = None
) -> tuple[TripletConfig | None, list[Problem]]:
    """Read a config and collect what is wrong with it.

    Parameters
    ----------
    path : str or Path
        A config of this program, a plain list of experiments, or a DynaCLR ``collection.yml``.
    path_map : dict, optional
        Leading folders to replace, ``{old: new}``. What begins with none of them stays; an entry
        that no path begins with is logged as a warning where others replace something.

    Returns
    -------
    config : TripletConfig or None
        What could be read: experiments with faults are left out; None if nothing is left, or if no
        path begins with a folder that `path_map` names.
    problems : list of Problem
        Each with file, line and field.
    """
    config, problems = _read_as_written(path)
    if config is None:
        return None, problems
    base = Path(path).absolute().parent
    if path_map:
        unmatched = unmatched_entries(path_map, config, path, is_whole=not problems).values()
        errors = [problem for problem in unmatched if problem.severity == "error"]
        if errors:
            return None, errors
        for problem in unmatched:
            _log.warning("%s", problem)
    located = []
    for experiment in config.experiments:
        try:
            located.append(locate_experiment(experiment, base, path_map))
        except ValueError as error:
            problems.append(unset_variable(error, experiment=experiment.name, file=str(path)))
    dataset = config.dataset
    try:
        dataset = _locate_statistics(dataset, base, path_map)
    except ValueError as error:
        where = {"file": str(path), "field": "dataset.statistics_path"}
        problems.append(unset_variable(error, **where))
    return config.model_copy(update={"experiments": located, "dataset": dataset}), problems


def path_map_faults(path: str | Path, path_map: Mapping[str, str]) -> dict[str, Problem]:
    """Say which folders of a `path_map` no path of a config begins with.

    Of a config that cannot be read, nothing: reading it says why.
    """
    config, problems = _read_as_written(path)
    if config is None:
        return {}
    return unmatched_entries(path_map, config, path, is_whole=not problems)


def _read_as_written(path: str | Path) -> tuple[TripletConfig | None, list[Problem]]:
    """Read a config with its paths as they stand in the file."""
    try:
        document = read_yaml(path)
        if collection.is_collection(document.content):
            document = collection.convert(document)
    except ConfigError as error:
        return None, list(error.problems)
    content = dict(document.content)
    try:
        return TripletConfig.model_validate(content), []
    except ValidationError as error:
        problems = [_problem(document, fault) for fault in distinct_faults(error)]
        return _without_faults(content, error), problems


def with_lines(problems: Sequence[Problem], path: str | Path) -> list[Problem]:
    """Name the file and line of what is wrong with the data that experiments' fields name.

    Parameters
    ----------
    problems : sequence of Problem
        Those that have a place already, or that are about no field of the file, stay as they are.
    path : str or Path
        The config's file.
    """
    try:
        document = read_yaml(path)
    except ConfigError:
        return list(problems)
    experiments = document.content.get("experiments")
    names = [
        str(entry.get("name", "")) if isinstance(entry, dict) else ""
        for entry in (experiments if isinstance(experiments, list) else [])
    ]
    found = []
    for problem in problems:
        line = None
        if problem.experiment in names:
            key = problem.field.partition(".")[0]
            line = document.lines.get(("experiments", names.index(problem.experiment), key))
        has_place = problem.line is not None or problem.row is not None or problem.file
        if line is not None and not has_place:
            found.append(replace(problem, file=str(path), line=line))
        else:
            found.append(problem)
    return found


def load_config(path: str | Path, path_map: Mapping[str, str] | None = None) -> TripletConfig:
    """Read a config, or raise with all that is wrong with it.

    Parameters
    ----------
    path : str or Path
        A config of this program, a plain list of experiments, or a DynaCLR ``collection.yml``.
    path_map : dict, optional
        Leading folders to replace, ``{old: new}``.

    Raises
    ------
    ConfigError
        The file cannot be read or says something that cannot be, or no path of it begins with a
        folder that `path_map` names.

    Examples
    --------
    >>> from lineage_triplets import load_config
    >>> config = load_config("experiments.yml")
    >>> [experiment.name for experiment in config.experiments]
    ['early', 'late']
    """
    config, problems = read_config(path, path_map)
    if problems or config is None:
        raise ConfigError(*problems)
    return config


def given_config(
    config: TripletConfig | str | Path, path_map: Mapping[str, str] | None
) -> TripletConfig:
    """Give a config that was loaded already, or load it from its file.

    Raises
    ------
    ConfigError
        As `load_config`; or there is a `path_map`, and the paths of the config are found already.
    """
    if not isinstance(config, TripletConfig):
        return load_config(config, path_map)
    if path_map:
        raise ConfigError(
            Problem(
                "loaded-config",
                f"path_map ({choices(path_map)}) replaces folders while a file is read, and this "
                "config was read before.",
                "Give path_map to load_config.",
            )
        )
    return config


def save_config(
    config: TripletConfig, path: str | Path, *, overwrite: bool = False, header: str | None = None
) -> None:
    """Write a config as YAML; relative paths are rewritten to the new file's folder.

    Parameters
    ----------
    config : TripletConfig
    path : str or Path
    overwrite : bool
        Whether an existing file may be replaced.
    header : str, optional
        Comment lines on top; a config that is not validated is marked as a draft.

    Raises
    ------
    OutputExistsError, OutputError
        Nothing is left half written.

    Examples
    --------
    >>> from lineage_triplets import load_config, save_config
    >>> config = load_config("experiments.yml")
    >>> save_config(config, "copies/experiments.yml")
    >>> load_config("copies/experiments.yml").dataset == config.dataset
    True
    """
    target = Path(path)
    content = config.model_dump(mode="json", exclude={"experiments"})
    content["dataset"]["statistics_path"] = _written_statistics(
        config.dataset, target.absolute().parent
    )
    experiments = [
        written_experiment(experiment, target.absolute().parent)
        for experiment in config.experiments
    ]
    content = {"format": FORMAT, "experiments": experiments, **content}
    if header is None:
        header = "" if config.verification.validated else DRAFT_HEADER
    with whole_file(target, overwrite=overwrite) as temporary:
        temporary.write_text(write_yaml_text(content, header), encoding="utf-8")


def locate_experiment(
    experiment: ExperimentConfig, base: str | Path, path_map: Mapping[str, str] | None = None
) -> ExperimentConfig:
    """Make an experiment's paths absolute, and remember how they were written.

    An experiment whose paths are so already is given back itself.

    Raises
    ------
    ValueError
        A variable in a path is not set.
    """
    given = experiment_paths(experiment)
    located = {key: locate(path, base, path_map) for key, path in given.items()}
    if located == given:
        return experiment
    written = experiment._written or {**given, BASE: str(base)}
    if path_map and any(_is_moved(path, located[key], base) for key, path in given.items()):
        written = {**located, BASE: str(base)}
    changed = experiment.model_copy(update=located)
    changed._written = written
    return changed


def _is_moved(written: str, located: str, base: str | Path) -> bool:
    """Whether a path map replaced a folder; in its place may be a variable that is not set."""
    try:
        return located != locate(written, base)
    except ValueError:
        return True


def _locate_statistics(
    dataset: DatasetConfig, base: Path, path_map: Mapping[str, str] | None
) -> DatasetConfig:
    """Make the path of the statistics absolute, and remember how it was written."""
    written = dataset.statistics_path
    if written is None:
        return dataset
    path = locate(written, base, path_map)
    located = dataset.model_copy(update={"statistics_path": path})
    # What path_map replaced is where the folder is now.
    located._written = (path, path if _is_moved(written, path, base) else written, str(base))
    return located


def _written_statistics(dataset: DatasetConfig, folder: Path) -> str | None:
    """The path of the statistics for a file in `folder`, unless it changed since it was read."""
    path, written, base = dataset._written or (None, "", "")
    if dataset.statistics_path is None or dataset.statistics_path != path:
        return dataset.statistics_path
    return rebase(written, base, folder)


def written_experiment(experiment: ExperimentConfig, folder: Path) -> dict[str, Any]:
    """One entry of ``experiments:`` for a file in `folder`."""
    of_tables = {"tracks": experiment.tracks, "track_transform": experiment.track_transform}
    entry: dict[str, Any] = experiment.model_dump(mode="json", exclude=set(of_tables))
    for key in ("labels_path", "labels_name"):
        if entry[key] is None:
            del entry[key]
    for key, said in of_tables.items():
        if said is not None:
            entry[key] = said.model_dump(mode="json", exclude_defaults=True)
    if experiment._written is not None:
        base = experiment._written[BASE]
        for key in experiment_paths(experiment):
            entry[key] = rebase(experiment._written[key], base, folder)
    return entry


def _without_faults(content: dict[str, Any], error: ValidationError) -> TripletConfig | None:
    """What can be read: experiments with a fault are left out whole, elsewhere the faulty keys."""
    experiments = content.get("experiments")
    if not isinstance(experiments, list):
        return None
    rest = copy.deepcopy(content)
    bad_experiments: set[str | int] = set()
    for fault in error.errors():
        loc = [part for part in fault["loc"] if not is_branch(part)]
        if loc[0] == "experiments":
            bad_experiments |= set(loc[1:2])
        else:
            _remove(rest, loc[:-1] if fault["type"] == "missing" else loc)
    rest["experiments"] = [
        entry for number, entry in enumerate(experiments) if number not in bad_experiments
    ]
    if not rest["experiments"]:
        return None
    try:
        return TripletConfig.model_validate(rest)
    except ValidationError:
        return TripletConfig.model_validate({"experiments": rest["experiments"]})


def _remove(content: Any, loc: list[str | int]) -> None:
    """Take out a key; of a list's item the whole key that holds the list."""
    for depth, part in enumerate(loc):
        is_last = depth == len(loc) - 1
        if isinstance(content, dict) and (is_last or not isinstance(content.get(part), dict)):
            content.pop(part, None)
            return
        content = content[part]


def _problem(document: YamlDocument, fault: ErrorDetails) -> Problem:
    loc = tuple(part for part in fault["loc"] if not is_branch(part))
    experiment = ""
    if len(loc) > 1 and loc[0] == "experiments" and isinstance(loc[1], int):
        entries = document.content["experiments"]
        entry = entries[loc[1]] if isinstance(entries, list) else None
        given = entry.get("name") if isinstance(entry, dict) else None
        experiment = str(getattr(given, "text", given or f"number {loc[1] + 1}"))
    field = ".".join(str(part) for part in loc)
    line = document.line(loc)
    kind, message, remedy = _in_words(fault, loc)
    return Problem(
        kind,
        message,
        remedy,
        experiment=experiment,
        file=str(document.file),
        field=field,
        line=line,
    )


def _in_words(fault: ErrorDetails, loc: tuple[str | int, ...]) -> tuple[str, str, str]:
    if fault["type"] == "extra_forbidden":
        model = _model_at(loc[:-1])
        known = list(model.model_fields) if model else []
        return "unknown-key", f"unknown key {loc[-1]!r}.", nearest(str(loc[-1]), known)
    if fault["type"] == "missing":
        return "missing-key", f"the key {loc[-1]!r} is missing.", "Add it."
    if loc == ("format",):
        return (
            "unknown-format",
            f"the format is {shown(fault['input'])}; this program reads {FORMAT!r}.",
            "Update the program if the file is from a newer one.",
        )
    message = fault["msg"].removeprefix("Value error, ")
    return "bad-value", f"{message[0].lower()}{message[1:]}, found {shown(fault['input'])}.", ""


def _model_at(loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model whose keys stand at a place of the file."""
    current: Any = TripletConfig
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel) and isinstance(part, str):
            field = current.model_fields.get(part)
            current = field.annotation if field else None
        else:
            current = get_args(current)[-1] if get_args(current) else None
        if get_origin(current) in (Union, types.UnionType):
            current = get_args(current)[0]
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None
