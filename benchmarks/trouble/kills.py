"""Kills whoever decides, exports or opens an older file, and looks at what is left.

``python -m benchmarks.trouble.kills FOLDER [--kills 200] [--seed 0]``; prints lines of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import select
import signal
import sqlite3
import time
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.trouble.programs import apart, say
from lineage_triplets.qc.record import DecisionLog, HistoryEntry, NewDecision
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Callable

Entry = list[Any]

KILLS_A_FILE = 20
# Of twenty kills, the numbers of those that meet something else than deciding.
OPENING_OLDER, EXPORTING = 7, 13
OLDER_FORMAT = 2


def main() -> None:
    """Kill as often as is asked for, and say what was acknowledged and what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exports", action="store_true", help="kill exports too")
    options = parser.parse_args()
    killer = Killer(options.folder, random.Random(options.seed))
    config = _study_in(options.folder) if options.exports else None
    for number in range(options.kills):
        match number % KILLS_A_FILE:
            case 0:
                killer.begin(number)
            case n if n == OPENING_OLDER:
                killer.kill_opening_older(number)
                continue
            case n if n == EXPORTING and config is not None:
                killer.kill_exporting(config)
                continue
        killer.kill_deciding()
        say(done=killer.seen["kills"])
    say(result=killer.seen)


def _study_in(folder: Path) -> Path:
    """Write a study to export, apart: where images were written nothing may be forked."""
    from benchmarks.trouble.samples import write_study

    return apart(write_study, folder / "study")


