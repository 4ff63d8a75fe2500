"""Which column of an unknown table is which: a guess by names and by values, to be looked at."""

from __future__ import annotations

import csv
import shlex
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from lineage_triplets.engine.settings.track_reading import OUR_COLUMNS, TrackReading
from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.engine.tracks.evidence import Column, Evidence, weigh
from lineage_triplets.engine.tracks.formats import TrackSource, recognise
from lineage_triplets.engine.tracks.formats.columns import REQUIRED_COLUMNS
from lineage_triplets.engine.tracks.formats.dialects import dialect_of, part_of, parts_beside
from lineage_triplets.engine.tracks.formats.glimpse import Glimpse
from lineage_triplets.engine.tracks.formats.parquet import TABLES_OF_COLUMNS
from lineage_triplets.engine.tracks.formats.parquet import recognises as is_parquet
from lineage_triplets.engine.tracks.formats.text import HeaderRule, open_text
from lineage_triplets.engine.tracks.synonyms import is_synonym, suffices, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PREVIEW_ROWS = 8
_PARENTS = ("parent_track_id", "parent_id")
# What a guess is made from; no table is read whole for it.
_BYTES_MAX, _ROWS_MAX = 64 << 20, 1_000_000


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What a table is, as far as it can be told from itself.

    Attributes
    ----------
    file : Path
    format : str
        What was recognised, in words: "TrackMate's spots table". Empty for no known tool's.
    found : tuple of str
        Columns as the table has them; none where it is no text and no Parquet.
    preview : tuple of tuple of str
        The first rows, as text.
    reading : TrackReading or None
        What the config would say: all that is sure. None where the format is known.
    sure : mapping of str to str
        Our column to why the table's, which is in `reading`, was taken for it.
    open : tuple of str
        Our columns that nobody could tell and that are needed, and ``parent`` where it may be
        either kind or either column.
    candidates : mapping of str to tuple of str
        Columns that each of ours may be, the likeliest first.
    transform : TrackTransform or None
        Where the table says so itself: micrometres, frames from 1.
    notes : tuple of str
        What else was seen, in sentences.
    """

    file: Path
    format: str
    found: tuple[str, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()
    reading: TrackReading | None = None
    sure: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    open: tuple[str, ...] = ()
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    transform: TrackTransform | None = None
    notes: tuple[str, ...] = ()

    def values(self, column: str) -> tuple[str, ...]:
        """Return the first values of one of the table's columns."""
        place = self.found.index(column)
        return tuple(row[place] for row in self.preview if place < len(row))

    @property
    def options(self) -> str:
        """What says `reading` and `transform` on the command line; empty for nothing."""
        parts = []
        if self.reading is not None and self.reading.columns:
            pairs = (f"{ours}={theirs}" for ours, theirs in self.reading.columns.items())
            parts += ["--columns", ",".join(pairs)]
        if self.reading is not None and self.reading.parent != "track":
            parts += ["--parent", self.reading.parent]
        if self.transform is not None and self.transform.unit is not None:
            parts += ["--unit", self.transform.unit]
        if self.transform is not None and self.transform.first_frame:
            parts += ["--first-frame", str(self.transform.first_frame)]
        return shlex.join(parts)


def guess_reading(file: Path, *, n_frames: int | None = None) -> ColumnGuess:
    """Guess which of a table's columns is which.

    Parameters
    ----------
    file : Path
        A table, or what a tracker wrote.
    n_frames : int, optional
        Frames of the images: a table whose last frame is this number counts from 1.

    Returns
    -------
    ColumnGuess
        Nothing is sure that two columns fit equally well.

    Raises
    ------
    TrackTableError
        The file is no table.
    OSError
        It cannot be read.
    """
    source, glimpse = TrackSource(file), Glimpse(file)
    part = part_of(glimpse)
    if part is not None:
        return ColumnGuess(file, part.what, notes=(part.remedy,))
    known = recognise(glimpse)
    if known is not None and known.name not in TABLES_OF_COLUMNS:
        return ColumnGuess(file, known.words(glimpse))
    if glimpse.is_folder:
        raise source.not_a_table("the folder holds none that is known")
    columns, preview = _parquet(source) if is_parquet(glimpse) else _text(source)
    found = tuple(column.name for column in columns)
    evidence = weigh(columns)
    words = _recognised(found)
    if words:
        mother = next((evidence.taken[ours] for ours in _PARENTS if ours in evidence.taken), None)
        if mother is None or mother.highest <= 0 or _says_parents(file, found):
            return ColumnGuess(file, words, found, preview)
        note = f"Its columns are those of {words}, without parents; but {mother.name} says some."
        evidence = replace(evidence, notes=(note, *evidence.notes))
    transform, notes = _transform(evidence, n_frames)
    return ColumnGuess(
        file, "", found, preview, _reading(evidence), MappingProxyType(dict(evidence.why)),
        evidence.open, MappingProxyType(dict(evidence.candidates)), transform,
        (*evidence.notes, *notes),
    )  # fmt: skip


