"""Chunks of local stores, decoded here and counted while they are in the cache of a CPU."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lineage_triplets.engine.plates.image import canonical
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.remote import longest_wait_seconds, unreachable
from lineage_triplets.engine.reading.local import WORTH_PICKING_BYTES
from lineage_triplets.engine.reading.plan import chunk_error
from lineage_triplets.engine.reading.threads import StuckError, on_all_cpus
from lineage_triplets.engine.reading.whole import ChunkDecoder
from lineage_triplets.engine.settings.paths import is_url
from lineage_triplets.training.statistics.counts import has_own_bins
from lineage_triplets.training.statistics.frames import Block

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Pixels
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.plates.chunks import ChunkStorage
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.training.statistics.frames import Counting, Shared


# Small chunks of a frame are counted together.
_COUNTED_BYTES = 2**21


class _Tiles(NamedTuple):
    """Chunks of a frame that are counted together.

    Attributes
    ----------
    places : list of dict
        Of each its place in the grid along z, y and x.
    corner : tuple of int
        Slice and row where the first one begins.
    shape : tuple of int
        (Z, Y, X) of what each has inside the image.
    """

    places: list[dict[str, int]]
    corner: tuple[int, int]
    shape: tuple[int, int, int]


def decoded_storage(fov: Fov) -> ChunkStorage | None:
    """How chunks are stored that are counted one by one; None where frames are read instead."""
    storage = None if is_url(fov.array_path) else fov.form.storage
    if storage is None or storage.n_bytes < WORTH_PICKING_BYTES:
        return None
    # The focus wants rows, and exact percentiles of floats want frames, that are whole.
    takes_tiles = has_own_bins(fov.dtype) and fov.shape[2] == 1
    return storage if takes_tiles or fov.chunk_shape[2:] == fov.shape[2:] else None


class ChunkCounter:
    """Counts chunks of a FOV, each by the thread that decoded it.

    Parameters
    ----------
    source : FovSource
    storage : ChunkStorage
        As `decoded_storage` gives it.
    shared : Shared
    """

    def __init__(self, source: FovSource, storage: ChunkStorage, shared: Shared) -> None:
        self._source, self._storage, self._shared = source, storage, shared
        self._strides = canonical(source.fov.axes, storage.strides(), absent=0)
        self._tiles = _tiles(source.fov, storage.n_bytes)

    def count(self, block: Block, counting: Counting) -> list[Block]:
        """Count a block; give the frames that could not be, which tensorstore shall judge.

        Raises
        ------
        StoppedError
            Somebody asked to stop.
        ChunkError
            A disk does not answer.
        """
        storage = self._storage
        require_room(storage.chunk_shape, storage.dtype.itemsize, self._source.fov.array_path)
        n_t = self._source.fov.chunk_shape[0]
        firsts = range(block.first_frame, block.first_frame + block.n_frames, n_t)
        left: list[Block] = []

        def count(first: int) -> None:
            n_frames = min(n_t, self._source.fov.shape[0] - first)
            frames = Block(first, n_frames, block.channels)
            if not self._count_frames(frames, counting):
                left.append(frames)

        try:
            # As many threads as ask have one each.
            on_all_cpus(count, firsts, longest_wait_seconds(), 1, self._shared.stopping.is_set)
        except StuckError as stuck:
            first = firsts[stuck.number]
            kind, message, remedy = unreachable()
            raise chunk_error(self._source, kind, f"frame {first}: {message}", remedy) from None
        return sorted(left, key=lambda block: block.first_frame)

    def _count_frames(self, frames: Block, counting: Counting) -> bool:
        """Count frames that share chunks along t; whether all their chunks could be decoded."""
        fov, storage = self._source.fov, self._storage
        n_t, n_c, *_ = fov.chunk_shape
        of_block = {"t": frames.first_frame // n_t, "c": frames.channels[0] // n_c}
        inside = [channel % n_c for channel in frames.channels]
        most = max(len(tiles.places) for tiles in self._tiles)
        content = self._shared.memory.array("chunks", (most, storage.n_bytes), np.uint8)
        chunks: Pixels = np.ndarray(
            (most, *fov.chunk_shape), storage.dtype, content, 0, (storage.n_bytes, *self._strides)
        )
        with closing(ChunkDecoder(fov.array_path, storage)) as decoder:
            for tiles in self._tiles:
                try:
                    for place, target in zip(tiles.places, content, strict=False):
                        chunk = of_block | place
                        decoder.decode([chunk.get(axis, 0) for axis in fov.axes], target)
                except (OSError, RuntimeError, ValueError):
                    counting.forget(frames)
                    return False
                n_z, n_y, n_x = tiles.shape
                boxes = chunks[: len(tiles.places), :, :, :n_z, :n_y, :n_x]
                for number in range(frames.n_frames):
                    counting.take(
                        frames.first_frame + number,
                        [boxes[:, number, channel].reshape(-1, n_y, n_x) for channel in inside],
                        tiles.corner,
                        is_all=len(self._tiles) == 1,
                        is_last=tiles is self._tiles[-1],
                    )
        return True


def _tiles(fov: Fov, n_bytes: int) -> list[_Tiles]:
    """All chunks of a frame; of those that end beyond the image each by itself."""
    sizes, shape = fov.chunk_shape[2:], fov.shape[2:]
    most = max(1, _COUNTED_BYTES // n_bytes)
    found: list[_Tiles] = []
    for z, y, x in product(*(range(0, n, size) for n, size in zip(shape, sizes, strict=True))):
        n_z, n_y, n_x = (
            min(size, n - at) for size, n, at in zip(sizes, shape, (z, y, x), strict=True)
        )
        place = {"z": z // sizes[0], "y": y // sizes[1], "x": x // sizes[2]}
        tiles = _Tiles([place], (z, y), (n_z, n_y, n_x))
        if found and found[-1].shape == tiles.shape == sizes and len(found[-1].places) < most:
            found[-1].places.append(place)
        else:
            found.append(tiles)
    return found
