"""The record of decisions: what is acknowledged stays, in order, whatever happens."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc.record import (
    DECISION_KINDS,
    Decision,
    DecisionLog,
    DecisionsError,
    NewDecision,
    ReviewInUseError,
    ReviewOwnerError,
)
from lineage_triplets.qc.record import file as file_module
from lineage_triplets.qc.record.decision import Target
from lineage_triplets.qc.record.file import FORMAT
from systems import needs_posix, needs_root

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECIDER = Path(__file__).with_name("killed_decider.py")


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


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plates.yml.review.db"


@pytest.fixture
def open_log(path):
    """Open the log of experiments "one" and "two"; all are closed after the test."""
    opened: list[DecisionLog] = []

    def opener(where: Path = path, **options: Any) -> DecisionLog:
        log = DecisionLog.open(where, **{"experiments": ["one", "two"], "by": "anna"} | options)
        opened.append(log)
        return log

    yield opener
    for log in opened:
        log.close()


class TestRecording:
    def test_who_when_why_and_in_which_order(self, open_log):
        log = open_log(clock=lambda: NOON)
        first = log.record(reject(1, reason="drifts", table_hash="ab"), reject(2))
        second = log.record(NewDecision("approve", Target("experiment", "two"), {"names": ["BF"]}))
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

    @pytest.mark.parametrize("kind", DECISION_KINDS)
    def test_every_kind(self, open_log, kind):
        log = open_log()
        log.record(NewDecision(kind, track()))
        log.close()
        assert open_log().active[0].kind == kind

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
        done = subprocess.run(
            [sys.executable, str(DECIDER), str(tmp_path), "240", "1"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen["kills"] == 240
        assert seen["acknowledged"] > 240

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


class TestOthers:
    def test_a_second_reviewer_is_told(self, open_log):
        log = open_log(clock=lambda: NOON)
        log.record(reject())
        with pytest.raises(ReviewInUseError, match=r"anna .*since 2026-11-23T12:00:00Z"):
            open_log(by="bertha", take_over=True)
        assert names(open_log(by="bertha", read_only=True).active) == ["7"]
        log.close()
        assert names(open_log(by="bertha").active) == ["7"]

    def test_by_a_link_it_is_the_same_file(self, path, open_log, tmp_path):
        open_log().record(reject())
        (tmp_path / "folder").mkdir()
        link = tmp_path / "folder" / "link.db"
        link.symlink_to(path)
        with pytest.raises(ReviewInUseError):
            open_log(link)

    @needs_posix
    def test_one_that_was_killed_is_taken_over(self, path, open_log):
        code = """
            import os, signal, sys
            from lineage_triplets.qc.record import DecisionLog, NewDecision
            from lineage_triplets.qc.record.decision import Target
            log = DecisionLog.open(sys.argv[1], experiments=["one"], by="bertha")
            log.record(NewDecision("reject", Target("fov", "one", "A/1/0")))
            os.kill(os.getpid(), signal.SIGKILL)
        """
        run(code, path)
        with pytest.raises(ReviewInUseError, match=r"bertha.*process is gone") as caught:
            open_log()
        assert caught.value.stale
        log = open_log(take_over=True)
        assert (log.active[0].target.fov, log.active[0].by) == ("A/1/0", "bertha")
        assert log.record(reject())[0].number == 2

    def test_whoever_lost_the_lease_records_nothing(self, path, open_log):
        log = open_log()
        log.record(reject(1))
        lock = path.with_name(f"{path.name}.lock")
        ours = json.loads(lock.read_text())
        lock.write_text(json.dumps(ours | {"token": "0", "user": "bertha", "host": "elsewhere"}))
        for attempt in (lambda: log.record(reject(2)), log.undo, lambda: log.set_note("a", 1)):
            with pytest.raises(ReviewInUseError, match="taken over: bertha on elsewhere"):
                attempt()
        assert names(log.active) == ["1"]
        log.close()
        assert json.loads(lock.read_text())["user"] == "bertha"
        reader = open_log(read_only=True)
        assert (names(reader.active), reader.note("a")) == (["1"], None)

    def test_a_file_that_was_moved_away_is_not_written_to(self, path, open_log):
        log = open_log()
        log.record(reject(1))
        moved = path.with_name("moved.db")
        shutil.copyfile(path, moved)
        moved.replace(path)
        with pytest.raises(DecisionsError, match="moved, removed or replaced"):
            log.record(reject(2))
        path.unlink()
        with pytest.raises(DecisionsError, match="moved, removed or replaced"):
            log.record(reject(2))
        assert names(log.active) == ["1"]

    def test_what_an_interrupt_left_unseen_is_read_again(self, open_log):
        log = open_log()
        log.record(reject(1))
        follow = log._ledger.follow

        def interrupted(*_: object) -> None:
            log._ledger.follow = follow
            raise KeyboardInterrupt

        log._ledger.follow = interrupted
        with pytest.raises(KeyboardInterrupt):
            log.record(reject(2))
        assert log.record(reject(3))[0].number == 3
        assert names(log.active) == ["1", "2", "3"]
        log.close()
        assert names(open_log().active) == ["1", "2", "3"]

    def test_a_file_that_another_program_holds(self, path, open_log, monkeypatch):
        monkeypatch.setattr("lineage_triplets.qc.record.file._BUSY_SECONDS", 0)
        log = open_log()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DecisionsError, match="another program has locked it"):
                log.record(reject(1))
            with pytest.raises(DecisionsError, match="another program has locked it"):
                open_log(read_only=True)
        assert names(log.record(reject(2))) == ["2"]

    def test_another_thread_is_refused(self, open_log):
        log = open_log()
        log.record(reject(1))
        said: list[str] = []

        def misuse() -> None:
            for attempt in (lambda: log.record(reject(2)), log.undo, lambda: log.note("a")):
                try:
                    attempt()
                except ReviewOwnerError as error:
                    said.append(str(error))

        thread = threading.Thread(target=misuse)
        thread.start()
        thread.join()
        assert len(said) == 3
        assert "another thread" in said[0]
        assert "Hand the result back" in said[0]
        assert names(log.record(reject(3))) == ["3"]

    @needs_posix
    def test_a_forked_child_is_refused_and_harms_nothing(self, path):
        code = """
            import os, sys, warnings
            from lineage_triplets.qc.record import DecisionLog, NewDecision, ReviewOwnerError
            from lineage_triplets.qc.record.decision import Target
            new = NewDecision("reject", Target("fov", "one", "A/1/0"))
            log = DecisionLog.open(sys.argv[1], experiments=["one"])
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if not child:
                try:
                    log.record(new)
                except ReviewOwnerError as error:
                    log.close()
                    sys.exit(4 if "another process" in str(error) else 5)
                sys.exit(6)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
            print(log.record(new)[0].number)
        """
        done = run(code, path)
        assert done.stdout == "1\n", done.stderr
        assert [one.name for one in path.parent.iterdir()] == [path.name]

    def test_a_forgotten_log_lets_others_in(self, path):
        log = DecisionLog.open(path, experiments=["one"])
        log.record(reject())
        del log
        gc.collect()
        with DecisionLog.open(path, experiments=["one"]) as again:
            assert names(again.active) == ["7"]
        with pytest.raises(DecisionsError, match=r"was closed\. Open it again"):
            again.record(reject())
        assert names(again.active) == ["7"]


class TestReadOnly:
    def test_it_writes_nothing(self, path, open_log):
        log = open_log()
        log.record(reject(1))
        log.record(reject(2))
        log.undo()
        log.close()
        before = path.read_bytes()
        reader = open_log(read_only=True)
        for attempt in (lambda: reader.record(reject(3)), reader.undo, reader.redo):
            with pytest.raises(DecisionsError, match=r"open read-only\. Nothing was recorded"):
                attempt()
        assert (reader.can_undo, reader.can_redo) == (False, False)
        assert names(reader.active) == ["1"]
        reader.set_note("a", 1)
        reader.keep_result("one", "A/1/0", "blank", 1, "k", [])
        assert (reader.note("a"), reader.kept_result("one", "A/1/0", "blank", 1, "k")) == (1, [])
        assert path.read_bytes() == before
        assert [one.name for one in path.parent.iterdir()] == [path.name]

    @pytest.mark.parametrize("name", ["absent.db", "absent/a.db", "file/a.db"])
    def test_without_a_file_nothing_was_decided(self, tmp_path, open_log, name):
        (tmp_path / "file").write_text("")
        reader = open_log(tmp_path / name, read_only=True)
        assert (reader.active, reader.history(), reader.note("a")) == ((), [], None)
        with pytest.raises(DecisionsError, match="read-only"):
            reader.record(reject())
        assert [one.name for one in tmp_path.iterdir()] == ["file"]

    def test_it_is_a_copy_of_what_a_writer_has_done_so_far(self, open_log):
        log = open_log()
        log.record(reject(1))
        reader = open_log(read_only=True)
        log.record(reject(2))
        assert names(reader.active) == ["1"]


class TestTrouble:
    @pytest.mark.parametrize("read_only", [False, True])
    @pytest.mark.parametrize("content", [b"x", b"not a database, but long enough" * 400])
    def test_a_file_of_something_else(self, path, open_log, content, read_only):
        path.write_bytes(content)
        with pytest.raises(DecisionsError, match=r"not a file of decisions\. Name another"):
            open_log(read_only=read_only)
        assert path.read_bytes() == content
        assert [one.name for one in path.parent.iterdir()] == [path.name]

    @pytest.mark.parametrize("read_only", [False, True])
    def test_a_database_of_something_else(self, path, open_log, read_only):
        change(path, "PRAGMA journal_mode = WAL", "CREATE TABLE cells (a)")
        before = path.read_bytes()
        with pytest.raises(DecisionsError, match="not a file of decisions"):
            open_log(read_only=read_only)
        assert path.read_bytes() == before

    def test_an_empty_file_is_a_new_one(self, path, open_log):
        path.touch()
        assert open_log(read_only=True).active == ()
        open_log().record(reject())
        assert len(open_log(read_only=True).active) == 1

    @pytest.mark.parametrize("read_only", [False, True])
    def test_a_newer_version(self, path, open_log, read_only):
        open_log().close()
        change(path, f"PRAGMA user_version = {FORMAT + 1}", "DROP TABLE event")
        before = path.read_bytes()
        says = rf"format {FORMAT + 1}; this one reads {FORMAT}.*Update"
        with pytest.raises(DecisionsError, match=says):
            open_log(read_only=read_only)
        assert path.read_bytes() == before

    def test_the_version_before_audits_opens_with_all_that_was_decided(self, path, open_log):
        log = open_log()
        made = log.record(reject())
        log.close()
        change(path, "PRAGMA user_version = 1")
        assert open_log(read_only=True).active == made
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        log = open_log()
        assert log.active == made
        kept = path.with_name(f"{path.name}.format1")
        assert open_log(kept, read_only=True).active == made
        with contextlib.closing(sqlite3.connect(kept)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        log.record(NewDecision("audit_plan", Target("experiment", "one"), {"n": 59}))
        log.close()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)

    @pytest.mark.parametrize("read_only", [False, True])
    def test_a_damaged_page(self, path, open_log, read_only):
        log = open_log()
        log.record(reject())
        log.set_note("a", "x" * 3000)
        for fov in range(30):
            log.keep_result("one", f"A/{fov}/0", "blank", 1, "k", ["x" * 200])
        log.close()
        content = bytearray(path.read_bytes())
        content[-6000:-4096] = b"\xa5" * 1904
        path.write_bytes(content)
        with pytest.raises(DecisionsError, match=r"damaged: .*Restore a copy.*leave this one"):
            open_log(read_only=read_only)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE decision SET target = '{' WHERE number = 2",
            "UPDATE decision SET target = '{}' WHERE number = 2",
            "UPDATE decision SET kind = 'other' WHERE number = 2",
            "UPDATE decision SET step = 7 WHERE number = 2",
            "DELETE FROM decision WHERE number = 2",
            "DELETE FROM event WHERE number = 1",
            "DELETE FROM event WHERE number = 2",
            "UPDATE event SET number = 5 WHERE number = 2",
            "UPDATE event SET what = 'redone' WHERE number = 2",
            "DROP TABLE decision",
        ],
    )
    def test_rows_that_do_not_fit_together(self, path, open_log, statement):
        log = open_log()
        log.record(reject(1))
        log.record(reject(2))
        log.close()
        change(path, statement)
        with pytest.raises(DecisionsError):
            open_log()
        assert [one.name for one in path.parent.iterdir()] == [path.name]

    def test_whoever_is_taken_over_may_commit_while_the_next_one_reads(
        self, path, open_log, monkeypatch
    ):
        open_log().close()
        connect = file_module._connect

        def interrupted(name: str, **options: Any) -> sqlite3.Connection:
            connection = connect(name, **options)
            connection.set_trace_callback(commit_between)
            return connection

        def commit_between(statement: str) -> None:
            if "FROM decision" not in statement:
                return
            with contextlib.suppress(sqlite3.OperationalError):
                change(
                    path,
                    "PRAGMA busy_timeout = 0",
                    "BEGIN",
                    "INSERT INTO event VALUES (1, 'decided', 1, 'anna', '2026', 0)",
                    "INSERT INTO decision VALUES (1, 1, 'seen', "
                    """'{"level": "experiment", "experiment": "one"}', '{}', '', '')""",
                    "COMMIT",
                )

        monkeypatch.setattr(file_module, "_connect", interrupted)
        assert open_log().active == ()

    @pytest.mark.parametrize("read_only", [False, True])
    def test_decisions_about_another_config(self, open_log, read_only):
        open_log().close()
        with pytest.raises(DecisionsError, match=r"\(one, two\) than the config \(three, four\)"):
            open_log(experiments=["three", "four"], read_only=read_only)

    def test_a_config_that_grew(self, open_log):
        open_log().close()
        open_log(experiments=["two", "three"]).close()
        open_log(experiments=["three"]).close()
        open_log(experiments=["one"]).close()

    @pytest.mark.parametrize("name", ["absent/a.db", "file/a.db"])
    def test_a_folder_that_is_not_there(self, tmp_path, open_log, name):
        (tmp_path / "file").write_text("")
        with pytest.raises(DecisionsError, match=r"no such folder.*--decisions.*read-only"):
            open_log(tmp_path / name)

    def test_a_folder_in_its_place(self, path, open_log):
        path.mkdir()
        with pytest.raises(DecisionsError, match="cannot be opened"):
            open_log()
        assert [one.name for one in path.parent.iterdir()] == [path.name]

    @needs_root
    @pytest.mark.parametrize(
        ("mode", "message"),
        [(0o755, "may not write in this folder"), (0o777, "may not write to this file")],
    )
    def test_where_one_may_not_write(self, open_log, mode, message):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.review.db"
            log = open_log(path)
            log.record(reject())
            log.close()
            Path(folder).chmod(mode)
            code = """
                import os, sys
                from lineage_triplets.qc.record import DecisionLog, DecisionsError
                # What is imported late may lie where only root reads.
                DecisionLog.open(sys.argv[1], experiments=["one"], read_only=True).close()
                os.setuid(65534)
                try:
                    DecisionLog.open(sys.argv[1], experiments=["one"])
                except DecisionsError as error:
                    print(error)
                reader = DecisionLog.open(sys.argv[1], experiments=["one"], read_only=True)
                print(reader.active[0].target)
            """
            done = run(code, path)
            said, found = done.stdout.splitlines()
            assert message in said, done.stderr
            assert "--decisions" in said
            assert found == "track one_A/1/0_7"
            assert [one.name for one in Path(folder).iterdir()] == [path.name]

    @needs_posix
    def test_a_full_disk_and_then_room(self, path, open_log):
        code = """
            import resource, sys
            from lineage_triplets.qc.record import DecisionLog, DecisionsError, NewDecision
            from lineage_triplets.qc.record.decision import Target
            new = NewDecision("reject", Target("fov", "one", "A/1/0"), reason="x" * 500)
            log = DecisionLog.open(sys.argv[1], experiments=["one"])
            log.record(new)
            most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, most))
            failures = 0
            while failures < 3:
                before = (log.active, log.history(), log.can_redo)
                try:
                    log.record(new, new)
                except DecisionsError as error:
                    failures += 1
                    assert before == (log.active, log.history(), log.can_redo)
                    print("Nothing was recorded" in str(error), error, file=sys.stderr)
            try:
                log.keep_result("one", "A/1/0", "blank", 1, "k", [{"a": "x" * 50_000}])
            except DecisionsError:
                assert log.kept_result("one", "A/1/0", "blank", 1, "k") is None
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            made = log.record(new)
            assert made[0].number == len(log.active) == before[0][-1].number + 1
            print(len(log.active))
        """
        done = run(code, path)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("True") == 3
        log = open_log()
        assert len(log.active) == int(done.stdout) > 10
        assert [one.number for one in log.active] == list(range(1, len(log.active) + 1))

    def test_a_full_database(self, open_log):
        log = open_log()
        log._file._connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(
            DecisionsError, match=r"disk is full\. Nothing was recorded\. Make room"
        ):
            log.record(reject(reason="x" * 50_000))
        assert log.active == ()
        log._file._connection.execute("PRAGMA max_page_count = 10000")
        assert len(log.record(reject(reason="x" * 50_000))) == 1

    def test_it_is_as_safe_as_sqlite_can_make_it(self, path, open_log):
        log = open_log()
        connection = log._file._connection
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert path.read_bytes()[68:72] == b"ltqc"


class TestKept:
    def test_notes(self, open_log):
        log = open_log()
        assert log.note("settings") is None
        log.set_note("settings", {"tau": [0.5, 2], "name": "µ"})
        log.set_note("settings", {"tau": [1, 2], "n": np.int64(3)})
        log.set_note("none", None)
        log.close()
        again = open_log()
        assert again.note("settings") == {"tau": [1, 2], "n": 3}
        assert (again.note("none"), again.history()) == (None, [])

    def test_results_hold_for_one_version_and_one_state_of_the_data(self, open_log):
        log = open_log()
        place = ("one", "A/1/0", "blank")
        assert log.kept_result(*place, 1, "k") is None
        log.keep_result(*place, 1, "k", [{"t": 3, "share": float("inf")}])
        log.keep_result("one", "A/1/1", "blank", 1, "k", [])
        log.close()
        log = open_log()
        assert log.kept_result(*place, 1, "k") == [{"t": 3, "share": float("inf")}]
        assert log.kept_result("one", "A/1/1", "blank", 1, "k") == []
        for version, data_key in ((2, "k"), (1, "other")):
            assert log.kept_result(*place, version, data_key) is None
        assert log.kept_result("two", "A/1/0", "blank", 1, "k") is None
        log.keep_result(*place, 2, "k", [])
        assert log.kept_result(*place, 1, "k") is None
        assert log.kept_result(*place, 2, "k") == []
