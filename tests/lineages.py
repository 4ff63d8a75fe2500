"""A tiny dividing movie, and which cell follows which in a table, for tests of track formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.tracks.transform import place_table, transform_into_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lineage_triplets.engine.tracks.read import TrackTable

Edge = tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """A cell in a frame: ``A2`` is A at t = 2."""

    branch: str
    t: int
    y: float
    x: float
    before: str = ""

    @property
    def name(self) -> str:
        return f"{self.branch}{self.t}"


def movie(
    branches: Sequence[tuple[str, str, Iterable[int], float, float]],
) -> tuple[Cell, ...]:
    """Cells of branches given as (name, parent, frames, y, x), by frame; y grows by 1 a frame."""
    cells = []
    last: dict[str, str] = {"": ""}
    for name, parent, frames, y, x in branches:
        before = last[parent]
        for t in frames:
            cell = Cell(name, t, y + t, x, before)
            cells.append(cell)
            before = cell.name
        last[name] = before
    return tuple(sorted(cells, key=lambda cell: cell.t))


# "a" divides after t=1; "b" is not seen at t=2.
MOVIE = movie(
    [
        ("a", "", (0, 1), 10, 10),
        ("c", "a", (2, 3), 8, 16),
        ("d", "a", (2, 3), 12, 4),
        ("b", "", (0, 1, 3), 20, 24),
    ]
)
BRANCHES = {"a": 1, "b": 2, "c": 3, "d": 4}
PARENTS = {"a": 0, "b": 0, "c": 1, "d": 1}


def true_edges(cells: Sequence[Cell] = MOVIE) -> set[Edge]:
    return {(cell.before, cell.name) for cell in cells if cell.before}


def cells_and_edges(
    table: TrackTable,
    cells: Sequence[Cell] = MOVIE,
    *,
    pixel_um: tuple[float, float, float] | None = None,
    within: float = 0.6,
) -> tuple[list[str], set[Edge]]:
    """Name each row by the true cell where it lies, and say which follows which.

    A row where no cell is has the name "?".
    """
    table = place_table(table, transform_into_pixels(table, None, pixel_um))
    names = []
    for t, y, x in zip(table.t.tolist(), table.y.tolist(), table.x.tolist(), strict=True):
        there = [
            (np.hypot(cell.y - y, cell.x - x), cell.name)
            for cell in cells
            if cell.t == t and np.hypot(cell.y - y, cell.x - x) <= within
        ]
        names.append(min(there)[1] if there else "?")
    edges = set()
    last: dict[int, tuple[int, str]] = {}
    tracks, parents = table.track_id.tolist(), table.parent_track_id.tolist()
    order = np.lexsort((table.t, table.track_id)).tolist()
    for row in order:
        last[tracks[row]] = (row, names[row])
    for row, before in zip(order, [-1, *order[:-1]], strict=True):
        if before >= 0 and tracks[before] == tracks[row]:
            edges.add((names[before], names[row]))
        elif parents[row] >= 0:
            edges.add((last[parents[row]][1], names[row]))
    return names, edges


def assert_is_movie(table: TrackTable, cells: Sequence[Cell] = MOVIE, **how: object) -> None:
    """The table has these cells and links, and no others."""
    names, edges = cells_and_edges(table, cells, **how)  # type: ignore[arg-type]
    assert sorted(names) == sorted(cell.name for cell in cells)
    assert edges == true_edges(cells)
