"""Frames of a FOV that are read together: each chunk once, whatever the chunks are."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.errors import StoppedError
from lineage_triplets.engine.plates.image import canonical
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.remote import (
    answer,
    first_line,
    longest_wait_seconds,
    trouble,
    unreachable,
)
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.engine.reading.local import WORTH_PICKING_BYTES, decode_file
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.plan import array_error, chunk_error
from lineage_triplets.engine.reading.tensorstore import (
    canonical_view,
    is_absent,
    named_chunk,
    open_array,
)
from lineage_triplets.engine.reading.threads import StuckError, on_all_cpus
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.training.statistics.counts import Tally
from lineage_triplets.training.statistics.focus import Sharpness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.errors import StoreError
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.plates.chunks import ChunkStorage
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.model import MissingChunks

# What is read at once: of small chunks some together, of large ones no more than memory holds.
_LEAST_BYTES = 2**23
_MOST_BYTES = 2**26


# Ranges of z and y.
_Part = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Block:
    """Frames and channels that share chunks.

    Attributes
    ----------
    first_frame, n_frames : int
    channels : tuple of int
        Zarr indices, all in one chunk along c.
    """

    first_frame: int
    n_frames: int
    channels: tuple[int, ...]


class _Frame(NamedTuple):
    """One channel of a frame while it is read."""

    tally: Tally
    sharpness: Sharpness


@dataclass(eq=False)
class Counted:
    """What the images of some frames gave; adds up.

    Attributes
    ----------
    frames : dict
        ``{channel: {t: statistics}}``; a frame of which no pixel counts is not there.
    tallies : dict of int to Tally
        Of all these frames, by channel.
    focus : dict
        ``{channel: {t: slice}}`` of stacks.
    absent : set of int
        Frames with chunks that were never written, which are the fill value.
    """

    frames: dict[int, dict[int, dict[str, float]]] = field(default_factory=dict)
    tallies: dict[int, Tally] = field(default_factory=dict)
    focus: dict[int, dict[int, int]] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)

    def add_frame(
        self, t: int, channel: int, frame: _Frame, statistics: dict[str, float] | None
    ) -> None:
        """Take in a frame that is whole, and its statistics, if any pixel counts."""
        if statistics is not None:
            self.frames.setdefault(channel, {})[t] = statistics
        in_focus = frame.sharpness.in_focus()
        if in_focus is not None:
            self.focus.setdefault(channel, {})[t] = in_focus
        self._take(channel, frame.tally)

    def merge(self, other: Counted) -> None:
        """Take in what other frames gave, which is nobody else's from now on."""
        for channel, tally in other.tallies.items():
            self._take(channel, tally)
        for own, given in ((self.frames, other.frames), (self.focus, other.focus)):
            _update_each(own, given)
        self.absent |= other.absent

    def _take(self, channel: int, tally: Tally) -> None:
        known = self.tallies.setdefault(channel, tally)
        if known is not tally:
            known.merge(tally)


def _update_each(own: dict[int, dict[int, Any]], given: Mapping[int, Mapping[int, Any]]) -> None:
    for channel, of_frames in given.items():
        own.setdefault(channel, {}).update(of_frames)


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


