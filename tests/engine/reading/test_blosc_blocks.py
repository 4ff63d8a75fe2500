"""The strategy that decodes touched blosc blocks: the same bytes as tensorstore, whatever comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numcodecs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numcodecs import blosc

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.errors import ChunkError
from lineage_triplets.engine.reading.blosc import FileRange, UnknownContainerError, decode_ranges
from lineage_triplets.engine.reading.local import LocalChunkStrategy
from stores import make_experiment, numbered_pixels, patch_reader, track_table
from systems import needs_posix

if TYPE_CHECKING:
    from collections.abc import Iterable

FOV = "A/1/0"
SMALL_BLOCKS = numcodecs.Blosc(cname="zstd", clevel=1, shuffle=2, blocksize=1024)


class Unasked:
    """A strategy that must not be needed."""

    missing: dict = {}  # noqa: RUF012

    def read(self, windows):
        raise AssertionError(f"{len(windows)} windows were left to tensorstore")


def decode(file: Path, n_bytes: int, ranges: list[tuple[int, int]], offset: int = 0) -> list:
    """Decode ranges of the container that fills a file from an offset on."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        container = FileRange(descriptor, offset, os.fstat(descriptor).st_size - offset)
        return decode_ranges(container, n_bytes, ranges)
    finally:
        os.close(descriptor)


def content_of(rng: np.random.Generator, n_bytes: int, how: str) -> np.ndarray:
    if how == "noise":
        return rng.integers(0, 256, n_bytes, dtype=np.uint8)
    if how == "zeros":
        return np.zeros(n_bytes, np.uint8)
    return rng.poisson(60, n_bytes).astype(np.uint8)


@given(
    n_bytes=st.integers(1, 40_000),
    how=st.sampled_from(["noise", "zeros", "poisson"]),
    codec=st.sampled_from(["zstd", "lz4", "lz4hc", "blosclz", "zlib"]),
    clevel=st.integers(0, 9),
    shuffle=st.sampled_from([0, 1, 2]),
    block_size=st.sampled_from([0, 64, 256, 1000, 4096, 32_768]),
    item_size=st.sampled_from([1, 2, 4, 8]),
    threads=st.booleans(),
    data=st.data(),
)
@settings(max_examples=100)
def test_touched_ranges_decode_to_what_was_written(
    tmp_path_factory, n_bytes, how, codec, clevel, shuffle, block_size, item_size, threads, data
):
    n_bytes = -(-n_bytes // item_size) * item_size
    content = content_of(np.random.default_rng(n_bytes), n_bytes, how)
    file = tmp_path_factory.mktemp("chunk") / "chunk"
    blosc.set_nthreads(4)
    blosc.use_threads = threads
    try:
        items = content.view(f"u{item_size}")
        file.write_bytes(blosc.compress(items, codec.encode(), clevel, shuffle, block_size))
    finally:
        blosc.use_threads = None
    starts = data.draw(st.lists(st.integers(0, n_bytes - 1), min_size=1, max_size=6))
    ranges = [(one, data.draw(st.integers(one + 1, n_bytes))) for one in starts]
    parts = decode(file, n_bytes, ranges)
    for part in parts:
        assert (part.content == content[part.start : part.end]).all()
    for start, end in ranges:
        assert any(part.start <= start < end <= part.end for part in parts)
    (whole,) = decode(file, n_bytes, [(0, n_bytes)])
    assert (whole.start, whole.end) == (0, n_bytes)


@pytest.mark.parametrize("without", [(), ("pread",)])
def test_only_touched_blocks_are_decoded(tmp_path, monkeypatch, without):
    for name in without:
        monkeypatch.delattr(os, name)
    content = np.random.default_rng(0).poisson(60, 64 * 1024).astype(np.uint8)
    container = bytearray(blosc.compress(content, b"zstd", 1, 0, 4096))
    starts = np.frombuffer(container[16 : 16 + 4 * 16], "<u4")
    container[starts[9] : starts[9] + 50] = b"\xff" * 50
    file = tmp_path / "chunk"
    file.write_bytes(container)
    parts = decode(file, len(content), [(60_000, 65_000), (0, 5000)])
    assert [(part.start, part.end) for part in parts] == [(0, 2 * 4096), (14 * 4096, 16 * 4096)]
    for part in parts:
        assert (part.content == content[part.start : part.end]).all()
    with pytest.raises((RuntimeError, UnknownContainerError)):
        decode(file, len(content), [(9 * 4096, 9 * 4096 + 1)])


@pytest.mark.parametrize("codec", [b"zstd", b"lz4", b"blosclz", b"zlib"])
def test_a_short_last_block_alone(tmp_path, codec):
    """Blosc refuses a container whose only block is shorter than its blocks should be."""
    content = np.random.default_rng(0).poisson(60, 5 * 1024 + 300).astype(np.uint8)
    file = tmp_path / "chunk"
    file.write_bytes(blosc.compress(content, codec, 1, 1, 1024))
    (part,) = decode(file, len(content), [(len(content) - 1, len(content))])
    assert part.end == len(content)
    assert (part.content == content[part.start :]).all()


@pytest.mark.parametrize("keep", [0, 3, 15, 16, 40, 200])
def test_a_container_cut_short_is_refused(tmp_path, keep):
    content = np.arange(20_000, dtype="<u2").view(np.uint8)
    file = tmp_path / "chunk"
    file.write_bytes(blosc.compress(content, b"lz4", 5, 1, 2048)[:keep])
    with pytest.raises(UnknownContainerError):
        decode(file, len(content), [(0, 100)])


def patches(experiment, strategy: str, *, patch=(16, 20), z_range=1, border="clamp", **options):
    """All patches of an experiment, read by one strategy."""
    registry = ExperimentRegistry([experiment])
    index = MultiExperimentIndex(registry, z_range, patch, border=border)
    reader = patch_reader(index, read_strategy=strategy, **options)
    return reader.read(index.observations, index.fov_of_row), index


def test_large_blosc_chunks_are_read_without_tensorstore(tmp_path):
    pixels = numbered_pixels((3, 2, 1, 512, 512))
    table = track_table((1, range(3)), y=200.0, x=300.0)
    one = make_experiment(tmp_path, "one", {FOV: table}, pixels=pixels, compressor=SMALL_BLOCKS)
    index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (64, 64))
    reader = patch_reader(index, dtype="uint16")
    reader._reader = LocalChunkStrategy(Unasked())
    read = reader.read(index.observations, index.fov_of_row)
    np.testing.assert_array_equal(read, pixels[:, :, :, 168:232, 268:332])


