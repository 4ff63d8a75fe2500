"""What a process that looks ahead holds at most: counted bytes, no more than it was given."""

from __future__ import annotations

import multiprocessing
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import numcodecs
import numpy as np
import pytest

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
)
from lineage_triplets.engine.reading import slots
from lineage_triplets.training import TripletBatchSampler
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from lineage_triplets.training.plan.epoch import Order

FOVS = ("A/1/0", "A/1/1", "B/1/0", "B/1/1")
FRAMES, CELLS, SIZE, PATCH, BATCH = 12, 30, 384, (96, 96), 12
MEMORY_BYTES = 6_000_000
# What Python takes besides, however much is read.
FIXED_BYTES = 100_000
CHUNKS = {"planes": (1, 1, 1, SIZE, SIZE), "frames together": (4, 1, 1, 192, SIZE)}


@pytest.fixture(scope="module", params=list(CHUNKS))
def index(request, tmp_path_factory):
    tables, pixels = {}, {}
    for number, fov in enumerate(FOVS):
        rng = np.random.default_rng(number)
        table = track_table(*((cell, range(FRAMES)) for cell in range(1, CELLS + 1)))
        table["y"], table["x"] = rng.uniform(0, SIZE, (2, len(table)))
        tables[fov] = table
        pixels[fov] = numbered_pixels((FRAMES, 2, 1, SIZE, SIZE), seed=number)
    one = make_experiment(
        tmp_path_factory.mktemp("plate"), "one", tables, pixels=pixels,
        chunks=CHUNKS[request.param], compressor=numcodecs.Zstd(1),
    )  # fmt: skip
    return MultiExperimentIndex(ExperimentRegistry([one]), 1, PATCH, (0.5, 1.0))


@pytest.fixture(scope="module")
def apart():
    """A process in which nothing else is held, or still runs."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        yield process


def most_held(index: MultiExperimentIndex, order: Order, dtype: str) -> int:
    """Most bytes that are held at a time while batches are read."""
    # Where it is counted, as all else that Python and NumPy take.
    slots._unshared = lambda n_bytes: np.empty(n_bytes, np.uint8)
    dataset = MultiExperimentTripletDataset(
        index, seed=3, cache_pool_bytes=MEMORY_BYTES, dtype=dtype
    )
    sampler = TripletBatchSampler(dataset, BATCH, order=order)
    batch = dataset[[0]]
    tracemalloc.start()
    try:
        for numbers in islice(sampler, 40):
            batch = dataset[numbers]
        assert len(batch["anchor"]) == BATCH
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return most


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("order", ["near", "random"])
def test_all_that_is_held_is_within_the_memory(index, apart, order, dtype):
    most = apart.submit(most_held, index, order, dtype).result()
    assert MEMORY_BYTES / 2 < most < MEMORY_BYTES + FIXED_BYTES
