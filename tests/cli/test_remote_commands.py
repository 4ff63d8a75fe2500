"""Commands on plates behind a URL, from a first config to the validated export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import reviews
from lineage_triplets import MultiExperimentTripletDataset, load_config
from lineage_triplets.cli import main
from lineage_triplets.engine import waiting
from servers import FolderServer, few_retries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderServer]:
    """Serves the test's folder."""
    few_retries(monkeypatch)
    with FolderServer(tmp_path) as serving:
        yield serving


@pytest.fixture
def call(capsys):
    """Run a command; gives the exit code and what it printed."""

    def run(*arguments: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(map(str, arguments)))
            raise SystemExit(0)
        captured = capsys.readouterr()
        return int(stop.value.code or 0), " ".join(f"{captured.out} {captured.err}".split())

    return run


def behind(server: FolderServer, path: Path, root: Path) -> Path:
    """Write the config with its plates behind the server."""
    config = load_config(path)
    moved = [
        one.model_copy(update={"data_path": one.data_path.replace(str(root), server.url)})
        for one in config.experiments
    ]
    for one in moved:
        one._written = None
    dataset = config.dataset.model_dump(exclude_defaults=True)
    return reviews.save(path.with_name("remote.yml"), moved, **dataset)


def test_init_and_validate(server, call, tmp_path):
    reviews.experiments(tmp_path)
    written = {}
    for name, root in (("here", tmp_path), ("there", server.url)):
        out = tmp_path / f"{name}.yml"
        told = call(
            "init", f"{root}/early.zarr", f"{root}/late.zarr", "--tracks", tmp_path, "--out", out,
            "--interval", "early=30", "--interval", "late=15",
            "--condition", "early:control=A/1,B/2", "--condition", "late:control=A/1",
        )  # fmt: skip
        assert told[0] == 0, told[1]
        assert "early" in told[1]
        code, said = call("validate", out)
        written[name] = code, said.replace(str(out), "").replace(server.url, str(tmp_path))
    assert f"data_path: {server.url}/early.zarr" in (tmp_path / "there.yml").read_text()
    assert written["there"] == written["here"]


def test_validate_says_what_a_server_refuses(server, call, tmp_path):
    path = behind(server, reviews.write_config(tmp_path), tmp_path)
    server.refuse("late.zarr", 403)
    code, said = call("validate", path)
    assert code == 1
    assert "experiment 'late'" in said
    assert "no permission to read it" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("quiet", [False, True])
def test_who_is_waited_for_is_said(server, call, monkeypatch, tmp_path, quiet):
    monkeypatch.setattr(waiting, "TOLD_AFTER_SECONDS", 0.1)
    path = behind(server, reviews.write_config(tmp_path), tmp_path)
    server.refuse("early.zarr/.z", 503)
    code, said = call(*["--quiet"][:quiet], "check", path)
    assert code == 1
    assert ("has not answered yet (HTTP 503 Service Unavailable)" in said) == (not quiet)


def test_a_review_from_check_to_export(server, call, capsys, tmp_path):
    path = behind(server, reviews.write_config(tmp_path), tmp_path)
    with pytest.raises(SystemExit):
        main(["check", str(path), "--json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert not [one for one in found if "chunk" in one["key"] or "store" in one["key"]]
    assert call("reject", path, "lineage", "early_A/1/0_1", "--reason", "dead")[0] == 0
    assert call("approve", path, "early", "late")[0] == 0
    assert call("seen", path, "early", "late", "--pairs", 12)[0] == 0
    errors = [one["key"] for one in found if one["severity"] == "error"]
    if errors:
        assert call("waive", path, *errors, "--reason", "random pixels")[0] == 0
    without = ("--without-audit", "a test of stores", "--without-images", "random pixels")
    code, said = call("export", path, "--to", tmp_path / "out", *without)
    assert code == 0, said

    validated = load_config(tmp_path / "out" / "validated.yaml")
    assert validated.verification.validated
    assert [one.data_path for one in validated.experiments] == [
        f"{server.url}/early.zarr",
        f"{server.url}/late.zarr",
    ]
    assert f"{server.url}/early.zarr" in (tmp_path / "out" / "collection.yml").read_text()
    there = MultiExperimentTripletDataset.from_config(tmp_path / "out" / "validated.yaml")
    copied = load_config(tmp_path / "out" / "validated.yaml", path_map={server.url: str(tmp_path)})
    here = MultiExperimentTripletDataset.from_config(copied)
    there, here = reviews.everything(there), reviews.everything(here)
    assert there["anchor"].equal(here["anchor"])
    assert there["positive"].equal(here["positive"])
