"""The option ``--path-map``: folders that are elsewhere here."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_OPTION = "--path-map"
_log = logging.getLogger(__name__)


def parse_path_map(pairs: Sequence[str] | None) -> dict[str, str]:
    """Turn OLD=NEW into a dict."""
    parsed: dict[str, str] = {}
    for pair in pairs or []:
        old, separator, new = pair.partition("=")
        if not (separator and old and new):
            raise typer.BadParameter(f"{pair!r} is not OLD=NEW", param_hint=_OPTION)
        if parsed.get(old, new) != new:
            raise typer.BadParameter(
                f"{old!r} is replaced by {parsed[old]!r} and by {new!r}", param_hint=_OPTION
            )
        parsed[old] = new
    return parsed


def fitting_path_map(
    pairs: Sequence[str] | None, config: Path, other: Path | None = None
) -> dict[str, str]:
    """Read OLD=NEW, and say which OLD is in no path.

    Parameters
    ----------
    pairs : sequence of str or None
    config : Path
    other : Path, optional
        Another config, for which they are too.

    Returns
    -------
    dict of str to str
        Those of which `config` has the folder.
    """
    from lineage_triplets.engine.settings.file import path_map_faults

    path_map = parse_path_map(pairs)
    if not path_map:
        return path_map
    faults = path_map_faults(config, path_map)
    told = list(faults.values())
    if other is not None:
        of_other = path_map_faults(other, path_map)
        told = [problem for old, problem in faults.items() if old in of_other]
    if len(told) == len(path_map) and told[0].severity == "error":
        found = " ".join(problem.message for problem in told)
        raise typer.BadParameter(f"{found} {told[0].remedy}", param_hint=_OPTION)
    for problem in told:
        _log.warning("%s", replace(problem, severity="warning"))
    return {old: new for old, new in path_map.items() if old not in faults}
