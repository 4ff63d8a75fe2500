"""A FOV as a small picture: one plane in the middle, of the smallest level that will do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lineage_triplets.engine.plates.remote import first_line
from lineage_triplets.qc.look.coarse import UNREADABLE, CoarsePlanes
from lineage_triplets.qc.look.pictures.grey import blank_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.engine.index.fovs import FovSource


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
        planes = CoarsePlanes(source, slot, side_px, stopped)
        plane = planes.read((source.n_frames or planes.shape[0]) // 2)
    except UNREADABLE as error:
        return Thumbnail(fault=first_line(error))
    small = _reduced(plane, side_px)
    return Thumbnail(small, blank_note(small))


def _reduced(plane: Float32Array, side_px: int) -> Float32Array:
    factor = max(plane.shape) / side_px
    if factor <= 1:
        return plane
    height, width = (max(1, round(length / factor)) for length in plane.shape)
    small = Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)
