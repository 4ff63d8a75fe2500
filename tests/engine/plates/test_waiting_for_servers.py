"""What a web server sends has a bound, and whoever waits for it is told, and may leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lineage_triplets.engine import waiting
from lineage_triplets.engine.errors import Problem, StoppedError, StoreError
from lineage_triplets.engine.plates import limits
from lineage_triplets.engine.plates.plate import open_plate
from servers import FolderServer, few_retries
from stores import write_plate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[FolderServer]:
    """A server of a plate without pixels."""
    few_retries(monkeypatch)
    write_plate(tmp_path / "v2.zarr", ["A/1/0"], shape=(2, 1, 1, 8, 8))
    with FolderServer(tmp_path) as server:
        yield server


def fault_of(served: FolderServer) -> Problem:
    with pytest.raises(StoreError) as caught:
        open_plate(f"{served.url}/v2.zarr")
    (problem,) = caught.value.problems
    return problem


def test_a_body_without_end_is_left(served, monkeypatch):
    monkeypatch.setattr(limits, "MOST_METADATA_BYTES", 5_000)
    served.go_on(r"v2.zarr/\.zattrs")
    problem = fault_of(served)
    assert problem.kind == "bad-metadata"
    assert "more than 5 kB came" in problem.message
    served.left.wait(10)
    assert served.left.is_set()


def test_a_length_that_is_announced_is_believed(served, monkeypatch):
    n_bytes = (served.root / "v2.zarr/.zattrs").stat().st_size
    served.cut(r"v2.zarr/\.zattrs", lies=True)
    monkeypatch.setattr(limits, "MOST_METADATA_BYTES", n_bytes)
    assert fault_of(served).kind == "unreachable"
    monkeypatch.setattr(limits, "MOST_METADATA_BYTES", n_bytes - 1)
    assert fault_of(served).kind == "bad-metadata"


def test_a_server_that_fails_is_told_while_it_is_asked_again(served, monkeypatch, caplog):
    monkeypatch.setattr(waiting, "TOLD_AFTER_SECONDS", 0.1)
    served.refuse(r"v2.zarr/", 503)
    assert fault_of(served).kind == "unreachable"
    (told,) = caplog.messages
    host = served.url.removeprefix("http://")
    assert told.startswith(f"{host} has not answered yet (HTTP 503 Service Unavailable)")


@pytest.mark.parametrize("status", [400, 418])
def test_what_asking_again_does_not_mend_is_not_asked_again(served, status):
    served.refuse(r"v2.zarr/", status)
    problem = fault_of(served)
    assert problem.kind == "unreadable"
    assert f"HTTP {status}" in problem.message
    assert served.count(r"v2.zarr/\.zattrs") == 1


def test_nobody_waits_for_what_nobody_wants(served):
    served.hang("v2.zarr")
    with waiting.wanted_until(lambda: served.count("zarr") > 0), pytest.raises(StoppedError):
        open_plate(f"{served.url}/v2.zarr")


def test_a_plate_that_is_read_ahead_may_be_left(served):
    plate = open_plate(f"{served.url}/v2.zarr")
    served.hang(r"v2.zarr/A/1/\.zattrs")
    with waiting.wanted_until(lambda: served.count("A/1/") > 0), pytest.raises(StoppedError):
        plate.fov_names()


def test_a_proxy_is_asked_in_the_place_of_the_server(served, monkeypatch):
    monkeypatch.setenv("http_proxy", served.url)
    monkeypatch.delenv("no_proxy", raising=False)
    plate = open_plate("http://plates.example/v2.zarr")
    assert plate.fov_names() == ["A/1/0"]
    assert served.count(r"http://plates\.example/v2.zarr/") > 0
