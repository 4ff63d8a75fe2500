"""Stores that change or break while they are read, reading threads that fail, and interrupts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numcodecs
import numpy as np
import pytest
import zarr

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.errors import ChunkError, StoreError
from lineage_triplets.engine.reading import local as local_chunks
from lineage_triplets.engine.reading import threads
from lineage_triplets.engine.reading.codecs import CODECS
from stores import make_experiment, numbered_pixels, patch_reader, track_table, write_plate
from systems import needs_linux, needs_posix

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.reading.patches import PatchReader

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
    return patch_reader(index, dtype="uint16", read_strategy=strategy, **options)


@pytest.mark.parametrize("strategy", STRATEGIES)
class TestChanged:
    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            (
                "shape",
                [3, 2, 1, 20, 48],
                r"shape has changed: \(3, 2, 1, 20, 48\) now, ",
            ),
            ("dtype", "<i2", "data type has changed: int16 now, uint16 when"),
            ("chunks", [1, 1, 1, 48, 40], "chunks has changed"),
            ("order", "F", "storage has changed"),
            ("dtype", ">u2", "storage has changed"),
            ("dimension_separator", ".", "storage has changed"),
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

    @pytest.mark.parametrize("zarr_format", [2, 3])
    def test_attributes_may_be_edited(self, tmp_path, strategy, zarr_format):
        """zarr-python writes all metadata again, in its own words."""
        made = make_experiment(
            tmp_path, "two", {FOV: track_table((1, range(3)), y=20.0, x=20.0)}, pixels=PIXELS,
            version="0.4" if zarr_format == 2 else "0.5",
        )  # fmt: skip
        path = tmp_path / "two.zarr" / FOV / "0"
        file = path / (".zarray" if zarr_format == 2 else "zarr.json")
        content = json.loads(file.read_text())
        if zarr_format == 3:
            codecs = [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "blocksize": 0,
                                                    "shuffle": "noshuffle"}},
            ]  # fmt: skip
            content |= {"chunk_key_encoding": {"name": "default"}, "codecs": codecs}
        else:
            content["compressor"] = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 0}
        file.write_text(json.dumps(content))
        array = zarr.open_array(path)
        array[...] = PIXELS
        index = MultiExperimentIndex(ExperimentRegistry([made]), 1, (16, 16))
        reader = reader_of(index, strategy)
        np.testing.assert_array_equal(read(reader, index), EXPECTED)
        before = file.read_text()
        if zarr_format == 3:
            array.attrs["note"] = "edited"
        else:
            content["compressor"]["blocksize"] = 0
            file.write_text(json.dumps(content))
        assert file.read_text() != before
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

    @pytest.mark.parametrize("target", ["nowhere", "/dev/null", "/dev/zero"])
    @needs_posix
    def test_a_link_to_no_file_is_an_absent_chunk(self, index, array, strategy, target):
        chunk = array / "1" / "0" / "0" / "0" / "0"
        chunk.unlink()
        chunk.symlink_to(target)
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


def before_it_is_read(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something when the first chunk is open and its size is known, but nothing is read."""
    todo = [do]

    class FileRange(local_chunks.FileRange):
        def __init__(self, *arguments: Any) -> None:
            if todo:
                todo.pop()()
            super().__init__(*arguments)

    monkeypatch.setattr(local_chunks, "FileRange", FileRange)
    monkeypatch.setattr(threads, "usable_cpus", lambda: 1)