def _recognised(found: Sequence[str]) -> str:
    """What a table's columns are those of; empty for no known tool's."""
    dialect = dialect_of(found)
    if dialect is not None:
        return dialect.name
    lower = {name.lower() for name in found}
    return "a table of ultrack's columns" if set(REQUIRED_COLUMNS) <= lower else ""


def _says_parents(file: Path, found: Sequence[str]) -> bool:
    """Whether a known table has parents, in itself or beside it."""
    dialect = dialect_of(found)
    if dialect is None:
        return "parent_track_id" in {name.lower() for name in found}
    return bool(set(_PARENTS) & set(dialect.spellings) or parts_beside(file, dialect.parts))


def _reading(evidence: Evidence) -> TrackReading:
    """Write what is sure as a config does, without what has our names already."""
    named = {
        ours: evidence.taken[ours].name
        for ours in OUR_COLUMNS
        if ours in evidence.taken and evidence.taken[ours].name.strip().lower() != ours
    }
    return TrackReading(columns=named, parent="node" if evidence.of_cells else "track")


def _transform(
    evidence: Evidence, n_frames: int | None
) -> tuple[TrackTransform | None, tuple[str, ...]]:
    said: dict[str, object] = {}
    notes = []
    places = [evidence.taken[axis] for axis in ("y", "x") if axis in evidence.taken]
    units = {column.unit for column in places}
    if units == {"um"}:
        said["unit"] = "um"
    elif units & {"um", "other"}:
        listed = " and ".join(column.name for column in places)
        notes.append(f"{listed} are in another unit than pixels: give track_transform.scale.")
    frames = evidence.taken.get("t")
    if frames is not None and frames.lowest == 1:
        if n_frames is not None and frames.highest == n_frames:
            said["first_frame"] = 1
            notes.append(
                f"Frames go from 1 to {n_frames}, as many as there are: they count from 1."
            )
        else:
            notes.append(
                "Frames begin at 1: if that is the movie's first one, track_transform.first_frame"
                " is 1."
            )
    return (TrackTransform.model_validate(said) if said else None), tuple(notes)


def _text(source: TrackSource) -> tuple[list[Column], tuple[tuple[str, ...], ...]]:
    table = open_text(source, HeaderRule(is_synonym, lambda names: suffices(list(names))))
    if table is None:
        raise source.not_a_table("it is empty")
    table, heads = table.without_heads(joined=False)
    if len(table.data) - table.start > _BYTES_MAX:
        end = table.data.rfind(b"\n", table.start, table.start + _BYTES_MAX)
        table = replace(table, data=table.data[: end + 1])
    if len(table.found) < 3 or not table.has_rows:
        raise source.not_a_table("it has less than three columns, or no rows")
    values, _, _ = table.read({str(place): place for place in range(len(table.found))})
    units = heads[-1] if heads else ()
    columns = [
        Column.of(
            name.strip(),
            values[str(place)],
            unit=unit_of(name) or (unit_of(units[place]) if len(units) > place else ""),
        )
        for place, name in enumerate(table.found)
    ]
    below = table.data[table.start : table.start + 65536].decode(errors="replace").splitlines()
    lines = [line for line in below if line.strip()][:PREVIEW_ROWS]
    rows = csv.reader(lines, delimiter=table.delimiter)
    return columns, tuple(tuple(cell.strip() for cell in row) for row in rows)


def _parquet(source: TrackSource) -> tuple[list[Column], tuple[tuple[str, ...], ...]]:
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(source.file)
        batch = next(file.iter_batches(batch_size=_ROWS_MAX, use_threads=False), None)
    except pa.ArrowInvalid as error:
        raise source.not_a_table(str(error)) from error
    if batch is None:
        raise source.not_a_table("it has no rows")
    names = batch.schema.names
    columns = [Column.of(name, batch.column(i), unit=unit_of(name)) for i, name in enumerate(names)]
    cells = [batch.column(i)[:PREVIEW_ROWS].to_pylist() for i in range(len(names))]
    texts = [
        tuple("" if cell is None else str(cell) for cell in row) for row in zip(*cells, strict=True)
    ]
    return columns, tuple(texts)
