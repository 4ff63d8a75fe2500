"""Parquet tables in any dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.tracks.formats.base import RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.delimited import finish, locate
from lineage_triplets.engine.tracks.formats.dialects import dialect_of, parts_beside
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.named import is_named

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"PAR1"


def read(source: TrackSource) -> RawTable:
    """Read the known columns of a Parquet table.

    Raises
    ------
    TrackTableError
        The file is no Parquet, or lacks columns.
    OSError
        The file cannot be read.
    """
    # Only those who have Parquet tables wait for this import.
    from pyarrow import parquet

    with source.file.open("rb") as stream:
        if not stream.read(1):
            return RawTable({}, (), np.zeros(0, np.int64), has_lines=False)
        stream.seek(0)
        try:
            table_file = parquet.ParquetFile(stream)
            found = tuple(table_file.schema_arrow.names)
            n_rows = table_file.metadata.num_rows
            dialect = None if is_named(source) else dialect_of(found)
            located = locate(source, found, dialect, has_rows=n_rows > 0)
            names = [found[position] for position in located.values()]
            table = table_file.read(columns=names, use_threads=False)
        except pa.ArrowInvalid as error:
            raise source.not_a_table(str(error)) from error
    columns = {name: table[found[i]].combine_chunks() for name, i in located.items()}
    raw = RawTable(columns, found, np.arange(n_rows, dtype=np.int64), has_lines=False)
    return finish(source, raw, dialect) if n_rows else raw


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a file begins as Parquet does."""
    return glimpse.head.startswith(_MAGIC)


def columns_of(glimpse: Glimpse) -> tuple[str, ...]:
    """Return the column names of a table of text or Parquet; none for what is another thing."""
    if not recognises(glimpse):
        return tuple(glimpse.columns)
    from pyarrow import parquet

    try:
        return tuple(parquet.read_schema(glimpse.path).names)
    except (OSError, pa.ArrowInvalid):
        return ()


def files(path: Path) -> tuple[Path, ...]:
    """Return a table and the files beside it that it is read with."""
    dialect = dialect_of(columns_of(Glimpse(path)))
    return (path, *(() if dialect is None else parts_beside(path, dialect.parts)))


TABLES_OF_COLUMNS = ("ultrack-text", "ultrack-parquet")
"""Names of the formats whose columns a config may name."""

FORMAT = TrackFormat(
    "ultrack-parquet", (".parquet", ".pq"), read, recognises, files, lambda _: "a Parquet table"
)
