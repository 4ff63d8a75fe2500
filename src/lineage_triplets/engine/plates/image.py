"""One image of OME-Zarr 0.1 to 0.6 from its JSON: its array, levels, axes, channels, pixel size.

Nothing here reads pixels, so that a process may look at images on disk and fork afterwards; those
behind URLs are looked at through tensorstore. Axes in any case; absent axes count as length 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.channels import channel_labels
from lineage_triplets.engine.plates.coordinates import CANONICAL_AXES, of_array, of_multiscales
from lineage_triplets.engine.plates.limits import image_fault
from lineage_triplets.engine.plates.stores import join, join_inside, location
from lineage_triplets.engine.plates.zarr_json import (
    ArrayForm,
    array_form,
    find_array,
    node_attributes,
    store_fault,
    understood,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SINGLE_IMAGE_FOV = "0/0/0"


@dataclass(frozen=True, slots=True)
class Fov:
    """One field of view: where its pixels are, and what its metadata say.

    Attributes
    ----------
    name : str
        ``"{row}/{column}/{field}"``; ``"0/0/0"`` for a single image.
    path : str
        Folder or URL of the image (the OME-Zarr multiscales group).
    array_path : str
        Folder or URL of the full-resolution array.
    axes : tuple of str
        The array's axes in its own order, lower case.
    form : ArrayForm
        What the array was when the image was opened, along its own axes.
    shape : tuple of int
        (T, C, Z, Y, X); 1 for an axis that the image lacks.
    chunk_shape : tuple of int
        (T, C, Z, Y, X) of what is read at once, in the same way.
    level_shapes : tuple
        Shapes of all resolution levels that the metadata list, in the array's own order.
    channel_labels : tuple of str or None
        The labels that the store has, in order, None for a missing one; empty where it has none
        at all. There may be fewer or more than channels.
    pixel_size_um : tuple of float or None
        (z, y, x); None where the unit is unknown.
    interval_minutes : float or None
        The store's own time scale, often wrong; None where it has no unit.
    unread_transform : str
        Kind of a transformation of its pixels that is more than a scale, so that neither size nor
        interval is known; empty where there is none.
    """

    name: str
    path: str
    array_path: str
    axes: tuple[str, ...]
    form: ArrayForm
    shape: tuple[int, int, int, int, int]
    chunk_shape: tuple[int, int, int, int, int]
    level_shapes: tuple[tuple[int, ...], ...]
    channel_labels: tuple[str | None, ...]
    pixel_size_um: tuple[float, float, float] | None
    interval_minutes: float | None
    unread_transform: str = ""

    @property
    def well_name(self) -> str:
        """``"{row}/{column}"``."""
        return self.name.rsplit("/", 1)[0]

    @property
    def channel_names(self) -> tuple[str, ...] | None:
        """The store's names, one a channel; None where it does not name every channel."""
        named = tuple(label for label in self.channel_labels if label is not None)
        whole = len(named) == len(self.channel_labels) == self.shape[1]
        return named if whole else None

    @property
    def zarr_format(self) -> int:
        """2 or 3."""
        return self.form.zarr_format

    @property
    def dtype(self) -> str:
        """NumPy's name of the pixels' type."""
        return self.form.dtype

    @property
    def codecs(self) -> str:
        """The array's compression as JSON, for fingerprints."""
        return self.form.codecs

    @property
    def chunk_bytes(self) -> int:
        """Size of one decoded chunk."""
        return math.prod(self.chunk_shape) * self.form.item_bytes

    def is_within(self, shape: Sequence[int]) -> bool:
        """Whether an image (T, C, Z, Y, X) is this one, though frames may have come at its end."""
        return shape[0] >= self.shape[0] and tuple(shape[1:]) == self.shape[1:]

    def normalization(self) -> dict[str, Any] | None:
        """Read the FOV's ``normalization`` attribute; None where it has none."""
        return self._attribute("normalization")

    def focus_slice(self) -> dict[str, Any] | None:
        """Read the FOV's ``focus_slice`` attribute; None where it has none."""
        return self._attribute("focus_slice")

    def _attribute(self, key: str) -> dict[str, Any] | None:
        attributes, _ = node_attributes(self.path)
        found = attributes.get(key)
        return found if isinstance(found, dict) else None


def open_image(path: str | Path, name: str = SINGLE_IMAGE_FOV) -> Fov:
    """Open one OME-Zarr image, or a bare array whose axes are named or five.

    Raises
    ------
    StoreError
        It is absent, unreadable, or its metadata do not describe an image in t, c, z, y, x.
    """
    folder = location(path)
    with understood(folder):
        return _image(folder, name)


def _image(folder: str, name: str) -> Fov:
    attributes, node = node_attributes(folder)
    multiscales = attributes.get("multiscales")
    if multiscales:
        levels = [level["path"] for level in multiscales[0].get("datasets", []) if "path" in level]
        if not levels:
            raise store_fault("not-an-image", "its multiscales list no levels.", "Mend it.", folder)
        form = array_form(join_inside(folder, levels[0]))
        smaller = (find_array(join_inside(folder, level)) for level in levels[1:])
        shapes = [form.shape, *(array.shape for array in smaller if array is not None)]
        found = of_multiscales(multiscales[0], form.dimension_names, len(form.shape), folder)
    elif node == "array":
        form = array_form(folder)
        levels, shapes = [""], [form.shape]
        found = of_array(form.dimension_names, len(form.shape), folder)
    else:
        raise store_fault(
            "not-an-image",
            "its metadata have no 'multiscales'.",
            "Name an OME-Zarr image of version 0.1 to 0.6.",
            folder,
        )
    shape = canonical(found.axes, form.shape)
    fault = image_fault(shape, folder)
    if fault is not None:
        raise StoreError(fault)
    return Fov(
        name=name,
        path=folder,
        array_path=join(folder, levels[0]) if levels[0] else folder,
        axes=found.axes,
        form=form,
        shape=shape,
        chunk_shape=canonical(found.axes, form.chunk_shape),
        level_shapes=tuple(shapes),
        channel_labels=channel_labels(attributes),
        pixel_size_um=found.pixel_size_um,
        interval_minutes=found.interval_minutes,
        unread_transform=found.unread,
    )


def canonical(
    axes: Sequence[str], values: Iterable[int], absent: int = 1
) -> tuple[int, int, int, int, int]:
    """Order values by axis as t, c, z, y, x, with another for axes that the array lacks."""
    by_axis = dict(zip(axes, values, strict=True))
    t, c, z, y, x = (int(by_axis.get(axis, absent)) for axis in CANONICAL_AXES)
    return t, c, z, y, x
