"""One FOV's track table from a file, with what was repaired, left out or refused.

The formats are small readers in `formats`; the checks, in `table`, are common to all.
"""

from __future__ import annotations

from pathlib import Path

from lineage_triplets.engine.errors import StoreError, TrackTableError, choices
from lineage_triplets.engine.tracks.faults import LinkFaults, check_links
from lineage_triplets.engine.tracks.formats import TRACK_FORMATS, TrackSource, format_of
from lineage_triplets.engine.tracks.table import TrackTable, check_table

__all__ = [
    "TRACK_FORMATS",
    "LinkFaults",
    "TrackTable",
    "check_links",
    "find_track_table",
    "read_track_table",
]


def find_track_table(folder: Path) -> Path | None:
    """Find the one track table in an FOV's folder.

    Parameters
    ----------
    folder : Path
        ``{tracks_path}/{row}/{col}/{fov}``, or the table itself. Hidden files and files whose
        ending no track format has are passed over.

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
        tables = sorted(
            entry
            for entry in folder.iterdir()
            if not entry.name.startswith(".") and format_of(entry.name) and entry.is_file()
        )
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


def read_track_table(file: Path, *, experiment: str = "", fov: str = "") -> TrackTable:
    """Read one FOV's track table.

    Parameters
    ----------
    file : Path
        A table in one of `TRACK_FORMATS`.
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
    track_format = format_of(source.file.name)
    if track_format is None:
        endings = (suffix for known in TRACK_FORMATS.values() for suffix in known.suffixes)
        raise source.not_a_table(f"its name ends in none of {choices(endings, limit=40)}")
    try:
        raw = track_format.read(source)
    except OSError as error:
        raise _unreadable(source, error) from error
    return check_table(source, raw)


def _unreadable(source: TrackSource, error: OSError) -> StoreError:
    return StoreError(
        source.problem(
            "unreadable-table",
            f"This cannot be read: {error.strerror or error}.",
            "Check that it exists, and that you may read it.",
        )
    )
