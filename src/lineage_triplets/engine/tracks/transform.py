"""A table's frames and positions as those of the image; knows arrays only, and changes none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import Problem, TrackTableError
from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.engine.tracks.formats.base import Lengths

if TYPE_CHECKING:
    from lineage_triplets.engine.tracks.table import TrackTable

# What writers put down that know no size.
_UNKNOWN_SIZE = (1.0, 1.0, 1.0)
_UM = Lengths((1.0, 1.0, 1.0), "um")


def transform_into_pixels(
    table: TrackTable,
    transform: TrackTransform | None,
    pixel_size_um: tuple[float, float, float] | None,
    *,
    experiment: str = "",
    fov: str = "",
) -> TrackTransform | None:
    """Add to a config's transform the scale that its unit, or the table's own, asks for.

    Parameters
    ----------
    table : TrackTable
        As it was read.
    transform : TrackTransform or None
        As the config says it. A scale there counts, whatever unit the table says.
    pixel_size_um : tuple of float or None
        z, y, x of the image; 1 everywhere is what writers put down that know no size.
    experiment, fov : str
        Whose table it is, for messages.

    Raises
    ------
    TrackTableError
        The table is not in pixels, and the image has no pixel size.
    """
    first = TrackTransform() if transform is None else transform
    lengths = _UM if first.unit == "um" else table.lengths
    if lengths is None or first.unit == "pixel" or first.scale != (1.0, 1.0, 1.0):
        return transform
    if pixel_size_um is None or pixel_size_um == _UNKNOWN_SIZE or min(pixel_size_um) <= 0:
        raise TrackTableError(
            Problem(
                "unknown-pixel-size",
                f"Its positions are in {lengths.unit}, and the image says no pixel size.",
                _scale_to_give(lengths),
                experiment=experiment,
                fov=fov,
                file=str(table.file),
                field="track_transform",
            )
        )
    z, y, x = lengths.um
    y, x = (x, y) if first.swap_xy else (y, x)
    scale = tuple(um / size for um, size in zip((z, y, x), pixel_size_um, strict=True))
    # The unit is in the scale now.
    return TrackTransform.model_validate({**first.model_dump(), "scale": scale, "unit": "pixel"})


def _scale_to_give(lengths: Lengths) -> str:
    """Say which scale to write into the config, as a number where the file says one."""
    say = "Give track_transform.scale in the config: pixels for one unit, as [z, y, x]"
    if lengths.pixel_um is None or min(lengths.pixel_um) <= 0:
        return f"{say}."
    numbers = [f"{um / size:.6g}" for um, size in zip(lengths.um, lengths.pixel_um, strict=True)]
    return (
        f"{say}; [{', '.join(numbers)}] if the images have the pixels that the file says it was "
        "made on."
    )


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
