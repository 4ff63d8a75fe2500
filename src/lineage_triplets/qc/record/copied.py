"""A file of decisions as other threads read it: a copy in memory, made when it is first asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.record.file import DecisionFile

if TYPE_CHECKING:
    import contextlib
    import sqlite3
    from pathlib import Path


class CopiedFile:
    """Stands for a `DecisionFile` in whichever thread first reads from it.

    Parameters
    ----------
    path : Path
        The file that is read then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copy: DecisionFile | None = None

    @property
    def _file(self) -> DecisionFile:
        if self._copy is None:
            self._copy = DecisionFile.in_memory(self.path)
        return self._copy

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Give the rows of a query; raises as `DecisionFile.read`, and where it cannot be read."""
        return self._file.read(sql, *values)

    def writing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Write to the copy alone, in one transaction."""
        return self._file.writing()

    def close(self) -> None:
        """Let go of the copy."""
        if self._copy is not None:
            self._copy.close()
