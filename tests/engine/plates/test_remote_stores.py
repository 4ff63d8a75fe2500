"""Stores behind URLs read as those on disk do, and trouble with servers is said in words."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numcodecs import Blosc
from torch.utils.data import DataLoader

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    diagnose,
    load_config,
    save_config,
)
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.dataset.verification import fingerprints
from lineage_triplets.engine.errors import ChunkError, StoppedError, StoreError
from lineage_triplets.engine.plates import remote
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.plates.stores import join, kvstore_spec, location
from lineage_triplets.engine.waiting import wanted_until
from programs import run
from servers import FolderServer, few_retries, s3_server, upload
from stores import make_experiment, numbered_pixels, source_of, track_table, write_collection
from systems import needs_posix

TABLE = track_table((1, range(4)), (2, range(2, 4), 1))
NORMALIZATION = {"GFP": {"fov_statistics": {"mean": 3.5, "std": 1.25}}}
LAYOUTS = {
    "v2": {"version": "0.4"},
    "v3": {"version": "0.5"},
    "sharded": {"version": "0.5", "chunks": (1, 1, 1, 20, 24), "shards": (2, 2, 1, 40, 48)},
    "stacks": {"version": "0.4", "shape": (4, 2, 1, 256, 256), "chunks": (4, 2, 1, 256, 256)},
}
FOVS = ("A/1/0", "B/2/1")


def identity(batch: dict) -> dict:
    return batch


@pytest.fixture(scope="module")
def plates(tmp_path_factory) -> dict[str, ExperimentConfig]:
    """One plate a layout, by name."""
    root = tmp_path_factory.mktemp("plates")
    made = {}
    for number, (name, given) in enumerate(LAYOUTS.items()):
        layout = dict(given)
        shape = layout.pop("shape", (4, 2, 1, 40, 48))
        made[name] = make_experiment(
            root,
            name,
            dict.fromkeys(FOVS, TABLE),
            pixels={
                fov: numbered_pixels(shape, seed=10 * number + k) for k, fov in enumerate(FOVS)
            },
            source_channel=("GFP", "Phase"),
            normalization=dict.fromkeys(FOVS, NORMALIZATION),
            **layout,
        )
    return made


@pytest.fixture(scope="module")
def web(plates):
    """A server of all plates that behaves."""
    with FolderServer(Path(plates["v2"].data_path).parent) as server:
        yield server


@pytest.fixture(scope="module")
def s3(plates):
    """An S3 server with all plates in the bucket "plates", and in "public" for everybody."""
    with s3_server() as endpoint:
        folder = Path(plates["v2"].data_path).parent
        upload(folder, endpoint, "plates")
        upload(folder / "v2.zarr", endpoint, "public", public=True)
        yield endpoint


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    few_retries(monkeypatch)


@pytest.fixture
def served(plates):
    """A server of all plates of the test's own, which may be told to misbehave."""
    with FolderServer(Path(plates["v2"].data_path).parent) as server:
        yield server


def moved(one: ExperimentConfig, root: str) -> ExperimentConfig:
    """The experiment with its plate behind a URL."""
    return one.model_copy(update={"data_path": f"{root}/{Path(one.data_path).name}"})


def config_of(*experiments: ExperimentConfig) -> TripletConfig:
    dataset = DatasetConfig(yx_patch_size=(16, 16), z_range=1, tau_range_hours=(0.5, 1.0), seed=3)
    return TripletConfig(experiments=list(experiments), dataset=dataset)


def index_of(*experiments: ExperimentConfig) -> MultiExperimentIndex:
    return MultiExperimentIndex.from_config(config_of(*experiments))


def read_all(index: MultiExperimentIndex, **options) -> np.ndarray:
    return source_of(index, **options).read(np.arange(len(index)))


def store_fault(url: str):
    """The one problem of opening a plate and its first FOV."""
    with pytest.raises(StoreError) as caught:
        plate = open_plate(url)
        plate.fov(plate.fov_names()[0])
    (problem,) = caught.value.problems
    return problem


def chunk_fault(one: ExperimentConfig, **options):
    """The one problem of reading all patches."""
    index = index_of(one)
    with pytest.raises(ChunkError) as caught:
        read_all(index, **options)
    (problem,) = caught.value.problems
    assert (problem.experiment, problem.file) == (one.name, f"{one.data_path}/{problem.fov}/0")
    return problem


