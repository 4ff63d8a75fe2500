"""One reviewer at a time: a lease file beside the decisions, since network disks lock badly.

The file is written whole under another name and then linked to its own: that is atomic on network
disks too, and nobody ever reads half of it. Whoever changes one that is there first creates the
file ``….taking`` in the same way, so that of two who take over at once one is refused. Where a disk
fails to be atomic, the one whose token the file does not hold is refused to record.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import threading
import weakref
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.files import read_whole
from lineage_triplets.engine.process import may_run
from lineage_triplets.qc.record.errors import ReviewInUseError, of_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEAT_EVERY_SECONDS = 20.0
STALE_AFTER_SECONDS = 120.0
# To create a file that others release just then.
_TRIES = 3


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def time_stamp(moment: datetime) -> str:
    """Write a moment as ``2026-11-23T01:02:03Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease.

    Attributes
    ----------
    host, user : str
    pid : int
    token : str
        Drawn anew for every lease.
    since, heartbeat : str
        UTC, ISO.
    process_start : str
        When the process began, as its system counts; tells it from a later one with its number.
    path : str
        Where the lease file was made; elsewhere, the folder may be a copy.
    """

    host: str
    user: str
    pid: int
    token: str
    since: str
    heartbeat: str
    process_start: str = ""
    path: str = ""

    @classmethod
    def of_text(cls, text: str) -> Holder | None:
        """Read a lease file's text; None if it is no lease."""
        try:
            values = json.loads(text)
            holder = cls(
                **{field.name: values[field.name] for field in fields(cls) if field.name != "path"},
                path=str(values.get("path", "")),
            )
            moment = datetime.fromisoformat(holder.heartbeat)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        texts = (holder.host, holder.user, holder.since, holder.process_start, holder.token)
        sound = (
            type(holder.pid) is int
            and holder.pid > 0
            and moment.tzinfo is not None
            and all(isinstance(text, str) for text in texts)
            # Part of a file's name.
            and re.fullmatch(r"[0-9A-Za-z_-]+", holder.token) is not None
        )
        return holder if sound else None

    def __str__(self) -> str:
        where = f"{self.user} on {self.host}, process {self.pid}"
        own = " (this very process)" if self._is_here and self.pid == os.getpid() else ""
        return f"{where}{own}, since {self.since}, last heartbeat {self.heartbeat}"

    @property
    def _is_here(self) -> bool:
        return self.host == socket.gethostname()

    def is_elsewhere(self, path: Path) -> bool:
        """Whether the lease was made in another place than this one, on this host."""
        return bool(self.path) and self._is_here and self.path != str(path)

    def why_stale(self, now: datetime, path: Path) -> str:
        """Say why this reviewer seems to be gone; empty while they are there."""
        if self._is_here and os.name == "posix" and not self.is_elsewhere(path):
            return "" if _is_running(self.pid, self.process_start) else "that process is gone"
        age = (now - datetime.fromisoformat(self.heartbeat)).total_seconds()
        return f"the last heartbeat is {age:,.0f} s old" if age > STALE_AFTER_SECONDS else ""


class Lease:
    """The right to record decisions in one file; held until released, or until the process ends.

    Made by `acquire`.
    """

    def __init__(self, held: _Held, interval_seconds: float) -> None:
        self._held = held
        stop = threading.Event()
        # The thread knows what is held but not the lease, so that a forgotten lease is released.
        thread = threading.Thread(
            target=_beat_until, args=(stop, held, interval_seconds), name="lease", daemon=True
        )
        self._finalizer = weakref.finalize(self, _release, held, stop, thread)
        thread.start()

    @classmethod
    def acquire(
        cls,
        path: str | Path,
        *,
        user: str,
        take_over: bool = False,
        clock: Callable[[], datetime] = utc_now,
        interval_seconds: float = BEAT_EVERY_SECONDS,
    ) -> Lease:
        """Create the lease file, or take over a stale one.

        Parameters
        ----------
        path : path
            Of the lease file.
        user : str
            Who reviews.
        take_over : bool
            Take it over from a reviewer who seems to be gone; never from one who is there.
        clock : callable
        interval_seconds : float
            Between heartbeats.

        Raises
        ------
        ReviewInUseError
            Another reviewer has it.
        DecisionsError
            The file cannot be written.
        """
        now = time_stamp(clock())
        pid = os.getpid()
        token = secrets.token_hex(16)
        path = Path(path)
        mine = Holder(socket.gethostname(), user, pid, token, now, now, _process(pid)[1], str(path))
        held = _Held(path, mine, clock)
        try:
            held.hold(take_over)
        except OSError as error:
            raise of_system(error, held.path) from error
        return cls(held, interval_seconds)

    @property
    def path(self) -> Path:
        """The lease file."""
        return self._held.path

    def check(self) -> None:
        """Make sure that it is still ours.

        Raises
        ------
        ReviewInUseError
            Somebody took it over, or removed the file.
        DecisionsError
            The file cannot be read.
        """
        try:
            holder = self._held.read()
        except FileNotFoundError:
            said = "its lock file was removed while you reviewed"
        except OSError as error:
            raise of_system(error, self.path) from error
        else:
            if holder is not None and holder.token == self._held.mine.token:
                return
            said = f"the review was taken over: {holder or 'by nobody who can be named'}"
        raise ReviewInUseError(
            Problem(
                "lease-lost",
                f"{said}. Nothing was recorded now; what you decided before is kept.",
                "Ask who works on it, then open the review anew.",
                file=str(self.path),
            )
        )

    def beat(self) -> bool:
        """Renew the heartbeat; False if the lease is no longer ours."""
        return self._held.beat()

    def release(self) -> None:
        """Give it back; does nothing the second time, nor in a forked child."""
        self._finalizer()


