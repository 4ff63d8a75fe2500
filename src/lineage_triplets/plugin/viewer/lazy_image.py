"""Images of a FOV for the viewer: read when they are drawn, blank where they cannot be read."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.levels import usable_levels
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.remote import answer, first_line, trouble
from lineage_triplets.engine.plates.zarr_json import array_form, describing_file
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.tensorstore import (
    canonical_view,
    is_absent,
    named_chunk,
    open_array,
)
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.plugin.viewer.late import LateReads
from lineage_triplets.plugin.viewer.unread_parts import UnreadParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.plates.zarr_json import ArrayForm

_CACHE_BYTES = 128 * 2**20
# A store that is gone altogether fails chunk by chunk: no more than so many are asked for.
_MOST_CHUNKS = 1024

Box = tuple[slice, slice, slice, slice, slice]


@dataclass(frozen=True)
class Fault:
    """Something of a frame that could not be read.

    Attributes
    ----------
    channel, t : int
    absent : bool
        Whether it is not there, and not damaged.
    what : str
        What is shown blank and why, in words.
    gone : bool
        Whether none of the images is there any more.
    """

    channel: int
    t: int
    absent: bool
    what: str
    gone: bool = False


class FovImages:
    """The arrays of one FOV, all resolution levels, opened when they are first read.

    Reading raises nothing: what is damaged or absent is 0, and is remembered.

    Parameters
    ----------
    source : FovSource
    fill_absent : bool
        Whether chunks that were never written are no fault.
    on_fault : callable, optional
        Gets the first `Fault` of each channel's frame, and again when all of it reads well, in the
        thread that reads.
    on_late : callable, optional
        Of a remote store nothing is waited for in the main thread: what is not there at once is 0,
        and this is called, in a thread, when it is there.

    Attributes
    ----------
    dtype : dtype
        What pixels are given in.
    shapes : list of tuple of int
        (T, C, Z, Y, X) of each level that the viewer can use, finest first.
    faults : dict of (int, int) to Fault
        By channel and frame; one whose parts were all read well since is none any more.
    """

    def __init__(
        self,
        source: FovSource,
        *,
        fill_absent: bool = False,
        on_fault: Callable[[FovImages, Fault], None] | None = None,
        on_late: Callable[[FovImages], None] | None = None,
    ) -> None:
        self.source = source
        stored = np.dtype(source.fov.dtype)
        # The viewer draws no bool.
        self.dtype = np.dtype(np.uint8) if stored.kind == "b" else stored
        self.faults: dict[tuple[int, int], Fault] = {}
        self._unread = UnreadParts()
        self._paths, self.shapes = usable_levels(source.fov)
        self._fill_absent = fill_absent
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._context = ts.Context({"cache_pool": {"total_bytes_limit": _CACHE_BYTES}})
        self._opened: dict[int, ts.TensorStore] = {}
        self._forms: dict[int, ArrayForm] = {}
        self._pipes = PipeWatch()
        self._late: LateReads | None = None
        if on_late is not None and is_url(source.fov.array_path):
            self._late = LateReads(self._read, lambda: on_late(self))

    @property
    def is_volume(self) -> bool:
        """Whether there is more than one slice."""
        return self.shapes[0][2] > 1

    def channel(self, number: int) -> list[LazyImage]:
        """Give one channel at each level, as (T, Z, Y, X), or (T, Y, X) of a single slice."""
        return [LazyImage.whole(self, level, number) for level in range(len(self.shapes))]

    def read(self, level: int, box: Box) -> NDArray[Any]:
        """Read a box of (t, c, z, y, x), 0 where it cannot be read, or is still on its way."""
        if self._late is None or threading.current_thread() is not threading.main_thread():
            return self._read(level, box)
        found = self._late.get(level, box)
        if found is None:
            shape = [part.stop - part.start for part in box]
            return np.broadcast_to(np.zeros((), self.dtype), shape)
        return found

    def _read(self, level: int, box: Box) -> NDArray[Any]:
        shape = [part.stop - part.start for part in box]
        try:
            require_room(shape, self.dtype.itemsize, self._paths[level])
        except StoreError as error:
            for channel, t in _frames_of(box):
                self._note(level, box, channel, t, error)
            return np.broadcast_to(np.zeros((), self.dtype), shape)
        out = np.zeros(shape, dtype=self.dtype)
        if out.size:
            try:
                self._recheck(level, box)
                store = self._open(level)
                self._refuse_pipes(level, box)
                out[...] = answer(store[box].read())
            except (ValueError, OSError) as error:
                self._read_what_there_is(level, box, out, error)
            else:
                self._note_whole(level, box)
        return out

    def _refuse_pipes(self, level: int, box: Box) -> None:
        pipe = self._pipes.find(self._paths[level], self._forms[level], self.source.fov.axes, box)
        if pipe:
            raise ValueError(f"{pipe} is a pipe, and no file")

    def _recheck(self, level: int, box: Box) -> None:
        """Let go of the array where a chunk was absent: it remembers that as long as it is open."""
        for channel, t in _frames_of(box):
            fault = self.faults.get((channel, t))
            if fault is not None and fault.absent:
                with self._lock:
                    self._opened.pop(level, None)
                return

    def _open(self, level: int) -> ts.TensorStore:
        with self._lock:
            if level not in self._opened:
                fov = self.source.fov
                self._forms[level] = array_form(self._paths[level])
                opening = open_array(
                    self._paths[level],
                    fov.zarr_format,
                    self._context,
                    fill_absent=self._fill_absent,
                    recheck="open",
                )
                view = canonical_view(answer(opening), fov.axes)
                if tuple(view.shape) != self.shapes[level]:
                    raise ValueError(f"its shape is {view.shape} now, it was {self.shapes[level]}")
                self._opened[level] = view
            return self._opened[level]

    def _read_what_there_is(
        self, level: int, box: Box, out: NDArray[Any], error: Exception
    ) -> None:
        """Read each chunk by itself, and leave those blank that cannot be."""
        store = self._opened.get(level)
        parts = [] if store is None else _chunks_of(store, box)
        if store is None or len(parts) > _MOST_CHUNKS:
            for channel, t in _frames_of(box):
                self._note(level, box, channel, t, error)
            return
        pending: list[tuple[Box, ts.Future[Pixels] | ValueError]] = []
        for part in parts:
            try:
                self._refuse_pipes(level, part)
                pending.append((part, store[part].read()))
            except ValueError as refused:
                pending.append((part, refused))
        for part, future in pending:
            target = tuple(
                slice(side.start - whole.start, side.stop - whole.start)
                for side, whole in zip(part, box, strict=True)
            )
            try:
                if isinstance(future, ValueError):
                    raise future
                out[target] = answer(future)
            except (ValueError, OSError) as fault:
                for channel, t in _frames_of(part):
                    self._note(level, part, channel, t, fault)
            else:
                self._note_whole(level, part)

    def _note_whole(self, level: int, box: Box) -> None:
        """Forget the faults of what reads well now."""
        for key in self._unread.read_well(level, box):
            fault = self.faults.pop(key, None)
            if fault is not None and self._on_fault is not None:
                self._on_fault(self, fault)

    def _note(self, level: int, box: Box, channel: int, t: int, error: Exception) -> None:
        self._unread.add((channel, t), level, box)
        if (channel, t) in self.faults:
            return
        gone = _is_gone(self.source.fov.array_path)
        fault = Fault(channel, t, is_absent(error), self._words(t, error, gone), gone)
        self.faults[channel, t] = fault
        if self._on_fault is not None:
            self._on_fault(self, fault)

    def _words(self, t: int, error: Exception, gone: bool) -> str:
        source = self.source
        where = f"{source.experiment} {source.fov.name}"
        first = first_line(error)
        if gone:
            return (
                f"{where}: its images are not there any more ({source.fov.array_path}); they are "
                "shown blank. Restore or mount the store, and open the config again."
            )
        if not self._opened:
            return (
                f"{where}: its images cannot be opened ({first}); they are shown blank. Check the "
                "store, and open the config again."
            )
        chunk = f"{where}, frame {t}: the chunk {named_chunk(error) or 'of this frame'}"
        of_server = trouble(error, source.fov.array_path)
        if of_server is not None:
            _, message, remedy = of_server
            return f"{chunk}: {message} It is shown blank. {remedy}"
        state = "absent" if is_absent(error) else "damaged or unreadable"
        return (
            f"{chunk} is {state} ({first}); it is shown blank. Restore the file, or exclude this "
            "frame."
        )


class Levels(Protocol):
    """Pixels that are read box by box.

    Attributes
    ----------
    shapes : list of tuple of int
        (T, C, Z, Y, X) of each level.
    """

    shapes: list[tuple[int, int, int, int, int]]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""

    @property
    def is_volume(self) -> bool:
        """Whether there is more than one slice."""

    def read(self, level: int, box: Box, /) -> NDArray[Any]:
        """Read a box of (t, c, z, y, x), 0 where it cannot be read."""


@dataclass(frozen=True, eq=False)
class LazyImage:
    """A channel at one level, or a part of it: an array that reads when it is made an array.

    Indexing with numbers and slices reads nothing, so that the viewer may narrow it step by step.

    Attributes
    ----------
    images : Levels
    level : int
    """

    images: Levels
    level: int
    _ranges: tuple[range, ...]
    _kept: tuple[int, ...]

    @classmethod
    def whole(cls, images: Levels, level: int, channel: int) -> LazyImage:
        """Give all of a channel."""
        shape = images.shapes[level]
        ranges = [range(size) for size in shape]
        ranges[1] = range(channel, channel + 1)
        kept = (0, 2, 3, 4) if images.is_volume else (0, 3, 4)
        return cls(images, level, tuple(ranges), kept)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes."""
        return tuple(len(self._ranges[axis]) for axis in self._kept)

    @property
    def ndim(self) -> int:
        """Number of its axes."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """Number of its pixels."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its pixels."""
        return self.images.dtype

    def __len__(self) -> int:
        if not self._kept:
            raise TypeError("a single pixel has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Narrow it by numbers and slices; other indices read what there is and apply to that."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if any(item is Ellipsis for item in keys):
            at = next(number for number, item in enumerate(keys) if item is Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        if not all(isinstance(item, int | np.integer | slice) for item in keys):
            return np.asarray(self)[key]
        if len(keys) > self.ndim:
            raise IndexError(f"{len(keys)} indices for {self.ndim} axes")
        ranges, dropped = list(self._ranges), set()
        for axis, item in zip(self._kept, keys, strict=False):
            if isinstance(item, slice):
                ranges[axis] = ranges[axis][item]
            else:
                number = ranges[axis][int(item)]
                ranges[axis] = range(number, number + 1)
                dropped.add(axis)
        kept = tuple(axis for axis in self._kept if axis not in dropped)
        return LazyImage(self.images, self.level, tuple(ranges), kept)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read it."""
        if not all(self._ranges):
            return np.zeros(self.shape, dtype=dtype or self.dtype)
        ends = [(min(taken[0], taken[-1]), max(taken[0], taken[-1]) + 1) for taken in self._ranges]
        t, c, z, y, x = (slice(*end) for end in ends)
        pixels = self.images.read(self.level, (t, c, z, y, x))
        steps = tuple(slice(None, None, taken.step) for taken in self._ranges)
        pixels = pixels[steps].reshape(self.shape)
        return pixels if dtype is None else pixels.astype(dtype, copy=False)


def _frames_of(box: Box) -> Iterator[tuple[int, int]]:
    """Channel and frame of all that a box has."""
    t, channel = box[:2]
    return itertools.product(range(channel.start, channel.stop), range(t.start, t.stop))


def _is_gone(folder: str) -> bool:
    """Whether a whole array is no more there."""
    try:
        return describing_file(folder) is None
    except StoreError:
        return False


def _chunks_of(store: ts.TensorStore, box: Box) -> list[Box]:
    """Cut a box along the borders of chunks."""
    grid = store.chunk_layout.read_chunk.shape or store.shape
    sizes = [chunk or whole for chunk, whole in zip(grid, store.shape, strict=True)]
    cuts = [
        [
            slice(max(start, part.start), min(start + size, part.stop))
            for start in range(part.start // size * size, part.stop, size)
        ]
        for part, size in zip(box, sizes, strict=True)
    ]
    if math.prod(len(cut) for cut in cuts) > _MOST_CHUNKS:
        return [box] * (_MOST_CHUNKS + 1)
    return [(t, c, z, y, x) for t, c, z, y, x in itertools.product(*cuts)]
