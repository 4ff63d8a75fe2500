"""Children in which something is tried: watched, measured, and ended where they do not end."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.trouble.ways import ways_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.trouble.ways import Said

HANG_SECONDS = 30.0
MOST_MB = 500
# Beyond this the machine, and not the program, would be tried.
_ADDRESS_SPACE_BYTES = 16 * 2**30
GOOD = {"works", "told", "usable"}


class Tried(NamedTuple):
    """What became of one input.

    Attributes
    ----------
    outcome : str
        "usable" (each way works), "told" (some say in a sentence why not), or the worst that
        happened: "signal", "hang", "memory", "traceback", "promise" (what `validate` lets through
        cannot be read), or another of `Said`.
    where, text : str
        Which way, and what was said.
    peak_mb : float
        Most memory that the process held.
    """

    outcome: str
    where: str
    text: str
    peak_mb: float


def try_study(
    kind: str, folder: Path, config: str, spoil: Callable[[Path], None], *, all_ways: bool
) -> Tried:
    """Copy a study, spoil the copy, and go all ways with it in a child.

    Parameters
    ----------
    kind : str
        Of `samples.KINDS`.
    folder : Path
    config : str
        Name of its config.
    spoil : callable
        Gets the copy.
    all_ways : bool
        As of `ways_of`.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as room:
        copy = Path(room) / "study"
        shutil.copytree(folder, copy, symlinks=True)
        spoil(copy)
        out = Path(room) / "out"
        return _in_a_child(lambda: ways_of(kind, copy / config, out, all_ways=all_ways), kind)


def _in_a_child(run: Callable[[], Iterator[Said]], kind: str) -> Tried:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _run(run, write_end)
    os.close(write_end)
    said, hung = _read_until_end(read_end, child)
    os.close(read_end)
    _, status, usage = os.wait4(child, 0)
    return _judge(said, hung, status, usage.ru_maxrss / 1024, kind)


def _run(run: Callable[[], Iterator[Said]], pipe: int) -> None:
    """Write what each way comes to, and end; in the child."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nothing = os.open(os.devnull, os.O_RDWR)
        for file in (0, 1, 2):
            os.dup2(nothing, file)
        for said in run():
            os.write(pipe, (json.dumps([*said[:2], said.text[-3000:]]) + "\n").encode())
        code = 0
    finally:
        os._exit(code)


def _read_until_end(pipe: int, child: int) -> tuple[list[list[str]], bool]:
    """What a child wrote, and whether it had to be ended."""
    data, hung = b"", False
    last = time.monotonic()
    while True:
        left = last + HANG_SECONDS - time.monotonic()
        ready = select.select([pipe], [], [], max(0.0, left))[0] if not hung else [pipe]
        if not ready:
            os.kill(child, signal.SIGKILL)
            hung = True
            continue
        more = os.read(pipe, 65536)
        if not more:
            lines = data.split(b"\n")[:-1]
            return [json.loads(line) for line in lines], hung
        data += more
        last = time.monotonic()


def _judge(said: list[list[str]], hung: bool, status: int, peak_mb: float, kind: str) -> Tried:
    after = f"after {said[-1][0]}" if said else "at first"
    if hung:
        return Tried("hang", after, "", peak_mb)
    if os.WIFSIGNALED(status):
        return Tried("signal", after, signal.Signals(os.WTERMSIG(status)).name, peak_mb)
    for way, outcome, text in said:
        if outcome not in GOOD:
            return Tried(outcome, way, text, peak_mb)
    if os.WEXITSTATUS(status):
        return Tried("traceback", after, "outside of all ways", peak_mb)
    # `check` ends with 1 where it finds something that is open.
    told = [line for line in said if line[1] == "told" and line[0] != "check"]
    if peak_mb > MOST_MB:
        return Tried("memory", "", f"{peak_mb:.0f} MB", peak_mb)
    validated = said[0][0] == "validate" and said[0][1] == "works"
    broken = [line for line in told if line[0] in {"load", "index", "draft"}]
    if validated and broken and kind in {"metadata", "tables", "YAML"}:
        way, _, text = broken[0]
        if "damaged" not in text and "file of decisions" not in text:
            return Tried("promise", way, text, peak_mb)
    if told:
        return Tried("told", told[0][0], told[0][2], peak_mb)
    return Tried("usable", "", "", peak_mb)
