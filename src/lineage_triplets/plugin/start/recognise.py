"""What a file or folder is, whatever its name: a plate, images to import, or a track table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import (
    ConfigError,
    LineageTripletsError,
    Problem,
    StoreError,
    TrackTableError,
    counted,
)
from lineage_triplets.engine.first_config import FoundPlate, find_tracks, inspect_plate
from lineage_triplets.engine.plates.stores import NODE_FILES
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.tracks.formats import format_of
from lineage_triplets.engine.tracks.formats import recognise as format_by_content
from lineage_triplets.engine.tracks.formats.dialects import part_of
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.guess import ColumnGuess, guess_reading
from lineage_triplets.engine.tracks.read import (
    describe_table,
    find_track_table,
    is_track_table,
    read_track_table,
)
from lineage_triplets.imports.sources import is_importable
from lineage_triplets.imports.sources.series import tiffs_in
from lineage_triplets.imports.sources.tiff import is_tiff
from lineage_triplets.plugin.start.draft import DraftPlate, FoundTable, place_of_tables
from lineage_triplets.plugin.start.images import Images, read_images, tables_beside
from lineage_triplets.plugin.start.parts import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.settings.track_transform import TrackTransform


_MOST_FOLDERS = 10_000
_MOST_ENTRIES = 100
# So many TIFFs in a folder are frames, and no movies each.
_MOST_MOVIES = 12


@dataclass(frozen=True)
class Refused:
    """A file or folder that is nothing of use, and why."""

    words: str


@dataclass(frozen=True)
class UnknownTable:
    """A table, or a folder of them, of which a person has to say what the columns are."""

    path: Path
    guess: ColumnGuess


Recognised = DraftPlate | FoundTable | UnknownTable | Refused


def recognise(paths: Sequence[str | Path]) -> list[Recognised]:
    """Say what each path is; none of them ends the others."""
    found: list[Recognised] = []
    listed = _without_parts(_with_folders(paths))
    for path in listed:
        try:
            found.append(_recognised(path))
        except LineageTripletsError as error:
            found += _inside(path) or [_refused(error)]
    return found


def _with_folders(paths: Sequence[str | Path]) -> list[str | Path]:
    """Name a folder where all its TIFFs are named: they are frames of one movie."""
    tiffs: dict[Path, set[Path]] = {}
    for path in map(Path, paths):
        if path.is_file() and is_tiff(path):
            tiffs.setdefault(path.parent, set()).add(path)
    whole = {
        folder: files
        for folder, files in tiffs.items()
        if len(files) > 1 and set(tiffs_in(folder)) <= files
    }
    listed = [path for path in paths if Path(path) not in whole.get(Path(path).parent, ())]
    return [*whole, *listed]


def _without_parts(paths: Sequence[str | Path]) -> list[str | Path]:
    """Leave out what belongs to a table that is named beside it."""
    parts = {path for path in paths if not is_url(str(path)) and part_of(Glimpse(Path(path)))}
    beside = {Path(path).parent for path in paths if path not in parts}
    return [path for path in paths if path not in parts or Path(path).parent not in beside]


def read_plate(path: str | Path) -> DraftPlate:
    """Read what a plate says about itself, and look for its tables beside it.

    Raises
    ------
    StoreError
        It is no plate and no image, or has no FOV.
    """
    found = inspect_plate(path)
    plate = DraftPlate(found)
    if not is_url(str(path)):
        beside = Path(path).expanduser().absolute().parent
        try:
            plate.tracks = (find_tracks(found, beside),)
        except LineageTripletsError:
            return plate
    return _told(plate)


def table_of(path: Path) -> FoundTable | UnknownTable:
    """Read a track table, or say how many a folder of them has; guess at unknown columns.

    Raises
    ------
    LineageTripletsError
        It is none, or cannot be read.
    """
    try:
        table, problem = find_track_table(path), None
    except TrackTableError as error:
        table, problem = None, error
    inside = [] if table is not None else _tables_in(path)
    if table is None and not inside:
        raise problem or _unknown(path)
    first = table or inside[0]
    guess = guess_reading(first)
    if guess.reading is not None:
        return UnknownTable(path, guess)
    return _read(path, table) if table is not None else _folder(path, len(inside))


def table_as_said(
    path: Path, reading: TrackReading, transform: TrackTransform | None
) -> FoundTable | Refused:
    """Read a table, or the first of a folder of them, by the columns that a person named."""
    try:
        table = find_track_table(path, reading)
        inside = [] if table is not None else _tables_in(path)
        found = _read(path, table or inside[0], reading)
    except LineageTripletsError as error:
        return _refused(error)
    words = found.words if table is not None else _folder(path, len(inside)).words
    return replace(found, words=words, transform=transform)


def _read(path: Path, table: Path, reading: TrackReading | None = None) -> FoundTable:
    read = read_track_table(table, reading=reading)
    return FoundTable(path, describe_table(read, reading), read.lengths, reading)


def _folder(path: Path, n_tables: int) -> FoundTable:
    return FoundTable(path, f"a folder of {counted(n_tables, 'table')}")


def _tables_in(path: Path) -> list[Path]:
    """Find tables where those of a plate lie: {row}/{column}/{fov}/."""
    folders = islice(path.glob("*/*/*"), _MOST_FOLDERS) if path.is_dir() else ()
    found = []
    for folder in folders:
        try:
            table = find_track_table(folder) if folder.is_dir() else None
        except LineageTripletsError:
            # Two tables: which ones is said once they are opened.
            continue
        if table is not None:
            found.append(table)
    return sorted(found)


def tables_of(source: FoundPlate | Images, path: Path) -> FoundTable | UnknownTable | Refused:
    """Say what the tables of a plate, or of images, are where a person says that they are."""
    try:
        return table_of(place_of_tables(source, path))
    except LineageTripletsError as error:
        return _refused(error)


def _recognised(path: str | Path) -> DraftPlate | FoundTable | UnknownTable:
    if is_url(str(path)):
        return read_plate(path)
    source = Path(path).expanduser()
    if not source.exists():
        raise StoreError(
            Problem(
                "missing-path",
                "there is no such folder or file.",
                "Check the path.",
                file=str(source),
            )
        )
    if any((source / name).exists() for name in NODE_FILES):
        try:
            return read_plate(source)
        except StoreError:
            if is_track_table(source):
                return table_of(source)
            raise
    if source.is_file() and source.suffix.lower() in {".yml", ".yaml"}:
        raise ConfigError(
            Problem(
                "config-file",
                "this is a config already, or no file for one.",
                "Close this window, and open it with Open config.",
                file=str(source),
            )
        )
    known = format_by_content(Glimpse(source))
    if known is None and is_importable(source):
        images = read_images(source)
        return _told(DraftPlate(images, tables_beside(images)))
    if known is None and source.is_file() and format_of(source.name) is None:
        raise _unknown(source)
    return table_of(source)


def _unknown(path: Path) -> ConfigError:
    return ConfigError(
        Problem(
            "unknown-file",
            "this is no plate, no images and no track table that is known.",
            "Formats are listed in the manual (File formats, From TIFFs to a config).",
            file=str(path),
        )
    )


def _inside(path: str | Path) -> list[Recognised]:
    """What is known of all that is in a folder."""
    folder = Path(path).expanduser()
    if is_url(str(path)) or not folder.is_dir():
        return []
    found: list[Recognised] = []
    if len(tiffs_in(folder)) > _MOST_MOVIES:
        return found
    for entry in sorted(folder.iterdir())[:_MOST_ENTRIES]:
        try:
            if not entry.name.startswith("."):
                found.append(_recognised(entry))
        except LineageTripletsError:
            continue
    return found


def _refused(error: LineageTripletsError) -> Refused:
    return Refused(words_of(error))


def _told(plate: DraftPlate) -> DraftPlate:
    """Say what the one table of a plate is; one that cannot be read is not taken."""
    if len(plate.tracks) == 1:
        try:
            table = table_of(plate.tracks[0])
            if isinstance(table, UnknownTable):
                plate.tracks = ()
                name = table.path.name
                plate.refused = f"{name} beside it has unknown columns: name them with Tables…"
            else:
                plate.table = table
        except LineageTripletsError as error:
            plate.tracks = ()
            plate.refused = _refused(error).words
    return plate
