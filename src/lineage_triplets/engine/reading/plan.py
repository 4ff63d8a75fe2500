"""Windows of images: which chunks they touch, and which bytes of each go where, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lineage_triplets.engine.errors import ChunkError, Problem, StoreError
from lineage_triplets.engine.plates.image import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.plates.chunks import ChunkStorage
    from lineage_triplets.engine.plates.image import Fov


CODED_AND_DECODED = 2
"""Bytes that a chunk takes while it is decoded, in times of its own: its file is hardly larger."""


class Piece(NamedTuple):
    """What one chunk gives to one slot of one window.

    Attributes
    ----------
    window : int
        Number of the window.
    slot : int
    start : int
        First byte in the decoded chunk.
    n_planes, plane_bytes : int
        The bytes wanted are so many ranges of that length, `BoxShape.plane_stride` apart.
    n_z, n_y, n_x : int
        Pixels.
    to_z, to_y, to_x : int
        First pixel in the window.
    """

    window: int
    slot: int
    start: int
    n_planes: int
    plane_bytes: int
    n_z: int
    n_y: int
    n_x: int
    to_z: int
    to_y: int
    to_x: int


class BoxShape(NamedTuple):
    """How boxes of (z, y, x) lie in decoded chunks.

    Attributes
    ----------
    strides : tuple of int
        Bytes along z, y and x; 0 where the array lacks the axis.
    plane_axis : int
        Of z, y and x the one that changes slowest in memory; boxes are cut into planes along it.
    """

    strides: tuple[int, int, int]
    plane_axis: int

    @property
    def plane_stride(self) -> int:
        """Bytes from one plane to the next."""
        return self.strides[self.plane_axis]

    @classmethod
    def of(cls, strides: tuple[int, int, int]) -> BoxShape:
        """Find it for chunks of these strides."""
        # An absent axis has one plane only, and need not be looked for among the others.
        absent = [axis for axis, stride in enumerate(strides) if not stride]
        slowest = max(range(3), key=strides.__getitem__)
        return cls(strides, absent[0] if absent else slowest)


@dataclass(frozen=True, slots=True)
class FileReads:
    """What is wanted of one file.

    Attributes
    ----------
    path : str
    storage : ChunkStorage
    shape : BoxShape
    chunks : list of (int, list of Piece)
        Number of each chunk inside its shard (0 where a file is one chunk), and its pieces.
    """

    path: str
    storage: ChunkStorage
    shape: BoxShape
    chunks: list[tuple[int, list[Piece]]]


def plan(windows: Sequence[Window], storages: Mapping[str, ChunkStorage | None]) -> list[FileReads]:
    """List the files and chunks that windows touch, each once.

    Parameters
    ----------
    windows : sequence of Window
    storages : mapping
        By array path; windows of arrays that have none are passed over.
    """
    groups: dict[tuple[ChunkStorage, tuple[str, ...], tuple[int, ...]], list[int]] = {}
    for number, window in enumerate(windows):
        fov = window.source.fov
        storage = storages[fov.array_path]
        if storage is not None:
            groups.setdefault((storage, fov.axes, window.source.channels), []).append(number)
    reads: list[FileReads] = []
    for (storage, axes, channels), numbers in groups.items():
        reads += _plan_alike(windows, np.array(numbers), storage, axes, channels)
    return reads


class _Cuts(NamedTuple):
    """Where pieces are along one axis: their chunk, their place in it and in the window."""

    chunk: Int64Array
    inside: Int64Array
    length: Int64Array
    target: Int64Array


def _plan_alike(
    windows: Sequence[Window],
    numbers: Int64Array,
    storage: ChunkStorage,
    axes: tuple[str, ...],
    channels: tuple[int, ...],
) -> Iterator[FileReads]:
    """Plan some windows of arrays that are stored alike."""
    chosen = [windows[number] for number in numbers.tolist()]
    size_t, size_c, *sizes = canonical(axes, storage.chunk_shape)
    stride_t, stride_c, *strides = canonical(axes, storage.strides(), absent=0)
    box = np.array(
        [(w.t, w.z.start, w.z.stop, w.y.start, w.y.stop, w.x.start, w.x.stop) for w in chosen],
        dtype=np.int64,
    )
    piece, cuts = _cut_at_chunks(box[:, 1:], sizes)
    t = box[piece, 0]
    start = t % size_t * stride_t
    for cut, stride in zip(cuts, strides, strict=True):
        start = start + cut.inside * stride
    shape = BoxShape.of((strides[0], strides[1], strides[2]))
    counts = [cut.length for cut in cuts]
    plane_bytes = np.full(len(piece), storage.dtype.itemsize, dtype=np.int64)
    for axis in {0, 1, 2} - {shape.plane_axis}:
        plane_bytes += (counts[axis] - 1) * strides[axis]

    n_slots = len(channels)
    slot = np.tile(np.arange(n_slots), len(piece))
    channel = np.array(channels)[slot]

    def a_slot_each(column: Int64Array) -> Int64Array:
        return np.repeat(column, n_slots)

    columns = [
        a_slot_each(numbers[piece]),
        slot,
        a_slot_each(start) + channel % size_c * stride_c,
        *map(a_slot_each, [counts[shape.plane_axis], plane_bytes, *counts]),
        *(a_slot_each(cut.target) for cut in cuts),
    ]
    folders: dict[str, int] = {}
    fov = [folders.setdefault(w.source.fov.array_path, len(folders)) for w in chosen]
    indices = np.stack(
        [
            a_slot_each(t // size_t),
            channel // size_c,
            *(a_slot_each(cut.chunk) for cut in cuts),
        ]
    )
    in_order, file_starts, chunk_starts, inner, file_indices = _by_file(
        storage, axes, a_slot_each(np.array(fov)[piece]), indices
    )
    pieces = list(
        map(Piece._make, zip(*(column[in_order].tolist() for column in columns), strict=True))
    )
    paths = list(folders)
    chunks = [
        (number, pieces[first:last])
        for number, (first, last) in zip(inner, pairwise(chunk_starts), strict=True)
    ]
    for (fov_number, *index), (first, last) in zip(
        file_indices, pairwise(file_starts), strict=True
    ):
        path = f"{paths[fov_number]}/{storage.key(index)}"
        yield FileReads(path, storage, shape, chunks[first:last])


def _cut_at_chunks(boxes: Int64Array, sizes: Sequence[int]) -> tuple[Int64Array, list[_Cuts]]:
    """Cut boxes, given as start and stop along z, y and x, at the borders of chunks.

    Returns
    -------
    box : ndarray of int64
        Number of each piece's box.
    cuts : list of _Cuts
        One an axis.
    """
    starts, stops = boxes[:, 0::2], boxes[:, 1::2]
    size = np.array(sizes)
    first = starts // size
    n_cuts = (stops - 1) // size - first + 1
    n_pieces = n_cuts.prod(axis=1)
    box = np.repeat(np.arange(len(boxes)), n_pieces)
    rest = np.arange(len(box)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    cuts: list[_Cuts] = []
    for axis in (2, 1, 0):
        n = n_cuts[box, axis]
        index = first[box, axis] + rest % n
        rest = rest // n
        start, border = starts[box, axis], index * size[axis]
        low = np.maximum(start, border)
        high = np.minimum(stops[box, axis], border + size[axis])
        cuts.append(_Cuts(index, low - border, high - low, low - start))
    return box, cuts[::-1]


def _by_file(
    storage: ChunkStorage, axes: tuple[str, ...], fov: Int64Array, indices: Int64Array
) -> tuple[Int64Array, list[int], list[int], list[int], list[list[int]]]:
    """Group pieces by the chunk and the file that holds them.

    Parameters
    ----------
    storage : ChunkStorage
    axes : tuple of str
        The array's own order.
    fov : ndarray of int64
        A number for the array of each piece.
    indices : ndarray of int64, shape (5, N)
        The piece's chunk, as t, c, z, y, x.

    Returns
    -------
    in_order : ndarray of int64
        Pieces by file and chunk.
    file_starts, chunk_starts : list of int
        First chunk of each file, and first piece of each chunk; and the end.
    inner : list of int
        Number of each chunk inside its file.
    file_indices : list of list of int
        Number of the array, and the file's place in its grid, in the array's own order.
    """
    own = [indices["tczyx".index(axis)] for axis in axes]
    inner = np.zeros(len(fov), dtype=np.int64)
    if storage.shards is not None:
        n_chunks = np.array(storage.shards.n_chunks)[:, None]
        inner = np.ravel_multi_index(tuple(np.stack(own) % n_chunks), storage.shards.n_chunks)
        own = list(np.stack(own) // n_chunks)
    keys = np.stack([fov, *own, inner])
    in_order = np.lexsort(keys[::-1])
    keys = keys[:, in_order]
    is_new = np.diff(keys, axis=1, prepend=-1) != 0
    new_chunk = is_new.any(axis=0)
    chunk_starts = np.flatnonzero(new_chunk)
    new_file = is_new[:-1].any(axis=0)[chunk_starts]
    file_starts = np.flatnonzero(new_file)
    return (
        in_order,
        [*file_starts.tolist(), len(chunk_starts)],
        [*chunk_starts.tolist(), len(fov)],
        keys[-1, chunk_starts].tolist(),
        keys[:-1, chunk_starts[file_starts]].T.tolist(),
    )


@dataclass(frozen=True, slots=True)
class Window:
    """A box of one frame of a FOV, and where it goes.

    Attributes
    ----------
    source : FovSource
    t : int
    z, y, x : slice
        Inside the image.
    target : ndarray, shape (C, Z, Y, X)
        The part of the output that it fills, C in slot order; values are converted to its dtype.
    """

    source: FovSource
    t: int
    z: slice
    y: slice
    x: slice
    target: Pixels


class ReadStrategy(Protocol):
    """Something that reads windows; ``missing`` counts patches that met absent chunks."""

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks."""

    def decodes_one_by_one(self, fov: Fov) -> bool:
        """Whether no more chunks of a FOV lie decoded at once than there are threads.

        Otherwise all that a call reads may.
        """

    def read(self, windows: Sequence[Window]) -> None:
        """Fill the targets of all windows.

        Raises
        ------
        ChunkError
            A chunk is damaged; or absent, where absent chunks are errors.
        StoreError
            A store cannot be opened.
        """


def array_error(source: FovSource, kind: str, message: str, remedy: str) -> StoreError:
    """Make the error of a FOV's array."""
    return StoreError(_problem(source, kind, message, remedy))


def chunk_error(source: FovSource, kind: str, message: str, remedy: str) -> ChunkError:
    """Make the error of a chunk of a FOV's array."""
    return ChunkError(_problem(source, kind, message, remedy))


def _problem(source: FovSource, kind: str, message: str, remedy: str) -> Problem:
    return Problem(
        kind,
        message,
        remedy,
        experiment=source.experiment,
        fov=source.fov.name,
        file=source.fov.array_path,
    )