def test_other_codecs_are_left_to_tensorstore(tmp_path):
    pixels = numbered_pixels((3, 2, 1, 40, 48))
    one = make_experiment(
        tmp_path, "one", {FOV: track_table((1, range(3)))}, pixels=pixels,
        compressor=numcodecs.GZip(1),
    )  # fmt: skip
    read, index = patches(one, "blosc-blocks")
    assert index.fovs[0].fov.form.storage is None
    np.testing.assert_array_equal(read, pixels[:, :, :, 12:28, 10:30])


def chunk_files(root: Path) -> list[Path]:
    array = root / "one.zarr" / FOV / "0"
    return sorted(one for one in array.rglob("*") if one.is_file() and not one.name.startswith("."))


@pytest.fixture
def blosc_experiment(tmp_path):
    pixels = numbered_pixels((3, 2, 1, 40, 48))
    return make_experiment(
        tmp_path, "one", {FOV: track_table((1, range(3)))}, pixels=pixels, compressor=SMALL_BLOCKS
    )


@pytest.mark.parametrize("strategy", ["blosc-blocks", "tensorstore"])
class TestAbsentAndDamaged:
    def test_an_absent_chunk(self, tmp_path, blosc_experiment, strategy, caplog):
        chunk_files(tmp_path)[0].unlink()
        with pytest.raises(ChunkError, match="absent"):
            patches(blosc_experiment, strategy, missing_chunks="error")
        read, _ = patches(blosc_experiment, strategy, missing_chunks="fill")
        assert not read[0, 0].any()
        assert read[0, 1].all()
        assert "Its pixels are" not in caplog.text
        warned, _ = patches(blosc_experiment, strategy, missing_chunks="warn")
        assert caplog.text.count("Its pixels are the format") == 1
        np.testing.assert_array_equal(warned, read)

    @pytest.mark.parametrize("keep", [0, 10, 16, 100])
    def test_a_chunk_cut_short(self, tmp_path, blosc_experiment, strategy, keep):
        os.truncate(chunk_files(tmp_path)[2], keep)
        with pytest.raises(ChunkError, match=r"one\.zarr/A/1/0.*damaged"):
            patches(blosc_experiment, strategy)

    def test_a_chunk_of_another_size(self, tmp_path, blosc_experiment, strategy):
        chunk_files(tmp_path)[1].write_bytes(blosc.compress(b"\1" * 100, b"zstd", 1, 0))
        with pytest.raises(ChunkError, match="damaged"):
            patches(blosc_experiment, strategy)


