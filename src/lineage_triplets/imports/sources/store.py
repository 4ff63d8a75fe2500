"""OME-Zarr stores, to be written anew: through tensorstore, chunk by chunk."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.plates.zarr_json import node_attributes
from lineage_triplets.engine.reading.tensorstore import canonical_view, is_absent, open_array
from lineage_triplets.imports.sources.base import FoundImage, Index

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        open=lambda: StorePlanes(fov),
        files=(Path(fov.array_path),),
        channel_names=fov.channel_labels[:c],
        pixel_size_um=size if known and size is not None else (None, None, None),
        interval_minutes=fov.interval_minutes,
        block=fov.chunk_shape[:3],
        place=fov.name,
        attributes=kept,
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