class TestAsOnDisk:
    @pytest.fixture(params=["http", "s3"])
    def root(self, request, monkeypatch):
        """Where all plates are."""
        if request.param == "http":
            return request.getfixturevalue("web").url
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        return "s3://plates"

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_metadata(self, plates, root, layout):
        there, here = open_plate(f"{root}/{layout}.zarr/"), open_plate(plates[layout].data_path)
        assert there.path == f"{root}/{layout}.zarr"
        assert (there.wells, there.single_image) == (here.wells, False)
        assert there.fov_names() == here.fov_names() == list(FOVS)
        for name in FOVS:
            expected = dataclasses.replace(
                here.fov(name),
                path=f"{root}/{layout}.zarr/{name}",
                array_path=f"{root}/{layout}.zarr/{name}/0",
            )
            assert there.fov(name) == expected
            assert there.fov(name).normalization() == NORMALIZATION

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_pixels_and_pairs(self, plates, root, layout):
        here, there = index_of(plates[layout]), index_of(moved(plates[layout], root))
        assert here.tracks.equals(there.tracks)
        assert here.valid_anchors.equals(there.valid_anchors)
        pixels = read_all(here)
        assert pixels.all()
        np.testing.assert_array_equal(read_all(there), pixels)
        assert fingerprints(there) == fingerprints(here)
        rows = here.anchor_rows
        of_here, of_there = (PairSource(one).draw(rows, 3, 0) for one in (here, there))
        np.testing.assert_array_equal(of_here.positive, of_there.positive)

    def test_batches(self, plates, root):
        config = config_of(plates["v2"], plates["sharded"])
        there = config_of(*(moved(one, root) for one in config.experiments))
        rows = [0, 5, 9]
        expected, found = (
            MultiExperimentTripletDataset.from_config(one).__getitems__(rows)
            for one in (config, there)
        )
        for key in ("anchor", "positive"):
            assert expected[key].equal(found[key])
        assert found["anchor_meta"] == expected["anchor_meta"]
        assert found["anchor_norm_meta"][0]["GFP"]["fov_statistics"]["mean"].item() == 3.5

    def test_diagnosis_finds_the_same(self, plates, root):
        wrong = plates["v3"].model_copy(update={"channel_names": ["GFP", "Phase"]})
        here, there = (diagnose(config_of(one)) for one in (wrong, moved(wrong, root)))
        assert [one.kind for one in there.problems] == [one.kind for one in here.problems]
        assert here.errors[0].kind == "channel-names"
        assert there.errors[0].message == here.errors[0].message

    def test_one_image(self, root):
        fov = open_image(f"{root}/v3.zarr/A/1/0")
        assert fov.shape == (4, 2, 1, 40, 48)
        assert open_plate(f"{root}/v3.zarr/A/1/0").single_image

    def test_what_is_absent(self, root):
        for url in (f"{root}/absent.zarr", f"{root}/v2.zarr/A/9/9"):
            problem = store_fault(url)
            assert (problem.kind, problem.file) == ("missing-path", url)
        assert store_fault(f"{root}/v2.zarr/A/1").kind == "not-a-plate"


class TestConfigs:
    def test_save_and_load_keep_the_url(self, plates, web, tmp_path):
        one = moved(plates["v2"], web.url)
        save_config(config_of(one), tmp_path / "a.yml")
        loaded = load_config(tmp_path / "a.yml")
        save_config(loaded, tmp_path / "b.yml")
        assert load_config(tmp_path / "b.yml").experiments[0].data_path == one.data_path
        assert one.data_path in (tmp_path / "b.yml").read_text()

    def test_a_variable_may_name_the_bucket(self, plates, web, tmp_path, monkeypatch):
        monkeypatch.setenv("PLATES", web.url)
        one = moved(plates["v2"], "${PLATES}")
        save_config(config_of(one), tmp_path / "a.yml")
        loaded = load_config(tmp_path / "a.yml")
        assert loaded.experiments[0].data_path == f"{web.url}/v2.zarr"
        assert len(MultiExperimentIndex.from_config(loaded).fovs) == 2
        save_config(loaded, tmp_path / "b.yml")
        assert "${PLATES}/v2.zarr" in (tmp_path / "b.yml").read_text()

    def test_a_bucket_may_be_mapped_to_a_folder(self, plates, tmp_path):
        save_config(config_of(moved(plates["v2"], "s3://lab/plates")), tmp_path / "a.yml")
        folder = str(Path(plates["v2"].data_path).parent)
        loaded = load_config(tmp_path / "a.yml", path_map={"s3://lab/plates": folder})
        assert loaded.experiments[0].data_path == plates["v2"].data_path

    def test_remote_tables_are_refused(self, plates, web):
        one = moved(plates["v2"], web.url)
        one = one.model_copy(update={"tracks_path": f"{web.url}/v2_tracks"})
        (problem,) = diagnose(config_of(one)).errors
        assert (problem.kind, problem.field) == ("remote-tables", "tracks_path")
        assert "Copy the folder of the tables" in problem.remedy

    @pytest.mark.parametrize("url", ["file:///plates/a.zarr", "abfs://lab/a.zarr", "s3:///a.zarr"])
    def test_other_schemes(self, url):
        problem = store_fault(url)
        assert problem.kind == "remote-store"
        assert "s3://, gs://, https://" in problem.remedy


