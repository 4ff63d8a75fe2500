"""Statistics of images, beside the decoding of the same chunks alone."""

from __future__ import annotations

import shutil
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import tensorstore as ts
import torch

from benchmarks.data import Chunking, registry_of, write_images
from benchmarks.timing import in_turns, table, verdict
from lineage_triplets import MultiExperimentIndex
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.engine.reading.tensorstore import canonical_view, open_array
from lineage_triplets.training.statistics.counts import counting_threads
from lineage_triplets.training.statistics.run import count_fovs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    from lineage_triplets.engine.index.fovs import FovSource

TARGET = 0.8
BUDGET_S = 12.0
PLATE = partial(Chunking, n_fovs=2, n_frames=16, n_distinct=4)
CHUNKINGS = (
    PLATE("1024 x 1024, zstd", (1, 1, 1, 1024, 1024), plain_zstd=True),
    PLATE("1024 x 1024, blosc", (1, 1, 1, 1024, 1024)),
    PLATE("1024 x 1024 x 5 z, zstd", (1, 1, 5, 1024, 1024), n_z=5, plain_zstd=True),
    PLATE("8 t x 256 x 512, zstd", (8, 1, 1, 256, 512), n_distinct=None, plain_zstd=True),
    PLATE("256 x 256 in blosc shards", (1, 1, 1, 256, 256), sharded=True),
    PLATE("1024 x 1024 float32, zstd", (1, 1, 1, 1024, 1024), plain_zstd=True, dtype="float32"),
)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Count the same plates, and read their frames without looking at them, in turns."""
    yield table(
        "Statistics: count_fovs, and tensorstore that reads the same frames",
        ("chunks", "reading", "ours", "reading / ours", "CPU", "at most", ""),
        (_row(folder / "images", chunking) for chunking in CHUNKINGS),
        f"MB of pixels a second on {usable_cpus()} CPUs, medians of turns in one run; channels "
        f"[2, 0] of 3, uint16 unless said, 2 FOVs of 16 frames, warm page cache; reading is into "
        f"arrays that are used again; 1 would be no cost at all, at least {TARGET} is wanted; of "
        f"stacks the focus too; CPU: the same ratio of CPU time; at most: what it would be if a "
        f"pass over pixels in the cache were all: counts of values, of float32 of their upper "
        f"halves, with range, mean and squares",
    )


def _row(folder: Path, chunking: Chunking) -> Sequence[str]:
    shutil.rmtree(folder, ignore_errors=True)
    write_images(folder, chunking)
    index = MultiExperimentIndex(registry_of(folder), z_range=1, yx_patch_size=(160, 160))
    sources = index.fovs
    itemsize = np.dtype(chunking.dtype).itemsize
    n_planes = sum(
        source.fov.shape[0] * source.fov.shape[2] * len(source.channels) for source in sources
    )
    n_bytes = n_planes * chunking.size_pixels**2 * itemsize
    read = partial(_read, sources)
    result = in_turns(read, partial(_count, sources), budget_s=BUDGET_S)
    plane = np.random.default_rng(0).normal(2000, 250, chunking.size_pixels**2)
    count = partial(_pass, plane.astype(chunking.dtype), n_planes)
    least = in_turns(read, count, budget_s=BUDGET_S / 4).cpu_ratio
    return (
        chunking.label,
        f"{n_bytes / result.straightforward_s / 1e6:,.0f}",
        f"{n_bytes / result.ours_s / 1e6:,.0f}",
        f"{result.ratio:.2f}",
        f"{result.cpu_ratio:.2f}",
        f"{least / (least + 1):.2f}",
        verdict(result.ratio >= TARGET),
    )


def _count(sources: Sequence[FovSource]) -> None:
    for _, answer in count_fovs(sources, "warn"):
        if isinstance(answer, Exception):
            raise answer


def _pass(plane: NDArray[np.generic], n_planes: int) -> None:
    """Go over a plane that stays in the cache, as many times as there are planes."""
    bits = plane.view(np.int16 if plane.dtype == np.uint16 else np.int32)
    with counting_threads() as begin:
        begin()
        for _ in range(n_planes):
            if plane.dtype == np.uint16:
                torch.bincount(torch.from_numpy(bits))
                continue
            torch.bincount(torch.from_numpy(bits >> 16))
            exact = plane.astype(np.float64)
            plane.min(), plane.max(), exact.sum(), np.square(exact, out=exact).sum()


def _read(sources: Sequence[FovSource]) -> None:
    """Read what is counted, as many chunks' worth of frames at once as keep all CPUs busy."""
    limits = {
        "cache_pool": {"total_bytes_limit": 0},
        "data_copy_concurrency": {"limit": usable_cpus()},
    }
    waiting: deque[tuple[ts.WriteFutures, NDArray[np.generic]]] = deque()
    for source in sources:
        fov = source.fov
        opened = open_array(fov.array_path, fov.zarr_format, ts.Context(limits)).result()
        view, step = canonical_view(opened, fov.axes), fov.chunk_shape[0]
        for t in range(0, fov.shape[0], step):
            for channel in source.channels:
                part = view[t : t + step, channel]
                if len(waiting) < 2 * usable_cpus():
                    array = np.empty(part.shape, fov.dtype)
                else:
                    future, array = waiting.popleft()
                    future.result()
                waiting.append((ts.array(array).write(part), array))
    for future, _ in waiting:
        future.result()