class TestWhileItIsRead:
    """The first chunk that is read changes between its opening and its reading."""

    @pytest.fixture
    def chunk(self, array) -> Path:
        return array / "0" / "0" / "0" / "0" / "0"

    @pytest.mark.parametrize("cache_pool_bytes", [0, 10**6])
    def test_replaced_by_renaming(self, tmp_path, index, chunk, monkeypatch, cache_pool_bytes):
        other = tmp_path / "other"
        other.write_bytes((chunk.parents[4] / "1" / "0" / "0" / "0" / "0").read_bytes())
        for file in (chunk, other):
            os.utime(file, (1e9, 1e9))
        before_it_is_read(monkeypatch, lambda: other.rename(chunk))
        reader = reader_of(index, "blosc-blocks", cache_pool_bytes=cache_pool_bytes)
        np.testing.assert_array_equal(read(reader, index), EXPECTED)
        np.testing.assert_array_equal(read(reader, index)[0, 0], EXPECTED[1, 0])

    @pytest.mark.parametrize("cache_pool_bytes", [0, 10**6])
    def test_written_over(self, index, chunk, monkeypatch, cache_pool_bytes):
        other = (chunk.parents[4] / "1" / "0" / "0" / "0" / "0").read_bytes()
        os.utime(chunk, (1e9, 1e9))
        before_it_is_read(monkeypatch, lambda: chunk.write_bytes(other))
        reader = reader_of(index, "blosc-blocks", cache_pool_bytes=cache_pool_bytes)
        for _ in range(2):
            np.testing.assert_array_equal(read(reader, index)[0, 0], EXPECTED[1, 0])

    @pytest.mark.parametrize("keep", [0, 10, 100])
    def test_cut_short(self, index, chunk, monkeypatch, keep):
        content = chunk.read_bytes()
        before_it_is_read(monkeypatch, lambda: os.truncate(chunk, keep))
        reader = reader_of(index, "blosc-blocks")
        with pytest.raises(ChunkError, match=r"FOV A/1/0.*0/0/0/0/0.* is damaged"):
            read(reader, index)
        chunk.write_bytes(content)
        np.testing.assert_array_equal(read(reader, index), EXPECTED)

    def test_deleted(self, index, chunk, monkeypatch):
        before_it_is_read(monkeypatch, chunk.unlink)
        reader = reader_of(index, "blosc-blocks", missing_chunks="error")
        np.testing.assert_array_equal(read(reader, index), EXPECTED)
        with pytest.raises(ChunkError, match="absent"):
            read(reader, index)


@pytest.mark.parametrize("policy", ["warn", "error", "fill"])
@needs_posix
def test_a_pipe_where_a_chunk_should_be_is_not_waited_for(index, array, policy):
    chunk = array / "1" / "0" / "0" / "0" / "0"
    content = chunk.read_bytes()
    chunk.unlink()
    os.mkfifo(chunk)
    reader = reader_of(index, "blosc-blocks", missing_chunks=policy)
    with pytest.raises(ChunkError, match=r"'one', FOV A/1/0.*1/0/0/0/0 of frame 1 is a pipe"):
        read(reader, index)
    chunk.unlink()
    chunk.write_bytes(content)
    np.testing.assert_array_equal(read(reader, index), EXPECTED)


@pytest.mark.parametrize("strategy", [*STRATEGIES, "auto"])
@pytest.mark.parametrize("stored", [1e300, -1e300, np.nan, "signalling"])
def test_what_float32_cannot_hold_is_no_warning_and_no_error(tmp_path, strategy, stored):
    pixels = np.ones((2, 1, 1, 100, 100), dtype="float64")
    pixels[0] = np.array(0x7FF0000000000001).view("f8") if stored == "signalling" else stored
    table = track_table((1, range(2)))
    made = make_experiment(
        tmp_path, "one", {FOV: table}, pixels=pixels, channels=["GFP"], compressor=COMPRESSOR
    )
    index = MultiExperimentIndex(ExperimentRegistry([made]), 1, (8, 8))
    reader = patch_reader(index, dtype="float32", read_strategy=strategy)
    expected = np.nan if stored == "signalling" else stored * np.inf
    np.testing.assert_array_equal(np.unique(read(reader, index)[0]), [expected])


@pytest.mark.parametrize("strategy", STRATEGIES)
@needs_linux
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


TOO_MANY = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from test_reading_trouble import *
experiment = make_experiment(Path(sys.argv[2]), "one", {FOV: track_table((1, range(3)))},
                             pixels=PIXELS, compressor=COMPRESSOR)
index = MultiExperimentIndex(ExperimentRegistry([experiment]), 1, (16, 16))
reader = reader_of(index, sys.argv[3])
sound = read(reader, index)
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
try:
    read(reader, index)
except (ChunkError, StoreError) as error:
    print(error)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
