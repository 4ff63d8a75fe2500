"""Reads blosc, zstd or plain chunks of local stores by itself, of blosc only what windows touch.

Whatever is not exactly as expected (another codec, a file that is absent, short or odd) is left to
tensorstore, whose verdict holds.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.plates.chunks import ShardIndexError, read_shard_index
from lineage_triplets.engine.plates.remote import longest_wait_seconds, unreachable
from lineage_triplets.engine.reading.blosc import FileRange
from lineage_triplets.engine.reading.cache import FileStamp, Part
from lineage_triplets.engine.reading.codecs import CODECS
from lineage_triplets.engine.reading.plan import CODED_AND_DECODED, chunk_error, plan
from lineage_triplets.engine.reading.threads import StuckError, on_all_cpus
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import UInt64Array
    from lineage_triplets.engine.errors import ChunkError
    from lineage_triplets.engine.plates.chunks import ChunkStorage
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.reading.cache import CachePools, PartCache
    from lineage_triplets.engine.reading.plan import FileReads, Piece, ReadStrategy, Window

WORTH_PICKING_BYTES = 60_000
"""Decoded chunks of fewer bytes are read faster by tensorstore."""

WORTH_SKIPPING_BYTES = 1 << 15
"""To take fewer bytes along costs less than to ask for another range."""

# Opening a pipe would wait for somebody to write; Windows reads text unless it is told not to.
OPENING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class LocalChunkStrategy:
    """Decodes touched blosc blocks and zstd chunks, and leaves the rest to another strategy.

    Parameters
    ----------
    otherwise : ReadStrategy
        Reads what this one does not know.
    least_chunk_bytes : int
        Smaller chunks, decoded, are left to the other strategy too.
    pools : CachePools, optional
        Keeps decoded parts of chunks.
    """

    def __init__(
        self,
        otherwise: ReadStrategy,
        least_chunk_bytes: int = WORTH_PICKING_BYTES,
        pools: CachePools | None = None,
    ) -> None:
        self._otherwise = otherwise
        self._pools = pools
        self._cache = pools.parts if pools is not None and pools.limit_bytes else None
        self._least_chunk_bytes = least_chunk_bytes
        self._storages: dict[str, ChunkStorage | None] = {}

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks."""
        return self._otherwise.missing

    def decodes_one_by_one(self, fov: Fov) -> bool:
        """Where a file is as expected; each thread decodes a chunk, and cuts it, after another."""
        return self._storage_of(fov) is not None

    def read(self, windows: Sequence[Window]) -> None:
        """Fill the targets of all windows; each touched chunk is decoded once."""
        left = [
            number for number, window in enumerate(windows) if not self._knows(window.source.fov)
        ]
        files = plan(windows, self._storages)
        if files:
            left += self._decode_all(files, windows)
        if left:
            self._otherwise.read([windows[number] for number in sorted(set(left))])

    def _knows(self, fov: Fov) -> bool:
        if fov.array_path not in self._storages:
            storage = self._storages[fov.array_path] = self._storage_of(fov)
            if storage is not None and self._pools is not None:
                self._pools.note(fov.array_path, in_parts=True)
        return self._storages[fov.array_path] is not None

    def _storage_of(self, fov: Fov) -> ChunkStorage | None:
        """How its chunks are stored; None where the other strategy reads it."""
        storage = None if is_url(fov.array_path) else fov.form.storage
        is_worth_it = storage is not None and storage.n_bytes >= self._least_chunk_bytes
        return storage if is_worth_it else None

    def _decode_all(self, files: Sequence[FileReads], windows: Sequence[Window]) -> list[int]:
        """Decode all files side by side; give the windows that could not be filled."""
        failed: list[int] = []
        try:
            on_all_cpus(
                lambda reads: failed.extend(_read_file(reads, windows, self._cache)),
                files,
                longest_wait_seconds(),
                self._most_threads(files),
            )
        except StuckError as stuck:
            raise _hangs(files[stuck.number], windows) from None
        return failed

    def _most_threads(self, files: Sequence[FileReads]) -> int | None:
        """As many as there is memory for chunks that are decoded at once; None does not matter."""
        decoding_bytes = None if self._pools is None else self._pools.decoding_bytes
        if decoding_bytes is None:
            return None
        largest = max(reads.storage.n_bytes for reads in files)
        return max(1, decoding_bytes // (CODED_AND_DECODED * largest))


def _hangs(reads: FileReads, windows: Sequence[Window]) -> ChunkError:
    window = windows[reads.chunks[0][1][0].window]
    kind, message, remedy = unreachable()
    message = f"the chunk {reads.path} of frame {window.t}: {message}"
    return chunk_error(window.source, kind, message, remedy)


def _read_file(reads: FileReads, windows: Sequence[Window], cache: PartCache | None) -> list[int]:
    """Decode what is wanted of a file into the windows; give those that could not be filled."""
    failed: list[int] = []
    done = 0
    file = None
    try:
        file = os.open(reads.path, OPENING)
        status = os.fstat(file)
        shards = reads.storage.shards
        index = read_shard_index(file, status.st_size, shards) if shards is not None else None
        for number, pieces in reads.chunks:
            try:
                place = (
                    (0, status.st_size)
                    if index is None
                    else chunk_in_shard(index, number, status.st_size)
                )
                parts = _decode_chunk(reads, file, status, number, place, pieces, cache)
                # Values that float32 cannot hold are infinite, as tensorstore has them.
                with np.errstate(over="ignore", invalid="ignore"):
                    _cut(reads, parts, pieces, windows)
            except (OSError, RuntimeError, ValueError):
                failed += [piece.window for piece in pieces]
            done += 1
    except (OSError, ValueError):
        failed += [piece.window for _, pieces in reads.chunks[done:] for piece in pieces]
    finally:
        if file is not None:
            os.close(file)
    return failed


def chunk_in_shard(index: UInt64Array, number: int, file_bytes: int) -> tuple[int, int]:
    """Start and number of bytes of one chunk."""
    start, n_bytes = index[number].tolist()
    if start + n_bytes > file_bytes:
        raise ShardIndexError("the chunk is absent, or ends beyond the file")
    return start, n_bytes


def _decode_chunk(
    reads: FileReads,
    file: int,
    status: os.stat_result,
    number: int,
    place: tuple[int, int],
    pieces: Sequence[Piece],
    cache: PartCache | None,
) -> list[Part]:
    """Parts of a chunk that hold all that the pieces want, in order."""
    stride = reads.shape.plane_stride
    ranges = [wanted for piece in pieces for wanted in _ranges_of(piece, stride)]
    n_bytes = reads.storage.n_bytes
    decode = CODECS[reads.storage.compressor].decode_ranges
    if cache is None:
        return decode(FileRange(file, *place), n_bytes, ranges)
    key = reads.path if reads.storage.shards is None else f"{reads.path}:{number}"
    stamp = FileStamp.of(status)
    parts, missing = cache.take(key, stamp, ranges)
    if missing:
        decoded = decode(FileRange(file, *place), n_bytes, missing)
        for part in decoded:
            cache.keep(key, stamp, part)
        parts += decoded
        parts.sort(key=lambda part: part.start)
    return parts


def _ranges_of(piece: Piece, stride: int) -> list[tuple[int, int]]:
    """Bytes that a piece wants: plane by plane, or as one range where little lies between them."""
    start, n_bytes = piece.start, piece.plane_bytes
    if stride - n_bytes < WORTH_SKIPPING_BYTES:
        return [(start, start + (piece.n_planes - 1) * stride + n_bytes)]
    return [(start + k * stride, start + k * stride + n_bytes) for k in range(piece.n_planes)]


def _cut(
    reads: FileReads, parts: Sequence[Part], pieces: Sequence[Piece], windows: Sequence[Window]
) -> None:
    """Copy each piece from the parts of its chunk to its place."""
    dtype, strides, axis = reads.storage.dtype, reads.shape.strides, reads.shape.plane_axis
    starts = [part.start for part in parts]
    for piece in pieces:
        target = windows[piece.window].target[
            piece.slot,
            piece.to_z : piece.to_z + piece.n_z,
            piece.to_y : piece.to_y + piece.n_y,
            piece.to_x : piece.to_x + piece.n_x,
        ]
        shape = target.shape
        stride = strides[axis]
        whole_bytes = (piece.n_planes - 1) * stride + piece.plane_bytes
        part = parts[bisect_right(starts, piece.start) - 1]
        if part.end >= piece.start + whole_bytes:
            offset = piece.start - part.start
            target[...] = np.ndarray(shape, dtype, part.content, offset, strides)
            continue
        plane_shape = (*shape[:axis], 1, *shape[axis + 1 :])
        for k in range(piece.n_planes):
            start = piece.start + k * stride
            part = parts[bisect_right(starts, start) - 1]
            content, offset = (
                (part.content, start - part.start)
                if part.end >= start + piece.plane_bytes
                else (_bytes_of(parts, start, start + piece.plane_bytes), 0)
            )
            plane = np.ndarray(plane_shape, dtype, content, offset, strides)
            target[(slice(None),) * axis + (slice(k, k + 1),)] = plane


def _bytes_of(parts: Sequence[Part], start: int, end: int) -> NDArray[np.uint8]:
    """Bytes from `start` to `end`, copied from the parts that hold them."""
    covering: list[NDArray[np.uint8]] = []
    at = start
    for part in parts:
        stop = min(part.end, end)
        if part.start <= at < stop:
            covering.append(part.content[at - part.start : stop - part.start])
            at = stop
    return np.concatenate(covering)
