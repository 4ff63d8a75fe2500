"""Stores behind URLs: buckets (``s3://``, ``gs://``) through tensorstore, and web servers.

What servers need is taken from the environment: the variables of their own tools, and two of ours
for retries and for how long to wait (docs/remote-stores.md).
"""

from __future__ import annotations

import functools
import json
import os
import re
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import tensorstore as ts

from lineage_triplets.engine.errors import Problem, StoppedError, StoreError
from lineage_triplets.engine.plates.limits import in_words, most_metadata_bytes
from lineage_triplets.engine.plates.web import (
    FailedError,
    Patience,
    RefusedError,
    SentOnError,
    TooLongError,
    fetch,
    server_of,
)
from lineage_triplets.engine.process import note_read
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.engine.waiting import is_stopped, tell_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T_co = TypeVar("T_co", covariant=True)

SCHEMES = ("s3", "gs", "https", "http")
_TIMEOUT = "LINEAGE_TRIPLETS_REMOTE_TIMEOUT"
_RETRIES = "LINEAGE_TRIPLETS_REMOTE_RETRIES"
_TIMEOUT_SECONDS, _N_RETRIES = 300.0, 6
_ASK_EVERY_SECONDS = 0.2
# A connection that gives nothing for so long is dropped, and asked again.
_SILENT = "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS"
_STALL = {_SILENT: "10", "TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES": "1"}
_DOWN_SECONDS = 10.0
_CREDENTIALS = {
    "s3": "Check the credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "AWS_NO_SIGN_REQUEST=YES for a public bucket), AWS_ENDPOINT_URL if it is not Amazon's, and "
    "that they may list the bucket: without that, what is absent is refused too.",
    "gs": "Check the credentials (gcloud auth application-default login, or "
    "GOOGLE_APPLICATION_CREDENTIALS), and that they may list the bucket.",
}
_NO_CREDENTIALS = "Check that this address can be read without logging in."
_down: dict[str, float] = {}

Faults = dict[str, Exception]
"""What asking for files ended with, by name."""


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


def bucket_spec(url: str) -> dict[str, Any]:
    """Tensorstore's specification of the folder of a bucket that a URL names."""
    for name, value in _STALL.items():
        os.environ.setdefault(name, value)
    scheme, host, path, _ = split_url(url)
    retries = {
        "max_retries": _n_retries() + _counts_first_try(),
        "initial_delay": "500ms",
        "max_delay": "16s",
    }
    folder = f"{path}/" if path else ""
    if scheme == "gs":
        return {"driver": "gcs", "bucket": host, "path": folder, "gcs_request_retries": retries}
    spec = {"driver": "s3", "bucket": host, "path": folder, "s3_request_retries": retries}
    return spec | _s3_options()


def patience() -> Patience:
    """How long a web server is waited for.

    Raises
    ------
    StoreError
        The environment says something that is no number.
    """
    return Patience(_n_retries(), _number(_SILENT, float(_STALL[_SILENT]), least=0.01))


def _n_retries() -> int:
    return int(_number(_RETRIES, _N_RETRIES, least=1))


@functools.cache
def _counts_first_try() -> bool:
    """Whether tensorstore takes the first try for a retry too, as it did before 0.1.86."""
    release = re.findall(r"\d+", version("tensorstore"))[:3]
    return tuple(map(int, release)) < (0, 1, 86)


def _s3_options() -> dict[str, Any]:
    """Endpoint, region and credentials, as Amazon's own tools take them from the environment."""
    given, options = os.environ.get, {}
    endpoint = given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL")
    if endpoint:
        # Without an endpoint tensorstore asks Amazon for the bucket's own region.
        region = given("AWS_REGION") or given("AWS_DEFAULT_REGION") or "us-east-1"
        options = {"endpoint": endpoint.rstrip("/"), "aws_region": region}
    if given("AWS_NO_SIGN_REQUEST", "").lower() in {"yes", "true", "1"}:
        return {**options, "aws_credentials": {"type": "anonymous"}}
    if given("AWS_ACCESS_KEY_ID") and given("AWS_SECRET_ACCESS_KEY"):
        return {**options, "aws_credentials": {"type": "environment"}}
    return options


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
    try:
        found, faults = (_from_web if is_web(folder) else _from_bucket)(folder, names)
    except TimeoutError:
        if is_stopped():
            raise StoppedError from None
        note_down(server)
        raise _fault(folder, *unreachable()) from None
    if any(_is_down(fault) for fault in faults.values()):
        note_down(server)
    worst = [fault for fault in faults.values() if not _is_refused(fault)]
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


