"""Files behind URLs that are asked for, each within a bound, and what that may end with."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.waiting import is_stopped, tell_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOK_EVERY_SECONDS = 0.05


class ByteRange(NamedTuple):
    """A part of a file.

    Attributes
    ----------
    start : int
        Negative for the last bytes, as many as there are.
    n_bytes : int
    """

    start: int
    n_bytes: int


class RemoteError(ValueError):
    """What asking a server ended with.

    Tensorstore hands errors on as a copy that is made anew of their arguments.

    Attributes
    ----------
    url : str
        What was asked for.
    """

    url = ""


class RefusedError(RemoteError):
    """The server wants to know who asks."""


class SentOnError(RemoteError):
    """The server sends on to an address of another one."""

    def __init__(self, leads_to: str, status: int) -> None:
        super().__init__(leads_to, status)
        self.leads_to, self.status = leads_to, status

    def __str__(self) -> str:
        """Say it without what may be secret in a URL."""
        return f"the server sends on to {self.leads_to.partition('?')[0]} ({self.status})"


class OddAnswerError(RemoteError):
    """The server answers something that is neither the file nor a failure that may pass."""


class TooLongError(RemoteError):
    """More comes than is believed."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self.most_bytes = most_bytes

    def __str__(self) -> str:
        """Say it with the bound."""
        return f"more than {self.most_bytes:,} bytes came, and it was not read to its end"


class FailedError(RemoteError):
    """The server fails, or cannot be reached, again and again."""

    def __init__(self, words: str, is_down: bool) -> None:
        super().__init__(words, is_down)
        self.words, self.is_down = words, is_down

    def __str__(self) -> str:
        """Say how it fails."""
        return self.words


class Request(ABC):
    """A file, or a part of one, that is asked for until it is there or nobody wants it any more.

    Parameters
    ----------
    url : str
    most_bytes : int
        What has more ends with a `TooLongError`.
    part : ByteRange, optional

    Attributes
    ----------
    url : str
    failure : str
        What the last try ended with; empty before one did, or where that is not told.
    """

    def __init__(self, url: str, most_bytes: int, part: ByteRange | None = None) -> None:
        self.url = url
        self.failure = ""
        self._most_bytes = most_bytes
        self._part = part
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """End it; what comes is not taken any more."""
        self._given_up.set()

    def answer(self) -> bytes | None:
        """Ask until it is there; None where the server has no such file.

        Raises
        ------
        RemoteError
            It cannot be had.
        """
        try:
            return self._ask_until_answered()
        except RemoteError as error:
            error.url = self.url
            raise

    @abstractmethod
    def _ask_until_answered(self) -> bytes | None:
        """Do what `answer` says, without the URL in what is raised."""


class _Begun:
    """A request in a thread of its own; a program that ends does not wait for it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.content: bytes | None = None
        self.error: RemoteError | None = None
        self.done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.content = self.request.answer()
        except RemoteError as error:
            self.error = error
        finally:
            self.done.set()


def fetch(
    requests: Mapping[str, Request], most_seconds: float
) -> tuple[dict[str, bytes], dict[str, RemoteError]]:
    """Read some files side by side.

    Parameters
    ----------
    requests : dict of str to Request
        By name.
    most_seconds : float
        That is waited for all of them.

    Returns
    -------
    found : dict of str to bytes
        Those that are there.
    faults : dict of str to RemoteError
        What the others ended with.

    Raises
    ------
    TimeoutError
        They did not come in time.
    StoppedError
        Nobody wants them any more.
    """
    since = time.monotonic()
    begun = {name: _Begun(request) for name, request in requests.items()}
    try:
        for one in begun.values():
            while not one.done.wait(_LOOK_EVERY_SECONDS):
                if is_stopped():
                    raise StoppedError
                if time.monotonic() - since > most_seconds:
                    raise TimeoutError
                tell_of(server_of(one.request.url), since, one.request.failure)
    finally:
        for one in begun.values():
            one.request.give_up()
    found = {name: one.content for name, one in begun.items() if one.content is not None}
    faults = {name: one.error for name, one in begun.items() if one.error is not None}
    return found, faults


def server_of(url: str) -> str:
    """Host and port that a URL names."""
    return urlsplit(url).netloc.rpartition("@")[2]
