"""Two for one lock, at once: ``python -m benchmarks.trouble.races FOLDER [--races 500]``.

Two processes begin a review, take it over from somebody dead, or one takes it over from the other
while that one decides. Prints lines of JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.trouble.kills import reject
from benchmarks.trouble.programs import say
from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.qc.record import DecisionLog, ReviewInUseError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Barrier

BEGIN, DEAD, WRITING = "begin", "take over from the dead", "take over from one who decides"
NAMES = ("anna", "bertha")
LONG_AGO = "2026-01-01T00:00:00Z"


@dataclass
class Came:
    """What became of one of two.

    Attributes
    ----------
    how : str
        "had it", "refused" at opening, "lost" when deciding, or a false alarm in words.
    numbers : list of int
        Decisions that were acknowledged.
    opened : bool
    """

    how: str
    numbers: list[int]
    opened: bool


def main() -> None:
    """Let two race as often as is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--races", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    say(result=race(options.folder, options.races, options.seed))


def race(folder: Path, n_races: int, seed: int) -> dict[str, Any]:
    """Race so many times, of the three kinds in turn.

    Returns
    -------
    dict
        Races; decisions that were acknowledged; how often both were let in, of whom one was told
        at the first decision; how often each came to what; and false alarms in words.

    Raises
    ------
    SystemExit
        Two wrote at once, or what was acknowledged is not there.
    """
    rng = random.Random(seed)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    pipes = [context.Pipe() for _ in NAMES]
    workers = [
        context.Process(target=_work, args=(name, pipe[1], barrier), daemon=True)
        for name, pipe in zip(NAMES, pipes, strict=True)
    ]
    for worker in workers:
        worker.start()
    ends = [pipe[0] for pipe in pipes]
    seen: dict[str, Any] = {"races": 0, "acknowledged": 0, "both_let_in": 0, "alarms": []}
    came: Counter[str] = Counter()
    try:
        for number in range(n_races):
            kind = (BEGIN, DEAD, WRITING)[number % 3]
            both = _one_race(folder / f"{number}.review.db", kind, ends, rng)
            seen["races"] += 1
            seen["acknowledged"] += sum(len(one.numbers) for one in both)
            came.update(f"{kind}: {one.how}" for one in both)
            known = {"had it", "refused", "lost"}
            seen["alarms"] += [one.how for one in both if one.how not in known]
            seen["both_let_in"] += kind != WRITING and any(one.how == "lost" for one in both)
            say(done=number + 1, alarms=len(seen["alarms"]))
    finally:
        for end in ends:
            end.send(None)
        for worker in workers:
            worker.join()
    return seen | {"came": dict(sorted(came.items()))}


def _one_race(path: Path, kind: str, ends: list[Connection], rng: random.Random) -> list[Came]:
    if kind == DEAD:
        with DecisionLog.open(path, experiments=["one"], by="somebody") as log:
            log.record(reject("0", 0))
        _write_lock(path, host=socket.gethostname(), pid=2**22 - 1, token="dead" * 8)
    for number, end in enumerate(ends):
        # In seconds; the second of two may come while the first one decides.
        late = rng.uniform(0.002, 0.02) if kind == WRITING and number else rng.uniform(0, 0.003)
        end.send((path, kind, number, late, rng.randint(2, 6)))
    both = [end.recv() for end in ends]
    with DecisionLog.open(path, experiments=["one"], read_only=True) as log:
        entries = [(entry.decision.number, entry.by) for entry in log.history()]
    there = set(entries)
    for name, one in zip(NAMES, both, strict=True):
        if not {(number, name) for number in one.numbers} <= there:
            raise SystemExit(f"{path}: {name} was told of {one.numbers}, there is {entries}")
    changes = [later for earlier, later in pairwise(by for _, by in entries) if earlier != later]
    if len(set(changes)) != len(changes) or changes.count(entries[0][1] if entries else "") > 0:
        raise SystemExit(f"{path}: two wrote at once: {entries}")
    return both


def _work(name: str, pipe: Connection, barrier: Barrier) -> None:
    """Race whenever told to; in a process of its own."""
    while (task := pipe.recv()) is not None:
        path, kind, number, late, n_decisions = task
        barrier.wait()
        time.sleep(late)
        came = Came("had it", [], False)
        try:
            with DecisionLog.open(path, experiments=["one"], by=name, take_over=True) as log:
                came.opened = True
                if kind == WRITING and number == 0:
                    _seem_silent(path)
                for k in range(n_decisions):
                    came.numbers.append(log.record(reject(str(k), 0))[0].number)
        except ReviewInUseError:
            came.how = "lost" if came.opened else "refused"
        except LineageTripletsError as error:
            came.how = str(error)
        pipe.send(came)


def _write_lock(path: Path, **values: Any) -> None:
    whole = {"user": "somebody", "since": LONG_AGO, "heartbeat": LONG_AGO, "process_start": ""}
    lock = path.with_name(f"{path.name}.lock")
    lock.write_text(json.dumps(whole | {"path": str(lock)} | values))


def _seem_silent(path: Path) -> None:
    """Let our lock be one of another host that gave no sign of life for long."""
    lock = path.with_name(f"{path.name}.lock")
    silent = json.loads(lock.read_text()) | {"host": "elsewhere", "heartbeat": LONG_AGO}
    whole = lock.with_name(f"{lock.name}.silent")
    whole.write_text(json.dumps(silent))
    whole.replace(lock)


if __name__ == "__main__":
    main()
