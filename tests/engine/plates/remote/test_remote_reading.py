"""Many stores, chunks and processes behind URLs: asked for once, and read anywhere."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from numcodecs import Blosc
from torch.utils.data import DataLoader

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    diagnose,
    save_config,
)
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.plate import open_plate
from programs import run
from remote_plates import (
    LAYOUTS,
    TABLE,
    chunk_fault,
    config_of,
    index_of,
    moved,
    read_all,
)
from servers import FolderServer
from stores import make_experiment, numbered_pixels, source_of
from systems import needs_posix


def identity(batch: dict) -> dict:
    return batch


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
