"""A number for each cell of a FOV: its size by masks, its brightness, the doubt of its link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.masks.cells import labels_at
from lineage_triplets.engine.tracks.formats.masks import label_cells
from lineage_triplets.qc.look.coarse import UNREADABLE, CoarsePlanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.reading.masks import MaskReader

    Ask = Callable[[int, int], bool]

_LEAST_SIDE_PX = 512
_RADIUS_SHARE = 0.08


def brightness_of_cells(
    source: FovSource, slot: int, rows: Observations, patch_px: int, go_on: Ask
) -> Float64Array:
    """Give the mean of pixels around each cell; NaN where they cannot be read.

    Planes are of the smallest level of 512 pixels and more; of a stack the cell's own slice.

    Parameters
    ----------
    source : FovSource
    slot : int
    rows : Observations
        The FOV's.
    patch_px : int
        Side of a patch; the mean is over a square a sixth as long.
    go_on : callable
        Gets how many frames are done, and of how many; False stops.
    """
    found = np.full(len(rows), np.nan)
    planes = CoarsePlanes(source, slot, _LEAST_SIDE_PX)
    share = planes.share_yx
    reach = max(1, round(_RADIUS_SHARE * patch_px * float(share.min())))
    for t, own in _frames(rows, go_on):
        depth = np.nan_to_num(rows.z[own]).astype(np.int64)
        for z in np.unique(depth).tolist():
            cells = own[depth == z]
            try:
                plane = planes.read(t, z)
            except UNREADABLE:
                continue
            y, x = (
                np.rint(values * scale).astype(np.int64)
                for values, scale in zip((rows.y[cells], rows.x[cells]), share, strict=True)
            )
            found[cells] = _means(plane.astype(np.float64), y, x, reach)
    return found


def size_of_cells(masks: MaskReader, rows: Observations, go_on: Ask) -> Float64Array:
    """Give how many pixels each cell's mask has; NaN where it has none, or it cannot be read.

    Parameters
    ----------
    masks : MaskReader
    rows : Observations
        Of the FOV of the masks.
    go_on : callable
        Gets how many frames are done, and of how many; False stops.
    """
    found = np.full(len(rows), np.nan)
    for t, own in _frames(rows, go_on):
        try:
            mask = masks.frame(t)
        except StoreError:
            continue
        known = label_cells([(t, mask)])
        places = np.stack([np.nan_to_num(rows.z[own]), rows.y[own], rows.x[own]], axis=1)
        labels = labels_at(mask, places, known).astype(np.int64)
        size = dict(zip(known.label.tolist(), known.n_pixels.tolist(), strict=True))
        found[own] = [size.get(label, np.nan) if label else np.nan for label in labels.tolist()]
    return found


def _frames(rows: Observations, go_on: Ask) -> Iterator[tuple[int, Int64Array]]:
    """Frames with their rows, until somebody says to stop."""
    order = np.argsort(rows.t, kind="stable")
    frames, starts = np.unique(rows.t[order], return_index=True)
    for number, (t, own) in enumerate(
        zip(frames.tolist(), np.split(order, starts[1:]), strict=True)
    ):
        if not go_on(number, len(frames)):
            return
        yield t, own


def _means(plane: Float64Array, y: Int64Array, x: Int64Array, reach: int) -> Float64Array:
    """Means of squares around some pixels, by sums of the plane; NaN where nothing is finite."""
    known = np.isfinite(plane)
    sums, counts = (
        np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        for values in (np.where(known, plane, 0.0), known.astype(np.float64))
    )
    top, bottom = (np.clip(y + step, 0, plane.shape[0]) for step in (-reach, reach + 1))
    left, right = (np.clip(x + step, 0, plane.shape[1]) for step in (-reach, reach + 1))

    def total(of: Float64Array) -> Float64Array:
        boxes: Float64Array = of[bottom, right] - of[top, right] - of[bottom, left] + of[top, left]
        return boxes

    counted = total(counts)
    means = np.full(len(y), np.nan)
    np.divide(total(sums), counted, out=means, where=counted > 0)
    return means
