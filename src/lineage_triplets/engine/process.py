"""What a process may use: CPUs, memory, and tensorstore if its parent has not read with it.

And whether another one is there.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ForkedReadError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_NICER, _NICEST = 10, 19


class _Reads:
    """Whether this process has read through tensorstore, or was forked from one that had."""

    here = False
    in_parent = False

    @classmethod
    def after_fork(cls) -> None:
        cls.in_parent = cls.in_parent or cls.here
        cls.here = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Reads.after_fork)


def note_read() -> None:
    """Remember that this process reads through tensorstore.

    Raises
    ------
    ForkedReadError
        It was forked from a process that had read, so that tensorstore would abort.
    """
    if _Reads.in_parent:
        raise ForkedReadError(
            Problem(
                "forked-after-read",
                "this worker was forked from a process that has read images, where tensorstore "
                "would abort.",
                "Start workers with DataLoader(..., multiprocessing_context='forkserver') or "
                "'spawn', or read nothing before the workers start.",
            )
        )
    _Reads.here = True


def has_read() -> bool:
    """Whether this process has read through tensorstore."""
    return _Reads.here


def usable_cpus() -> int:
    """CPUs for this process: ``SLURM_CPUS_PER_TASK``, else those it may run on."""
    given = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def give_way() -> None:
    """Let this thread, and those that it starts, leave the processor to others that want it.

    Other systems have no such thing for single threads that needs no rights.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        nice = min(os.getpriority(os.PRIO_PROCESS, thread) + _NICER, _NICEST)
        os.setpriority(os.PRIO_PROCESS, thread, nice)


def give_back_freed_memory() -> None:
    """Give the system what was freed; glibc keeps it, more with every hour that threads decode."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Look up glibc's function; other systems' libraries have none, and keep less."""
    if sys.platform != "linux":
        return None
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


SHARE = 0.25
MOST_CACHE_BYTES = 4 * 2**30
_UNKNOWN_MEMORY_BYTES = 4 * 2**30
_MEGABYTE = 2**20
# Version 1 writes "no limit" as the largest number of whole pages.
_NO_LIMIT_BYTES = 2**60
_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_CGROUP_FILES = {2: ("memory.max", "memory.high"), 1: ("memory.limit_in_bytes",)}


def default_cache_bytes(root: Path = Path("/"), environ: Mapping[str, str] | None = None) -> int:
    """Bytes for decoded chunks where nobody chose: a quarter of this process's part, 4 GiB at most.

    The memory that may be used is divided by the worker processes of the ``DataLoader`` that this
    process belongs to, and by the ranks on this machine.

    Parameters
    ----------
    root : Path
        Folder that holds ``proc`` and ``sys``.
    environ : mapping, optional
        Environment variables; this process's by default.
    """
    environ = os.environ if environ is None else environ
    n_processes = loader_workers() * local_ranks(environ)
    return min(MOST_CACHE_BYTES, int(usable_memory_bytes(root, environ) * SHARE) // n_processes)


def usable_memory_bytes(root: Path, environ: Mapping[str, str]) -> int:
    """The least of all limits of memory that hold for this process.

    Parameters
    ----------
    root : Path
        Folder that holds ``proc`` and ``sys``.
    environ : mapping
        Environment variables.
    """
    limits = [
        *_machine_bytes(root),
        *_cgroup_bytes(root),
        *_slurm_bytes(environ),
        *_address_space_bytes(root),
    ]
    return min(limits, default=_UNKNOWN_MEMORY_BYTES)


def loader_workers() -> int:
    """Worker processes of the ``DataLoader`` whose worker this is; 1 in any other process."""
    # A process that has not imported torch is no worker.
    data = sys.modules.get("torch.utils.data")
    worker = data.get_worker_info() if data is not None else None
    return 1 if worker is None else max(1, int(worker.num_workers))


def local_ranks(environ: Mapping[str, str]) -> int:
    """Processes of a distributed job on this machine.

    As torchrun or Slurm's srun say; without them, all that meet at an address of this machine, as
    Lightning starts them.
    """
    given = environ.get("LOCAL_WORLD_SIZE", "")
    if given.isdigit():
        return max(1, int(given))
    counts = _counts_per_node(environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    if counts:
        return max([1, *counts])
    if environ.get("MASTER_ADDR") not in _THIS_MACHINE:
        return 1
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_world_size())
    given = environ.get("WORLD_SIZE", "")
    return max(1, int(given)) if given.isdigit() else 1


def _machine_bytes(root: Path) -> Iterator[int]:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    if found:
        yield int(found[1]) * 1024
    elif hasattr(os, "sysconf") and {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup_bytes(root: Path) -> Iterator[int]:
    """Limits of this process's control groups and all groups above them."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            version, mounts = 2, ("sys/fs/cgroup", "sys/fs/cgroup/unified")
        elif "memory" in controllers.split(","):
            version, mounts = 1, ("sys/fs/cgroup/memory", f"sys/fs/cgroup/{controllers}")
        else:
            continue
        # Inside a container the path may be the host's: then the mount's root is the group.
        parts = [part for part in path.split("/") if part not in {"", ".", ".."}]
        for mount in mounts:
            for depth in range(len(parts) + 1):
                folder = root.joinpath(mount, *parts[:depth])
                for name in _CGROUP_FILES[version]:
                    given = _text(folder / name).strip()
                    if given.isdigit() and int(given) < _NO_LIMIT_BYTES:
                        yield int(given)


def _slurm_bytes(environ: Mapping[str, str]) -> Iterator[int]:
    """What Slurm gave to the job on this machine; 0 stands for all of the machine."""
    cpus = [
        *_counts_per_node(environ.get("SLURM_CPUS_ON_NODE", "")),
        *_counts_per_node(environ.get("SLURM_JOB_CPUS_PER_NODE", "")),
    ]
    gpus = _counts_per_node(environ.get("SLURM_GPUS_ON_NODE", ""))
    counts = {
        "SLURM_MEM_PER_NODE": 1,
        "SLURM_MEM_PER_CPU": min(cpus) if cpus else usable_cpus(),
        "SLURM_MEM_PER_GPU": min(gpus, default=1),
    }
    for name, count in counts.items():
        given = environ.get(name, "")
        if given.isdigit() and int(given) > 0:
            yield int(given) * _MEGABYTE * count


def _counts_per_node(text: str) -> list[int]:
    """Read Slurm's "4", or "4(x2),3"."""
    entries = [re.fullmatch(r"(\d+)(?:\(x\d+\))?", entry.strip()) for entry in text.split(",")]
    return [int(entry[1]) for entry in entries if entry and int(entry[1]) > 0]


def _address_space_bytes(root: Path) -> Iterator[int]:
    """What is left of the process's address space, where that is limited."""
    try:
        import resource
    except ImportError:
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        pages = _text(root / "proc/self/statm").split(" ", 1)[0]
        used = int(pages) * resource.getpagesize() if pages.isdigit() else 0
        yield max(0, limit - used)


def _text(file: Path) -> str:
    """A file of the system; empty where there is none or it is not for us."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def may_run(pid: int) -> bool:
    """Whether there may be a process of this number on this machine."""
    # Windows ends processes that are asked so.
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        # It is there and belongs to another user.
        pass
    return True
