"""Rows to pixels: the patches of a batch, read together into one array, in one of several ways."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.plates.image import canonical
from lineage_triplets.engine.plates.limits import patch_fault
from lineage_triplets.engine.plates.zarr_json import array_form
from lineage_triplets.engine.process import give_back_freed_memory
from lineage_triplets.engine.reading.cache import CachePools, FileStamp
from lineage_triplets.engine.reading.local import WORTH_PICKING_BYTES, LocalChunkStrategy
from lineage_triplets.engine.reading.plan import ReadStrategy, Window, array_error
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.settings.model import (
        DatasetConfig,
        MissingChunks,
        ReadStrategyName,
    )


def _blosc_blocks(
    least_chunk_bytes: int, missing_chunks: MissingChunks, cache_pool_bytes: int | None
) -> ReadStrategy:
    pools = CachePools.of(cache_pool_bytes)
    otherwise = TensorStoreStrategy(missing_chunks, pools)
    return LocalChunkStrategy(otherwise, least_chunk_bytes, pools)


STRATEGIES: dict[ReadStrategyName, Callable[[MissingChunks, int | None], ReadStrategy]] = {
    "auto": partial(_blosc_blocks, WORTH_PICKING_BYTES),
    "blosc-blocks": partial(_blosc_blocks, 0),
    "tensorstore": TensorStoreStrategy,
}
"""Ways to read by name; each reads every store.

"blosc-blocks" decodes only the touched blocks wherever it can, "auto" where chunks are large enough
for that to be faster; tensorstore reads the rest.
"""

# Decoding by many threads leaves holes in the heap: some 10 MB a batch, which a trim of 8 ms ends.
_READS_BETWEEN_TRIMS = 16


class PatchReader:
    """Reads patches around observations, exactly as the stores hold them.

    Stores are opened when they are first read, in the process that reads.

    Parameters
    ----------
    sources : sequence of FovSource
        By FOV number.
    settings : DatasetConfig
        Size and data type of the patches, and how they are read.

    Raises
    ------
    ConfigError
        The data type cannot hold what a store holds; a patch is larger than memory allows.
    """

    def __init__(self, sources: Sequence[FovSource], settings: DatasetConfig) -> None:
        self.sources = tuple(sources)
        self.settings = settings
        self.dtype = np.dtype(settings.dtype)
        self._reader: ReadStrategy | None = None
        self._watch = _StoreWatch()
        self._n_reads = 0
        self._depth = self.sources[0].depth if self.sources else 1
        self._n_slots = len(self.sources[0].channels) if self.sources else 0
        self._refuse_too_large(1)
        self._shapes = np.array([source.fov.shape for source in self.sources], np.int64).reshape(
            -1, 5
        )
        self._z_start = np.array(
            [-1 if source.z_start is None else source.z_start for source in self.sources],
            dtype=np.int64,
        )
        # First slices of each frame, of the FOVs that have their own, one after another.
        lengths = np.array([len(source.z_starts) for source in self.sources], dtype=np.int64)
        self._frames_start = np.where(lengths > 0, np.cumsum(lengths) - lengths, -1)
        self._z_of_frame = np.array(
            [start for source in self.sources for start in source.z_starts], dtype=np.int64
        )
        for source in self.sources:
            stored = np.dtype(source.fov.dtype)
            to_float = self.dtype.kind == "f" and stored.kind in "biuf"
            if not to_float and not np.can_cast(stored, self.dtype, "safe"):
                raise ConfigError(
                    Problem(
                        "dtype",
                        f"{settings.dtype} cannot hold all values of the store's {stored}.",
                        "Choose float32, or the store's own dtype.",
                        experiment=source.experiment,
                        fov=source.fov.name,
                        field="dtype",
                    )
                )

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_reader": None, "_watch": _StoreWatch()}

    @property
    def patch_shape(self) -> tuple[int, int, int, int]:
        """(C, Z, Y, X) of one patch."""
        return (self._n_slots, self._depth, *self.settings.yx_patch_size)

    def _refuse_too_large(self, n_patches: int) -> None:
        fault = patch_fault(self.patch_shape, self.dtype.itemsize, n_patches)
        if fault is not None:
            raise ConfigError(fault)

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks in this process."""
        return {} if self._reader is None else self._reader.missing

    def corners(
        self, rows: Observations, fov: Int64Array
    ) -> tuple[Int64Array, Int64Array, Int64Array]:
        """First slice, row and column of each observation's patch."""
        height, width = self.settings.yx_patch_size
        fixed = self._z_start[fov]
        if len(self._z_of_frame):
            of_frames = self._frames_start[fov]
            by_frame = of_frames >= 0
            fixed[by_frame] = self._z_of_frame[(of_frames + rows.t)[by_frame]]
        around = np.floor(rows.z - (self._depth - 1) / 2 + 0.5).astype(np.int64)
        last = self._shapes[fov, 2] - self._depth
        z = np.where(fixed >= 0, fixed, np.clip(around, 0, last))
        y = np.floor(rows.y_clamp).astype(np.int64) - height // 2
        x = np.floor(rows.x_clamp).astype(np.int64) - width // 2
        return z, y, x

    def read(self, rows: Observations, fov: Int64Array) -> Pixels:
        """Read the patches of some observations.

        Parameters
        ----------
        rows : Observations
            B observations.
        fov : ndarray of int64, shape (B,)
            The FOV number of each.

        Returns
        -------
        ndarray, shape (B, C, Z, Y, X)
            C in slot order. What lies outside an image (``border="pad"``) is 0.

        Raises
        ------
        ChunkError, StoreError
            A damaged chunk; a store that cannot be opened, is gone, or is another one now.
        ConfigError
            They are together larger than memory allows.
        """
        self._refuse_too_large(len(rows))
        if self._reader is None:
            settings = self.settings
            make = STRATEGIES[settings.read_strategy]
            self._reader = make(settings.missing_chunks, settings.cache_pool_bytes)
        self._watch.check([self.sources[number] for number in np.unique(fov).tolist()])
        z, y, x = self.corners(rows, fov)
        height, width = self.settings.yx_patch_size
        shapes = self._shapes[fov]
        top, left = np.maximum(y, 0), np.maximum(x, 0)
        bottom = np.minimum(y + height, shapes[:, 3])
        right = np.minimum(x + width, shapes[:, 4])
        whole = (bottom - top == height) & (right - left == width)
        out = (np.empty if whole.all() else np.zeros)((len(rows), *self.patch_shape), self.dtype)
        order = np.lexsort((x, y, rows.t, fov))
        boxes = np.stack([fov, rows.t, z, top, bottom, left, right, y, x], axis=1)[order].tolist()
        windows = [
            Window(
                self.sources[f],
                t,
                slice(first, first + self._depth),
                slice(y0, y1),
                slice(x0, x1),
                out[place, :, :, y0 - corner_y : y1 - corner_y, x0 - corner_x : x1 - corner_x],
            )
            for place, (f, t, first, y0, y1, x0, x1, corner_y, corner_x) in zip(
                order.tolist(), boxes, strict=True
            )
        ]
        self._reader.read(windows)
        self._n_reads += 1
        if self._n_reads % _READS_BETWEEN_TRIMS == 0:
            give_back_freed_memory()
        return out


