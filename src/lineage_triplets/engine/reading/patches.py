"""Rows to pixels: the patches of a batch, read together into one array, in one of several ways."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

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
from lineage_triplets.engine.settings.model import MissingChunks, ReadStrategyName
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lineage_triplets.engine.arrays import Int64Array, Pixels
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.settings.model import DatasetConfig


def _blosc_blocks(
    least_chunk_bytes: int, missing_chunks: MissingChunks, cache_pool_bytes: int | CachePools | None
) -> ReadStrategy:
    pools = CachePools.of(cache_pool_bytes)
    otherwise = TensorStoreStrategy(missing_chunks, pools)
    return LocalChunkStrategy(otherwise, least_chunk_bytes, pools)


_Making = Callable[[MissingChunks, int | CachePools | None], ReadStrategy]

STRATEGIES: dict[ReadStrategyName, _Making] = {
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


class Place(NamedTuple):
    """Where a patch lies in its image.

    Attributes
    ----------
    fov, t, z : int
        Number of the FOV, frame, first slice.
    top, bottom, left, right : int
        Rows and columns that are inside the image.
    y, x : int
        The corner of the whole patch, which may lie outside.
    """

    fov: int
    t: int
    z: int
    top: int
    bottom: int
    left: int
    right: int
    y: int
    x: int

    def inside(self, patch: Pixels) -> Pixels:
        """Give the part of a patch (C, Z, Y, X) that lies inside the image."""
        rows = slice(self.top - self.y, self.bottom - self.y)
        columns = slice(self.left - self.x, self.right - self.x)
        return patch[:, :, rows, columns]


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
        self._pools: CachePools | None = None
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
        return {**self.__dict__, "_reader": None, "_pools": None, "_watch": _StoreWatch()}

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
        self.check(fov)
        places = self.places(rows, fov)
        out = self.blank(places)
        windows = [
            self.window(place, place.inside(out[number]))
            for place, number in sorted(zip(places, range(len(places)), strict=True))
        ]
        self.strategy().read(windows)
        self.count_read()
        return out

    def places(self, rows: Observations, fov: Int64Array) -> list[Place]:
        """Where the patches of some observations lie."""
        z, y, x = self.corners(rows, fov)
        height, width = self.settings.yx_patch_size
        shapes = self._shapes[fov]
        top, left = np.maximum(y, 0), np.maximum(x, 0)
        bottom = np.minimum(y + height, shapes[:, 3])
        right = np.minimum(x + width, shapes[:, 4])
        columns = np.stack([fov, rows.t, z, top, bottom, left, right, y, x])
        return list(map(Place._make, columns.T.tolist()))

    def blank(self, places: Sequence[Place]) -> Pixels:
        """Make the array of some patches, 0 outside the images.

        Raises
        ------
        ConfigError
            They are together larger than memory allows.
        """
        self._refuse_too_large(len(places))
        height, width = self.settings.yx_patch_size
        whole = all(
            place.bottom - place.top == height and place.right - place.left == width
            for place in places
        )
        return (np.empty if whole else np.zeros)((len(places), *self.patch_shape), self.dtype)

    def window(self, place: Place, target: Pixels) -> Window:
        """Make the window that fills a target (C, Z, Y, X) with what is inside the image."""
        return Window(
            self.sources[place.fov],
            place.t,
            slice(place.z, place.z + target.shape[1]),
            slice(place.top, place.bottom),
            slice(place.left, place.right),
            target,
        )

    def strategy(self) -> ReadStrategy:
        """How this process reads; made when it is first asked for."""
        if self._reader is None:
            self._reader = self.new_strategy(self.settings.missing_chunks)
        return self._reader

    def new_strategy(self, missing_chunks: MissingChunks) -> ReadStrategy:
        """Make another way to read, by the same memory, with its own view of absent chunks."""
        return STRATEGIES[self.settings.read_strategy](missing_chunks, self.pools)

    @property
    def pools(self) -> CachePools:
        """The memory for decoded chunks."""
        if self._pools is None:
            self._pools = CachePools.of(self.settings.cache_pool_bytes)
        return self._pools

    def check(self, fov: Int64Array) -> None:
        """Make sure that some FOVs are still what they were when the index was built.

        Raises
        ------
        StoreError
            An array is gone, or is another one now.
        """
        self._watch.check([self.sources[number] for number in np.unique(fov).tolist()])

    def count_read(self) -> None:
        """Give memory back to the system, once in some reads."""
        self._n_reads += 1
        if self._n_reads % _READS_BETWEEN_TRIMS == 0:
            give_back_freed_memory()


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
