"""One reviewer at a time: leases that are held, stale, taken over and lost."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from decision_files import NOON, run
from lineage_triplets.qc.record import DecisionsError, ReviewInUseError
from lineage_triplets.qc.record import lease as lease_module
from lineage_triplets.qc.record.lease import Lease, time_stamp
from systems import needs_posix, needs_root

HAS_PROC = Path("/proc/self/stat").exists()


def at_noon() -> datetime:
    return NOON


def lock_text(**values: Any) -> str:
    """A lock file of somebody on another host, who is there."""
    whole = {
        "host": "other-host",
        "user": "anna",
        "pid": 4711,
        "token": "f" * 32,
        "since": time_stamp(NOON - timedelta(hours=1)),
        "heartbeat": time_stamp(NOON),
        "process_start": "",
    }
    return json.dumps(whole | values)


def left_by_the_dead(path: Path) -> None:
    """Leave the lease of a process that was killed."""
    code = """
        import os, sys
        from lineage_triplets.qc.record.lease import Lease
        held = Lease.acquire(sys.argv[1], user="bertha")
        os._exit(0)
    """
    done = run(code, path)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.db.lock"


class TestHolding:
    def test_it_says_who_has_it_and_is_gone_at_the_end(self, path):
        held = Lease.acquire(path, user="Jörg", clock=at_noon)
        said = json.loads(path.read_text())
        assert said.pop("token")
        said.pop("process_start")
        assert said == {
            "host": socket.gethostname(),
            "user": "Jörg",
            "pid": os.getpid(),
            "since": "2026-11-23T12:00:00Z",
            "heartbeat": "2026-11-23T12:00:00Z",
            "path": str(path),
        }
        held.check()
        held.release()
        held.release()
        assert not any(path.parent.iterdir())

    @pytest.mark.parametrize("take_over", [False, True])
    def test_a_live_one_is_never_taken(self, path, take_over):
        held = Lease.acquire(path, user="anna", clock=at_noon)
        with pytest.raises(ReviewInUseError, match="open elsewhere: anna on") as caught:
            Lease.acquire(path, user="bertha", take_over=take_over)
        said = str(caught.value)
        assert isinstance(caught.value, RuntimeError)
        assert not caught.value.stale
        for part in (socket.gethostname(), f"process {os.getpid()} (this very process)",
                     "since 2026-11-23T12:00:00Z", "Wait", "read-only", str(path)):  # fmt: skip
            assert part in said
        held.check()
        held.release()

    def test_a_beat_renews_it(self, path):
        times = iter([NOON, NOON + timedelta(seconds=20)])
        held = Lease.acquire(path, user="anna", clock=lambda: next(times))
        assert held.beat()
        said = json.loads(path.read_text())
        assert (said["since"], said["heartbeat"]) == (
            "2026-11-23T12:00:00Z",
            "2026-11-23T12:00:20Z",
        )
        held.check()
        held.release()

    def test_it_beats_by_itself(self, path):
        beats, main, enough = [], threading.get_ident(), threading.Event()

        def clock() -> datetime:
            beats.append(threading.get_ident())
            if len(beats) > 3:
                enough.set()
            return NOON + timedelta(seconds=len(beats))

        held = Lease.acquire(path, user="anna", clock=clock, interval_seconds=0.001)
        assert enough.wait(timeout=60)
        held.release()
        assert main not in beats[1:]
        assert not any(path.parent.iterdir())

    def test_a_beat_that_cannot_be_written_is_no_end(self, path):
        held = Lease.acquire(path, user="anna", clock=at_noon)
        before = path.read_text()
        blocked = path.with_name(f"{path.name}.{json.loads(before)['token'][:8]}")
        blocked.mkdir()
        assert held.beat()
        assert path.read_text() == before
        blocked.rmdir()
        held.check()
        held.release()

    def test_a_forgotten_one_is_given_back(self, path):
        held = Lease.acquire(path, user="anna")
        assert path.exists()
        del held
        gc.collect()
        assert not path.exists()

    @pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError"])
    def test_one_is_given_back_when_its_process_ends(self, path, end):
        code = f"""
            import os, sys
            from lineage_triplets.qc.record.lease import Lease
            held = Lease.acquire(sys.argv[1], user="anna")
            print(os.path.exists(sys.argv[1]))
            {end}
        """
        assert run(code, path).stdout == "True\n"
        assert not path.exists()

    @needs_posix
    def test_a_forked_child_leaves_its_parents_alone(self, path):
        code = """
            import os, sys, warnings
            from lineage_triplets.qc.record.lease import Lease
            held = Lease.acquire(sys.argv[1], user="anna")
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if not child:
                held.release()
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            held.check()
            print("still ours")
        """
        done = run(code, path)
        assert done.stdout == "still ours\n", done.stderr
        assert not path.exists()


class TestStale:
    def test_one_whose_process_is_gone_is_taken_when_confirmed(self, path):
        left_by_the_dead(path)
        with pytest.raises(ReviewInUseError, match=r"bertha on .*that process is gone") as caught:
            Lease.acquire(path, user="anna")
        assert caught.value.stale
        assert "--take-over" in str(caught.value)
        half_a_beat = path.with_name(f"{path.name}.{json.loads(path.read_text())['token'][:8]}")
        half_a_beat.write_text("{")
        held = Lease.acquire(path, user="anna", take_over=True)
        assert json.loads(path.read_text())["user"] == "anna"
        assert not half_a_beat.exists()
        held.check()
        held.release()
        assert not any(path.parent.iterdir())

    @pytest.mark.skipif(not HAS_PROC, reason="only /proc tells when a process began")
    def test_a_dead_process_that_nobody_waited_for_is_gone(self, path):
        code = "import sys; sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
            text = lock_text(host=socket.gethostname(), pid=child.pid)
            path.write_text(text)
            with pytest.raises(ReviewInUseError, match="open elsewhere"):
                Lease.acquire(path, user="anna")
            child.send_signal(signal.SIGKILL)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            with pytest.raises(ReviewInUseError, match="that process is gone"):
                Lease.acquire(path, user="anna")

    @pytest.mark.skipif(not HAS_PROC, reason="only /proc tells when a process began")
    def test_another_process_with_its_number_is_not_it(self, path):
        path.write_text(lock_text(host=socket.gethostname(), pid=os.getppid(), process_start="1"))
        with pytest.raises(ReviewInUseError, match="that process is gone"):
            Lease.acquire(path, user="anna")

    @needs_root
    def test_a_process_of_another_user_is_there(self, path):
        text = lock_text(host=socket.gethostname(), pid=os.getpid())
        path.write_text(text)
        code = """
            import os, sys
            from lineage_triplets.qc.record.lease import Holder
            from datetime import datetime, UTC
            from pathlib import Path
            os.setuid(65534)
            print(Holder.of_text(sys.argv[1]).why_stale(datetime.now(UTC), Path()) == "")
        """
        assert run(code, text).stdout == "True\n"

    @pytest.mark.parametrize(("age_seconds", "stale"), [(60, False), (121, True)])
    def test_the_lock_of_a_copied_folder(self, path, age_seconds, stale):
        text = lock_text(
            host=socket.gethostname(),
            pid=os.getpid(),
            heartbeat=time_stamp(NOON - timedelta(seconds=age_seconds)),
            path="/data/study/a.db.lock",
        )
        path.write_text(text)
        says = r"at /data/study/a.db.lock; this folder may be a copy"
        with pytest.raises(ReviewInUseError, match=says) as caught:
            Lease.acquire(path, user="bertha", clock=at_noon)
        assert caught.value.stale == stale
        if stale:
            Lease.acquire(path, user="bertha", take_over=True, clock=at_noon).release()

    @pytest.mark.parametrize("age_seconds", [121, 86400])
    def test_another_host_that_is_silent(self, path, age_seconds):
        path.write_text(lock_text(heartbeat=time_stamp(NOON - timedelta(seconds=age_seconds))))
        with pytest.raises(ReviewInUseError, match=rf"anna .*is {age_seconds:,} s old") as caught:
            Lease.acquire(path, user="bertha", clock=at_noon)
        assert caught.value.stale
        with pytest.raises(ReviewInUseError):
            Lease.acquire(path, user="bertha", clock=at_noon)
        Lease.acquire(path, user="bertha", take_over=True, clock=at_noon).release()

    @pytest.mark.parametrize("age_seconds", [0, 119, -3600])
    def test_another_host_that_beats_or_is_ahead_is_live(self, path, age_seconds):
        text = lock_text(heartbeat=time_stamp(NOON - timedelta(seconds=age_seconds)))
        path.write_text(text)
        with pytest.raises(ReviewInUseError, match="anna on other-host, process 4711") as caught:
            Lease.acquire(path, user="bertha", take_over=True, clock=at_noon)
        assert not caught.value.stale
        assert path.read_text() == text

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[1]", "\x00\xff", "{}", lock_text(pid=-1), lock_text(pid="1"),
         lock_text(heartbeat="noon"), lock_text(heartbeat="2026-11-23T12:00:00")],
    )  # fmt: skip
    def test_a_lock_file_that_says_nothing(self, path, text):
        path.write_text(text)
        with pytest.raises(ReviewInUseError, match=r"somebody; its lock file is empty or damaged"):
            Lease.acquire(path, user="anna", clock=at_noon)
        Lease.acquire(path, user="anna", take_over=True, clock=at_noon).release()
        assert not path.exists()

    def test_of_two_who_take_over_at_once_one_has_it(self, path):
        theirs, calls = lock_text(token="2" * 32), []

        def clock() -> datetime:
            calls.append(NOON)
            # The second time is when it has read whom it takes over from.
            if len(calls) == 2:
                path.write_text(theirs)
            return NOON

        path.write_text(lock_text(heartbeat=time_stamp(NOON - timedelta(days=1))))
        with pytest.raises(ReviewInUseError, match="anna"):
            Lease.acquire(path, user="bertha", take_over=True, clock=clock)
        assert len(calls) == 2
        assert path.read_text() == theirs

    @pytest.mark.parametrize("alive", [True, False])
    def test_while_somebody_takes_it_over_others_wait(self, path, alive):
        theirs = lock_text(heartbeat=time_stamp(NOON - timedelta(days=1)))
        path.write_text(theirs)
        taking = path.with_name(f"{path.name}.taking")
        taking.write_text(lock_text(token="2" * 32) if alive else theirs)
        if alive:
            with pytest.raises(ReviewInUseError, match="open elsewhere"):
                Lease.acquire(path, user="bertha", take_over=True, clock=at_noon)
            assert path.read_text() == theirs
            taking.unlink()
        held = Lease.acquire(path, user="bertha", take_over=True, clock=at_noon)
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        held.check()
        held.release()

    def test_a_beat_waits_for_who_takes_it_over(self, path):
        times = iter([NOON, NOON, NOON + timedelta(seconds=20)])
        held = Lease.acquire(path, user="anna", clock=lambda: next(times))
        before = path.read_text()
        taking = path.with_name(f"{path.name}.taking")
        taking.write_text(lock_text(token="2" * 32))
        assert held.beat()
        assert path.read_text() == before
        taking.unlink()
        assert held.beat()
        assert path.read_text() != before
        held.release()

    def test_where_the_disk_knows_no_links(self, path, monkeypatch):
        def no_links(*_: object) -> None:
            raise PermissionError("not on this disk")

        monkeypatch.setattr(os, "link", no_links)
        held = Lease.acquire(path, user="anna", clock=at_noon)
        with pytest.raises(ReviewInUseError, match="open elsewhere: anna"):
            Lease.acquire(path, user="bertha", take_over=True)
        held.check()
        held.release()
        assert not any(path.parent.iterdir())

    def test_a_link_whose_answer_was_lost_is_made(self, path, monkeypatch):
        link = os.link

        def silent(*files: Path) -> None:
            link(*files)
            raise FileExistsError

        monkeypatch.setattr(os, "link", silent)
        Lease.acquire(path, user="anna").release()
        assert not path.exists()

    def test_one_released_this_very_moment_is_free(self, path, monkeypatch):
        link_new = lease_module._link_new

        def there_once(whole: Path, where: Path) -> bool:
            monkeypatch.setattr(lease_module, "_link_new", link_new)
            return False

        monkeypatch.setattr(lease_module, "_link_new", there_once)
        held = Lease.acquire(path, user="anna")
        held.check()
        held.release()


class TestLost:
    def test_taken_over_meanwhile(self, path):
        held = Lease.acquire(path, user="bertha", clock=at_noon)
        path.write_text(lock_text())
        with pytest.raises(ReviewInUseError, match="taken over: anna on other-host") as caught:
            held.check()
        assert not caught.value.stale
        assert "Nothing was recorded" in str(caught.value)
        assert not held.beat()
        held.release()
        assert path.read_text() == lock_text()

    def test_removed_meanwhile(self, path):
        held = Lease.acquire(path, user="bertha")
        path.unlink()
        with pytest.raises(ReviewInUseError, match="lock file was removed"):
            held.check()
        assert not held.beat()
        held.release()
        assert not path.exists()

    def test_unreadable_meanwhile(self, path):
        held = Lease.acquire(path, user="bertha")
        path.unlink()
        path.mkdir()
        with pytest.raises(DecisionsError, match="decisions cannot be kept here"):
            held.check()
        held.release()


class TestNowhere:
    @pytest.mark.parametrize("name", ["absent/a.lock", "file/a.lock"])
    def test_there_is_no_folder(self, tmp_path, name):
        (tmp_path / "file").write_text("")
        with pytest.raises(DecisionsError, match=r"no such folder.*--decisions") as caught:
            Lease.acquire(tmp_path / name, user="anna")
        assert isinstance(caught.value, OSError)

    @needs_posix
    def test_the_disk_is_full(self, path):
        code = """
            import os, resource, sys
            from lineage_triplets.qc.record import DecisionsError
            from lineage_triplets.qc.record.lease import Lease
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
            try:
                Lease.acquire(sys.argv[1], user="anna")
            except DecisionsError as error:
                print(error)
        """
        done = run(code, path)
        assert "decisions cannot be kept here (File too large)" in done.stdout, done.stderr
        assert not any(path.parent.iterdir())
