"""The record of decisions: what is acknowledged stays, in order, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.trouble.power import try_all
from benchmarks.trouble.recorded_writes import library
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from decision_files import EVERY_KIND, NOON, looked, names, reject, run, track
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc.record import (
    DECISION_KINDS,
    Decision,
    DecisionLog,
    NewDecision,
)
from lineage_triplets.qc.record.decision import Target
from systems import needs_posix

ROOT = Path(__file__).parents[3]


def tried(part: str, folder: Path, *options: object) -> dict[str, Any]:
    """Run a part of the soak, which stops at the first thing that is lost; gives what it saw."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.trouble.{part}", str(folder), *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])["result"]


class TestRecording:
    def test_who_when_why_and_in_which_order(self, open_log):
        log = open_log(clock=lambda: NOON)
        first = log.record(reject(1, reason="drifts", table_hash="ab"), reject(2))
        second = log.record(
            NewDecision("disapprove", Target("experiment", "two"), {"names": ["BF"]})
        )
        assert first[0] == Decision(
            "reject", track(1), {}, "drifts", "ab",
            number=1, group=1, by="anna", at="2026-11-23T12:00:00Z",
        )  # fmt: skip
        assert [(one.number, one.group) for one in first + second] == [(1, 1), (2, 1), (3, 2)]
        assert log.active == first + second
        assert second[0].value == {"names": ["BF"]}

    def test_a_restart_finds_what_was_there(self, path, open_log):
        log = open_log()
        log.record(reject(1), reject(2))
        log.record(reject(3, reason="why"))
        log.record(reject(4))
        log.undo()
        before = (log.active, log.history())
        log.close()
        assert sorted(one.name for one in path.parent.iterdir()) == [path.name]
        again = open_log(by="bertha")
        assert (again.active, again.history()) == before
        assert (again.can_undo, again.can_redo) == (True, True)
        assert names(again.redo()) == ["4"]
        assert again.history()[-1].by == "bertha"
        assert again.active[-1].by == "anna"

    def test_nothing_is_no_step(self, open_log):
        log = open_log()
        assert log.record() == ()
        assert (log.undo(), log.redo(), log.history()) == ((), (), [])
        assert not log.can_undo

    def test_every_kind(self, open_log):
        assert [new.kind for new in EVERY_KIND] == list(DECISION_KINDS)
        log = open_log()
        made = log.record(*EVERY_KIND)
        log.close()
        assert open_log().active == made

    @pytest.mark.parametrize("new", EVERY_KIND, ids=DECISION_KINDS)
    def test_what_could_not_be_read_back_is_not_recorded(self, open_log, new):
        log = open_log()
        odd = {key: {**new.value, key: object} for key in new.value}
        odd |= {key: {**new.value, key: [None]} for key in new.value}
        for value in odd.values():
            with pytest.raises(ConfigError, match="cannot be"):
                log.record(replace(new, value=value))
        assert log.active == ()

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(ConfigError, match=r"no decision 'rejct'.*Did you mean 'reject'"):
            NewDecision("rejct", track())

    @pytest.mark.parametrize(
        "target",
        [
            Target("experiment", "Versuch µ 细胞"),
            Target("well", "one", "A/1"),
            Target("fov", "one", "A/1/0"),
            Target("frame", "one", "A/1/0", t=0),
            Target("lineage", "one", "A/1/0", track="3"),
            track("12@40"),
            Target("observation", "one", "A/1/0", track="3", t=2),
            Target("link", "one", "A/1/0", track="3", daughter=0),
            Target("link", "one", "A/1/0", track="3", t=5),
            Target("finding", key="jump:one:A/1/0:3:t5:'\";--\U0001f9eb\ud800"),
            Target("frame", "one", "A/1/0", t=np.int64(4)),  # type: ignore[arg-type]
        ],
    )
    def test_a_target_comes_back_as_it_was(self, open_log, target):
        log = open_log()
        made = log.record(NewDecision("undecided", target, reason="größer\nals 'µ'\x00\U0001f9eb"))
        log.close()
        back = open_log().active
        assert back == made
        assert back[0].target == target
        assert hash(back[0]) == hash(made[0])
        assert type(back[0].target.t) in (int, type(None))
        assert back[0].reason == "größer\nals 'µ'\x00\U0001f9eb"

    def test_a_value_is_at_once_what_a_restart_gives(self, open_log):
        log = open_log()
        value = {"n": np.int64(3), "share": np.float32(0.5), "list": (1, 2), "array": np.arange(2)}
        made = log.record(reject(value=value, reason="half \ud800"))
        assert made[0].value == {"n": 3, "share": 0.5, "list": [1, 2], "array": [0, 1]}
        log.close()
        assert open_log().active == made

    def test_a_value_that_is_no_json_records_nothing(self, open_log):
        log = open_log()
        with pytest.raises(ConfigError, match=r"cannot be kept: object .*Give texts, numbers"):
            log.record(reject(1), reject(2, value={"a": object()}))
        assert log.active == ()
        assert log.record(reject(3))[0].number == 1

    def test_the_login_name_is_who_decides_unless_said(self, open_log, monkeypatch):
        monkeypatch.setenv("LOGNAME", "carla")
        assert open_log(by=None).record(reject())[0].by == "carla"

    @needs_posix
    def test_somebody_without_a_name(self, open_log, monkeypatch):
        def nobody() -> str:
            raise KeyError("uid not found")

        monkeypatch.setattr("getpass.getuser", nobody)
        assert open_log(by=None).by == f"user {os.getuid()}"


