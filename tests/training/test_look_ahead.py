"""Batches of a sampler decode for those that follow, and are what they are without that."""

from __future__ import annotations

from collections import namedtuple

import numcodecs
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Subset

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
)
from lineage_triplets.engine.dataset import coming
from lineage_triplets.engine.dataset.samples import Samples
from lineage_triplets.engine.reading.ahead import ReadAhead
from lineage_triplets.training import TripletBatchSampler
from stores import make_experiment, numbered_pixels, track_table
from systems import needs_posix

FOVS = ("A/1/0", "A/1/1", "B/1/0")
FRAMES, CELLS, SIZE, PATCH, BATCH = 5, 8, 64, (16, 20), 6
MEMORY_BYTES, ALL_BYTES = 200_000, len(FOVS) * FRAMES * 2 * SIZE * SIZE * 2
SAMPLES = (
    Samples(),
    Samples(slots="one"),
    Samples(margin_pixels=4),
    Samples(positive="self", labels=("condition",)),
)
Worker = namedtuple("Worker", "id num_workers")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    tables = {}
    for number, fov in enumerate(FOVS):
        rng = np.random.default_rng(number)
        table = track_table(*((cell, range(FRAMES)) for cell in range(1, CELLS + 1)))
        table["y"], table["x"] = rng.uniform(0, SIZE, (2, len(table)))
        tables[fov] = table
    pixels = {
        fov: numbered_pixels((FRAMES, 2, 1, SIZE, SIZE), seed=number)
        for number, fov in enumerate(FOVS)
    }
    one = make_experiment(
        tmp_path_factory.mktemp("plate"), "one", tables, pixels=pixels,
        chunks=(1, 1, 1, SIZE, SIZE), compressor=numcodecs.Blosc("zstd"),
        condition_wells={"control": ["A/1"], "infected": ["B/1"]},
    )  # fmt: skip
    return MultiExperimentIndex(ExperimentRegistry([one]), 1, PATCH, (0.5, 1.0))


def made(index, **options):
    # A worker that is forked must not read through tensorstore, since this process may have.
    own = {"seed": 3, "cache_pool_bytes": MEMORY_BYTES, "read_strategy": "blosc-blocks"}
    return MultiExperimentTripletDataset(index, **{**own, **options})


@pytest.fixture
def turns(monkeypatch):
    """Which batches were read by looking ahead."""
    numbers = []
    read = ReadAhead.read

    def counted(self, batch):
        numbers.append(batch)
        return read(self, batch)

    monkeypatch.setattr(ReadAhead, "read", counted)
    return numbers


def assert_equal(batch, expected):
    assert batch.keys() == expected.keys()
    for key, value in batch.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, expected[key])
        elif key != "labels":
            assert value == expected[key]


@given(
    order=st.sampled_from(["near", "random"]),
    samples=st.sampled_from(SAMPLES),
    return_negative=st.booleans(),
    memory_bytes=st.sampled_from([30_000, MEMORY_BYTES]),
    first=st.sampled_from([0, 5]),
)
@settings(max_examples=16, deadline=None)
def test_batches_are_those_without(index, order, samples, return_negative, memory_bytes, first):
    options = {"samples": samples, "return_negative": return_negative}
    ahead, plain = made(index, **options), made(index, **options)
    sampler = TripletBatchSampler(ahead, BATCH, order=order, memory_bytes=memory_bytes)
    if first:
        sampler.load_state_dict(sampler.state_dict(first))
    n_batches = 0
    for numbers in sampler:
        plain.set_epoch(ahead.epoch)
        assert_equal(ahead[numbers], plain[numbers])
        n_batches += 1
    assert n_batches == len(sampler) - first


@pytest.mark.parametrize("order", ["near", "random"])
def test_a_loader_looks_ahead_in_each_pass(index, turns, order):
    dataset = made(index)
    chosen = np.arange(0, len(dataset), 2)
    subset = Subset(dataset, chosen)
    loader = DataLoader(subset, batch_sampler=TripletBatchSampler(subset, BATCH, order=order))
    for _ in range(2):
        assert len(list(loader)) == len(loader)
        assert turns == list(range(len(loader)))
        turns.clear()


