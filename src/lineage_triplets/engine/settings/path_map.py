"""Leading folders that are to be replaced, and whether a config has them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem, choices, without_query
from lineage_triplets.engine.settings.paths import begins_with, locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.engine.settings.model import ExperimentConfig, TripletConfig

_PATH_KEYS = ("data_path", "tracks_path", "labels_path")


def experiment_paths(experiment: ExperimentConfig) -> dict[str, str]:
    """The paths that an experiment has, by their keys."""
    found = {key: getattr(experiment, key) for key in _PATH_KEYS}
    return {key: path for key, path in found.items() if path is not None}


def unmatched_entries(
    path_map: Mapping[str, str], config: TripletConfig, file: str | Path, *, is_whole: bool
) -> dict[str, Problem]:
    """Say which entries of a path map fit no path of a config.

    Parameters
    ----------
    path_map : mapping
        ``{old: new}``
    config : TripletConfig
        With its paths as they are written in the file.
    file : str or Path
        The config's file.
    is_whole : bool
        Whether `config` has all experiments of the file.

    Returns
    -------
    dict of str to Problem
        By the folder that is to be replaced. Errors, if the map replaces nothing at all; warnings,
        if an entry fits, paths are already where one leads, or not all paths are known.
    """
    written, located = _paths(config, Path(file).absolute().parent)
    paths = (*written, *located)
    unmatched = [old for old in path_map if not any(begins_with(path, old) for path in paths)]
    arrived = {
        old for old in unmatched if any(begins_with(path, path_map[old]) for path in located)
    }
    are_known = is_whole and len(located) == len(written)
    is_error = are_known and len(unmatched) == len(path_map) and not arrived
    folders = dict.fromkeys(without_query(path).rpartition("/")[0] or "/" for path in located)
    return {
        old: Problem(
            "unmatched-path-map",
            f"no path of the config begins with {old!r}, which path_map names.",
            f"Some begin with {path_map[old]!r} already."
            if old in arrived
            else f"Its paths are in: {choices(folders)}.",
            severity="error" if is_error else "warning",
            file=str(file),
        )
        for old in unmatched
    }


def _paths(config: TripletConfig, base: Path) -> tuple[list[str], list[str]]:
    """All paths of a config as they are written, and as they are found without a map."""
    statistics = config.dataset.statistics_path
    written = [
        *(path for of_one in config.experiments for path in experiment_paths(of_one).values()),
        *([statistics] if statistics is not None else []),
    ]
    located = []
    for path in written:
        # A variable that is not set is told where the path is read.
        with contextlib.suppress(ValueError):
            located.append(locate(path, base))
    return written, located
