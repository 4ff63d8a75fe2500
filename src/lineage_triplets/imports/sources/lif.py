"""Leica LIF through readlif; each image of the file, and each tile of a mosaic, is an image."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.imports.sources.base import FoundImage, Index, fault, library, refuse_claim
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
        with warnings.catch_warnings():
            # It warns of what is cut off, and gives black planes: they are counted here.
            warnings.simplefilter("ignore", UserWarning)
            with path.open("rb") as stream:
                images = list(readlif.LifFile(stream).get_iter_image())
    except (ValueError, KeyError, EOFError) as error:
        raise fault(
            "unreadable-image",
            f"it is no LIF file that can be read: {error}.",
            "Was it cut short while it was written or copied? Copy it again.",
            path,
        ) from error
    for image in images:
        dims = image.dims
        refuse_claim((dims.m, dims.t, image.channels, dims.z, dims.y, dims.x), 2, path)
    return [
        _image(path, image, number, tile)
        for number, image in enumerate(images)
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
        missing=_missing(path, image, tile),
    )


def _missing(path: Path, image: Any, tile: int) -> frozenset[Index]:
    """Planes behind the end of a file that was cut off."""
    n_frames, n_channels, n_slices = int(image.dims.t), int(image.channels), int(image.dims.z)
    n_planes = n_frames * n_channels * n_slices
    start, length = image.offsets
    plane_bytes = length // (n_planes * int(image.dims.m))
    there = (path.stat().st_size - start) // plane_bytes if plane_bytes else 0
    missing = set()
    for t, c, z in itertools.product(range(n_frames), range(n_channels), range(n_slices)):
        inside = c * n_slices + z if image.channel_as_second_dim else z * n_channels + c
        if tile * n_planes + t * n_channels * n_slices + inside >= there:
            missing.add((t, c, z))
    return frozenset(missing)


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
        # Given a path, readlif opens it for each plane, and never closes it.
        self._stream = path.open("rb")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self._image = readlif.LifFile(self._stream).get_image(number)
        self._tile = tile

    def read(self, index: Index) -> NDArray[Any]:
        """Read one plane."""
        t, c, z = index
        return np.asarray(self._image.get_frame(z=z, t=t, c=c, m=self._tile))

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
