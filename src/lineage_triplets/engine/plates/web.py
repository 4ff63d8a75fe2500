"""Files of web servers: what comes is counted while it comes, and ends at a bound."""

from __future__ import annotations

import base64
import functools
import os
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as SilentError

from lineage_triplets.engine.plates.requests import (
    FailedError,
    OddAnswerError,
    RefusedError,
    Request,
    SentOnError,
    TooLongError,
    server_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from lineage_triplets.engine.plates.requests import ByteRange

_PIECE_BYTES = 1 << 18
_FIRST_DELAY_SECONDS, _MOST_DELAY_SECONDS = 0.5, 16.0
MOST_CONNECTIONS = 32
"""To a server: no more files than these are asked for at once."""

_MOST_HOPS = 5
_ABSENT, _REFUSED = frozenset({404, 410}), frozenset({401, 403, 407})
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


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


class _BrokenOffError(Exception):
    """Less came than was announced."""


class _FailingError(Exception):
    """The server says that it fails."""


class WebRequest(Request):
    """A request to a web server: no more than `most_bytes` are taken.

    Parameters
    ----------
    url, most_bytes, part
        See `Request`.
    patience : Patience
    """

    def __init__(
        self, url: str, most_bytes: int, patience: Patience, part: ByteRange | None = None
    ) -> None:
        super().__init__(url, most_bytes, part)
        self._patience = patience

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


def is_web_page(content: bytes) -> bool:
    """Whether what came is a page for people, often one that asks them to log in."""
    return re.match(rb"\s*<(!doctype html|html)", content, re.IGNORECASE) is not None


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
