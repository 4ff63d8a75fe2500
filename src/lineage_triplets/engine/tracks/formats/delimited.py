"""Text tables in any dialect, gzipped or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats.base import (
    RawTable,
    TrackFormat,
    TrackSource,
    locate_columns,
)
from lineage_triplets.engine.tracks.formats.columns import shown, whole_numbers
from lineage_triplets.engine.tracks.formats.dialects import dialect_of, is_table, parts_beside
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.named import (
    finish_named,
    headings_left_out,
    is_named,
    locate_named,
)
from lineage_triplets.engine.tracks.formats.text import open_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.tracks.formats.dialects import Dialect


def read(source: TrackSource) -> RawTable:
    """Read a delimited text table in any dialect.

    Raises
    ------
    TrackTableError
        The file is no text table, or lacks columns.
    OSError
        The file cannot be read.
    """
    table = open_text(source)
    if table is None:
        return RawTable({}, (), np.zeros(0, np.int64), has_lines=True)
    dialect = None if is_named(source) else dialect_of(table.found)
    heads: tuple[tuple[str, ...], ...] = ()
    if is_named(source) or (dialect is not None and dialect.heads):
        table, heads = table.without_heads(joined=dialect is not None and dialect.joined)
    located = locate(source, table.found, dialect, has_rows=table.has_rows)
    if not table.has_rows:
        columns = dict.fromkeys(located, pa.nulls(0))
        return RawTable(columns, table.found, np.zeros(0, np.int64), has_lines=True)
    columns, row, problems = table.read(located)
    if is_named(source):
        problems += headings_left_out(source, table.above, len(heads))
    raw = RawTable(columns, table.found, row, has_lines=True, problems=problems, heads=heads)
    return finish(source, raw, dialect)


def read_part(
    file: Path, source: TrackSource, names: Sequence[str], *, joined: bool = False
) -> dict[str, Int64Array]:
    """Read whole numbers from a table that lies beside another one.

    Parameters
    ----------
    source : TrackSource
        The table that it belongs to.
    names : sequence of str
        Columns, in lower case, that it has; lines of other names below the header are skipped.
    joined : bool
        Whether the first of these lines ends the names of the header.

    Returns
    -------
    dict of str to ndarray of int64
        Empty arrays for a file without rows.

    Raises
    ------
    TrackTableError
        It is no table, or a value is no whole number.
    """
    own = replace(source, file=file, reading=None)
    nothing = {name: np.zeros(0, np.int64) for name in names}
    table = open_text(own)
    if table is None:
        return nothing
    table, _ = table.without_heads(joined=joined)
    place = {name.strip().lower(): number for number, name in enumerate(table.found)}
    located = {name: place[name] for name in names}
    if not table.has_rows:
        return nothing
    columns, row, problems = table.read(located)
    if problems:
        raise TrackTableError(*problems)
    values = {}
    for name, column in columns.items():
        numbers = whole_numbers(column)
        bad = numbers.bad | numbers.empty
        if bad.any():
            first = int(np.argmax(bad))
            raise TrackTableError(
                own.problem(
                    "integer-value",
                    f"{name} is {shown(column, first)}, which is not a whole number.",
                    "Correct it, or remove the row.",
                    line=int(row[first]),
                    count=int(bad.sum()),
                )
            )
        values[name] = numbers.values
    return values


def locate(
    source: TrackSource, found: Sequence[str], dialect: Dialect | None, *, has_rows: bool
) -> dict[str, int]:
    """Find the columns that the config names, or those of a dialect, or the canonical ones.

    A dialect's extra ones are given by their names in lower case.

    Raises
    ------
    TrackTableError
        As of `locate_named` and `locate_columns`.
    """
    if is_named(source):
        return locate_named(source, found, has_rows=has_rows)
    if dialect is None:
        return locate_columns(source, found, has_rows=has_rows)
    located = locate_columns(source, found, has_rows=has_rows, spellings=dialect.spellings)
    lower = [name.strip().lower() for name in found]
    located.update({name: lower.index(name) for name in dialect.extra if name in lower})
    return located


def finish(source: TrackSource, raw: RawTable, dialect: Dialect | None) -> RawTable:
    """Turn located columns into the canonical ones.

    Raises
    ------
    TrackTableError
        As of `finish_named`, or of a dialect.
    """
    if is_named(source):
        return finish_named(source, raw)
    return raw if dialect is None else dialect.finish(source, raw)


def recognises(glimpse: Glimpse) -> bool:
    """Say whether the first line of a file has the columns of a dialect."""
    return is_table(glimpse.columns)


def files(path: Path) -> tuple[Path, ...]:
    """Return a table and the files beside it that it is read with."""
    dialect = dialect_of(Glimpse(path).columns)
    return (path, *(() if dialect is None else parts_beside(path, dialect.parts)))


def words(glimpse: Glimpse) -> str:
    """Say whose columns they are."""
    dialect = dialect_of(glimpse.columns)
    return "a table of tracks" if dialect is None else dialect.name


FORMAT = TrackFormat(
    "ultrack-text",
    (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"),
    read,
    recognises,
    files,
    words,
)
