"""Batches beside DynaCLR's own data module and a plain stack of slices, on the same cells."""

from __future__ import annotations

import itertools
import logging
import shutil
import statistics
import time
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorstore as ts

from benchmarks.data import SOURCE_CHANNELS, Chunking, registry_of, write_images
from benchmarks.read import PATCH_SIZE, StackOfSlices
from benchmarks.timing import table, verdict
from lineage_triplets import MultiExperimentIndex, MultiExperimentTripletDataset
from lineage_triplets.qc.export.cell_index import write_cell_index
from lineage_triplets.training import TripletBatchSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

BATCH_SIZE = 64
CACHE_BYTES = 500_000_000
BATCHES_A_TURN = 8
ROUNDS = 6
# Until memory is full of what this order keeps.
WARM_UP_BATCHES = 30
PLATE = partial(Chunking, n_fovs=16, n_distinct=5, cells_per_fov=88)
CASES = (
    PLATE("1024 x 1024, zstd", (1, 1, 1, 1024, 1024), n_frames=40, plain_zstd=True),
    PLATE("256 x 256, blosc", (1, 1, 1, 256, 256), n_frames=24),
)
PEER, STACK, RANDOM, NEAR = "DynaCLR's module", "ts.stack", "ours, random", "ours, near"
TARGETS = {RANDOM: 1.2, NEAR: 15.0}
INSTALLING = (
    "DynaCLR's module is not installed. In an environment of its own: pip install --no-deps "
    "viscy-data==0.1.0 viscy-utils==0.1.0 iohub monai xarray natsort ndtiff pydantic-extra-types "
    "'dynaclr @ git+https://github.com/mehta-lab/VisCy@4b62365c#subdirectory=applications/dynaclr'"
)


class Turn(NamedTuple):
    """What a batch cost in one turn.

    Attributes
    ----------
    wall_s, cpu_s : float
        Of the process, all threads together.
    """

    wall_s: float
    cpu_s: float


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Take batches from each way in turns."""
    # Importing it is what must not fail for the others' figures.
    has_peer = find_spec("viscy_data") is not None and find_spec("dynaclr") is not None
    caption = (
        f"a batch of {BATCH_SIZE} pairs, {PATCH_SIZE[0]} x {PATCH_SIZE[1]}, two of three channels; "
        f"pixels as they are stored; {CACHE_BYTES / 1e6:,.0f} MB for what is decoded each; "
        f"medians of {ROUNDS} rounds of {BATCHES_A_TURN} batches in turns, after "
        f"{WARM_UP_BATCHES}; ratios: the first way's time by this one's; no other thread or "
        "process makes batches ahead"
    )
    yield table(
        "Batches beside the peer",
        ("chunks", "way", "ms a batch", "CPU ms", "batches/s", "ratio", "CPU ratio", ""),
        (row for case in CASES for row in _rows(folder / "images", case, has_peer)),
        caption if has_peer else f"{caption}. {INSTALLING}",
    )


def _rows(images: Path, case: Chunking, has_peer: bool) -> Iterator[Sequence[str]]:
    shutil.rmtree(images, ignore_errors=True)
    write_images(images, case)
    index = MultiExperimentIndex(registry_of(images), slice(0, 1), PATCH_SIZE)
    ways: dict[str, Callable[[], object]] = {}
    if has_peer:
        ways[PEER] = _peer(index, images.parent / "cell_index.parquet")
    ways[STACK] = _stack(index)
    for name, order in ((RANDOM, "random"), (NEAR, "near")):
        ways[name] = _ours(index, order)
    for take in ways.values():
        for _ in range(WARM_UP_BATCHES):
            take()
    turns: dict[str, list[Turn]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        names = list(ways) if number % 2 == 0 else list(reversed(ways))
        for name in names:
            turns[name].append(_turn(ways[name]))
    first = next(iter(ways))
    for name, taken in turns.items():
        wall, cpu = (statistics.median(turn[k] for turn in taken) for k in (0, 1))
        ratios = [
            statistics.median(a[k] / b[k] for a, b in zip(turns[first], taken, strict=True))
            for k in (0, 1)
        ]
        target = TARGETS.get(name) if first == PEER else None
        yield (
            case.label,
            name,
            f"{1000 * wall:,.0f}",
            f"{1000 * cpu:,.0f}",
            f"{1 / wall:,.2f}",
            *(f"{ratio:.2f}" for ratio in ratios),
            "" if target is None else verdict(ratios[0] >= target),
        )


def _turn(take: Callable[[], object]) -> Turn:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(BATCHES_A_TURN):
        take()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    return Turn(*(seconds / BATCHES_A_TURN for seconds in spent))


def _ours(index: MultiExperimentIndex, order: Any) -> Callable[[], object]:
    dataset = MultiExperimentTripletDataset(
        index, cache_pool_bytes=CACHE_BYTES, seed=0, dtype="uint16"
    )
    batches = _endless(TripletBatchSampler(dataset, BATCH_SIZE, order=order))
    return lambda: dataset.__getitems__(next(batches))


def _stack(index: MultiExperimentIndex) -> Callable[[], object]:
    """The pairs of random order, by one stack of lazy slices."""
    dataset = MultiExperimentTripletDataset(index, cache_pool_bytes=0, seed=0, dtype="uint16")
    batches = _endless(TripletBatchSampler(dataset, BATCH_SIZE, order="random"))
    stacked = StackOfSlices(
        dataset.source, ts.Context({"cache_pool": {"total_bytes_limit": CACHE_BYTES}})
    )

    def take() -> object:
        pairs = dataset.source.draw(index.anchor_rows[next(batches)], 0, 0)
        return stacked.read(np.concatenate([pairs.anchor, pairs.positive]))

    return take


def _peer(index: MultiExperimentIndex, cell_index: Path) -> Callable[[], object]:
    """Its data set, by its own batch sampler, from the cell index that an export writes."""
    from dynaclr.data.datamodule import (  # type: ignore[import-not-found]
        MultiExperimentDataModule,
    )

    write_cell_index(index, cell_index)
    logging.getLogger("dynaclr").setLevel(logging.ERROR)
    module = MultiExperimentDataModule(
        str(cell_index),
        z_window=1,
        yx_patch_size=PATCH_SIZE,
        final_yx_patch_size=PATCH_SIZE,
        split_ratio=1.0,
        tau_range=index.settings.tau_range_hours,
        batch_size=BATCH_SIZE,
        channels_per_sample=list(SOURCE_CHANNELS),
        num_workers=0,
        cache_pool_bytes=CACHE_BYTES,
    )
    module.setup("fit")
    batches = _endless(module.train_dataloader().batch_sampler)
    return lambda: module.train_dataset.__getitems__(next(batches))


def _endless(batches: Any) -> Iterator[list[int]]:
    return itertools.chain.from_iterable(itertools.repeat(batches))
