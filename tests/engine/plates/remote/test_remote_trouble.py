"""Trouble with servers is said in words, and nothing is waited for that nobody wants."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from lineage_triplets.engine.errors import ChunkError, StoppedError, StoreError
from lineage_triplets.engine.plates import remote
from lineage_triplets.engine.plates.buckets import bucket_spec
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.engine.waiting import wanted_until
from programs import run
from remote_plates import (
    index_of,
    moved,
    read_all,
    store_fault,
)
from servers import FolderServer


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
        bucket_spec("gs://lab/a.zarr")
        assert os.environ[variable] == "25"
        assert remote.patience().silent_seconds == 25
        monkeypatch.delenv(variable)
        assert remote.patience().silent_seconds == 10
        bucket_spec("gs://lab/a.zarr")
        assert os.environ[variable] == "10"

    def test_a_setting_that_is_no_number(self, monkeypatch):
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "soon")
        monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_RETRIES", "0")
        assert "REMOTE_RETRIES is '0'" in store_fault("http://127.0.0.1:9/a.zarr").message


class Unanswered:
    """What is waited for in vain."""

    def result(self, timeout: float | None = None) -> None:
        assert timeout is not None
        raise TimeoutError


def test_nothing_is_waited_for_that_nobody_wants_any_more() -> None:
    with wanted_until(lambda: True), pytest.raises(StoppedError):
        remote.answer(Unanswered())
