"""One FOV's track table from a file or folder, with what was repaired, left out or refused.

The formats are small readers in `formats`; the checks, in `table`, are common to all.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoreError, TrackTableError, choices, counted
from lineage_triplets.engine.tracks.faults import LinkFaults, check_links
from lineage_triplets.engine.tracks.formats import (
    TRACK_FORMATS,
    TrackFormat,
    TrackSource,
    format_of,
    recognise,
)
from lineage_triplets.engine.tracks.formats.dialects import looks_like_table, part_of
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.table import TrackTable, check_table

if TYPE_CHECKING:
    from lineage_triplets.engine.plates.plate import Plate

__all__ = [
    "TRACK_FORMATS",
    "LinkFaults",
    "TrackTable",
    "check_links",
    "describe_table",
    "digest_table",
    "find_fov_table",
    "find_track_table",
    "is_track_table",
    "read_track_table",
    "table_files",
]


def find_track_table(folder: Path) -> Path | None:
    """Find the one track table in an FOV's folder.

    Parameters
    ----------
    folder : Path
        ``{tracks_path}/{row}/{col}/{fov}``, or the table itself, a file or a folder. Hidden files,
        what belongs to a table beside it, and what neither its content nor its ending tells are
        passed over.

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
            return folder if folder.is_file() else None
        if recognise(Glimpse(folder)) is not None:
            return folder
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        tables: list[Path] = []
        untold: list[Path] = []
        nameless: list[Path] = []
        parts: list[Path] = []
        for entry in entries:
            glimpse = Glimpse(entry)
            if not glimpse.is_folder and not entry.is_file():
                continue
            if part_of(glimpse) is not None:
                parts.append(entry)
            elif glimpse.is_folder or format_of(entry.name) is None:
                known = recognise(glimpse)
                if known is not None:
                    (nameless if _is_by_name(known) else tables).append(entry)
            else:
                (tables if looks_like_table(glimpse) else untold).append(entry)
    except OSError as error:
        raise _unreadable(TrackSource(folder), error) from error
    # Copies under other endings count where nothing else is there; a README.txt or a part alone is
    # read, so that it is said what it is.
    tables = tables or nameless or untold or parts[:1]
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


def find_fov_table(plate: Plate, root: Path, fov: str) -> Path | None:
    """Find a FOV's table: in its folder below `root`, or `root` itself where there is one FOV.

    A single image's table lies in `root` or, if there is none, where a plate's would. A series'
    lies in a folder of its name, or where a plate's would.

    Raises
    ------
    TrackTableError
        There are several; or `root` is one table, and the plate has several FOVs.
    StoreError
        A folder cannot be listed.
    """
    if plate.single_image:
        return find_track_table(root) or find_track_table(root / fov)
    if not is_track_table(root):
        own = _own_folder(plate, root, fov)
        is_only = len(plate.wells) == 1 and not _may_be(own) and len(plate.fov_names()) == 1
        return find_track_table(root if is_only else own)
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


def read_track_table(file: Path, *, experiment: str = "", fov: str = "") -> TrackTable:
    """Read one FOV's track table.

    Parameters
    ----------
    file : Path
        A file or folder in one of `TRACK_FORMATS`, by its content; by its ending where the content
        tells nothing.
    experiment, fov : str
        Whose table it is, for messages.

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
    source = TrackSource(Path(file), experiment, fov)
    glimpse = Glimpse(source.file)
    part = part_of(glimpse)
    if part is not None:
        raise TrackTableError(source.problem("needs-part", f"This is {part.what}.", part.remedy))
    track_format = _format(glimpse)
    if track_format is None:
        if glimpse.is_folder:
            raise source.not_a_table("the folder holds none that is known")
        endings = (suffix for known in TRACK_FORMATS.values() for suffix in known.suffixes)
        raise source.not_a_table(
            f"its content is not known, and its name ends in none of {choices(endings, limit=40)}"
        )
    try:
        raw = track_format.read(source)
    except OSError as error:
        raise _unreadable(source, error) from error
    return check_table(source, raw)


def table_files(table: Path) -> tuple[Path, ...]:
    """Return all files that a table is made of, itself first if it is a file."""
    track_format = _format(Glimpse(table))
    return (table,) if track_format is None else track_format.files(table)


def describe_table(table: TrackTable) -> str:
    """Say in a line what a table is: its format, cells and lineages."""
    glimpse = Glimpse(table.file)
    track_format = _format(glimpse)
    what = "a table" if track_format is None else track_format.words(glimpse)
    roots = table.track_id[table.parent_track_id == -1]
    lineages = counted(len(np.unique(roots)), "lineage")
    return f"{what}: {counted(len(table), 'cell')} in {lineages}"


def digest_table(table: Path) -> str:
    """Return the SHA-256 of a table's bytes; of its files' names and bytes, if it has several.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    files = table_files(table)
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


def _format(glimpse: Glimpse) -> TrackFormat | None:
    known = recognise(glimpse)
    return format_of(glimpse.path.name) if known is None and not glimpse.is_folder else known


def _unreadable(source: TrackSource, error: OSError) -> StoreError:
    return StoreError(
        source.problem(
            "unreadable-table",
            f"This cannot be read: {error.strerror or error}.",
            "Check that it exists, and that you may read it.",
        )
    )
