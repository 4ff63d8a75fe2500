"""What the values of an unknown table's columns say of which is which; knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.tracks.formats.columns import (
    REQUIRED_COLUMNS,
    WholeNumbers,
    coordinates,
    none_as_minus_one,
    whole_numbers,
)
from lineage_triplets.engine.tracks.synonyms import meanings

if TYPE_CHECKING:
    import pyarrow as pa

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array

# Share of parents that are tracks of the table; the rest are founders outside it.
_PARENTS_THERE_MIN = 0.9
# Share of cells that have a parent, where parents are cells.
_CELLS_WITH_PARENT_MIN = 0.3
# Share of parents with one child or two, where parents are cells.
_ONE_OR_TWO_MIN = 0.95


@dataclass(frozen=True)
class Column:
    """A column of an unknown table.

    Attributes
    ----------
    name : str
    unit : str
        "um", "pixel", "other"; empty where nothing is said.
    whole : WholeNumbers
    places : ndarray of float64, shape (n,)
        NaN where nothing, or no number, is written.
    is_number : bool
        Nothing but numbers is in it.
    """

    name: str
    unit: str
    whole: WholeNumbers
    places: Float64Array
    is_number: bool

    @classmethod
    def of(cls, name: str, values: pa.Array, *, unit: str = "") -> Column:
        """Take a column as it was read."""
        floats = coordinates(values)
        return cls(name, unit, whole_numbers(values), floats.values, not floats.bad.any())

    @cached_property
    def given(self) -> BoolArray:
        """Where a whole number is written."""
        return ~(self.whole.empty | self.whole.bad)

    @cached_property
    def is_whole(self) -> bool:
        """Whole numbers and nothing else."""
        return bool(self.given.any() and not self.whole.bad.any())

    @cached_property
    def numbers(self) -> Int64Array:
        """The different whole numbers in it, sorted."""
        return np.unique(self.whole.values[self.given])

    @cached_property
    def lowest(self) -> int:
        """The lowest whole number."""
        return int(self.numbers[0]) if len(self.numbers) else 0

    @cached_property
    def highest(self) -> int:
        """The highest whole number."""
        return int(self.numbers[-1]) if len(self.numbers) else 0

    @property
    def is_unique(self) -> bool:
        """Each row has its own whole number."""
        return self.is_whole and bool(self.given.all()) and len(self.numbers) == len(self.given)

    def equals(self, other: Column) -> bool:
        """Whether both say the same, row by row."""
        return bool(np.array_equal(self.places, other.places, equal_nan=True))


@dataclass(frozen=True)
class Evidence:
    """Which column is which.

    Attributes
    ----------
    taken : dict of str to Column
        Our column to the table's.
    why : dict of str to str
    open : tuple of str
    candidates : dict of str to tuple of str
    of_cells : bool
        Parents are cells, and no tracks.
    notes : tuple of str
    """

    taken: dict[str, Column]
    why: dict[str, str]
    open: tuple[str, ...]
    candidates: dict[str, tuple[str, ...]]
    of_cells: bool
    notes: tuple[str, ...]


def weigh(columns: list[Column]) -> Evidence:
    """Weigh names and values of all columns of a table."""
    weighing = _Weighing(columns)
    for ours in ("t", "x", "y"):
        weighing.choose(ours, needed=True)
    weighing.choose("z", needed=False)
    weighing.choose("track_id", needed=False)
    weighing.choose_parent()
    return weighing.evidence()


@dataclass
class _Weighing:
    """One table being weighed."""

    columns: list[Column]
    taken: dict[str, Column] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    of_cells: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.meanings = meanings([column.name for column in self.columns])

    def evidence(self) -> Evidence:
        # Tracks are rebuilt from cells.
        needless = {"track_id"} if self.of_cells else set()
        listed = dict.fromkeys(
            (*self.open, *(ours for ours in REQUIRED_COLUMNS if ours not in self.taken))
        )
        left = tuple(ours for ours in listed if ours not in needless)
        return Evidence(
            self.taken, self.why, left, self.candidates, self.of_cells, tuple(self.notes)
        )

    def named(self, ours: str) -> list[tuple[float, Column]]:
        """Columns that may be one of ours by their names, the plainest first."""
        listed = [
            # Pixels before micrometres, where a table has both.
            (meaning.rank + 0.5 * (column.unit in {"um", "other"}), column)
            for column, of_name in zip(self.columns, self.meanings, strict=True)
            for meaning in of_name
            if meaning.ours == ours and column not in self.taken.values()
        ]
        return sorted(listed, key=lambda pair: pair[0])

    def take(self, ours: str, column: Column, why: str) -> None:
        self.taken[ours] = column
        self.why[ours] = why

    def choose(self, ours: str, *, needed: bool) -> None:
        """Take the plainest name whose values can be it, if there is one alone."""
        fits = _FITS[ours]
        named = [(rank, column) for rank, column in self.named(ours) if fits(self, column)]
        self.candidates[ours] = tuple(column.name for _, column in named)
        if not named and ours in REQUIRED_COLUMNS:
            self.candidates[ours] = self.possible(ours)
        best = [column for rank, column in named if rank == named[0][0]]
        if best and all(best[0].equals(column) for column in best[1:]):
            same = f"; {best[1].name} is the same" if len(best) > 1 else ""
            self.take(ours, best[0], f"{_WHY[ours]}{same}")
        elif needed or best:
            self.open.append(ours)

    def possible(self, ours: str) -> tuple[str, ...]:
        """Columns whose values can be one of ours, whatever their names."""
        fits = _FITS[ours]
        return tuple(
            column.name
            for column, of_name in zip(self.columns, self.meanings, strict=True)
            if not of_name and column not in self.taken.values() and fits(self, column)
        )

    def can_be_frames(self, column: Column) -> bool:
        if not column.is_whole or column.lowest < 0 or len(column.numbers) < 2:
            return False
        steps = np.diff(column.numbers)
        if int(np.gcd.reduce(steps)) > 1:
            self.say(f"{column.name} goes in steps of {np.gcd.reduce(steps)}: a clock, no frames.")
            return False
        return bool(len(column.numbers) >= 0.1 * (column.highest - column.lowest + 1))

    def can_be_place(self, column: Column) -> bool:
        finite = np.isfinite(column.places)
        return bool(column.is_number and finite.mean() > 0.5)

    def can_be_track(self, column: Column) -> bool:
        frames = self.taken.get("t")
        if not column.is_whole or len(column.numbers) == int(column.given.sum()) > 2:
            return False
        if frames is None:
            return True
        given = column.given & frames.given
        pairs = np.stack([column.whole.values[given], frames.whole.values[given]])
        n_pairs = len(np.unique(pairs, axis=1).T)
        if n_pairs < int(given.sum()):
            self.say(
                f"{column.name} is in two rows of one frame: the number of a whole tree perhaps,"
                " and of no track."
            )
            return False
        return True

    def say(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def choose_parent(self) -> None:
        """Find the column of parents, and whether they are tracks or cells."""
        named = [(rank, column) for rank, column in self.named("parent") if column.is_whole]
        named += [
            (rank, column)
            for rank, column in self.named("parent")
            if column.whole.empty.all() and not column.whole.bad.any()
        ]
        self.candidates["parent"] = tuple(column.name for _, column in named)
        of_tracks = [(rank, column) for rank, column in named if self.are_tracks(column)]
        of_cells = [
            (rank, column, ids)
            for rank, column in named
            if (ids := self.cells_of(column)) is not None
        ]
        best_track = [column for rank, column in of_tracks if rank == of_tracks[0][0]]
        best_cell = [(column, ids) for rank, column, ids in of_cells if rank == of_cells[0][0]]
        ambiguous = {column.name for column in best_track} & {c.name for c, _ in best_cell}
        if len(best_track) > 1 or (not best_track and len(best_cell) > 1) or ambiguous:
            self.open.append("parent")
        elif best_track:
            self.take("parent_track_id", best_track[0], "each is a track that begins earlier")
            if best_cell:
                column, ids = best_cell[0]
                self.take("id", ids, "each row has its own")
                self.take("parent_id", column, "each is a cell of an earlier frame")
        elif best_cell:
            column, ids = best_cell[0]
            self.take("id", ids, "each row has its own, and parents name it")
            self.take("parent_id", column, "each is a cell of an earlier frame")
            self.of_cells = True
        elif named:
            names = " and ".join(column.name for _, column in named)
            self.say(f"{names} may be parents by the name, and names neither tracks nor cells.")
            self.open.append("parent")
        if "id" not in self.taken:
            unique = [column for _, column in self.named("id") if column.is_unique and column.name]
            if len(unique) == 1:
                self.take("id", unique[0], "each row has its own")

    def are_tracks(self, column: Column) -> bool:
        """Whether a column's numbers are tracks of the table that begin before the row's own."""
        track, frames = self.taken.get("track_id"), self.taken.get("t")
        if track is None or frames is None:
            return False
        usable = track.given & frames.given
        parent = none_as_minus_one(column.whole, track.whole.values, usable)
        parent = np.where(parent == track.whole.values, -1, parent)
        rows = usable & (parent >= 0)
        if not rows.any():
            return True
        tracks, of_row = np.unique(track.whole.values[usable], return_inverse=True)
        first = np.full(len(tracks), np.iinfo(np.int64).max)
        np.minimum.at(first, of_row, frames.whole.values[usable])
        place = np.minimum(np.searchsorted(tracks, parent[rows]), len(tracks) - 1)
        is_there = tracks[place] == parent[rows]
        own = np.searchsorted(tracks, track.whole.values[rows])
        is_earlier = first[place] < first[own]
        pairs = np.unique(np.stack([own, parent[rows]]), axis=1)
        is_one = len(np.unique(pairs[0])) == pairs.shape[1]
        return bool(is_one and is_earlier[is_there].all() and is_there.mean() > _PARENTS_THERE_MIN)

    def cells_of(self, column: Column) -> Column | None:
        """The column of ids that another's numbers are, each of an earlier frame; None if none."""
        frames = self.taken.get("t")
        if frames is None or not frames.given.all():
            return None
        by_name = [ids for _, ids in self.named("id")]
        others = [ids for ids in self.columns if ids not in by_name]
        for ids in (*by_name, *others):
            if ids is not column and ids.is_unique and ids not in self.taken.values():
                parent = none_as_minus_one(
                    column.whole, ids.whole.values, np.ones(len(frames.given), bool)
                )
                parent = np.where(parent == ids.whole.values, -1, parent)
                if _are_cells(ids.whole.values, frames.whole.values, parent):
                    return ids
        return None


def _are_cells(ids: Int64Array, t: Int64Array, parent: Int64Array) -> bool:
    rows = np.flatnonzero(parent >= 0)
    if len(rows) < _CELLS_WITH_PARENT_MIN * len(ids):
        return False
    order = np.argsort(ids, kind="stable")
    place = order[np.minimum(np.searchsorted(ids, parent[rows], sorter=order), len(ids) - 1)]
    if (ids[place] != parent[rows]).any() or (t[place] >= t[rows]).any():
        return False
    n_children = np.unique(parent[rows], return_counts=True)[1]
    return bool((n_children <= 2).mean() >= _ONE_OR_TWO_MIN)


_FITS = {
    "t": _Weighing.can_be_frames,
    "x": _Weighing.can_be_place,
    "y": _Weighing.can_be_place,
    "z": _Weighing.can_be_place,
    "track_id": _Weighing.can_be_track,
}
_WHY = {
    "t": "by its name; whole numbers in steps of 1",
    "x": "by its name; numbers",
    "y": "by its name; numbers",
    "z": "by its name; numbers",
    "track_id": "by its name; once a frame each",
}
