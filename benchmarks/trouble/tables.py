"""Kills, ends between two writes, races, broken inputs: what was lost, what was not told."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from benchmarks.timing import table, verdict

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from rich.table import Table

PARTS = ("kills", "power", "races", "trials", "fuzz")
MOST_MB = 500
_BASE = Path(__file__).parents[2]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what may be said about this benchmark."""
    group = parser.add_argument_group("trouble")
    group.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="what to try; all by default"
    )
    group.add_argument("--seed", type=int, default=0)
    group.add_argument("--kills", type=int, default=200)
    group.add_argument("--power-steps", type=int, default=30, help="steps cut at every write")
    group.add_argument("--races", type=int, default=200)
    group.add_argument("--fuzz-minutes", type=float, default=1.0)


def tables(folder: Path, arguments: argparse.Namespace) -> Iterator[Table]:
    """Try one part after the other, each in a process of its own."""
    given = {
        "kills": ("--kills", arguments.kills, "--exports"),
        "power": ("--steps", arguments.power_steps),
        "races": ("--races", arguments.races),
        "trials": (),
        "fuzz": ("--minutes", arguments.fuzz_minutes),
    }
    for part in PARTS:
        if part not in arguments.parts:
            continue
        place = folder / part
        place.mkdir()
        start = time.perf_counter()
        lines = _run(part, place, [*map(str, given[part]), "--seed", str(arguments.seed)])
        minutes = (time.perf_counter() - start) / 60
        yield from _TABLES[part](lines, f"{minutes:.1f} minutes, seed {arguments.seed}")


def _run(part: str, folder: Path, options: Sequence[str]) -> list[dict[str, Any]]:
    """Run a part, and say how far it is; gives what it told but for that."""
    command = [sys.executable, "-m", f"benchmarks.trouble.{part}", str(folder), *options]
    kept = []
    with (
        Progress("{task.description} {task.fields[said]}", transient=True) as progress,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_BASE) as program,
    ):
        task = progress.add_task(part, said="", total=None)
        assert program.stdout is not None
        try:
            for line in program.stdout:
                said = json.loads(line)
                if "done" in said:
                    words = (f"{key.replace('_', ' ')} {value:,.0f}" for key, value in said.items())
                    progress.update(task, said=", ".join(words))
                else:
                    kept.append(said)
        except KeyboardInterrupt:
            program.terminate()
            raise
    if program.returncode:
        raise SystemExit(f"{part} found something wrong, which it says above")
    return kept


def _kills(lines: list[dict[str, Any]], caption: str) -> Iterator[Table]:
    seen = lines[-1]["result"]
    yield _counts("Killed while deciding, exporting, and changing an older file", seen, caption)


def _power(lines: list[dict[str, Any]], caption: str) -> Iterator[Table]:
    seen = lines[-1]["result"]
    if seen is None:
        seen = {lines[-1]["why"]: 0}
    yield _counts("Every state that a kill or the end of power may leave", seen, caption)


def _races(lines: list[dict[str, Any]], caption: str) -> Iterator[Table]:
    seen = dict(lines[-1]["result"])
    came, alarms = seen.pop("came"), seen.pop("alarms")
    seen |= {"false alarms": len(alarms)} | came
    yield _counts("Two for one lock", seen, caption)
    if alarms:
        said = [(alarm,) for alarm in dict.fromkeys(alarms)]
        yield table("False alarms", ("said",), iter(said), "")


def _counts(title: str, seen: dict[str, int], caption: str) -> Table:
    rows = ((key.replace("_", " "), f"{count:,}") for key, count in seen.items())
    return table(
        title, ("", "times"), rows, f"{caption}; nothing that was acknowledged is lost, or it stops"
    )


def _inputs(lines: list[dict[str, Any]], caption: str) -> Iterator[Table]:
    result = lines[-1]
    counts = Counter({(kind, outcome): count for kind, outcome, count in result["result"]})
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    outcomes = ["told", "usable"]
    outcomes += sorted({outcome for _, outcome in counts} - set(outcomes))
    rows = [(kind, *(f"{counts[kind, outcome]:,}" for outcome in outcomes)) for kind in kinds]
    good = len(outcomes) == 2 and result["peak_mb"] <= MOST_MB
    yield table(
        f"{counts.total():,} broken inputs, and what came of them",
        ("kind", *outcomes),
        iter(rows),
        f"{caption}; at most {result['peak_mb']:.0f} MB in one process (asked {MOST_MB}); "
        f"only told or usable: {verdict(good)}",
    )
    bad = [line for line in lines if "outcome" in line]
    if bad:
        yield table(
            "What was not told as it should be",
            ("which", "kind", "outcome", "way"),
            (
                (f"{one['name']} {one['number']}", one["kind"], one["outcome"], one["where"])
                for one in bad
            ),
            "\n".join(dict.fromkeys(one["text"].strip().rpartition("\n")[2] for one in bad)),
        )


_TABLES = {"kills": _kills, "power": _power, "races": _races, "trials": _inputs, "fuzz": _inputs}
