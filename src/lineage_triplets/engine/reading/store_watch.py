"""Notices that an array is no longer the one that was indexed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lineage_triplets.engine.plates.zarr_json import array_form
from lineage_triplets.engine.reading.cache import FileStamp
from lineage_triplets.engine.reading.window import array_error
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.index.fovs import FovSource


class StoreWatch:
    """Compares the metadata of local arrays with the index's whenever their file has changed.

    Remote arrays are compared by tensorstore when they are opened.
    """

    def __init__(self) -> None:
        self._stamps: dict[str, FileStamp] = {}

    def check(self, sources: Iterable[FovSource]) -> None:
        """Make sure that some FOVs are still what they were.

        Raises
        ------
        StoreError
            An array is gone, so that its chunks would pass for ones never written; or it has
            another shape, data type or chunks than when it was indexed, or is stored otherwise.
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
                _compare(source)
                self._stamps[fov.array_path] = stamp


def _compare(source: FovSource) -> None:
    """Compare what decides where pixels are and how they are read; spelling does not."""
    then, now = source.fov.form, array_form(source.fov.array_path)
    changes = {
        "shape": (then.shape, now.shape),
        "data type": (then.dtype, now.dtype),
        "chunks": (then.chunk_shape, now.chunk_shape),
        "storage": (then.storage, now.storage),
    }
    for what, (before, after) in changes.items():
        if before != after:
            said = "" if what == "storage" else f": {after} now, {before} when the index was built"
            raise array_error(
                source,
                "store-changed",
                f"the array's {what} has changed{said}.",
                "Build the index again.",
            )
