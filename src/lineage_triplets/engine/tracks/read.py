"""One FOV's track table from a file or folder, with what was repaired, left out or refused.

The formats are small readers in `formats`; the checks, in `table`, are common to all.
"""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import (
    Problem,
    StoreError,
    TrackTableError,
    choices,
    counted,
    nearest,
)
from lineage_triplets.engine.files import odd_kind
from lineage_triplets.engine.tracks.faults import LinkFaults, check_links
from lineage_triplets.engine.tracks.formats import (
    TRACK_FORMATS,
    TrackFormat,
    TrackSource,
    format_of,
    recognise,
)
from lineage_triplets.engine.tracks.formats.dialects import (
    has_table_shape,
    looks_like_table,
    part_of,
)
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.named import has_named_columns, is_named
from lineage_triplets.engine.tracks.formats.parquet import TABLES_OF_COLUMNS, columns_of
from lineage_triplets.engine.tracks.hints import parents_not_read, with_guess
from lineage_triplets.engine.tracks.table import TrackTable, check_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.plate import Plate
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.tracks.formats import RawTable

__all__ = [
    "FovTables",
    "TRACK_FORMATS",
    "LinkFaults",
    "TrackTable",
    "check_links",
    "describe_table",
    "digest_table",
    "find_track_table",
    "is_track_table",
    "read_track_table",
    "table_files",
]


def find_track_table(folder: Path, reading: TrackReading | None = None) -> Path | None:
    """Find the one track table in an FOV's folder.

    Parameters
    ----------
    folder : Path
        ``{tracks_path}/{row}/{col}/{fov}``, or the table itself, a file or a folder. Hidden files,
        what belongs to a table beside it, and what neither its content nor its ending tells are
        passed over.
    reading : TrackReading, optional
        How tables are read: files that have the columns that it names count, or those of the
        format.

    Returns
    -------
    Path or None
        None if there is no table, or no such folder.

    Raises
    ------
    TrackTableError
        There are two tables or more; all are named.
    StoreError
        The folder cannot be listed.
    """
    folder = Path(folder)
    try:
        if not folder.is_dir():
            _refuse_odd(folder)
            return folder if folder.is_file() else None
        if recognise(Glimpse(folder)) is not None:
            return folder
        tables = _tables_in(folder, reading)
    except OSError as error:
        raise _unreadable(TrackSource(folder), error) from error
    if len(tables) > 1:
        names = choices(table.name for table in tables)
        problem = TrackSource(folder).problem(
            "two-tables",
            f"There are {len(tables)} track tables for one FOV: {names}.",
            "Keep one, or move the others elsewhere.",
            count=len(tables),
        )
        raise TrackTableError(problem)
    return tables[0] if tables else None


def _tables_in(folder: Path, reading: TrackReading | None) -> list[Path]:
    """List what counts as a table among the entries of a folder that is none itself."""
    fitting: list[Path] = []
    tables: list[Path] = []
    untold: list[Path] = []
    nameless: list[Path] = []
    parts: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if format_of(entry.name) is not None:
            _refuse_odd(entry)
        glimpse = Glimpse(entry)
        if entry.name.startswith(".") or not (glimpse.is_folder or entry.is_file()):
            continue
        if reading is not None and _fits(glimpse, reading):
            fitting.append(entry)
        if part_of(glimpse) is not None:
            parts.append(entry)
        elif glimpse.is_folder or format_of(entry.name) is None:
            known = recognise(glimpse)
            if known is not None:
                (nameless if _is_by_name(known) else tables).append(entry)
        else:
            (tables if looks_like_table(glimpse) else untold).append(entry)
    # Copies under other endings count where nothing else is there; a README.txt or a part alone is
    # read, so that it is said what it is.
    return fitting or tables or nameless or _shaped(untold) or untold or parts[:1]


