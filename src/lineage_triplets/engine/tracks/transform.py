"""A table's frames and positions as those of the image; knows arrays only, and changes none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.engine.tracks.table import TrackTable


def place_table(table: TrackTable, transform: TrackTransform | None) -> TrackTable:
    """Give a table in the image's frames and pixels.

    Parameters
    ----------
    table : TrackTable
        As it was read: its problems, whose values are those of the file, stay as they are.
    transform : TrackTransform or None
        None gives the very table.

    Returns
    -------
    TrackTable
        ``t - first_frame``; x and y exchanged where asked for, then ``position * scale + offset``
        in float64. What is too large for that is infinite, and so outside every image.
    """
    if transform is None:
        return table
    y, x = (table.x, table.y) if transform.swap_xy else (table.y, table.x)
    scale, offset = np.array(transform.scale), np.array(transform.offset)
    with np.errstate(over="ignore"):
        z, y, x = np.stack([table.z, y, x]) * scale[:, None] + offset[:, None]
    return replace(table, t=table.t - transform.first_frame, z=z, y=y, x=x)
