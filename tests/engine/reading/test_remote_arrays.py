"""Chunks behind URLs: their very pixels, no more than their array says, or whose fault it is."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import google_crc32c
import numcodecs
import numpy as np
import pytest
import tensorstore as ts
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ShardingCodec, ZstdCodec

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.errors import ChunkError, Problem, StoreError
from lineage_triplets.engine.plates import requests
from lineage_triplets.engine.reading import remote_arrays
from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy, open_array
from programs import run
from servers import FolderServer, few_retries
from storages import index_of, storages
from stores import make_experiment, numbered_pixels, patch_reader, track_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (2, 1, 1, 64, 64)
PIXELS = numbered_pixels(SHAPE) % 50 + 1
PLANES = {"version": "0.4", "compressor": numcodecs.Blosc("zstd", 1, 2)}
SHARDS = {
    "version": "0.5",
    "chunks": (1, 1, 1, 16, 16),
    "shards": (1, 1, 1, 64, 64),
    "compressor": BloscCodec(cname="zstd", clevel=1, typesize=2),
}


@pytest.fixture(autouse=True)
def _settings(monkeypatch) -> None:
    few_retries(monkeypatch)


@pytest.fixture
def web(tmp_path) -> Iterator[FolderServer]:
    with FolderServer(tmp_path) as server:
        yield server


@pytest.fixture(params=["web", "bucket"])
def served(request, web, monkeypatch) -> FolderServer:
    """A server that is asked as a web server, and as one of buckets."""
    if request.param == "bucket":
        web.serve_bucket(monkeypatch)
    return web


class Served:
    """An image on a server, and its patches: one of 16 x 16 around (24, 24) of each frame."""

    def __init__(self, server: FolderServer, **storage: Any) -> None:
        self.server = server
        table = track_table((1, range(2)), y=24.0, x=24.0)
        self.here = make_experiment(
            server.root, "one", {"A/1/0": table}, pixels=PIXELS, channels=["GFP"], **storage
        )

    def index(self, query: str = "") -> MultiExperimentIndex:
        there = {"data_path": f"{self.server.address}/one.zarr{query}"}
        registry = ExperimentRegistry([self.here.model_copy(update=there)])
        return MultiExperimentIndex(registry, 1, (16, 16))

    def read(self, query: str = "", **options: Any) -> np.ndarray:
        reader, rows = self.reader(query, **options)
        return reader.read(*rows)

    def reader(self, query: str = "", **options: Any) -> tuple[Any, tuple[Any, Any]]:
        index = self.index(query)
        return patch_reader(index, **options), (index.observations, index.fov_of_row)

    def fault(self, **options: Any) -> Problem:
        with pytest.raises((ChunkError, StoreError)) as caught:
            self.read(**options)
        (problem,) = caught.value.problems
        assert problem.fov == "A/1/0"
        return problem

    def is_right(self, **options: Any) -> bool:
        return np.array_equal(self.read(**options), PIXELS[:, :, :, 16:32, 16:32])


@given(
    stored=st.lists(storages(), min_size=1, max_size=2),
    patch=st.tuples(st.integers(1, 40), st.integers(1, 48)),
    in_bucket=st.booleans(),
)
@settings(max_examples=25)
def test_the_same_pixels_as_on_disk(tmp_path_factory, stored, patch, in_bucket):
    root = tmp_path_factory.mktemp("plates")
    here = index_of(root, stored, patch)
    with FolderServer(root) as server, pytest.MonkeyPatch.context() as monkeypatch:
        if in_bucket:
            server.serve_bucket(monkeypatch)
        experiments = [
            one.model_copy(update={"data_path": one.data_path.replace(str(root), server.address)})
            for one in here.registry.experiments
        ]
        there = MultiExperimentIndex(ExperimentRegistry(experiments), 1, patch)
        found, expected = (
            patch_reader(index, dtype="float64").read(index.observations, index.fov_of_row)
            for index in (there, here)
        )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "storage",
    [
        {"version": "0.4", "compressor": numcodecs.GZip(1)},
        {"version": "0.4", "compressor": numcodecs.Zlib(1)},
        {"version": "0.4", "compressor": numcodecs.BZ2(1)},
        {"version": "0.5", "compressor": GzipCodec(level=1)},
        {**SHARDS, "compressor": GzipCodec(level=1)},
    ],
    ids=["v2 gzip", "v2 zlib", "v2 bz2", "v3 gzip", "shards of gzip"],
)
def test_codecs_that_tensorstore_alone_decodes(web, storage):
    assert Served(web, **storage).is_right()


def with_codecs(image: Path, codecs: list[Any], shape: tuple[int, ...]) -> None:
    """Write an image anew, by tensorstore, with other codecs."""
    described = json.loads((image / "zarr.json").read_text())
    described["codecs"] = [
        codec if isinstance(codec, dict) else codec.to_dict() for codec in codecs
    ]
    described["chunk_grid"]["configuration"]["chunk_shape"] = list(shape)
    (image / "zarr.json").write_text(json.dumps(described))
    kvstore = {"driver": "file", "path": f"{image}/"}
    array = ts.open({"driver": "zarr3", "kvstore": kvstore}, open=True).result()
    array.write(PIXELS).result()


BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
INNER = ShardingCodec(chunk_shape=(1, 1, 1, 8, 8), codecs=[BYTES, ZstdCodec(level=1)])


@pytest.mark.parametrize(
    ("codecs", "shape"),
    [
        ([BYTES, Crc32cCodec()], (1, 1, 1, 32, 32)),
        ([ShardingCodec(chunk_shape=(1, 1, 1, 16, 16), codecs=[INNER])], (1, 1, 1, 64, 64)),
    ],
    ids=["checksums", "shards in shards"],
)
def test_codecs_of_zarr_v3(web, codecs, shape):
    plate = Served(web, version="0.5")
    with_codecs(web.root / "one.zarr/A/1/0/0", codecs, shape)
    assert plate.is_right()


class TestBounds:
    def test_a_chunk_without_end_is_left(self, web):
        plate = Served(web, **PLANES)
        web.go_on(r"/0/1/0/0/0/0$")
        problem = plate.fault()
        assert problem.kind == "damaged-chunk"
        assert f"{web.url}/one.zarr/A/1/0/0/1/0/0/0/0 of frame 1" in problem.message
        # 64 x 64 pixels of 2 bytes, an eighth of them, and 64 KiB.
        assert "more than 74,752 bytes came" in problem.message
        web.left.wait(10)
        assert web.left.is_set()

    @pytest.mark.parametrize("n_bytes", [100_000, 10**8, 10**15])
    def test_a_chunk_that_is_too_long_is_left(self, served, n_bytes):
        """What is on its way to a server's client counts too."""
        plate = Served(served, **PLANES)
        served.lengthen(r"/0/1/0/0/0/0$", n_bytes)
        problem = plate.fault()
        assert problem.kind == "damaged-chunk"
        assert f"{served.address}/one.zarr/A/1/0/0/1/0/0/0/0 of frame 1" in problem.message
        assert "more than 74,752 bytes came" in problem.message
        assert served.n_sent_bytes < 10**7

    def test_an_object_that_says_it_is_short_and_is_not(self, web, monkeypatch):
        """It is taken, and told; as what is unpacked on its way."""
        web.serve_bucket(monkeypatch)
        plate = Served(web, **PLANES)
        web.lengthen(r"/0/1/0/0/0/0$", 100_000, hides=True)
        assert "more than 74,752 bytes came" in plate.fault().message

    def test_an_array_whose_metadata_are_too_long(self, served):
        plate = Served(served, **PLANES)
        reader, rows = plate.reader()
        served.lengthen(r"/0/\.zarray$", 10**8)
        with pytest.raises(StoreError, match="more than 16,000,000 bytes came"):
            reader.read(*rows)
        assert served.n_sent_bytes < 10**7

    def test_a_length_that_is_announced_is_believed(self, served):
        plate = Served(served, **PLANES)
        served.cut(r"/0/1/0/0/0/0$", lies=True)
        assert plate.fault().kind == "unreachable"
        served.give(r"/0/0/0/0/0/0$", bytes(200_000))
        assert "more than 74,752 bytes came" in plate.fault().message

    def test_what_cannot_be_compressed_is_taken(self, web):
        noise = np.random.default_rng(0).integers(0, 2**16, SHAPE, dtype="uint16")
        plate = Served(web, compressor=numcodecs.BZ2(9), chunks=(2, 1, 1, 64, 64))
        kvstore = {"driver": "file", "path": f"{web.root}/one.zarr/A/1/0/0/"}
        array = ts.open({"driver": "zarr", "kvstore": kvstore}, open=True).result()
        array.write(noise).result()
        np.testing.assert_array_equal(plate.read(), noise[:, :, :, 16:32, 16:32])

    def test_an_index_that_lies_about_lengths(self, served):
        plate = Served(served, **SHARDS)
        shard = served.root / "one.zarr/A/1/0/0/c/1/0/0/0/0"
        content = bytearray(shard.read_bytes())
        entries = np.frombuffer(content[-260:-4], "<u8").reshape(16, 2).copy()
        entries[5, 1] = 10**9
        served.give(r"/c/1/0/0/0/0$", bytes(content[:-260]) + _index_of(entries))
        assert "says that a chunk has 1,000,000,000 bytes" in plate.fault().message

    def test_bodies_on_their_way_have_a_bound_together(self, served, monkeypatch):
        """As if the memory held one of them alone: they come one after another."""
        plate = Served(served, **PLANES)
        monkeypatch.setattr(remote_arrays, "_ROOM", remote_arrays._Room(1))
        served.together(r"/0/[01]/0/0/0/0$", 2, seconds=0.5)
        assert plate.fault().kind == "unreachable"

    def test_and_come_side_by_side_where_there_is_room(self, served):
        plate = Served(served, **PLANES)
        served.together(r"/0/[01]/0/0/0/0$", 2)
        assert plate.is_right()


