"""Decisions to record, and files of them to change by hand."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.record import NewDecision
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run some code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def track(name: object = 7, **parts: Any) -> Target:
    return Target("track", "one", "A/1/0", track=str(name), **parts)


def reject(name: object = 7, **more: Any) -> NewDecision:
    return NewDecision("reject", track(name), **more)


def looked(how: str = "painted") -> NewDecision:
    return NewDecision("seen", Target("experiment", "one"), {"how": how, "n_pairs": 8})


def names(decisions: Any) -> list[str]:
    return [one.target.track for one in decisions]


def change(path: Path, *statements: str) -> None:
    """Change a closed file by hand."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
