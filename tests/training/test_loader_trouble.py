"""Loaders in trouble: workers that are killed, chunks that fail, a run that is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch.utils.data import Subset

import reviews
from lineage_triplets import (
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    __version__,
    load_config,
)
from lineage_triplets.engine.dataset.verification import config_hash, draft_of
from lineage_triplets.engine.errors import ChunkError, ConfigError, VerificationError
from lineage_triplets.engine.reading import local
from lineage_triplets.training import TripletBatchSampler, TripletLoader, WorkerError
from lineage_triplets.training import loader as loaders
from servers import FolderServer
from stores import make_experiment, numbered_pixels, track_table
from systems import needs_posix

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return reviews.write_config(tmp_path_factory.mktemp("trouble"))


def loader_of(config, verify="error", **options) -> TripletLoader:
    dataset = MultiExperimentTripletDataset.from_config(config, verify=verify)
    sampler = TripletBatchSampler(dataset, 8, workers=options.get("num_workers", 1))
    return TripletLoader(dataset, sampler, **options)


@needs_posix
def test_a_worker_that_is_killed_is_said_and_where_to_go_on(config, monkeypatch):
    # Torch looks for dead workers so often, in seconds.
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.1)
    loader = loader_of(config, num_workers=1, prefetch=1, multiprocessing_context="spawn")
    batches = iter(loader)
    first = [next(batches) for _ in range(2)]
    # How workers end is no way to end for whoever uses them.
    assert "lineage_triplets.training.ending" not in sys.modules
    assert not torch.equal(first[0]["anchor"], first[1]["anchor"])
    for worker in loader._batches._iterator._workers:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    with pytest.raises(WorkerError, match=r"worker process ended.*resume from the last checkpoint"):
        list(batches)
    used = loader.state_dict()["batches"]
    assert used >= 2
    loader.close()
    rest = loader_of(config)
    rest.load_state_dict(loader.state_dict())
    assert len(list(rest)) == len(rest) - used


def test_a_worker_that_ends_at_once_is_no_lack_of_memory(config):
    def ended():
        raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly")
        yield

    loader = loader_of(config)
    loader._batches = ended()
    with pytest.raises(WorkerError, match="__main__"):
        next(iter(loader))


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_chunk_that_fails_names_its_fov_and_how_to_go_on_without_it(tmp_path, prefetch):
    config = reviews.write_config(tmp_path)
    loader = loader_of(config, prefetch=prefetch)
    batches = iter(loader)
    next(batches)
    for chunk in (tmp_path / "late.zarr" / "A" / "1" / "0").rglob("c/*/*/*/*/*"):
        if chunk.is_file():
            chunk.write_bytes(b"damaged")
    with pytest.raises(ChunkError, match=r"late.*A/1/0") as caught:
        list(batches)
    assert "exclude_fovs" in caught.value.__notes__[0]
    state = loader.state_dict()
    loaded = load_config(config)
    settings = loaded.dataset.model_copy(update={"exclude_fovs": {"late": ["A/1/0"]}})
    others = loaded.model_copy(update={"dataset": settings})
    without = loader_of(others, if_changed="new-epoch")
    without.load_state_dict(state)
    assert len(list(without)) == len(without)
    assert without.state_dict()["epoch"] == state["epoch"] + 1
    refusing = loader_of(others)
    with pytest.raises(ConfigError, match="anchors have changed"):
        refusing.load_state_dict(state)


def test_a_validated_config_goes_on_without_a_fov_with_a_warning(tmp_path, caplog):
    """As the error says: its text is another one then, and that is no error with "warn"."""
    loaded = load_config(reviews.write_config(tmp_path))
    draft = draft_of(loaded, MultiExperimentIndex.from_config(loaded), __version__)
    record = draft.verification.model_copy(update={"validated": True})
    record = record.model_copy(
        update={"config_hash": config_hash(draft.model_copy(update={"verification": record}))}
    )
    validated = draft.model_copy(update={"verification": record})
    loader = loader_of(validated)
    next(iter(loader))
    state = loader.state_dict()
    loader.close()
    for chunk in (tmp_path / "late.zarr" / "A" / "1" / "0").rglob("c/*/*/*/*/*"):
        if chunk.is_file():
            chunk.write_bytes(b"damaged")
    settings = validated.dataset.model_copy(update={"exclude_fovs": {"late": ["A/1/0"]}})
    without = validated.model_copy(update={"dataset": settings})
    with pytest.raises(VerificationError, match="its own text changed"):
        loader_of(without)
    resumed = loader_of(without, verify="warn", if_changed="new-epoch")
    assert "its own text changed" in caplog.text
    resumed.load_state_dict(state)
    assert len(list(resumed)) == len(resumed)
    assert resumed.state_dict()["epoch"] == state["epoch"] + 1


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_server_that_hangs_ends_in_an_error(tmp_path, monkeypatch, num_workers):
    config = load_config(reviews.write_config(tmp_path))
    monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "0.5")
    with FolderServer(tmp_path) as served:
        experiments = [
            one.model_copy(update={"data_path": f"{served.url}/{one.name}.zarr"})
            for one in config.experiments
        ]
        served.hang(r"/0/0/(c/)?\d")
        loader = loader_of(
            config.model_copy(update={"experiments": experiments}),
            num_workers=num_workers,
            prefetch=1,
            multiprocessing_context="spawn",
        )
        words = r"^experiment '\w+', FOV A/1/0, .*the chunk \(.*no answer came within 0.5 s. Check"
        with pytest.raises(ChunkError, match=words) as caught:
            list(loader)
        loader.close()
    assert "exclude_fovs" in caught.value.__notes__[-1]
    assert "\n" not in str(caught.value)


def test_a_disk_that_hangs_ends_in_an_error(tmp_path, monkeypatch):
    made = make_experiment(
        tmp_path,
        "early",
        {"A/1/0": track_table((1, range(6)), (2, range(6)), y=100)},
        pixels=numbered_pixels((6, 2, 1, 256, 256)),
        compressor=None,
    )
    config = reviews.save(tmp_path / "config.yml", [made])
    monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "0.3")
    answers = threading.Event()
    real = local.os.fstat

    def hanging(file):
        answers.wait()
        return real(file)

    monkeypatch.setattr(local.os, "fstat", hanging)
    dataset = MultiExperimentTripletDataset.from_config(config)
    try:
        with pytest.raises(
            ChunkError, match=r"'early', FOV A/1/0, .*/0/\d/0/0/0/0 of frame \d: no"
        ):
            dataset.__getitems__([0])
    finally:
        answers.set()
    monkeypatch.undo()
    assert len(dataset.__getitems__([0])["anchor"]) == 1


def test_more_ranks_than_batches(config):
    dataset = MultiExperimentTripletDataset.from_config(config)
    some = Subset(dataset, range(20))
    with pytest.raises(ConfigError, match="rank"):
        TripletBatchSampler(some, 8, rank=0, world_size=3)


ENDLESS = """
import sys
from test_loader_trouble import loader_of

if __name__ == "__main__":
    loader = loader_of(sys.argv[1], num_workers=2, prefetch=1)
    while True:
        for _ in loader:
            print("batch", flush=True)
"""


def test_an_interrupted_run_looks_for_no_garbage(config, monkeypatch):
    asked = []
    monkeypatch.setattr(loaders, "end_soon", lambda: asked.append("end"))
    batches = iter(loader_of(config, prefetch=0))
    next(batches)
    with pytest.raises(KeyboardInterrupt):
        batches.throw(KeyboardInterrupt())
    assert asked == ["end"]


@pytest.mark.usefixtures("interruptible")
@needs_posix
def test_an_interrupted_run_leaves_no_process(config, tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS)
    path = os.pathsep.join(
        [str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""), *sys.path]
    )
    running = subprocess.Popen(
        [sys.executable, str(tmp_path / "endless.py"), str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    for _ in range(30):
        assert running.stdout.readline() == "batch\n"
    os.killpg(running.pid, signal.SIGINT)
    # Pipes end when the last process that has them does.
    _, said = running.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert running.returncode != 0