def _index_of(entries: np.ndarray) -> bytes:
    content = entries.tobytes()
    return content + google_crc32c.value(content).to_bytes(4, "little")


class TestShards:
    def test_only_what_is_wanted_is_asked_for(self, served):
        """The index once, and one chunk of sixteen, of each of two frames."""
        plate = Served(served, **SHARDS)
        assert plate.is_right()
        assert served.count(r"/c/\d/0/0/0/0$") == 4

    def test_an_index_is_asked_for_once(self, served):
        plate = Served(served, **{**SHARDS, "chunks": (1, 1, 1, 8, 8)})
        assert plate.is_right()
        assert served.count(r"/c/\d/0/0/0/0$") == 2 * (1 + 4)

    def test_a_server_that_gives_no_parts_is_told(self, served):
        plate = Served(served, **SHARDS)
        served.ignore_ranges(r"/c/1/")
        assert "whole files where parts are asked for" in plate.fault().message

    def test_another_part_than_was_asked_for_is_told(self, served):
        plate = Served(served, **{**SHARDS, "index_location": "start"})
        served.shift_ranges(r"/c/1/")
        told = {"http": "another part than was asked for", "s3": "is shorter than its index"}
        assert told[served.address.partition(":")[0]] in plate.fault().message

    def test_a_shard_that_was_never_written(self, served):
        plate = Served(served, **SHARDS)
        served.refuse(r"/c/1/", 404)
        assert plate.fault(missing_chunks="error").kind == "missing-chunk"
        found = plate.read(missing_chunks="fill")
        assert found[0].all()
        assert not found[1].any()

    @pytest.mark.parametrize(
        "entry", [(0, 2**63), (2**64 - 2, 100), (2**62, 10), (0, 0), (0, 2**64 - 1)]
    )
    def test_an_index_that_lies(self, served, entry):
        plate = Served(served, **SHARDS)
        content = (served.root / "one.zarr/A/1/0/0/c/1/0/0/0/0").read_bytes()
        entries = np.frombuffer(content[-260:-4], "<u8").reshape(16, 2).copy()
        entries[5] = entry
        served.give(r"/c/1/0/0/0/0$", content[:-260] + _index_of(entries))
        assert plate.fault().kind == "damaged-chunk"

    @pytest.mark.parametrize("keep", [0, 100, 259])
    def test_an_index_cut_short(self, served, keep):
        plate = Served(served, **SHARDS)
        content = (served.root / "one.zarr/A/1/0/0/c/1/0/0/0/0").read_bytes()
        served.give(r"/c/1/0/0/0/0$", content[len(content) - keep :])
        assert plate.fault().kind == "damaged-chunk"


