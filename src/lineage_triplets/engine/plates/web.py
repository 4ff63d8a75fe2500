"""Files of web servers: what comes is counted while it comes, and ends at a bound."""

from __future__ import annotations

import base64
import functools
import os
import re
import threading
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as SilentError

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.waiting import is_stopped, tell_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

_PIECE_BYTES = 1 << 18
_LOOK_EVERY_SECONDS = 0.05
_FIRST_DELAY_SECONDS, _MOST_DELAY_SECONDS = 0.5, 16.0
MOST_CONNECTIONS = 32
"""To a server: no more files than these are asked for at once."""

_MOST_HOPS = 5
_ABSENT, _REFUSED = frozenset({404, 410}), frozenset({401, 403, 407})
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


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


class Patience(NamedTuple):
    """How long a server is believed to answer yet.

    Attributes
    ----------
    n_retries : int
    silent_seconds : float
        After which a connection that gives nothing is dropped.
    """

    n_retries: int
    silent_seconds: float


class WebError(ValueError):
    """What asking a server ended with.

    Tensorstore hands errors on as a copy that is made anew of their arguments.

    Attributes
    ----------
    url : str
        What was asked for.
    """

    url = ""


class RefusedError(WebError):
    """The server wants to know who asks."""


class SentOnError(WebError):
    """The server sends on to an address of another one."""

    def __init__(self, leads_to: str, status: int) -> None:
        super().__init__(leads_to, status)
        self.leads_to, self.status = leads_to, status

    def __str__(self) -> str:
        """Say it without what may be secret in a URL."""
        return f"the server sends on to {self.leads_to.partition('?')[0]} ({self.status})"


class OddAnswerError(WebError):
    """The server answers something that is neither the file nor a failure that may pass."""


class TooLongError(WebError):
    """More comes than is believed."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self.most_bytes = most_bytes

    def __str__(self) -> str:
        """Say it with the bound."""
        return f"more than {self.most_bytes:,} bytes came, and it was not read to its end"


class FailedError(WebError):
    """The server fails, or cannot be reached, again and again."""

    def __init__(self, words: str, is_down: bool) -> None:
        super().__init__(words, is_down)
        self.words, self.is_down = words, is_down

    def __str__(self) -> str:
        """Say how it fails."""
        return self.words


class _BrokenOffError(Exception):
    """Less came than was announced."""


class _FailingError(Exception):
    """The server says that it fails."""


class Request:
    """A file, or a part of one, that is asked for until it is there or nobody wants it any more.

    Parameters
    ----------
    url : str
    most_bytes : int
        More are not taken.
    patience : Patience
    part : ByteRange, optional

    Attributes
    ----------
    url : str
    failure : str
        What the last try ended with; empty before one did.
    """

    def __init__(
        self, url: str, most_bytes: int, patience: Patience, part: ByteRange | None = None
    ) -> None:
        self.url = url
        self.failure = ""
        self._most_bytes = most_bytes
        self._patience = patience
        self._part = part
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """End it; what comes is not taken any more."""
        self._given_up.set()

    def answer(self) -> bytes | None:
        """Ask until it is there; None where the server has no such file.

        Raises
        ------
        WebError
            It cannot be had.
        """
        try:
            return self._ask_until_answered()
        except WebError as error:
            error.url = self.url
            raise

    def _ask_until_answered(self) -> bytes | None:
        delay = _FIRST_DELAY_SECONDS
        for left in range(self._patience.n_retries, -1, -1):
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
        raise FailedError(self.failure, is_down)

    def _ask(self) -> bytes | None:
        url = self.url
        for _ in range(_MOST_HOPS):
            response = self._get(url)
            try:
                leads_to = _leads_to(response, url)
                if leads_to is None:
                    return self._taken(response)
                if not _is_same_server(url, leads_to):
                    raise SentOnError(leads_to, response.status)
                _drain(response)
                url = leads_to
            finally:
                response.close()
        raise SentOnError(url, response.status)

    def _get(self, url: str) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(url)
        way = _way_to(parts.scheme, server_of(url))
        headers = {"Accept-Encoding": "identity", **_login(urlsplit(self.url), "Authorization")}
        if self._part is not None:
            start, n_bytes = self._part
            wanted = f"-{n_bytes}" if start < 0 else f"{start}-{start + n_bytes - 1}"
            headers["Range"] = f"bytes={wanted}"
        target = parts._replace(netloc=server_of(url), fragment="")
        if not way.is_proxied:
            target = target._replace(scheme="", netloc="")
        return way.urlopen(
            "GET",
            target.geturl(),
            headers=headers,
            timeout=self._patience.silent_seconds,
            retries=False,
            redirect=False,
            preload_content=False,
        )

    def _taken(self, response: urllib3.BaseHTTPResponse) -> bytes | None:
        """Take the file from an answer, or raise what it says in the place of one."""
        status, words = response.status, f"HTTP {response.status} {response.reason}"
        if status in _REFUSED:
            raise RefusedError(words)
        if status in _AGAIN:
            raise _FailingError(words)
        if status in _ABSENT:
            _drain(response)
            return None
        if self._part is not None and status == 200:
            raise OddAnswerError("the server gives whole files where parts are asked for")
        if status != (200 if self._part is None else 206):
            raise OddAnswerError(words)
        if self._part is not None and self._part.start >= 0:
            begins = f"bytes {self._part.start}-"
            if not response.headers.get("Content-Range", "").startswith(begins):
                raise OddAnswerError("the server gives another part than was asked for")
        return self._body(response)

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        announced = _announced(response, 0)
        if announced > self._most_bytes:
            raise TooLongError(self._most_bytes)
        pieces: list[bytes] = []
        n_bytes = 0
        try:
            for piece in response.stream(announced or _PIECE_BYTES, decode_content=False):
                pieces.append(piece)
                n_bytes += len(piece)
                if n_bytes > self._most_bytes:
                    raise TooLongError(self._most_bytes)
                if self._given_up.is_set():
                    break
        except ProtocolError as error:
            raise _BrokenOffError(_words(error)) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Begun:
    """A request in a thread of its own; a program that ends does not wait for it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.content: bytes | None = None
        self.error: WebError | None = None
        self.done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.content = self.request.answer()
        except WebError as error:
            self.error = error
        finally:
            self.done.set()


