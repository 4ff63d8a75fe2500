"""Bytes of decoded pixels that a FOV needs while anchors move through its frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine import MultiExperimentIndex
    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource

STEP_FRAMES = 2
"""Anchors of so many frames of a lane are shuffled together."""


@dataclass(frozen=True)
class ReadCosts:
    """What reading costs in each FOV, by its store's chunks.

    Attributes
    ----------
    time_chunk : ndarray of int64, shape (FOVs,)
        Frames of a chunk.
    tau_frames : ndarray of int64, shape (FOVs,)
        How far positives lie ahead at most.
    slab_bytes : ndarray of int64, shape (FOVs,)
        All chunks of the same frames that patches touch, decoded, where they are most; or what is
        kept of them.
    n_slabs : ndarray of int64, shape (FOVs,)
        Number of chunks along time.
    """

    time_chunk: Int64Array
    tau_frames: Int64Array
    slab_bytes: Int64Array
    n_slabs: Int64Array

    @classmethod
    def of_index(
        cls, index: MultiExperimentIndex, yx_patch_size: tuple[int, int], *, ahead: bool
    ) -> ReadCosts:
        """Count the chunks that patches of an index touch.

        Parameters
        ----------
        index : MultiExperimentIndex
        yx_patch_size : (int, int)
            As it is read, with any margin.
        ahead : bool
            Whether positives are read that are later than their anchors.
        """
        shapes = np.array([source.fov.shape for source in index.fovs], np.int64).reshape(-1, 5)
        chunks = np.array([source.fov.chunk_shape for source in index.fovs]).reshape(-1, 5)
        chunks = np.minimum(chunks, np.maximum(shapes, 1))
        n_slabs = -(-shapes[:, 0] // chunks[:, 0])
        last = np.array([frames.last for frames in index.tau_range_frames], dtype=np.int64)
        of_fov = last[index.experiment_of_fov] if ahead else np.zeros(len(shapes), dtype=np.int64)
        one_chunk = np.array([source.fov.chunk_bytes for source in index.fovs], dtype=np.int64)
        deep = np.array([_depth_in_chunks(source) for source in index.fovs], dtype=np.int64)
        touched = _most_touched(index, yx_patch_size, shapes, chunks, n_slabs)
        return cls(chunks[:, 0], of_fov, touched * deep * one_chunk, n_slabs)

    def lane_bytes(self, *, staggered: bool) -> Float64Array:
        """Bytes that a lane keeps in each FOV.

        The frames in work, those of the positives ahead, and those just left, which go last from
        the memory. Lanes that are staggered are seldom all between two chunks at once: of them the
        mean counts, and otherwise the most.
        """
        window = 2 * STEP_FRAMES + self.tau_frames
        beyond = (window - 1) / self.time_chunk
        n_slabs = 1 + (beyond if staggered else np.ceil(beyond))
        return np.asarray(np.minimum(n_slabs, self.n_slabs) * self.slab_bytes)

    def of_frames(self, index: MultiExperimentIndex) -> ReadCosts:
        """Give the costs where frames are kept of chunks, with the slices that are read alone."""
        frames = [
            len(source.channels)
            * (source.fov.shape[2] if source.has_slices_of_cells else source.depth)
            * math.prod(source.fov.shape[3:])
            * source.fov.form.item_bytes
            for source in index.fovs
        ]
        kept = self.time_chunk * np.array(frames, dtype=np.int64)
        return replace(self, slab_bytes=np.minimum(self.slab_bytes, kept))

    def whole_bytes(self, fovs: Int64Array) -> int:
        """Bytes of all chunks of some FOVs that patches touch, at most."""
        return int((self.n_slabs * self.slab_bytes)[np.unique(fovs)].sum())

    def cut_slabs(self) -> Float64Array:
        """Chunks along time that are decoded twice, on average, where a FOV's movie is cut in two.

        The one that is cut, and those into which the positives of the first part reach.
        """
        return np.asarray((self.time_chunk - 1 + self.tau_frames) / self.time_chunk)


def _depth_in_chunks(source: FovSource) -> int:
    """Chunks along channels and slices that a patch touches."""
    fov, z_start = source.fov, source.z_start
    n_channels = len({channel // fov.chunk_shape[1] for channel in source.channels})
    z_chunk = fov.chunk_shape[2]
    if z_start is None:
        return n_channels * math.ceil(fov.shape[2] / z_chunk)
    return n_channels * ((z_start + source.depth - 1) // z_chunk - z_start // z_chunk + 1)


def _most_touched(
    index: MultiExperimentIndex,
    yx_patch_size: tuple[int, int],
    shapes: Int64Array,
    chunks: Int64Array,
    n_slabs: Int64Array,
) -> Int64Array:
    """Most chunks side by side that patches of the same frames touch, in each FOV."""
    grid = -(-shapes[:, 3:] // chunks[:, 3:])
    per_slab: Int64Array = grid.prod(axis=1)
    rows, fov = index.observations, index.fov_of_row
    if (per_slab == 1).all() or not len(rows):
        return per_slab
    start = np.concatenate([[0], np.cumsum(per_slab * n_slabs)])
    touched = np.zeros(start[-1], dtype=bool)
    slab = start[fov] + rows.t // chunks[fov, 0] * per_slab[fov]
    bounds = []
    for axis, centre in ((0, rows.y_clamp), (1, rows.x_clamp)):
        size, image, chunk = yx_patch_size[axis], shapes[fov, 3 + axis], chunks[fov]
        first = np.floor(centre).astype(np.int64) - size // 2
        last = np.clip(first + size - 1, 0, image - 1)
        bounds.append((np.maximum(first, 0) // chunk[:, 3 + axis], last // chunk[:, 3 + axis]))
    (top, bottom), (left, right) = bounds
    for down in range(int((bottom - top).max()) + 1):
        for along in range(int((right - left).max()) + 1):
            y, x = np.minimum(top + down, bottom), np.minimum(left + along, right)
            touched[slab + y * grid[fov, 1] + x] = True
    most = np.zeros(len(shapes), dtype=np.int64)
    for number in np.flatnonzero(per_slab * n_slabs).tolist():
        own = touched[start[number] : start[number + 1]].reshape(n_slabs[number], -1)
        most[number] = own.sum(axis=1).max()
    return most
