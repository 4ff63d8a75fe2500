"""A FOV as a small picture: one plane in the middle, of the smallest level that will do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.levels import usable_levels
from lineage_triplets.engine.plates.limits import require_room
from lineage_triplets.engine.plates.remote import answer, first_line
from lineage_triplets.engine.plates.zarr_json import array_form
from lineage_triplets.engine.reading.pipes import PipeWatch
from lineage_triplets.engine.reading.tensorstore import canonical_view, open_array
from lineage_triplets.qc.look.pictures.grey import blank_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.plates.image import Fov


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A small picture of a FOV, or why there is none.

    Attributes
    ----------
    values : ndarray of float32, shape (Y, X), or None
        NaN where pixels are not finite.
    note : str
        What it shows if that is nothing, ``"all 0"``; empty for others.
    fault : str
        Why it cannot be read; empty where it can.
    """

    values: Float32Array | None = None
    note: str = ""
    fault: str = ""


def read_thumbnail(
    source: FovSource, slot: int, side_px: int, stopped: Callable[[], bool] | None = None
) -> Thumbnail:
    """Read the middle frame and slice of a slot, no side longer than asked for.

    Chunks that were never written are blank. Nothing is raised for what cannot be read.

    Parameters
    ----------
    source : FovSource
    slot : int
    side_px : int
    stopped : callable, optional
        Asked while a store is waited for; once it says so, that is the fault.

    Raises
    ------
    ForkedReadError
        This process was forked from one that had read images.
    """
    try:
        plane = _read_plane(source, slot, side_px, stopped)
    except (StoreError, ValueError, OSError) as error:
        return Thumbnail(fault=first_line(error))
    small = _reduced(plane, side_px)
    return Thumbnail(small, blank_note(small))


def _read_plane(
    source: FovSource, slot: int, side_px: int, stopped: Callable[[], bool] | None
) -> Float32Array:
    fov = source.fov
    path, shape = _level(fov, side_px)
    t = (source.n_frames or shape[0]) // 2
    depth = fov.shape[2]
    z = depth // 2 if source.z_start is None else source.z_start + source.depth // 2
    c, z = source.channels[slot], min(z * shape[2] // depth, shape[2] - 1)
    require_room((1, 1, 1, *shape[3:]), fov.form.item_bytes, path)
    box = (
        slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(0, shape[3]), slice(0, shape[4])
    )  # fmt: skip
    pipe = PipeWatch().find(path, array_form(path), fov.axes, box)
    if pipe:
        raise ValueError(f"{pipe} is a pipe, and no file")
    opening = open_array(path, fov.zarr_format, fill_absent=True, recheck="open")
    store = canonical_view(answer(opening, stopped), fov.axes)
    values = np.asarray(answer(store[t, c, z].read(), stopped)).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return values


def _level(fov: Fov, side_px: int) -> tuple[str, tuple[int, int, int, int, int]]:
    """Folder and shape of the smallest level that is as large as asked for."""
    levels = list(zip(*usable_levels(fov), strict=True))
    enough = [level for level in levels if max(level[1][3:]) >= side_px]
    return (enough or levels[:1])[-1]


def _reduced(plane: Float32Array, side_px: int) -> Float32Array:
    factor = max(plane.shape) / side_px
    if factor <= 1:
        return plane
    height, width = (max(1, round(length / factor)) for length in plane.shape)
    small = Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)
