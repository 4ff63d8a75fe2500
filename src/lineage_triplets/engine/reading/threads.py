"""Work for all CPUs of this process, in threads that stay."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from lineage_triplets.engine.process import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Item = TypeVar("_Item")

_POOLS: list[ThreadPoolExecutor] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOLS.clear)


def on_all_cpus(work: Callable[[_Item], object], items: Iterable[_Item]) -> None:
    """Do some work for each item, on all CPUs side by side.

    After an error or an interrupt the rest is left.
    """
    if not _POOLS:
        _POOLS.append(ThreadPoolExecutor(usable_cpus(), "lineage-triplets-read"))
    waiting = deque(items)

    def work_on() -> None:
        while waiting:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            work(item)

    try:
        workers = [_POOLS[0].submit(work_on) for _ in range(min(usable_cpus(), len(waiting)))]
        for worker in workers:
            worker.result()
    finally:
        waiting.clear()
