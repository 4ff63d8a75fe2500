"""Which column of an unknown table is which: what was guessed, and what a person made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.settings.track_reading import OUR_COLUMNS, TrackReading
from lineage_triplets.engine.settings.track_transform import TrackTransform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.engine.tracks.guess import ColumnGuess

PARENT = "parent"
COLUMNS = ("track_id", "t", "y", "x", "z", "id", PARENT)
"""Columns that are asked for; a parent is a track, or a cell by its id."""


def guessed(guess: ColumnGuess) -> dict[str, str]:
    """Return the table's column for each of `COLUMNS` that was told; empty for the others."""
    reading = guess.reading or TrackReading()
    lower = {name.strip().lower(): name for name in guess.found}
    told = {
        ours: lower.get(reading.columns.get(ours, ours).strip().lower(), "") for ours in OUR_COLUMNS
    }
    parent = "parent_id" if reading.parent == "node" else "parent_track_id"
    return {ours: told[parent if ours == PARENT else ours] for ours in COLUMNS}


def offered(guess: ColumnGuess, ours: str) -> list[str]:
    """Return the table's columns, the likeliest for one of ours first."""
    likely = list(guess.candidates.get(ours, ()))
    return likely + [name for name in guess.found if name not in likely]


def reading_of(
    chosen: Mapping[str, str], *, parents_are_cells: bool, in_um: bool, first_frame: int
) -> tuple[TrackReading, TrackTransform | None]:
    """Return what the config says of a table, from the column chosen for each of `COLUMNS`.

    Raises
    ------
    ConfigError
        One column is taken twice.
    """
    columns = {ours: theirs for ours, theirs in chosen.items() if theirs and ours != PARENT}
    if chosen.get(PARENT):
        columns["parent_id" if parents_are_cells else "parent_track_id"] = chosen[PARENT]
    parent = "node" if parents_are_cells else "track"
    try:
        reading = TrackReading.model_validate({"columns": columns, "parent": parent})
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(Problem("bad-columns", f"{message}.")) from None
    unit = "um" if in_um else None
    transform = TrackTransform(first_frame=first_frame, unit=unit)
    return reading, transform if transform != TrackTransform() else None
