"""What can keep decisions from being read or recorded."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import LineageTripletsError, Problem, visible

if TYPE_CHECKING:
    from pathlib import Path

# The second is Python's, where what SQLite says holds bytes of a damaged file.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
ELSEWHERE = "Name another place for the decisions (--decisions), or open the review read-only."


class DecisionsError(LineageTripletsError, OSError):
    """Decisions cannot be read or recorded: the file, its folder, the disk, or another config."""


class ReviewInUseError(LineageTripletsError, RuntimeError):
    """Another reviewer has the decisions, or took them over meanwhile."""

    @property
    def stale(self) -> bool:
        """Whether that reviewer seems to be gone, so that the review may be taken over."""
        return any(problem.kind == "review-stale" for problem in self.problems)


class ReviewOwnerError(LineageTripletsError, RuntimeError):
    """Decisions were used from another thread or process than the one that opened them."""


def decisions_error(kind: str, message: str, remedy: str, path: Path | str) -> DecisionsError:
    """Make an error about one file of decisions."""
    return DecisionsError(Problem(kind, message, remedy, file=str(path)))


def not_ours(path: Path) -> DecisionsError:
    """Make the error for a file that holds something else."""
    return decisions_error(
        "not-decisions",
        "this is not a file of decisions.",
        "Name another place for the decisions (--decisions).",
        path,
    )


def damaged(path: Path, detail: object) -> DecisionsError:
    """Make the error for a file of decisions that cannot be read in full."""
    return decisions_error(
        "decisions-damaged",
        f"the file of decisions is damaged: {detail}.",
        "Restore a copy that you have, or decide in another file (--decisions) and leave this one "
        "where it is; `sqlite3 FILE .recover` may save what is left.",
        path,
    )


def result_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, the low byte of the extended one; 0 if there is none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def of_sqlite(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> DecisionsError:
    """Say what SQLite met, at opening or at writing."""
    if isinstance(error, UnicodeDecodeError):
        return damaged(path, visible(error.object.decode("utf-8", "replace")))
    code = result_code(error)
    if code == sqlite3.SQLITE_NOTADB:
        return not_ours(path)
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged(path, error)
    kind, message, remedy = {
        sqlite3.SQLITE_FULL: ("disk-full", "the disk is full.", "Make room and decide again."),
        sqlite3.SQLITE_READONLY: ("read-only", "you may not write to this file.", ELSEWHERE),
        sqlite3.SQLITE_CANTOPEN: ("read-only", "it cannot be opened.", ELSEWHERE),
        sqlite3.SQLITE_BUSY: ("locked", "another program has locked it.", "Close that program."),
    }.get(
        code,
        (
            "disk-failed",
            f"it could not be read or written: {str(error).rstrip('.')}.",
            "Check that the disk is there and has room, and decide again.",
        ),
    )
    return decisions_error(kind, f"{message} Nothing was recorded.", remedy, path)


def of_system(error: OSError, path: Path) -> DecisionsError:
    """Say what kept a folder from taking a file of ours."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            kind, message = "missing-folder", "there is no such folder"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            kind, message = "read-only", "you may not write in this folder"
        case errno.ENOSPC | errno.EDQUOT:
            kind, message = "disk-full", "the disk is full"
        case _:
            kind, message = "disk-failed", f"decisions cannot be kept here ({error.strerror})"
    return decisions_error(kind, f"{message}, so that nothing can be recorded.", ELSEWHERE, path)
