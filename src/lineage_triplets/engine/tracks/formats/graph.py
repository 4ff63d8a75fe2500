"""From a format's cells and links to raw columns; what all such formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.branches import link_cells, trace_branches
from lineage_triplets.engine.tracks.formats.base import Lengths, RawTable, TrackSource
from lineage_triplets.engine.tracks.formats.columns import none_as_minus_one, whole_numbers
from lineage_triplets.engine.tracks.formats.values import (
    place_column,
    whole_column,
    whole_or_none,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.tracks.branches import Branches, CellLinks

# Of each kind of fault; the rest is counted in one more problem.
_LISTED_MAX = 20


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a table that has links between cells.

    Attributes
    ----------
    id, t : ndarray of int64, shape (n,)
    y, x : ndarray of float64, shape (n,)
    z : ndarray of float64, shape (n,), or None
    row : ndarray of int64, shape (n,)
        Line, or number, of each in its file.
    track : ndarray of int64, shape (n,), or None
        The tool's own numbers of unbranched tracks.
    word : str
        What the tool calls a cell.
    """

    id: Int64Array
    t: Int64Array
    y: Float64Array
    x: Float64Array
    z: Float64Array | None
    row: Int64Array
    track: Int64Array | None = None
    word: str = "cell"

    @classmethod
    def of_table(
        cls,
        source: TrackSource,
        raw: RawTable,
        *,
        track: Int64Array | None = None,
        word: str = "cell",
    ) -> Cells:
        """Take the columns id, t, y, x and, where it is there, z; raises TrackTableError."""
        return cls(
            id=whole_column(source, raw, "id"),
            t=whole_column(source, raw, "t"),
            y=place_column(source, raw, "y"),
            x=place_column(source, raw, "x"),
            z=place_column(source, raw, "z") if "z" in raw.columns else None,
            row=raw.row,
            track=track,
            word=word,
        )

    def __len__(self) -> int:
        return len(self.id)

    def take(self, keep: BoolArray) -> Cells:
        """Return some of them."""
        return Cells(
            self.id[keep], self.t[keep], self.y[keep], self.x[keep],
            None if self.z is None else self.z[keep], self.row[keep],
            None if self.track is None else self.track[keep], self.word,
        )  # fmt: skip


def tracks_of_cells(source: TrackSource, raw: RawTable, *, track: str | None = None) -> RawTable:
    """Rebuild tracks from cells, each of which names the one before it in ``parent_id``.

    Parameters
    ----------
    track : str, optional
        Column of the tool's own numbers of tracks; not used where a number is missing.

    Raises
    ------
    TrackTableError
        As of `table_of_links`; or a value is no number.
    """
    ids = whole_column(source, raw, "id")
    everywhere = np.ones(len(ids), bool)
    parent = none_as_minus_one(whole_or_none(source, raw, "parent_id"), ids, everywhere)
    numbers = None if track is None else whole_numbers(raw.columns[track])
    is_known = numbers is not None and not (numbers.bad | numbers.empty).any()
    own = numbers.values if numbers is not None and is_known else None
    has_parent = parent >= 0
    return table_of_links(
        source,
        Cells.of_table(source, raw, track=own),
        (parent[has_parent], ids[has_parent]),
        found=raw.found,
        has_lines=raw.has_lines,
        problems=raw.problems,
    )


def table_of_links(
    source: TrackSource,
    cells: Cells,
    links: tuple[Int64Array, Int64Array],
    *,
    found: tuple[str, ...] = (),
    has_lines: bool = False,
    problems: tuple[Problem, ...] = (),
    lengths: Lengths | None = None,
) -> RawTable:
    """Rebuild tracks and their parents from cells and links.

    Parameters
    ----------
    links : tuple of ndarray of int64, shape (n_links,)
        Ids of the earlier and of the later cell.

    Raises
    ------
    TrackTableError
        Ids that two cells have; links to cells that are not there, not forward in time, or to a
        cell with another parent.
    """
    _require_unique(source, cells, has_lines=has_lines)
    linked = link_cells(cells.id, cells.t, *links)
    _require_sound(source, cells, linked, links, has_lines=has_lines)
    n_repeats = int(linked.is_repeat.sum())
    if n_repeats:
        problems += (
            source.problem(
                "repeated-links", f"{n_repeats} links repeat others, and are left out.", "", "note",
                count=n_repeats,
            ),
        )  # fmt: skip
    branches = trace_branches(cells.t, linked.parent)
    names = _names(cells, branches)
    before = branches.parent
    parents = np.where(before >= 0, names[before], -1) if len(before) else before
    of_cell = linked.parent
    parent_ids = np.where(of_cell >= 0, cells.id[of_cell], -1) if len(cells) else of_cell
    columns = {
        "track_id": names[branches.of_cell], "t": cells.t, "y": cells.y, "x": cells.x,
        "parent_track_id": parents[branches.of_cell], "id": cells.id, "parent_id": parent_ids,
    }  # fmt: skip
    if cells.z is not None:
        columns["z"] = cells.z
    return RawTable(
        {name: pa.array(values) for name, values in columns.items()},
        found or tuple(columns), cells.row, has_lines, problems, lengths,
    )  # fmt: skip


