"""Problems of one table, gathered while it is checked: faults to raise together, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats.base import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray
    from lineage_triplets.engine.errors import Problem, Severity
    from lineage_triplets.engine.tracks.formats.base import RawTable, TrackSource

# Of each kind of fault; the rest is counted in one more problem.
FAULTS_LISTED_MAX = 20


class TableReport:
    """Faults, warnings and notes about one table, each placed in its file.

    Attributes
    ----------
    faults : list of Problem
        What leaves the lineages without meaning.
    problems : list of Problem
        What was repaired or left out.
    """

    def __init__(self, source: TrackSource, raw: RawTable) -> None:
        self._source = source
        self._raw = raw
        self.faults: list[Problem] = [p for p in raw.problems if p.severity == "error"]
        self.problems: list[Problem] = [p for p in raw.problems if p.severity != "error"]

    def raise_faults(self) -> None:
        """Raise all faults in one error, if there are any."""
        if self.faults:
            raise TrackTableError(*self.faults)

    def add(
        self,
        kind: str,
        message: str,
        remedy: str = "",
        severity: Severity = "note",
        *,
        at: BoolArray | None = None,
        row: int | None = None,
        count: int = 1,
    ) -> None:
        """Add one problem, placed and counted by a mask of rows, or by one row and a count."""
        if at is not None:
            row, count = int(np.argmax(at)), int(at.sum())
        number = None if row is None else int(self._raw.row[row])
        place = {"line" if self._raw.has_lines else "row": number}
        problem = self._source.problem(kind, message, remedy, severity, count=count, **place)
        (self.faults if severity == "error" else self.problems).append(problem)

    def add_each(
        self,
        kind: str,
        bad: BoolArray,
        describe: Callable[[int], tuple[int, str]],
        remedy: str,
    ) -> None:
        """Add a fault for each of the first bad ones, and one that counts the rest.

        Parameters
        ----------
        bad : ndarray of bool
            Of rows or of tracks.
        describe : callable
            From an index into `bad` to the row to point at, and the message.
        """
        if not bad.any():
            return
        which = np.flatnonzero(bad).tolist()
        for index in which[:FAULTS_LISTED_MAX]:
            row, message = describe(index)
            self.add(kind, message, remedy, "error", row=row)
        more = len(which) - FAULTS_LISTED_MAX
        if more > 0:
            row, message = describe(which[FAULTS_LISTED_MAX])
            message = f"{message} With it, {more} more of this kind are not listed."
            self.add(kind, message, remedy, "error", row=row, count=more)

    def add_values(self, kind: str, column: str, bad: BoolArray, wanted: str) -> None:
        """Add a fault for each bad value of a column."""

        def describe(row: int) -> tuple[int, str]:
            value = shown(self._raw.columns[column], row)
            return row, f"{column} is {value}, which is not {wanted}."

        self.add_each(kind, bad, describe, f"Correct {column} in this row, or remove the row.")

    def place_name(self, row: int) -> str:
        """Return "line 3" or "row 3"."""
        return f"{'line' if self._raw.has_lines else 'row'} {self._raw.row[row]}"
