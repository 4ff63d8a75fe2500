"""Ends between any two writes: ``python -m benchmarks.trouble.power FOLDER [--steps 40]``.

All that SQLite does to its files while somebody decides is recorded (`recorded_writes`), and each
beginning of it is put on disk as a kill or the end of power would leave it. Prints lines of JSON.
"""

from __future__ import annotations

import argparse
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.trouble.kills import Entry, left_of, plain, reject
from benchmarks.trouble.programs import say
from benchmarks.trouble.recorded_writes import Done, library, recorded
from lineage_triplets.qc.record import DecisionLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SECTOR_BYTES = 512
NAME = "a.review.db"


def main() -> None:
    """Record, and look at every state that may be left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if library() is None:
        say(result=None, why="Python's SQLite is no shared library here")
        return
    seen = try_all(options.folder, options.steps, options.seed, say)
    say(result=seen)


def try_all(
    folder: Path, n_steps: int, seed: int, tell: Callable[..., None] | None = None
) -> dict[str, int]:
    """Decide some steps, and hold every state against what was acknowledged before it.

    Returns
    -------
    dict of str to int
        Steps; things done to files; states looked at; those in which the step that was under way
        is there.

    Raises
    ------
    SystemExit
        Something acknowledged is lost, or a file is damaged.
    """
    rng = random.Random(seed)
    done, acknowledged = decided(folder / "recorded", n_steps, rng)
    seen = {"steps": n_steps, "done": len(done), "states": 0, "step_under_way_is_there": 0}
    for number, files in states(done, rng):
        place = folder / "state"
        place.mkdir()
        for name, data in files.items():
            (place / name).write_bytes(data)
        marks = [one for one in done[:number] if one.what == "mark"]
        expected = acknowledged[: marks[-1].at] if marks else []
        left = left_of(place / NAME, expected)
        seen["states"] += 1
        seen["step_under_way_is_there"] += len(left) > len(expected)
        shutil.rmtree(place)
        if tell is not None:
            tell(done=number, of=len(done))
    return seen


def decided(folder: Path, n_steps: int, rng: random.Random) -> tuple[list[Done], list[Entry]]:
    """Decide, undo and redo; give what was done to files, and all entries.

    A mark says after which entry each step was acknowledged.
    """
    folder.mkdir()
    with (
        recorded() as done,
        DecisionLog.open(folder / NAME, experiments=["one"], by="somebody") as log,
    ):
        for step in range(n_steps):
            match rng.choices(("record", "undo", "redo"), (6, 2, 1))[0]:
                case "undo":
                    log.undo()
                case "redo":
                    log.redo()
                case _:
                    names = [str(rng.randrange(1000)) for _ in range(rng.randint(1, 40))]
                    log.record(*(reject(name, step) for name in names))
            done.append(Done("mark", "acknowledged", len(log.history())))
        entries = [plain(entry) for entry in log.history()]
    return done, entries


def states(done: Sequence[Done], rng: random.Random) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Give all files after each beginning: killed there, the next write torn, and without power.

    Without power, of what was written since a file's last sync each sector is there or not by
    chance, and so is a file's end if it was cut; so is a file that was deleted without a sync.
    """
    now: dict[str, bytes] = {}
    on_disk: dict[str, bytes] = {}
    since: list[Done] = []
    for number, one in enumerate([*done, None]):
        if number and done[number - 1].what == "mark":
            # Nothing was done since the state before.
            pass
        else:
            yield number, dict(now)
            lost = dict(on_disk)
            for earlier in since:
                _do(lost, earlier, rng)
            yield number, lost
        if one is None:
            return
        if one.what == "write" and len(one.data) > 1:
            torn = dict(now)
            _do(torn, one._replace(data=one.data[: len(one.data) // 2]))
            yield number, torn
        _do(now, one)
        if one.what == "delete":
            since = [earlier for earlier in since if earlier.name != one.name]
            if one.at:
                on_disk.pop(one.name, None)
            else:
                since.append(one)
        elif one.what == "sync":
            since = [earlier for earlier in since if earlier.name != one.name]
            on_disk[one.name] = now.get(one.name, b"")
        elif one.what != "mark":
            since.append(one)


def _do(files: dict[str, bytes], one: Done, rng: random.Random | None = None) -> None:
    """Do to files in memory what was done; with `rng`, sector by sector or not at all."""
    before = files.get(one.name, b"")
    if rng is not None and one.what in {"cut", "delete"} and rng.random() < 0.5:
        return
    match one.what:
        case "write":
            step = SECTOR_BYTES if rng is not None else max(1, len(one.data))
            for start in range(0, len(one.data), step):
                if rng is None or rng.random() < 0.5:
                    at, data = one.at + start, one.data[start : start + step]
                    before = before.ljust(at, b"\0")
                    before = before[:at] + data + before[at + len(data) :]
            files[one.name] = before
        case "cut":
            files[one.name] = before[: one.at].ljust(one.at, b"\0")
        case "delete":
            files.pop(one.name, None)


if __name__ == "__main__":
    main()
