"""What of the machine this process may use."""

from __future__ import annotations

import os


def usable_cpus() -> int:
    """CPUs for this process: ``SLURM_CPUS_PER_TASK``, else those it may run on."""
    given = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