def _names(cells: Cells, branches: Branches) -> Int64Array:
    """Give each branch the tool's number of its first cell, where all differ; or count from 1."""
    counted = np.arange(1, len(branches.first_cell) + 1, dtype=np.int64)
    if cells.track is None or not len(cells):
        return counted
    own = cells.track[branches.first_cell]
    return own if own.min() >= 0 and len(np.unique(own)) == len(own) else counted


def _require_unique(source: TrackSource, cells: Cells, *, has_lines: bool) -> None:
    order = np.argsort(cells.id, kind="stable")
    ids = cells.id[order]
    again = np.flatnonzero(ids[1:] == ids[:-1])

    def twice(number: int) -> tuple[int, str]:
        cell, other = int(order[number + 1]), int(order[number])
        return cell, (
            f"Two {cells.word}s have the id {cells.id[cell]}: at t={cells.t[other]} and at"
            f" t={cells.t[cell]}."
        )

    faults = _each(source, cells, again, "repeated-id", twice, "Give each its own.", has_lines)
    if faults:
        raise TrackTableError(*faults)


def _require_sound(
    source: TrackSource,
    cells: Cells,
    linked: CellLinks,
    links: tuple[Int64Array, Int64Array],
    *,
    has_lines: bool,
) -> None:
    def at(cell: int) -> str:
        return f"{cells.id[cell]} (t={cells.t[cell]})"

    def unknown(link: int) -> tuple[int, str]:
        is_source = linked.source[link] < 0
        absent, other = (links if is_source else links[::-1])[0][link], linked
        known = int((other.target if is_source else other.source)[link])
        place = f" from {at(known)}" if known >= 0 and not is_source else ""
        place = f" to {at(known)}" if known >= 0 and is_source else place
        return known, f"A link{place} names the {cells.word} {absent}, which is not there."

    def backward(link: int) -> tuple[int, str]:
        first, then = int(linked.source[link]), int(linked.target[link])
        return then, f"A link goes from {at(first)} to {at(then)}, which is not later."

    def merge(link: int) -> tuple[int, str]:
        child = int(linked.target[link])
        one, other = linked.source[linked.first_of_target[link]], linked.source[link]
        return child, (
            f"The {cells.word} {at(child)} has two parents, {at(int(one))} and {at(int(other))}."
        )

    kinds = (
        ("unknown-cell", linked.is_unknown, unknown, "Remove the link, or add what it names."),
        ("backward-link", linked.is_backward, backward, "Turn the link round, or remove it."),
        (
            "merge", linked.is_merge, merge,
            "A cell has one mother: remove the wrong link of the two in the tracker.",
        ),
    )  # fmt: skip
    faults = []
    for kind, bad, describe, remedy in kinds:
        which = np.flatnonzero(bad)
        faults += _each(source, cells, which, kind, describe, remedy, has_lines)
    if faults:
        raise TrackTableError(*faults)


def _each(
    source: TrackSource,
    cells: Cells,
    which: Int64Array,
    kind: str,
    describe: Callable[[int], tuple[int, str]],
    remedy: str,
    has_lines: bool,
) -> list[Problem]:
    """Return a fault for each of the first, and one that counts the rest."""
    faults = []
    for number, index in enumerate(which[: _LISTED_MAX + 1].tolist()):
        cell, message = describe(index)
        count = 1
        if number == _LISTED_MAX:
            count = len(which) - _LISTED_MAX
            message = f"{message} With it, {count} more of this kind are not listed."
        row = int(cells.row[cell]) if cell >= 0 else None
        line, row = (row, None) if has_lines else (None, row)
        faults.append(source.problem(kind, message, remedy, count=count, line=line, row=row))
    return faults
