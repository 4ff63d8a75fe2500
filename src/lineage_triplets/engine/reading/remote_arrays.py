"""Arrays behind URLs: their chunks are fetched here, and decoded by tensorstore from memory.

Tensorstore would take a body of any length. Here no more is taken than a chunk can be, as its array
says. Of shards the index and the chunks that are wanted are asked for, by range
(https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html).
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar, cast

import tensorstore as ts

from lineage_triplets.engine.plates.chunks import (
    ShardIndexError,
    chunk_files,
    shard_index,
    shard_index_bytes,
)
from lineage_triplets.engine.plates.limits import most_metadata_bytes
from lineage_triplets.engine.plates.remote import file_url, first_line
from lineage_triplets.engine.plates.remote_files import (
    is_down,
    most_requests,
    note_down,
    request_of,
)
from lineage_triplets.engine.plates.requests import ByteRange, FailedError, RemoteError, server_of
from lineage_triplets.engine.plates.web import is_web_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lineage_triplets.engine.arrays import Pixels, UInt64Array
    from lineage_triplets.engine.plates.chunks import ChunkFiles, Shards
    from lineage_triplets.engine.plates.requests import Request

# What cannot be compressed comes a little longer, with its headers and checksums.
_MOST_GROWTH, _HEADER_BYTES = 1 / 8, 1 << 16
# Of all chunks that are on their way in a process.
_MOST_COMING_BYTES = 1 << 28
# Of the indices of shards that an array keeps, besides one.
_INDICES_BYTES = 4_000_000
_UNWRITTEN = 2**64 - 1


_Result = TypeVar("_Result")


class AbsentError(RemoteError):
    """The server has no such file."""


class UndecodedError(RemoteError):
    """What came is no chunk of its array."""


def open_remote_array(
    folder: str, zarr_format: int, context: ts.Context | None, *, fill_absent: bool
) -> ts.Future[ts.TensorStore]:
    """Begin to open an array behind a URL for reading.

    Chunks that are kept are not compared with the server's again.

    Parameters
    ----------
    folder : str
        URL.
    zarr_format : int
        2 or 3.
    context : tensorstore.Context or None
        Its memory for decoded chunks, and its threads.
    fill_absent : bool
        Whether chunks that are not there are the fill value, and no error.

    Returns
    -------
    tensorstore.Future
        Of the array. What it ends with, and what reading it ends with, is a `RemoteError` if the
        server is to blame.
    """
    name = ".zarray" if zarr_format == 2 else "zarr.json"

    def work() -> ts.TensorStore:
        described = _ask(file_url(folder, name), most_metadata_bytes(name))
        return _RemoteArray(folder, name, json.loads(described), fill_absent=fill_absent).view(
            context
        )

    return _workers_of(os.getpid(), server_of(folder), most_requests(folder)).begin(work)


class _RemoteArray:
    """Fetches the chunks of an array one by one, and has each decoded.

    A chunk is put into an array in memory that is described as the server's, except that chunks of
    shards lie in files of their own; tensorstore never asks for a chunk twice at a time.
    """

    def __init__(
        self, folder: str, name: str, described: dict[str, Any], *, fill_absent: bool
    ) -> None:
        self._folder = folder
        self._fill_absent = fill_absent
        files = chunk_files(name, described)
        if files is None:
            raise UndecodedError("its chunks lie in no grid that is known")
        self._files: ChunkFiles = files
        self._memory, self._decoded = _in_memory(name, _without_shards(described, files))
        self._chunk_shape = cast("tuple[int, ...]", self._decoded.chunk_layout.write_chunk.shape)
        n_bytes = math.prod(self._chunk_shape) * self._decoded.dtype.numpy_dtype.itemsize
        self._most_bytes = n_bytes + int(_MOST_GROWTH * n_bytes) + _HEADER_BYTES
        self._workers = _workers_of(os.getpid(), server_of(folder), most_requests(folder))
        self._indices: dict[str, Future[UInt64Array | None]] = {}
        self._lock = threading.Lock()

    def view(self, context: ts.Context | None) -> ts.TensorStore:
        """Give it as an array of tensorstore's, which keeps and cuts decoded chunks."""
        return ts.virtual_chunked(
            self._begin_to_read,
            dtype=self._decoded.dtype,
            domain=self._decoded.domain,
            chunk_layout=ts.ChunkLayout(read_chunk_shape=self._chunk_shape),
            context=context,
        )

    def _begin_to_read(
        self, domain: ts.IndexDomain, target: Pixels, _: ts.VirtualChunkedReadParameters
    ) -> ts.Future[None]:
        return self._workers.begin(lambda: self._read(domain, target))

    def _read(self, domain: ts.IndexDomain, target: Pixels) -> None:
        """Fill the target with a chunk, as far as it is inside the array."""
        starts = zip(domain.origin, self._chunk_shape, strict=True)
        place = [start // size for start, size in starts]
        with _ROOM.of(self._most_bytes):
            self._read_chunk(domain, place, target)

    def _read_chunk(self, domain: ts.IndexDomain, place: Sequence[int], target: Pixels) -> None:
        url, content = self._fetch(place)
        if content is None and not self._fill_absent:
            raise _at(url, AbsentError("nothing is there"))
        if content is None:
            target[...] = self._decoded.fill_value or 0
            return
        key = self._files.key(place)
        self._memory.write(key, content).result()
        try:
            ts.array(target).write(self._decoded[domain]).result()
        except ValueError as error:
            raise _at(url, UndecodedError(_why_no_chunk(content, error))) from None
        finally:
            self._memory.write(key, None).result()

    def _fetch(self, place: Sequence[int]) -> tuple[str, bytes | None]:
        """Where a chunk is, and its bytes; None where it was never written."""
        shards = self._files.shards
        if shards is None:
            url = file_url(self._folder, self._files.key(place))
            return url, _answer(request_of(url, self._most_bytes))
        of_shard = [at // n for at, n in zip(place, shards.n_chunks, strict=True)]
        url = file_url(self._folder, self._files.key(of_shard))
        index = self._index(url, shards)
        if index is None:
            return url, None
        inside = 0
        for at, n in zip(place, shards.n_chunks, strict=True):
            inside = inside * n + at % n
        start, n_bytes = index[inside].tolist()
        if start == n_bytes == _UNWRITTEN:
            return url, None
        if not n_bytes:
            return url, b""
        if n_bytes > self._most_bytes:
            raise _at(url, UndecodedError(f"its index says that a chunk has {n_bytes:,} bytes"))
        part = ByteRange(start, n_bytes)
        content = _answer(request_of(url, n_bytes, part))
        if content is None or len(content) < n_bytes:
            raise _at(url, UndecodedError("the shard ends before its chunk"))
        return url, content

    def _index(self, url: str, shards: Shards) -> UInt64Array | None:
        """Start and length of the chunks of a shard, fetched once; None where there is no shard."""
        n_kept = _INDICES_BYTES // shard_index_bytes(shards)
        with self._lock:
            known = self._indices.pop(url, None)
            index = self._indices[url] = known or Future()
            if len(self._indices) > n_kept + 1:
                del self._indices[next(iter(self._indices))]
        if known is None:
            try:
                index.set_result(_fetch_index(url, shards))
            # Whoever else wants it would wait for ever.
            except Exception as error:  # noqa: BLE001
                index.set_exception(error)
                with self._lock:
                    self._indices.pop(url, None)
        return index.result()


def _fetch_index(url: str, shards: Shards) -> UInt64Array | None:
    n_bytes = shard_index_bytes(shards)
    part = ByteRange(-1 if shards.index_at_end else 0, n_bytes)
    content = _answer(request_of(url, n_bytes, part))
    if content is None:
        return None
    try:
        return shard_index(content, shards)
    except ShardIndexError as error:
        raise _at(url, UndecodedError(str(error))) from None


def _without_shards(described: dict[str, Any], files: ChunkFiles) -> dict[str, Any]:
    """Describe an array whose chunks lie in files of their own."""
    if files.shards is None:
        return described
    sharding = described["codecs"][0]["configuration"]
    grid = {"name": "regular", "configuration": {"chunk_shape": sharding["chunk_shape"]}}
    return {**described, "chunk_grid": grid, "codecs": sharding["codecs"]}


def _in_memory(name: str, described: dict[str, Any]) -> tuple[ts.KvStore, ts.TensorStore]:
    """Make a store in memory, and open the array in it that is described; it has no chunks."""
    context = ts.Context()
    store = ts.KvStore.open({"driver": "memory"}, context=context).result()
    store.write(name, json.dumps(described).encode()).result()
    driver = "zarr" if name == ".zarray" else "zarr3"
    spec = {"driver": driver, "kvstore": {"driver": "memory"}, "open": True}
    return store, ts.open(spec, context=context).result()


def _why_no_chunk(content: bytes, error: Exception) -> str:
    if is_web_page(content):
        return "a web page came in its place"
    return first_line(error)


def _ask(url: str, most_bytes: int) -> bytes:
    """Fetch a file that has to be there."""
    content = _answer(request_of(url, most_bytes))
    if content is None:
        raise _at(url, AbsentError("nothing is there"))
    return content


def _answer(request: Request) -> bytes | None:
    """Ask a server, unless it could not be reached a moment ago."""
    server = server_of(request.url)
    if is_down(server):
        words = f"{server} could not be reached a moment ago"
        raise _at(request.url, FailedError(words, True))
    try:
        return request.answer()
    except FailedError as error:
        if error.is_down:
            note_down(server)
        raise


def _at(url: str, error: RemoteError) -> RemoteError:
    error.url = url
    return error


class _Room:
    """What chunks on their way may take of the memory; one may always come."""

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes
        self._taken = 0
        self._given_back = threading.Condition()

    @contextlib.contextmanager
    def of(self, n_bytes: int) -> Iterator[None]:
        """Wait for room, and give it back."""
        with self._given_back:
            self._given_back.wait_for(
                lambda: not self._taken or self._taken + n_bytes <= self._n_bytes
            )
            self._taken += n_bytes
        try:
            yield
        finally:
            with self._given_back:
                self._taken -= n_bytes
                self._given_back.notify_all()


_ROOM = _Room(_MOST_COMING_BYTES)


class _Workers:
    """Threads that ask one server; they end when nothing is left, and no program waits for them.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Callable[[], None]] = deque()
        self._n_threads = 0
        self._lock = threading.Lock()

    def begin(self, work: Callable[[], _Result]) -> ts.Future[_Result]:
        """Let a thread do some work, and hand on what it gives or raises."""
        # Promise takes no brackets at run time in tensorstore 0.1.77.
        made: tuple[ts.Promise[_Result], ts.Future[_Result]] = ts.Promise.new()
        promise, future = made

        def run() -> None:
            try:
                promise.set_result(work())
            # Whoever waits for it would wait for ever.
            except Exception as error:  # noqa: BLE001
                promise.set_exception(error)

        with self._lock:
            self._waiting.append(run)
            if self._n_threads == self._most:
                return future
            self._n_threads += 1
        threading.Thread(target=self._work, daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._n_threads -= 1
                    return
                run = self._waiting.popleft()
            run()


@functools.lru_cache(maxsize=64)
def _workers_of(_process: int, _server: str, most: int) -> _Workers:
    return _Workers(most)
