"""Parquet tables in any dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.tracks.formats.base import RawTable, TrackFormat, TrackSource
from lineage_triplets.engine.tracks.formats.delimited import locate_dialect
from lineage_triplets.engine.tracks.formats.dialects import dialect_of, parts_beside

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse

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
            dialect = dialect_of(found)
            located = locate_dialect(source, found, dialect, has_rows=n_rows > 0)
            names = [found[position] for position in located.values()]
            table = table_file.read(columns=names, use_threads=False)
        except pa.ArrowInvalid as error:
            raise source.not_a_table(str(error)) from error
    columns = {name: table[found[i]].combine_chunks() for name, i in located.items()}
    raw = RawTable(columns, found, np.arange(n_rows, dtype=np.int64), has_lines=False)
    return raw if dialect is None or not n_rows else dialect.finish(source, raw)


def recognises(glimpse: Glimpse) -> bool:
    """Say whether a file begins as Parquet does."""
    return glimpse.head.startswith(_MAGIC)


def files(path: Path) -> tuple[Path, ...]:
    """Return a table and the files beside it that it is read with."""
    from pyarrow import parquet

    try:
        dialect = dialect_of(parquet.read_schema(path).names)
    except (OSError, pa.ArrowInvalid):
        return (path,)
    return (path, *(() if dialect is None else parts_beside(path, dialect.parts)))


FORMAT = TrackFormat(
    "ultrack-parquet", (".parquet", ".pq"), read, recognises, files, lambda _: "a Parquet table"
)
