"""Odd values in the file of decisions and in its lock are sentences, and no tracebacks."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from decision_files import EVERY_KIND
from lineage_triplets.qc.record.decision import DECISION_KINDS, NewDecision, Target
from lineage_triplets.qc.record.errors import DecisionsError, ReviewInUseError
from lineage_triplets.qc.record.lease import Holder
from lineage_triplets.qc.record.log import DecisionLog

if TYPE_CHECKING:
    from pathlib import Path

TRACK = {"level": "track", "experiment": "e", "fov": "A/1/0", "track": "5"}
DEEP = "[" * 5000 + "]" * 5000
ODD = [
    ("event", "what", "said"),
    ("event", "by", b"\xff"),
    ("event", "at", b"x"),
    ("event", "step", "one"),
    ("event", "clock_back", "no"),
    ("decision", "kind", "agree"),
    ("decision", "kind", b"reject"),
    ("decision", "reason", b"\xff"),
    ("decision", "value", "[]"),
    ("decision", "value", DEEP),
    ("decision", "value", b"{}"),
    *(
        ("decision", "value", json.dumps({key: value}))
        for key, value in {
            "source_channel": None, "channel_names": ["a", 3], "zarr_index": -1, "n_pairs": "2",
            "decision": 2**70, "verdict": ["same"], "n": True,
        }.items()
    ),
    ("decision", "target", "7"),
    ("decision", "target", "{"),
    *(
        ("decision", "target", json.dumps(TRACK | {key: value}))
        for key, value in {
            "track": 5, "fov": 3, "t": 1.5, "daughter": 2**70, "level": [],
        }.items()
    ),
    ("about", "value", "{}"),
    ("about", "value", "[1]"),
    ("about", "value", DEEP),
]  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> bytes:
    file = tmp_path_factory.mktemp("written") / "d.db"
    with DecisionLog.open(file, experiments=["e"]) as log:
        log.record(NewDecision("reject", Target(**TRACK), {}, "blurred"))
        log.set_note("n", {"a": 1})
    return file.read_bytes()


@pytest.mark.parametrize(("table", "column", "value"), ODD)
def test_an_odd_value_is_told(tmp_path, written, table, column, value):
    file = tmp_path / "d.db"
    file.write_bytes(written)
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute(f"UPDATE {table} SET {column} = ?", [value])
    with pytest.raises(DecisionsError, match="the file of decisions is damaged") as caught:
        DecisionLog.open(file, experiments=["e"], read_only=True)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("new", EVERY_KIND, ids=DECISION_KINDS)
def test_an_odd_key_is_told_with_the_number_of_the_decision(tmp_path, new):
    file = tmp_path / "d.db"
    with DecisionLog.open(file, experiments=["one"]) as log:
        log.record(new)
    whole = {"value": dict(new.value), "target": new.target.as_dict()}
    odd: list[Any] = [None, {}, "odd\x1b[2J", 2**70, 1.5, [None]]
    told = 0
    with closing(sqlite3.connect(file)) as opened:
        for column, values in whole.items():
            changed = [{name: values[name] for name in values if name != key} for key in values]
            changed += [{**values, key: value} for key in values for value in odd]
            for content in changed:
                with opened:
                    opened.execute(f"UPDATE decision SET {column} = ?", [json.dumps(content)])
                try:
                    with DecisionLog.open(file, experiments=["one"], read_only=True) as log:
                        assert log.history()[0].decision.words
                except DecisionsError as error:
                    assert re.search(
                        r"d\.db: the file of decisions is damaged: .*decision 1\b", str(error)
                    )
                    assert "Restore a copy that you have" in str(error)
                    assert len(str(error)) < 600
                    told += 1
            with opened:
                opened.execute(f"UPDATE decision SET {column} = ?", [json.dumps(values)])
    assert told > 3 * len(whole["target"])


def test_an_odd_note_is_told(tmp_path, written):
    file = tmp_path / "d.db"
    file.write_bytes(written)
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("UPDATE note SET value = ?", [b"\xff"])
    with (
        DecisionLog.open(file, experiments=["e"], read_only=True) as log,
        pytest.raises(DecisionsError, match="damaged"),
    ):
        log.note("n")


def holder(**changes: Any) -> str:
    moment = "2026-11-30T21:00:00Z"
    whole = {"host": "h", "user": "u", "pid": 7, "token": "ab12", "since": moment}
    return json.dumps(whole | {"heartbeat": moment, "process_start": ""} | changes)


@pytest.mark.parametrize(
    "text",
    [
        "", "7", "[]", DEEP, '"x"', "{}", holder(pid="7"), holder(pid=True), holder(pid=-1),
        holder(host=[]), holder(user={}), holder(since=3), holder(heartbeat=5),
        holder(heartbeat="2026-11-30T21:00:00"), holder(token=5.5), holder(token=12),
        holder(token="../x"), holder(process_start=None),
    ],
)  # fmt: skip
def test_an_odd_lock_names_nobody_and_keeps_others_out(tmp_path: Path, text):
    assert Holder.of_text(holder()) is not None
    assert Holder.of_text(text) is None
    (tmp_path / "d.db.lock").write_text(text)
    with pytest.raises(ReviewInUseError, match="somebody; its lock file is empty or damaged"):
        DecisionLog.open(tmp_path / "d.db", experiments=["e"])
