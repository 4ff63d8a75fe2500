"""Notices that an array is no longer the one that was indexed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lineage_triplets.engine.chunk_cache import FileStamp
from lineage_triplets.engine.files import is_url
from lineage_triplets.engine.images import CANONICAL_AXES
from lineage_triplets.engine.problems import Problem, StoreError
from lineage_triplets.engine.zarr_metadata import array_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.fovs import FovSource


class StoreWatch:
    """Compares the metadata of local arrays with the index's whenever their file has changed.

    Remote arrays are compared by tensorstore when they are opened.
    """

    def __init__(self) -> None:
        self._stamps: dict[str, FileStamp] = {}
        self._first: dict[str, dict[str, str]] = {}

    def check(self, sources: Iterable[FovSource]) -> None:
        """Make sure that some FOVs are still what they were.

        Raises
        ------
        StoreError
            An array is gone, so that its chunks would pass for ones never written; or it has
            another shape, data type, chunks or codecs; or other metadata than when it was first
            checked, attributes apart.
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
                now = _as_text(Path(fov.array_path) / name)
                _compare_all(source, self._first.setdefault(fov.array_path, now), now)
                self._stamps[fov.array_path] = stamp


def _compare(source: FovSource) -> None:
    fov = source.fov
    found = array_metadata(fov.array_path)
    by_axis = dict(zip(fov.axes, found["shape"], strict=False))
    shape = tuple(by_axis.get(axis, 1) for axis in CANONICAL_AXES)
    then = (fov.shape, fov.dtype, fov.codecs)
    now = (shape, found["dtype"], found["codecs"])
    for what, one, other in zip(("shape", "data type", "codecs"), then, now, strict=True):
        if one != other:
            raise array_error(
                source,
                "store-changed",
                f"the array's {what} is {other} now, and was {one} when the index was built.",
                "Build the index again.",
            )


def _as_text(file: Path) -> dict[str, str]:
    content = json.loads(file.read_bytes())
    return {
        key: json.dumps(value, sort_keys=True)
        for key, value in content.items()
        if key != "attributes"
    }


def _compare_all(source: FovSource, then: dict[str, str], now: dict[str, str]) -> None:
    for key in sorted({*then, *now}):
        if then.get(key) != now.get(key):
            raise array_error(
                source,
                "store-changed",
                f"the array's {key} is {now.get(key)} now, and was {then.get(key)} when it was "
                "first read.",
                "Build the index again.",
            )


def array_error(source: FovSource, kind: str, message: str, remedy: str) -> StoreError:
    """Make the error of a FOV's array."""
    return StoreError(
        Problem(
            kind,
            message,
            remedy,
            experiment=source.experiment,
            fov=source.fov.name,
            file=source.fov.array_path,
        )
    )
