"""Objects of buckets (``s3://``, ``gs://``), through tensorstore, which knows how to sign.

It takes a whole object whatever its length, and tells no length beforehand. So the byte behind the
bound is asked for first: of an object within its bound, servers say that there is none.
"""

from __future__ import annotations

import functools
import json
import os
import re
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import tensorstore as ts

from lineage_triplets.engine.plates.remote import (
    STALL,
    first_line,
    is_refused,
    n_retries,
    split_url,
)
from lineage_triplets.engine.plates.requests import (
    FailedError,
    OddAnswerError,
    RefusedError,
    RemoteError,
    Request,
    TooLongError,
)

if TYPE_CHECKING:
    from lineage_triplets.engine.plates.requests import ByteRange

_FAILS = r"\b(ABORTED|UNAVAILABLE|DEADLINE_EXCEEDED|CURL|curl_code)\b"
_IS_DOWN = "Could not connect|Could not resolve|Timeout was reached"
_GIVES_NO_PARTS = "was ignored by server"
_LOOK_EVERY_SECONDS = 0.2
_DRIVERS = {"s3": "s3", "gs": "gcs"}
_REQUESTS_AT_ONCE = 32
# What tensorstore can name; no object is that long.
_MOST_OBJECT_BYTES = 2**63 - 1


class BucketRequest(Request):
    """A request to a bucket: of an object with more than `most_bytes`, one byte is taken.

    What a try ended with is not told, as tensorstore asks again by itself.

    Parameters
    ----------
    url, most_bytes, part
        See `Request`.
    """

    def __init__(self, url: str, most_bytes: int, part: ByteRange | None = None) -> None:
        super().__init__(url, most_bytes, part)
        self._spec, self._n_at_once = json.dumps(bucket_spec(url)), requests_at_once(url)

    def _ask_until_answered(self) -> bytes | None:
        try:
            return self._whole() if self._part is None else self._cut(self._part)
        except RemoteError:
            raise
        except ValueError as error:
            raise _told(error) from None

    def _cut(self, part: ByteRange) -> bytes | None:
        start, n_bytes = part
        end = start + n_bytes
        if end > _MOST_OBJECT_BYTES:
            return b""
        try:
            return self._read(slice(start, end) if start >= 0 else slice(-n_bytes, None))
        except ValueError as error:
            if not _is_out_of_range(error):
                raise
            return b""

    def _whole(self) -> bytes | None:
        try:
            behind = self._read(slice(self._most_bytes, self._most_bytes + 1))
        except ValueError as error:
            if not _is_out_of_range(error):
                raise
        else:
            if behind is None:
                return None
            raise TooLongError(self._most_bytes)
        content = self._read(None)
        # It was unpacked on its way, or is another one by now.
        if content is not None and len(content) > self._most_bytes:
            raise TooLongError(self._most_bytes)
        return content

    def _read(self, part: slice | None) -> bytes | None:
        # Tensorstore's objects do not outlive a fork.
        store = _opened(os.getpid(), self._spec, self._n_at_once)
        key = split_url(self.url)[2]
        future = store.read(key) if part is None else store.read(key, byte_range=part)
        # A thread that waits inside tensorstore would abort a program that ends.
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        while not done.wait(_LOOK_EVERY_SECONDS):
            if self._given_up.is_set():
                future.cancel()
                raise FailedError("it was given up", is_down=False)
        result = future.result()
        return None if result.state == "missing" else result.value


@functools.lru_cache(maxsize=64)
def _opened(_process: int, spec: str, n_at_once: int) -> ts.KvStore:
    described = json.loads(spec)
    limit = f"{described['driver']}_request_concurrency"
    return ts.KvStore.open(described, context=ts.Context({limit: {"limit": n_at_once}})).result()


def _is_out_of_range(error: ValueError) -> bool:
    return str(error).startswith("OUT_OF_RANGE")


def _told(error: ValueError) -> RemoteError:
    """Say what tensorstore's own error means."""
    words = first_line(error)
    if _GIVES_NO_PARTS in str(error):
        words = "the server gives whole files where parts are asked for"
    if is_refused(error):
        return RefusedError(words)
    if re.search(_FAILS, str(error)):
        return FailedError(words, is_down=re.search(_IS_DOWN, str(error)) is not None)
    return OddAnswerError(words)


def requests_at_once(url: str) -> int:
    """How many requests are sent to a bucket at a time.

    Twice as many as tensorstore would send: every other one is for a byte, which is waited for.
    """
    driver = _DRIVERS[split_url(url)[0]].upper()
    given = os.environ.get(f"TENSORSTORE_{driver}_REQUEST_CONCURRENCY", "")
    return 2 * (int(given) if given.isdecimal() and int(given) else _REQUESTS_AT_ONCE)


def bucket_spec(url: str) -> dict[str, Any]:
    """Tensorstore's specification of the bucket that a URL is in."""
    for name, value in STALL.items():
        os.environ.setdefault(name, value)
    scheme, bucket, _, _ = split_url(url)
    driver = _DRIVERS[scheme]
    retries = {
        "max_retries": n_retries() + _counts_first_try(),
        "initial_delay": "500ms",
        "max_delay": "16s",
    }
    spec = {"driver": driver, "bucket": bucket, f"{driver}_request_retries": retries}
    return spec | (_s3_options() if driver == "s3" else {})


@functools.cache
def _counts_first_try() -> bool:
    """Whether tensorstore takes the first try for a retry too, as it did before 0.1.86."""
    release = re.findall(r"\d+", version("tensorstore"))[:3]
    return tuple(map(int, release)) < (0, 1, 86)


def _s3_options() -> dict[str, Any]:
    """Endpoint, region and credentials, as Amazon's own tools take them from the environment."""
    given = os.environ.get
    options: dict[str, Any] = {}
    endpoint = given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL")
    if endpoint:
        # Without an endpoint tensorstore asks Amazon for the bucket's own region.
        region = given("AWS_REGION") or given("AWS_DEFAULT_REGION") or "us-east-1"
        options = {"endpoint": endpoint.rstrip("/"), "aws_region": region}
    if given("AWS_NO_SIGN_REQUEST", "").lower() in {"yes", "true", "1"}:
        return {**options, "aws_credentials": {"type": "anonymous"}}
    if given("AWS_ACCESS_KEY_ID") and given("AWS_SECRET_ACCESS_KEY"):
        return {**options, "aws_credentials": {"type": "environment"}}
    # Tensorstore finds no profile that it is not told the name of.
    profile = given("AWS_PROFILE") or "default"
    return {**options, "aws_credentials": {"type": "default", "profile": profile}}