class Killer:
    """Kills, and stops with a sentence at the first thing that was lost.

    Attributes
    ----------
    seen : dict of str to int
        Kills; acknowledged decisions; steps that nobody acknowledged and that are
        there; journals and temporary files that were left; exports that were killed, of which
        nothing is there, and whose files are of two exports.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.seen = {
            "kills": 0, "acknowledged": 0, "more_than_acknowledged": 0, "left_journals": 0,
            "older_files": 0, "exports": 0, "exports_absent": 0,
            "exports_of_two": 0, "left_temporaries": 0,
        }  # fmt: skip
        self._folder, self._rng = folder, rng
        self._path, self._expected = folder / "none", list[Entry]()

    def begin(self, number: int) -> None:
        """Go on with a file that is not there yet."""
        self._path, self._expected = self._folder / f"{number}.review.db", []

    def kill_deciding(self) -> None:
        """Kill somebody who decides, and hold the file against what was acknowledged."""
        rng = self._rng
        seed, wanted = rng.randrange(2**30), rng.choice((0, 1, 3, 5, 8, 12))
        wait_seconds = rng.uniform(0, 0.03 if wanted == 0 else 0.006)
        lines = _killed(lambda pipe: decide(self._path, seed, pipe), wanted, wait_seconds)
        acknowledged = [entry for line in lines for entry in json.loads(line)]
        self._expected += acknowledged
        journal = self._path.with_name(f"{self._path.name}-journal")
        self.seen["left_journals"] += journal.exists()
        entries = left_of(self._path, self._expected)
        more = {entry[0] for entry in entries[len(self._expected) :]}
        self.seen["more_than_acknowledged"] += len(more)
        self._expected = entries
        self.seen["kills"] += 1
        self.seen["acknowledged"] += sum(entry[1] == "decided" for entry in acknowledged)

    def kill_opening_older(self, number: int) -> None:
        """Kill whoever first opens a file of an older format, which is kept before it changes."""
        path = self._folder / f"{number}.older.review.db"
        with DecisionLog.open(path, experiments=["one"], by="somebody") as log:
            for name in range(20):
                log.record(reject(str(name), 0))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {OLDER_FORMAT}")
        expected = found(path)
        wait_seconds = self._rng.uniform(0, 0.02)
        _killed(lambda pipe: decide(path, 0, pipe), 0, wait_seconds)
        if found(path)[: len(expected)] != expected:
            raise SystemExit(f"{path} was damaged by opening it")
        _require_sound(path)
        kept = path.with_name(f"{path.name}.format{OLDER_FORMAT}")
        with closing(sqlite3.connect(path)) as connection:
            is_older = connection.execute("PRAGMA user_version").fetchone() == (OLDER_FORMAT,)
        if kept.exists():
            _require_sound(kept)
            if found(kept) != expected:
                raise SystemExit(f"{kept} is not what was there")
        elif not is_older:
            raise SystemExit(f"{path} was changed, and no copy was kept")
        self.seen["older_files"] += 1
        self.seen["kills"] += 1

    def kill_exporting(self, config: Path) -> None:
        """Kill whoever exports again and again, and look at the files."""
        out = self._folder / "exported"
        wanted, wait_seconds = self._rng.choice((0, 1)), self._rng.uniform(0, 1.5)
        lines = _killed(lambda pipe: export(config, out, pipe), wanted, wait_seconds)
        acknowledged = max((int(line) for line in lines), default=0)
        exports = [_export_number(out / name, end) for name, end in EXPORTED.items()]
        there = [number for number in exports if number is not None]
        if acknowledged and (len(there) < len(exports) or min(there) < acknowledged):
            raise SystemExit(f"export {acknowledged} was acknowledged, {exports} are there")
        self.seen["exports"] += 1
        self.seen["exports_absent"] += not there
        self.seen["exports_of_two"] += len(set(exports)) > 1
        self.seen["left_temporaries"] += any(out.glob(".*"))
        self.seen["kills"] += 1


def decide(path: Path, seed: int, pipe: int) -> None:
    """Decide without end, and acknowledge everything on a pipe after it was recorded."""
    rng = random.Random(seed)
    log = DecisionLog.open(path, experiments=["one"], by="somebody", take_over=True)
    while True:
        match rng.choices(("record", "undo", "redo"), (6, 3, 2))[0]:
            case "undo":
                happened = log.undo()
            case "redo":
                happened = log.redo()
            case _:
                tracks = [str(rng.randrange(1000)) for _ in range(rng.randint(1, 12))]
                happened = log.record(*(reject(name, seed) for name in tracks))
        if happened:
            entries = log.history()[-len(happened) :]
            os.write(pipe, (json.dumps([plain(entry) for entry in entries]) + "\n").encode())


def reject(track: str, seed: int) -> NewDecision:
    """Make a decision about a track."""
    return NewDecision("reject", Target("track", "one", "A/1/0", track=track), {"s": seed}, "é")


def plain(entry: HistoryEntry) -> Entry:
    """What must be there again, as JSON has it."""
    made = entry.decision
    what = [made.number, made.group, made.kind, made.target.as_dict(), made.value, made.reason]
    return [entry.number, entry.what, entry.at, *what, made.at]


EXPORTED = {"draft.yaml": "\n", "review.html": "</html>"}
"""Files of an export, and how each ends."""


def export(config: Path, out: Path, pipe: int) -> None:
    """Export without end, each time after another decision, and acknowledge its number."""
    from lineage_triplets.qc import Review, export_review

    with Review.open(config, by="somebody", take_over=True) as review:
        first = 1 + max((made.number for made in review.decisions), default=0)
        for number in count(first):
            review.reject(Target("frame", "e", "A/1/0", t=1), f"for export {number} of all")
            export_review(review, out, draft=True, overwrite=True)
            os.write(pipe, f"{number}\n".encode())


def _export_number(file: Path, end: str) -> int | None:
    """Which export wrote a file; None if there is none."""
    if not file.exists():
        return None
    text = file.read_text(encoding="utf-8")
    if not text.rstrip(" \n").endswith(end.strip()):
        raise SystemExit(f"{file} is not whole")
    numbers = [int(number) for number in re.findall(r"for export (\d+) of all", text)]
    if not numbers:
        raise SystemExit(f"{file} does not say what was decided")
    return max(numbers)


def _killed(run: Callable[[int], None], wanted: int, wait_seconds: float) -> list[bytes]:
    """Let a child run, which acknowledges in lines on a pipe, and kill it; gives the lines.

    Parameters
    ----------
    run : callable
        Gets the pipe.
    wanted : int
        Lines to wait for.
    wait_seconds : float
        And so much longer.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run(write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    said = b""
    while said.count(b"\n") < wanted and (more := os.read(read_end, 65536)):
        said += more
    end = time.perf_counter() + wait_seconds
    while (left := end - time.perf_counter()) > 0:
        if select.select([read_end], [], [], left)[0]:
            said += os.read(read_end, 65536)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("the process ended by itself")
    while more := os.read(read_end, 65536):
        said += more
    os.close(read_end)
    return said.splitlines()


def active_after(entries: list[Entry]) -> list[int]:
    """Numbers of the decisions that are active after some entries, worked out anew."""
    done: list[int] = []
    groups: dict[int, list[int]] = {}
    for entry in entries:
        groups.setdefault(entry[4], [])
        if entry[3] not in groups[entry[4]]:
            groups[entry[4]].append(entry[3])
        if entry[1] == "undone" and entry[4] in done:
            done.remove(entry[4])
        elif entry[1] != "undone" and entry[4] not in done:
            done.append(entry[4])
    return [number for group in done for number in groups[group]]


def found(path: Path) -> list[Entry]:
    """What a reader finds, who changes nothing."""
    with DecisionLog.open(path, experiments=["one"], read_only=True) as log:
        entries = [plain(entry) for entry in log.history()]
        active = [made.number for made in log.active]
    if active != active_after(entries):
        raise SystemExit(f"active are {active}, not {active_after(entries)}")
    return entries


def left_of(path: Path, acknowledged: list[Entry]) -> list[Entry]:
    """Read what is left of a file, before and after it was opened for writing.

    Raises
    ------
    SystemExit
        It is damaged, something acknowledged is not there, or more than one step that was not.
    """
    before = entries = found(path)
    if path.exists():
        _require_sound(path)
        entries = found(path)
    if before != entries:
        raise SystemExit("a reader saw something else than the next reviewer")
    if entries[: len(acknowledged)] != acknowledged:
        raise SystemExit(f"{acknowledged} was acknowledged, {entries} is left")
    if len({entry[0] for entry in entries[len(acknowledged) :]}) > 1:
        raise SystemExit(f"{entries[len(acknowledged) :]} was never acknowledged")
    return entries


def _require_sound(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            raise SystemExit(f"{path} is damaged")


if __name__ == "__main__":
    main()
