"""Every way to store blosc, zstd or plain chunks is read without tensorstore: its very pixels."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.errors import ChunkError
from lineage_triplets.engine.plates.zarr_json import array_form
from lineage_triplets.engine.reading import local as local_chunks
from lineage_triplets.engine.reading.codecs import CODECS
from lineage_triplets.engine.reading.local import LocalChunkStrategy
from storages import FOV, SIZES, index_of, storages
from stores import make_experiment, numbered_pixels, patch_reader, track_table


class Unasked:
    """A strategy that must not be needed."""

    missing: dict = {}  # noqa: RUF012

    def read(self, windows):
        raise AssertionError(f"{len(windows)} windows were left to tensorstore")


def read(index: MultiExperimentIndex, strategy: Any, **options: Any) -> np.ndarray:
    """All patches of an index, by a strategy or by one's name."""
    by_name = strategy if isinstance(strategy, str) else "auto"
    reader = patch_reader(index, read_strategy=by_name, **options)
    if by_name != strategy:
        reader._reader = strategy
    return reader.read(index.observations, index.fov_of_row)


@given(
    stored=st.lists(storages(), min_size=1, max_size=3),
    patch=st.tuples(st.integers(1, 40), st.integers(1, 48)),
    border=st.sampled_from(["clamp", "pad"]),
    worth_skipping=st.sampled_from([0, 64, 1 << 15]),
)
@settings(max_examples=60)
def test_the_same_pixels_as_tensorstore_without_it(
    tmp_path_factory, stored, patch, border, worth_skipping
):
    index = index_of(tmp_path_factory.mktemp("plates"), stored, patch, border=border)
    with pytest.MonkeyPatch.context() as monkeypatch:
        # Rows and slices as far from each other as in large chunks.
        monkeypatch.setattr(local_chunks, "WORTH_SKIPPING_BYTES", worth_skipping)
        ours = read(index, LocalChunkStrategy(Unasked(), 0), dtype="float64")
    np.testing.assert_array_equal(ours, read(index, "tensorstore", dtype="float64"))
    for number, one in enumerate(index.fovs):
        pixels = stored[number]["pixels"]
        expected = pixels[tuple(slice(None) if n > 1 else 0 for n in pixels.shape)]
        assert np.isin(ours[index.fov_of_row == one.experiment_number], [0, *expected.flat]).all()


@pytest.mark.parametrize("worth_skipping", [0, 1 << 15])
@pytest.mark.parametrize("n_z", [2, 3])
def test_several_slices_of_one_chunk(tmp_path, monkeypatch, n_z, worth_skipping):
    monkeypatch.setattr(local_chunks, "WORTH_SKIPPING_BYTES", worth_skipping)
    shape = tuple(SIZES.values())
    storage = {
        "pixels": numbered_pixels(shape),
        "chunks": (1, 1, 3, 40, 48),
        "channels": ["a", "b", "c"],
        "compressor": numcodecs.Blosc("zstd", 1, 2, 512),
    }
    index = index_of(tmp_path, [storage], (9, 11))
    sliced = MultiExperimentIndex(index.registry, slice(0, n_z), (9, 11))
    ours = read(sliced, LocalChunkStrategy(Unasked(), 0))
    np.testing.assert_array_equal(ours, read(sliced, "tensorstore"))
    assert ours.shape[2] == n_z


