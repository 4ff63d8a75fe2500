"""Text tables in ultrack's columns: any usual delimiter, encoding and line end, gzipped or not."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv

from lineage_triplets.engine.tracks.formats.base import (
    COORDINATE_COLUMNS,
    EMPTY_TEXTS,
    EXACT_FLOAT_LIMIT,
    REQUIRED_COLUMNS,
    RawTable,
    TrackFormat,
    TrackSource,
    is_numeric,
    locate_columns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.errors import Problem

_BLOCK_BYTES_MAX = 2**31 - 1
_BLANK_LINES = re.compile(rb"(?:[ \t\r]*\n)*")
_CONTENT = re.compile(rb"\S")


def read(source: TrackSource) -> RawTable:
    """Read a delimited text table.

    Raises
    ------
    TrackTableError
        The file is no text table, or lacks columns.
    OSError
        The file cannot be read.
    """
    data = _utf8(source, source.file.read_bytes())
    if not data or data.isspace():
        return RawTable({}, (), np.zeros(0, np.int64), has_lines=True)
    start = len(_BLANK_LINES.match(data)[0])  # type: ignore[index]
    header_end = data.find(b"\n", start)
    header_end = header_end if header_end >= 0 else len(data)
    header_line = 1 + data.count(b"\n", 0, start)
    delimiter, found = _header(source, data[start:header_end].decode())
    has_rows = _CONTENT.search(data, header_end) is not None
    located = locate_columns(source, found, has_rows=has_rows)
    if not has_rows:
        columns = dict.fromkeys(located, pa.nulls(0))
        return RawTable(columns, found, np.zeros(0, np.int64), has_lines=True)

    parser = _Parser(source, data, header_end + 1, len(found), delimiter)
    columns = parser.columns(located)
    row, problems = parser.lines(len(columns["t"]), header_line + 1)
    return RawTable(columns, found, row, has_lines=True, problems=problems)


class _Parser:
    """The lines below the header, parsed once with types inferred, then as text where needed."""

    def __init__(
        self, source: TrackSource, data: bytes, start: int, n_columns: int, delimiter: str
    ) -> None:
        self._source = source
        self._data = data
        self._start = start
        self._n_columns = n_columns
        self._delimiter = delimiter
        self._ragged: list[pa_csv.InvalidRow] = []

    def columns(self, located: dict[str, int]) -> dict[str, pa.Array]:
        """Return the located columns as numbers, or as text where they are not plainly numbers."""
        table = self._parse(located.values())
        columns = {name: table[str(position)] for name, position in located.items()}
        unclear = [name for name, column in columns.items() if not _is_plain(name, column)]
        if unclear:
            texts = self._parse([located[name] for name in unclear], pa.string())
            columns.update({name: self._point(texts[str(located[name])]) for name in unclear})
        return {name: column.combine_chunks() for name, column in columns.items()}

    def lines(self, n_rows: int, first_line: int) -> tuple[Int64Array, tuple[Problem, ...]]:
        """Return the line of each row, and the problem of lines with too few or many cells."""
        n_lines = self._data.count(b"\n", self._start) + (not self._data.endswith(b"\n"))
        if n_lines == n_rows:
            return np.arange(first_line, first_line + n_rows, dtype=np.int64), ()
        data = self._data[self._start :]
        n_expected = n_rows + len(self._ragged)
        is_empty, is_quoted = _lines_without_row(data)
        lines = np.flatnonzero(~is_empty)
        if lines.size != n_expected:
            lines = np.flatnonzero(~is_empty & ~is_quoted)
            if lines.size != n_expected or data.count(b'"') % 2:
                raise self._source.not_a_table("a quotation mark is opened and never closed")
        lines += first_line
        ragged = [invalid for invalid in self._ragged if invalid.text.strip()]
        problems: tuple[Problem, ...] = ()
        if ragged:
            first = ragged[0]
            problems = (
                self._source.problem(
                    "ragged-row",
                    f"The line has {first.actual_columns} cells, the header"
                    f" {first.expected_columns}: {first.text[:80]!r}; {len(ragged)} such.",
                    "Was the file cut short while it was written? Write it again.",
                    line=int(lines[first.number - 1]),
                    count=len(ragged),
                ),
            )
        return np.delete(lines, [invalid.number - 1 for invalid in self._ragged]), problems

    def _parse(self, positions: Iterable[int], kind: pa.DataType | None = None) -> pa.Table:
        names = [str(position) for position in range(self._n_columns)]
        wanted = [str(position) for position in positions]
        self._ragged.clear()
        try:
            return pa_csv.read_csv(
                pa.BufferReader(pa.py_buffer(self._data).slice(self._start)),
                read_options=pa_csv.ReadOptions(
                    use_threads=False,
                    column_names=names,
                    # One block, lest a quoted line end meet the edge of two.
                    block_size=min(len(self._data), _BLOCK_BYTES_MAX),
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._delimiter, invalid_row_handler=self._skip
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, kind) if kind else None,
                    null_values=EMPTY_TEXTS,
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._source.not_a_table(str(error)) from error

    def _skip(self, invalid: pa_csv.InvalidRow) -> str:
        self._ragged.append(invalid)
        return "skip"

    def _point(self, text: pa.ChunkedArray) -> pa.ChunkedArray:
        """Turn decimal commas into points, where the comma is no delimiter."""
        return text if self._delimiter == "," else pc.replace_substring(text, ",", ".")


def _is_plain(name: str, column: pa.ChunkedArray) -> bool:
    """Say whether the inferred type of a column can be trusted to be what is written."""
    if not is_numeric(column.type):
        return False
    if name in COORDINATE_COLUMNS or not pa.types.is_floating(column.type):
        return True
    largest = pc.max(pc.abs(column)).as_py()
    return largest is None or not largest >= EXACT_FLOAT_LIMIT


def _lines_without_row(data: bytes) -> tuple[BoolArray, BoolArray]:
    """Say which lines are empty, and which start inside a quoted cell."""
    characters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    ends = ends if data.endswith(b"\n") else np.append(ends, characters.size)
    starts = np.concatenate([[0], ends[:-1] + 1])
    quotes_before = np.concatenate([[0], np.cumsum(characters == ord('"'))])[starts]
    length = ends - starts
    is_empty = (length == 0) | ((length == 1) & (characters[starts] == ord("\r")))
    return is_empty, quotes_before % 2 == 1


def _utf8(source: TrackSource, data: bytes) -> bytes:
    """Return the file's text as UTF-8 without a byte order mark, lines ending in a newline."""
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise source.not_a_table(f"its gzip stream is damaged ({error})") from error
    utf16 = _utf16_codec(data)
    try:
        if utf16:
            data = data.decode(utf16).encode()
        elif not data.isascii():
            data = data.decode("utf-8-sig").encode()
    except UnicodeDecodeError as error:
        if utf16:
            raise source.not_a_table(f"its UTF-16 text is damaged ({error})") from error
        data = data.decode("latin-1").encode()
    if b"\0" in data:
        raise source.not_a_table("it holds binary data")
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def _utf16_codec(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:2]
    if len(head) == 2 and 0 in head and any(head):
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return ""


def _header(source: TrackSource, line: str) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter under which the header has most known columns, and its columns."""
    line = line.rstrip("\r")
    if any(character < " " and character != "\t" for character in line):
        raise source.not_a_table("it holds binary data")
    best = (-1, -1), ",", [""]
    for delimiter in (",", ";", "\t"):
        try:
            names = next(csv.reader([line], delimiter=delimiter))
        except csv.Error as error:
            raise source.not_a_table(str(error)) from error
        known = len({name.strip().lower() for name in names}.intersection(REQUIRED_COLUMNS))
        best = max(best, ((known, len(names)), delimiter, names), key=lambda found: found[0])
    return best[1], tuple(best[2])


FORMAT = TrackFormat(
    "ultrack-text", (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"), read
)
