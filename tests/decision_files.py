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


_SLOTS = {"source_channel": ["BF"], "channel_names": ["BF"]}
_SHOWN = {"source_channel": ["BF"], "track_transform": {}}
_SEEN = {
    "how": "attested",
    "n_pairs": 8,
    "tau_range_hours": [0.5, 2],
    "positive_relation": "lineage",
    "source_channel": ["BF"],
    "track_transform": {},
}
_EXPERIMENT = Target("experiment", "one")
_JOIN = Target("join", "one", "A/1/0", track="3", t=4, daughter=5, to_t=6)
EVERY_KIND: tuple[NewDecision, ...] = (
    NewDecision("accept", Target("fov", "one", "A/1/0")),
    NewDecision("reject", track(), {"from": "config"}),
    NewDecision("undecided", track()),
    NewDecision("cut", Target("link", "one", "A/1/0", track="3", daughter=5)),
    NewDecision("link", _JOIN),
    NewDecision("unlink", _JOIN),
    NewDecision("keep", _JOIN),
    NewDecision("waive", Target("finding", key="jump:one"), {"experiment": "one", "fov": "A/1/0"}),
    NewDecision("unwaive", Target("finding", key="jump:one")),
    NewDecision("remap", _EXPERIMENT, _SLOTS),
    NewDecision("place", _EXPERIMENT, {"first_frame": 1, "scale": [1.0, 2.0, 2.0]}),
    NewDecision(
        "approve", _EXPERIMENT, {**_SLOTS, "zarr_index": [0], "slot_labels": ["x"], "images": "a"}
    ),
    NewDecision("disapprove", _EXPERIMENT),
    NewDecision(
        "seen",
        _EXPERIMENT,
        _SEEN,
    ),
    NewDecision(
        "audit_plan",
        _EXPERIMENT,
        {"n": 59, "population": "a", "parts": {"cells": "b"}, "images": "c"},
    ),
    NewDecision(
        "audit",
        _EXPERIMENT,
        {
            "population": "a",
            "queue": "sample",
            "n": 59,
            "number": 3,
            "times": 1,
            "verdict": "same",
            "across": False,
            "anchor": ["one_A/1/0_3", 4],
            "positive": ["one_A/1/0_3", 5],
            "shown": _SHOWN,
        },
    ),
    NewDecision(
        "judge",
        Target("pair", "one", "A/1/0", track="3", t=4, daughter=3, to_t=5),
        {"verdict": "wrong", "relation": "same track", "across": False, "shown": _SHOWN},
    ),
    NewDecision("confirm", track(), {"decision": 1, "table_hash": "ab"}),
    NewDecision("withdraw", track(), {"decision": 1}),
)
"""One of each kind, with all that it may say."""


def looked(how: str = "painted") -> NewDecision:
    return NewDecision("seen", Target("experiment", "one"), {**_SEEN, "how": how})


def names(decisions: Any) -> list[str]:
    return [one.target.track for one in decisions]


def change(path: Path, *statements: str) -> None:
    """Change a closed file by hand."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