class TestAnswers:
    def test_a_web_page_in_the_place_of_a_chunk_is_told(self, served):
        plate = Served(served, **PLANES)
        served.give(r"/0/1/0/0/0/0$", b"<!doctype html><html>log in</html>")
        problem = plate.fault()
        assert problem.kind == "damaged-chunk"
        assert "a web page came in its place" in problem.message

    def test_where_a_chunk_is_sent_on_to_is_told(self, web):
        plate = Served(web, **PLANES)
        web.send_on(r"/0/1/0/0/0/0$", "http://127.0.0.1:9/elsewhere?key=secret")
        problem = plate.fault()
        assert (problem.kind, "secret" in str(problem)) == ("unreadable", False)
        assert "sends on to http://127.0.0.1:9" in problem.message

    def test_a_query_goes_along_and_is_not_told(self, web):
        plate = Served(web, **PLANES)
        web.give(r"/0/1/0/0/0/0\?key=secret$", b"damaged")
        problem = plate.fault(query="?key=secret")
        assert problem.kind == "damaged-chunk"
        assert "/0/1/0/0/0/0 of frame 1" in problem.message
        assert "secret" not in problem.message


def test_a_chunk_that_many_ask_for_is_its_own(served):
    """Without a memory for chunks, by threads of their own."""
    Served(served, **PLANES)
    array = open_array(f"{served.address}/one.zarr/A/1/0/0", 2, ts.Context()).result()
    reads = [array[k % 2].read() for k in range(200)]
    for k, read in enumerate(reads):
        np.testing.assert_array_equal(read.result(), PIXELS[k % 2])


