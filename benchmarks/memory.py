"""How much memory a call adds to a process at most."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STATUS = Path("/proc/self/status")


def added_mib(prepare: Callable[..., Callable[[], object]], *arguments: object) -> float | None:
    """Call what `prepare` gives in a new process; None where the system does not tell.

    Parameters
    ----------
    prepare : callable
        Of a module, so that the process can find it; its own memory does not count.
    """
    if not _STATUS.exists():
        return None
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_added_mib, prepare, arguments).result()


def _added_mib(
    prepare: Callable[..., Callable[[], object]], arguments: tuple[object, ...]
) -> float:
    call = prepare(*arguments)
    # 5 sets the peak back to what is used now (proc_pid_clear_refs(5)).
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_mib()
    call()
    return _peak_mib() - before


def _peak_mib() -> float:
    (line,) = (one for one in _STATUS.read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
