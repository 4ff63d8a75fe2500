"""Files of stores behind URLs, of buckets and web servers alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem, StoppedError, StoreError
from lineage_triplets.engine.plates.buckets import BucketRequest, requests_at_once
from lineage_triplets.engine.plates.limits import in_words, most_metadata_bytes
from lineage_triplets.engine.plates.remote import (
    file_url,
    first_line,
    is_web,
    longest_wait_seconds,
    patience,
    trouble,
    unreachable,
)
from lineage_triplets.engine.plates.requests import (
    FailedError,
    RefusedError,
    TooLongError,
    fetch,
    server_of,
)
from lineage_triplets.engine.plates.web import MOST_CONNECTIONS, WebRequest
from lineage_triplets.engine.process import note_read
from lineage_triplets.engine.waiting import is_stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.plates.requests import ByteRange, RemoteError, Request

_DOWN_SECONDS = 10.0
_down: dict[str, float] = {}


def request_of(url: str, most_bytes: int, part: ByteRange | None = None) -> Request:
    """Make what asks for a file, or for a part of one.

    Parameters
    ----------
    url : str
    most_bytes : int
        What has more ends with a `TooLongError`.
    part : ByteRange, optional

    Raises
    ------
    StoreError
        The environment says something that is no number.
    """
    if is_web(url):
        return WebRequest(url, most_bytes, patience(), part)
    return BucketRequest(url, most_bytes, part)


def most_requests(url: str) -> int:
    """How many requests are sent to a server at a time."""
    return MOST_CONNECTIONS if is_web(url) else requests_at_once(url)


def read_files(folder: str, names: Sequence[str]) -> dict[str, bytes]:
    """Contents of the files of a folder that are there, asked for side by side.

    A file that is refused counts as absent if others are given: without the right to list, servers
    refuse what is absent too. Attributes are never taken for absent in this way.

    Raises
    ------
    StoreError
        Nothing is given and something refused; or the server cannot be reached.
    ForkedReadError
        A forked child of a process that has read through tensorstore.
    """
    server = server_of(folder)
    if is_down(server):
        raise _fault(
            folder,
            "unreachable",
            f"{server} could not be reached a moment ago.",
            "Check the network and the address; it is asked again in some seconds.",
        )
    note_read()
    requests = {
        name: request_of(file_url(folder, name), most_metadata_bytes(name)) for name in names
    }
    try:
        found, faults = fetch(requests, longest_wait_seconds())
    except TimeoutError:
        if is_stopped():
            raise StoppedError from None
        note_down(server)
        raise _fault(folder, *unreachable()) from None
    if any(isinstance(fault, FailedError) and fault.is_down for fault in faults.values()):
        note_down(server)
    worst = [fault for fault in faults.values() if not isinstance(fault, RefusedError)]
    if not worst and (not found or ".zattrs" in faults):
        worst = list(faults.values())
    if worst:
        raise _fault(folder, *_told(worst[0], folder))
    return found


def is_down(server: str) -> bool:
    """Whether a server could not be reached a moment ago, and is left alone."""
    return time.monotonic() - _down.get(server, -_DOWN_SECONDS) < _DOWN_SECONDS


def note_down(server: str) -> None:
    """Let a server that cannot be reached alone for a while."""
    _down[server] = time.monotonic()


def _told(fault: RemoteError, folder: str) -> tuple[str, str, str]:
    """Kind, message and remedy of what reading metadata ended with."""
    if isinstance(fault, TooLongError):
        message = (
            f"more than {in_words(fault.most_bytes)} came in the place of metadata, which is more "
            "than they have."
        )
        return "bad-metadata", message, "Check that the address is that of a store."
    other = ("unreadable", f"it cannot be read ({first_line(fault)}).", "Check the address.")
    return trouble(fault, folder) or other


def _fault(folder: str, kind: str, message: str, remedy: str) -> StoreError:
    return StoreError(Problem(kind, message, remedy, file=folder))
