"""Tables of no known tool, whose columns a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import TrackTableError, choices, counted, nearest
from lineage_triplets.engine.settings.track_reading import OUR_COLUMNS
from lineage_triplets.engine.tracks.formats.columns import REQUIRED_COLUMNS
from lineage_triplets.engine.tracks.formats.graph import tracks_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.settings.track_reading import TrackReading
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

_OF_CELLS = ("id", "parent_id", "t", "y", "x")


def folded(name: str) -> str:
    """Name without case and blanks around it; both signs for micro are one."""
    return name.strip().casefold()


def named_columns(reading: TrackReading) -> frozenset[str]:
    """Names, folded, that tables must have for their columns to be found."""
    own = {ours for ours in _required(reading) if ours not in reading.columns}
    return frozenset(folded(theirs) for theirs in (*reading.columns.values(), *own))


def has_named_columns(reading: TrackReading, found: Iterable[str]) -> bool:
    """Say whether a header has all columns that a config names."""
    return named_columns(reading) <= {folded(name) for name in found}


def is_named(source: TrackSource) -> bool:
    """Say whether a table is read by columns that the config names."""
    return source.reading is not None and source.reading.names_columns


def locate_named(source: TrackSource, found: Sequence[str], *, has_rows: bool) -> dict[str, int]:
    """Find the columns that a config names, and others under this program's names.

    Parameters
    ----------
    found : sequence of str
        Column names as the file has them. One written exactly wins over "T" beside "t".
    has_rows : bool
        A file without rows needs no column.

    Raises
    ------
    TrackTableError
        A column is missing, is there twice, or is two of ours.
    """
    reading = _reading(source)
    stripped = [name.strip() for name in found]
    located: dict[str, int] = {}
    faults: list[Problem] = []
    # Those that are named come first: what they take is no longer there under our names.
    for ours in sorted(OUR_COLUMNS, key=lambda name: name not in reading.columns):
        places = _places(stripped, reading.columns.get(ours, ours))
        taken = [name for name, place in located.items() if place in places]
        if ours not in reading.columns and taken:
            continue
        fault = _fault(source, ours, stripped, places, taken) if places or has_rows else None
        if fault is not None:
            faults.append(fault)
        elif places:
            located[ours] = places[0]
    if reading.parent == "node":
        located.pop("parent_track_id", None)
    missing = [
        ours for ours in _required(reading) if ours not in located and ours not in reading.columns
    ]
    if missing and has_rows:
        faults.append(
            source.problem(
                "missing-column",
                f"The table has no column {' and no column '.join(missing)}, and tracks.columns"
                f" names none for {'it' if len(missing) == 1 else 'them'}"
                f"{' (parent: node needs id and parent_id)' * (reading.parent == 'node')}; found:"
                f" {choices(stripped, limit=40)}.",
                f"Say which it is: columns: {{{missing[0]}: …}}.",
                field="tracks.columns",
            )
        )
    if faults:
        raise TrackTableError(*faults)
    return located


def _places(found: Sequence[str], name: str) -> list[int]:
    """Where a column is: the one written exactly, or all in upper or lower case."""
    name = name.strip()
    exact = [place for place, other in enumerate(found) if other == name]
    alike = [place for place, other in enumerate(found) if folded(other) == folded(name)]
    return exact if len(exact) == 1 else alike


def _fault(
    source: TrackSource, ours: str, found: Sequence[str], places: list[int], taken: list[str]
) -> Problem | None:
    """Say what is wrong with where one of our columns is."""
    reading = _reading(source)
    theirs = reading.columns.get(ours, ours)
    field = f"tracks.columns.{ours}" if ours in reading.columns else "tracks.columns"
    if len(places) > 1:
        listed = choices(place + 1 for place in places)
        return source.problem(
            "duplicate-column",
            f"The column {theirs} is there {len(places)} times (columns {listed} of {len(found)}).",
            "Keep one of them.",
            field=field,
        )
    if taken:
        return source.problem(
            "duplicate-column",
            f"{taken[0]} and {ours} are both the table's column {found[places[0]]}.",
            "Give each its own.",
            field=field,
        )
    if not places and ours in reading.columns:
        return source.problem(
            "missing-column",
            f"The table has no column {theirs}, which tracks.columns names for {ours}; found:"
            f" {choices(found, limit=40)}.",
            nearest(theirs, [name for name in found if name]),
            field=field,
        )
    return None


def headings_left_out(source: TrackSource, above: int, below: int) -> tuple[Problem, ...]:
    """Say how many lines around the header were taken for titles, other names and units."""
    if not above and not below:
        return ()
    places = [(above, "above it"), (below, "below it, without any number")]
    words = " and ".join(f"{n} {place}" for n, place in places if n)
    n_lines = above + below
    return (
        source.problem(
            "heading-lines",
            f"{counted(n_lines, 'line')} beside the header ({words}): taken for headings and left"
            " out.",
            "",
            "note",
            count=n_lines,
        ),
    )


def finish_named(source: TrackSource, raw: RawTable) -> RawTable:
    """Rebuild tracks where parents are cells.

    Raises
    ------
    TrackTableError
        As of `tracks_of_cells`.
    """
    if _reading(source).parent == "track":
        return raw
    return tracks_of_cells(source, raw, track="track_id" if "track_id" in raw.columns else None)


def _reading(source: TrackSource) -> TrackReading:
    assert source.reading is not None
    return source.reading


def _required(reading: TrackReading) -> tuple[str, ...]:
    return _OF_CELLS if reading.parent == "node" else REQUIRED_COLUMNS
