"""Frames of a store that is far away: the window does not wait for them."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Box = tuple[slice, slice, slice, slice, slice]
    Key = tuple[int, tuple[tuple[int, int], ...]]
    Pixels = NDArray[Any]

# Nobody notices a window that stands still for so long.
_PATIENCE_S = 0.05
_THREADS = 4
_KEPT = 8


class LateReads:
    """Reads in threads, and gives what is there at once.

    Parameters
    ----------
    read : callable
        Gets a level and a box; gives its pixels, and raises nothing.
    came : callable
        Called, in a thread, when something is there that was asked for and not given.
    """

    def __init__(self, read: Callable[[int, Box], Pixels], came: Callable[[], None]) -> None:
        self._read, self._came = read, came
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="far-images")
        self._lock = threading.Lock()
        self._asked: dict[Key, Future[Pixels]] = {}

    def get(self, level: int, box: Box) -> Pixels | None:
        """Give what a box holds; None where it is not there yet."""
        key = (level, tuple((part.start, part.stop) for part in box))
        with self._lock:
            future = self._asked.pop(key, None)
            if future is None:
                self._make_room()
                future = self._pool.submit(self._read, level, box)
            self._asked[key] = future
        try:
            pixels = future.result(timeout=_PATIENCE_S)
        except TooLate:
            future.add_done_callback(self._tell)
            return None
        with self._lock:
            self._asked.pop(key, None)
        return pixels

    def _make_room(self) -> None:
        """Let go of what was asked for first: nobody looks there any more."""
        while len(self._asked) >= _KEPT:
            self._asked.pop(next(iter(self._asked))).cancel()

    def _tell(self, future: Future[Pixels]) -> None:
        if not future.cancelled():
            self._came()