def fetch(
    urls: Mapping[str, tuple[str, int]], patience: Patience, most_seconds: float
) -> tuple[dict[str, bytes], dict[str, WebError]]:
    """Read some files side by side.

    Parameters
    ----------
    urls : dict of str to (str, int)
        By name: the URL, and most bytes of it.
    patience : Patience
    most_seconds : float
        That is waited for all of them.

    Returns
    -------
    found : dict of str to bytes
        Those that are there.
    faults : dict of str to WebError
        What the others ended with.

    Raises
    ------
    TimeoutError
        They did not come in time.
    StoppedError
        Nobody wants them any more.
    """
    since = time.monotonic()
    begun = {
        name: _Begun(Request(url, most_bytes, patience)) for name, (url, most_bytes) in urls.items()
    }
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


def is_web_page(content: bytes) -> bool:
    """Whether what came is a page for people, often one that asks them to log in."""
    return re.match(rb"\s*<(!doctype html|html)", content, re.IGNORECASE) is not None


def server_of(url: str) -> str:
    """Host and port that a URL names."""
    return urlsplit(url).netloc.rpartition("@")[2]


class _Way(NamedTuple):
    """What asks a server; a proxy wants to be told the whole URL."""

    urlopen: Callable[..., urllib3.BaseHTTPResponse]
    is_proxied: bool


@functools.lru_cache(maxsize=256)
def _way_to(scheme: str, server: str) -> _Way:
    proxy = _proxy(scheme, server)
    manager = _connections(proxy)
    if proxy is not None:
        return _Way(manager.urlopen, is_proxied=True)
    parts = urlsplit(f"{scheme}://{server}")
    pool = manager.connection_from_host(parts.hostname, parts.port, scheme)
    return _Way(pool.urlopen, is_proxied=False)


@functools.cache
def _connections(proxy: str | None) -> urllib3.PoolManager:
    """Connections that are open, of all threads of this process."""
    bundle = os.environ.get("TENSORSTORE_CA_BUNDLE")
    if proxy is None:
        return urllib3.PoolManager(maxsize=MOST_CONNECTIONS, ca_certs=bundle)
    login = _login(urlsplit(proxy), "Proxy-Authorization")
    return urllib3.ProxyManager(
        proxy, maxsize=MOST_CONNECTIONS, proxy_headers=login, ca_certs=bundle
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_connections.cache_clear)
    os.register_at_fork(after_in_child=_way_to.cache_clear)


def _proxy(scheme: str, host: str) -> str | None:
    """What is asked in the server's place, as the environment says."""
    proxy = None if proxy_bypass(host) else getproxies().get(scheme)
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _login(parts: SplitResult, header: str) -> dict[str, str]:
    if parts.username is None:
        return {}
    named = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {header: f"Basic {base64.b64encode(named).decode()}"}


def _leads_to(response: urllib3.BaseHTTPResponse, url: str) -> str | None:
    """Where an answer sends on to, if it does."""
    location = response.headers.get("Location")
    return urljoin(url, location) if 300 <= response.status < 400 and location else None


def _is_same_server(url: str, other: str) -> bool:
    """Whether a login may go along: the same server, or the same one with encryption."""
    here, there = urlsplit(url), urlsplit(other)
    if server_of(url) == server_of(other) and here.scheme == there.scheme:
        return True
    is_safer = (here.scheme, there.scheme) == ("http", "https")
    return is_safer and here.hostname == there.hostname and here.port == there.port is None


def _drain(response: urllib3.BaseHTTPResponse) -> None:
    """Read a short body to its end: its connection stays open, and serves the next request."""
    if _announced(response, _PIECE_BYTES) < _PIECE_BYTES:
        response.drain_conn()


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