def test_each_worker_looks_ahead_in_its_own_turns(index, turns, monkeypatch):
    whole = TripletBatchSampler(made(index), BATCH, order="random")
    batches, plain = list(whole)[3:], made(index)
    for number in range(2):
        monkeypatch.setattr(coming, "get_worker_info", lambda number=number: Worker(number, 2))
        dataset = made(index)
        sampler = TripletBatchSampler(dataset, BATCH, order="random")
        sampler.load_state_dict(sampler.state_dict(3))
        assert list(sampler) == batches
        for numbers in batches[number::2]:
            assert_equal(dataset[numbers], plain[numbers])
        assert turns == list(range(len(batches[number::2])))
        turns.clear()


@needs_posix
def test_real_workers_give_the_same(index):
    plain = made(index)
    dataset = made(index)
    sampler = TripletBatchSampler(dataset, BATCH, order="random", workers=2)
    loader = DataLoader(
        dataset, batch_sampler=sampler, num_workers=2, persistent_workers=True,
        multiprocessing_context="fork",
    )  # fmt: skip
    for epoch in range(2):
        again = TripletBatchSampler(plain, BATCH, order="random", workers=2)
        again.set_epoch(epoch)
        for batch, numbers in zip(loader, again, strict=True):
            assert_equal(batch, plain[numbers])


def test_without_a_seed_patches_are_those_of_the_pairs(index, turns):
    dataset = made(index, seed=None)
    rows = {
        (meta["fov_name"], meta["track_id"], meta["t"]): row
        for row, meta in enumerate(index.tracks.to_dict("records"))
    }
    for numbers in TripletBatchSampler(dataset, BATCH, order="random"):
        batch = dataset[numbers]
        named = [
            rows[meta["fov_name"], meta["track_id"], meta["t"]] for meta in batch["positive_meta"]
        ]
        expected = dataset.source.read(np.array(named))
        assert np.array_equal(batch["positive"].numpy(), expected)
    assert turns


def test_batches_out_of_turn_and_of_other_epochs(index, turns):
    dataset, plain = made(index), made(index)
    batches = list(TripletBatchSampler(dataset, BATCH, order="random"))
    given = [
        batches[0], batches[3], batches[1], [0, 1], batches[4][::-1], batches[4], [], batches[5]
    ]  # fmt: skip
    for numbers in given:
        assert_equal(dataset[numbers], plain[numbers])
    assert turns == [0, 3, 4, 5]
    of_first_epoch = [plain[numbers]["positive_meta"] for numbers in batches[6:9]]
    for each in (dataset, plain):
        each.set_epoch(7)
    for numbers in batches[6:9]:
        assert_equal(dataset[numbers], plain[numbers])
    assert [plain[numbers]["positive_meta"] for numbers in batches[6:9]] != of_first_epoch
    assert turns[-3:] == [6, 7, 8]


def test_a_loop_that_is_left_gives_the_memory_back(index):
    dataset = made(index)
    pools = dataset.source.reader.pools
    for numbers in TripletBatchSampler(dataset, BATCH, order="random"):
        dataset[numbers]
        assert pools.parts.limit_bytes == 0
        break
    dataset[[0]]
    assert pools.parts.limit_bytes == MEMORY_BYTES


def test_nobody_looks_ahead_without_memory_with_all_of_it_or_with_guests(index, turns):
    for options, arguments in (
        ({"cache_pool_bytes": 0}, {}),
        ({"cache_pool_bytes": ALL_BYTES}, {}),
        ({}, {"group_by": "condition", "leak": 0.2}),
    ):
        dataset = made(index, **options)
        for numbers in TripletBatchSampler(dataset, BATCH, order="random", **arguments):
            dataset[numbers]
    assert not turns
