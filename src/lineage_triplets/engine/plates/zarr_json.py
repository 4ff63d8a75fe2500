"""The JSON of zarr v2 and v3 nodes: attributes of groups, and the form of arrays.

The form says how chunks lie in files and in memory where they are blosc containers or not
compressed: zarr v2 with a blosc compressor or none; zarr v3 with the codecs ``bytes, blosc`` or
``bytes``, a ``transpose`` before them or not, also inside one level of shards
(https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html).
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lineage_triplets.engine.errors import Problem, StoreError
from lineage_triplets.engine.plates.readable import why_unreadable
from lineage_triplets.engine.plates.stores import join, read_files, refuse_absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Blosc's containers hold less; anything larger is no chunk that people write.
_MOST_BYTES = 2**31


class Shards(NamedTuple):
    """Files that hold several chunks and an index of them.

    Attributes
    ----------
    n_chunks : tuple of int
        Chunks of a shard along each of the array's axes.
    index_at_end : bool
        Otherwise it is at the start.
    has_checksum : bool
        Whether a CRC-32C follows the index.
    """

    n_chunks: tuple[int, ...]
    index_at_end: bool
    has_checksum: bool


class ChunkStorage(NamedTuple):
    """How chunks lie in files and in memory; equal for arrays that can be planned together.

    Attributes
    ----------
    chunk_shape : tuple of int
        In the array's own order.
    memory_order : tuple of int
        The array's axes as they lie in a decoded chunk, the one that changes fastest last.
    dtype : numpy.dtype
        With its byte order.
    is_blosc : bool
        Otherwise chunks are not compressed.
    shards : Shards or None
        None where a file is one chunk.
    prefix, separator : str
        A file's key is the prefix and its indices, separated.
    """

    chunk_shape: tuple[int, ...]
    memory_order: tuple[int, ...]
    dtype: np.dtype[Any]
    is_blosc: bool
    shards: Shards | None
    prefix: str
    separator: str

    @property
    def n_bytes(self) -> int:
        """Size of a decoded chunk."""
        return math.prod(self.chunk_shape) * self.dtype.itemsize

    def strides(self) -> tuple[int, ...]:
        """Bytes from one index to the next along each axis in a decoded chunk."""
        strides, step = [0] * len(self.chunk_shape), self.dtype.itemsize
        for axis in reversed(self.memory_order):
            strides[axis] = step
            step *= self.chunk_shape[axis]
        return tuple(strides)

    def key(self, indices: Iterable[int]) -> str:
        """File of a chunk or shard inside the array's folder."""
        return f"{self.prefix}{self.separator.join(map(str, indices))}"


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
    dtype : str
        NumPy's name of it.
    codecs : str
        The compression as JSON, for fingerprints.
    dimension_names : tuple or None
        As zarr v3 has them.
    storage : ChunkStorage or None
        None where chunks are stored in no way that is known here.
    unreadable : str
        Why tensorstore does not read it, in a clause; empty where it does.
    """

    zarr_format: int
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    dtype: str
    codecs: str
    dimension_names: Any
    storage: ChunkStorage | None
    unreadable: str = ""


class _UnreadableArrayError(Exception):
    """Why an array has no form that is known here, in a clause."""


class _UnreadableJsonError(ValueError):
    """What is wrong with a file's JSON, in words."""


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
            return _form(name, files[name])
        except _UnreadableArrayError as error:
            raise StoreError(unreadable_array(str(error), folder)) from None
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise store_fault(
                "bad-metadata",
                f"its array metadata are incomplete or of an unknown kind: {error!r}.",
                "Restore the file.",
                join(folder, name),
            ) from None


@contextlib.contextmanager
def _naming(folder: str, name: str) -> Iterator[None]:
    """Name the file that is no JSON."""
    try:
        yield
    except _UnreadableJsonError as error:
        raise store_fault(
            "bad-metadata", str(error), "Restore the file.", join(folder, name)
        ) from None


def _parsed(content: bytes) -> dict[str, Any]:
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
    except (KeyError, TypeError):
        if reason and "shape" in described:
            raise _UnreadableArrayError(reason) from None
        raise


