"""Columns of a dialect as numbers, and rows that are left out, for those who finish a table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.errors import TrackTableError, choices
from lineage_triplets.engine.tracks.formats.base import Lengths
from lineage_triplets.engine.tracks.formats.columns import coordinates, shown, whole_numbers

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource
    from lineage_triplets.engine.tracks.formats.columns import WholeNumbers

_UM = {
    **dict.fromkeys(("micron", "microns", "micrometer", "micrometers", "micrometre"), 1.0),
    **dict.fromkeys(("micrometres", "um", "µm", "\u03bcm"), 1.0),
    **dict.fromkeys(("nanometer", "nanometers", "nanometre", "nm"), 1e-3),
    **dict.fromkeys(("millimeter", "millimeters", "millimetre", "mm"), 1e3),
}


def whole_column(source: TrackSource, raw: RawTable, name: str) -> Int64Array:
    """Return a column of whole numbers.

    Raises
    ------
    TrackTableError
        A value is none, or nothing is written.
    """
    numbers = whole_numbers(raw.columns[name])
    _require(source, raw, name, numbers.bad | numbers.empty, "a whole number")
    return numbers.values


def whole_or_none(source: TrackSource, raw: RawTable, name: str) -> WholeNumbers:
    """Return a column of whole numbers that may be empty.

    Raises
    ------
    TrackTableError
        A value is something else.
    """
    numbers = whole_numbers(raw.columns[name])
    _require(source, raw, name, numbers.bad, "a whole number, or nothing")
    return numbers


def place_column(source: TrackSource, raw: RawTable, name: str) -> Float64Array:
    """Return a column of positions, NaN where nothing is written.

    Raises
    ------
    TrackTableError
        A value is no number.
    """
    values = coordinates(raw.columns[name])
    _require(source, raw, name, values.bad, "a number")
    return values.values


def require_columns(source: TrackSource, raw: RawTable, what: str, *names: str) -> None:
    """Raise if a table of a known tool lacks one of the canonical columns."""
    missing = [name for name in names if name not in raw.columns]
    if missing:
        raise TrackTableError(
            source.problem(
                "missing-column",
                f"This is {what}, without {' and '.join(missing)}; found:"
                f" {choices(raw.found, limit=40)}.",
                "Export it again with these columns.",
            )
        )


def without_rows(raw: RawTable, left_out: BoolArray) -> RawTable:
    """Return a table without some rows; whoever leaves them out says so."""
    if not left_out.any():
        return raw
    keep = pa.array(~left_out)
    columns = {name: column.filter(keep) for name, column in raw.columns.items()}
    return replace(raw, columns=columns, row=raw.row[~left_out])


def with_parents(raw: RawTable, parent: Int64Array) -> RawTable:
    """Return a table with the parent track of each row, -1 for none."""
    columns = {**raw.columns, "parent_track_id": pa.array(parent)}
    return replace(raw, columns=columns, found=(*raw.found, "parent_track_id"))


def lengths_of(unit: str, pixel_um: tuple[float, float, float] | None = None) -> Lengths | None:
    """Return what a unit says of positions; None for pixels, and for words that say nothing."""
    um = _UM.get(unit.strip().strip("()").lower())
    return None if um is None else Lengths((um, um, um), unit.strip().strip("()"), pixel_um)


def lengths_of_column(raw: RawTable, name: str) -> Lengths | None:
    """Return what the unit in a column's last heading says of positions, as `lengths_of`."""
    column = [found.strip().lower() for found in raw.found].index(name)
    units = raw.heads[-1] if raw.heads else ()
    return lengths_of(units[column] if len(units) > column else "")


def _require(source: TrackSource, raw: RawTable, name: str, bad: BoolArray, wanted: str) -> None:
    if not bad.any():
        return
    first = int(np.argmax(bad))
    row = int(raw.row[first])
    raise TrackTableError(
        source.problem(
            "coordinate-value" if wanted == "a number" else "integer-value",
            f"{name} is {shown(raw.columns[name], first)}, which is not {wanted}; {int(bad.sum())}"
            " such.",
            f"Correct {name} in this row, or remove the row.",
            count=int(bad.sum()),
            line=row if raw.has_lines else None,
            row=None if raw.has_lines else row,
        )
    )
