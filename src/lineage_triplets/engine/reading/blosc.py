"""Blosc containers, opened block by block: only what is touched is read and decoded.

A blosc 1 container is a 16-byte header, a table of block starts, and blocks compressed on their
own, in any order (https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst). Blocks that
are wanted are put into a small container of their own, which is decoded as any other.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from numcodecs import blosc

from lineage_triplets.engine.files import read_at
from lineage_triplets.engine.reading.cache import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Int64Array

_HEADER = struct.Struct("<BBBBIII")
_FORMAT_VERSION = 2
_PLAIN_COPY = 0x02
_WORTH_PICKING = 0.75
# Ranges that lie nearer to each other are read in one go.
_PAGE_BYTES = 4096
# Fewer bytes cost no less to read.
_FIRST_READ_BYTES = 4096
_SMALL_CONTAINER_BYTES = 1 << 17


class UnknownContainerError(ValueError):
    """Not a blosc container as it was expected; tensorstore shall judge it."""


class FileRange:
    """A part of an open file that holds one container.

    Parameters
    ----------
    file : int
        Descriptor.
    start, n_bytes : int
        Where it is.
    """

    def __init__(self, file: int, start: int, n_bytes: int) -> None:
        self._file = file
        self._start = start
        self.n_bytes = n_bytes
        first = n_bytes if n_bytes <= _SMALL_CONTAINER_BYTES else _FIRST_READ_BYTES
        self._head = self._read_file(0, first)

    def read(self, start: int, end: int) -> bytes:
        """Bytes ``[start, end)`` of the container.

        Raises
        ------
        UnknownContainerError
            The file ends before.
        """
        if end <= len(self._head):
            return self._head[start:end]
        return self._read_file(start, end)

    def _read_file(self, start: int, end: int) -> bytes:
        content = read_at(self._file, end - start, self._start + start)
        while len(content) < end - start:
            more = read_at(
                self._file, end - start - len(content), self._start + start + len(content)
            )
            if not more:
                raise UnknownContainerError("the file ends too early")
            content += more
        return content


def decode_ranges(
    container: FileRange, n_bytes: int, ranges: Iterable[tuple[int, int]]
) -> list[Part]:
    """Decode the blocks that some ranges of bytes touch.

    Parameters
    ----------
    container : FileRange
    n_bytes : int
        Size of the decoded chunk; a container of another size is refused.
    ranges : iterable of (int, int)
        ``[start, end)`` in decoded bytes, in any order; at least one.

    Returns
    -------
    list of Part
        In order; each range lies in one of them.

    Raises
    ------
    UnknownContainerError
        Header or table of blocks are not what they should be.
    OSError, RuntimeError
        The file cannot be read, or a block not be decoded.
    """
    header, flags, block_size = _checked_header(container, n_bytes)
    if flags & _PLAIN_COPY:
        return plain_ranges(container, n_bytes, ranges, _HEADER.size)
    if not block_size:
        raise UnknownContainerError("its blocks have no size")
    n_blocks = -(-n_bytes // block_size)
    runs = _runs_of_blocks(ranges, n_bytes, block_size)
    if sum(stop - first for first, stop in runs) > _WORTH_PICKING * n_blocks:
        whole = blosc.decompress(container.read(0, container.n_bytes))
        return [Part(0, _of_size(whole, n_bytes))]
    starts, ends = _block_places(container, n_blocks)
    parts = []
    for first, stop in runs:
        size = min(stop * block_size, n_bytes) - first * block_size
        content = _decode_run(container, header, starts[first:stop], ends[first:stop], size)
        parts.append(Part(first * block_size, content))
    return parts


def decode_into(container: FileRange, target: NDArray[np.uint8]) -> None:
    """Decode a whole chunk to where it goes; the target is as long as it shall be.

    Raises
    ------
    UnknownContainerError, OSError, RuntimeError
        As `decode_ranges`.
    """
    _checked_header(container, len(target))
    blosc.decompress(container.read(0, container.n_bytes), target)


def _checked_header(container: FileRange, n_bytes: int) -> tuple[bytes, int, int]:
    """Header, flags and size of the blocks of a container of a decoded size."""
    header = container.read(0, _HEADER.size)
    version, _, flags, _, decoded, block_size, encoded = _HEADER.unpack(header)
    if (version, decoded, encoded) != (_FORMAT_VERSION, n_bytes, container.n_bytes):
        raise UnknownContainerError("its header is not that of the chunk")
    return header, flags, block_size


def plain_ranges(
    container: FileRange, n_bytes: int, ranges: Iterable[tuple[int, int]], begin: int = 0
) -> list[Part]:
    """Read ranges of a chunk that is not compressed.

    Parameters
    ----------
    container : FileRange
    n_bytes : int
        Size of the chunk; another one is refused.
    ranges : iterable of (int, int)
        ``[start, end)`` in bytes of the chunk, in any order.
    begin : int
        Where the chunk begins.

    Returns
    -------
    list of Part
        In order; each range lies in one of them.

    Raises
    ------
    UnknownContainerError, OSError
        It has another size, or cannot be read.
    """
    if container.n_bytes != begin + n_bytes:
        raise UnknownContainerError("it is not as long as its content")
    parts = []
    for first, stop in _runs_of_blocks(ranges, n_bytes, _PAGE_BYTES):
        start, end = first * _PAGE_BYTES, min(stop * _PAGE_BYTES, n_bytes)
        content = np.frombuffer(container.read(begin + start, begin + end), np.uint8)
        parts.append(Part(start, content))
    return parts


def plain_into(container: FileRange, target: NDArray[np.uint8]) -> None:
    """Read a chunk that is not compressed to where it goes.

    Raises
    ------
    UnknownContainerError, OSError
        As `plain_ranges`.
    """
    (whole,) = plain_ranges(container, len(target), [(0, len(target))])
    target[:] = whole.content


def _runs_of_blocks(
    ranges: Iterable[tuple[int, int]], n_bytes: int, block_size: int
) -> list[tuple[int, int]]:
    """Blocks ``[first, stop)`` that ranges touch, in order; a short last block never alone."""
    runs: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        first, stop = start // block_size, (end - 1) // block_size + 1
        if stop * block_size > n_bytes and stop > 1:
            first = min(first, stop - 2)
        while runs and first <= runs[-1][1]:
            earlier = runs.pop()
            first, stop = min(first, earlier[0]), max(stop, earlier[1])
        runs.append((first, stop))
    return runs


def _decode_run(
    container: FileRange,
    header: bytes,
    starts: Int64Array,
    ends: Int64Array,
    size: int,
) -> NDArray[np.uint8]:
    """Put blocks that follow one another into a container of their own, and decode it."""
    begin = _HEADER.size + 4 * len(starts)
    if (starts[1:] == ends[:-1]).all():
        first, end = int(starts[0]), int(ends[-1])
        body = container.read(first, end)
        table = starts + (begin - first)
    else:
        places = zip(starts.tolist(), ends.tolist(), strict=True)
        body = b"".join([container.read(start, end) for start, end in places])
        table = begin + np.cumsum(ends - starts) - (ends - starts)
    new_header = bytearray(header)
    struct.pack_into("<I", new_header, 4, size)
    struct.pack_into("<I", new_header, 12, begin + len(body))
    return _of_size(
        blosc.decompress(b"".join([new_header, table.astype("<u4").tobytes(), body])), size
    )


def _block_places(container: FileRange, n_blocks: int) -> tuple[Int64Array, Int64Array]:
    """Where each block starts and ends, which is where the next one in the file starts."""
    first = _HEADER.size + 4 * n_blocks
    if first > container.n_bytes:
        raise UnknownContainerError("its table of blocks is longer than it is")
    bounds = np.empty(n_blocks + 1, dtype=np.int64)
    bounds[:-1] = np.frombuffer(container.read(_HEADER.size, first), "<u4")
    bounds[-1] = container.n_bytes
    is_in_order = (bounds[1:] > bounds[:-1]).all()
    in_file = bounds if is_in_order else np.sort(bounds)
    overlap = not is_in_order and (in_file[1:] == in_file[:-1]).any()
    if in_file[0] != first or in_file[-1] != container.n_bytes or overlap:
        raise UnknownContainerError("its table of blocks is not in order")
    starts = bounds[:-1]
    return starts, bounds[1:] if is_in_order else in_file[np.searchsorted(in_file, starts) + 1]


def _of_size(decoded: bytes, n_bytes: int) -> NDArray[np.uint8]:
    if len(decoded) != n_bytes:
        raise UnknownContainerError("it decoded to another size")
    return np.frombuffer(decoded, dtype=np.uint8)
