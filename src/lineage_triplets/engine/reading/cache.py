"""Decoded chunks kept in memory for the batches that come back to them: parts, and pools of them.

A part is a range of bytes of a decoded chunk. Parts of a chunk never overlap; the least recently
used ones go first. Nothing is kept of a file that is no longer the one that was decoded.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol

import tensorstore as ts

from lineage_triplets.engine.process import default_cache_bytes, usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray


# Of the memory, for what tensorstore reads where it has no array of its own.
_LEAST_SHARE = 1 / 16
# A smaller change of shares is not worth to begin with an empty memory.
_DRIFT = 1 / 8

# A file written to twice within one tick of the clock has the same times.
_SETTLED_NS = 2 * 10**9


class FileStamp(NamedTuple):
    """What tells a file from the one that has taken its place, or that was written to since."""

    device: int
    inode: int
    n_bytes: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """Take it from an open file's status."""
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )


class Part(NamedTuple):
    """Decoded bytes of a chunk from `start` on; not to be written to."""

    start: int
    content: NDArray[np.uint8]

    @property
    def end(self) -> int:
        """One after the last byte."""
        return self.start + len(self.content)


class _Chunk(NamedTuple):
    stamp: FileStamp
    starts: list[int]


class PartCache:
    """Parts of decoded chunks up to a number of bytes, for all threads of a process.

    A forked child begins with an empty one.

    Parameters
    ----------
    limit_bytes : int
        Most bytes of parts; 0 keeps none.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.forget()
        _CACHES.add(self)

    @property
    def limit_bytes(self) -> int:
        """Most bytes of parts that are kept."""
        return self._limit_bytes

    @limit_bytes.setter
    def limit_bytes(self, limit_bytes: int) -> None:
        with self._lock:
            self._limit_bytes = limit_bytes
            self._shrink()

    @property
    def n_bytes(self) -> int:
        """Bytes of the parts that are kept."""
        return self._n_bytes

    def __len__(self) -> int:
        """Number of parts."""
        return len(self._parts)

    def find(self, path: str, stamp: FileStamp, start: int, end: int) -> list[Part]:
        """Give what is kept of bytes ``[start, end)`` of a chunk, in order.

        The first and the last part may reach beyond that range.

        Parameters
        ----------
        path : str
            File of the chunk.
        stamp : FileStamp
            Of the file now; parts of another one are forgotten.
        start, end : int
        """
        with self._lock:
            chunk = self._current(path, stamp)
            if chunk is None:
                return []
            found = list(self._overlapping(path, chunk.starts, start, end))
            for part in found:
                self._parts.move_to_end((path, part.start))
            return found

    def take(
        self, path: str, stamp: FileStamp, ranges: Iterable[tuple[int, int]]
    ) -> tuple[list[Part], list[tuple[int, int]]]:
        """Give what is kept of some ranges of a chunk, and tell what is not.

        Parameters
        ----------
        path : str
            File of the chunk.
        stamp : FileStamp
            Of the file now.
        ranges : iterable of (int, int)
            ``[start, end)`` in bytes, in any order.

        Returns
        -------
        parts : list of Part
            In order; they may reach beyond the ranges.
        missing : list of (int, int)
            The ranges of which nothing is kept, in order, without overlaps.
        """
        parts: list[Part] = []
        missing = []
        for start, end in _merged(ranges):
            covered = start
            for part in self.find(path, stamp, start, end):
                if covered < part.start:
                    missing.append((covered, part.start))
                covered = part.end
                if not parts or parts[-1].start < part.start:
                    parts.append(part)
            if covered < end:
                missing.append((covered, end))
        return parts, missing

    def keep(self, path: str, stamp: FileStamp, part: Part) -> None:
        """Keep a decoded part; of bytes that are kept already only the others.

        Nothing is kept of a file written to in the last two seconds: it may be written to again
        without another stamp.

        Parameters
        ----------
        path : str
            File of the chunk.
        stamp : FileStamp
            Of the file when it was read.
        part : Part
            Its content owns its memory, and is no view of more than that.
        """
        if not 0 < len(part.content) <= self._limit_bytes:
            return
        if time.time_ns() - stamp.modified_ns < _SETTLED_NS:
            return
        with self._lock:
            chunk = self._current(path, stamp)
            known = [] if chunk is None else chunk.starts
            missing = list(_without(part, self._overlapping(path, known, part.start, part.end)))
            for part_left in missing:
                chunk = self._chunks.setdefault(path, _Chunk(stamp, []))
                insort(chunk.starts, part_left.start)
                self._parts[path, part_left.start] = part_left.content
                self._n_bytes += len(part_left.content)
            self._shrink()

    def forget(self) -> None:
        """Drop all parts."""
        # A lock that another thread held when this process was forked stays locked.
        self._lock = threading.Lock()
        self._chunks: dict[str, _Chunk] = {}
        self._parts: OrderedDict[tuple[str, int], NDArray[np.uint8]] = OrderedDict()
        self._n_bytes = 0

    def _current(self, path: str, stamp: FileStamp) -> _Chunk | None:
        chunk = self._chunks.get(path)
        if chunk is not None and chunk.stamp != stamp:
            for start in list(chunk.starts):
                self._drop(path, start)
            return None
        return chunk

    def _overlapping(self, path: str, starts: list[int], start: int, end: int) -> Iterator[Part]:
        first = max(0, bisect_right(starts, start) - 1)
        for known in starts[first : bisect_left(starts, end)]:
            part = Part(known, self._parts[path, known])
            if part.end > start:
                yield part

    def _shrink(self) -> None:
        while self._n_bytes > self._limit_bytes:
            self._drop(*next(iter(self._parts)))

    def _drop(self, path: str, start: int) -> None:
        self._n_bytes -= len(self._parts.pop((path, start)))
        starts = self._chunks[path].starts
        starts.remove(start)
        if not starts:
            del self._chunks[path]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch each other as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without(part: Part, known: Iterator[Part]) -> Iterator[Part]:
    """What of a part no other one has; copies, unless it is all of it."""
    start = part.start
    for other in known:
        if start < other.start:
            yield Part(start, part.content[start - part.start : other.start - part.start].copy())
        start = max(start, other.end)
    if start == part.start:
        yield part
    elif start < part.end:
        yield Part(start, part.content[start - part.start :].copy())


class Borrower(Protocol):
    """Somebody who keeps pixels of its own in the memory for decoded chunks."""

    def forget(self) -> None:
        """Drop all that is kept."""


class CachePools:
    """One bound for the parts of chunks decoded here and for tensorstore's chunks.

    Each has the share of the arrays that are read its way: all of it where all arrays are. Where
    none is tensorstore's, that has a little once it is asked for what could not be read otherwise.

    Parameters
    ----------
    limit_bytes : int
        Memory for decoded chunks; 0 keeps none.

    Attributes
    ----------
    limit_bytes : int
    parts : PartCache
        Parts of chunks that were decoded without tensorstore.
    decoding_bytes : int or None
        What chunks that are decoded at once may take, where somebody has borrowed the memory.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.decoding_bytes: int | None = None
        self.parts = PartCache(limit_bytes)
        self._in_parts: dict[str, bool] = {}
        self._context: ts.Context | None = None
        self._borrower: Callable[[], Borrower | None] = _nobody
        self._one_at_a_time = threading.Lock()

    @classmethod
    def of(cls, cache_pool_bytes: int | CachePools | None) -> CachePools:
        """Pools of a reader's own; with None those of the process, as large as its memory allows.

        Parameters
        ----------
        cache_pool_bytes : int, CachePools or None
            0 keeps nothing; pools are given back as they are.
        """
        if isinstance(cache_pool_bytes, CachePools):
            return cache_pool_bytes
        if cache_pool_bytes is not None:
            return cls(cache_pool_bytes)
        # Pools of a parent process are left alone: a forked child must not touch tensorstore.
        own = _OF_PROCESS.get(os.getpid())
        return own or _OF_PROCESS.setdefault(os.getpid(), cls(default_cache_bytes()))

    def note(self, array_path: str, *, in_parts: bool) -> None:
        """Count an array by how it is read; what was said of it first holds."""
        with self._one_at_a_time:
            if self._borrower is not _nobody and self._borrower() is None:
                self._take_back()
            self._in_parts.setdefault(array_path, in_parts)

    def lend(self, borrower: Borrower, decoding_bytes: int) -> None:
        """Let somebody have the whole memory until it is given back, or another one borrows it.

        Parameters
        ----------
        borrower : Borrower
            Told to forget what it keeps when the memory goes to another one.
        decoding_bytes : int
            What chunks that are decoded at once may take of it.
        """
        with self._one_at_a_time:
            before = self._borrower()
            if before is borrower:
                return
            self._borrower = weakref.ref(borrower)
            self.parts.limit_bytes = 0
            self.decoding_bytes = decoding_bytes
            # What is kept by this context goes with its arrays.
            self._context = None
        if before is not None:
            before.forget()

    def give_back(self, borrower: Borrower) -> None:
        """End what `lend` began, if it is still this borrower's."""
        with self._one_at_a_time:
            if self._borrower() is borrower:
                self._take_back()

    def _take_back(self) -> None:
        self._borrower = _nobody
        self.decoding_bytes = None
        self.parts.limit_bytes = self.limit_bytes
        self._context = None

    def context(self) -> ts.Context:
        """Tensorstore's context with its share of the memory; another one once that has changed.

        Chunks that the one before kept go when all arrays that were opened by it do.
        """
        with self._one_at_a_time:
            if self._borrower() is not None:
                self._context = self._context or self._new_context(0)
                return self._context
            n_others = len(self._in_parts) - sum(self._in_parts.values())
            share = max(n_others / max(len(self._in_parts), 1), _LEAST_SHARE)
            own_bytes = int(share * self.limit_bytes)
            given_bytes = self.limit_bytes - self.parts.limit_bytes
            if self._context is None or abs(own_bytes - given_bytes) > _DRIFT * self.limit_bytes:
                self.parts.limit_bytes = self.limit_bytes - own_bytes
                self._context = self._new_context(own_bytes)
            return self._context

    @staticmethod
    def _new_context(limit_bytes: int) -> ts.Context:
        return ts.Context(
            {
                "cache_pool": {"total_bytes_limit": limit_bytes},
                "data_copy_concurrency": {"limit": usable_cpus()},
                "file_io_concurrency": {"limit": max(4, usable_cpus())},
            }
        )


def _nobody() -> None:
    """Stand for no borrower."""


_CACHES: weakref.WeakSet[PartCache] = weakref.WeakSet()
_OF_PROCESS: dict[int, CachePools] = {}


def _forget_all() -> None:
    for cache in list(_CACHES):
        cache.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