class TestUndo:
    def test_a_group_is_undone_and_redone_together(self, open_log):
        log = open_log()
        log.record(reject(1))
        made = log.record(reject(2), reject(3))
        undone = log.undo()
        assert [one.state for one in undone] == ["undone", "undone"]
        assert (names(undone), names(log.active)) == (["2", "3"], ["1"])
        assert log.redo() == made
        assert names(log.active) == ["1", "2", "3"]
        assert log.redo() == ()

    def test_a_new_decision_ends_what_could_be_redone(self, open_log):
        log = open_log()
        log.record(reject(1))
        log.record(reject(2))
        log.undo()
        log.undo()
        log.record(reject(3))
        assert not log.can_redo
        assert log.redo() == ()
        log.close()
        log = open_log()
        assert not log.can_redo
        assert names(log.active) == ["3"]
        assert [(one.number, one.what, one.decision.target.track, one.decision.state)
                for one in log.history()] == [
            (1, "decided", "1", "undone"),
            (2, "decided", "2", "undone"),
            (3, "undone", "2", "undone"),
            (4, "undone", "1", "undone"),
            (5, "decided", "3", "active"),
        ]  # fmt: skip

    def test_what_was_recorded_by_itself_is_no_step(self, open_log):
        log = open_log()
        assert log.record(looked()) and not log.can_undo
        assert log.undo() == ()
        log.record(reject(1))
        log.record(looked())
        assert log.can_undo
        assert names(log.undo()) == ["1"]
        # Pairs come on screen while somebody thinks about it.
        log.record(looked())
        log.close()
        log = open_log()
        assert log.can_redo
        assert names(log.redo()) == ["1"]
        assert [one.kind for one in log.active] == ["seen", "reject", "seen", "seen"]
        assert [one.number for one in log.active] == [1, 2, 3, 4]

    def test_what_somebody_says_to_have_seen_is_a_step(self, open_log):
        log = open_log()
        log.record(looked("attested"))
        assert [one.kind for one in log.undo()] == ["seen"]

    def test_order_is_by_number_when_the_clock_goes_backwards(self, open_log):
        times = iter(NOON + timedelta(hours=hours) for hours in (0, -2, -1, -1, 3))
        log = open_log(clock=lambda: NOON)
        log.close()
        log._clock = lambda: next(times)
        log = open_log()
        log._clock = lambda: next(times)
        for name in range(3):
            log.record(reject(name))
        log.undo()
        log.redo()
        log.close()
        log = open_log()
        assert names(log.active) == ["0", "1", "2"]
        assert [(one.at[11:13], one.clock_back) for one in log.history()] == [
            ("12", False), ("10", True), ("11", False), ("11", False), ("15", False),
        ]  # fmt: skip


