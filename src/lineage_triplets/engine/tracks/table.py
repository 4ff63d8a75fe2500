"""From a format's raw columns to one FOV's checked table; knows arrays only, no files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.errors import choices
from lineage_triplets.engine.tracks.faults import (
    TableReport,
    TrackSpans,
    check_links,
    list_cycles,
    parents_of_tracks,
    span_tracks,
)
from lineage_triplets.engine.tracks.formats.columns import (
    COORDINATE_COLUMNS,
    EXACT_FLOAT_LIMIT,
    coordinates,
    none_as_minus_one,
    shown,
    whole_numbers,
    written_as_floats,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.formats.base import Lengths, RawTable, TrackSource
    from lineage_triplets.engine.tracks.formats.columns import WholeNumbers

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True)
class TrackTable:
    """One FOV's observations as columns, in the file's row order, faults counted.

    Attributes
    ----------
    track_id, t : ndarray of int64, shape (n,)
    parent_track_id : ndarray of int64, shape (n,)
        The one parent of the row's track, a track of this table; -1 for a root.
    y, x, z : ndarray of float64, shape (n,)
        Pixels; finite. z is 0 where the table has none.
    id, parent_id : ndarray of int64, shape (n,), or None
        -1 for none; None where the table lacks the column.
    row : ndarray of int64, shape (n,)
        For messages: line of a text file, the first being 1; row number from 0 for Parquet.
    problems : tuple of Problem
        What was repaired or left out, each counted; warnings and notes only.
    file : Path
    rows_in_file : int
        Rows below the header, those left out included.
    lengths : Lengths or None
        The unit of y, x and z, where the file says one that is not pixels.
    """

    track_id: Int64Array
    t: Int64Array
    parent_track_id: Int64Array
    y: Float64Array
    x: Float64Array
    z: Float64Array
    id: Int64Array | None
    parent_id: Int64Array | None
    row: Int64Array
    problems: tuple[Problem, ...]
    file: Path
    rows_in_file: int
    lengths: Lengths | None = None

    def __len__(self) -> int:
        return len(self.track_id)


def check_table(source: TrackSource, raw: RawTable) -> TrackTable:
    """Check raw columns, repair what can be repaired, and count it.

    Raises
    ------
    TrackTableError
        Faults that leave the lineages without meaning; all of them.
    """
    return _Check(source, raw).table()


class _Check:
    """One table under check: collects problems, and faults to be raised together."""

    def __init__(self, source: TrackSource, raw: RawTable) -> None:
        self._source = source
        self._raw = raw
        self._n_rows = len(raw.row)
        self._report = TableReport(source, raw)

    def table(self) -> TrackTable:
        if not self._n_rows:
            self._report.add(
                "empty-table", "The track table has no rows.",
                "Remove the file, or write it again.", "warning",
            )  # fmt: skip
        track, t = self._integers("track_id"), self._integers("t")
        yxz = [self._coordinates(name) for name in COORDINATE_COLUMNS]
        usable = self._usable_rows(track, t, yxz)
        is_finite = np.isfinite(yxz[0]) & np.isfinite(yxz[1]) & np.isfinite(yxz[2])
        spans = span_tracks(track.values, t.values, usable)
        parent = self._track_parents(spans, self._row_parents(track, usable))
        self._leave_out_not_finite(usable & ~is_finite, yxz)
        keep = usable & is_finite
        kept_order = spans.order[keep[spans.order]]
        keep[self._repeated_rows(kept_order, track.values, t.values, yxz)] = False
        parent = self._without_absent_parents(spans, parent, keep)
        ids, parent_ids = self._observation_ids()
        self._say_rounded_ids()
        self._report.raise_faults()

        all_kept = bool(keep.all())
        row_parent = np.full(self._n_rows, -1, np.int64)
        row_parent[spans.order] = np.repeat(parent, spans.n_rows)

        def kept(values: NDArray[_Scalar]) -> NDArray[_Scalar]:
            return values if all_kept else values[keep]

        return TrackTable(
            track_id=kept(track.values), t=kept(t.values), parent_track_id=kept(row_parent),
            y=kept(yxz[0]), x=kept(yxz[1]), z=kept(yxz[2]),
            id=None if ids is None else kept(ids),
            parent_id=None if parent_ids is None else kept(parent_ids),
            row=kept(self._raw.row), problems=tuple(self._report.problems),
            file=self._source.file, rows_in_file=self._n_rows, lengths=self._raw.lengths,
        )  # fmt: skip

    def _integers(self, name: str) -> WholeNumbers:
        column = self._raw.columns.get(name)
        return whole_numbers(pa.nulls(self._n_rows) if column is None else column)

    def _coordinates(self, name: str) -> Float64Array:
        column = self._raw.columns.get(name)
        if column is None:
            return np.zeros(self._n_rows)
        values, bad = coordinates(column)
        self._report.add_values("coordinate-value", name, bad, "a number")
        if name == "z" and self._n_rows and not bad.any() and np.isnan(values).all():
            self._report.add(
                "z-empty", "The column z is empty; z = 0 is taken everywhere.",
                count=self._n_rows,
            )  # fmt: skip
            return np.zeros(self._n_rows)
        return values

    def _usable_rows(
        self, track: WholeNumbers, t: WholeNumbers, yxz: list[Float64Array]
    ) -> BoolArray:
        """Return the rows whose track and t are known; report those that are not."""
        unusable_track, unusable_t = track.empty | track.bad, t.empty | t.bad
        usable = ~(unusable_track | unusable_t)
        if usable.all():
            return usable
        blank = track.empty & t.empty & np.isnan(yxz[0]) & np.isnan(yxz[1])
        if blank.any():
            self._report.add(
                "blank-rows",
                f"{blank.sum()} rows have no track_id, t, y and x, and are left out.",
                "Remove them if they are just the end of a spreadsheet.",
                "warning", at=blank,
            )  # fmt: skip
        self._report.add_values(
            "integer-value", "track_id", unusable_track & ~blank, "a whole number"
        )
        self._report.add_values("integer-value", "t", unusable_t & ~blank, "a whole number")
        return usable

    def _row_parents(self, track: WholeNumbers, usable: BoolArray) -> Int64Array:
        """Return the parent that each row names, -1 for none however that is written."""
        if "parent_track_id" not in self._raw.columns:
            if self._n_rows:
                self._report.add(
                    "no-parent-column",
                    "The table has no column parent_track_id; every track is taken for a root. "
                    f"Found: {choices(self._raw.found, limit=40)}.",
                    "Add it, or divisions are not followed.", "warning", count=self._n_rows,
                )  # fmt: skip
            return np.full(self._n_rows, -1, np.int64)
        written = self._integers("parent_track_id")
        self._report.add_values(
            "integer-value", "parent_track_id", written.bad & usable, "a whole number, or nothing"
        )
        is_zero = (written.values == 0) & ~written.empty & ~written.bad & usable
        parent = none_as_minus_one(written, track.values, usable)
        taken_as_none = is_zero & (parent < 0)
        if taken_as_none.any() and (track.values[usable] == 0).any():
            self._report.add(
                "parent-zero",
                f"There is a track 0, but parent 0 ({taken_as_none.sum()} rows) is taken for none,"
                " since nothing else in the table says none.",
                "Write -1 where there is no parent, if track 0 has daughters.",
                at=taken_as_none,
            )  # fmt: skip
        return parent

    def _track_parents(self, spans: TrackSpans, row_parent: Int64Array) -> Int64Array:
        """Return the parent of each track, itself and absent ones included; report wrong links."""
        parent, contradicts = parents_of_tracks(spans, row_parent)

        def naming_row(track: int) -> int:
            rows = spans.rows(track)
            return int(rows[row_parent[rows] >= 0].min())

        def contradiction(track: int) -> tuple[int, str]:
            rows = np.sort(spans.rows(track))
            rows = rows[row_parent[rows] >= 0]
            other = int(rows[row_parent[rows] != row_parent[rows[0]]][0])
            return other, (
                f"Track {spans.track_id[track]} has the parent {row_parent[other]} here, and"
                f" {row_parent[rows[0]]} in {self._report.place_name(int(rows[0]))}."
            )

        def lateness(track: int) -> tuple[int, str]:
            return naming_row(track), (
                f"Track {spans.track_id[track]} starts at t={spans.first_t[track]}, before its"
                f" parent {parent[track]}, which starts at"
                f" t={spans.first_t[links.parent_index[track]]}."
            )

        links = check_links(spans.track_id, spans.first_t, spans.last_t, parent)
        for cycle in list_cycles(links):
            around = choices(spans.track_id[[*cycle, cycle[0]]])
            self._report.add(
                "parent-cycle",
                f"Tracks are their own ancestors, each the child of the next: {around}.",
                "Set the parent of one of them to -1, or to the right track.", "error",
                row=naming_row(cycle[0]), count=len(cycle),
            )  # fmt: skip
        self._report.add_each("two-parents", contradicts, contradiction, "Keep one parent a track.")
        self._report.add_each(
            "parent-after-child", links.parent_later, lateness, "Correct the parent or the frames."
        )
        if links.is_own_parent.any():
            owns = np.flatnonzero(links.is_own_parent)
            self._report.add(
                "own-parent",
                f"{len(owns)} tracks are their own parent, and are taken for roots:"
                f" {choices(spans.track_id[owns])}.",
                count=len(owns), row=naming_row(int(owns[0])),
            )  # fmt: skip
            parent = np.where(links.is_own_parent, -1, parent)
        if links.parent_overlaps.any():
            overlaps = np.flatnonzero(links.parent_overlaps)
            first = int(overlaps[0])
            self._report.add(
                "parent-overlap",
                f"{len(overlaps)} tracks start before their parent ends; first: track"
                f" {spans.track_id[first]} at t={spans.first_t[first]}, parent {parent[first]} ends"
                f" at t={spans.last_t[links.parent_index[first]]}.",
                "Look at these divisions; they are loaded as they are.",
                "warning", count=len(overlaps), row=naming_row(first),
            )  # fmt: skip
        return parent

    def _without_absent_parents(
        self, spans: TrackSpans, parent: Int64Array, keep: BoolArray
    ) -> Int64Array:
        """Make roots of the tracks whose parent has no row that is kept."""
        if not len(parent):
            return parent
        is_there = np.logical_or.reduceat(keep[spans.order], spans.start)
        position = np.minimum(np.searchsorted(spans.track_id, parent), len(parent) - 1)
        parent_is_there = (spans.track_id[position] == parent) & is_there[position]
        absent = (parent >= 0) & ~parent_is_there & is_there
        if absent.any():
            tracks = np.flatnonzero(absent)
            self._report.add(
                "parent-not-in-table",
                f"{len(tracks)} tracks have a parent that is not in the table, and are taken for"
                f" roots; first: track {spans.track_id[tracks[0]]}, parent {parent[tracks[0]]}.",
                count=len(tracks), row=int(spans.rows(int(tracks[0])).min()),
            )  # fmt: skip
        return np.where(parent_is_there, parent, -1)

    def _leave_out_not_finite(self, left_out: BoolArray, yxz: list[Float64Array]) -> None:
        if left_out.any():
            first = int(np.argmax(left_out))
            self._report.add(
                "coordinates-not-finite",
                f"{left_out.sum()} rows have a coordinate that is NaN, infinite or empty, and are"
                f" left out; first: {_position(yxz, first)}.",
                "Give their positions if they are to be used.", "warning", at=left_out,
            )  # fmt: skip

    def _repeated_rows(
        self,
        order: Int64Array,
        track: Int64Array,
        t: Int64Array,
        yxz: list[Float64Array],
    ) -> Int64Array:
        """Return the rows that repeat an earlier one; report them, and those that contradict it."""
        tracks, frames = track[order], t[order]
        is_again = (tracks[1:] == tracks[:-1]) & (frames[1:] == frames[:-1])
        if not is_again.any():
            return order[:0]
        is_again = np.concatenate([[False], is_again])
        leader = order[np.maximum.accumulate(np.where(is_again, 0, np.arange(len(order))))]
        is_same = np.ones(len(order), bool)
        for values in yxz:
            is_same &= values[order] == values[leader]
        first_of = np.zeros(self._n_rows, np.int64)
        first_of[order] = leader
        contradicts = np.zeros(self._n_rows, bool)
        contradicts[order[is_again & ~is_same]] = True

        def contradiction(row: int) -> tuple[int, str]:
            first = int(first_of[row])
            return row, (
                f"Track {track[row]} is at two places at t={t[row]}: {_position(yxz, row)} here,"
                f" {_position(yxz, first)} in {self._report.place_name(first)}."
            )

        self._report.add_each(
            "two-positions", contradicts, contradiction,
            "Each branch needs its own id: if these are two cells of one tree, give each its own"
            " track_id, and their mother's in parent_track_id; if one is wrong, remove it.",
        )  # fmt: skip
        repeats = order[is_again & is_same]
        if len(repeats):
            first = int(repeats.min())
            self._report.add(
                "repeated-rows",
                f"{len(repeats)} rows repeat an earlier row's track, t and position, and are left"
                f" out; first: track {track[first]}, t={t[first]}.",
                "Remove the repeats.", "warning", count=len(repeats), row=first,
            )  # fmt: skip
        return repeats

    def _say_rounded_ids(self) -> None:
        """Say where ids are floating-point numbers that may be those of a neighbour."""
        for name in ("track_id", "parent_track_id", "id", "parent_id"):
            column = self._raw.columns.get(name)
            if column is None or pa.types.is_integer(column.type):
                continue
            # A comparison with NaN, an empty cell's, is false.
            beyond = np.abs(coordinates(column).values) >= EXACT_FLOAT_LIMIT
            if beyond.any() and not pa.types.is_floating(column.type):
                beyond &= written_as_floats(column)
            if beyond.any():
                first = shown(column, int(np.argmax(beyond)))
                self._report.add(
                    "rounded-ids",
                    f"The column {name} has floating-point numbers, and {beyond.sum()} of them are"
                    f" beyond 2^53, where neighbouring ids become one; first: {first}.",
                    "Write it as whole numbers; in pandas, as Int64.", "warning", at=beyond,
                )  # fmt: skip

    def _observation_ids(self) -> tuple[Int64Array | None, Int64Array | None]:
        """Return id and parent_id, -1 for none; None where absent or not whole numbers."""
        written = {}
        for name in ("id", "parent_id"):
            column = self._raw.columns.get(name)
            numbers = None if column is None else whole_numbers(column)
            if column is not None and numbers is not None and numbers.bad.any():
                first = int(np.argmax(numbers.bad))
                self._report.add(
                    "observation-ids",
                    f"The column {name} has {numbers.bad.sum()} values that are no whole numbers,"
                    f" and is not used; first: {shown(column, first)}.",
                    "", "warning", at=numbers.bad,
                )  # fmt: skip
                numbers = None
            written[name] = numbers
        ids, parents = written["id"], written["parent_id"]
        id_values = None if ids is None else np.where(ids.empty, -1, ids.values)
        if parents is None:
            return id_values, None
        known = np.full(self._n_rows, -1, np.int64) if id_values is None else id_values
        return id_values, none_as_minus_one(parents, known, np.ones(self._n_rows, bool))


def _position(yxz: list[Float64Array], row: int) -> str:
    return ", ".join(
        f"{name}={values[row]:g}" for name, values in zip(COORDINATE_COLUMNS, yxz, strict=True)
    )
