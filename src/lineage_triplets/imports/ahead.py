"""The next planes are read while one is written: unpacking them takes as long as packing them."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

_AHEAD_BYTES = 16 * 2**20
_AHEAD_MAX = 16

Wanted = TypeVar("Wanted")
Got = TypeVar("Got")


def read_ahead(
    read: Callable[[Wanted], Got], wanted: Iterable[Wanted], n_bytes: int
) -> Generator[Got]:
    """Give what `read` makes of each, in order; closing the iterator waits for the one being read.

    Parameters
    ----------
    read : callable
        Called in one thread of its own. What it raises is raised in its turn.
    wanted : iterable
    n_bytes : int
        How large each is: 16 MiB are read ahead, and one at least.
    """
    n_ahead = max(1, min(_AHEAD_MAX, _AHEAD_BYTES // max(1, n_bytes)))
    pending: deque[Future[Got]] = deque()
    with ThreadPoolExecutor(1, "import") as thread:
        try:
            for item in wanted:
                pending.append(thread.submit(read, item))
                if len(pending) > n_ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            thread.shutdown(wait=False, cancel_futures=True)