@pytest.mark.parametrize("shards", [None, (1, 1, 1, 40, 48)])
def test_a_file_is_opened_and_a_chunk_decoded_once_a_batch(tmp_path, monkeypatch, shards):
    storage = {
        "version": "0.5",
        "pixels": numbered_pixels((4, 3, 1, 40, 48)),
        "chunks": (1, 1, 1, 20, 24),
        "shards": shards,
        "channels": ["a", "b", "c"],
        "compressor": BloscCodec(cname="zstd", clevel=1, typesize=2, blocksize=256),
    }
    index = index_of(tmp_path, [storage], (16, 16))
    opened, decoded = Counter(), Counter()
    open_file, decode = os.open, CODECS["blosc"].decode_ranges

    def count_opened(path: str, *arguments: Any) -> int:
        opened[path] += 1
        return open_file(path, *arguments)

    def count_decoded(container: Any, *arguments: Any) -> Any:
        decoded[container.read(0, container.n_bytes)] += 1
        return decode(container, *arguments)

    monkeypatch.setattr(local_chunks.os, "open", count_opened)
    counting = CODECS["blosc"]._replace(decode_ranges=count_decoded)
    monkeypatch.setitem(CODECS, "blosc", counting)
    read(index, LocalChunkStrategy(Unasked(), 0))
    assert len(opened) == (4 * 3 if shards else len(decoded))
    assert len(decoded) > len(index.observations) > 4
    assert set(opened.values()) == set(decoded.values()) == {1}


SHARDED = {
    "version": "0.5",
    "pixels": numbered_pixels((2, 1, 1, 64, 64)) % 50 + 1,
    "channels": ["GFP"],
    "chunks": (1, 1, 1, 16, 16),
    "shards": (1, 1, 1, 64, 64),
    "compressor": BloscCodec(cname="zstd", clevel=1, typesize=2, blocksize=256),
}


class TestShards:
    """One chunk or the index of a shard is absent or damaged: tensorstore's verdict."""

    @pytest.fixture
    def shard(self, tmp_path) -> Path:
        self.experiment = make_experiment(
            tmp_path, "one", {FOV: track_table((1, range(2)), y=24.0, x=24.0)}, **SHARDED
        )
        return tmp_path / "one.zarr" / FOV / "0" / "c" / "0" / "0" / "0" / "0" / "0"

    def read(self, strategy: str, **options: Any) -> np.ndarray:
        index = MultiExperimentIndex(ExperimentRegistry([self.experiment]), 1, (16, 16))
        return read(index, strategy, **options)

    def entry(self, shard: Path, number: int) -> tuple[bytearray, np.ndarray]:
        content = bytearray(shard.read_bytes())
        index = np.frombuffer(content[-260:-4], "<u8").reshape(16, 2)
        return content, index[number]

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    def test_the_files_are_shards(self, shard, strategy):
        assert len(list(shard.parent.iterdir())) == 1
        expected = SHARDED["pixels"][:, :, :, 16:32, 16:32]
        np.testing.assert_array_equal(self.read(strategy), expected)

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    @pytest.mark.parametrize("place", [-1, -5, -100, -256])
    def test_a_damaged_index(self, shard, strategy, place):
        content = bytearray(shard.read_bytes())
        content[place] ^= 0xFF
        shard.write_bytes(content)
        with pytest.raises(ChunkError, match=r"one\.zarr/A/1/0.*damaged"):
            self.read(strategy)

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    @pytest.mark.parametrize(
        "entry", [(0, 2**63), (2**64 - 2, 100), (2**62, 10), (0, 0), (0, 2**64 - 1), (2**64 - 1, 9)]
    )
    def test_an_index_that_lies(self, shard, strategy, entry):
        content = bytearray(shard.read_bytes())
        content[-260 + 5 * 16 : -260 + 6 * 16] = np.array(entry, "<u8").tobytes()
        content[-4:] = google_crc32c.value(bytes(content[-260:-4])).to_bytes(4, "little")
        shard.write_bytes(content)
        with pytest.raises(ChunkError, match=r"one\.zarr/A/1/0.*damaged"):
            self.read(strategy)

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    @pytest.mark.parametrize("keep", [0, 100, 259])
    def test_an_index_cut_short(self, shard, strategy, keep):
        shard.write_bytes(shard.read_bytes()[-keep:] if keep else b"")
        with pytest.raises(ChunkError, match="damaged"):
            self.read(strategy)

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    def test_a_damaged_chunk_inside(self, shard, strategy):
        content, (start, n_bytes) = self.entry(shard, 5)
        content[start + 16 : start + n_bytes] = b"\xff" * (n_bytes - 16)
        shard.write_bytes(content)
        with pytest.raises(ChunkError, match="damaged"):
            self.read(strategy)

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    def test_damage_elsewhere_does_not_matter(self, shard, strategy):
        content, (start, n_bytes) = self.entry(shard, 9)
        content[start : start + n_bytes] = b"\xff" * n_bytes
        shard.write_bytes(content)
        expected = SHARDED["pixels"][:, :, :, 16:32, 16:32]
        np.testing.assert_array_equal(self.read(strategy), expected)

    @pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
    def test_a_chunk_that_was_never_written(self, tmp_path, strategy, caplog):
        pixels = SHARDED["pixels"].copy()
        pixels[0, 0, 0, 16:32, 16:32] = 0
        self.experiment = make_experiment(
            tmp_path, "two", {FOV: track_table((1, range(2)), y=24.0, x=24.0)},
            **{**SHARDED, "pixels": pixels, "write_empty_chunks": False},
        )  # fmt: skip
        expected = pixels[:, :, :, 16:32, 16:32]
        np.testing.assert_array_equal(self.read(strategy, missing_chunks="fill"), expected)
        assert "fill value" not in caplog.text
        np.testing.assert_array_equal(self.read(strategy), expected)
        assert caplog.text.count("Its pixels are the format's fill value.") == 1
        with pytest.raises(ChunkError, match="absent"):
            self.read(strategy, missing_chunks="error")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("codecs", [{"name": "bytes"}, {"name": "gzip", "configuration": {"level": 1}}]),
        ("storage_transformers", [{"name": "unknown"}]),
        ("data_type", "complex64"),
        (
            "chunk_grid",
            {"name": "rectangular", "configuration": {"chunk_shape": [1, 1, 1, 16, 16]}},
        ),
    ],
)
def test_what_is_not_known_is_no_layout(tmp_path, key, value):
    plain = {**SHARDED, "shards": None}
    make_experiment(tmp_path, "one", {FOV: track_table((1, range(2)))}, **plain)
    index = index_of(tmp_path, [plain], (8, 8))
    (source,) = index.fovs
    assert source.fov.form.storage is not None
    file = Path(source.fov.array_path) / "zarr.json"
    content = json.loads(file.read_text())
    assert math.prod(content["shape"]) == plain["pixels"].size
    file.write_text(json.dumps(content | {key: value}))
    assert array_form(source.fov.array_path).storage is None