class TestUrls:
    def test_series(self, web, plates):
        """Those that the group OME lists; by number where it is not there, as folders are not."""
        folder = Path(plates["v3"].data_path).parent
        for name, series in (("listed", ["left 1", "right"]), ("numbered", ["0", "1"])):
            is_listed, shape = name == "listed", (2, 1, 1, 8, 8)
            write_collection(folder / f"{name}.zarr", series, listed=is_listed, shape=shape)
            plate = open_plate(f"{web.url}/{name}.zarr")
            assert plate.fov_names() == [f"{series[0]}/0/0", f"{series[1]}/0/0"]
            assert plate.fov(f"{series[1]}/0/0").shape == shape

    def test_a_query_stays_at_the_end_and_out_of_messages(self, served):
        url = f"{served.url}/v2.zarr?token=hidden"
        fov = open_plate(url).fov("A/1/0")
        assert fov.array_path == f"{served.url}/v2.zarr/A/1/0/0?token=hidden"
        assert served.asked
        assert all(one.endswith("?token=hidden") for one in served.asked)
        served.refuse("absent", 403)
        assert "hidden" not in str(store_fault(f"{served.url}/absent.zarr?token=hidden").where)

    @needs_posix
    def test_names_are_encoded_once(self, plates, tmp_path):
        folder = tmp_path / "with space"
        folder.mkdir()
        (folder / "p.zarr").symlink_to(plates["v2"].data_path)
        with FolderServer(tmp_path) as server:
            assert open_plate(f"{server.url}/with%20space/p.zarr").fov_names() == list(FOVS)
        assert join("https://host/a%20b", "c d") == "https://host/a%20b/c%20d"
        assert join("s3://bucket/a b", "c d", ".") == "s3://bucket/a b/c d"

    def test_the_scheme_in_any_case(self):
        assert location("S3://Bucket/A.zarr/") == "s3://Bucket/A.zarr"

    @pytest.mark.parametrize("scheme", ["s3", "gs"])
    def test_every_scheme_has_the_retries_that_are_set(self, scheme, monkeypatch):
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_RETRIES", "4")
        spec = kvstore_spec(f"{scheme}://lab/a.zarr")
        # Before tensorstore 0.1.86 it is the tries: findings/tensorstore-retries.sh.
        retries = 5 if remote._counts_first_try() else 4
        assert spec[f"{spec['driver']}_request_retries"]["max_retries"] == retries
        assert remote.patience().n_retries == 4

    def test_google(self):
        spec = kvstore_spec("gs://lab/plates/a.zarr/A/1/0/0")
        assert (spec["driver"], spec["bucket"]) == ("gcs", "lab")
        assert spec["path"] == "plates/a.zarr/A/1/0/0/"


