"""How chunks lie in files and in memory, from the JSON of zarr v2 and v3 arrays.

Known are chunks that are blosc containers, zstd frames or not compressed: zarr v2 with that
compressor or none; zarr v3 with the codecs ``bytes, blosc``, ``bytes, zstd`` or ``bytes``, a
``transpose`` before them or not, also inside one level of shards
(https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html). Which files
there are is known whatever the codec.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import google_crc32c
import numpy as np

from lineage_triplets.engine.files import read_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.arrays import UInt64Array

Compressor = Literal["blosc", "zstd"]
"""What decodes chunks here."""

# What JSON of another kind than the specification's leads to.
_ODD = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError)
# Blosc's containers hold less; anything larger is no chunk that people write.
_MOST_BYTES = 2**31
# In the index of a shard.
_CHECKSUM_BYTES = 4
_ENTRY_BYTES = 16


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
    compressor : {"blosc", "zstd"} or None
        None where chunks are not compressed.
    shards : Shards or None
        None where a file is one chunk.
    prefix, separator : str
        A file's key is the prefix and its indices, separated.
    """

    chunk_shape: tuple[int, ...]
    memory_order: tuple[int, ...]
    dtype: np.dtype[Any]
    compressor: Compressor | None
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


class ChunkFiles(NamedTuple):
    """Which files an array's chunks lie in, whatever packs them.

    Attributes
    ----------
    shape : tuple of int
        Of what one file holds, along the array's axes: a chunk, or a shard.
    shards : Shards or None
        None where a file is one chunk, or a shard of a kind that is not known here.
    prefix, separator : str
        A file's key is the prefix and its indices, separated.
    """

    shape: tuple[int, ...]
    shards: Shards | None
    prefix: str
    separator: str

    def key(self, indices: Iterable[int]) -> str:
        """File of a chunk or shard inside the array's folder."""
        return f"{self.prefix}{self.separator.join(map(str, indices))}"


class ShardIndexError(ValueError):
    """An index that is cut short, whose checksum is another, or that lies; or an absent chunk."""


def chunk_files(name: str, described: dict[str, Any]) -> ChunkFiles | None:
    """Which files chunks lie in, as `chunk_storage`; None for an odd grid or odd names."""
    try:
        found = (_files_v2 if name == ".zarray" else _files_v3)(described)
    except _ODD:
        return None
    if found is None or found.separator not in {".", "/"}:
        return None
    whole = all(type(size) is int and size > 0 for size in found.shape)
    return found if whole and len(found.shape) == len(described["shape"]) else None


def _files_v2(described: dict[str, Any]) -> ChunkFiles:
    shape = tuple(described["chunks"])
    return ChunkFiles(shape, None, "", described.get("dimension_separator", "."))


def _files_v3(described: dict[str, Any]) -> ChunkFiles | None:
    grid, encoding = described["chunk_grid"], described["chunk_key_encoding"]
    if grid["name"] != "regular" or encoding["name"] not in {"default", "v2"}:
        return None
    shape = tuple(grid["configuration"]["chunk_shape"])
    configuration = encoding.get("configuration", {})
    separator = configuration.get("separator", "/" if encoding["name"] == "default" else ".")
    prefix = f"c{separator}" if encoding["name"] == "default" else ""
    first, shards = described["codecs"][0], None
    if first["name"] == "sharding_indexed":
        sharding = first["configuration"]
        shards = _shards(sharding, shape, tuple(sharding["chunk_shape"]))
    return ChunkFiles(shape, shards, prefix, separator)


def chunk_storage(name: str, described: dict[str, Any]) -> ChunkStorage | None:
    """How chunks are stored; None for what is odd, which tensorstore shall judge.

    Parameters
    ----------
    name : str
        ``.zarray`` or ``zarr.json``.
    described : dict
        Its content.
    """
    try:
        found = (_storage_v2 if name == ".zarray" else _storage_v3)(described)
        return found if found is not None and _is_plausible(found) else None
    except _ODD:
        return None


