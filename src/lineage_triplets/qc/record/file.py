"""The SQLite file under the decisions: opened, verified, and written a transaction at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.files import odd_kind
from lineage_triplets.qc.record.errors import (
    SQLITE_ERRORS,
    ReviewOwnerError,
    damaged,
    decisions_error,
    not_ours,
    of_sqlite,
    of_system,
    result_code,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.qc.record.lease import Lease

APPLICATION_ID = int.from_bytes(b"ltqc", "big")
# 2 has audits and places, 3 pairs judged by their cells: a program that knows none cannot read it.
FORMAT = 3
_BUSY_SECONDS = 10.0

_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE event (
    number INTEGER PRIMARY KEY, what TEXT NOT NULL, step INTEGER NOT NULL,
    by TEXT NOT NULL, at TEXT NOT NULL, clock_back INTEGER NOT NULL
);
CREATE TABLE decision (
    number INTEGER PRIMARY KEY, step INTEGER NOT NULL, kind TEXT NOT NULL,
    target TEXT NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, table_hash TEXT NOT NULL
);
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE pixel_result (
    experiment TEXT NOT NULL, fov TEXT NOT NULL, check_name TEXT NOT NULL,
    version INTEGER NOT NULL, data_key TEXT NOT NULL, results TEXT NOT NULL,
    PRIMARY KEY (experiment, fov, check_name)
)
"""