class TestS3:
    def test_a_public_bucket_needs_no_credentials(self, plates, s3, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
        one = plates["v2"].model_copy(update={"data_path": "s3://public"})
        np.testing.assert_array_equal(read_all(index_of(one)), read_all(index_of(plates["v2"])))

    def test_what_is_private_says_credentials(self, s3, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
        monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
        problem = store_fault("s3://plates/v2.zarr")
        assert problem.kind == "unreadable"
        assert "AWS_PROFILE" in problem.remedy

    def test_a_bucket_that_is_absent(self, s3, monkeypatch):
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
        assert store_fault("s3://nobody-has-this/v2.zarr").kind == "missing-path"


class TestTrouble:
    def test_a_server_that_is_down(self, served):
        url = f"{served.url}/v2.zarr"
        served.stop()
        problem = store_fault(url)
        assert (problem.kind, problem.file) == ("unreachable", url)
        assert "REMOTE_RETRIES" in problem.remedy
        again = store_fault(url)
        assert "a moment ago" in again.message

    def test_a_server_that_goes_down_while_reading(self, plates, web):
        with FolderServer(web.root) as server:
            one = moved(plates["v2"], server.url)
            index = index_of(one)
        with pytest.raises(StoreError, match=r"experiment 'v2', FOV A/1/0.*cannot be reached"):
            read_all(index)

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_plate_that_is_refused(self, served, status):
        served.refuse("v2.zarr", status)
        problem = store_fault(f"{served.url}/v2.zarr")
        assert problem.kind == "unreadable"
        assert "no permission" in problem.message
        assert "logging in" in problem.remedy

    def test_what_is_refused_beside_what_is_given_counts_as_absent(self, served):
        served.refuse(r"zarr\.json", 403)
        served.refuse(r"\.zgroup", 403)
        assert open_plate(f"{served.url}/v2.zarr").fov("A/1/0").zarr_format == 2

    def test_attributes_that_are_refused_are_not_absent(self, served):
        served.refuse(r"1/0/\.zattrs", 403)
        assert store_fault(f"{served.url}/v2.zarr").kind == "unreadable"

    def test_a_failure_is_tried_again(self, plates, served):
        served.refuse(r"v2.zarr/\.zattrs", 503, times=1)
        served.refuse(r"A/1/0/0/0/0", 500, times=1)
        found = read_all(index_of(moved(plates["v2"], served.url)))
        np.testing.assert_array_equal(found, read_all(index_of(plates["v2"])))
        assert served.count(r"v2.zarr/\.zattrs") == 2

    def test_a_failure_that_stays(self, served):
        served.refuse(r"v2.zarr/\.zattrs", 500)
        problem = store_fault(f"{served.url}/v2.zarr")
        assert problem.kind == "unreachable"
        assert "Internal Server Error" in problem.message
        assert served.count(r"v2.zarr/\.zattrs") == 2

    def test_metadata_that_never_come(self, served, monkeypatch):
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "0.2")
        served.hang("v2.zarr")
        problem = store_fault(f"{served.url}/v2.zarr")
        assert problem.kind == "unreachable"
        assert "no answer came within 0.2 s" in problem.message
        assert "REMOTE_TIMEOUT" in problem.remedy

    @pytest.mark.parametrize("layout", ["v2", "stacks"])
    def test_a_chunk_that_never_comes(self, plates, served, monkeypatch, layout):
        one = moved(plates[layout], served.url)
        index = index_of(one)
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "0.2")
        served.hang(r"/0/\d/\d/")
        with pytest.raises(ChunkError) as caught:
            read_all(index)
        (problem,) = caught.value.problems
        assert (problem.kind, problem.fov) == ("unreachable", "A/1/0")
        assert re.search(r"the chunk \(0, [01], 0, 0, 0 in t, c, z, y, x\)", problem.message)
        assert "no answer came within 0.2 s" in problem.message
        assert problem.file == f"{one.data_path}/A/1/0/0"

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"<html>log in</html>", "bad-metadata"),
            (b"[1]", "bad-metadata"),
            (b"{}", "not-a-plate"),
        ],
    )
    def test_metadata_that_are_none(self, served, content, kind):
        served.give(r"v3.zarr/zarr\.json", content)
        assert store_fault(f"{served.url}/v3.zarr").kind == kind

    def test_a_web_page_is_told_as_one(self, served):
        served.give(r"v2.zarr/", b"\n<!DOCTYPE html><html><body>Log in</body></html>")
        problem = store_fault(f"{served.url}/v2.zarr")
        assert problem.message == "there is a web page, and no store."
        assert "logging in" in problem.remedy

    @pytest.mark.parametrize("status", [301, 302, 308])
    def test_where_a_server_sends_on_to_is_said_and_not_followed(self, served, status):
        """Seen with tensorstore 0.1.86, which does not say where to (findings)."""
        with FolderServer(served.root) as other:
            served.send_on(r"/v2\.zarr/", f"{other.url}/login/zarr.json?key=secret", status)
            problem = store_fault(f"{served.url}/v2.zarr")
            assert problem.kind == "unreadable"
            assert f"sends on to {other.url}/login (" in problem.message
            assert str(status) in problem.message
            assert "secret" not in str(problem)
            assert not other.asked

    @pytest.mark.parametrize("layout", ["v2", "sharded"])
    def test_a_server_that_sends_on_to_itself_is_followed(self, plates, served, layout):
        served.send_on(r"^/old/(.*)", r"/\1")
        there = moved(plates[layout], f"{served.url}/old")
        np.testing.assert_array_equal(read_all(index_of(there)), read_all(index_of(plates[layout])))

    def test_a_server_that_sends_round_in_circles_is_told(self, served):
        served.send_on(r"^/(v2\.zarr/.*)", r"/\1")
        assert "sends on to" in store_fault(f"{served.url}/v2.zarr").message

    def test_a_connection_that_stalls_is_dropped_and_asked_again(self, served, monkeypatch):
        monkeypatch.setenv("TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS", "1")
        served.hang(r"v2.zarr/\.zattrs", times=1)
        told = run(
            """
            import sys
            from lineage_triplets.engine.plates.plate import open_plate
            print(*open_plate(sys.argv[1]).wells)
            """,
            f"{served.url}/v2.zarr",
        )
        assert told.stdout.split() == ["A/1", "B/2"], told.stderr
        assert served.count(r"v2.zarr/\.zattrs") == 2

    def test_what_counts_as_stalled_may_be_chosen(self, monkeypatch):
        variable = "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS"
        monkeypatch.setenv(variable, "25")
        kvstore_spec("gs://lab/a.zarr")
        assert os.environ[variable] == "25"
        assert remote.patience().silent_seconds == 25
        monkeypatch.delenv(variable)
        assert remote.patience().silent_seconds == 10
        kvstore_spec("gs://lab/a.zarr")
        assert os.environ[variable] == "10"

    def test_a_setting_that_is_no_number(self, monkeypatch):
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "soon")
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_RETRIES", "0")
        assert "REMOTE_RETRIES is '0'" in store_fault("http://127.0.0.1:9/a.zarr").message