@pytest.mark.parametrize("change", [-1, 1, -3000])
def test_a_plain_chunk_of_another_size(tmp_path, change):
    storage = {"pixels": numbered_pixels((2, 1, 1, 40, 48)), "compressor": None, "channels": ["a"]}
    table = track_table((1, range(2)), y=20.0, x=20.0)
    one = make_experiment(tmp_path, "one", {FOV: table}, **storage)
    index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (16, 16))
    assert index.fovs[0].fov.form.storage is not None
    file = tmp_path / "one.zarr" / FOV / "0" / "1" / "0" / "0" / "0" / "0"
    content = file.read_bytes()
    file.write_bytes(content[:change] if change < 0 else content + bytes(change))
    for strategy in ("blosc-blocks", "tensorstore"):
        with pytest.raises(ChunkError, match=r"one\.zarr/A/1/0.*frame 1 is damaged"):
            read(index, strategy)


@pytest.mark.parametrize(
    ("key", "value"),
    [("order", None), ("order", "c"), ("dimension_separator", None), ("dimension_separator", 3)],
)  # fmt: skip
def test_odd_metadata_are_tensorstores_to_judge(tmp_path, key, value):
    storage = {"pixels": numbered_pixels((2, 1, 1, 40, 48)), "channels": ["a"]}
    make_experiment(tmp_path, "one", {FOV: track_table((1, range(2)))}, **storage)
    (source,) = index_of(tmp_path, [storage], (8, 8)).fovs
    file = Path(source.fov.array_path) / ".zarray"
    content = json.loads(file.read_text())
    content["compressor"] = {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 1}
    file.write_text(json.dumps(content))
    assert array_form(source.fov.array_path).storage is not None
    file.write_text(json.dumps(content | {key: value}))
    assert array_form(source.fov.array_path).storage is None