class DecisionFile:
    """An open file of decisions; made by `for_writing` or `in_memory`.

    Parameters
    ----------
    connection : sqlite3.Connection
    path : Path
        The file that it is, or was read from.
    lease : Lease, optional
        What allows to write to the file; without one, `connection` is in memory.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, lease: Lease | None = None
    ) -> None:
        self.path = path
        self.closed = False
        self._connection = connection
        self._lease = lease
        self._owner = (os.getpid(), threading.get_ident())
        self._finalizer = weakref.finalize(self, _shut, connection, lease, os.getpid())
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @classmethod
    def for_writing(cls, path: Path, lease: Lease) -> DecisionFile:
        """Open or create the file, which then holds `lease` until it is closed.

        Raises
        ------
        DecisionsError
            It is no file of decisions, damaged, of a newer version, or cannot be written.
        """
        _refuse_odd(path)
        try:
            connection = _connect(str(path))
        except SQLITE_ERRORS as error:
            raise of_sqlite(error, path) from error
        return cls(connection, path, lease)

    @classmethod
    def in_memory(cls, path: Path) -> DecisionFile:
        """Read the file as it is now into memory; empty where there is none.

        Raises
        ------
        DecisionsError
            As `for_writing`, or it cannot be read.
        """
        _refuse_odd(path)
        connection = _connect(":memory:")
        try:
            if _size(path):
                _copy(path, connection)
        except SQLITE_ERRORS as error:
            connection.close()
            raise of_sqlite(error, path) from error
        return cls(connection, path)

    def _prepare(self) -> None:
        """Verify what is there before anything is written to it; make the tables if it is new."""
        execute = self._connection.execute
        try:
            application = self._pragma("application_id")
            tables = execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            is_new = application == 0 and tables == 0
            if not is_new:
                self._keep_before(self._verify(application))
            elif _size(self.path) and not _journal_of(self.path).exists():
                # SQLite takes a few bytes of anything for an empty database.
                raise not_ours(self.path)
            execute("PRAGMA journal_mode = DELETE")
            execute("PRAGMA synchronous = EXTRA")
            execute("BEGIN IMMEDIATE")
            if is_new:
                for table in _TABLES.split(";"):
                    execute(table)
                execute(f"PRAGMA application_id = {APPLICATION_ID}")
            # Always written: a file that is read-only is told now, before anything is decided.
            execute(f"PRAGMA user_version = {FORMAT}")
            execute("COMMIT")
            self._identity = None if self._lease is None else self.path.stat()
        except SQLITE_ERRORS as error:
            raise of_sqlite(error, self.path) from error

    def _verify(self, application: int) -> int:
        """Refuse what is not ours, newer or damaged; give the format."""
        if application != APPLICATION_ID:
            raise not_ours(self.path)
        version = self._pragma("user_version")
        if version > FORMAT:
            raise decisions_error(
                "newer-decisions",
                f"these decisions were written by a newer version (format {version}; this one "
                f"reads {FORMAT}).",
                "Update lineage-triplets.",
                self.path,
            )
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise damaged(self.path, found.splitlines()[-1])
        return version

    def _keep_before(self, version: int) -> None:
        """Keep a copy of a file of an older format, beside it, before it is written to."""
        kept = self.path.with_name(f"{self.path.name}.format{version}")
        if self._lease is None or version == FORMAT or kept.exists():
            return
        unfinished = kept.with_name(f"{kept.name}.part")
        try:
            unfinished.unlink(missing_ok=True)
            with contextlib.closing(_connect(str(unfinished))) as copied:
                self._connection.backup(copied)
            unfinished.replace(kept)
        except OSError as error:
            raise of_system(error, kept) from error

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Give the rows of a query.

        Raises
        ------
        DecisionsError
            The file cannot be read, or was closed.
        ReviewOwnerError
            Another thread or process asks.
        """
        self._refuse_others()
        try:
            return self._connection.execute(sql, values).fetchall()
        except SQLITE_ERRORS as error:
            raise of_sqlite(error, self.path) from error

    def read_together(self, *queries: str) -> list[list[tuple[Any, ...]]]:
        """Give the rows of several queries as one moment has them, whoever writes meanwhile.

        Raises
        ------
        DecisionsError, ReviewOwnerError
            As `read`.
        """
        self._refuse_others()
        if self._connection.in_transaction:
            return [self.read(query) for query in queries]
        self.read("BEGIN")
        try:
            return [self.read(query) for query in queries]
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction, which is on disk once the block has ended without an error.

        Raises
        ------
        DecisionsError
            Nothing was written: the disk is full, the file is gone or was closed.
        ReviewInUseError
            Nothing was written: the lease is lost.
        ReviewOwnerError
            Another thread or process asks.
        """
        self._refuse_others()
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            # Under SQLite's own lock: whoever takes over reads the file after this transaction.
            self._refuse_if_lost()
            yield connection
            connection.execute("COMMIT")
        except SQLITE_ERRORS as error:
            raise of_sqlite(error, self.path) from error
        finally:
            # Of a file that was closed meanwhile even to ask is an error, and hides the first.
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _refuse_others(self) -> None:
        if self._owner != (os.getpid(), threading.get_ident()):
            other = "process" if self._owner[0] != os.getpid() else "thread"
            raise ReviewOwnerError(
                Problem(
                    "wrong-thread",
                    f"decisions were used from another {other} than the one that opened them.",
                    "Hand the result back to the thread that opened the review, and decide there.",
                    file=str(self.path),
                )
            )
        if self.closed:
            raise decisions_error("closed", "the review was closed.", "Open it again.", self.path)

    def _refuse_if_lost(self) -> None:
        if self._lease is None or self._identity is None:
            return
        self._lease.check()
        try:
            same = os.path.samestat(self._identity, self.path.stat())
        except OSError:
            same = False
        if not same:
            raise decisions_error(
                "decisions-moved",
                "the file of decisions was moved, removed or replaced while you reviewed. "
                "Nothing was recorded.",
                "Put it back, or open the review anew.",
                self.path,
            )

    def close(self) -> None:
        """Close the file and give the lease back; does nothing the second time."""
        self.closed = True
        self._finalizer()


def _connect(name: str, *, uri: bool = False) -> sqlite3.Connection:
    # Other threads are refused by name; only the garbage collector may close from one.
    return sqlite3.connect(
        name, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=uri
    )


def _shut(connection: sqlite3.Connection, lease: Lease | None, pid: int) -> None:
    # A forked child leaves its parent's file and locks alone.
    if os.getpid() != pid:
        return
    connection.close()
    if lease is not None:
        lease.release()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise of_system(error, path) from error


def _refuse_odd(path: Path) -> None:
    """Refuse what SQLite would wait for, in the place of the file or of its journal."""
    for file in (path, _journal_of(path)):
        kind = odd_kind(file)
        if kind:
            raise decisions_error(
                "not-decisions",
                f"it is {kind}, and no file of decisions.",
                "Remove it, or name another place for the decisions (--decisions).",
                file,
            )


def _journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _copy(path: Path, into: sqlite3.Connection) -> None:
    """Copy a file into memory without changing it."""
    try:
        _back_up(f"{path.as_uri()}?mode=ro", into)
    except sqlite3.OperationalError as error:
        journal = _journal_of(path)
        refused = result_code(error) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
        if not (refused and journal.exists()):
            raise
        # A writer died in a transaction, which can only be rolled back where one may write.
        with tempfile.TemporaryDirectory() as folder:
            copied = Path(folder) / path.name
            shutil.copyfile(path, copied)
            shutil.copyfile(journal, copied.with_name(journal.name))
            _back_up(copied.as_uri(), into)


def _back_up(uri: str, into: sqlite3.Connection) -> None:
    with contextlib.closing(_connect(uri, uri=True)) as source:
        # Reading first: a lock that is never released ends in an error, where `backup` waits on.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(into)


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

    def read_together(self, *queries: str) -> list[list[tuple[Any, ...]]]:
        """Give the rows of several queries; raises as `read`."""
        return self._file.read_together(*queries)

    def writing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Write to the copy alone, in one transaction."""
        return self._file.writing()

    def close(self) -> None:
        """Let go of the copy."""
        if self._copy is not None:
            self._copy.close()
