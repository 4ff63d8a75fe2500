"""Track tables that were read once, and whether they are still what was read."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import (
    LineageTripletsError,
    Problem,
    StoreError,
    TrackTableError,
)
from lineage_triplets.engine.tracks.read import (
    TrackTable,
    digest_table,
    read_track_table,
    table_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lineage_triplets.engine.settings.track_reading import TrackReading

    TableAs = tuple[Path, TrackReading | None]

_Stamp = tuple[tuple[int, int, int], ...]


class TableChangedError(LineageTripletsError, OSError):
    """A track table is not what it was when the review read it."""


class TableMemory:
    """Reads tables as `read_track_table` does, each once, for any thread.

    A table is a path and how it is read: two experiments may read one differently.

    Attributes
    ----------
    go_on : callable or None
        Called before each table that is read; what it raises ends the reading.
    """

    def __init__(self) -> None:
        self.go_on: Callable[[], None] | None = None
        self._tables: dict[TableAs, TrackTable | tuple[Problem, ...]] = {}
        self._stamps: dict[TableAs, _Stamp | None] = {}
        self._lock = threading.Lock()
        self._hashes: dict[TableAs, str] = {}

    def __call__(
        self, path: Path, /, *, experiment: str, fov: str, reading: TrackReading | None = None
    ) -> TrackTable:
        """Give the table; raises what reading it raised."""
        table = (path, reading)
        if table not in self._tables:
            if self.go_on is not None:
                self.go_on()
            stamp = _stamp(table)
            read: TrackTable | tuple[Problem, ...]
            try:
                read = read_track_table(path, experiment=experiment, fov=fov, reading=reading)
            except (TrackTableError, StoreError) as error:
                read = error.problems
            # Of two threads that read it, the first one's table counts, with its stamp.
            with self._lock:
                if table not in self._tables:
                    self._stamps[table] = stamp
                    self._tables[table] = read
        found = self._tables[table]
        if isinstance(found, TrackTable):
            return found
        raise TrackTableError(*found)

    def hash_of(self, table: TableAs) -> str:
        """Hash of the bytes that were read; empty for a table that cannot be read.

        Raises
        ------
        TableChangedError
            The file changed since it was read.
        """
        if table not in self._hashes:
            digest = _digest(table)
            self.require_unchanged([table])
            self._hashes[table] = digest
        return self._hashes[table]

    def changed(self, tables: Iterable[TableAs]) -> list[Path]:
        """Those among the tables read whose file changed since, or is gone."""
        return [table[0] for table in tables if table in self._stamps and self._is_other(table)]

    def require_unchanged(self, tables: Iterable[TableAs]) -> None:
        """Raise `TableChangedError` for tables that changed since they were read."""
        changed = self.changed(tables)
        if changed:
            raise TableChangedError(
                *(
                    Problem(
                        "table-changed",
                        "the table changed since the review read it."
                        if path.exists()
                        else "the table is gone since the review read it.",
                        "Nothing was decided. Reload the review: decisions about this table are "
                        "then shown as stale until they are confirmed.",
                        file=str(path),
                    )
                    for path in changed
                )
            )

    def _is_other(self, table: TableAs) -> bool:
        before = self._stamps[table]
        # A table that is one file is what it was if that file is: its content need not be told.
        if before is not None and _stamp(table, (table[0],)) == before:
            return False
        now = _stamp(table)
        if now == before:
            return False
        known = self._hashes.get(table)
        if known is not None and now is not None and _digest(table) == known:
            self._stamps[table] = now
            return False
        return True


def _stamp(table: TableAs, files: tuple[Path, ...] | None = None) -> _Stamp | None:
    """Times, sizes and numbers of all files that a table is made of; None if one is gone."""
    try:
        found = [file.stat() for file in files or table_files(*table)]
    except OSError:
        return None
    return tuple((status.st_mtime_ns, status.st_size, status.st_ino) for status in found)


def _digest(table: TableAs) -> str:
    try:
        return digest_table(*table)[:16]
    except OSError:
        return ""