class FovTables:
    """Finds the tables of a plate's FOVs below a root, or the root itself where it is the table.

    A single image's table lies in `root` or, if there is none, where a plate's would. A series'
    lies in a folder of its name, or where a plate's would.

    Parameters
    ----------
    plate : Plate
    root : Path
        As a config's ``tracks_path``.
    reading : TrackReading, optional
        How tables are read, which counts as for `find_track_table`.
    """

    def __init__(self, plate: Plate, root: Path, reading: TrackReading | None = None) -> None:
        self._plate = plate
        self._root = root
        self._reading = reading

    @cached_property
    def is_one(self) -> bool:
        """Whether the root is a table itself."""
        return is_track_table(self._root)

    def find(self, fov: str) -> Path | None:
        """Find the table of a FOV; None if there is none.

        Raises
        ------
        TrackTableError
            There are several; or the root is one table, and the plate has several FOVs.
        StoreError
            A folder cannot be listed.
        """
        plate, root, reading = self._plate, self._root, self._reading
        if plate.single_image:
            return find_track_table(root, reading) or find_track_table(root / fov, reading)
        if not self.is_one:
            own = _own_folder(plate, root, fov)
            is_only = len(plate.wells) == 1 and not _may_be(own) and len(plate.fov_names()) == 1
            return find_track_table(root if is_only else own, reading)
        names = plate.fov_names()
        if len(names) == 1:
            return root
        problem = TrackSource(root).problem(
            "one-table-for-all",
            f"This is one table, and the plate has {len(names)} FOVs: {choices(names)}.",
            f"Give a folder that has the table of each FOV in {plate.folder_pattern}/.",
            count=len(names),
        )
        raise TrackTableError(problem)


def _own_folder(plate: Plate, root: Path, fov: str) -> Path:
    """The first folder that is there, of those where a FOV's table may lie."""
    if not plate.series:
        return root / fov
    places = [root / fov, root / fov.partition("/")[0], root / plate.series[fov]]
    return next((place for place in places if _may_be(place)), root / fov)


def _may_be(folder: Path) -> bool:
    """Whether a folder is there, or lies where nobody may look: then reading it says so."""
    try:
        return folder.exists()
    except PermissionError:
        return True


def is_track_table(path: Path) -> bool:
    """Say whether a path is a table itself, and no folder of tables."""
    glimpse = Glimpse(Path(path))
    return recognise(glimpse) is not None or (not glimpse.is_folder and Path(path).is_file())


def read_track_table(
    file: Path, *, experiment: str = "", fov: str = "", reading: TrackReading | None = None
) -> TrackTable:
    """Read one FOV's track table.

    Parameters
    ----------
    file : Path
        A file or folder in one of `TRACK_FORMATS`, by its content; by its ending where the content
        tells nothing.
    experiment, fov : str
        Whose table it is, for messages.
    reading : TrackReading, optional
        How it is read, where its content does not say it.

    Returns
    -------
    TrackTable
        Empty, with a warning, for an empty file. No row is left out without a Problem counting it.

    Raises
    ------
    TrackTableError
        The file is no table, lacks columns, or has faults that leave its lineages without
        meaning; all that were found, each with its line and value.
    StoreError
        The file cannot be read.
    """
    source = TrackSource(Path(file), experiment, fov, reading)
    unknown = unknown_format(reading, experiment)
    if unknown is not None:
        raise TrackTableError(unknown)
    glimpse = Glimpse(source.file)
    if reading is None:
        part = part_of(glimpse)
        if part is not None:
            raise TrackTableError(
                source.problem("needs-part", f"This is {part.what}.", part.remedy)
            )
    track_format = _format(glimpse, reading)
    if track_format is None:
        if glimpse.is_folder:
            raise source.not_a_table("the folder holds none that is known")
        what = "its content is not known"
        if glimpse.is_hdf5:
            what = "it is an HDF5 without btrack's groups objects and tracks"
        endings = (suffix for known in TRACK_FORMATS.values() for suffix in known.suffixes)
        raise source.not_a_table(
            f"{what}, and its name ends in none of {choices(endings, limit=40)}"
        )
    if is_named(source) and track_format.name not in TABLES_OF_COLUMNS:
        raise TrackTableError(
            source.problem(
                "columns-of-no-table",
                f"tracks.columns names columns, and this is {track_format.words(glimpse)}, which"
                " has none.",
                "Leave tracks out for it; or give a table of text or Parquet.",
                field="tracks.columns",
            )
        )
    return check_table(source, _read_raw(source, track_format, glimpse))


def _read_raw(source: TrackSource, track_format: TrackFormat, glimpse: Glimpse) -> RawTable:
    try:
        if is_named(source) or track_format.name not in TABLES_OF_COLUMNS:
            return track_format.read(source)
        return _read_columns(source, track_format)
    except OSError as error:
        raise _unreadable(source, error) from error
    except MemoryError as error:
        words = "it holds, or claims, more than memory does"
        raise source.damaged(track_format.words(glimpse), words) from error


