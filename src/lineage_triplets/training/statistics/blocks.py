"""Frames of a FOV that are read together: each chunk once, whatever the chunks are."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.remote import (
    answer,
    first_line,
    trouble,
)
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.plan import array_error, chunk_error
from lineage_triplets.engine.reading.tensorstore import (
    canonical_view,
    is_absent,
    named_chunk,
    open_array,
)
from lineage_triplets.training.statistics.chunks import ChunkCounter, decoded_storage
from lineage_triplets.training.statistics.frames import Block, Counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.errors import StoreError
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.training.statistics.frames import Counted, Shared

_PIXELS = "pixels"
# What is read at once: of small chunks some together, of large ones no more than memory holds.
_LEAST_BYTES = 2**23
_MOST_BYTES = 2**26

# Ranges of z and y.
_Part = tuple[slice, slice]


def blocks_of(source: FovSource) -> list[Block]:
    """Cut a FOV along t and c, at the bounds of chunks; small chunks of a few frames together."""
    fov = source.fov
    n_t, n_c = fov.chunk_shape[:2]
    groups: dict[int, list[int]] = {}
    for channel in sorted(set(source.channels)):
        groups.setdefault(channel // n_c, []).append(channel)
    blocks = []
    for channels in groups.values():
        n_bytes = _n_bytes(source, (n_t, len(channels), *fov.shape[2:]))
        n_frames = n_t * max(1, _LEAST_BYTES // n_bytes)
        blocks += [
            Block(first, min(n_frames, fov.shape[0] - first), tuple(channels))
            for first in range(0, fov.shape[0], n_frames)
        ]
    return sorted(blocks, key=lambda block: block.first_frame)


def _n_bytes(source: FovSource, shape: tuple[int, ...]) -> int:
    return max(1, math.prod(shape) * source.fov.form.item_bytes)


def _parts(source: FovSource, block: Block) -> Iterator[_Part]:
    """Ranges of z and y that a block is read in, at the bounds of chunks; rows are whole."""
    _, _, n_z, n_y, n_x = source.fov.shape
    _, _, of_z, of_y, _ = source.fov.chunk_shape
    stack = _n_bytes(source, (block.n_frames, len(block.channels), 1, n_y, n_x))
    deep = of_z * max(1, _MOST_BYTES // (stack * of_z))
    high = n_y
    if stack * min(deep, n_z) > _MOST_BYTES:
        row = stack // n_y * min(deep, n_z)
        high = of_y * max(1, _MOST_BYTES // (row * of_y))
    for z in range(0, n_z, deep):
        for y in range(0, n_y, high):
            yield slice(z, min(z + deep, n_z)), slice(y, min(y + high, n_y))


class FovReader:
    """Reads the channels of a FOV that are in slots.

    Parameters
    ----------
    source : FovSource
    shared : Shared
    """

    def __init__(self, source: FovSource, shared: Shared) -> None:
        self._source, self._shared = source, shared
        self._views: dict[bool, ts.TensorStore] = {}
        self._lock = threading.Lock()
        self._pipes = PipeWatch()
        storage = decoded_storage(source.fov)
        self._chunks = storage and ChunkCounter(source, storage, shared)

    def count(self, block: Block) -> Counted:
        """Read a block and count its values.

        Raises
        ------
        StoppedError
            Somebody asked to stop.
        StoreError, ChunkError
            It cannot be read; the message names FOV and chunk.
        """
        counting = Counting(self._source.fov, block, self._shared.memory)
        lefts = [block]
        if self._chunks is not None:
            # What it was opened for is held against what the array is now.
            self._view(fill=False)
            lefts = self._chunks.count(block, counting)
        for left in lefts:
            parts = list(_parts(self._source, left))
            for part in parts:
                pixels = self._read(left, part, counting.counted.absent)
                for t, frame in enumerate(pixels, start=left.first_frame):
                    z, y = part
                    counting.take(
                        t,
                        frame,
                        (z.start, y.start),
                        is_all=len(parts) == 1,
                        is_last=part == parts[-1],
                    )
        return counting.counted

    def _read(self, block: Block, part: _Part, absent: set[int]) -> Pixels:
        """Pixels (T, C, Z, Y, X) of a part, the fill value where chunks are absent.

        They are the thread's memory, which the next part is read into.
        """
        z, y = part
        first, last = block.first_frame, block.first_frame + block.n_frames
        view = self._part(block, range(first, last), z, y, fill=False)
        dtype = view.dtype.numpy_dtype
        require_room(view.shape, dtype.itemsize, self._source.fov.array_path)
        pixels = self._shared.memory.array(_PIXELS, view.shape, dtype)
        try:
            self._ask(block, view, pixels)
        except (ValueError, TimeoutError) as error:
            # What was asked for together with a chunk that fails may come later.
            self._shared.memory.let_go(_PIXELS)
            self._refuse(first, error)
        else:
            return pixels
        pixels = np.empty_like(pixels)
        step = self._source.fov.chunk_shape[0]
        for start in range(first, last, step):
            frames = range(start, min(start + step, last))
            target = pixels[start - first : frames.stop - first]
            try:
                self._ask(block, self._part(block, frames, z, y, fill=False), target)
            except (ValueError, TimeoutError) as error:
                self._refuse(start, error)
                absent |= set(frames)
                self._fill(block, frames, z, y, target)
        return pixels

    def _fill(self, block: Block, frames: range, z: slice, y: slice, target: Pixels) -> None:
        try:
            self._ask(block, self._part(block, frames, z, y, fill=True), target)
        except (ValueError, TimeoutError) as error:
            raise self._chunk_error(frames.start, error) from None

    def _refuse(self, t: int, error: Exception) -> None:
        """Raise but where chunks are absent, which may be."""
        if not is_absent(error) or self._shared.missing_chunks == "error":
            raise self._chunk_error(t, error) from None

    def _chunk_error(self, t: int, error: Exception) -> StoreError:
        fov = self._source.fov
        chunk = named_chunk(error) or "a chunk"
        what = trouble(error, fov.array_path)
        if what is not None:
            kind, message, remedy = what
        elif is_absent(error):
            kind, message = "missing-chunk", f"it is absent ({first_line(error)})."
            remedy = "Write it, or choose missing_chunks='fill'."
        else:
            kind = "damaged-chunk"
            message = f"it is damaged or unreadable ({first_line(error)})."
            remedy = "Restore the file, or exclude this FOV (exclude: fovs)."
        return chunk_error(self._source, kind, f"{chunk}, from frame {t} on: {message}", remedy)

    def _part(
        self, block: Block, frames: range, z: slice, y: slice, *, fill: bool
    ) -> ts.TensorStore:
        first, last = block.channels[0], block.channels[-1]
        in_a_row = block.channels == tuple(range(first, last + 1))
        # A list of channels is copied pixel by pixel.
        channels = slice(first, last + 1) if in_a_row else list(block.channels)
        return self._view(fill)[frames.start : frames.stop, channels, z, y, :]

    def _ask(self, block: Block, part: ts.TensorStore, target: Pixels) -> None:
        """Read a part into an array."""
        fov = self._source.fov
        t, _, z, y, x = (
            slice(first, first + size)
            for first, size in zip(part.domain.origin, part.shape, strict=True)
        )
        pipe = self._pipes.find(fov.array_path, fov.form, fov.axes, (t, block.channels, z, y, x))
        if pipe:
            raise ValueError(f"{pipe} is a pipe, and no file")
        try:
            answer(ts.array(target).write(part), self._shared.stopping.is_set)
        except TimeoutError:
            if self._shared.stopping.is_set():
                raise StoppedError from None
            raise

    def _view(self, fill: bool) -> ts.TensorStore:
        with self._lock:
            if fill not in self._views:
                self._views[fill] = self._opened(fill)
            return self._views[fill]

    def _opened(self, fill: bool) -> ts.TensorStore:
        fov = self._source.fov
        # What is decoded once is never asked for again.
        context = ts.Context(
            {
                "cache_pool": {"total_bytes_limit": 0},
                "data_copy_concurrency": {"limit": usable_cpus()},
            }
        )
        opening = open_array(fov.array_path, fov.zarr_format, context, fill_absent=fill)
        try:
            view = canonical_view(answer(opening), fov.axes)
        except (ValueError, TimeoutError) as error:
            what = trouble(error, fov.array_path) or (
                "unreadable",
                f"the array cannot be opened: {first_line(error)}.",
                "Check that the store is there and readable.",
            )
            raise array_error(self._source, *what) from None
        if view.shape != fov.shape:
            raise array_error(
                self._source,
                "store-changed",
                f"the array is {view.shape} now, and was {fov.shape} a moment ago.",
                "Run it again when the image is no longer written to.",
            )
        return view
