"""Notices that an array is no longer the one that was indexed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from lineage_triplets.engine.plates.plate import CANONICAL_AXES
from lineage_triplets.engine.plates.zarr_json import array_metadata
from lineage_triplets.engine.reading.cache import FileStamp
from lineage_triplets.engine.reading.layout import ChunkLayout, read_layout
from lineage_triplets.engine.reading.window import array_error
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.index.fovs import FovSource


class _Form(NamedTuple):
    """What decides where pixels are and how they are read; attributes and spelling do not."""

    shape: tuple[int, ...]
    data_type: str
    chunks: tuple[int, ...]
    storage: ChunkLayout | None


class StoreWatch:
    """Compares the metadata of local arrays with the index's whenever their file has changed.

    Remote arrays are compared by tensorstore when they are opened.
    """

    def __init__(self) -> None:
        self._stamps: dict[str, FileStamp] = {}
        self._first: dict[str, _Form] = {}

    def check(self, sources: Iterable[FovSource]) -> None:
        """Make sure that some FOVs are still what they were.

        Raises
        ------
        StoreError
            An array is gone, so that its chunks would pass for ones never written; or it has
            another shape, data type or chunks than when it was indexed, or is stored in another
            way than when it was first checked.
        """
        for source in sources:
            fov = source.fov
            if is_url(fov.array_path):
                continue
            name = ".zarray" if fov.zarr_format == 2 else "zarr.json"
            try:
                stamp = FileStamp.of(os.stat(f"{fov.array_path}/{name}"))  # noqa: PTH116
            except OSError as error:
                raise array_error(
                    source,
                    "missing-path",
                    f"the array is not there any more: {error.strerror}.",
                    "Connect the disk, or restore the store.",
                ) from None
            if self._stamps.get(fov.array_path) != stamp:
                now = _form(source)
                _compare(source, self._first.setdefault(fov.array_path, now), now)
                self._stamps[fov.array_path] = stamp


def _form(source: FovSource) -> _Form:
    fov = source.fov
    found = array_metadata(fov.array_path)

    def canonical(sizes: list[int]) -> tuple[int, ...]:
        by_axis = dict(zip(fov.axes, sizes, strict=False))
        return tuple(by_axis.get(axis, 1) for axis in CANONICAL_AXES)

    return _Form(
        canonical(found["shape"]), found["dtype"], canonical(found["chunks"]), read_layout(source)
    )


def _compare(source: FovSource, first: _Form, now: _Form) -> None:
    fov = source.fov
    indexed = _Form(fov.shape, fov.dtype, fov.chunk_shape, first.storage)
    for what, one, other in zip(_Form._fields, indexed, now, strict=True):
        if one != other:
            said = "" if what == "storage" else f": {other} now, {one} when the index was built"
            raise array_error(
                source,
                "store-changed",
                f"the array's {what.replace('_', ' ')} has changed{said}.",
                "Build the index again.",
            )
