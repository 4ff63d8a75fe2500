"""Rows to pixels: the patches of a batch, read together into one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, choices
from lineage_triplets.engine.reading.store_watch import StoreWatch
from lineage_triplets.engine.reading.strategies import STRATEGIES
from lineage_triplets.engine.reading.window import ReadStrategy, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.settings.model import DtypeName, MissingChunks, ReadStrategyName


class PatchReader:
    """Reads patches around observations, exactly as the stores hold them.

    Stores are opened when they are first read, in the process that reads.

    Parameters
    ----------
    sources : sequence of FovSource
        By FOV number.
    yx_patch_size : (int, int)
        Rows and columns, in pixels.
    dtype : str
        Data type of the patches; it must hold all values of the stores' data types.
    missing_chunks : {"warn", "error", "fill"}
        What a chunk that was never written means.
    cache_pool_bytes : int or None
        Memory for decoded chunks; 0 keeps none, None takes a share of what the process may use.
    strategy : {"auto", "blosc-blocks", "tensorstore"}
        How to read, one of ``read_strategies.STRATEGIES``.

    Raises
    ------
    ConfigError
        `dtype` cannot hold what a store holds, or the strategy is unknown.
    """

    def __init__(
        self,
        sources: Sequence[FovSource],
        yx_patch_size: tuple[int, int],
        *,
        dtype: DtypeName = "float32",
        missing_chunks: MissingChunks = "warn",
        cache_pool_bytes: int | None = 0,
        strategy: ReadStrategyName = "auto",
    ) -> None:
        if strategy not in STRATEGIES:
            raise ConfigError(
                Problem(
                    "unknown-strategy",
                    f"there is no read strategy {strategy!r}.",
                    f"There is: {choices(STRATEGIES)}.",
                )
            )
        self.sources = tuple(sources)
        self.yx_patch_size = yx_patch_size
        self.dtype = np.dtype(dtype)
        self._options = (strategy, missing_chunks, cache_pool_bytes)
        self._reader: ReadStrategy | None = None
        self._watch = StoreWatch()
        self._depth = self.sources[0].depth if self.sources else 1
        self._n_slots = len(self.sources[0].channels) if self.sources else 0
        self._shapes = np.array([one.fov.shape for one in self.sources], np.int64).reshape(-1, 5)
        self._z_start = np.array(
            [-1 if one.z_start is None else one.z_start for one in self.sources], dtype=np.int64
        )
        for source in self.sources:
            stored = np.dtype(source.fov.dtype)
            to_float = self.dtype.kind == "f" and stored.kind in "biuf"
            if not to_float and not np.can_cast(stored, self.dtype, "safe"):
                raise ConfigError(
                    Problem(
                        "dtype",
                        f"{dtype} cannot hold all values of the store's {stored}.",
                        "Choose float32, or the store's own dtype.",
                        experiment=source.experiment,
                        fov=source.fov.name,
                        field="dtype",
                    )
                )

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_reader": None, "_watch": StoreWatch()}

    @property
    def patch_shape(self) -> tuple[int, int, int, int]:
        """(C, Z, Y, X) of one patch."""
        return (self._n_slots, self._depth, *self.yx_patch_size)

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks in this process."""
        return {} if self._reader is None else self._reader.missing

    def corners(
        self, rows: Observations, fov: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """First slice, row and column of each observation's patch."""
        height, width = self.yx_patch_size
        fixed = self._z_start[fov]
        around = np.floor(rows.z - (self._depth - 1) / 2 + 0.5).astype(np.int64)
        last = self._shapes[fov, 2] - self._depth
        z = np.where(fixed >= 0, fixed, np.clip(around, 0, last))
        y = np.floor(rows.y_clamp).astype(np.int64) - height // 2
        x = np.floor(rows.x_clamp).astype(np.int64) - width // 2
        return z, y, x

    def read(self, rows: Observations, fov: NDArray[np.int64]) -> NDArray[np.generic]:
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
        """
        if self._reader is None:
            strategy, missing_chunks, cache_pool_bytes = self._options
            self._reader = STRATEGIES[strategy](missing_chunks, cache_pool_bytes)
        self._watch.check([self.sources[number] for number in np.unique(fov).tolist()])
        z, y, x = self.corners(rows, fov)
        height, width = self.yx_patch_size
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
        return out
