"""The JSON of zarr v2 and v3 nodes: attributes of groups, and what arrays are made of."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import Problem, StoreError
from lineage_triplets.engine.plates.stores import join, read_files, refuse_absent

if TYPE_CHECKING:
    from collections.abc import Iterator


def describing_file(folder: str) -> bytes | None:
    """Content of the file that describes a node; None where there is no node."""
    return next(iter(read_files(folder).values()), None)


@contextlib.contextmanager
def understood(path: str) -> Iterator[None]:
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


def _parsed(files: dict[str, bytes], name: str, folder: str) -> dict[str, Any]:
    try:
        content = json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise store_fault(
            "bad-metadata",
            f"its metadata cannot be read: {error}.",
            "Restore the file.",
            join(folder, name),
        ) from None
    if not isinstance(content, dict):
        raise store_fault(
            "bad-metadata",
            "its metadata are no JSON object.",
            "Restore the file.",
            join(folder, name),
        )
    return content


def node_attributes(folder: str) -> tuple[dict[str, Any], str]:
    """OME attributes of a node (without the ``ome`` wrapper of 0.5), and "group" or "array"."""
    files = read_files(folder)
    if not files:
        refuse_absent(folder)
    if "zarr.json" in files:
        content = _parsed(files, "zarr.json", folder)
        attributes = content.get("attributes") or {}
        ome = attributes.get("ome")
        merged = {**attributes, **ome} if isinstance(ome, dict) else attributes
        return merged, content.get("node_type", "group")
    node = "array" if ".zarray" in files else "group"
    return (_parsed(files, ".zattrs", folder) if ".zattrs" in files else {}), node


def array_metadata(folder: str) -> dict[str, Any]:
    """Shape, chunks, dtype, codecs and zarr format of one array, from its JSON."""
    found = find_array(folder)
    if found is None:
        raise store_fault(
            "missing-level",
            "the image's metadata name this array, which is absent.",
            "Restore the store.",
            folder,
        )
    return found


def find_array(folder: str) -> dict[str, Any] | None:
    """As `array_metadata`; None where there is no array."""
    files = read_files(folder, ("zarr.json", ".zarray"))
    if not files:
        return None
    name = next(iter(files))
    content = _parsed(files, name, folder)
    try:
        if name == ".zarray":
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
            join(folder, name),
        ) from None


def store_fault(kind: str, message: str, remedy: str, path: str) -> StoreError:
    """Make the error for one problem of a store."""
    return StoreError(Problem(kind, message, remedy, file=path))
