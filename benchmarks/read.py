"""Patches a second, beside one lazily stacked slice a patch."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import tensorstore as ts

from benchmarks.data import Chunking, registry_of, write_images
from benchmarks.timing import in_turns, table, verdict
from lineage_triplets import MultiExperimentIndex
from lineage_triplets.engine import PairSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    Int64Array = NDArray[np.int64]

PATCH_SIZE = (160, 160)
BATCHES = (32, 128)
DTYPES: tuple[Literal["float32", "uint16"], ...] = ("float32", "uint16")
TARGET_RATIO = 1.0
BUDGET_S = 4.0
STACKS = Chunking("1024 x 1024 x 5 z", (1, 1, 5, 1024, 1024), n_z=5, n_fovs=2, n_frames=10)
CASES: tuple[tuple[Chunking, tuple[int, int]], ...] = (
    (Chunking("1024 x 1024", (1, 1, 1, 1024, 1024)), (0, 1)),
    (STACKS, (2, 3)),
    (STACKS, (0, 5)),
    (Chunking("256 x 256", (1, 1, 1, 256, 256)), (0, 1)),
    (Chunking("256 x 256 in shards", (1, 1, 1, 256, 256), sharded=True), (0, 1)),
)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Read the same patches both ways, in turns."""
    yield table(
        "Patches a second: PairSource.read, and ts.stack of one slice a patch",
        (
            "chunks",
            "slices read",
            "dtype",
            "anchors",
            "stack",
            "ours",
            "ratio",
            "CPU ratio",
            "rounds",
            f"≥ {TARGET_RATIO}",
        ),
        _rows(folder),
        "160 x 160 patches of channels [2, 0] of 3, as many positives as anchors; uint16, "
        "blosc-zstd-bitshuffle; warm page cache, no cache pool; ratios are medians over rounds",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    written = ""
    for chunking, z_range in CASES:
        if chunking.label != written:
            shutil.rmtree(folder / "images", ignore_errors=True)
            write_images(folder / "images", chunking)
            written = chunking.label
        index = MultiExperimentIndex(registry_of(folder / "images"), slice(*z_range), PATCH_SIZE)
        for dtype in DTYPES:
            source = PairSource(index, dtype=dtype, cache_pool_bytes=0)
            stacked = StackOfSlices(source)
            for size in BATCHES:
                rows = _anchors_and_positives(source, size)
                if not np.array_equal(stacked.read(rows), source.read(rows)):
                    raise AssertionError(f"the two ways differ on chunks {chunking.label}")
                found = in_turns(
                    partial(stacked.read, rows), partial(source.read, rows), budget_s=BUDGET_S
                )
                yield (
                    chunking.label,
                    str(z_range[1] - z_range[0]),
                    dtype,
                    str(size),
                    f"{len(rows) / found.straightforward_s:,.0f}",
                    f"{len(rows) / found.ours_s:,.0f}",
                    f"{found.ratio:.2f}",
                    f"{found.cpu_ratio:.2f}",
                    str(found.rounds),
                    verdict(found.ratio >= TARGET_RATIO),
                )


def _anchors_and_positives(source: PairSource, size: int) -> Int64Array:
    anchors = np.random.default_rng(size).choice(source.index.anchor_rows, size, replace=False)
    pairs = source.draw(anchors, 0, 0)
    return np.concatenate([pairs.anchor, pairs.positive])


class StackOfSlices:
    """The straightforward way: one lazy slice a patch, stacked, read, converted.

    Parameters
    ----------
    source : PairSource
        Whose patches are read.
    """

    def __init__(self, source: PairSource) -> None:
        self._source = source
        self._context = ts.Context({"cache_pool": {"total_bytes_limit": 0}})
        self._stores: dict[str, ts.TensorStore] = {}

    def read(self, rows: Int64Array) -> NDArray[np.generic]:
        """Read the patches of some rows."""
        index, reader = self._source.index, self._source.reader
        observations, fov = index.observations.take(rows), index.fov_of_row[rows]
        z, y, x = (corner.tolist() for corner in reader.corners(observations, fov))
        _, depth, height, width = reader.patch_shape
        views = []
        for i, (number, t) in enumerate(zip(fov.tolist(), observations.t.tolist(), strict=True)):
            channels = list(index.fovs[number].channels)
            view = self._store(number)[
                t,
                channels,
                z[i] : z[i] + depth,
                y[i] : y[i] + height,
                x[i] : x[i] + width,
            ]
            views.append(view.translate_to[0])
        patches: NDArray[np.generic] = ts.stack(views).read().result()
        return patches.astype(reader.dtype, copy=False)

    def _store(self, number: int) -> ts.TensorStore:
        fov = self._source.index.fovs[number].fov
        if fov.array_path not in self._stores:
            spec = {
                "driver": "zarr" if fov.zarr_format == 2 else "zarr3",
                "kvstore": {"driver": "file", "path": f"{fov.array_path}/"},
            }
            self._stores[fov.array_path] = ts.open(spec, open=True, context=self._context).result()
        return self._stores[fov.array_path]
