"""What a table's own columns say of how it should be read, for messages about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.tracks.formats.columns import KNOWN_COLUMNS
from lineage_triplets.engine.tracks.formats.dialects import dialect_of
from lineage_triplets.engine.tracks.guess import guess_reading
from lineage_triplets.engine.tracks.synonyms import meanings

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource
    from lineage_triplets.engine.tracks.guess import ColumnGuess


def with_guess(source: TrackSource, error: TrackTableError) -> TrackTableError:
    """Add to the error of a table without our columns which ones they seem to be."""
    guess = _guess(source)
    if guess is None or guess.reading is None:
        return error
    return TrackTableError(
        *(
            replace(problem, remedy=_which(guess)) if problem.kind == "missing-column" else problem
            for problem in error.problems
        )
    )


def parents_not_read(source: TrackSource, raw: RawTable) -> tuple[Problem, ...]:
    """Warn of a column of parents that the table's format does not have, and so does not read."""
    dialect = dialect_of(raw.found)
    known = {*KNOWN_COLUMNS, *(() if dialect is None else dialect.spellings.values())}
    mothers = [
        name
        for name, of_name in zip(raw.found, meanings(raw.found), strict=True)
        if name.strip().lower() not in known and any(m.ours == "parent" for m in of_name)
    ]
    guess = _guess(source) if mothers else None
    if guess is None or guess.reading is None:
        return ()
    return (
        source.problem(
            "parents-not-read",
            f"{guess.notes[0]} They are not read.",
            _which(guess),
            "warning",
            count=len(raw.row),
        ),
    )


def _guess(source: TrackSource) -> ColumnGuess | None:
    try:
        return guess_reading(source.file)
    except (TrackTableError, OSError):
        return None


def _which(guess: ColumnGuess) -> str:
    assert guess.reading is not None
    if not guess.open:
        transform = guess.transform
        placed = "" if transform is None else f", track_transform: {{{transform.words}}}"
        in_config = f"tracks: {{{guess.reading.words}}}{placed}"
        return (
            f"Say which column is which; they seem to be `{in_config}` in the config,"
            f" {guess.options} of init."
        )
    left = "; ".join(
        f"{ours} may be {choices(guess.candidates[ours])}"
        for ours in guess.open
        if guess.candidates.get(ours)
    )
    known = guess.reading.words
    return (
        "Say which column is which, with `tracks: {columns: {…}}` in the config, --columns of"
        f" init{f'; it seems to be {known}' if known else ''}{f'. Open: {left}' if left else ''}."
    )
