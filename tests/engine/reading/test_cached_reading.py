"""Patches read with memory for decoded chunks: the same pixels, less decoding, bounded."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
)
from lineage_triplets.engine.process import MOST_CACHE_BYTES
from lineage_triplets.engine.reading import blosc as blosc_blocks
from lineage_triplets.engine.reading import patches
from lineage_triplets.engine.reading.cache import CachePools
from lineage_triplets.engine.reading.local import LocalChunkStrategy
from lineage_triplets.engine.reading.patches import STRATEGIES, PatchReader
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from stores import make_experiment, numbered_pixels, patch_reader, track_table
from systems import needs_posix

if TYPE_CHECKING:
    from pathlib import Path

FOV = "A/1/0"
SIZE = 512
ENOUGH = 2**26


def settle(folder: Path) -> None:
    """Let all files be a minute old: what was written just now is not kept."""
    then = time.time_ns() - 60 * 10**9
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, ns=(then, then))


def plate(folder: Path, chunk: tuple[int, ...], block_bytes: int = 8192, n_z: int = 2):
    """Four frames, two channels, and cells all over."""
    rng = np.random.default_rng(0)
    table = track_table(*((number, range(4)) for number in range(1, 13)))
    table["y"], table["x"] = rng.uniform(0, SIZE, len(table)), rng.uniform(0, SIZE, len(table))
    one = make_experiment(
        folder, "one", {FOV: table}, pixels=numbered_pixels((4, 2, n_z, SIZE, SIZE)),
        chunks=chunk, compressor=numcodecs.Blosc("zstd", 1, 2, block_bytes),
    )  # fmt: skip
    settle(folder)
    return MultiExperimentIndex(ExperimentRegistry([one]), n_z, (40, 48))


PLANES, STACKS, TILES = (1, 1, 1, SIZE, SIZE), (1, 2, 2, SIZE, SIZE), (1, 1, 1, 128, 128)


@pytest.fixture(scope="module")
def plates(tmp_path_factory):
    return {
        chunk: plate(tmp_path_factory.mktemp("plate"), chunk) for chunk in (PLANES, STACKS, TILES)
    }


def reader_of(index, cache_pool_bytes: int | None, **options) -> PatchReader:
    return patch_reader(index, dtype="uint16", cache_pool_bytes=cache_pool_bytes, **options)


def read(reader: PatchReader, index, rows) -> np.ndarray:
    rows = np.asarray(rows)
    return reader.read(index.observations.take(rows), index.fov_of_row[rows])


@pytest.fixture
def decoded_bytes(monkeypatch):
    """How many bytes were decoded without tensorstore."""
    sizes = []
    decompress = blosc_blocks.blosc.decompress

    def counted(container):
        content = decompress(container)
        sizes.append(len(content))
        return content

    class Counting:
        pass

    Counting.decompress = staticmethod(counted)
    monkeypatch.setattr(blosc_blocks, "blosc", Counting)
    return sizes


@given(
    chunk=st.sampled_from([PLANES, STACKS, TILES]),
    limit=st.sampled_from([1, 10_000, 200_000, ENOUGH, None]),
    batches=st.lists(st.lists(st.integers(0, 47), min_size=1, max_size=12), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_the_same_pixels_as_without(plates, chunk, limit, batches):
    index = plates[chunk]
    cached, plain = reader_of(index, limit), reader_of(index, 0)
    for rows in batches:
        np.testing.assert_array_equal(read(cached, index, rows), read(plain, index, rows))
        parts = cached._reader._cache
        assert parts.n_bytes <= parts.limit_bytes <= (MOST_CACHE_BYTES if limit is None else limit)


@pytest.mark.parametrize("chunk", [PLANES, STACKS])
def test_what_is_kept_is_not_decoded_again(plates, chunk, decoded_bytes):
    index = plates[chunk]
    reader = reader_of(index, ENOUGH)
    first = read(reader, index, range(0, 48, 2))
    assert 0 < sum(decoded_bytes) == reader._reader._cache.n_bytes
    decoded_bytes.clear()
    np.testing.assert_array_equal(read(reader, index, range(0, 48, 2)), first)
    assert not decoded_bytes
    read(reader, index, range(48))
    assert sum(decoded_bytes) > 0
    decoded_bytes.clear()
    read(reader, index, range(48))
    assert not decoded_bytes


@pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
def test_nothing_is_kept_with_0(plates, strategy, decoded_bytes):
    index = plates[PLANES]
    reader = reader_of(index, 0, read_strategy=strategy)
    counts = []
    for _ in range(2):
        decoded_bytes.clear()
        read(reader, index, range(12))
        counts.append(sum(decoded_bytes))
    assert counts[0] == counts[1]
    assert (counts[0] > 0) == (strategy == "blosc-blocks")


def test_many_batches_stay_within_the_bound(plates):
    index, limit = plates[PLANES], 150_000
    reader = reader_of(index, limit)
    rng, fullest = np.random.default_rng(0), 0
    for _ in range(50):
        read(reader, index, rng.integers(0, 48, 6))
        fullest = max(fullest, reader._reader._cache.n_bytes)
    assert limit * 0.8 < fullest <= limit


@pytest.mark.parametrize("chunk", [PLANES, TILES])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_chunk_that_changes_while_the_dataset_is_open(tmp_path, chunk, in_place):
    index = plate(tmp_path / "now", chunk, n_z=1)
    other = plate(tmp_path / "later", chunk, n_z=1)
    reader = reader_of(index, ENOUGH)
    rows = range(48)
    before = read(reader, index, rows)
    array = tmp_path / "now" / "one.zarr" / FOV / "0"
    for file in (tmp_path / "later" / "one.zarr" / FOV / "0").rglob("*"):
        if file.is_file() and not file.name.startswith("."):
            numbers = np.frombuffer(numcodecs.blosc.decompress(file.read_bytes()), "<u2") + 1
            content = numcodecs.Blosc("zstd", 1, 2, 8192).encode(numbers.astype("<u2"))
            target = array / file.relative_to(tmp_path / "later" / "one.zarr" / FOV / "0")
            if not in_place:
                target.unlink()
            target.write_bytes(content)
    np.testing.assert_array_equal(read(reader, index, rows), before + 1)
    assert len(other) == len(index)


def test_threads_share_one(plates, decoded_bytes):
    index = plates[STACKS]
    expected = read(reader_of(index, 0), index, range(48))
    decoded_bytes.clear()
    reader = reader_of(index, ENOUGH)
    together = threading.Barrier(4)

    def some_batches(seed: int) -> None:
        rng = np.random.default_rng(seed)
        together.wait(30)
        for _ in range(10):
            rows = rng.integers(0, 48, 7)
            np.testing.assert_array_equal(read(reader, index, rows), expected[rows])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some_batches, range(4)))
    read(reader, index, range(48))
    decoded_bytes.clear()
    read(reader, index, range(48))
    assert not decoded_bytes


def whole_batch(batch):
    return batch


@pytest.mark.parametrize(
    "start_method", ["fork", pytest.param("forkserver", marks=pytest.mark.slow)]
)
@needs_posix
def test_worker_processes_have_their_own(tmp_path, start_method):
    # A fork must not find that this process has read through tensorstore: planes alone are read.
    index = plate(tmp_path, STACKS)
    given_batches = {}
    for cache_pool_bytes in (0, ENOUGH, None):
        dataset = MultiExperimentTripletDataset(index, cache_pool_bytes=cache_pool_bytes, seed=3)
        if cache_pool_bytes:
            dataset[0]
        loader = DataLoader(
            dataset,
            batch_size=9,
            collate_fn=whole_batch,
            num_workers=2,
            multiprocessing_context=start_method,
        )
        given_batches[cache_pool_bytes] = [batch["positive"].numpy() for batch in loader]
    for cached in (given_batches[ENOUGH], given_batches[None]):
        for one, other in zip(given_batches[0], cached, strict=True):
            np.testing.assert_array_equal(one, other)


class TestPools:
    def test_readers_that_did_not_choose_share_them(self, plates):
        readers = [reader_of(plates[chunk], None) for chunk in (PLANES, STACKS)]
        for reader, index in zip(readers, (plates[PLANES], plates[STACKS]), strict=True):
            read(reader, index, [0])
        one, other = (reader._reader._cache for reader in readers)
        assert one is other
        assert CachePools.of(None).parts is one

    def test_readers_that_chose_have_their_own(self, plates):
        readers = [reader_of(plates[PLANES], 10**6) for _ in range(2)]
        for reader in readers:
            read(reader, plates[PLANES], [0])
        one, other = (reader._reader._cache for reader in readers)
        assert one is not other
        assert one.limit_bytes == other.limit_bytes == 10**6

    @pytest.mark.parametrize("limit", [0, 1, 1600])
    @pytest.mark.parametrize(
        ("in_parts", "others", "share"), [(0, 3, 1), (1, 3, 3 / 4), (5, 5, 1 / 2), (3, 0, 1 / 16)]
    )
    def test_parts_and_tensorstore_share_one_bound(self, limit, in_parts, others, share):
        pools = CachePools(limit)
        assert pools.parts.limit_bytes == limit
        for number in range(in_parts + others):
            pools.note(f"array {number}", in_parts=number < in_parts)
        assert self.bytes_of_tensorstore(pools) == int(share * limit)
        assert pools.parts.limit_bytes + int(share * limit) == limit
        assert pools.context() is pools.context()

    def test_the_shares_follow_what_is_read(self):
        pools = CachePools(1600)
        for number in range(8):
            pools.note(f"of tensorstore {number}", in_parts=False)
        first = pools.context()
        assert self.bytes_of_tensorstore(pools) == 1600
        pools.note("in parts", in_parts=True)
        assert pools.context() is first
        for number in range(7):
            pools.note(f"in parts {number}", in_parts=True)
        assert self.bytes_of_tensorstore(pools) == pools.parts.limit_bytes == 800

    def test_an_array_read_in_parts_stays_so_where_a_chunk_of_it_is_not(self):
        pools = CachePools(1600)
        pools.note("array", in_parts=True)
        pools.note("array", in_parts=False)
        assert self.bytes_of_tensorstore(pools) == 100

    @staticmethod
    def bytes_of_tensorstore(pools):
        return pools.context().spec.to_json()["cache_pool"].get("total_bytes_limit", 0)

    def test_both_ways_to_read_are_given_the_same(self):
        reader = STRATEGIES["blosc-blocks"]("fill", 1000)
        assert isinstance(reader, LocalChunkStrategy)
        assert isinstance(reader._otherwise, TensorStoreStrategy)
        assert reader._cache is reader._otherwise._pools.parts


def test_what_reading_frees_is_given_back_now_and_then(tmp_path, monkeypatch):
    index = plate(tmp_path, (1, 1, 2, SIZE, SIZE))
    given_back = []
    monkeypatch.setattr(patches, "give_back_freed_memory", lambda: given_back.append(True))
    reader = patch_reader(index)
    rows = np.arange(2)
    for _ in range(33):
        reader.read(index.observations.take(rows), index.fov_of_row[rows])
    assert len(given_back) == 2
