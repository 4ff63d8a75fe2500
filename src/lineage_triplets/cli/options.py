"""Options that several commands take: a config's dataset settings, given for one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.settings.model import TripletConfig

Config = Annotated[
    Path, typer.Argument(help="A config, a list of experiments, or a collection.yml.")
]
PatchSize = Annotated[
    tuple[int, int] | None,
    typer.Option("--patch-size", help="Rows and columns of a patch, in pixels.", metavar="Y X"),
]
TauHours = Annotated[
    tuple[float, float] | None,
    typer.Option("--tau-hours", help="Least and largest tau, in hours.", metavar="MIN MAX"),
]
ZSlices = Annotated[
    int | None, typer.Option("--z-slices", help="How many slices around each cell.", min=1)
]
BorderOption = Annotated[
    str | None, typer.Option("--border", help="clamp, pad or exclude cells near the border.")
]
RelationOption = Annotated[
    str | None,
    typer.Option("--relation", help="Who may be a positive: lineage, descendant or same_track."),
]
PathMap = Annotated[
    list[str] | None,
    typer.Option(
        "--path-map", help="Replace a leading folder; may be repeated.", metavar="OLD=NEW"
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]


def read_with_options(
    path: Path,
    patch_size: tuple[int, int] | None,
    tau_hours: tuple[float, float] | None,
    z_slices: int | None,
    border: str | None,
    relation: str | None,
    path_map: list[str] | None,
) -> tuple[TripletConfig | None, list[Problem]]:
    """Read a config; options replace what it says.

    Raises
    ------
    ConfigError
        An option's value cannot be.
    """
    from lineage_triplets.engine.settings.faults import checked_settings
    from lineage_triplets.engine.settings.file import read_config

    config, problems = read_config(path, parse_path_map(path_map))
    given: dict[str, Any] = {
        "yx_patch_size": patch_size,
        "tau_range_hours": tau_hours,
        "z_range": z_slices,
        "border": border,
        "positive_relation": relation,
    }
    changed = {key: value for key, value in given.items() if value is not None}
    if config is None or not changed:
        return config, problems
    settings = checked_settings(**{**config.dataset.model_dump(), **changed})
    return config.model_copy(update={"dataset": settings}), problems


def parse_path_map(pairs: list[str] | None) -> dict[str, str]:
    """Turn OLD=NEW into a dict."""
    parsed = {}
    for pair in pairs or []:
        old, separator, new = pair.partition("=")
        if not (separator and old and new):
            raise typer.BadParameter(f"{pair!r} is not OLD=NEW", param_hint="--path-map")
        parsed[old] = new
    return parsed
