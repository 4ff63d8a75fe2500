"""Reads blosc-compressed chunks of local stores by itself, decoding only what windows touch.

Whatever is not exactly as expected (another codec, a file that is absent, short or odd) is left to
tensorstore, whose verdict holds.
"""

from __future__ import annotations

import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.blosc_blocks import decode_touched
from lineage_triplets.engine.images import CANONICAL_AXES
from lineage_triplets.engine.resources import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.chunk_cache import PartCache
    from lineage_triplets.engine.fovs import FovSource
    from lineage_triplets.engine.read_strategies import ReadStrategy, Window

_POOLS: list[ThreadPoolExecutor] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOLS.clear)


@dataclass(frozen=True)
class ChunkLayout:
    """Where the chunks of an array are, and what is in them.

    Attributes
    ----------
    folder : str
    prefix, separator : str
        A chunk's key is the prefix and its indices, separated.
    dtype : numpy.dtype
        With its byte order.
    shape : tuple of int
        Of a chunk, in the array's own order.
    axes : tuple of str
        The array's own order.
    """

    folder: str
    prefix: str
    separator: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    axes: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """Size of a decoded chunk."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def path(self, indices: Iterable[int]) -> str:
        """File of a chunk."""
        key = self.separator.join(map(str, indices))
        return f"{self.folder}/{self.prefix}{key}"


@dataclass(frozen=True, slots=True)
class _Use:
    """The part of a chunk that fills a part of a window, both as slices."""

    window: Window
    slot: int
    inside: tuple[slice, ...]
    target: tuple[slice, slice, slice]


class LocalChunkStrategy:
    """Decodes touched blosc blocks by itself, and leaves the rest to another strategy.

    Parameters
    ----------
    otherwise : ReadStrategy
        Reads what this one does not know.
    least_chunk_bytes : int
        Smaller chunks are left to the other strategy too: decoding them is not what takes time.
    cache : PartCache, optional
        Keeps decoded parts of chunks.
    """

    def __init__(
        self,
        otherwise: ReadStrategy,
        least_chunk_bytes: int = 500_000,
        cache: PartCache | None = None,
    ) -> None:
        self._otherwise = otherwise
        self._cache = cache if cache is not None and cache.limit_bytes else None
        self._least_chunk_bytes = least_chunk_bytes
        self._layouts: dict[str, ChunkLayout | None] = {}

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """``{(experiment, FOV): patches}`` that met absent chunks."""
        return self._otherwise.missing

    def read(self, windows: Sequence[Window]) -> None:
        """Fill the targets of all windows; each touched chunk is decoded once."""
        left = [window for window in windows if self._layout(window.source) is None]
        chunks: dict[tuple[str, tuple[int, ...]], list[_Use]] = {}
        for window in windows:
            layout = self._layout(window.source)
            if layout is not None:
                _plan(layout, window, chunks)
        for failed in self._decode_all(chunks):
            left += failed
        if left:
            self._otherwise.read(list({id(window): window for window in left}.values()))

    def _layout(self, source: FovSource) -> ChunkLayout | None:
        path = source.fov.array_path
        if path not in self._layouts:
            layout = read_layout(source)
            worth = layout is not None and layout.n_bytes >= self._least_chunk_bytes
            self._layouts[path] = layout if worth else None
        return self._layouts[path]

    def _decode_all(
        self, chunks: dict[tuple[str, tuple[int, ...]], list[_Use]]
    ) -> list[list[Window]]:
        """Decode all chunks side by side; give the windows of those that could not be."""
        items = [(self._layouts[path], indices, uses) for (path, indices), uses in chunks.items()]
        if not items:
            return []
        if not _POOLS:
            _POOLS.append(ThreadPoolExecutor(usable_cpus(), "lineage-triplets-decode"))
        n_parts = min(len(items), 4 * usable_cpus())
        parts = [items[first::n_parts] for first in range(n_parts)]
        return list(_POOLS[0].map(partial(_decode_part, self._cache), parts))


def read_layout(source: FovSource) -> ChunkLayout | None:
    """Read how an array's chunks are stored; None if this strategy does not know it."""
    fov = source.fov
    folder = Path(fov.array_path)
    try:
        name = ".zarray" if fov.zarr_format == 2 else "zarr.json"
        content = json.loads((folder / name).read_bytes())
        found = _layout_v2(content) if fov.zarr_format == 2 else _layout_v3(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    if found is None:
        return None
    dtype, shape, prefix, separator = found
    by_axis = dict(zip(fov.axes, content["shape"], strict=False))
    now = tuple(by_axis.get(axis, 1) for axis in CANONICAL_AXES)
    if now != fov.shape or dtype.kind not in "biuf" or dtype.name != fov.dtype:
        return None
    return ChunkLayout(fov.array_path, prefix, separator, dtype, shape, fov.axes)


def _layout_v2(
    content: dict[str, Any],
) -> tuple[np.dtype[Any], tuple[int, ...], str, str] | None:
    compressor = content["compressor"] or {}
    known = compressor.get("id") == "blosc" and not content.get("filters")
    if not known or content["order"] != "C":
        return None
    separator = content.get("dimension_separator", ".")
    return np.dtype(content["dtype"]), tuple(content["chunks"]), "", separator


def _layout_v3(
    content: dict[str, Any],
) -> tuple[np.dtype[Any], tuple[int, ...], str, str] | None:
    names = [codec["name"] for codec in content["codecs"]]
    grid, encoding = content["chunk_grid"], content["chunk_key_encoding"]
    known = names == ["bytes", "blosc"] and grid["name"] == "regular"
    if not known or content.get("storage_transformers"):
        return None
    dtype = np.dtype(content["data_type"])
    endian = content["codecs"][0].get("configuration", {}).get("endian", "little")
    dtype = dtype.newbyteorder("<" if endian == "little" else ">")
    configuration = encoding.get("configuration", {})
    if encoding["name"] == "default":
        separator = configuration.get("separator", "/")
        prefix = f"c{separator}"
    elif encoding["name"] == "v2":
        separator, prefix = configuration.get("separator", "."), ""
    else:
        return None
    return dtype, tuple(grid["configuration"]["chunk_shape"]), prefix, separator


def _plan(
    layout: ChunkLayout,
    window: Window,
    chunks: dict[tuple[str, tuple[int, ...]], list[_Use]],
) -> None:
    """Note which chunks a window touches, and which part of each goes where."""
    box = {
        "t": slice(window.t, window.t + 1),
        "z": window.z,
        "y": window.y,
        "x": window.x,
    }
    for slot, channel in enumerate(window.source.channels):
        box["c"] = slice(channel, channel + 1)
        spans = [
            _spans(box[axis], size) for axis, size in zip(layout.axes, layout.shape, strict=True)
        ]
        for combination in itertools.product(*spans):
            indices = tuple(index for index, _, _ in combination)
            target = {
                axis: part for axis, (_, _, part) in zip(layout.axes, combination, strict=True)
            }
            use = _Use(
                window,
                slot,
                tuple(inside for _, inside, _ in combination),
                (target.get("z", slice(0, 1)), target["y"], target["x"]),
            )
            chunks.setdefault((layout.folder, indices), []).append(use)


def _spans(span: slice, size: int) -> list[tuple[int, slice, slice]]:
    """Cut a range of an axis at the chunks: chunk number, range inside it, range of the window."""
    spans = []
    for index in range(span.start // size, (span.stop - 1) // size + 1):
        low, high = max(span.start, index * size), min(span.stop, (index + 1) * size)
        spans.append(
            (
                index,
                slice(low - index * size, high - index * size),
                slice(low - span.start, high - span.start),
            )
        )
    return spans


def _decode_part(
    cache: PartCache | None,
    items: Sequence[tuple[ChunkLayout, tuple[int, ...], list[_Use]]],
) -> list[Window]:
    """Decode some chunks into their windows; give the windows of those that could not be."""
    failed: list[Window] = []
    for layout, indices, uses in items:
        try:
            touched = _touched(layout, [one.inside for one in uses])
            content = decode_touched(layout.path(indices), layout.n_bytes, touched, cache)
        except (OSError, RuntimeError, ValueError):
            failed += [one.window for one in uses]
            continue
        chunk = content.view(layout.dtype).reshape(layout.shape)
        for use in uses:
            part = _as_zyx(chunk[use.inside], layout.axes)
            z, y, x = use.target
            use.window.target[use.slot, z, y, x] = part
    return failed


def _as_zyx(part: NDArray[np.generic], axes: tuple[str, ...]) -> NDArray[np.generic]:
    """One frame and channel as (z, y, x), axes that the array lacks of length 1."""
    kept = [axis for axis in axes if axis in "zyx"]
    flat = part.reshape([n for n, axis in zip(part.shape, axes, strict=True) if axis in "zyx"])
    ordered = flat.transpose([kept.index(axis) for axis in "zyx" if axis in kept])
    return ordered if "z" in kept else ordered[np.newaxis]


def _touched(layout: ChunkLayout, boxes: Sequence[tuple[slice, ...]]) -> NDArray[np.int64] | None:
    """Byte ranges of some boxes of a chunk, a range a plane; None for all of it.

    A range runs from the first to the last pixel of the box's last two axes.
    """
    if len(layout.shape) < 2:
        return None
    strides = np.cumprod([layout.dtype.itemsize, *reversed(layout.shape[1:])])[::-1]
    ranges = []
    for box in boxes:
        leading = np.zeros(1, dtype=np.int64)
        for part, stride in zip(box[:-2], strides[:-2], strict=True):
            steps = np.arange(part.start, part.stop) * stride
            leading = (leading[:, None] + steps).ravel()
        row, column = box[-2:]
        start = row.start * strides[-2] + column.start * strides[-1]
        end = (row.stop - 1) * strides[-2] + column.stop * strides[-1]
        ranges.append(np.stack([leading + start, leading + end], axis=1))
    return np.concatenate(ranges)