assert (read(reader, index) == sound).all()
print("read on")
"""


@pytest.mark.parametrize("strategy", STRATEGIES)
@needs_posix
def test_too_many_open_files(tmp_path, strategy):
    said, *after = in_a_process(TOO_MANY, tmp_path, strategy).stdout.splitlines()
    assert "FOV A/1/0" in said
    assert "Too many open files" in said
    assert said.endswith("Close some, or raise the limit (ulimit -n).")
    assert after == ["read on"]


def replace_decoder(monkeypatch: pytest.MonkeyPatch, decode: Callable[..., Any]) -> None:
    monkeypatch.setitem(CODECS, "blosc", CODECS["blosc"]._replace(decode_ranges=decode))


@pytest.mark.parametrize("error", [MemoryError("no memory"), KeyError("a bug")])
def test_a_thread_that_fails_fails_its_batch_alone(index, monkeypatch, error):
    decode, failures = CODECS["blosc"].decode_ranges, [error]

    def fails_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return decode(*arguments)

    reader = reader_of(index, "blosc-blocks")
    replace_decoder(monkeypatch, fails_once)
    with pytest.raises(type(error)) as raised:
        read(reader, index)
    assert raised.value is error
    np.testing.assert_array_equal(read(reader, index), EXPECTED)


def test_an_interrupt_while_work_is_handed_out_leaves_the_rest(index, monkeypatch):
    decode, go_on, calls = CODECS["blosc"].decode_ranges, threading.Event(), []

    def waits(*arguments: Any) -> Any:
        calls.append(arguments)
        go_on.wait()
        return decode(*arguments)

    class InterruptedAtSecond(ThreadPoolExecutor):
        def submit(self, *arguments: Any) -> Any:
            if self._threads:
                raise KeyboardInterrupt
            return super().submit(*arguments)

    pool = InterruptedAtSecond(1)
    monkeypatch.setattr(threads, "_POOLS", [pool])
    monkeypatch.setattr(threads, "usable_cpus", lambda: 2)
    replace_decoder(monkeypatch, waits)
    with pytest.raises(KeyboardInterrupt):
        read(reader_of(index, "blosc-blocks"), index)
    go_on.set()
    pool.shutdown(wait=True)
    assert len(calls) <= 1


def in_a_process(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    here = Path(__file__).parent
    return subprocess.run(
        [sys.executable, "-c", script, here, *arguments],
        env={**os.environ, "PYTHONPATH": str(here.parents[1]), "SLURM_CPUS_PER_TASK": "2"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


INTERRUPTED = """
import atexit, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from test_reading_trouble import *
experiment = make_experiment(Path(sys.argv[2]), "one", {FOV: track_table((1, range(3)))},
                             pixels=PIXELS, compressor=COMPRESSOR)
index = MultiExperimentIndex(ExperimentRegistry([experiment]), 1, (16, 16))
reader = reader_of(index, "blosc-blocks")
sound = read(reader, index)
decode, go_on, came, calls = CODECS["blosc"].decode_ranges, threading.Event(), threading.Event(), []
def once(*_):
    if not came.is_set():
        came.set()
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, once)
def interrupts(*arguments):
    calls.append(arguments)
    # Python may miss a signal that comes as it begins to wait, as a hand's second Ctrl-C knows.
    while not came.is_set():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        came.wait(0.01)
    go_on.wait()
    return decode(*arguments)
CODECS["blosc"] = CODECS["blosc"]._replace(decode_ranges=interrupts)
"""
READS_ON = """
try:
    read(reader, index)
except KeyboardInterrupt:
    print("interrupted")
go_on.set()
assert (read(reader, index) == sound).all()
threads._POOLS[0].shutdown(wait=True)
# Two threads read six files: what they had not begun when they were interrupted is left.
assert len(calls) <= 2 + 6, calls
print("read on")
"""
ENDS = """
atexit.register(lambda: print("decoded", len(calls) <= 2))
try:
    read(reader, index)
finally:
    go_on.set()
"""


@needs_posix
def test_an_interrupt_in_the_middle_of_a_read(tmp_path):
    ended = in_a_process(INTERRUPTED + READS_ON, tmp_path)
    assert (ended.returncode, ended.stdout.split()) == (0, ["interrupted", "read", "on"]), ended


@needs_posix
def test_an_interrupt_that_ends_the_program(tmp_path):
    ended = in_a_process(INTERRUPTED + ENDS, tmp_path)
    assert ended.returncode == -signal.SIGINT, ended
    assert ended.stdout.split() == ["decoded", "True"]
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")
