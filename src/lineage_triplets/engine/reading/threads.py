"""Work for all CPUs of this process, in threads that stay."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.process import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Item = TypeVar("_Item")

_ASK_EVERY_SECONDS = 0.2
_POOLS: list[ThreadPoolExecutor] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOLS.clear)


class StuckError(TimeoutError):
    """Some work goes on for too long; disks that are gone never fail by themselves.

    Attributes
    ----------
    number : int
        Of the item.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def on_all_cpus(
    work: Callable[[_Item], object],
    items: Iterable[_Item],
    most_seconds: float = math.inf,
    most_threads: int | None = None,
    stopped: Callable[[], bool] | None = None,
) -> None:
    """Do some work for each item, on all CPUs side by side.

    After an error or an interrupt the rest is left.

    Parameters
    ----------
    work : callable
    items : iterable
    most_seconds : float
        For an item.
    most_threads : int, optional
        No more than the CPUs in any case.
    stopped : callable, optional
        Asked some times a second; once it says so, nothing more is waited for.

    Raises
    ------
    StuckError
        One took longer. Its thread is left to it; the next call has others.
    StoppedError
        It was stopped.
    """
    pool = _pool()
    waiting = deque(enumerate(items))
    begun: dict[int, tuple[int, float]] = {}

    def work_on(thread: int) -> None:
        while waiting:
            try:
                number, item = waiting.popleft()
            except IndexError:
                break
            begun[thread] = number, time.monotonic()
            work(item)
        begun.pop(thread, None)

    try:
        n_threads = min(usable_cpus(), len(waiting), most_threads or len(waiting))
        left = {pool.submit(work_on, k) for k in range(n_threads)}
        while left:
            done, left = wait(left, _ASK_EVERY_SECONDS, FIRST_EXCEPTION)
            for worker in done:
                worker.result()
            if left and stopped is not None and stopped():
                raise StoppedError
            for number, since in list(begun.values()):
                if time.monotonic() - since > most_seconds:
                    _POOLS.clear()
                    raise StuckError(number)
    finally:
        waiting.clear()


def _pool() -> ThreadPoolExecutor:
    try:
        return _POOLS[0]
    except IndexError:
        _POOLS.append(ThreadPoolExecutor(usable_cpus(), "lineage-triplets-read"))
        return _POOLS[0]
