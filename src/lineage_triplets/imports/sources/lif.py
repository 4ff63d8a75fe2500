"""Leica LIF through readlif; each image of the file, and each tile of a mosaic, is an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.imports.sources.base import FoundImage, Index, fault, library
from lineage_triplets.imports.sources.units import micrometers, minutes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_PLANE = (1, 2)


def find(path: Path) -> list[FoundImage] | None:
    """Find the images of a LIF file.

    Raises
    ------
    ConfigError
        readlif is not installed, the file cannot be read, or its planes are not x and y.
    """
    if path.suffix.lower() != ".lif" or not path.is_file():
        return None
    readlif = library("readlif.reader", path, "a LIF file")
    try:
        file = readlif.LifFile(str(path))
    except (ValueError, KeyError, EOFError) as error:
        raise fault(
            "unreadable-image",
            f"it is no LIF file that can be read: {error}.",
            "Was it cut short while it was written or copied? Copy it again.",
            path,
        ) from error
    return [
        _image(path, image, number, tile)
        for number, image in enumerate(file.get_iter_image())
        for tile in range(image.dims.m)
    ]


def _image(path: Path, image: Any, number: int, tile: int) -> FoundImage:
    if tuple(image.display_dims) != _PLANE or len(set(image.bit_depth)) != 1:
        raise fault(
            "unknown-axes",
            f"{image.name}: planes of the axes {image.display_dims}, with {image.bit_depth} bits; "
            "rows and columns, and one depth, are expected.",
            "Export the image as OME-TIFF.",
            path,
        )
    x, y, z, per_second = image.scale
    tiles = f", tile {tile}" if image.dims.m > 1 else ""
    return FoundImage(
        path=path,
        name=f"{path.name}, {image.name}{tiles}",
        kind="LIF",
        axes="TCZ",
        sizes=(int(image.dims.t), int(image.channels), int(image.dims.z)),
        plane_shape=(int(image.dims.y), int(image.dims.x)),
        dtype=np.dtype("uint8" if image.bit_depth[0] <= 8 else "uint16"),
        open=_opener(path, number, tile),
        files=(path,),
        pixel_size_um=(_size(z), _size(y), _size(x)),
        interval_minutes=minutes(1 / per_second, "s") if per_second else None,
    )


def _size(per_um: float | None) -> float | None:
    return micrometers(1 / per_um, "um") if per_um else None


def _opener(path: Path, number: int, tile: int) -> Callable[[], LifPlanes]:
    return lambda: LifPlanes(path, number, tile)


class LifPlanes:
    """Planes of one image of a LIF file.

    Parameters
    ----------
    path : Path
    number, tile : int
    """

    def __init__(self, path: Path, number: int, tile: int) -> None:
        readlif = library("readlif.reader", path, "a LIF file")
        self._image, self._tile = readlif.LifFile(str(path)).get_image(number), tile

    def read(self, index: Index) -> NDArray[Any]:
        """Read one plane."""
        t, c, z = index
        return np.asarray(self._image.get_frame(z=z, t=t, c=c, m=self._tile))

    def close(self) -> None:
        """Nothing is kept open: readlif opens the file for each plane."""
