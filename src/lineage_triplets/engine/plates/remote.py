"""URLs of stores, how long servers are waited for, and their trouble in words.

How long and how often is taken from the environment (docs/remote-stores.md).
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from lineage_triplets.engine.errors import Problem, StoppedError, StoreError
from lineage_triplets.engine.plates.requests import FailedError, RefusedError, SentOnError
from lineage_triplets.engine.plates.web import Patience
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.waiting import is_stopped

if TYPE_CHECKING:
    from collections.abc import Callable

T_co = TypeVar("T_co", covariant=True)

SCHEMES = ("s3", "gs", "https", "http")
_TIMEOUT = "LINEAGE_TRIPLETS_REMOTE_TIMEOUT"
_RETRIES = "LINEAGE_TRIPLETS_REMOTE_RETRIES"
_TIMEOUT_SECONDS, _N_RETRIES = 300.0, 6
_ASK_EVERY_SECONDS = 0.2
_SILENT = "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS"
STALL = {_SILENT: "10", "TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES": "1"}
"""A connection that gives nothing for so long is dropped, and asked again."""

_CREDENTIALS = {
    "s3": "Check the credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "AWS_NO_SIGN_REQUEST=YES for a public bucket), AWS_ENDPOINT_URL if it is not Amazon's, and "
    "that they may list the bucket: without that, what is absent is refused too.",
    "gs": "Check the credentials (gcloud auth application-default login, or "
    "GOOGLE_APPLICATION_CREDENTIALS), and that they may list the bucket.",
}
_NO_CREDENTIALS = "Check that this address can be read without logging in."


def split_url(url: str) -> tuple[str, str, str, str]:
    """Scheme, bucket or host, path without outer slashes, and query with its ``?``.

    Raises
    ------
    StoreError
        The scheme is none that is read, or no bucket or host is named.
    """
    scheme, _, rest = url.partition("://")
    scheme, query = scheme.lower(), ""
    if scheme in {"http", "https"}:
        rest, mark, query = rest.partition("?")
        query = mark + query
    host, _, path = rest.partition("/")
    if scheme not in SCHEMES or not host:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise StoreError(
            Problem(
                "remote-store",
                "no store is read there." if host else "it names no bucket or host.",
                f"Use {known}, or copy or mount the store.",
                file=url,
            )
        )
    return scheme, host, path.strip("/"), query


def is_web(path: str) -> bool:
    """Whether something is behind a web server, and neither a file nor in a bucket."""
    return is_url(path) and split_url(path)[0] in {"http", "https"}


def patience() -> Patience:
    """How long a web server is waited for.

    Raises
    ------
    StoreError
        The environment says something that is no number.
    """
    return Patience(n_retries(), _number(_SILENT, float(STALL[_SILENT]), least=0.01))


def n_retries() -> int:
    """How often a request that fails is repeated; raises as `patience`."""
    return int(_number(_RETRIES, _N_RETRIES, least=1))


def _number(variable: str, default: float, least: float) -> float:
    text = os.environ.get(variable, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1.0
    if not least <= number < float("inf"):
        raise StoreError(
            Problem(
                "bad-value",
                f"{variable} is {text!r}.",
                f"Set it to a number from {least:g} on, or unset it.",
            )
        )
    return number


class _Awaited(Protocol[T_co]):
    """What tensorstore gives for a request."""

    def result(self, timeout: float | None = None) -> T_co:
        """Wait for the result."""


def longest_wait_seconds() -> float:
    """The longest that a store is waited for: a server, or a disk.

    Raises
    ------
    StoreError
        The environment says something that is no number.
    """
    return _number(_TIMEOUT, _TIMEOUT_SECONDS, least=0.01)


def _no_answer(seconds: float) -> str:
    return f"no answer came within {seconds:g} s"


def unreachable(message: str | None = None) -> tuple[str, str, str]:
    """Kind, message and remedy where nothing came for too long."""
    return (
        "unreachable",
        f"{message or _no_answer(longest_wait_seconds())}.",
        f"Check the disk, network or server; {_TIMEOUT} sets how many seconds to wait.",
    )


def answer(future: _Awaited[T_co], stopped: Callable[[], bool] | None = None) -> T_co:
    """Wait for a result no longer than people want to.

    Parameters
    ----------
    future : tensorstore.Future
    stopped : callable, optional
        Asked some times a second; once it says so, nothing more is waited for.

    Raises
    ------
    StoppedError
        Nobody wants it any more, as of `waiting.wanted_until`.
    TimeoutError
        It did not come; `trouble` says what to do.
    ValueError
        Tensorstore's own.
    """
    seconds = longest_wait_seconds()
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        try:
            return future.result(timeout=min(left, _ASK_EVERY_SECONDS))
        except TimeoutError:
            if is_stopped():
                raise StoppedError from None
            if stopped is not None and stopped():
                raise TimeoutError("it was stopped") from None
            if time.monotonic() >= end:
                raise TimeoutError(_no_answer(seconds)) from None


def file_url(folder: str, name: str) -> str:
    """URL of a file in a folder."""
    scheme, host, path, query = split_url(folder)
    inside = f"{path}/" if path else ""
    return f"{scheme}://{host}/{inside}{name}{query}"


def trouble(error: Exception, url: str) -> tuple[str, str, str] | None:
    """Kind, message and remedy where nothing came, it is refused, or a server fails; else None."""
    if isinstance(error, TimeoutError):
        return unreachable(str(error))
    if not is_url(url):
        if not is_refused(error):
            return None
        return "unreadable", f"no permission to read it ({first_line(error)}).", "Ask for access."
    if is_refused(error):
        remedy = _CREDENTIALS.get(url.partition("://")[0].lower(), _NO_CREDENTIALS)
        return "unreadable", f"no permission to read it ({first_line(error)}).", remedy
    if isinstance(error, SentOnError):
        folder = str(error.leads_to).partition("?")[0].rpartition("/")[0]
        message = f"the server sends on to {folder} ({error.status}), which is not followed."
        remedy = (
            "Name that address in the config if the store is there; if it is a page to log in, "
            "find an address that can be read without."
        )
        return "unreadable", message, remedy
    if isinstance(error, FailedError):
        return (
            "unreachable",
            f"the server cannot be reached, or fails ({first_line(error)}).",
            f"Check the network and the address; {_RETRIES} sets how often a request is repeated.",
        )
    return None


def is_refused(error: Exception) -> bool:
    """Whether who asks may not read it."""
    if isinstance(error, RefusedError):
        return True
    return re.search(r"\b(PERMISSION_DENIED|UNAUTHENTICATED)\b", str(error)) is not None


def first_line(error: Exception) -> str:
    """Tensorstore's own words without its details, and without what may be secret in a URL."""
    text = str(error).partition("\n")[0].partition(" [")[0].rstrip(".")
    return re.sub(r"(://[^\s\"'?]*)\?[^\s\"']*", r"\1", text)