class TestMany:
    def test_metadata_are_asked_for_side_by_side(self, tmp_path):
        fovs = ["A/1/0", "A/1/1", "B/2/0", "C/3/0"]
        one = make_experiment(tmp_path, "one", dict.fromkeys(fovs, TABLE), shape=(4, 2, 1, 40, 48))
        with FolderServer(tmp_path) as server:
            registry = ExperimentRegistry([moved(one, server.url)])
            server.together(r"zarr/[BC]/\d/\.zattrs", 2)
            server.together(r"zarr/(A/1/1|[BC]/\d/0)/\.zattrs", 3)
            index = MultiExperimentIndex(registry, z_range=1, yx_patch_size=(16, 16))
        assert [one.fov.name for one in index.fovs] == fovs

    @needs_posix
    def test_a_folder_that_is_called_as_the_url_is_not_read(self, tmp_path, monkeypatch):
        made = [
            make_experiment(
                tmp_path / name,
                "one",
                {"A/1/0": TABLE},
                pixels=numbered_pixels((4, 2, 1, 40, 48), seed=seed),
                compressor=Blosc(),
            )
            for seed, name in enumerate(("served", "here"))
        ]
        with FolderServer(tmp_path / "served") as server:
            folder = tmp_path / "here" / server.url.replace("//", "/")
            folder.parent.mkdir()
            folder.symlink_to(tmp_path / "here")
            monkeypatch.chdir(tmp_path / "here")
            found = read_all(index_of(moved(made[0], server.url)), read_strategy="blosc-blocks")
        np.testing.assert_array_equal(found, read_all(index_of(made[0])))

    def test_fovs_are_opened_once_side_by_side(self, plates, served):
        index = index_of(moved(plates["v2"], served.url))
        assert len(index.fovs) == 2
        assert served.count(r"A/1/0/\.zattrs") == served.count(r"B/2/\.zattrs") == 1

    def test_a_listed_fov_that_is_absent_is_skipped(self, plates, served):
        served.refuse(r"B/2/1", 404)
        (problem,) = [
            one
            for one in diagnose(config_of(moved(plates["v2"], served.url))).problems
            if one.fov == "B/2/1"
        ]
        assert (problem.kind, problem.severity) == ("missing-path", "warning")
        assert "skipped" in problem.message

    def test_a_fov_that_is_refused_is_an_error(self, plates, served):
        served.refuse(r"B/2/1", 403)
        (problem,) = diagnose(config_of(moved(plates["v2"], served.url))).errors
        assert (problem.kind, problem.fov) == ("unreadable", "B/2/1")

    def test_a_server_that_is_down_is_not_asked_for_every_well(self, served):
        plate = open_plate(f"{served.url}/v2.zarr")
        served.hang("/")
        served.stop()
        with pytest.raises(StoreError, match="cannot be reached"):
            plate.fov("A/1/0")
        with pytest.raises(StoreError, match="a moment ago"):
            plate.fov("B/2/1")


