"""Blosc containers, opened block by block: only what is touched is read and decoded.

A blosc 1 container is a 16-byte header, a table of block starts, and blocks compressed on their
own, in any order (https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst). Blocks that
are wanted are put into a small container of their own, which is decoded as any other.
"""

from __future__ import annotations

import os
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numcodecs import blosc

from lineage_triplets.engine.chunk_cache import FileStamp, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.engine.chunk_cache import PartCache

_HEADER = struct.Struct("<BBBBIII")
_FORMAT_VERSION = 2
_PLAIN_COPY = 0x02
_WORTH_PICKING = 0.75


class UnknownContainerError(ValueError):
    """Not a blosc container as it was expected; tensorstore shall judge it."""


def decode_touched(
    path: str, n_bytes: int, touched: NDArray[np.int64] | None, cache: PartCache | None = None
) -> NDArray[np.uint8]:
    """Read a container's file and decode the blocks that some byte ranges touch.

    Parameters
    ----------
    path : str
    n_bytes : int
        Size of the decoded chunk; a container of another size is refused.
    touched : ndarray of int64, shape (N, 2), or None
        Ranges ``[start, end)`` of decoded bytes; None for all.
    cache : PartCache, optional
        Keeps what was decoded, and gives what it has; that is not decoded again.

    Returns
    -------
    ndarray of uint8, shape (n_bytes,)
        Decoded where touched, anything elsewhere.

    Raises
    ------
    UnknownContainerError
        Header or table of blocks are not what they should be.
    OSError, RuntimeError
        The file cannot be read, or a block not be decoded.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        status = os.fstat(file)
        size, stamp = status.st_size, FileStamp.of(status)
        chunk = np.empty(n_bytes, dtype=np.uint8)
        if cache is not None:
            asked = np.array([[0, n_bytes]]) if touched is None else touched
            missing = cache.copy_into(chunk, path, stamp, asked)
            if not len(missing):
                return chunk
            touched = missing
        header = os.pread(file, _HEADER.size, 0)
        if len(header) < _HEADER.size:
            raise UnknownContainerError(f"{size} bytes are no container")
        version, _, flags, _, decoded, block_size, encoded = _HEADER.unpack(header)
        if version != _FORMAT_VERSION or decoded != n_bytes or encoded != size or not block_size:
            raise UnknownContainerError("its header is not that of the chunk")
        wanted = None if touched is None else _wanted_blocks(touched, n_bytes, block_size)
        n_blocks = -(-n_bytes // block_size)
        if wanted is None or flags & _PLAIN_COPY or len(wanted) > _WORTH_PICKING * n_blocks:
            whole = _decode(header + _read(file, size - _HEADER.size, _HEADER.size), n_bytes)
            if cache is not None:
                cache.keep(path, stamp, Part(0, whole))
            return whole
        for part in _decode_blocks(file, header, wanted, n_bytes, block_size, size):
            chunk[part.start : part.end] = part.content
            if cache is not None:
                cache.keep(path, stamp, part)
        return chunk
    finally:
        os.close(file)


def _wanted_blocks(touched: NDArray[np.int64], n_bytes: int, block_size: int) -> NDArray[np.int64]:
    """Numbers of the blocks that ranges touch, in order; a short last block never alone."""
    n_blocks = -(-n_bytes // block_size)
    change = np.zeros(n_blocks + 1, dtype=np.int64)
    np.add.at(change, touched[:, 0] // block_size, 1)
    np.add.at(change, (touched[:, 1] - 1) // block_size + 1, -1)
    is_wanted = np.cumsum(change[:-1]) > 0
    if n_bytes % block_size and is_wanted[-1] and n_blocks > 1:
        is_wanted[-2] = True
    return np.flatnonzero(is_wanted)


def _decode_blocks(
    file: int,
    header: bytes,
    wanted: NDArray[np.int64],
    n_bytes: int,
    block_size: int,
    size: int,
) -> Iterator[Part]:
    n_blocks = -(-n_bytes // block_size)
    first = _HEADER.size + 4 * n_blocks
    table = np.frombuffer(_read(file, 4 * n_blocks, _HEADER.size), "<u4").astype(np.int64)
    in_file = np.sort(table)
    if in_file[0] != first or in_file[-1] >= size or (np.diff(in_file) <= 0).any():
        raise UnknownContainerError("its table of blocks is not in order")
    ends = np.append(in_file[1:], size)[np.searchsorted(in_file, table)]
    starts, lengths = table[wanted], (ends - table)[wanted]
    body = _read_ranges(file, starts, lengths)

    new_first = _HEADER.size + 4 * len(wanted)
    new_starts = new_first + np.cumsum(lengths) - lengths
    decoded_sizes = np.minimum((wanted + 1) * block_size, n_bytes) - wanted * block_size
    new_header = bytearray(header)
    struct.pack_into("<I", new_header, 4, int(decoded_sizes.sum()))
    struct.pack_into("<I", new_header, 12, int(new_first + lengths.sum()))
    container = b"".join([new_header, new_starts.astype("<u4").tobytes(), *body])
    decoded = _decode(container, int(decoded_sizes.sum()))

    run_starts = np.flatnonzero(np.diff(wanted, prepend=-2) > 1)
    for start, end in zip(run_starts, [*run_starts[1:], len(wanted)], strict=True):
        source = int(decoded_sizes[:start].sum())
        length = int(decoded_sizes[start:end].sum())
        run = decoded if length == len(decoded) else decoded[source : source + length].copy()
        yield Part(int(wanted[start]) * block_size, run)


def _read_ranges(file: int, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> list[bytes]:
    """Read ranges of a file, neighbours in one go; the parts are in the order asked for."""
    breaks = np.flatnonzero(starts[1:] != starts[:-1] + lengths[:-1]) + 1
    bounds = [0, *breaks.tolist(), len(starts)]
    return [_read(file, int(lengths[a:b].sum()), int(starts[a])) for a, b in pairwise(bounds)]


def _read(file: int, length: int, offset: int) -> bytes:
    content = os.pread(file, length, offset)
    while len(content) < length:
        more = os.pread(file, length - len(content), offset + len(content))
        if not more:
            raise UnknownContainerError("the file ends too early")
        content += more
    return content


def _decode(container: bytes, n_bytes: int) -> NDArray[np.uint8]:
    decoded = np.frombuffer(blosc.decompress(container), dtype=np.uint8)
    if len(decoded) != n_bytes:
        raise UnknownContainerError("it decoded to another size")
    return decoded
