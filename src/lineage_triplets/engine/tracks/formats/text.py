"""A text table: its header and rows, whatever the delimiter, encoding and line end."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv

from lineage_triplets.engine.tracks.formats.columns import (
    COORDINATE_COLUMNS,
    EMPTY_TEXTS,
    EXACT_FLOAT_LIMIT,
    is_numeric,
)
from lineage_triplets.engine.tracks.formats.dialects import known_names
from lineage_triplets.engine.tracks.formats.glimpse import DELIMITERS
from lineage_triplets.engine.tracks.formats.named import folded, named_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.base import TrackSource

_BLOCK_BYTES_MAX = 2**31 - 1
# A title and what an instrument says of itself, above the header.
_LINES_ABOVE_MAX = 100
_BLANK_LINES = re.compile(rb"(?:[ \t\r]*\n)*")
_CONTENT = re.compile(rb"\S")
_BLANKS = re.compile(rb"[ \t]+")
_BLANKS_AT_ENDS = re.compile(rb"(?m)^ | (?=\r?$)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class HeaderRule(NamedTuple):
    """How the header of a text is told.

    Attributes
    ----------
    knows : callable
        Says of a column's name, in lower case, whether it is one: the delimiter is the one that
        gives most of them.
    suffices : callable
        Says of a line's cells, in lower case, whether it is the header; where none is among the
        first lines, it is the first.
    """

    knows: Callable[[str], bool]
    suffices: Callable[[Collection[str]], bool]


def open_text(source: TrackSource, rule: HeaderRule | None = None) -> TextTable | None:
    """Find the header of a text table and its delimiter; None for a file without text.

    Parameters
    ----------
    rule : HeaderRule, optional
        By default the first line is it, and known tools' columns count, or those that the config
        names, which may stand below a title.

    Raises
    ------
    TrackTableError
        The file holds no text.
    OSError
        The file cannot be read.
    """
    data = _utf8(source, source.file.read_bytes())
    if not data or data.isspace():
        return None
    rule = rule or _rule_for(source)
    first = len(_BLANK_LINES.match(data)[0])  # type: ignore[index]
    start = _start_of_header(source, data, first, rule)
    header_end = _end_of_line(data, start)
    line = 1 + data.count(b"\n", 0, start)
    above = sum(not text.isspace() for text in data[first:start].splitlines(keepends=True))
    header = data[start:header_end].decode()
    delimiter, found = _header(source, header, rule)
    if delimiter == " ":
        # Blanks are one delimiter, however many, and none at the ends of a line.
        below = _BLANKS_AT_ENDS.sub(b"", _BLANKS.sub(b" ", data[header_end:]))
        data, header_end = below, 0
    return TextTable(source, data, header_end + 1, line + 1, found, delimiter, above)


@dataclass(frozen=True)
class TextTable:
    """A text table whose header is known and whose rows are not read yet.

    Attributes
    ----------
    source : TrackSource
    data : bytes
    start : int
        Where the line below the header begins.
    line : int
        That line's number.
    found : tuple of str
        The header's cells.
    delimiter : str
    above : int
        Lines of text above the header.
    """

    source: TrackSource
    data: bytes
    start: int
    line: int
    found: tuple[str, ...]
    delimiter: str
    above: int = 0

    @property
    def has_rows(self) -> bool:
        """Whether anything is written below the header."""
        return _CONTENT.search(self.data, self.start) is not None

    def read(
        self, located: dict[str, int]
    ) -> tuple[dict[str, pa.Array], Int64Array, tuple[Problem, ...]]:
        """Return the located columns, the line of each row, and lines that have other cells."""
        parser = _Parser(self.source, self.data, self.start, len(self.found), self.delimiter)
        columns = parser.columns(located)
        n_rows = len(next(iter(columns.values())))
        row, problems = parser.lines(n_rows, self.line)
        return columns, row, problems

    def without_heads(self, *, joined: bool) -> tuple[TextTable, tuple[tuple[str, ...], ...]]:
        """Skip the lines of other names and of units that some tools write below the header.

        Parameters
        ----------
        joined : bool
            Whether the first of them ends the names of the header.

        Returns
        -------
        table : TextTable
        heads : tuple of tuple of str
            The cells of those lines: all without a number.
        """
        heads: list[tuple[str, ...]] = []
        start = self.start
        while start < len(self.data):
            end = self.data.find(b"\n", start)
            end = end if end >= 0 else len(self.data)
            text = self.data[start:end].decode().rstrip("\r")
            cells = next(csv.reader([text], delimiter=self.delimiter), [])
            if any(_NUMBER.fullmatch(cell.strip()) for cell in cells):
                break
            heads.append(tuple(cell.strip() for cell in cells))
            start = end + 1
        found = self.found
        if joined and heads:
            ends = [*heads[0], *[""] * len(found)]
            pairs = zip(found, ends, strict=False)
            found = tuple(f"{name.strip()} {end}".strip() for name, end in pairs)
        line = self.line + len(heads)
        return replace(self, start=start, line=line, found=found), tuple(heads)


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


def _end_of_line(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return end if end >= 0 else len(data)


def _rule_for(source: TrackSource) -> HeaderRule:
    if source.reading is not None and source.reading.names_columns:
        named = named_columns(source.reading)
        return HeaderRule(
            lambda name: folded(name) in named, lambda names: named <= set(map(folded, names))
        )
    return HeaderRule(known_names().__contains__, lambda _: True)


def _start_of_header(source: TrackSource, data: bytes, first: int, rule: HeaderRule) -> int:
    start = first
    for _ in range(_LINES_ABOVE_MAX):
        end = _end_of_line(data, start)
        names = _header(source, data[start:end].decode(), rule)[1]
        if rule.suffices([name.strip().lower() for name in names]):
            return start
        if end >= len(data):
            break
        start = end + 1
    return first


def _header(source: TrackSource, line: str, rule: HeaderRule) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter under which the header has most known columns, and its columns."""
    line = line.rstrip("\r")
    if any(character < " " and character != "\t" for character in line):
        raise source.not_a_table("it holds binary data")
    best = (-1, -1), ",", [""]
    for delimiter in DELIMITERS:
        text = line if delimiter != " " else " ".join(line.split())
        try:
            names = next(csv.reader([text], delimiter=delimiter))
        except csv.Error as error:
            raise source.not_a_table(str(error)) from error
        known = sum(map(rule.knows, {name.strip().lower() for name in names}))
        # Blanks part the words of a name too.
        n_names = len(names) if delimiter != " " else 0
        best = max(best, ((known, n_names), delimiter, names), key=lambda found: found[0])
    return best[1], tuple(best[2])