class ReadMemory(threading.local):
    """What a thread reads into, block after block: new memory costs more than a copy of it."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
        """An array of any content, until the next one is asked for."""
        return self.bytes_of(math.prod(shape) * dtype.itemsize).view(dtype).reshape(shape)

    def bytes_of(self, n_bytes: int) -> NDArray[np.uint8]:
        """So many bytes, likewise."""
        if n_bytes > len(self._bytes):
            self._bytes = np.empty(n_bytes, np.uint8)
        return self._bytes[:n_bytes]

    def let_go(self) -> None:
        """Take other memory from now on, since somebody may still write into this."""
        self._bytes = np.empty(0, np.uint8)


class _Counting:
    """What a block has given so far; several threads take in frames at once.

    Parameters
    ----------
    fov : Fov
    block : Block
    """

    def __init__(self, fov: Fov, block: Block) -> None:
        self._fov, self._block = fov, block
        self.counted = Counted()
        self._begun: dict[tuple[int, int], _Frame] = {}
        self._one_at_a_time = threading.Lock()

    def take(
        self, t: int, stacks: Iterable[Pixels], part: _Part, *, is_all: bool, is_last: bool
    ) -> None:
        """Take in a part of a frame: of each channel (Z, Y, X).

        Parameters
        ----------
        t : int
        stacks : iterable of ndarray
        part : (slice, slice)
            Its z and y.
        is_all, is_last : bool
            Whether the frame has no other part, and none after it.
        """
        z, y = part
        for channel, stack in zip(self._block.channels, stacks, strict=True):
            frame = self._begun.pop((t, channel), None)
            if frame is None:
                frame = _Frame(Tally(self._fov.dtype), Sharpness(self._fov.shape[2]))
            frame.tally.add(stack)
            if self._fov.shape[2] > 1:
                frame.sharpness.add(stack, z.start, y.start)
            if not is_last:
                self._begun[t, channel] = frame
                continue
            statistics = frame.tally.statistics(stack if is_all else None)
            with self._one_at_a_time:
                self.counted.add_frame(t, channel, frame, statistics)


class FovReader:
    """Reads the channels of a FOV that are in slots.

    Parameters
    ----------
    source : FovSource
    missing_chunks : {"warn", "error", "fill"}
    memory : ReadMemory
        Shared by the readers of all FOVs.
    stopping : threading.Event
        Once it is set, nothing more is waited for.
    """

    def __init__(
        self,
        source: FovSource,
        missing_chunks: MissingChunks,
        memory: ReadMemory,
        stopping: threading.Event,
    ) -> None:
        self._source = source
        self._missing_chunks = missing_chunks
        self._memory = memory
        self._stopping = stopping
        self._views: dict[bool, ts.TensorStore] = {}
        self._lock = threading.Lock()
        self._pipes = PipeWatch()

    def count(self, block: Block) -> Counted:
        """Read a block and count its values.

        Raises
        ------
        StoppedError
            Somebody asked to stop.
        StoreError, ChunkError
            It cannot be read; the message names FOV and chunk.
        """
        counting = _Counting(self._source.fov, block)
        storage = self._storage_of_frames()
        lefts = [block] if storage is None else self._count_files(block, storage, counting)
        for left in lefts:
            parts = list(_parts(self._source, left))
            for part in parts:
                pixels = self._read(left, part, counting.counted.absent)
                for t, frame in enumerate(pixels, start=left.first_frame):
                    counting.take(t, frame, part, is_all=len(parts) == 1, is_last=part == parts[-1])
        return counting.counted

    def _storage_of_frames(self) -> ChunkStorage | None:
        """How frames are stored that lie whole in files which are decoded here; else None."""
        fov = self._source.fov
        storage = None if is_url(fov.array_path) else fov.form.storage
        if storage is None or storage.shards is not None or storage.n_bytes < WORTH_PICKING_BYTES:
            return None
        return storage if fov.chunk_shape[2:] == fov.shape[2:] else None

    def _count_files(self, block: Block, storage: ChunkStorage, counting: _Counting) -> list[Block]:
        """Count each file while it is in the cache of a CPU; give those that could not be."""
        fov = self._source.fov
        # What it was opened for is held against what the array is now.
        self._view(fill=False)
        require_room(storage.chunk_shape, storage.dtype.itemsize, fov.array_path)
        n_t, n_c, *_ = fov.chunk_shape
        strides = canonical(fov.axes, storage.strides(), absent=0)
        of_image = slice(0, fov.shape[2]), slice(0, fov.shape[3])
        left: list[Block] = []

        def count(first: int) -> None:
            index = {"t": first // n_t, "c": block.channels[0] // n_c}
            key = storage.key(index.get(axis, 0) for axis in fov.axes)
            n_frames = min(n_t, fov.shape[0] - first)
            content = self._memory.bytes_of(storage.n_bytes)
            try:
                decode_file(f"{fov.array_path}/{key}", storage, content)
            except (OSError, RuntimeError, ValueError):
                left.append(Block(first, n_frames, block.channels))
                return
            chunk: Pixels = np.ndarray(fov.chunk_shape, storage.dtype, content, 0, strides)
            inside = [channel % n_c for channel in block.channels]
            for number in range(n_frames):
                frame = [chunk[number, channel] for channel in inside]
                counting.take(first + number, frame, of_image, is_all=True, is_last=True)

        firsts = range(block.first_frame, block.first_frame + block.n_frames, n_t)
        try:
            # As many threads as ask have one each.
            on_all_cpus(count, firsts, longest_wait_seconds(), 1, self._stopping.is_set)
        except StuckError as stuck:
            first = firsts[stuck.number]
            kind, message, remedy = unreachable()
            raise chunk_error(self._source, kind, f"frame {first}: {message}", remedy) from None
        return sorted(left, key=lambda block: block.first_frame)

    def _read(self, block: Block, part: _Part, absent: set[int]) -> Pixels:
        """Pixels (T, C, Z, Y, X) of a part, the fill value where chunks are absent.

        They are the thread's memory, which the next part is read into.
        """
        z, y = part
        first, last = block.first_frame, block.first_frame + block.n_frames
        view = self._part(block, range(first, last), z, y, fill=False)
        dtype = view.dtype.numpy_dtype
        require_room(view.shape, dtype.itemsize, self._source.fov.array_path)
        pixels = self._memory.array(view.shape, dtype)
        try:
            self._ask(block, view, pixels)
        except (ValueError, TimeoutError) as error:
            # What was asked for together with a chunk that fails may come later.
            self._memory.let_go()
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
        if not is_absent(error) or self._missing_chunks == "error":
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
            answer(ts.array(target).write(part), self._stopping.is_set)
        except TimeoutError:
            if self._stopping.is_set():
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
