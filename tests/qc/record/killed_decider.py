"""Decides, is killed, and looks at what is left, again and again: ``FOLDER KILLS SEED``.

Run as a script, so that what is forked is small and has one thread. Prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from lineage_triplets.qc.record import DecisionLog, HistoryEntry, NewDecision
from lineage_triplets.qc.record.decision import Target

KILLS_A_FILE = 20
Entry = list[Any]


def plain(entry: HistoryEntry) -> Entry:
    """What must be there again, as JSON has it."""
    one = entry.decision
    what = [one.number, one.group, one.kind, one.target.as_dict(), one.value, one.reason, one.at]
    return [entry.number, entry.what, entry.at, *what]


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
                tracks = [str(rng.randrange(1000)) for _ in range(rng.randint(1, 3))]
                happened = log.record(
                    *(
                        NewDecision(
                            "reject", Target("track", "one", "A/1/0", track=one), {"s": seed}, "é"
                        )
                        for one in tracks
                    )
                )
        if happened:
            entries = log.history()[-len(happened) :]
            os.write(pipe, (json.dumps([plain(one) for one in entries]) + "\n").encode())


def killed(path: Path, rng: random.Random) -> list[Entry]:
    """Let a process decide until it is killed; give what it acknowledged."""
    read_end, write_end = os.pipe()
    seed, wanted = rng.randrange(2**30), rng.choice((0, 1, 1, 2, 3, 5))
    delay_seconds = rng.uniform(0, 0.03 if wanted == 0 else 0.006)
    child = os.fork()
    if child == 0:
        try:
            decide(path, seed, write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    said = b""
    while said.count(b"\n") < wanted and (more := os.read(read_end, 65536)):
        said += more
    end = time.perf_counter() + delay_seconds
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
    return [entry for line in said.splitlines() for entry in json.loads(line)]


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
        entries = [plain(one) for one in log.history()]
        active = [one.number for one in log.active]
    if active != active_after(entries):
        raise SystemExit(f"active are {active}, not {active_after(entries)}")
    return entries


def main() -> None:
    """Kill as often as is asked for."""
    folder, kills, rng = Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3])
    seen = {"kills": 0, "acknowledged": 0, "more_than_acknowledged": 0, "left_journals": 0}
    expected: list[Entry] = []
    path = folder / "none"
    for number in range(kills):
        if number % KILLS_A_FILE == 0:
            path, expected = folder / f"{number}.review.db", []
        acknowledged = killed(path, rng)
        expected += acknowledged
        seen["left_journals"] += path.with_name(f"{path.name}-journal").exists()
        before, entries = found(path), []
        if path.exists():
            with closing(sqlite3.connect(path)) as connection:
                if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                    raise SystemExit(f"{path} is damaged")
            entries = found(path)
        if before != entries:
            raise SystemExit("a reader saw something else than the next reviewer")
        if entries[: len(expected)] != expected:
            raise SystemExit(f"after kill {number}: {expected} was acknowledged, {entries} is left")
        more = {entry[0] for entry in entries[len(expected) :]}
        if len(more) > 1:
            raise SystemExit(f"after kill {number}: {more} were never acknowledged")
        seen["kills"] += 1
        seen["acknowledged"] += len({entry[0] for entry in acknowledged})
        seen["more_than_acknowledged"] += len(more)
        expected = entries
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
