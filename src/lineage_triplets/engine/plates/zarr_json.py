"""The JSON of zarr v2 and v3 nodes: attributes of groups, and the form of arrays."""

from __future__ import annotations

import contextlib
import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.errors import Problem, StoreError
from lineage_triplets.engine.plates.chunks import (
    ChunkFiles,
    ChunkStorage,
    chunk_files,
    chunk_storage,
)
from lineage_triplets.engine.plates.limits import array_fault, size_fault
from lineage_triplets.engine.plates.readable import why_unreadable
from lineage_triplets.engine.plates.stores import join, read_files, refuse_absent
from lineage_triplets.engine.plates.web import is_web_page

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """What an array is, from its JSON; along its axes in their own order.

    Attributes
    ----------
    zarr_format : int
        2 or 3.
    shape : tuple of int
    chunk_shape : tuple of int
        Of what is read at once: of the chunks inside a shard.
    file_shape : tuple of int
        Of what a file holds: a chunk or a shard.
    dtype : str
        NumPy's name of it.
    item_bytes : int
        Size of one value.
    codecs : str
        The compression as JSON, for fingerprints.
    dimension_names : tuple or None
        As zarr v3 has them.
    storage : ChunkStorage or None
        None where chunks are stored in no way that is known here.
    files : ChunkFiles or None
        None where it is not known which files chunks are in.
    unreadable : str
        Why tensorstore does not read it, in a clause; empty where it does.
    """

    zarr_format: int
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    file_shape: tuple[int, ...]
    dtype: str
    item_bytes: int
    codecs: str
    dimension_names: Any
    storage: ChunkStorage | None
    files: ChunkFiles | None = None
    unreadable: str = ""


class _UnreadableArrayError(Exception):
    """Why an array has no form that is known here, in a clause."""


class _UnreadableJsonError(ValueError):
    """What is wrong with a file's JSON, in words, and what to do."""

    def __init__(self, message: str, remedy: str = "Restore the file.") -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


def store_fault(kind: str, message: str, remedy: str, path: str) -> StoreError:
    """Make the error for one problem of a store."""
    return StoreError(Problem(kind, message, remedy, file=path))


def unreadable_array(reason: str, path: str, store: str = "STORE") -> Problem:
    """Word the error for an array of a store that is not read; `reason` is a clause."""
    return Problem(
        "unreadable-codec",
        f"its pixels cannot be read through tensorstore: {reason}.",
        f"If zarr-python reads it, `lineage-triplets import --rechunk {store} --out NEW.zarr` "
        "writes it anew; let data_path name that.",
        file=path,
    )


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


def describing_file(folder: str) -> bytes | None:
    """Content of the file that describes a node; None where there is no node."""
    return next(iter(read_files(folder).values()), None)


def node_attributes(folder: str) -> tuple[dict[str, Any], str]:
    """OME attributes of a node (without the ``ome`` wrapper of 0.5), and "group" or "array"."""
    files = read_files(folder)
    if not files:
        refuse_absent(folder)
    if "zarr.json" in files:
        with _naming(folder, "zarr.json"):
            content = _parsed(files["zarr.json"])
            attributes = content.get("attributes") or {}
            if not isinstance(attributes, dict):
                raise _UnreadableJsonError("its attributes are no JSON object.")
        ome = attributes.get("ome")
        merged = {**attributes, **ome} if isinstance(ome, dict) else attributes
        return merged, content.get("node_type", "group")
    node = "array" if ".zarray" in files else "group"
    if ".zattrs" not in files:
        return {}, node
    with _naming(folder, ".zattrs"):
        return _parsed(files[".zattrs"]), node


def array_form(folder: str) -> ArrayForm:
    """Read what an array is.

    Raises
    ------
    StoreError
        It is absent, or its JSON unreadable or incomplete.
    """
    found = find_array(folder)
    if found is None:
        raise store_fault(
            "missing-level",
            "the image's metadata name this array, which is absent.",
            "Restore the store.",
            folder,
        )
    return found


