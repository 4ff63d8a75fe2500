"""What a track format is: a name, file endings, and a function from a file to raw columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem, TrackTableError, choices, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.errors import Severity

REQUIRED_COLUMNS = ("track_id", "t", "y", "x")
INTEGER_COLUMNS = ("track_id", "t", "parent_track_id", "id", "parent_id")
COORDINATE_COLUMNS = ("y", "x", "z")
KNOWN_COLUMNS = INTEGER_COLUMNS + COORDINATE_COLUMNS


@dataclass(frozen=True, slots=True)
class TrackSource:
    """The file to read and whose it is; every problem found in it is made here.

    Attributes
    ----------
    file : Path
    experiment, fov : str
        Empty where nobody said.
    """

    file: Path
    experiment: str = ""
    fov: str = ""

    def problem(
        self,
        kind: str,
        message: str,
        remedy: str = "",
        severity: Severity = "error",
        *,
        line: int | None = None,
        row: int | None = None,
        count: int = 1,
    ) -> Problem:
        """Return a Problem that names this file."""
        return Problem(
            kind, message, remedy, severity, self.experiment, self.fov, str(self.file),
            line=line, row=row, count=count,
        )  # fmt: skip

    def not_a_table(self, reason: str) -> TrackTableError:
        """Return the error for a file that holds something else than a table."""
        return TrackTableError(
            self.problem(
                "not-a-table",
                f"This is not a track table: {reason}.",
                "Give a table with the columns track_id, t, y, x and parent_track_id.",
            )
        )


@dataclass(frozen=True, slots=True)
class RawTable:
    """Columns of a file before anything is checked.

    Attributes
    ----------
    columns : mapping of str to pyarrow.Array
        The known columns that the file has, by their canonical names; numbers, or text.
    found : tuple of str
        All column names as the file has them.
    row : ndarray of int64, shape (n,)
        Line of each row, the first line being 1; row number from 0 where there are no lines.
    has_lines : bool
        Whether `row` counts lines.
    problems : tuple of Problem
        What the reader itself found wrong.
    """

    columns: Mapping[str, pa.Array]
    found: tuple[str, ...]
    row: Int64Array
    has_lines: bool
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """A way to read track tables.

    Attributes
    ----------
    name : str
    suffixes : tuple of str
        Endings of its files' names, in lower case, with the dot.
    read : callable
        From a TrackSource to a RawTable. Raises TrackTableError and OSError.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[TrackSource], RawTable]


TRACK_FORMATS: dict[str, TrackFormat] = {}


def register(track_format: TrackFormat) -> None:
    """Add a format.

    Raises
    ------
    ValueError
        Its name, or one of its endings, is another format's.
    """
    for other in TRACK_FORMATS.values():
        shared = sorted(set(track_format.suffixes) & set(other.suffixes))
        if track_format.name == other.name or shared:
            what = f"endings {', '.join(shared)}" if shared else "name"
            raise ValueError(
                f"The format {track_format.name!r} has the {what} of {other.name!r}: "
                "give it its own."
            )
    TRACK_FORMATS[track_format.name] = track_format


def format_of(file_name: str) -> TrackFormat | None:
    """Return the format whose ending, the longest first, the name has; None if there is none."""
    name = file_name.lower()
    fitting = [
        (len(suffix), track_format)
        for track_format in TRACK_FORMATS.values()
        for suffix in track_format.suffixes
        if name.endswith(suffix)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def locate_columns(source: TrackSource, found: Sequence[str], *, has_rows: bool) -> dict[str, int]:
    """Find the known columns, whatever their case and the blanks around them.

    Parameters
    ----------
    found : sequence of str
        Column names as the file has them. One written exactly wins over "T" beside "t".
    has_rows : bool
        A file without rows needs no more than one known column, or no column at all.

    Returns
    -------
    dict of str to int
        Position in `found` of each known column that is there.

    Raises
    ------
    TrackTableError
        A known column is there twice, or a required one is missing.
    """
    stripped = [name.strip() for name in found]
    located: dict[str, int] = {}
    faults = []
    for column in KNOWN_COLUMNS:
        exact = [i for i, name in enumerate(stripped) if name == column]
        alike = [i for i, name in enumerate(stripped) if name.lower() == column]
        matches = exact if len(exact) == 1 else alike
        if len(matches) > 1:
            faults.append(
                source.problem(
                    "duplicate-column",
                    f"The column {column} is there {len(matches)} times"
                    f" (columns {choices(i + 1 for i in matches)} of {len(found)}).",
                    "Keep one of them.",
                )
            )
        if matches:
            located[column] = matches[0]
    missing = [column for column in REQUIRED_COLUMNS if column not in located]
    if missing and (has_rows or (found and not located)):
        unused = [name for i, name in enumerate(stripped) if name and i not in located.values()]
        near = {column: nearest(column, unused) for column in missing}
        hints = [f"{column}: {hint}" for column, hint in near.items() if hint.endswith("?")]
        faults.append(
            source.problem(
                "missing-column",
                f"The table has no column {' and no column '.join(missing)};"
                f" found: {choices(stripped, limit=40)}.",
                " ".join([*hints, "Rename or add what is missing."]),
            )
        )
    if faults:
        raise TrackTableError(*faults)
    return located
