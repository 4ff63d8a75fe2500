"""Small files of web servers: what comes is counted while it comes, and ends at a bound.

Tensorstore, which reads their chunks, takes a body of any length, and goes on with it when nobody
wants it any more.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.waiting import is_stopped, tell_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_PIECE_BYTES = 1 << 16
_LOOK_EVERY_SECONDS = 0.05
_FIRST_DELAY_SECONDS, _MOST_DELAY_SECONDS = 0.5, 16.0
_ABSENT, _REFUSED = frozenset({404, 410}), frozenset({401, 403, 407})
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)


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
        self._socket: socket.socket | None = None
        # A program that ends does not wait for it.
        threading.Thread(target=self._run, daemon=True).start()

    def give_up(self) -> None:
        """End it; what comes is not taken any more."""
        self._given_up.set()
        open_socket = self._socket
        if open_socket is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

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
            except (OSError, http.client.HTTPException) as error:
                self.failure = _words(error)
                is_down = isinstance(error, OSError)
                if isinstance(error, ssl.SSLCertVerificationError):
                    break
            if not left or self._given_up.wait(delay):
                break
            delay = min(2 * delay, _MOST_DELAY_SECONDS)
        raise FailedError(self.failure, is_down=is_down)

    def _ask(self) -> bytes | None:
        """Ask once; on a connection that was left open, or else on a new one."""
        parts = urlsplit(self.url)
        while True:
            try:
                connection, was_open = _idle[parts.scheme, parts.netloc].pop(), True
            except LookupError:
                connection, was_open = _connect(parts, self._silent_seconds), False
            try:
                return self._answer(connection, parts)
            except (http.client.RemoteDisconnected, ConnectionError):
                # The server may have closed it in the meantime.
                if not was_open or self._given_up.is_set():
                    raise
            finally:
                self._socket = None

    def _answer(self, connection: http.client.HTTPConnection, parts: SplitResult) -> bytes | None:
        whole, response = False, None
        try:
            if connection.sock is None:
                connection.connect()
            # A response that is the connection's last one takes it over.
            self._socket = connection.sock
            connection.request("GET", _target(connection, parts), headers=_headers(parts))
            response = connection.getresponse()
            self._refuse(response)
            if response.status in _ABSENT and (response.length or 0) > _PIECE_BYTES:
                return None
            content = self._body(response)
            whole = not response.will_close
            return None if response.status in _ABSENT else content
        finally:
            if whole:
                _idle.setdefault((parts.scheme, parts.netloc), []).append(connection)
            else:
                connection.close()
                if response is not None:
                    response.close()

    def _refuse(self, response: http.client.HTTPResponse) -> None:
        """Raise what an answer without a file says."""
        status, words = response.status, f"HTTP {response.status} {response.reason}"
        leads_to = response.headers.get("Location")
        if status in _REFUSED:
            raise RefusedError(words)
        if 300 <= status < 400 and leads_to is not None:
            raise SentOnError(urljoin(self.url, leads_to), status)
        if status in _AGAIN:
            raise http.client.HTTPException(words)
        if status not in _ABSENT and status != http.client.OK:
            raise OddAnswerError(words)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        if response.length is not None and response.length > self._most_bytes:
            raise TooLongError
        content = bytearray()
        while piece := response.read1(_PIECE_BYTES):
            content += piece
            if len(content) > self._most_bytes:
                raise TooLongError
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        # What is empty is not over by itself.
        response.close()
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


def _connect(parts: SplitResult, silent_seconds: float) -> http.client.HTTPConnection:
    """Connect to a server, or to the proxy before it."""
    host = parts.netloc.rpartition("@")[2]
    secure = parts.scheme == "https"
    proxy = None if proxy_bypass(host) else getproxies().get(parts.scheme)
    via = urlsplit(proxy if "://" in (proxy or "") else f"http://{proxy}") if proxy else None
    place = host if via is None else via.netloc.rpartition("@")[2]
    connection: http.client.HTTPConnection
    if secure:
        bundle = os.environ.get("TENSORSTORE_CA_BUNDLE")
        context = ssl.create_default_context(cafile=bundle)
        connection = http.client.HTTPSConnection(place, timeout=silent_seconds, context=context)
        if via is not None:
            connection.set_tunnel(host, headers=_login(via, "Proxy-Authorization"))
    else:
        connection = http.client.HTTPConnection(place, timeout=silent_seconds)
    return connection


def _target(connection: http.client.HTTPConnection, parts: SplitResult) -> str:
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
    inside = path + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    direct = parts.scheme == "https" or connection.host == urlsplit(f"//{host}").hostname
    return inside if direct else f"http://{host}{inside}"


def _headers(parts: SplitResult) -> dict[str, str]:
    host = parts.netloc.rpartition("@")[2]
    return {"Host": host, "Accept-Encoding": "identity", **_login(parts, "Authorization")}


def _login(parts: SplitResult, header: str) -> dict[str, str]:
    if parts.username is None:
        return {}
    named = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {header: f"Basic {base64.b64encode(named).decode()}"}


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
