"""Thousands of batches from one process: whether memory and open files stay as they are."""

from __future__ import annotations

import os
import resource
import threading
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader

from benchmarks.data import Chunking, registry_of, write_images
from benchmarks.timing import table, verdict
from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    PrefetchLoader,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

N_BATCHES, EVERY = 20_000, 2_000
BATCH_SIZE, PATCH_SIZE = 6, (64, 64)
CACHE_BYTES = 32 * 2**20
# What the allocator may still take after the first rows, on its way to a steady state.
MOST_GROWTH_MIB, MOST_NEW_FILES = 16, 2
SETTLED_ROW = 3
STORES = (
    Chunking("planes", (1, 1, 1, 1024, 1024), n_fovs=2, n_frames=8),
    Chunking("tiles", (1, 1, 1, 256, 256), n_fovs=2, n_frames=8),
    Chunking("shards", (1, 1, 1, 256, 256), n_fovs=1, n_frames=8, sharded=True),
)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Read batches through a prefetching loader, with less cache than the plate has pixels."""
    yield table(
        f"{N_BATCHES:,} batches: memory and open files of the process",
        ("batches", "epochs", "memory (MiB)", "open files", "threads", "ms a batch", "verdict"),
        _rows(folder),
        f"{BATCH_SIZE} anchors a batch, patches {PATCH_SIZE[0]} x {PATCH_SIZE[1]}, two channels; "
        f"planes, tiles and shards; {CACHE_BYTES // 2**20} MiB for decoded chunks; flat: at most "
        f"{MOST_GROWTH_MIB} MiB and {MOST_NEW_FILES} files more than at the third row",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    experiments = []
    for chunking in STORES:
        write_images(folder / chunking.label, chunking)
        (one,) = registry_of(folder / chunking.label).experiments
        experiments.append(one.model_copy(update={"name": chunking.label}))
    index = MultiExperimentIndex(ExperimentRegistry(experiments), 1, PATCH_SIZE)
    dataset = MultiExperimentTripletDataset(index, cache_pool_bytes=CACHE_BYTES, seed=0)
    loader = DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, collate_fn=_whole_batch)
    seen: list[tuple[float, int]] = []
    start = time.perf_counter()
    for number, epoch in enumerate(_epochs(dataset, PrefetchLoader(loader)), start=1):
        if number % EVERY == 0:
            seen.append((_memory_mib(), _open_files()))
            now = time.perf_counter()
            yield (
                f"{number:,}",
                str(epoch),
                f"{seen[-1][0]:,.0f}",
                str(seen[-1][1]),
                str(threading.active_count()),
                f"{1000 * (now - start) / EVERY:.1f}",
                _judge(seen),
            )
            start = time.perf_counter()
        if number == N_BATCHES:
            return


def _epochs(
    dataset: MultiExperimentTripletDataset, loader: PrefetchLoader[dict[str, Any]]
) -> Iterator[int]:
    """Use batches for ever; give the epoch of each."""
    for epoch in count():
        dataset.set_epoch(epoch)
        for batch in loader:
            if len(batch["anchor"]) != len(batch["positive"]):
                raise AssertionError("a batch has another number of positives than of anchors")
            yield epoch


def _judge(seen: Sequence[tuple[float, int]]) -> str:
    if len(seen) <= SETTLED_ROW:
        return ""
    memory, files = seen[SETTLED_ROW - 1]
    flat = seen[-1][0] - memory <= MOST_GROWTH_MIB and seen[-1][1] - files <= MOST_NEW_FILES
    return verdict(flat)


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def _whole_batch(batch: Any) -> Any:
    return batch
