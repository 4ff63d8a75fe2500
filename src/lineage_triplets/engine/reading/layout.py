"""How chunks lie in files and in memory, where they are blosc containers or not compressed.

Zarr v2 with a blosc compressor or none; zarr v3 with the codecs ``bytes, blosc`` or ``bytes``, a
``transpose`` before them or not, also inside one level of shards
(https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lineage_triplets.engine.plates.plate import CANONICAL_AXES
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_triplets.engine.index.fovs import FovSource

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


class ChunkKind(NamedTuple):
    """What arrays that are planned together have in common.

    Attributes
    ----------
    axes : tuple of str
        The array's own order.
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
    """

    axes: tuple[str, ...]
    chunk_shape: tuple[int, ...]
    memory_order: tuple[int, ...]
    dtype: np.dtype[Any]
    is_blosc: bool
    shards: Shards | None

    @property
    def n_bytes(self) -> int:
        """Size of a decoded chunk."""
        return math.prod(self.chunk_shape) * self.dtype.itemsize

    def canonical(self, values: Iterable[int], absent: int) -> tuple[int, ...]:
        """Order values by axis as t, c, z, y, x, with one for axes that the array lacks."""
        by_axis = dict(zip(self.axes, values, strict=True))
        return tuple(by_axis.get(axis, absent) for axis in CANONICAL_AXES)

    def strides(self) -> tuple[int, ...]:
        """Bytes from one (t, c, z, y, x) to the next in a decoded chunk; 0 for absent axes."""
        strides, step = [0] * len(self.axes), self.dtype.itemsize
        for axis in reversed(self.memory_order):
            strides[axis] = step
            step *= self.chunk_shape[axis]
        return self.canonical(strides, absent=0)


@dataclass(frozen=True)
class ChunkLayout:
    """Where the chunks of one array are, and what is in them.

    Attributes
    ----------
    folder : str
    prefix, separator : str
        A file's key is the prefix and its indices, separated.
    kind : ChunkKind
    """

    folder: str
    prefix: str
    separator: str
    kind: ChunkKind

    def path(self, indices: Iterable[int]) -> str:
        """File of a chunk or shard; indices in the array's own order of axes."""
        return f"{self.folder}/{self.prefix}{self.separator.join(map(str, indices))}"


def read_layout(source: FovSource) -> ChunkLayout | None:
    """Read how an array's chunks are stored; None if it is in no way that is known here."""
    fov = source.fov
    if is_url(fov.array_path):
        return None
    try:
        name = ".zarray" if fov.zarr_format == 2 else "zarr.json"
        content = json.loads((Path(fov.array_path) / name).read_bytes())
        layout = (_layout_v2 if fov.zarr_format == 2 else _layout_v3)(content, source)
        by_axis = dict(zip(fov.axes, content["shape"], strict=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    now = tuple(by_axis.get(axis, 1) for axis in CANONICAL_AXES)
    if layout is None or now != fov.shape or not _is_plausible(layout):
        return None
    dtype = layout.kind.dtype
    return layout if dtype.kind in "biuf" and dtype.name == fov.dtype else None


def _is_plausible(layout: ChunkLayout) -> bool:
    sizes = layout.kind.chunk_shape
    whole = all(type(size) is int and 0 < size < _MOST_BYTES for size in sizes)
    return whole and layout.separator in {".", "/"} and layout.kind.n_bytes < _MOST_BYTES


def _layout_v2(content: dict[str, Any], source: FovSource) -> ChunkLayout | None:
    compressor = content["compressor"]
    is_blosc = compressor is not None and compressor.get("id") == "blosc"
    is_known = is_blosc or compressor is None
    if not is_known or content.get("filters") or content["order"] not in {"C", "F"}:
        return None
    axes, shape = source.fov.axes, tuple(content["chunks"])
    order = range(len(axes)) if content["order"] == "C" else reversed(range(len(axes)))
    kind = ChunkKind(axes, shape, tuple(order), np.dtype(content["dtype"]), is_blosc, None)
    return ChunkLayout(source.fov.array_path, "", content.get("dimension_separator", "."), kind)


def _layout_v3(content: dict[str, Any], source: FovSource) -> ChunkLayout | None:
    grid, encoding = content["chunk_grid"], content["chunk_key_encoding"]
    if grid["name"] != "regular" or content.get("storage_transformers"):
        return None
    codecs = content["codecs"]
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
    dtype = np.dtype(content["data_type"]).newbyteorder("<" if endian == "little" else ">")
    configuration = encoding.get("configuration", {})
    separator = configuration.get("separator", "/" if encoding["name"] == "default" else ".")
    if encoding["name"] not in {"default", "v2"}:
        return None
    prefix = f"c{separator}" if encoding["name"] == "default" else ""
    kind = ChunkKind(source.fov.axes, shape, order, dtype, is_blosc, shards)
    return ChunkLayout(source.fov.array_path, prefix, separator, kind)


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
