"""Waiting for servers: told when it takes long, and ended when nobody wants it any more."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOG = logging.getLogger("lineage_triplets.waiting")
"""What is said while something is waited for; also where problems are listed in the end."""
LOG.setLevel(logging.WARNING)

TOLD_AFTER_SECONDS = 1.5
_TOLD_AGAIN_SECONDS = 60.0
_stopped: ContextVar[Callable[[], bool] | None] = ContextVar("stopped", default=None)
_told: dict[str, float] = {}
_lock = threading.Lock()


@contextlib.contextmanager
def wanted_until(stopped: Callable[[], bool]) -> Iterator[None]:
    """Let what the block waits for end once `stopped` says so, some times a second."""
    above = _stopped.get()
    before = _stopped.set(lambda: stopped() or (above is not None and above()))
    try:
        yield
    finally:
        _stopped.reset(before)


def is_stopped() -> bool:
    """Whether nobody wants any more what is waited for."""
    stopped = _stopped.get()
    return stopped is not None and stopped()


def tell_of(server: str, since: float, failure: str) -> None:
    """Say that a server is waited for, if it takes long; once a minute for each.

    Parameters
    ----------
    server : str
    since : float
        When it was asked first, by ``time.monotonic``.
    failure : str
        What the last request ended with; empty where it did not end yet.
    """
    now = time.monotonic()
    if now - since < TOLD_AFTER_SECONDS:
        return
    with _lock:
        if now - _told.get(server, -_TOLD_AGAIN_SECONDS) < _TOLD_AGAIN_SECONDS:
            return
        _told[server] = now
    LOG.warning(
        "%s has not answered yet (%s); it is asked again, which may take a minute or more. "
        "Stop it if you know why.",
        server,
        failure or "nothing came",
    )
