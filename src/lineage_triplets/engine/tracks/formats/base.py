"""What a track format is: from a file or folder to raw columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem, TrackTableError, choices, nearest
from lineage_triplets.engine.plates.limits import in_words, is_too_large
from lineage_triplets.engine.tracks.formats.columns import KNOWN_COLUMNS, REQUIRED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.tracks.formats.glimpse import Glimpse


@dataclass(frozen=True, slots=True)
class TrackSource:
    """The file or folder to read and whose it is; every problem found in it is made here.

    Attributes
    ----------
    file : Path
    experiment, fov : str
        Empty where nobody said.
    reading : TrackReading or None
        How to read it, as the config says; None for what its content says.
    """

    file: Path
    experiment: str = ""
    fov: str = ""
    reading: TrackReading | None = None

    def problem(
        self,
        kind: str,
        message: str,
        remedy: str = "",
        severity: Severity = "error",
        *,
        field: str = "",
        line: int | None = None,
        row: int | None = None,
        count: int = 1,
    ) -> Problem:
        """Return a Problem that names this file."""
        return Problem(
            kind, message, remedy, severity, self.experiment, self.fov, str(self.file), field,
            line=line, row=row, count=count,
        )  # fmt: skip

    def not_a_table(self, reason: str, *, line: int | None = None) -> TrackTableError:
        """Return the error for a file that holds something else than a table."""
        return TrackTableError(
            self.problem(
                "not-a-table",
                f"This is not a track table: {reason}.",
                "Give a table with the columns track_id, t, y, x and parent_track_id, or what a "
                "tracker wrote that the manual lists (File formats).",
                line=line,
            )
        )

    def damaged(self, what: str, reason: object, *, line: int | None = None) -> TrackTableError:
        """Return the error for what was recognised and cannot be read."""
        return TrackTableError(
            self.problem(
                "not-a-table",
                f"This is {what}, and cannot be read: {reason}.",
                "Was it cut short while it was written or copied? Write it again.",
                line=line,
            )
        )

    def whole(self, what: str, array: Any) -> Any:
        """Read all of an array of zarr or HDF5, unless it claims more than memory holds.

        Raises
        ------
        TrackTableError
            It does; or one chunk does, which is decoded at once.
        """
        chunk = getattr(array, "chunks", None) or ()
        self.refuse_claim(what, array.size * array.dtype.itemsize)
        self.refuse_claim(what, math.prod(chunk) * array.dtype.itemsize)
        return array[:]

    def refuse_claim(self, what: str, n_bytes: int) -> None:
        """Raise if something that is read at once claims more than a share of the memory."""
        if is_too_large(n_bytes):
            raise self.damaged(what, f"it claims {in_words(n_bytes)}, more than memory holds")

    def library(self, name: str, what: str) -> Any:
        """Import a library of the extra ``formats`` at its first use.

        Raises
        ------
        TrackTableError
            It is not installed.
        """
        try:
            return import_module(name)
        except ImportError as error:
            raise TrackTableError(
                self.problem(
                    "needs-library",
                    f"This is {what}, which is read with {name}, and that is not installed.",
                    "pip install 'lineage-triplets[formats]' adds it.",
                )
            ) from error


@dataclass(frozen=True, slots=True)
class Lengths:
    """What a file says of the unit of its positions.

    Attributes
    ----------
    um : tuple of float
        Micrometres for one unit of z, y, x.
    unit : str
        As the file writes it.
    pixel_um : tuple of float, optional
        z, y, x of the voxels that the file says it was made on.
    """

    um: tuple[float, float, float]
    unit: str
    pixel_um: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class RawTable:
    """Columns of a file before anything is checked.

    Attributes
    ----------
    columns : mapping of str to pyarrow.Array
        The known columns that the file has, by their canonical names; numbers, or text. A dialect
        has its extra ones beside them.
    found : tuple of str
        All column names as the file has them.
    row : ndarray of int64, shape (n,)
        Line of each row, the first line being 1; row number from 0 where there are no lines.
    has_lines : bool
        Whether `row` counts lines.
    problems : tuple of Problem
        What the reader itself found wrong.
    lengths : Lengths or None
        None for positions in pixels, and where nothing is said.
    heads : tuple of tuple of str
        Cells of the lines between the header and the first row.
    """

    columns: Mapping[str, pa.Array]
    found: tuple[str, ...]
    row: Int64Array
    has_lines: bool
    problems: tuple[Problem, ...] = ()
    lengths: Lengths | None = None
    heads: tuple[tuple[str, ...], ...] = ()


def _one_file(path: Path) -> tuple[Path, ...]:
    return (path,)


def _a_table(_: Glimpse) -> str:
    return "a table"


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """A way to read track tables.

    Attributes
    ----------
    name : str
    suffixes : tuple of str
        Endings of its files' names, in lower case, with the dot: they decide where no content is
        recognised.
    read : callable
        From a TrackSource to a RawTable. Raises TrackTableError and OSError.
    recognises : callable, optional
        Says from the beginning of a file, or the names in a folder, whether it is one.
    files : callable, optional
        From the path of a table to all files that it is made of, sorted but for itself.
    words : callable, optional
        From a table that was recognised to what it is, for people: "TrackMate's XML of 7.14".
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[TrackSource], RawTable]
    recognises: Callable[[Glimpse], bool] | None = None
    files: Callable[[Path], tuple[Path, ...]] = _one_file
    words: Callable[[Glimpse], str] = _a_table


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


def recognise(glimpse: Glimpse) -> TrackFormat | None:
    """Return the format of a file's or folder's content, whatever its name."""
    for track_format in TRACK_FORMATS.values():
        if track_format.recognises is not None and track_format.recognises(glimpse):
            return track_format
    return None


def locate_columns(
    source: TrackSource,
    found: Sequence[str],
    *,
    has_rows: bool,
    spellings: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Find the known columns, whatever their case and the blanks around them.

    Parameters
    ----------
    found : sequence of str
        Column names as the file has them. One written exactly wins over "T" beside "t".
    has_rows : bool
        A file without rows needs no more than one known column, or no column at all.
    spellings : mapping of str to str, optional
        Canonical name to the one, in lower case, that a tool writes for it.

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
        spelled = column if spellings is None else spellings.get(column, "")
        exact = [i for i, name in enumerate(stripped) if name == spelled and name]
        alike = [i for i, name in enumerate(stripped) if name.lower() == spelled and name]
        matches = exact if len(exact) == 1 else alike
        if len(matches) > 1:
            faults.append(
                source.problem(
                    "duplicate-column",
                    f"The column {spelled} is there {len(matches)} times"
                    f" (columns {choices(i + 1 for i in matches)} of {len(found)}).",
                    "Keep one of them.",
                )
            )
        if matches:
            located[column] = matches[0]
    required = REQUIRED_COLUMNS if spellings is None else ()
    missing = [column for column in required if column not in located]
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
