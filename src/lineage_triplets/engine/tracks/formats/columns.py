"""A table's columns: which are known, and their values as numbers.

People write "3.0", NaN, nothing or text; integers stay exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array

REQUIRED_COLUMNS = ("track_id", "t", "y", "x")
INTEGER_COLUMNS = ("track_id", "t", "parent_track_id", "id", "parent_id")
COORDINATE_COLUMNS = ("y", "x", "z")
KNOWN_COLUMNS = INTEGER_COLUMNS + COORDINATE_COLUMNS

EMPTY_TEXTS = (
    *("", "nan", "NaN", "NAN", "-nan", "na", "NA", "n/a", "N/A", "<NA>"),
    *("null", "Null", "NULL", "none", "None", "NONE"),
)

# What -1 becomes where a number has no sign.
_UNSIGNED_32, _UNSIGNED_64 = 2**32 - 1, 2**64 - 1

# Beyond this a float64 no longer tells neighbouring integers apart.
EXACT_FLOAT_LIMIT = 2.0**53

_FLOAT = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity))$"
_INTEGER = r"^\+?(-?\d+)(\.0*)?$"


class WholeNumbers(NamedTuple):
    """A column of integers.

    Attributes
    ----------
    values : ndarray of int64, shape (n,)
        Arbitrary where empty or bad.
    empty, bad : ndarray of bool, shape (n,)
        Nothing is written, or NaN; something is written that is no whole 64-bit number.
    """

    values: Int64Array
    empty: BoolArray
    bad: BoolArray


class Coordinates(NamedTuple):
    """A column of floats: NaN where nothing is written; bad where it is no number."""

    values: Float64Array
    bad: BoolArray


def is_numeric(kind: pa.DataType) -> bool:
    """Say whether a column of this type needs no parsing of text."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def whole_numbers(column: pa.Array) -> WholeNumbers:
    """Return a column as int64, exactly wherever the file has it exactly."""
    kind, n = column.type, len(column)
    nothing = np.zeros(n, bool)
    if pa.types.is_null(kind):
        return WholeNumbers(np.zeros(n, np.int64), ~nothing, nothing)
    if pa.types.is_integer(kind):
        empty = _numpy(column.is_null()) if column.null_count else nothing
        numbers = _numpy(column.fill_null(0) if column.null_count else column)
        bad = nothing
        if kind == pa.uint64():
            bad = (numbers > np.iinfo(np.int64).max) & (numbers != _UNSIGNED_64)
        return WholeNumbers(numbers.astype(np.int64, copy=False), empty, bad)
    if pa.types.is_floating(kind):
        floats = _floats(column)
        empty = np.isnan(floats)
        floats = np.where(floats == float(_UNSIGNED_64), -1.0, floats)
        whole = (floats == np.floor(floats)) & (np.abs(floats) < 2.0**63)
        return WholeNumbers(np.where(whole, floats, 0).astype(np.int64), empty, ~whole & ~empty)
    text = _text(column)
    if text is None:
        return WholeNumbers(np.zeros(n, np.int64), nothing, ~nothing)
    text = pc.replace_substring_regex(text, rf"^{_UNSIGNED_64}(\.0*)?$", "-1")
    floats, not_numbers = coordinates(text)
    empty = np.isnan(floats) & ~not_numbers
    exact = _numpy(pc.match_substring_regex(text, _INTEGER).fill_null(False))
    exact = exact & (np.abs(floats) < 2.0**63)
    whole = exact | ((floats == np.floor(floats)) & (np.abs(floats) < EXACT_FLOAT_LIMIT))
    digits = pc.if_else(pa.array(exact), pc.replace_substring_regex(text, _INTEGER, r"\1"), "0")
    rounded = np.where(whole & ~exact, floats, 0).astype(np.int64)
    values = np.where(exact, _numpy(digits.cast(pa.int64())), rounded)
    return WholeNumbers(values, empty, ~whole & ~empty)


def written_as_floats(column: pa.Array) -> BoolArray:
    """Say of text which whole numbers have a decimal point, as writers of floats put it."""
    text = _text(column)
    if text is None:
        return np.zeros(len(column), bool)
    return np.asarray(_numpy(pc.match_substring_regex(text, r"^[+-]?\d+\.0*$").fill_null(False)))


def coordinates(column: pa.Array) -> Coordinates:
    """Return a column as float64."""
    nothing = np.zeros(len(column), bool)
    if is_numeric(column.type):
        return Coordinates(_floats(column), nothing)
    text = _text(column)
    if text is None:
        return Coordinates(np.full(len(column), np.nan), ~nothing)
    parses = pc.match_substring_regex(text, _FLOAT)
    floats = pc.if_else(parses, text, pa.scalar(None, pa.string())).cast(pa.float64())
    bad = ~_numpy(parses.fill_null(True))
    return Coordinates(_floats(floats), bad)


def none_as_minus_one(written: WholeNumbers, ids: Int64Array, usable: BoolArray) -> Int64Array:
    """Write every spelling of "no parent" as -1.

    So is -1 as 32 unsigned bits write it, unless there is an id like it. 0 is a parent only if
    there is an id 0, and the usable rows write none in another way: as nothing, as a negative
    number, or by naming themselves.

    Parameters
    ----------
    written : WholeNumbers
        The parent on each row.
    ids : ndarray of int64, shape (n,)
        The id of each row.
    usable : ndarray of bool, shape (n,)
    """
    none = written.empty | written.bad | (written.values < 0)
    is_unsigned = written.values == _UNSIGNED_32
    if is_unsigned.any() and not (ids == _UNSIGNED_32).any():
        none |= is_unsigned
    values = np.where(none, -1, written.values)
    is_zero = values == 0
    # That 0 names itself may also be a root of a table in which 0 is none.
    says_none = none | ((values == ids) & ~is_zero)
    if is_zero.any() and not ((says_none & usable).any() and ((ids == 0) & usable).any()):
        values[is_zero] = -1
    return values


def shown(column: pa.Array, index: int) -> str:
    """Return one value for a message."""
    value = column[index].as_py()
    return "empty" if value is None else repr(value)


def _text(column: pa.Array) -> pa.Array | None:
    """Return trimmed text, null where empty; None for a column of lists or structs."""
    try:
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    is_empty = pc.is_in(text, value_set=pa.array(EMPTY_TEXTS))
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), text)


def _floats(column: pa.Array) -> Float64Array:
    """Return float64, NaN where null."""
    floats = column.cast(pa.float64(), safe=False)
    return _numpy(floats.fill_null(np.nan) if floats.null_count else floats)


def _numpy(column: pa.Array) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
