"""The file of decisions: other reviewers, reading alone, what is damaged, older or elsewhere."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decision_files import EVERY_KIND, NOON, change, names, reject, run
from lineage_triplets.qc.record import (
    DecisionLog,
    DecisionsError,
    ReviewInUseError,
    ReviewOwnerError,
)
from lineage_triplets.qc.record import file as file_module
from lineage_triplets.qc.record.file import FORMAT
from systems import needs_posix, needs_root


class TestClosed:
    def test_what_went_wrong_is_told_and_not_that_the_file_is_closed(self, open_log):
        log = open_log()
        with pytest.raises(RuntimeError, match="the first"), log._file.writing():
            log.close()
            raise RuntimeError("the first")

    def test_closed_in_the_middle_nothing_is_recorded(self, open_log):
        log = open_log()
        told = pytest.raises(DecisionsError, match=r"closed database\. Nothing was recorded")
        with told, log._file.writing():
            log.close()
        with pytest.raises(DecisionsError, match="the review was closed"):
            log._file.read_together("SELECT * FROM event")


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
        log.record(next(new for new in EVERY_KIND if new.kind == "audit_plan"))
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

    @pytest.mark.parametrize("read_only", [False, True])
    def test_damage_of_which_sqlite_speaks_in_no_words(self, path, open_log, read_only):
        open_log().close()
        path.write_bytes(path.read_bytes().replace(b"TABLE note (", b"TABLE note \xbe"))
        with pytest.raises(DecisionsError, match="damaged: malformed database schema"):
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