class TestChunks:
    @pytest.mark.parametrize("layout", ["v2", "v3"])
    def test_one_that_is_absent(self, plates, served, layout, caplog):
        one = moved(plates[layout], served.url)
        served.refuse(r"A/1/0/0/(c/)?1/0/", 404)
        source = PairSource(index_of(one))
        caplog.clear()
        patches = source.read(np.arange(4))
        assert not patches[1, 1].any()
        assert patches[1, 0].all()
        assert source.reader.missing == {(layout, "A/1/0"): 1}
        (said,) = caplog.messages
        assert "absent" in said
        assert chunk_fault(one, missing_chunks="error").kind == "missing-chunk"
        assert not read_all(index_of(one), missing_chunks="fill")[1, 1].any()

    def test_one_that_is_refused_is_not_absent(self, plates, served):
        served.refuse(r"A/1/0/0/1/0/", 403)
        for policy in ("warn", "error", "fill"):
            problem = chunk_fault(moved(plates["v2"], served.url), missing_chunks=policy)
            assert (problem.kind, problem.fov) == ("unreadable", "A/1/0")
            assert "A/1/0/0/1/0/0/0/0" in problem.message
            assert "no permission" in problem.message

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_one_that_is_cut_short(self, plates, served, layout):
        served.cut(r"B/2/1/0/(c/)?0/")
        problem = chunk_fault(moved(plates[layout], served.url))
        assert (problem.kind, problem.fov) == ("damaged-chunk", "B/2/1")
        assert "B/2/1/0/" in problem.message

    def test_one_that_breaks_off_is_asked_again(self, plates, served):
        one = moved(plates["v2"], served.url)
        served.cut(r"A/1/0/0/1/0/", times=1, lies=True)
        np.testing.assert_array_equal(read_all(index_of(one)), read_all(index_of(plates["v2"])))
        assert served.count(r"A/1/0/0/1/0/") == 2

    def test_one_that_always_breaks_off(self, plates, served):
        served.cut(r"A/1/0/0/1/0/", lies=True)
        problem = chunk_fault(moved(plates["v2"], served.url))
        assert (problem.kind, problem.fov) == ("unreachable", "A/1/0")
        assert "A/1/0/0/1/0" in problem.message

    @pytest.mark.parametrize("layout", ["v2", "v3", "stacks"])
    def test_what_is_kept_is_fetched_once(self, plates, served, layout):
        source = source_of(index_of(moved(plates[layout], served.url)), cache_pool_bytes=2**26)
        for _ in range(2):
            source.read(np.arange(len(source.index)))
            chunks = [one for one in served.asked if re.search(r"/\d/0/(c/)?\d+/\d+/0/0/0$", one)]
            assert len(chunks) == len(set(chunks)) == (2 if layout == "stacks" else 16)

    @pytest.mark.parametrize("layout", ["v2", "v3", "stacks"])
    def test_a_chunk_is_fetched_once_a_batch_where_nothing_is_kept(self, plates, served, layout):
        source = source_of(index_of(moved(plates[layout], served.url)), cache_pool_bytes=0)
        # So many patches that the first chunks have come before the last patches are asked for.
        rows = np.repeat(np.arange(len(source.index)), 40)
        for batch in (1, 2):
            source.read(rows)
            chunks = [one for one in served.asked if re.search(r"/\d/0/(c/)?\d+/\d+/0/0/0$", one)]
            assert set(Counter(chunks).values()) == {batch}


