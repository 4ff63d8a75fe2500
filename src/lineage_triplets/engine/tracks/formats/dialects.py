"""Tables of numbers as different tools name their columns, and the files that lie beside them.

A dialect is told by its columns, in text and in Parquet alike, and never by a file's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.tracks.formats.columns import KNOWN_COLUMNS, REQUIRED_COLUMNS
from lineage_triplets.engine.tracks.formats.glimpse import DELIMITERS, Glimpse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

_PART_ENDINGS = (".csv", ".tsv", ".txt", ".json", ".parquet", ".pq", ".gz")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a tool names the columns of its table.

    Attributes
    ----------
    name : str
        For messages: "btrack's table".
    spellings : mapping of str to str
        Canonical column to the tool's, in lower case.
    finish : callable
        From the raw table to one in the canonical columns. Raises TrackTableError.
    telling : frozenset of str
        Columns, in lower case, that it always has.
    without : frozenset of str
        Columns that it never has, and that tell another one.
    extra : tuple of str
        Further columns for `finish`, by their names in lower case.
    parts : tuple of str
        Names of the `Part`s that may lie beside it.
    heads : bool
        Whether lines with other names and units may follow the header.
    joined : bool
        Whether the header's second line ends the names of the first.
    """

    name: str
    spellings: Mapping[str, str]
    finish: Callable[[TrackSource, RawTable], RawTable]
    telling: frozenset[str]
    without: frozenset[str] = frozenset()
    extra: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    heads: bool = False
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A file that belongs to a table beside it, and is no table itself.

    Attributes
    ----------
    name : str
    what : str
        For messages: "TrackMate's edges table".
    remedy : str
        What to do with it alone.
    recognises : callable
        From a `Glimpse`.
    """

    name: str
    what: str
    remedy: str
    recognises: Callable[[Glimpse], bool]


@dataclass(frozen=True, slots=True)
class _Registry:
    dialects: list[Dialect] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)


_REGISTRY = _Registry()


def add_dialects(dialects: Iterable[Dialect], parts: Iterable[Part]) -> None:
    """Add what a module knows."""
    _REGISTRY.dialects.extend(dialects)
    _REGISTRY.parts.update((part.name, part) for part in parts)


def has_columns(*columns: str) -> Callable[[Glimpse], bool]:
    """Give what recognises a text table by columns, in lower case."""
    wanted = frozenset(columns)
    return lambda glimpse: wanted <= glimpse.columns


def dialect_of(names: Iterable[str]) -> Dialect | None:
    """Return the dialect with the most telling columns among a header's."""
    columns = {name.strip().lower() for name in names}
    fitting = [
        dialect
        for dialect in _REGISTRY.dialects
        if dialect.telling <= columns and not dialect.without & columns
    ]
    return max(fitting, key=lambda dialect: len(dialect.telling), default=None)


def known_names() -> frozenset[str]:
    """Every column name, in lower case, that any dialect knows."""
    names = set(KNOWN_COLUMNS)
    for dialect in _REGISTRY.dialects:
        names |= dialect.telling
    return frozenset(names)


def is_table(columns: frozenset[str]) -> bool:
    """Say whether a header's columns, in lower case, are those of a table of tracks."""
    return frozenset(REQUIRED_COLUMNS) <= columns or dialect_of(columns) is not None


def looks_like_table(glimpse: Glimpse) -> bool:
    """Say whether a file that its ending calls a table may be one, with odd columns perhaps.

    A text is prose if fewer than two words of its first line name columns.
    """
    return not glimpse.text or len(glimpse.columns & known_names()) >= 2


def has_table_shape(glimpse: Glimpse) -> bool:
    """Say whether a text of unknown words has a header and a row with as many cells."""
    for delimiter in DELIMITERS[:-1]:
        first, *below = (line.split(delimiter) for line in glimpse.first_lines)
        if len(first) > 2 and below and len(below[0]) == len(first):
            return True
    return False


def part_of(glimpse: Glimpse) -> Part | None:
    """Return what a file is that is no table itself; None for all others."""
    if glimpse.is_folder:
        return None
    return next((part for part in _REGISTRY.parts.values() if part.recognises(glimpse)), None)


def parts_beside(file: Path, names: Iterable[str]) -> tuple[Path, ...]:
    """Find the files of these kinds in the folder of a table, sorted.

    Where some begin with the table's own name up to its last word, only these count:
    ``a_spots.csv`` goes with ``a_edges.csv``.
    """
    parts = [_REGISTRY.parts[name] for name in names]
    found = []
    for entry in Glimpse(file.parent).entries if parts else ():
        if entry != file and entry.name.lower().endswith(_PART_ENDINGS) and entry.is_file():
            glimpse = Glimpse(entry)
            if any(part.recognises(glimpse) for part in parts):
                found.append(entry)
    stem = file.name.split(".")[0]
    own = [entry for entry in found if _shared(stem, entry.name) >= _own_length(stem)]
    return tuple(own if own and len(found) > 1 else found)


def one_part(source: TrackSource, name: str, *, needed: str = "") -> Path | None:
    """Return the one file of a kind beside a table; None if there is none.

    Parameters
    ----------
    needed : str
        What is said if there is none, where the table cannot be read without it.

    Raises
    ------
    TrackTableError
        There are several; or none, and it is needed.
    """
    found = parts_beside(source.file, (name,))
    part = _REGISTRY.parts[name]
    if len(found) > 1:
        raise TrackTableError(
            source.problem(
                "two-tables",
                f"{len(found)} files beside this are {part.what}:"
                f" {choices(file.name for file in found)}.",
                "Keep one, or put each table with its own into a folder.",
                count=len(found),
            )
        )
    if not found and needed:
        raise TrackTableError(source.problem("needs-part", needed, part.remedy))
    return found[0] if found else None


def _own_length(stem: str) -> int:
    """Length of a name up to its last word."""
    return max(stem.rfind("_"), stem.rfind("-"), 0) or len(stem)


def _shared(one: str, other: str) -> int:
    n_equal = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        n_equal += 1
    return n_equal