class LogMachine(RuleBasedStateMachine):
    """A log against lists: groups done, groups undone, and everything that happened."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "a.review.db"
        self.done: list[tuple[int, list[str]]] = []
        self.undone: list[tuple[int, list[str]]] = []
        self.happened: list[tuple[str, str]] = []
        self.groups = 0
        self.by_itself: set[int] = set()
        self.log = self.opened()

    def opened(self) -> DecisionLog:
        return DecisionLog.open(self.path, experiments=["one"], by="anna")

    def steps(self) -> list[tuple[int, list[str]]]:
        """What undo takes back, the last at the end."""
        return [one for one in self.done if one[0] not in self.by_itself]

    @rule(tracks=st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=3))
    def record(self, tracks: list[str]) -> None:
        made = self.log.record(*(reject(one) for one in tracks))
        self.groups += 1
        assert {one.group for one in made} == {self.groups}
        self.done.append((self.groups, names(made)))
        self.undone.clear()
        self.happened += [("decided", one) for one in names(made)]

    @rule()
    def look(self) -> None:
        made = self.log.record(looked())
        self.groups += 1
        self.done.append((self.groups, names(made)))
        self.by_itself.add(self.groups)
        self.happened += [("decided", one) for one in names(made)]

    @rule()
    def undo(self) -> None:
        steps = self.steps()
        expected = steps[-1] if steps else (0, [])
        if steps:
            self.done.remove(expected)
        assert names(self.log.undo()) == expected[1]
        if expected[1]:
            self.undone.append(expected)
        self.happened += [("undone", one) for one in expected[1]]

    @rule()
    def redo(self) -> None:
        expected = self.undone.pop() if self.undone else (0, [])
        assert names(self.log.redo()) == expected[1]
        if expected[1]:
            self.done = sorted([*self.done, expected])
        self.happened += [("redone", one) for one in expected[1]]

    @precondition(lambda self: self.groups)
    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.log = self.opened()

    @rule()
    def read(self) -> None:
        with DecisionLog.open(self.path, experiments=["one"], read_only=True) as reader:
            assert reader.active == self.log.active
            assert reader.history() == self.log.history()

    @invariant()
    def it_is_what_the_lists_say(self) -> None:
        active = [(one.group, one.target.track) for one in self.log.active]
        assert active == [(group, one) for group, tracks in self.done for one in tracks]
        history = self.log.history()
        assert [(one.what, one.decision.target.track) for one in history] == self.happened
        assert (self.log.can_undo, self.log.can_redo) == (bool(self.steps()), bool(self.undone))
        assert [one.number for one in self.log.active] == sorted(
            one.number for one in self.log.active
        )

    def teardown(self) -> None:
        self.log.close()
        shutil.rmtree(self.folder)


TestLogMachine = LogMachine.TestCase
TestLogMachine.settings = settings(
    max_examples=20, stateful_step_count=20, suppress_health_check=list(HealthCheck)
)


class TestKilled:
    @needs_posix
    def test_every_acknowledged_decision_is_there(self, tmp_path):
        seen = tried("kills", tmp_path, "--kills", 60)
        assert (seen["kills"], seen["older_files"]) == (60, 3)
        assert seen["acknowledged"] > 300

    @needs_posix
    def test_of_two_at_once_one_has_it(self, tmp_path):
        seen = tried("races", tmp_path, "--races", 15)
        assert seen["acknowledged"] > 30
        assert (seen["both_let_in"], seen["alarms"]) == (0, [])

    @pytest.mark.skipif(library() is None, reason="Python's SQLite is no shared library")
    def test_wherever_a_write_ends_all_that_was_acknowledged_is_there(self, tmp_path):
        seen = try_all(tmp_path, n_steps=4, seed=1)
        assert seen["states"] > 100
        assert 0 < seen["step_under_way_is_there"] < seen["states"]

    def test_a_reader_rolls_back_elsewhere_what_was_cut_short(self, path, open_log, tmp_path):
        log = open_log()
        log.record(reject(1))
        log.close()
        code = """
            import os, sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM decision")
            connection.execute("DELETE FROM event")
            for k in range(200):
                connection.execute("INSERT INTO note VALUES (?, ?)", [str(k), "x" * 5000])
            os._exit(0)
        """
        assert run(code, path).returncode == 0
        left = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
        assert set(left) == {path.name, f"{path.name}-journal"}
        assert len(left[path.name]) > 100_000
        reader = open_log(read_only=True)
        assert names(reader.active) == ["1"]
        assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == left
        assert names(open_log().active) == ["1"]

    def test_importing_it_is_light(self):
        code = """
            import sys
            import lineage_triplets.qc.record
            heavy = {"torch", "pandas", "numpy", "tensorstore", "pydantic"}
            print(*sorted(heavy & set(sys.modules)))
        """
        assert run(code).stdout == "\n"
