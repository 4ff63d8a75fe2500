"""The JSON of zarr v2 and v3 nodes: attributes of groups, and what arrays are made of."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.problems import Problem, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def metadata_file(folder: Path) -> Path | None:
    """The file that describes a node; None where there is no node."""
    try:
        for name in ("zarr.json", ".zarray", ".zattrs", ".zgroup"):
            if (folder / name).is_file():
                return folder / name
    except PermissionError:
        raise store_fault(
            "unreadable", "no permission to read it.", "Ask for access.", folder
        ) from None
    except OSError as error:
        raise store_fault(
            "missing-path", f"there is no such folder: {error.strerror}.", "Check the path.", folder
        ) from None
    return None


@contextlib.contextmanager
def understood(path: Path) -> Iterator[None]:
    """Name the store whose metadata are not as the specification wants them."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise store_fault(
            "bad-metadata",
            f"its metadata are incomplete or of an unknown kind: {error!r}.",
            "Mend or restore them.",
            path,
        ) from None


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except PermissionError:
        raise store_fault(
            "unreadable", "no permission to read it.", "Ask for access.", file
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise store_fault(
            "bad-metadata", f"its metadata cannot be read: {error}.", "Restore the file.", file
        ) from None
    if not isinstance(content, dict):
        raise store_fault(
            "bad-metadata", "its metadata are no JSON object.", "Restore the file.", file
        )
    return content


def node_attributes(folder: Path) -> tuple[dict[str, Any], str]:
    """OME attributes of a node (without the ``ome`` wrapper of 0.5), and "group" or "array"."""
    file = metadata_file(folder)
    if file is None:
        if not folder.is_dir():
            raise store_fault("missing-path", "there is no such folder.", "Check the path.", folder)
        if not is_readable(folder):
            raise store_fault("unreadable", "no permission to read it.", "Ask for access.", folder)
        raise store_fault(
            "not-zarr", "the folder has no zarr metadata.", "Name an OME-Zarr store.", folder
        )
    if file.name == "zarr.json":
        content = _read_json(file)
        attributes = content.get("attributes") or {}
        ome = attributes.get("ome")
        merged = {**attributes, **ome} if isinstance(ome, dict) else attributes
        return merged, content.get("node_type", "group")
    node = "array" if (folder / ".zarray").is_file() else "group"
    zattrs = folder / ".zattrs"
    return (_read_json(zattrs) if zattrs.is_file() else {}), node


def is_readable(folder: Path) -> bool:
    """Whether this user may list a folder."""
    try:
        next(folder.iterdir(), None)
    except PermissionError:
        return False
    return True


def array_metadata(folder: Path) -> dict[str, Any]:
    """Shape, chunks, dtype, codecs and zarr format of one array, from its JSON."""
    file = metadata_file(folder)
    if file is None or file.name in {".zattrs", ".zgroup"}:
        raise store_fault(
            "missing-level",
            "the image's metadata name this array, which is absent.",
            "Restore the store.",
            folder,
        )
    content = _read_json(file)
    try:
        if file.name == ".zarray":
            return {
                "zarr_format": 2,
                "shape": content["shape"],
                "chunks": content["chunks"],
                "dtype": np.dtype(content["dtype"]).name,
                "codecs": json.dumps(
                    [content.get(key) for key in ("compressor", "filters", "order", "chunks")],
                    sort_keys=True,
                ),
                "dimension_names": None,
            }
        grid = content["chunk_grid"]["configuration"]["chunk_shape"]
        sharding = [c for c in content["codecs"] if c.get("name") == "sharding_indexed"]
        return {
            "zarr_format": 3,
            "shape": content["shape"],
            "chunks": sharding[0]["configuration"]["chunk_shape"] if sharding else grid,
            "dtype": np.dtype(content["data_type"]).name,
            "codecs": json.dumps([grid, content["codecs"]], sort_keys=True),
            "dimension_names": content.get("dimension_names"),
        }
    except (KeyError, TypeError, IndexError) as error:
        raise store_fault(
            "bad-metadata",
            f"its array metadata are incomplete or of an unknown kind: {error!r}.",
            "Restore the file.",
            file,
        ) from None


def store_fault(kind: str, message: str, remedy: str, path: str | Path) -> StoreError:
    """Make the error for one problem of a store."""
    return StoreError(Problem(kind, message, remedy, file=str(path)))
