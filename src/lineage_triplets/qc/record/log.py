"""The record of a review: who accepted, rejected, cut, waived or approved what, when, and why.

An append-only log in SQLite. What is acknowledged is on disk; undo and redo are entries like any
other, so that they survive a restart and nothing ever leaves the history.
"""

from __future__ import annotations

import copy
import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from lineage_triplets.engine.errors import ConfigError, Problem, choices, shown
from lineage_triplets.qc.record.decision import (
    Decision,
    HistoryEntry,
    NewDecision,
    What,
    as_json_has_it,
    row_of,
    storable,
    to_json,
)
from lineage_triplets.qc.record.errors import damaged, decisions_error
from lineage_triplets.qc.record.file import CopiedFile, DecisionFile
from lineage_triplets.qc.record.lease import Lease, time_stamp, utc_now
from lineage_triplets.qc.record.ledger import Ledger
from lineage_triplets.qc.record.rows import Event, read_json
from lineage_triplets.qc.record.values import require_values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType


class DecisionLog:
    """Decisions about one config, each on disk before it is acknowledged; made by `open`.

    It belongs to the thread that opened it.
    """

    _file: DecisionFile | CopiedFile

    def __init__(
        self, file: DecisionFile, *, by: str, read_only: bool, clock: Callable[[], datetime]
    ) -> None:
        self.by = by
        self.read_only = read_only
        self._file = file
        self._clock = clock
        self._ledger = self._read_ledger()

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        experiments: Sequence[str],
        by: str | None = None,
        read_only: bool = False,
        take_over: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> DecisionLog:
        """Open or create a file of decisions.

        Parameters
        ----------
        path : path
        experiments : sequence of str
            Names of the config's experiments.
        by : str, optional
            Who decides; the login name by default.
        read_only : bool
            Read the file as it is now, and write nothing beside it. Notes and results are held
            in memory. Where there is no file, nothing was decided.
        take_over : bool
            Take the review over from somebody who seems to be gone.
        clock : callable

        Raises
        ------
        DecisionsError
            It is no file of decisions, damaged, of a newer version, of another config, or in a
            folder that may not be written to.
        ReviewInUseError
            Another reviewer has it open, or did not end the review.
        """
        # One lease a file, whatever links lead to it.
        real = Path(os.path.realpath(Path(path).expanduser()))
        by = storable(by or _login_name())
        if read_only:
            file = DecisionFile.in_memory(real)
        else:
            lease = Lease.acquire(
                real.with_name(f"{real.name}.lock"), user=by, take_over=take_over, clock=clock
            )
            try:
                file = DecisionFile.for_writing(real, lease)
            except BaseException:
                lease.release()
                raise
        try:
            log = cls(file, by=by, read_only=read_only, clock=clock)
            log._adopt(experiments)
        except BaseException:
            file.close()
            raise
        return log

    def _adopt(self, experiments: Sequence[str]) -> None:
        """Make sure that the file is about these experiments, and note new ones."""
        rows = self._file.read("SELECT value FROM about WHERE key = 'experiments'")
        known = self._kept(rows) if rows else []
        if not isinstance(known, list) or not all(isinstance(name, str) for name in known):
            raise damaged(self.path, f"its experiments are {shown(known)}")
        if known and experiments and not set(known) & set(experiments):
            raise decisions_error(
                "other-config",
                f"these decisions are about other experiments ({choices(known)}) than the config "
                f"({choices(experiments)}).",
                "Open the config that they were made for, or name another place for the decisions "
                "(--decisions).",
                self.path,
            )
        new = [name for name in dict.fromkeys(experiments) if name not in known]
        if new:
            with self._file.writing() as connection:
                connection.execute(
                    "REPLACE INTO about VALUES ('experiments', ?)", [to_json(known + new)]
                )

    def _read_ledger(self) -> Ledger:
        # In one: a reviewer who is being taken over may still commit between two reads.
        events, decisions = self._file.read_together(
            "SELECT number, what, step, by, at, clock_back FROM event",
            "SELECT number, step, kind, target, value, reason, table_hash FROM decision",
        )
        try:
            return Ledger.of_rows(events, decisions)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise damaged(self.path, error) from error

    @property
    def path(self) -> Path:
        """The file of decisions."""
        return self._file.path

    @property
    def ledger(self) -> Ledger:
        """All that was recorded so far, as a value."""
        return self._ledger

    @property
    def active(self) -> tuple[Decision, ...]:
        """The decisions that were not undone, in order."""
        return self._ledger.active

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._ledger.to_undo is not None and not self.read_only

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self._ledger.to_redo is not None and not self.read_only

    def record(self, *new: NewDecision) -> tuple[Decision, ...]:
        """Record decisions as one step of undo; once this returns, they are on disk.

        Raises
        ------
        ConfigError
            A value cannot be written as JSON, or is not what the kind of decision needs.
        DecisionsError, ReviewInUseError, ReviewOwnerError
            Nothing was recorded: read-only, closed, disk full, file gone; taken over by another
            reviewer; called from another thread.
        """
        self._refuse_read_only()
        plain = [_readable(said) for said in new]
        if not plain:
            return ()
        with self._file.writing() as connection:
            self._catch_up()
            group = next(reversed(self._ledger.groups), 0) + 1
            event = self._insert(connection, "decided", group)
            made = [
                Decision(
                    said.kind, said.target, said.value, said.reason, said.table_hash,
                    number=number, group=event.group, by=event.by, at=event.at,
                )
                for number, said in enumerate(plain, self._ledger.last_decision + 1)
            ]  # fmt: skip
            connection.executemany(
                "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?)", map(row_of, made)
            )
        self._ledger = self._ledger.follow(event, made)
        return tuple(made)

    def undo(self) -> tuple[Decision, ...]:
        """Undo what was decided last; returns it, and nothing if there is nothing to undo.

        What is recorded by itself (`NewDecision.is_deliberate`) is passed over.

        Raises
        ------
        DecisionsError, ReviewInUseError, ReviewOwnerError
            As `record`.
        """
        return self._step("undone")

    def redo(self) -> tuple[Decision, ...]:
        """Redo what was undone last, unless something was decided since; returns it.

        Raises
        ------
        DecisionsError, ReviewInUseError, ReviewOwnerError
            As `record`.
        """
        return self._step("redone")

    def _step(self, what: Literal["undone", "redone"]) -> tuple[Decision, ...]:
        self._refuse_read_only()
        with self._file.writing() as connection:
            self._catch_up()
            group = self._ledger.to_undo if what == "undone" else self._ledger.to_redo
            if group is None:
                return ()
            event = self._insert(connection, what, group)
        self._ledger = self._ledger.follow(event)
        return self._ledger.of_group(event.group)

    def _catch_up(self) -> None:
        """Read again what an interrupt between commit and acknowledgement left unseen."""
        last = self._file.read("SELECT max(number) FROM event")[0][0] or 0
        if last != len(self._ledger.events):
            self._ledger = self._read_ledger()

    def _insert(self, connection: sqlite3.Connection, what: What, group: int) -> Event:
        events = self._ledger.events
        at = time_stamp(self._clock())
        back = bool(events) and at < events[-1].at
        event = Event(len(events) + 1, what, group, self.by, at, int(back))
        connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", event)
        return event

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise decisions_error(
                "read-only",
                "the review is open read-only. Nothing was recorded.",
                "Open it for writing, or name another place for the decisions (--decisions).",
                self.path,
            )

    def history(self) -> list[HistoryEntry]:
        """Everything that happened, in order; by number, whatever the clock said."""
        return self._ledger.history()

    def note(self, key: str) -> Any | None:
        """Give what was noted under a key; None if nothing was."""
        rows = self._file.read("SELECT value FROM note WHERE key = ?", key)
        return self._kept(rows) if rows else None

    def _kept(self, rows: Sequence[tuple[Any, ...]]) -> Any:
        try:
            return read_json(rows[0][0])
        except ValueError as error:
            raise damaged(self.path, error) from None

    def set_note(self, key: str, value: Any) -> None:
        """Keep something beside the decisions, as JSON has it; no part of undo and history."""
        text = to_json(value)
        with self._file.writing() as connection:
            connection.execute("REPLACE INTO note VALUES (?, ?)", [key, text])

    def kept_result(
        self, experiment: str, fov: str, check: str, version: int, data_key: str
    ) -> list[dict[str, Any]] | None:
        """Give what a pixel check found in a FOV; None if it was other data or another version."""
        rows = self._file.read(
            "SELECT results FROM pixel_result WHERE experiment = ? AND fov = ? AND check_name = ?"
            " AND version = ? AND data_key = ?",
            *(experiment, fov, check, version, data_key),
        )
        kept = self._kept(rows) if rows else None
        return kept if isinstance(kept, list) else None

    def keep_result(
        self,
        experiment: str,
        fov: str,
        check: str,
        version: int,
        data_key: str,
        results: Sequence[Mapping[str, Any]],
    ) -> None:
        """Keep what a pixel check found in a FOV, in place of what it found before."""
        text = to_json(list(results))
        with self._file.writing() as connection:
            connection.execute(
                "REPLACE INTO pixel_result VALUES (?, ?, ?, ?, ?, ?)",
                [experiment, fov, check, version, data_key, text],
            )

    def snapshot(self) -> DecisionLog:
        """Give what is recorded now, for another thread to read; nothing can be recorded there."""
        twin: DecisionLog = copy.copy(self)
        twin.read_only = True
        twin._file = CopiedFile(self.path)
        return twin

    def close(self) -> None:
        """Close the file, so that others may review; what was decided can still be read here."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _readable(new: NewDecision) -> NewDecision:
    """Give a decision as it will be read back; `ConfigError` if it could not be."""
    plain = as_json_has_it(new)
    try:
        require_values(plain, "the decision")
    except ValueError as error:
        problem = Problem("bad-value", f"this cannot be recorded: {error}.", "Say what it needs.")
        raise ConfigError(problem) from None
    return plain


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