class _StoreWatch:
    """Compares the metadata of local arrays with the index's whenever their file has changed.

    Remote arrays are compared by tensorstore when they are opened.
    """

    def __init__(self) -> None:
        self._stamps: dict[str, FileStamp] = {}

    def check(self, sources: Iterable[FovSource]) -> None:
        """Make sure that some FOVs are still what they were.

        Raises
        ------
        StoreError
            An array is gone, so that its chunks would pass for ones never written; or it has
            another shape, data type or chunks than when it was indexed, or is stored otherwise.
        """
        for source in sources:
            fov = source.fov
            if is_url(fov.array_path):
                continue
            name = ".zarray" if fov.zarr_format == 2 else "zarr.json"
            try:
                stamp = FileStamp.of(os.stat(f"{fov.array_path}/{name}"))  # noqa: PTH116
            except OSError as error:
                raise array_error(
                    source,
                    "missing-path",
                    f"the array is not there any more: {error.strerror}.",
                    "Connect the disk, or restore the store.",
                ) from None
            if self._stamps.get(fov.array_path) != stamp:
                _compare(source)
                self._stamps[fov.array_path] = stamp


def _compare(source: FovSource) -> None:
    """Compare what decides where pixels are; spelling does not, nor do frames that came."""
    fov = source.fov
    then, now = fov.form, array_form(fov.array_path)
    is_same = len(now.shape) == len(then.shape) and fov.is_within(canonical(fov.axes, now.shape))
    changes = {
        "shape": (then.shape, then.shape if is_same else now.shape),
        "data type": (then.dtype, now.dtype),
        "chunks": (then.chunk_shape, now.chunk_shape),
        "storage": (then.storage, now.storage),
    }
    for what, (before, after) in changes.items():
        if before != after:
            said = "" if what == "storage" else f": {after} now, {before} when the index was built"
            raise array_error(
                source,
                "store-changed",
                f"the array's {what} has changed{said}.",
                "Build the index again.",
            )