def file_url(folder: str, name: str) -> str:
    """URL of a file in a folder of a web server."""
    scheme, host, path, query = split_url(folder)
    inside = f"{path}/" if path else ""
    return f"{scheme}://{host}/{inside}{name}{query}"


def _from_web(folder: str, names: Sequence[str]) -> tuple[dict[str, bytes], Faults]:
    urls = {name: (file_url(folder, name), most_metadata_bytes(name)) for name in names}
    found, faults = fetch(urls, patience(), longest_wait_seconds())
    return found, dict(faults)


def _from_bucket(folder: str, names: Sequence[str]) -> tuple[dict[str, bytes], Faults]:
    found: dict[str, bytes] = {}
    faults: Faults = {}
    since = time.monotonic()

    def nobody_waits() -> bool:
        tell_of(split_url(folder)[1], since, "")
        return is_stopped()

    try:
        store, path = _open(folder)
        asked = {name: store.read(path + name) for name in names}
    except ValueError as fault:
        return {}, dict.fromkeys(names, fault)
    for name, future in asked.items():
        try:
            result = answer(future, nobody_waits)
            if result.state != "value":
                continue
            if len(result.value) > most_metadata_bytes(name):
                faults[name] = TooLongError(most_metadata_bytes(name))
                break
            found[name] = bytes(result.value)
        except ValueError as fault:
            faults[name] = fault
            if not _is_refused(fault):
                break
    return found, faults


def _told(fault: Exception, folder: str) -> tuple[str, str, str]:
    """Kind, message and remedy of what reading metadata ended with."""
    if isinstance(fault, TooLongError):
        message = (
            f"more than {in_words(fault.most_bytes)} came in the place of metadata, which is more "
            "than they have."
        )
        return "bad-metadata", message, "Check that the address is that of a store."
    other = ("unreadable", f"it cannot be read ({first_line(fault)}).", "Check the address.")
    return trouble(fault, folder) or other


def _open(folder: str) -> tuple[ts.KvStore, str]:
    spec = bucket_spec(folder)
    path = spec.pop("path", "")
    # Tensorstore's objects do not outlive a fork.
    return _opened(os.getpid(), json.dumps(spec)), path


@functools.lru_cache(maxsize=64)
def _opened(_process: int, spec: str) -> ts.KvStore:
    return answer(ts.KvStore.open(json.loads(spec)))


def trouble(error: Exception, url: str) -> tuple[str, str, str] | None:
    """Kind, message and remedy where nothing came, it is refused, or a server fails; else None."""
    if isinstance(error, TimeoutError):
        return unreachable(str(error))
    if not is_url(url):
        if not _is_refused(error):
            return None
        return "unreadable", f"no permission to read it ({first_line(error)}).", "Ask for access."
    if _is_refused(error):
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
    if isinstance(error, FailedError) or re.search(
        r"\b(ABORTED|UNAVAILABLE|DEADLINE_EXCEEDED|CURL|curl_code)\b", str(error)
    ):
        return (
            "unreachable",
            f"the server cannot be reached, or fails ({first_line(error)}).",
            f"Check the network and the address; {_RETRIES} sets how often a request is repeated.",
        )
    return None


def _is_refused(error: Exception) -> bool:
    if isinstance(error, RefusedError):
        return True
    return re.search(r"\b(PERMISSION_DENIED|UNAUTHENTICATED)\b", str(error)) is not None


def _is_down(error: Exception) -> bool:
    if isinstance(error, FailedError):
        return error.is_down
    words = "Could not connect|Could not resolve|Timeout was reached"
    return re.search(words, str(error)) is not None


def first_line(error: Exception) -> str:
    """Tensorstore's own words without its details, and without what may be secret in a URL."""
    text = str(error).partition("\n")[0].partition(" [")[0].rstrip(".")
    return re.sub(r"(://[^\s\"'?]*)\?[^\s\"']*", r"\1", text)


def _fault(folder: str, kind: str, message: str, remedy: str) -> StoreError:
    return StoreError(Problem(kind, message, remedy, file=folder))