class _Held:
    """A lease file and what we wrote into it."""

    def __init__(self, path: Path, mine: Holder, clock: Callable[[], datetime]) -> None:
        self.path = path
        self.mine = mine
        self.clock = clock
        self.pid = os.getpid()

    def read(self) -> Holder | None:
        return Holder.of_text(read_whole(self.path).decode("utf-8", "replace"))

    def hold(self, take_over: bool) -> None:
        """Create the file, take over a stale one, or say who has it."""
        for _ in range(_TRIES):
            if self._create(self.path):
                return
            try:
                holder = self.read()
            except FileNotFoundError:
                # Released just now.
                continue
            self._replace_other(holder, take_over)
            return
        raise _in_use(None, "", self.path)

    def _create(self, path: Path) -> bool:
        """Create a file that says who we are; False if there is one."""
        temporary = self._beside(self.mine)
        _write_new(temporary, self.mine)
        try:
            return _link_new(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _replace_other(self, holder: Holder | None, take_over: bool) -> None:
        stale = self._why_stale(holder)
        if not (stale and take_over):
            raise _in_use(holder, stale, self.path)
        with self._changing() as alone:
            now = self._read_if_there(self.path)
            if not alone or now != holder:
                raise _in_use(now, "", self.path)
            self._put()
            if holder is not None:
                self._beside(holder).unlink(missing_ok=True)
        now = self._read_if_there(self.path)
        if now is None or now.token != self.mine.token:
            raise _in_use(now, "", self.path)

    def _why_stale(self, holder: Holder | None) -> str:
        if holder is None:
            return "its lock file is empty or damaged"
        return holder.why_stale(self.clock(), self.path)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[bool]:
        """Say whether nobody else changes the file, and keep others from it meanwhile."""
        claim = self.path.with_name(f"{self.path.name}.taking")
        alone = self._create(claim)
        if not alone and claim.exists() and self._why_stale(self._read_if_there(claim)):
            # Left by somebody who was killed in these lines.
            claim.unlink(missing_ok=True)
            alone = self._create(claim)
        try:
            yield alone
        finally:
            if alone:
                claim.unlink(missing_ok=True)

    def _read_if_there(self, path: Path) -> Holder | None:
        try:
            return Holder.of_text(read_whole(path).decode("utf-8", "replace"))
        except FileNotFoundError:
            return None

    def beat(self) -> bool:
        try:
            with self._changing() as alone:
                holder = self.read()
                if holder is None or holder.token != self.mine.token:
                    return False
                if alone:
                    self.mine = replace(self.mine, heartbeat=time_stamp(self.clock()))
                    self._put()
        except FileNotFoundError:
            return False
        except OSError:
            # A full disk, or a network that is away: the next beat may succeed.
            return True
        return True

    def _put(self) -> None:
        temporary = self._beside(self.mine)
        _write_new(temporary, self.mine)
        try:
            temporary.replace(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _beside(self, holder: Holder) -> Path:
        return self.path.with_name(f"{self.path.name}.{holder.token[:8]}")

    def give_back(self) -> None:
        with contextlib.suppress(OSError):
            holder = self.read()
            if holder is not None and holder.token == self.mine.token:
                self.path.unlink(missing_ok=True)


def _write_new(path: Path, holder: Holder) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        try:
            file.write(json.dumps(asdict(holder)).encode())
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _link_new(whole: Path, path: Path) -> bool:
    """Let a file have another name too; False if there is one of that name."""
    try:
        os.link(whole, path)
    except OSError:
        # A network disk may have made the link, and lost its answer: only the count tells.
        if whole.stat().st_nlink == 1:
            return not os.path.lexists(path) and _copy_new(whole, path)
    return True


def _copy_new(whole: Path, path: Path) -> bool:
    """Do the same on a disk that knows no links."""
    try:
        with path.open("xb") as file:
            file.write(whole.read_bytes())
    except FileExistsError:
        return False
    return True


def _beat_until(stop: threading.Event, held: _Held, interval_seconds: float) -> None:
    while not stop.wait(interval_seconds):
        if not held.beat():
            return


def _release(held: _Held, stop: threading.Event, thread: threading.Thread) -> None:
    if os.getpid() != held.pid:
        return
    stop.set()
    # Garbage may be collected in the heartbeat's own thread.
    if thread is not threading.current_thread():
        thread.join()
    held.give_back()


def _in_use(holder: Holder | None, stale: str, path: Path) -> ReviewInUseError:
    who = "somebody" if holder is None else str(holder)
    if holder is not None and holder.is_elsewhere(path):
        who = (
            f"{who}, at {holder.path}; this folder may be a copy of that one, made while the "
            "review was open there"
        )
    if stale:
        remedy = "Take it over (--take-over) if nobody works on it, or open it read-only."
        kind, message = "review-stale", f"a review was begun and not ended: {who}; {stale}."
    else:
        remedy = "Wait until they have closed it, or open it read-only."
        kind, message = "review-in-use", f"the review is open elsewhere: {who}."
    return ReviewInUseError(Problem(kind, message, remedy, file=str(path)))


def _is_running(pid: int, process_start: str) -> bool:
    if not may_run(pid):
        return False
    state, start = _process(pid)
    return state not in {"Z", "X"} and (start == process_start or "" in {start, process_start})


def _process(pid: int) -> tuple[str, str]:
    """State and start of a process as Linux tells them; empty elsewhere."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "", ""
    # The name stands in brackets and may itself hold blanks and brackets.
    after_name = text.rpartition(")")[2].split()
    return after_name[0], after_name[19]