def _read_columns(source: TrackSource, track_format: TrackFormat) -> RawTable:
    """Read a table of columns that nobody named; says which they seem to be, where that fails."""
    try:
        raw = track_format.read(source)
    except TrackTableError as error:
        raise with_guess(source, error) from error
    return replace(raw, problems=(*raw.problems, *parents_not_read(source, raw)))


def reading_of(table: Path, reading: TrackReading | None) -> TrackReading | None:
    """Return how to read a table that may be another tool's: as is said, if it fits."""
    return reading if reading is not None and _fits(Glimpse(table), reading) else None


def unknown_format(reading: TrackReading | None, experiment: str = "") -> Problem | None:
    """Say that a config names a format that there is not; None if it does not."""
    if reading is None or reading.format is None or reading.format in TRACK_FORMATS:
        return None
    near = nearest(reading.format, list(TRACK_FORMATS))
    listed = "" if near.startswith("Known") else f" Known: {choices(TRACK_FORMATS, limit=40)}."
    return Problem(
        "unknown-track-format",
        f"there is no track format {reading.format!r}.",
        f"{near}{listed}",
        experiment=experiment,
        field="tracks.format",
    )


def table_files(table: Path, reading: TrackReading | None = None) -> tuple[Path, ...]:
    """Return all files that a table is made of, itself first if it is a file."""
    if reading is not None and reading.names_columns:
        return (table,)
    track_format = _format(Glimpse(table), reading)
    return (table,) if track_format is None else track_format.files(table)


def describe_table(table: TrackTable, reading: TrackReading | None = None) -> str:
    """Say in a line what a table is: its format, cells and lineages."""
    glimpse = Glimpse(table.file)
    track_format = _format(glimpse, reading)
    what = "a table" if track_format is None else track_format.words(glimpse)
    if reading is not None and reading.names_columns:
        what = "a table of columns that are named"
    roots = table.track_id[table.parent_track_id == -1]
    lineages = counted(len(np.unique(roots)), "lineage")
    return f"{what}: {counted(len(table), 'cell')} in {lineages}"


def digest_table(table: Path, reading: TrackReading | None = None) -> str:
    """Return the SHA-256 of a table's bytes; of its files' names and bytes, if it has several.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    files = table_files(table, reading)
    digests = []
    for file in files:
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    if files == (table,):
        return digests[0]
    root = table if table.is_dir() else table.parent
    names = [file.relative_to(root).as_posix() for file in files]
    told = json.dumps(list(zip(names, digests, strict=True)))
    return hashlib.sha256(told.encode()).hexdigest()


def _is_by_name(track_format: TrackFormat) -> bool:
    return bool(track_format.suffixes)


def _format(glimpse: Glimpse, reading: TrackReading | None = None) -> TrackFormat | None:
    if reading is not None and reading.format is not None:
        return TRACK_FORMATS[reading.format]
    known = recognise(glimpse)
    if known is None and not glimpse.is_folder:
        known = format_of(glimpse.path.name)
        if known is None and reading is not None and reading.names_columns and glimpse.text:
            known = TRACK_FORMATS[TABLES_OF_COLUMNS[0]]
    return known


def _fits(glimpse: Glimpse, reading: TrackReading) -> bool:
    """Say whether a file has the columns that a config names, or is of the format."""
    if reading.names_columns:
        found = columns_of(glimpse)
        return bool(found) and has_named_columns(reading, found)
    known = _format(glimpse)
    return known is not None and known.name == reading.format


def _shaped(files: Sequence[Path]) -> list[Path]:
    """Those among files of unknown words that are tables by their shape."""
    return [file for file in files if has_table_shape(Glimpse(file))]


def _refuse_odd(file: Path) -> None:
    kind = odd_kind(file)
    if kind:
        raise _unreadable(TrackSource(file), OSError(errno.EINVAL, f"it is {kind}, and no file"))


def _unreadable(source: TrackSource, error: OSError) -> StoreError:
    return StoreError(
        source.problem(
            "unreadable-table",
            f"This cannot be read: {error.strerror or error}.",
            "Check that it exists, and that you may read it.",
        )
    )
