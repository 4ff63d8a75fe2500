"""Stores that change or break while they are read, reading threads that fail, and interrupts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine import local_chunks
from lineage_triplets.engine.patches import PatchReader
from lineage_triplets.engine.problems import ChunkError, StoreError
from stores import make_experiment, numbered_pixels, track_table, write_plate

FOV = "A/1/0"
PIXELS = numbered_pixels((3, 2, 1, 40, 48)) % 300 + 1
EXPECTED = PIXELS[:, :, :, 12:28, 12:28]
COMPRESSOR = numcodecs.Blosc("zstd", 1, 2, 1024)
STRATEGIES = ["blosc-blocks", "tensorstore"]


@pytest.fixture
def experiment(tmp_path):
    table = track_table((1, range(3)), y=20.0, x=20.0)
    return make_experiment(tmp_path, "one", {FOV: table}, pixels=PIXELS, compressor=COMPRESSOR)


@pytest.fixture
def index(experiment):
    return MultiExperimentIndex(ExperimentRegistry([experiment]), 1, (16, 16))


@pytest.fixture
def array(tmp_path) -> Path:
    return tmp_path / "one.zarr" / FOV / "0"


def read(reader: PatchReader, index: MultiExperimentIndex) -> np.ndarray:
    return reader.read(index.observations, index.fov_of_row)


def reader_of(index: MultiExperimentIndex, strategy: str, **options: Any) -> PatchReader:
    return PatchReader(index.fovs, (16, 16), dtype="uint16", strategy=strategy, **options)


@pytest.mark.parametrize("strategy", STRATEGIES)
class TestChanged:
    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("shape", [3, 2, 1, 20, 48], r"shape is \(3, 2, 1, 20, 48\) now, and was \(3, 2, 1, 4"),
            ("dtype", "<i2", "data type is int16 now, and was uint16"),
            ("chunks", [1, 1, 1, 48, 40], "codecs is"),
            ("order", "F", "codecs is"),
        ],
    )
    def test_another_array_in_its_place(self, index, array, strategy, key, value, said):
        reader = reader_of(index, strategy)
        np.testing.assert_array_equal(read(reader, index), EXPECTED)
        file = array / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
        with pytest.raises(StoreError, match=rf"'one', FOV A/1/0.*{said}.*Build the index again"):
            read(reader, index)

    def test_metadata_written_again_as_they_were(self, index, array, strategy):
        reader = reader_of(index, strategy)
        read(reader, index)
        file = array / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()), indent=3))
        np.testing.assert_array_equal(read(reader, index), EXPECTED)

    def test_a_store_that_is_gone_has_no_empty_chunks(self, tmp_path, index, strategy):
        reader = reader_of(index, strategy)
        read(reader, index)
        (tmp_path / "one.zarr").rename(tmp_path / "elsewhere.zarr")
        with pytest.raises(StoreError, match=r"not there any more.*Connect the disk"):
            read(reader, index)
        (tmp_path / "elsewhere.zarr").rename(tmp_path / "one.zarr")
        np.testing.assert_array_equal(read(reader, index), EXPECTED)

    def test_a_chunk_lost_and_found(self, index, array, strategy):
        reader = reader_of(index, strategy, missing_chunks="error")
        read(reader, index)
        chunk = array / "1" / "0" / "0" / "0" / "0"
        content = chunk.read_bytes()
        chunk.unlink()
        with pytest.raises(ChunkError, match="absent"):
            read(reader, index)
        chunk.write_bytes(content[:40])
        with pytest.raises(ChunkError, match="damaged"):
            read(reader, index)
        chunk.write_bytes(content)
        np.testing.assert_array_equal(read(reader, index), EXPECTED)

    def test_a_folder_where_a_chunk_should_be_is_an_absent_chunk(self, index, array, strategy):
        chunk = array / "1" / "0" / "0" / "0" / "0"
        chunk.unlink()
        chunk.mkdir()
        with pytest.raises(ChunkError, match=r"FOV A/1/0.*1/0/0/0/0.* is absent"):
            read(reader_of(index, strategy, missing_chunks="error"), index)

    def test_chunks_replaced_by_renaming_are_old_or_new(self, tmp_path, index, array, strategy):
        later = tmp_path / "later.zarr"
        write_plate(later, [FOV], pixels={FOV: PIXELS + 1000}, compressor=COMPRESSOR)
        versions = [
            {file.relative_to(root): file.read_bytes() for file in root.glob("*/*/0/0/0")}
            for root in (array, later / FOV / "0")
        ]
        done = threading.Event()

        def replace() -> None:
            number = 0
            while not done.is_set():
                number += 1
                for file, content in versions[number % 2].items():
                    new = tmp_path / "new"
                    new.write_bytes(content)
                    new.rename(array / file)

        reader = reader_of(index, strategy, missing_chunks="error")
        writer = threading.Thread(target=replace)
        writer.start()
        try:
            for _ in range(50):
                patches = read(reader, index)
                for patch, before in zip(patches, EXPECTED, strict=True):
                    for plane, was in zip(patch, before, strict=True):
                        assert (plane == was).all() or (plane == was + 1000).all()
        finally:
            done.set()
            writer.join()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_file_stays_open_after_failures(index, array, strategy):
    reader = reader_of(index, strategy)
    read(reader, index)
    (array / "2" / "1" / "0" / "0" / "0").write_bytes(b"\2" * 30)

    def open_chunks() -> list[str]:
        links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
        targets = [os.readlink(one) for one in links if os.path.islink(one)]  # noqa: PTH114, PTH115
        return [one for one in targets if one.startswith(str(array))]

    for _ in range(20):
        with pytest.raises(ChunkError, match="damaged"):
            read(reader, index)
    # Tensorstore closes its file a moment after it gives the error.
    assert len(open_chunks()) <= 2


@pytest.mark.parametrize("error", [MemoryError("no memory"), KeyError("a bug")])
def test_a_thread_that_fails_fails_its_batch_alone(index, monkeypatch, error):
    decode, failures = local_chunks.decode_ranges, [error]

    def fails_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return decode(*arguments)

    reader = reader_of(index, "blosc-blocks")
    monkeypatch.setattr(local_chunks, "decode_ranges", fails_once)
    with pytest.raises(type(error)) as raised:
        read(reader, index)
    assert raised.value is error
    np.testing.assert_array_equal(read(reader, index), EXPECTED)


INTERRUPTED = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)
from test_reading_trouble import *
experiment = make_experiment(Path(sys.argv[2]), "one", {FOV: track_table((1, range(3)))},
                             pixels=PIXELS, compressor=COMPRESSOR)
index = MultiExperimentIndex(ExperimentRegistry([experiment]), 1, (16, 16))
reader = reader_of(index, "blosc-blocks")
sound = read(reader, index)
decode, go_on, calls = local_chunks.decode_ranges, threading.Event(), []
def interrupts(*arguments):
    calls.append(arguments)
    os.kill(os.getpid(), signal.SIGINT) if len(calls) == 1 else None
    go_on.wait()
    return decode(*arguments)
local_chunks.decode_ranges = interrupts
try:
    read(reader, index)
except KeyboardInterrupt:
    print("interrupted")
go_on.set()
assert (read(reader, index) == sound).all()
local_chunks._POOLS[0].shutdown(wait=True)
# Two threads read six files: what they had not begun when they were interrupted is left.
assert len(calls) <= 2 + 6, calls
print("read on")
"""


def test_an_interrupt_in_the_middle_of_a_read(tmp_path):
    here = Path(__file__).parent
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, here, tmp_path],
        env={**os.environ, "PYTHONPATH": str(here.parent), "SLURM_CPUS_PER_TASK": "2"},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert ended.stdout.split("\n")[:2] == ["interrupted", "read on"]
