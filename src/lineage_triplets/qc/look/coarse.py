"""Planes of a FOV at the smallest level that will do, and small windows around cells."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.levels import usable_levels
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.remote import answer
from lineage_triplets.engine.plates.zarr_json import array_form
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.tensorstore import canonical_view, open_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import Float32Array, Float64Array
    from lineage_triplets.engine.index.fovs import FovSource

UNREADABLE = (StoreError, ValueError, OSError)
"""What is raised where pixels cannot be read."""


class CoarsePlanes:
    """Reads planes of one slot of a FOV, no larger than needed.

    Chunks that were never written are blank.

    Parameters
    ----------
    source : FovSource
    slot : int
    side_px : int
        The longer side of a plane is at least so long, if the full image is.
    stopped : callable, optional
        Asked while a store is waited for.
    """

    def __init__(
        self,
        source: FovSource,
        slot: int,
        side_px: int,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self._source, self._slot, self._stopped = source, slot, stopped
        levels = list(zip(*usable_levels(source.fov), strict=True))
        enough = [level for level in levels if max(level[1][3:]) >= side_px]
        self.path, self.shape = (enough or levels[:1])[-1]

    @property
    def share_yx(self) -> Float64Array:
        """Pixels of these planes for a pixel of the full image, along y and x."""
        share: Float64Array = np.array(self.shape[3:]) / np.array(self._source.fov.shape[3:])
        return share

    @cached_property
    def _store(self) -> Any:
        fov = self._source.fov
        opening = open_array(self.path, fov.zarr_format, fill_absent=True, recheck="open")
        return canonical_view(answer(opening, self._stopped), fov.axes)

    def read(self, t: int, z: int | None = None) -> Float32Array:
        """Read a plane, (Y, X); NaN where pixels are not finite.

        Parameters
        ----------
        t : int
        z : int, optional
            Slice of the full image; by default the middle one of those that training reads.

        Raises
        ------
        StoreError, ValueError, OSError
            It cannot be read.
        ForkedReadError
            This process was forked from one that had read images.
        """
        source, fov, shape = self._source, self._source.fov, self.shape
        if z is None:
            middle = source.z_start is not None
            z = (source.z_start or 0) + source.depth // 2 if middle else fov.shape[2] // 2
        z = min(z * shape[2] // fov.shape[2], shape[2] - 1)
        c = source.channels[self._slot]
        require_room((1, 1, 1, *shape[3:]), fov.form.item_bytes, self.path)
        box = (
            slice(t, t + 1), slice(c, c + 1), slice(z, z + 1),
            slice(0, shape[3]), slice(0, shape[4]),
        )  # fmt: skip
        pipe = PipeWatch().find(self.path, array_form(self.path), fov.axes, box)
        if pipe:
            raise ValueError(f"{pipe} is a pipe, and no file")
        read = answer(self._store[t, c, z].read(), self._stopped)
        values: Float32Array = np.asarray(read).astype(np.float32)
        values[~np.isfinite(values)] = np.nan
        return values


def window(plane: Float32Array, y: float, x: float, side: int) -> Float32Array:
    """Cut a square around a place out of a plane, moved to lie inside as far as it can.

    Parameters
    ----------
    plane : ndarray of float32, shape (Y, X)
    y, x : float
        In its pixels.
    side : int
    """
    corner = [
        int(np.clip(round(middle - side / 2), 0, max(0, length - side)))
        for middle, length in zip((y, x), plane.shape, strict=True)
    ]
    return plane[corner[0] : corner[0] + side, corner[1] : corner[1] + side]
