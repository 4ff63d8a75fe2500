"""What is said of tables by options, or guessed of those of no known tool."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from lineage_triplets.cli.common import terminal
from lineage_triplets.engine.errors import ConfigError, Problem, TrackTableError, choices, visible

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.engine.tracks.guess import ColumnGuess

_Model = TypeVar("_Model", bound="BaseModel")

Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        help="Which columns of tables of no known tool are which; repeatable.",
        metavar="OURS=THEIRS,…",
    ),
]
Parent = Annotated[
    str | None,
    typer.Option(
        "--parent", help="Whether their parents are tracks or cells.", metavar="track|node"
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--tracks-format", help="The format that tables are read as.", metavar="NAME"),
]
Unit = Annotated[
    str | None,
    typer.Option("--unit", help="What positions of tables are in.", metavar="um|pixel"),
]
FirstFrame = Annotated[
    int | None, typer.Option("--first-frame", help="The tables' number of the first frame.")
]
Guess = Annotated[
    bool, typer.Option("--guess", help="Take what is guessed of columns, where all is sure.")
]

_SHOWN = ("track_id", "t", "z", "y", "x", "parent_track_id", "id", "parent_id")
_NEXT_PAIR = re.compile(r",(?=\s*\w+\s*=)")


@dataclass(frozen=True)
class OfTables:
    """How tables are read and where they are in the images.

    Attributes
    ----------
    reading : TrackReading or None
    transform : TrackTransform or None
    takes_guess : bool
        Take what is guessed, where nothing is said of columns.
    """

    reading: TrackReading | None = None
    transform: TrackTransform | None = None
    takes_guess: bool = False


def said_of_tables(
    columns: list[str] | None,
    parent: str | None,
    tracks_format: str | None,
    unit: str | None,
    first_frame: int | None,
    *,
    guess: bool,
) -> OfTables:
    """Take the options; wrong ones are said as typer does."""
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.engine.tracks.read import unknown_format

    pairs: dict[str, str] = {}
    for pair in (pair for text in columns or [] for pair in _NEXT_PAIR.split(text)):
        ours, separator, theirs = pair.partition("=")
        if not (separator and ours.strip() and theirs.strip()):
            raise typer.BadParameter(f"{pair!r} is not OURS=THEIRS", param_hint="--columns")
        if pairs.setdefault(ours.strip(), theirs.strip()) != theirs.strip():
            raise typer.BadParameter(
                f"{ours.strip()} is {pairs[ours.strip()]!r} and {theirs.strip()!r}",
                param_hint="--columns",
            )
    reading = _model(
        TrackReading,
        {"columns": pairs, "parent": parent, "format": tracks_format},
        {"columns": "--columns", "parent": "--parent", "format": "--tracks-format"},
    )
    transform = _model(
        TrackTransform,
        {"unit": unit, "first_frame": first_frame},
        {"unit": "--unit", "first_frame": "--first-frame"},
    )
    problem = unknown_format(reading)
    if problem is not None:
        raise typer.BadParameter(
            f"{problem.message} {problem.remedy}", param_hint="--tracks-format"
        )
    return OfTables(reading, transform, guess)


def settle(said: OfTables, table: Path | None, *, n_frames: int, experiment: str = "") -> OfTables:
    """Look at the first table: whether it is read as is said, or what is guessed of it.

    Raises
    ------
    ConfigError
        Nothing is said of the columns of a table of no known tool; the guess is printed.
    TrackTableError
        It cannot be read as is said.
    """
    from lineage_triplets.engine.tracks.guess import guess_reading
    from lineage_triplets.engine.tracks.read import read_track_table

    if table is None:
        return said
    if said.reading is not None:
        read_track_table(table, experiment=experiment, reading=said.reading)
        if not said.reading.names_columns:
            return said
    try:
        guess = guess_reading(table, n_frames=n_frames)
    except TrackTableError:
        # Left to validate, which lists all that is wrong with it.
        return said
    console = terminal()
    if said.reading is not None:
        _print(console, guess, said.reading)
        return said
    if guess.reading is None:
        return said
    _print(console, guess, guess.reading)
    for note in guess.notes:
        console.print(f"  {visible(note)}", soft_wrap=True)
    if guess.open:
        raise ConfigError(_open(guess, table, experiment))
    transform = said.transform or guess.transform
    options = replace(guess, transform=transform).options
    if said.takes_guess or _agreed(console):
        return replace(said, reading=guess.reading, transform=transform)
    raise ConfigError(
        Problem(
            "unknown-columns",
            "the columns are those of no known tool; which is which was guessed, as shown.",
            f"If it is right, give --guess, or the same: {options}",
            experiment=experiment,
            file=str(table),
        )
    )


def _agreed(console: Console) -> bool:
    if not sys.stdin.isatty():
        return False
    console.print("Nothing is written yet.")
    return bool(typer.confirm("Is this right?"))


def _open(guess: ColumnGuess, table: Path, experiment: str) -> Problem:
    """Say what nobody could tell, and the options that say it."""
    assert guess.reading is not None
    words = [
        f"{ours} may be {choices(guess.candidates[ours])}"
        if guess.candidates.get(ours)
        else f"no column looks like {ours}"
        for ours in guess.open
    ]
    asked = ",".join(f"{ours}=…" for ours in guess.open if ours != "parent")
    told = [f"--columns {asked}"] if asked else []
    if "parent" in guess.open:
        told.append("--columns parent_track_id=… (or parent_id=… --parent node)")
    return Problem(
        "unknown-columns",
        f"the columns are those of no known tool, and it could not be told which is which:"
        f" {'; '.join(words)}. Found: {choices(guess.found, limit=40)}.",
        f"Say it: {guess.options + ' ' if guess.options else ''}{' '.join(told)}",
        experiment=experiment,
        file=str(table),
    )


def _print(console: Console, guess: ColumnGuess, reading: TrackReading) -> None:
    """Print which column is which, with its first values."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("column", "in the table", "first values"):
        table.add_column(title, overflow="fold")
    lower = {name.strip().lower(): name for name in guess.found}
    for ours in _SHOWN:
        theirs = lower.get(reading.columns.get(ours, ours).strip().lower())
        if theirs is not None and not (ours == "parent_track_id" and reading.parent == "node"):
            values = ", ".join(value or "(empty)" for value in guess.values(theirs)[:5])
            table.add_row(ours, visible(theirs), visible(values))
    console.print(table)
    if reading.parent == "node":
        console.print("  Parents are cells: tracks are rebuilt from them.")


def _model(model: type[_Model], values: dict[str, Any], options: dict[str, str]) -> _Model | None:
    """Make a model of options; None where none is given."""
    from pydantic import ValidationError

    given = {key: value for key, value in values.items() if value not in (None, {})}
    if not given:
        return None
    try:
        return model.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        field = str(fault["loc"][0]) if fault["loc"] else next(iter(options))
        message = fault["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(message, param_hint=options[field]) from None