def test_an_array_that_another_thread_lets_go_of_is_held_by_what_it_reads(web, monkeypatch):
    """As where memory is shared anew. By itself a write does not hold what it is from: findings."""
    finish = TensorStoreStrategy._finish

    def let_go(strategy: TensorStoreStrategy, *arguments: Any) -> None:
        strategy._handles.clear()
        finish(strategy, *arguments)

    monkeypatch.setattr(TensorStoreStrategy, "_finish", let_go)
    assert Served(web, **PLANES).is_right()


def test_errors_come_whole_through_tensorstore():
    """It hands on copies, made anew of the arguments (tensorstore 0.1.86; findings)."""
    errors = [
        requests.RefusedError("HTTP 403"),
        requests.SentOnError("http://host/a?key", 302),
        requests.OddAnswerError("HTTP 418"),
        requests.TooLongError(70_000),
        requests.FailedError("no answer", True),
        remote_arrays.AbsentError("nothing is there"),
        remote_arrays.UndecodedError("the shard ends before its chunk"),
    ]
    for error in errors:
        error.url = "http://host/chunk"
        copied = pickle.loads(pickle.dumps(error))
        assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))


def test_a_program_ends_while_chunks_are_waited_for(served):
    Served(served, **PLANES)
    served.hang(r"/0/\d/0/0/0/0$")
    told = run(
        """
        import sys
        from lineage_triplets.engine.reading.tensorstore import TensorStoreStrategy, open_array
        read = open_array(sys.argv[1], 2).result().read()
        try:
            read.result(timeout=0.2)
        except TimeoutError:
            print("left")
        """,
        f"{served.address}/one.zarr/A/1/0/0",
    )
    assert (told.stdout.split(), told.returncode) == (["left"], 0), told.stderr