class TestProcesses:
    @needs_posix
    def test_workers_that_are_not_forked_read(self, plates, web):
        config = config_of(moved(plates["v3"], web.url))
        dataset = MultiExperimentTripletDataset.from_config(config)
        loader = DataLoader(
            dataset,
            batch_size=6,
            num_workers=2,
            collate_fn=identity,
            multiprocessing_context="forkserver",
        )
        expected = MultiExperimentTripletDataset.from_config(config_of(plates["v3"]))
        for number, batch in enumerate(loader):
            rows = list(range(6 * number, min(6 * number + 6, len(dataset))))
            alike = expected.__getitems__(rows)
            assert batch["anchor"].equal(alike["anchor"])
            assert batch["positive"].equal(alike["positive"])

    @needs_posix
    def test_a_forked_worker_says_what_to_do(self, plates, web, tmp_path):
        save_config(config_of(moved(plates["v3"], web.url)), tmp_path / "a.yml")
        told = run(
            """
            import sys, warnings
            from torch.utils.data import DataLoader
            from lineage_triplets import MultiExperimentTripletDataset
            warnings.simplefilter("ignore", DeprecationWarning)
            dataset = MultiExperimentTripletDataset.from_config(sys.argv[1])
            loader = DataLoader(dataset, batch_size=4, num_workers=1, collate_fn=list,
                                multiprocessing_context="fork")
            next(iter(loader))
            """,
            tmp_path / "a.yml",
        )
        assert "ForkedReadError" in told.stderr
        assert "forkserver" in told.stderr
        assert "fork() use detected" not in told.stderr

    @needs_posix
    def test_a_forked_child_looks_at_no_metadata(self, web):
        told = run(
            """
            import os, sys, warnings
            from lineage_triplets.engine.plates.plate import open_plate
            warnings.simplefilter("ignore", DeprecationWarning)
            open_plate(sys.argv[1])
            if os.fork() == 0:
                try:
                    open_plate(sys.argv[1])
                except Exception as error:
                    print(type(error).__name__, flush=True)
                os._exit(0)
            print(os.wait()[1])
            """,
            f"{web.url}/v2.zarr",
        )
        assert told.stdout.split() == ["ForkedReadError", "0"], told.stderr


def test_google_through_a_server_of_its_own(plates, tmp_path):
    """Google's address is taken from the environment once a process, so this is a new one."""
    told = run(
        """
        import sys, threading, os
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        from pathlib import Path
        from urllib.parse import unquote, urlsplit

        class Objects(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                name = unquote(urlsplit(self.path).path.removeprefix("/storage/v1/b/lab/o/"))
                file = Path(sys.argv[1]) / name
                body = file.read_bytes() if file.is_file() else b""
                self.send_response(200 if file.is_file() else 404)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("x-goog-generation", "1")
                self.end_headers()
                self.wfile.write(body)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Objects)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["TENSORSTORE_GCS_HTTP_URL"] = f"http://127.0.0.1:{server.server_port}"
        os.environ["GOOGLE_AUTH_TOKEN_FOR_TESTING"] = "tests"

        import numpy as np
        from lineage_triplets import MultiExperimentIndex, load_config
        from lineage_triplets.engine import PairSource
        there, here = (
            PairSource(index).read(np.arange(len(index)))
            for index in map(MultiExperimentIndex.from_config, map(load_config, sys.argv[2:]))
        )
        print(there.shape == here.shape, (there == here).all(), here.all())
        """,
        Path(plates["v3"].data_path).parent,
        *(
            _saved(config_of(one), tmp_path / f"{number}.yml")
            for number, one in enumerate([moved(plates["v3"], "gs://lab"), plates["v3"]])
        ),
    )
    assert told.stdout.split() == ["True"] * 3, told.stderr


def _saved(config: TripletConfig, path: Path) -> Path:
    save_config(config, path)
    return path


class Unanswered:
    """What is waited for in vain."""

    def result(self, timeout: float | None = None) -> None:
        assert timeout is not None
        raise TimeoutError


def test_nothing_is_waited_for_that_nobody_wants_any_more() -> None:
    with wanted_until(lambda: True), pytest.raises(StoppedError):
        remote.answer(Unanswered())
