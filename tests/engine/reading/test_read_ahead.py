"""Patches of batches that were told in advance: the same pixels, each chunk decoded for many."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.errors import ChunkError
from lineage_triplets.engine.reading.ahead import ReadAhead
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy
from stores import make_experiment, numbered_pixels, patch_reader, track_table

FOVS = ("A/1/0", "A/1/1")
FRAMES, CELLS, SIZE, PATCH = 3, 24, 96, (20, 25)
N_ROWS = len(FOVS) * FRAMES * CELLS
PATCH_BYTES = 2 * 20 * 25 * 2
FRAME_BYTES = 2 * SIZE * SIZE * 2
ENOUGH = 10**7
BLOSC, ZSTD = numcodecs.Blosc("zstd", 1, 2, 2048), numcodecs.Zstd(1)
# Chunks, compressor, slices of the image and of a patch.
STORES = {
    "planes": ((1, 1, 1, SIZE, SIZE), BLOSC, 1, 1),
    "tiles": ((1, 1, 1, 48, 64), BLOSC, 1, 1),
    "frames together": ((2, 1, 1, 48, SIZE), ZSTD, 1, 1),
    "slices": ((1, 1, 2, SIZE, SIZE), BLOSC, 3, 2),
}


def index_of(folder, chunks, compressor, n_z, depth):
    tables = {}
    for number, fov in enumerate(FOVS):
        rng = np.random.default_rng(number)
        table = track_table(*((cell, range(FRAMES)) for cell in range(1, CELLS + 1)))
        table["z"] = rng.uniform(0, n_z - 1, len(table))
        table["y"], table["x"] = rng.uniform(0, SIZE, (2, len(table)))
        tables[fov] = table
    shape = (FRAMES, 3, n_z, SIZE, SIZE)
    pixels = {fov: numbered_pixels(shape, seed=number) for number, fov in enumerate(FOVS)}
    one = make_experiment(
        folder, "one", tables, pixels=pixels, channels=("Phase", "GFP", "mCherry"),
        source_channel=("mCherry", "Phase"), chunks=chunks, compressor=compressor,
    )  # fmt: skip
    return MultiExperimentIndex(ExperimentRegistry([one]), depth, PATCH)


@pytest.fixture(scope="module")
def indices(tmp_path_factory):
    made = {
        name: index_of(tmp_path_factory.mktemp("store"), *store) for name, store in STORES.items()
    }
    made["padded"] = MultiExperimentIndex(made["tiles"].registry, 1, PATCH, border="pad")
    return made


def rows_of(index, rows):
    rows = np.asarray(rows, dtype=np.int64)
    return index.observations.take(rows), index.fov_of_row[rows]


def told(index, batches, memory_bytes=ENOUGH, near=False, **options):
    """Tell some batches to a reader that looks ahead; near ones all at once before."""
    reader = patch_reader(index, **options)
    ahead = ReadAhead(reader, memory_bytes, max(map(len, batches)))
    if near:
        rows, fov = rows_of(index, np.concatenate(batches))
        turns = np.repeat(np.arange(len(batches)), [len(batch) for batch in batches])
        ahead.keep_frames(fov, rows.t, turns, 1)
    for number, rows in enumerate(batches):
        ahead.expect(number, *rows_of(index, rows))
    return reader, ahead


@pytest.fixture
def windows_read(monkeypatch):
    """How many windows each call reads: all by tensorstore, since chunks are small."""
    counts = []
    read = TensorStoreStrategy.read

    def counted(self, windows):
        counts.append(len(windows))
        read(self, windows)

    monkeypatch.setattr(TensorStoreStrategy, "read", counted)
    return counts


@given(
    name=st.sampled_from([*STORES, "padded"]),
    memory_bytes=st.sampled_from([0, 9 * PATCH_BYTES, 3 * FRAME_BYTES, 12 * FRAME_BYTES, ENOUGH]),
    dtype=st.sampled_from(["uint16", "float32"]),
    near=st.booleans(),
    batches=st.lists(
        st.lists(st.integers(0, N_ROWS - 1), min_size=1, max_size=60), min_size=1, max_size=6
    ),
)
@settings(max_examples=40, deadline=None)
def test_the_same_pixels_as_batch_by_batch(indices, name, memory_bytes, dtype, near, batches):
    index = indices[name]
    plain, ahead = told(index, batches, memory_bytes, near, dtype=dtype)
    for number, rows in enumerate(batches):
        found = ahead.read(number)
        np.testing.assert_array_equal(found, plain.read(*rows_of(index, rows)))
        assert ahead.n_bytes <= memory_bytes
    assert ahead.n_bytes == 0


def rows_in(index, t, fov=0):
    return np.flatnonzero((index.observations.t == t) & (index.fov_of_row == fov)).tolist()


@pytest.mark.parametrize("name", ["planes", "frames together"])
def test_each_frame_is_decoded_once(indices, windows_read, name):
    index = indices[name]
    batches = np.random.default_rng(0).permutation(N_ROWS).reshape(-1, 8).tolist()
    _, ahead = told(index, batches, near=True)
    for number in range(len(batches)):
        ahead.read(number)
    assert sum(windows_read) == len(FOVS) * FRAMES


def test_few_patches_are_kept_and_of_many_the_frame(indices, windows_read):
    index = indices["planes"]
    for n_patches, kept_bytes in ((5, 4 * PATCH_BYTES), (CELLS, FRAME_BYTES)):
        batches = [[row] for row in rows_in(index, 0)[:n_patches]]
        _, ahead = told(index, batches, near=True)
        ahead.read(0)
        assert ahead.n_bytes == kept_bytes
        windows_read.clear()
        for number in range(1, n_patches):
            ahead.read(number)
        assert not windows_read
        assert ahead.n_bytes == 0


def test_not_all_frames_run_out_at_once(indices, windows_read):
    index = indices["planes"]
    batches = [[frame[number] for t in range(FRAMES) for fov in range(2)
                for frame in [rows_in(index, t, fov)]] for number in range(12)]  # fmt: skip
    # Six batches more than a unit while it is decoded, and two batches that are made.
    memory_bytes = 2 * FRAME_BYTES + 10 * len(batches[0]) * PATCH_BYTES
    _, ahead = told(index, batches, memory_bytes)
    assert 1 < ahead.n_batches < len(batches)
    windows = []
    for number in range(len(batches)):
        windows_read.clear()
        ahead.read(number)
        windows.append(sum(windows_read))
    assert np.count_nonzero(windows[1:]) > 3


def test_batches_that_do_not_come_are_left_out(indices):
    index = indices["tiles"]
    batches = np.random.default_rng(1).permutation(N_ROWS).reshape(-1, 12).tolist()
    plain, ahead = told(index, batches)
    for number in (0, 1, 5, len(batches) - 1):
        expected = plain.read(*rows_of(index, batches[number]))
        np.testing.assert_array_equal(ahead.read(number), expected)
    assert ahead.n_bytes == 0


@pytest.mark.parametrize("missing_chunks", ["warn", "fill", "error"])
def test_an_absent_chunk_is_that_of_its_own_batches(tmp_path, missing_chunks):
    index = index_of(tmp_path, *STORES["planes"])
    lost, others = rows_in(index, 1), rows_in(index, 2)
    (tmp_path / "one.zarr" / FOVS[0] / "0" / "1/2/0/0/0").unlink()
    batches = [[other, row] for other, row in zip(others, lost, strict=True)]
    batches += [[other] for other in others]
    plain, ahead = told(index, batches, missing_chunks=missing_chunks)
    exact = patch_reader(index, missing_chunks=missing_chunks)
    for number, rows in enumerate(batches):
        if missing_chunks == "error" and len(rows) > 1:
            with pytest.raises(ChunkError, match=FOVS[0]):
                ahead.read(number)
            continue
        expected = exact.read(*rows_of(index, rows))
        np.testing.assert_array_equal(ahead.read(number), expected)
    assert plain.missing == exact.missing


def test_the_memory_is_lent_to_one_at_a_time(indices):
    index = indices["planes"]
    batches = [[row] for row in rows_in(index, 0)]
    reader, ahead = told(index, batches, cache_pool_bytes=ENOUGH)
    assert reader.pools.parts.limit_bytes == ENOUGH
    ahead.read(0)
    assert ahead.n_bytes > 0
    assert reader.pools.parts.limit_bytes == 0

    other = ReadAhead(reader, ENOUGH, 1)
    for number, rows in enumerate(batches):
        other.expect(number, *rows_of(index, rows))
    expected = other.read(1)
    assert ahead.n_bytes == 0
    np.testing.assert_array_equal(ahead.read(1), expected)

    ahead.close()
    assert reader.pools.parts.limit_bytes == ENOUGH
