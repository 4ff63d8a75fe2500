"""Plates read by a real local cluster, one worker of which is killed on the way."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from lineage_triplets import MultiExperimentIndex, diagnose
from lineage_triplets.cli import main
from lineage_triplets.engine import ConfigError, cluster
from lineage_triplets.qc import Review
from lineage_triplets.training import compute_statistics
from reviews import N_FRAMES, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=None
    ) as started:
        yield started


class KillsOne:
    """Progress that kills a worker when something is done for the first time."""

    def __init__(self, workers: Any) -> None:
        self._workers = workers
        self.told: list[tuple[int, int]] = []
        self.killed = 0

    def __call__(self, *told: Any) -> None:
        self.told.append(told[-2:])
        if told[-2] and not self.killed:
            self.killed = self._workers.workers[0].pid
            os.kill(self.killed, signal.SIGKILL)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.json")}


def test_statistics(config, workers, tmp_path):
    index = MultiExperimentIndex.from_config(config)
    n_fovs = len(index.fovs)
    here = compute_statistics(index, tmp_path / "here")
    kill = KillsOne(workers)
    report = compute_statistics(
        index, tmp_path / "there", scheduler=workers.scheduler_address, progress=kill
    )
    assert kill.killed
    assert kill.told[-1] == (n_fovs, n_fovs)
    assert (report.n_read, report.problems, report.plates) == (n_fovs, here.problems, here.plates)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_index(config, workers):
    # A plate whose tables cannot be read is told as it is without a cluster.
    (config.parent / "late_tracks" / "A" / "1" / "0" / "tracks.csv").write_text("no table")
    kill = KillsOne(workers)
    there = diagnose(config, scheduler=workers.scheduler_address, progress=kill)
    here = diagnose(config)
    assert kill.killed
    assert kill.told[-1] == (2, 2)
    assert there.problems == here.problems
    assert {problem.severity for problem in there.problems} >= {"error"}
    pd.testing.assert_frame_equal(there.index.tracks, here.index.tracks)


def test_images(config, workers):
    chunk = config.parent / "early.zarr" / "A" / "1" / "0" / "0" / "3" / "1" / "0" / "0" / "0"
    chunk.write_bytes(b"damaged")
    kill = KillsOne(workers)
    with Review.open(config, by="ada") as review:
        checks = review.checks
        n_done = checks.check_pixels(scheduler=workers.scheduler_address, progress=kill)
        there = checks.found()
        assert kill.killed
        assert n_done == len(checks.scanned) == 3
        assert kill.told[-1] == (3 * N_FRAMES, 3 * N_FRAMES)
        assert "unreadable-frame" in {finding.kind for finding in there}
        checks.check_pixels(anew=True)
        assert there == checks.found()


def test_the_commands(config, workers, tmp_path, capsys):
    address = ("--scheduler", workers.scheduler_address)
    ended = {}
    for name, line in {
        "index": ["index", config, "-o", tmp_path / "there.parquet", *address],
        "check": ["check", config, "--pixels", *address],
        "without": ["check", config, *address],
    }.items():
        with pytest.raises(SystemExit) as end:
            main([str(part) for part in line])
        ended[name] = end.value.code
    assert (ended["index"], ended["without"]) == (0, 2)
    assert "give --pixels" in capsys.readouterr().err
    read = pd.read_parquet(tmp_path / "there.parquet")
    assert len(read) == len(MultiExperimentIndex.from_config(config).tracks)


def test_no_scheduler(config, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(ConfigError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        MultiExperimentIndex.from_config(config, scheduler="tcp://127.0.0.1:9")
    index = MultiExperimentIndex.from_config(config)
    with pytest.raises(ConfigError, match="no dask scheduler answers"):
        compute_statistics(index, tmp_path / "s", scheduler="tcp://127.0.0.1:9")
    assert not list((tmp_path / "s").iterdir())
