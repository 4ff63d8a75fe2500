"""Small files of web servers: what comes is counted while it comes, and ends at a bound.

Tensorstore, which reads their chunks, takes a body of any length, and goes on with it when nobody
wants it any more.
"""

from __future__ import annotations

import base64
import functools
import os
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as SilentError

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.waiting import is_stopped, tell_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_PIECE_BYTES = 1 << 16
_LOOK_EVERY_SECONDS = 0.05
_FIRST_DELAY_SECONDS, _MOST_DELAY_SECONDS = 0.5, 16.0
# That are left open to a server: no more files than these are asked for at once.
_MOST_CONNECTIONS = 32
_ABSENT, _REFUSED = frozenset({404, 410}), frozenset({401, 403, 407})
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class RefusedError(Exception):
    """The server wants to know who asks."""


class SentOnError(Exception):
    """The server sends on to another address, the first of the arguments."""


class OddAnswerError(Exception):
    """The server answers something that is neither the file nor a failure that may pass."""


class TooLongError(Exception):
    """More comes than is believed."""


class FailedError(Exception):
    """The server fails, or cannot be reached, again and again."""

    def __init__(self, words: str, *, is_down: bool) -> None:
        super().__init__(words)
        self.is_down = is_down


class _BrokenOffError(Exception):
    """Less came than was announced."""


class _FailingError(Exception):
    """The server says that it fails."""


class _Request:
    """One file, asked for by a thread of its own until it is there, or nobody wants it any more."""

    def __init__(self, url: str, most_bytes: int, n_retries: int, silent_seconds: float) -> None:
        self.url = url
        self.content: bytes | None = None
        self.error: Exception | None = None
        self.failure = ""
        self.done = threading.Event()
        self._most_bytes = most_bytes
        self._n_retries = n_retries
        self._silent_seconds = silent_seconds
        self._given_up = threading.Event()
        # A program that ends does not wait for it.
        threading.Thread(target=self._run, daemon=True).start()

    def give_up(self) -> None:
        """End it; what comes is not taken any more."""
        self._given_up.set()

    def _run(self) -> None:
        try:
            self.content = self._ask_until_answered()
        except (RefusedError, SentOnError, OddAnswerError, TooLongError, FailedError) as error:
            self.error = error
        finally:
            self.done.set()

    def _ask_until_answered(self) -> bytes | None:
        delay = _FIRST_DELAY_SECONDS
        for left in range(self._n_retries, -1, -1):
            try:
                return self._ask()
            except (HTTPError, _FailingError, _BrokenOffError) as error:
                self.failure = _words(error)
                is_down = not isinstance(error, _FailingError | _BrokenOffError)
                if isinstance(error, SSLError):
                    break
            if not left or self._given_up.wait(delay):
                break
            delay = min(2 * delay, _MOST_DELAY_SECONDS)
        raise FailedError(self.failure, is_down=is_down)

    def _ask(self) -> bytes | None:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        response = _connections(_proxy(parts.scheme, host)).request(
            "GET",
            parts._replace(netloc=host).geturl(),
            headers={"Accept-Encoding": "identity", **_login(parts, "Authorization")},
            timeout=self._silent_seconds,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            self._refuse(response)
            if response.status not in _ABSENT:
                return self._body(response)
            # A connection that was read to its end stays open, and serves the next request.
            if _announced(response, _PIECE_BYTES) < _PIECE_BYTES:
                response.drain_conn()
            return None
        finally:
            response.close()

    def _refuse(self, response: urllib3.BaseHTTPResponse) -> None:
        """Raise what an answer without a file says."""
        status, words = response.status, f"HTTP {response.status} {response.reason}"
        leads_to = response.headers.get("Location")
        if status in _REFUSED:
            raise RefusedError(words)
        if 300 <= status < 400 and leads_to is not None:
            raise SentOnError(urljoin(self.url, leads_to), status)
        if status in _AGAIN:
            raise _FailingError(words)
        if status not in _ABSENT and status != 200:
            raise OddAnswerError(words)

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        if _announced(response, 0) > self._most_bytes:
            raise TooLongError
        content = bytearray()
        try:
            for piece in response.stream(_PIECE_BYTES):
                content += piece
                if len(content) > self._most_bytes:
                    raise TooLongError
                if self._given_up.is_set():
                    break
        except ProtocolError as error:
            raise _BrokenOffError(_words(error)) from error
        return bytes(content)


def fetch(
    urls: Mapping[str, str],
    most_bytes: int,
    *,
    n_retries: int,
    most_seconds: float,
    silent_seconds: float,
) -> tuple[dict[str, bytes], dict[str, Exception]]:
    """Read some files side by side.

    Parameters
    ----------
    urls : dict
        By name.
    most_bytes : int
        Of each.
    n_retries : int
    most_seconds : float
        That is waited for all of them.
    silent_seconds : float
        After which a connection that gives nothing is dropped.

    Returns
    -------
    found : dict of str to bytes
        Those that are there.
    faults : dict of str to Exception
        What the others ended with: one of this module's errors.

    Raises
    ------
    TimeoutError
        They did not come in time.
    StoppedError
        Nobody wants them any more.
    """
    since = time.monotonic()
    requests = {
        name: _Request(url, most_bytes, n_retries, silent_seconds) for name, url in urls.items()
    }
    try:
        for request in requests.values():
            while not request.done.wait(_LOOK_EVERY_SECONDS):
                if is_stopped():
                    raise StoppedError
                if time.monotonic() - since > most_seconds:
                    raise TimeoutError
                tell_of(urlsplit(request.url).netloc.rpartition("@")[2], since, request.failure)
    finally:
        for request in requests.values():
            if not request.done.is_set():
                request.give_up()
    found = {name: one.content for name, one in requests.items() if one.content is not None}
    faults = {name: one.error for name, one in requests.items() if one.error is not None}
    return found, faults


@functools.cache
def _connections(proxy: str | None) -> urllib3.PoolManager:
    """Connections that are open, of all threads of this process."""
    bundle = os.environ.get("TENSORSTORE_CA_BUNDLE")
    if proxy is None:
        return urllib3.PoolManager(maxsize=_MOST_CONNECTIONS, ca_certs=bundle)
    login = _login(urlsplit(proxy), "Proxy-Authorization")
    return urllib3.ProxyManager(
        proxy, maxsize=_MOST_CONNECTIONS, proxy_headers=login, ca_certs=bundle
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_connections.cache_clear)


def _proxy(scheme: str, host: str) -> str | None:
    """What is asked in the server's place, as the environment says."""
    proxy = None if proxy_bypass(host) else getproxies().get(scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _login(parts: SplitResult, header: str) -> dict[str, str]:
    if parts.username is None:
        return {}
    named = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {header: f"Basic {base64.b64encode(named).decode()}"}


def _announced(response: urllib3.BaseHTTPResponse, otherwise: int) -> int:
    """Bytes of the body, as far as the server says."""
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isdecimal() else otherwise


def _words(error: Exception) -> str:
    if isinstance(error, SilentError):
        return "no answer"
    below = error.__cause__ or error.__context__
    if isinstance(below, OSError) and below.strerror:
        return below.strerror
    return str(error) or type(error).__name__
