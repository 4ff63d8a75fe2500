"""Statistics on a real local cluster, one worker of which is killed on the way."""

from __future__ import annotations

import os
import signal

import pytest

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine import ConfigError
from lineage_triplets.training import compute_statistics
from stores import numbered_pixels, track_table

distributed = pytest.importorskip("distributed")


@pytest.fixture
def index(make_experiment) -> MultiExperimentIndex:
    fovs = [f"A/1/{number}" for number in range(6)]
    pixels = {fov: numbered_pixels((8, 1, 1, 40, 48), seed=k) for k, fov in enumerate(fovs)}
    tables = dict.fromkeys(fovs, track_table((1, range(8))))
    made = make_experiment("one", tables, pixels=pixels, channels=["Phase"])
    return MultiExperimentIndex(ExperimentRegistry([made]), z_range=1, yx_patch_size=(16, 16))


def contents(folder) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.json")}


@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_changes_nothing(index, tmp_path):
    compute_statistics(index, tmp_path / "here")
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=None
    ) as cluster:

        def kill_one(n_done: int, total: int) -> None:
            if not killed:
                killed.append(cluster.workers[0].pid)
                os.kill(killed[0], signal.SIGKILL)

        report = compute_statistics(
            index, tmp_path / "there", scheduler=cluster.scheduler_address, progress=kill_one
        )
    assert len(killed) == 1
    assert (report.n_read, report.problems, report.plates) == (6, (), {"one": 6})
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_no_scheduler(index, tmp_path, monkeypatch):
    from lineage_triplets.training.statistics import cluster

    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(ConfigError, match=r"no dask scheduler answers at 'tcp://127.0.0.1:9'"):
        compute_statistics(index, tmp_path / "s", scheduler="tcp://127.0.0.1:9")
    assert not list((tmp_path / "s").iterdir())
