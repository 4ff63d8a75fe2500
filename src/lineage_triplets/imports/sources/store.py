"""OME-Zarr stores, to be written anew: through tensorstore, or zarr-python where that cannot."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.plates.coordinates import CANONICAL_AXES
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.plates.zarr_json import node_attributes
from lineage_triplets.engine.reading.tensorstore import canonical_view, is_absent, open_array
from lineage_triplets.imports.sources.base import FoundImage, Index, fault, library, said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.plates.image import Fov

_NODES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_OWN = {"multiscales", "version", "omero", "ome", "plate", "well", "_creator"}
_LEAST_CACHE_BYTES = 64 * 2**20


def find(path: Path) -> list[FoundImage] | None:
    """Find the FOVs of an OME-Zarr plate or image; None for any other folder.

    Raises
    ------
    StoreError
        It is one, and damaged.
    """
    if not path.is_dir() or not any((path / name).exists() for name in _NODES):
        return None
    plate = open_plate(path)
    return [_image(path, plate.fov(name)) for name in plate.fov_names()]


def _image(path: Path, fov: Fov) -> FoundImage:
    t, c, z, y, x = fov.shape
    size = fov.pixel_size_um
    known = size is not None and size != (1.0, 1.0, 1.0)
    attributes, node = node_attributes(fov.path)
    kept = {key: value for key, value in attributes.items() if key not in _OWN}
    if node == "array":
        kept = {}
    return FoundImage(
        path=path,
        name=f"{path.name}/{fov.name}",
        kind="OME-Zarr",
        axes="TCZ",
        sizes=(t, c, z),
        plane_shape=(y, x),
        dtype=np.dtype(fov.dtype),
        open=lambda: ZarrPlanes(fov) if fov.form.unreadable else StorePlanes(fov),
        files=(Path(fov.array_path),),
        channel_names=fov.channel_labels[:c],
        pixel_size_um=size if known and size is not None else (None, None, None),
        interval_minutes=fov.interval_minutes,
        block=fov.chunk_shape[:3],
        place=fov.name,
        attributes=kept,
        problems=_through_zarr(fov) if fov.form.unreadable else (),
    )


def _through_zarr(fov: Fov) -> tuple[Problem, ...]:
    return (
        said(
            "read-with-zarr",
            f"tensorstore does not read it ({fov.form.unreadable}); zarr-python does, which does "
            "not tell planes that were never written from black ones.",
            "Look at the first and last frames.",
            Path(fov.array_path),
        ),
    )


class StorePlanes:
    """Planes of a FOV; the chunks that hold a few of them are kept until those were read.

    Parameters
    ----------
    fov : Fov
    """

    def __init__(self, fov: Fov) -> None:
        rows, columns = (
            -(-size // chunk) * chunk
            for size, chunk in zip(fov.shape[3:], fov.chunk_shape[3:], strict=True)
        )
        block = math.prod(fov.chunk_shape[:3]) * rows * columns * np.dtype(fov.dtype).itemsize
        limit = max(_LEAST_CACHE_BYTES, block + block // 4)
        context = ts.Context({"cache_pool": {"total_bytes_limit": limit}})
        self._strict, self._filled = (
            canonical_view(
                open_array(
                    fov.array_path, fov.zarr_format, context, fill_absent=fill, recheck="open"
                ).result(),
                fov.axes,
            )
            for fill in (False, True)
        )

    def read(self, index: Index) -> NDArray[Any] | None:
        """Read one plane; None where none of its chunks was ever written."""
        try:
            return np.asarray(self._strict[index].read().result())
        except ValueError as error:
            if not is_absent(error):
                raise
        plane = np.asarray(self._filled[index].read().result())
        return None if plane.size and (plane == plane.flat[0]).all() else plane

    def close(self) -> None:
        """Forget the chunks."""
        del self._strict, self._filled


class ZarrPlanes:
    """Planes of a FOV whose codec tensorstore does not know; those of a chunk are kept.

    Parameters
    ----------
    fov : Fov

    Raises
    ------
    ConfigError
        zarr-python is not installed, or does not read it either.
    """

    def __init__(self, fov: Fov) -> None:
        path = Path(fov.array_path)
        zarr = library(
            "zarr", path, f"a store that tensorstore cannot read ({fov.form.unreadable})"
        )
        try:
            self._array = zarr.open_array(path, mode="r", zarr_format=fov.zarr_format)
        except (ValueError, TypeError, KeyError, ImportError) as error:
            raise fault(
                "unreadable-codec",
                f"neither tensorstore ({fov.form.unreadable}) nor zarr-python reads it: {error}.",
                "Install what its codec needs, or read it with the tool that wrote it.",
                path,
            ) from error
        self._axes = fov.axes
        self._block = fov.chunk_shape[:3]
        self._kept: tuple[Index, NDArray[Any]] | None = None

    def read(self, index: Index) -> NDArray[Any]:
        """Read one plane; what was never written is the fill value."""
        corner = tuple(at - at % size for at, size in zip(index, self._block, strict=True))
        if self._kept is None or self._kept[0] != corner:
            self._kept = corner, self._read_block(corner)
        inside = tuple(at - start for at, start in zip(index, corner, strict=True))
        plane: NDArray[Any] = self._kept[1][inside]
        return plane

    def _read_block(self, corner: Index) -> NDArray[Any]:
        """All planes of a row of chunks, as (t, c, z, y, x)."""
        parts = {
            axis: slice(start, start + size)
            for axis, start, size in zip("tcz", corner, self._block, strict=True)
        }
        block = np.asarray(self._array[tuple(parts.get(axis, slice(None)) for axis in self._axes)])
        there = [axis for axis in CANONICAL_AXES if axis in self._axes]
        block = block.transpose([self._axes.index(axis) for axis in there])
        absent = tuple(place for place, axis in enumerate(CANONICAL_AXES) if axis not in self._axes)
        return np.expand_dims(block, absent)

    def close(self) -> None:
        """Forget the planes."""
        self._kept = None