def find_array(folder: str) -> ArrayForm | None:
    """As `array_form`; None where there is no array."""
    files = read_files(folder, ("zarr.json", ".zarray"))
    if not files:
        return None
    name = next(iter(files))
    with _naming(folder, name):
        try:
            form = _form(name, files[name])
        except _UnreadableArrayError as error:
            raise StoreError(unreadable_array(str(error), folder)) from None
        except _UnreadableJsonError:
            raise
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise store_fault(
                "bad-metadata",
                f"its array metadata are incomplete or of an unknown kind: {error!r}.",
                "Restore the file.",
                join(folder, name),
            ) from None
    fault = array_fault(form, folder)
    if fault is not None:
        raise StoreError(fault)
    return form


@contextlib.contextmanager
def _naming(folder: str, name: str) -> Iterator[None]:
    """Name the file that is no JSON."""
    try:
        yield
    except _UnreadableJsonError as error:
        raise store_fault("bad-metadata", error.message, error.remedy, join(folder, name)) from None


def _parsed(content: bytes) -> dict[str, Any]:
    if is_web_page(content):
        raise _UnreadableJsonError(
            "there is a web page, and no store.",
            "Check the address, and that it can be read without logging in.",
        )
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _UnreadableJsonError(f"its metadata cannot be read: {error}.") from None
    if not isinstance(parsed, dict):
        raise _UnreadableJsonError("its metadata are no JSON object.")
    return parsed


# The images of a plate have the same array, as a rule: one form for all of them in memory.
@functools.lru_cache(maxsize=256)
def _form(name: str, content: bytes) -> ArrayForm:
    described = _parsed(content)
    reason = why_unreadable(2 if name == ".zarray" else 3, described)
    try:
        return _described_form(name, described, reason)
    except (KeyError, TypeError, AttributeError):
        if reason and "shape" in described:
            raise _UnreadableArrayError(reason) from None
        raise


def _described_form(name: str, described: dict[str, Any], unreadable: str) -> ArrayForm:
    storage, files = chunk_storage(name, described), chunk_files(name, described)
    shape = tuple(described["shape"])
    if name == ".zarray":
        chunks = tuple(described["chunks"])
        _refuse_odd_sizes(shape, chunks, chunks)
        compression = [described.get(key) for key in ("compressor", "filters", "order", "chunks")]
        return ArrayForm(
            zarr_format=2,
            shape=shape,
            chunk_shape=chunks,
            file_shape=chunks,
            dtype=np.dtype(described["dtype"]).name,
            item_bytes=np.dtype(described["dtype"]).itemsize,
            codecs=json.dumps(compression, sort_keys=True),
            dimension_names=None,
            storage=storage,
            files=files,
            unreadable=unreadable,
        )
    grid = described["chunk_grid"]["configuration"]["chunk_shape"]
    names = described.get("dimension_names")
    sharding = [codec for codec in described["codecs"] if codec.get("name") == "sharding_indexed"]
    chunks = tuple(sharding[0]["configuration"]["chunk_shape"] if sharding else grid)
    _refuse_odd_sizes(shape, chunks, tuple(grid))
    return ArrayForm(
        zarr_format=3,
        shape=shape,
        chunk_shape=chunks,
        file_shape=tuple(grid),
        dtype=np.dtype(described["data_type"]).name,
        item_bytes=np.dtype(described["data_type"]).itemsize,
        codecs=json.dumps([grid, described["codecs"]], sort_keys=True),
        dimension_names=tuple(names) if isinstance(names, list) else names,
        storage=storage,
        files=files,
        unreadable=unreadable,
    )


def _refuse_odd_sizes(*sizes: tuple[Any, ...]) -> None:
    fault = size_fault(*sizes)
    if fault:
        raise _UnreadableJsonError(f"{fault}.")
