"""Parquet tables in ultrack's columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.tracks.formats.base import (
    RawTable,
    TrackFormat,
    TrackSource,
    locate_columns,
)


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
            located = locate_columns(source, found, has_rows=n_rows > 0)
            names = [found[position] for position in located.values()]
            table = table_file.read(columns=names, use_threads=False)
        except pa.ArrowInvalid as error:
            raise source.not_a_table(str(error)) from error
    columns = {name: table[found[i]].combine_chunks() for name, i in located.items()}
    return RawTable(columns, found, np.arange(n_rows, dtype=np.int64), has_lines=False)


FORMAT = TrackFormat("ultrack-parquet", (".parquet", ".pq"), read)