def _described_form(name: str, described: dict[str, Any], unreadable: str) -> ArrayForm:
    storage = _storage(name, described)
    if name == ".zarray":
        compression = [described.get(key) for key in ("compressor", "filters", "order", "chunks")]
        return ArrayForm(
            zarr_format=2,
            shape=tuple(described["shape"]),
            chunk_shape=tuple(described["chunks"]),
            dtype=np.dtype(described["dtype"]).name,
            codecs=json.dumps(compression, sort_keys=True),
            dimension_names=None,
            storage=storage,
            unreadable=unreadable,
        )
    grid = described["chunk_grid"]["configuration"]["chunk_shape"]
    names = described.get("dimension_names")
    sharding = [codec for codec in described["codecs"] if codec.get("name") == "sharding_indexed"]
    return ArrayForm(
        zarr_format=3,
        shape=tuple(described["shape"]),
        chunk_shape=tuple(sharding[0]["configuration"]["chunk_shape"] if sharding else grid),
        dtype=np.dtype(described["data_type"]).name,
        codecs=json.dumps([grid, described["codecs"]], sort_keys=True),
        dimension_names=tuple(names) if isinstance(names, list) else names,
        storage=storage,
        unreadable=unreadable,
    )


def _storage(name: str, described: dict[str, Any]) -> ChunkStorage | None:
    """How chunks are stored; None for what is odd, which tensorstore shall judge."""
    try:
        found = (_storage_v2 if name == ".zarray" else _storage_v3)(described)
        return found if found is not None and _is_plausible(found) else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _is_plausible(storage: ChunkStorage) -> bool:
    sizes = storage.chunk_shape
    whole = all(type(size) is int and 0 < size < _MOST_BYTES for size in sizes)
    known = storage.separator in {".", "/"} and storage.dtype.kind in "biuf"
    return whole and known and storage.n_bytes < _MOST_BYTES


def _storage_v2(described: dict[str, Any]) -> ChunkStorage | None:
    compressor = described["compressor"]
    is_blosc = compressor is not None and compressor.get("id") == "blosc"
    is_known = is_blosc or compressor is None
    if not is_known or described.get("filters") or described["order"] not in {"C", "F"}:
        return None
    shape = tuple(described["chunks"])
    order = range(len(shape)) if described["order"] == "C" else reversed(range(len(shape)))
    separator = described.get("dimension_separator", ".")
    dtype = np.dtype(described["dtype"])
    return ChunkStorage(shape, tuple(order), dtype, is_blosc, None, "", separator)


def _storage_v3(described: dict[str, Any]) -> ChunkStorage | None:
    grid, encoding = described["chunk_grid"], described["chunk_key_encoding"]
    if grid["name"] != "regular" or described.get("storage_transformers"):
        return None
    codecs = described["codecs"]
    file_shape = shape = tuple(grid["configuration"]["chunk_shape"])
    shards = None
    if codecs[0]["name"] == "sharding_indexed":
        sharding = codecs[0]["configuration"]
        shape = tuple(sharding["chunk_shape"])
        shards = _shards(sharding, file_shape, shape)
        if len(codecs) > 1 or shards is None:
            return None
        codecs = sharding["codecs"]
    found = _known_codecs(codecs, len(shape))
    if found is None:
        return None
    order, endian, is_blosc = found
    dtype = np.dtype(described["data_type"]).newbyteorder("<" if endian == "little" else ">")
    configuration = encoding.get("configuration", {})
    separator = configuration.get("separator", "/" if encoding["name"] == "default" else ".")
    if encoding["name"] not in {"default", "v2"}:
        return None
    prefix = f"c{separator}" if encoding["name"] == "default" else ""
    return ChunkStorage(shape, order, dtype, is_blosc, shards, prefix, separator)


def _known_codecs(codecs: list[Any], ndim: int) -> tuple[tuple[int, ...], str, bool] | None:
    """Memory order of the axes, byte order, and whether blosc ends ``[transpose,] bytes``."""
    names = [codec["name"] for codec in codecs]
    order = tuple(range(ndim))
    if names[:1] == ["transpose"]:
        order = tuple(codecs[0]["configuration"]["order"])
        names, codecs = names[1:], codecs[1:]
    if names not in (["bytes", "blosc"], ["bytes"]) or sorted(order) != list(range(ndim)):
        return None
    endian = codecs[0].get("configuration", {}).get("endian", "little")
    return order, endian, names[-1] == "blosc"


def _shards(
    sharding: dict[str, Any], file_shape: tuple[int, ...], shape: tuple[int, ...]
) -> Shards | None:
    index_codecs = [codec["name"] for codec in sharding["index_codecs"]]
    endian = sharding["index_codecs"][0].get("configuration", {}).get("endian")
    whole = all(n % size == 0 for n, size in zip(file_shape, shape, strict=True))
    location = sharding.get("index_location", "end")
    known = index_codecs in (["bytes"], ["bytes", "crc32c"]) and location in {"start", "end"}
    if not whole or not known or endian != "little":
        return None
    n_chunks = tuple(n // size for n, size in zip(file_shape, shape, strict=True))
    return Shards(n_chunks, location == "end", "crc32c" in index_codecs)