def _is_plausible(storage: ChunkStorage) -> bool:
    sizes = storage.chunk_shape
    whole = all(type(size) is int and 0 < size < _MOST_BYTES for size in sizes)
    known = storage.separator in {".", "/"} and storage.dtype.kind in "biuf"
    return whole and known and storage.n_bytes < _MOST_BYTES


def _storage_v2(described: dict[str, Any]) -> ChunkStorage | None:
    packed = described["compressor"]
    compressor = None if packed is None else packed["id"]
    is_known = packed is None or compressor in get_args(Compressor)
    if not is_known or described.get("filters") or described["order"] not in {"C", "F"}:
        return None
    shape = tuple(described["chunks"])
    order = range(len(shape)) if described["order"] == "C" else reversed(range(len(shape)))
    separator = described.get("dimension_separator", ".")
    dtype = np.dtype(described["dtype"])
    return ChunkStorage(shape, tuple(order), dtype, compressor, None, "", separator)


def _storage_v3(described: dict[str, Any]) -> ChunkStorage | None:
    files, codecs = _files_v3(described), described["codecs"]
    if files is None or described.get("storage_transformers"):
        return None
    shape = files.shape
    if codecs[0]["name"] == "sharding_indexed":
        if len(codecs) > 1 or files.shards is None:
            return None
        sharding = codecs[0]["configuration"]
        shape, codecs = tuple(sharding["chunk_shape"]), sharding["codecs"]
    found = _known_codecs(codecs, len(shape))
    if found is None:
        return None
    order, endian, compressor = found
    dtype = np.dtype(described["data_type"]).newbyteorder("<" if endian == "little" else ">")
    return ChunkStorage(shape, order, dtype, compressor, *files[1:])


def _known_codecs(
    codecs: list[Any], ndim: int
) -> tuple[tuple[int, ...], str, Compressor | None] | None:
    """Memory order of the axes, byte order, and the compressor after ``[transpose,] bytes``."""
    names = [codec["name"] for codec in codecs]
    order = tuple(range(ndim))
    if names[:1] == ["transpose"]:
        order = tuple(codecs[0]["configuration"]["order"])
        names, codecs = names[1:], codecs[1:]
    compressor: Compressor | None = names[1] if len(names) == 2 else None
    known = [["bytes"], *(["bytes", one] for one in get_args(Compressor))]
    if names not in known or sorted(order) != list(range(ndim)):
        return None
    endian = codecs[0].get("configuration", {}).get("endian", "little")
    return order, endian, compressor


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


def read_shard_index(file: int, file_bytes: int, shards: Shards) -> UInt64Array:
    """Read start and number of bytes of each chunk of a shard.

    Parameters
    ----------
    file : int
        Descriptor of the shard.
    file_bytes : int
        Its size.
    shards : Shards

    Returns
    -------
    ndarray of uint64, shape (chunks, 2)
        The last axis of the array changes fastest; both are 2**64 - 1 where nothing was written.

    Raises
    ------
    ShardIndexError
        It is cut short, or its checksum is another.
    """
    length = shard_index_bytes(shards)
    if file_bytes < length:
        raise ShardIndexError("the file is shorter than its index")
    return shard_index(
        read_at(file, length, file_bytes - length if shards.index_at_end else 0), shards
    )


def shard_index_bytes(shards: Shards) -> int:
    """How long the index of a shard is."""
    return math.prod(shards.n_chunks) * _ENTRY_BYTES + shards.has_checksum * _CHECKSUM_BYTES


def shard_index(content: bytes, shards: Shards) -> UInt64Array:
    """Give what the bytes of a shard's index say, as `read_shard_index`.

    Raises
    ------
    ShardIndexError
        It is cut short, or its checksum is another.
    """
    if len(content) < shard_index_bytes(shards):
        raise ShardIndexError("the file is shorter than its index")
    n_bytes = math.prod(shards.n_chunks) * _ENTRY_BYTES
    entries, checksum = content[:n_bytes], content[n_bytes:]
    if checksum and google_crc32c.value(entries) != int.from_bytes(checksum, "little"):
        raise ShardIndexError("the checksum of its index is another")
    return np.frombuffer(entries, "<u8").reshape(-1, 2)