@pytest.fixture(scope="module")
def one_chunk(tmp_path_factory):
    """An index, its one chunk's file, and what is in it: 4 blocks, the last one short."""
    root = tmp_path_factory.mktemp("plate")
    pixels = numbered_pixels((1, 1, 1, 40, 48)) % 300 + 1
    table = track_table((1, [0]), (2, [0]), y=5.0)
    table.loc[1, "y"] = 33.0
    one = make_experiment(
        root, "one", {FOV: table}, pixels=pixels, channels=["GFP"],
        compressor=numcodecs.Blosc("zstd", 1, 2, 1024),
    )  # fmt: skip
    (file,) = chunk_files(root)
    return MultiExperimentIndex(ExperimentRegistry([one]), 1, (4, 6)), file, file.read_bytes()


HEADER_FIELDS = {"version": 0, "codec version": 1, "flags": 2, "item size": 3, "bytes": 4,
                 "block size": 8, "container": 12}  # fmt: skip
mutations = st.one_of(
    st.tuples(
        st.just("header"), st.sampled_from(sorted(HEADER_FIELDS)),
        st.one_of(st.integers(0, 255), st.sampled_from([1024, 3840, 4096, 2**31, 2**32 - 1])),
    ),
    st.tuples(
        st.just("table"), st.integers(0, 3),
        st.one_of(st.integers(-40, 40), st.sampled_from([-(2**31), 2**31, 2**32 - 1])),
    ),
    st.tuples(st.just("swap"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("byte"), st.integers(0, 10_000), st.integers(0, 255)),
    st.tuples(st.just("cut"), st.integers(0, 3000), st.none()),
    st.tuples(st.just("append"), st.integers(1, 40), st.none()),
)  # fmt: skip


def mutated(content: bytes, changes: list[tuple]) -> bytes:
    """Change a container as it is told: fields of its header, its table, bytes, its length."""
    found = bytearray(content)
    for what, where, value in changes:
        if len(found) < 36:
            break
        if what == "header":
            place = HEADER_FIELDS[where]
            size = 1 if place < 4 else 4
            found[place : place + size] = (value % 256**size).to_bytes(size, "little")
        elif what == "table":
            place = 16 + 4 * where
            start = int.from_bytes(found[place : place + 4], "little")
            found[place : place + 4] = ((start + value) % 2**32).to_bytes(4, "little")
        elif what == "swap":
            one, other = (slice(16 + 4 * number, 20 + 4 * number) for number in (where, value))
            found[one], found[other] = found[other], found[one]
        elif what == "byte":
            found[where % len(found)] = value
        elif what == "cut":
            del found[where:]
        else:
            found += bytes(where)
    return bytes(found)


def verdict_of(index: MultiExperimentIndex, strategy: str, rows: list[int]) -> np.ndarray | str:
    """Patches of some rows, or the words of the error."""
    reader = patch_reader(index, read_strategy=strategy)
    chosen = np.array(rows)
    try:
        return reader.read(index.observations.take(chosen), index.fov_of_row[chosen])
    except ChunkError as error:
        return str(error)


@given(
    changes=st.lists(mutations, min_size=1, max_size=3),
    rows=st.sampled_from([[0], [1], [0, 1]]),
)
@example(changes=[("header", "flags", 0x96)], rows=[0])
@example(changes=[("swap", 0, 2)], rows=[0, 1])
@example(changes=[("header", "block size", 2**32 - 1)], rows=[1])
@settings(max_examples=300)
def test_mutated_chunks_never_give_other_pixels_than_tensorstore(one_chunk, changes, rows):
    index, file, content = one_chunk

    def verdict(strategy: str, some: Iterable[tuple]) -> np.ndarray | str:
        file.write_bytes(mutated(content, list(some)))
        return verdict_of(index, strategy, rows)

    ours, theirs = verdict("blosc-blocks", changes), verdict("tensorstore", changes)
    if isinstance(ours, str):
        assert ours == theirs
        assert re.search(r"one\.zarr/A/1/0.*frame 0 is damaged", ours)
    elif isinstance(theirs, str):
        # Damage that tensorstore refuses may be in a block that no patch touches.
        fewer = [some for n in range(len(changes)) for some in combinations(changes, n)]
        assert any(np.array_equal(ours, verdict("tensorstore", some)) for some in fewer)
    else:
        np.testing.assert_array_equal(ours, theirs)


@needs_posix
def test_a_fork_after_reading_reads_on(tmp_path):
    script = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from stores import make_experiment, numbered_pixels, track_table
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine import PairSource
import numcodecs
pixels = numbered_pixels((3, 2, 1, 512, 512))
one = make_experiment(Path(sys.argv[1]), "one", {"A/1/0": track_table((1, range(3)))},
                      pixels=pixels, compressor=numcodecs.Blosc("zstd", 1, 2))
source = PairSource(MultiExperimentIndex(ExperimentRegistry([one]), 1, (32, 32)))
rows = source.index.anchor_rows
before = source.read(rows)
if os.fork() == 0:
    os._exit(0 if (source.read(rows) == before).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    tests = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, tmp_path, tests], check=True, timeout=120)
