"""Pipes, sockets and devices in the place of files are told as such, and not waited for."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import numpy as np
import pytest

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    TripletConfig,
    diagnose,
    load_config,
    save_config,
)
from lineage_triplets.engine.errors import ConfigError, LineageTripletsError, StoreError
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.plates.statistics import StatisticsFolder
from lineage_triplets.engine.reading.masks import MaskReader
from lineage_triplets.engine.tracks.read import find_track_table
from lineage_triplets.qc.find.pixels.frame_reading import FrameReader
from lineage_triplets.qc.record.errors import DecisionsError
from lineage_triplets.qc.record.log import DecisionLog
from stores import make_experiment, numbered_pixels, track_table
from systems import needs_posix

pytestmark = needs_posix
FOV = "A/1/0"


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch):
    """End a test that waits after all, here or in tensorstore."""

    def wait_no_more(*_: object) -> None:
        raise AssertionError("it waits")

    monkeypatch.setenv("LINEAGE_TRIPLETS_REMOTE_TIMEOUT", "20")
    before = signal.signal(signal.SIGALRM, wait_no_more)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def put_pipe(place: Path) -> Path:
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    return place


def put_socket(place: Path) -> Path:
    place.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(place))
    return place


def put_device(place: Path) -> Path:
    place.unlink(missing_ok=True)
    place.symlink_to("/dev/zero")
    return place


ODD = {"a pipe": put_pipe, "a socket": put_socket, "a device": put_device}


@pytest.fixture
def config(tmp_path) -> TripletConfig:
    experiment = make_experiment(
        tmp_path, "e", {FOV: track_table((1, range(3)))}, pixels=numbered_pixels((3, 1, 1, 40, 48)),
        channels=["GFP"], chunks=(1, 1, 1, 20, 48),
    )  # fmt: skip
    return TripletConfig(experiments=[experiment], dataset={"yx_patch_size": (16, 16)})


@pytest.mark.parametrize("kind", ODD)
def test_configs_tables_statistics_and_metadata(tmp_path, config, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put = ODD[kind]
    with pytest.raises(ConfigError, match=f"it is {kind}, and no file"):
        load_config(put(Path("odd.yml")))
    (tmp_path / "s").mkdir()
    with pytest.raises(StoreError, match=f"it is {kind}, and no file"):
        StatisticsFolder("s").read(put(Path("s/f.json")))
    for place in ("t.csv", f"e_tracks/{FOV}/tracks.csv"):
        put(Path(place))
    for where in ("t.csv", f"e_tracks/{FOV}"):
        with pytest.raises(StoreError, match=f"it is {kind}, and no file"):
            find_track_table(where)
    (problem,) = [found for found in diagnose(config).errors if found.kind != "no-anchors"]
    assert kind in problem.message
    for name in (".zattrs", "0/.zarray"):
        os.chdir(tmp_path / "e.zarr" / FOV)
        content = Path(name).read_bytes()
        put(Path(name))
        os.chdir(tmp_path)
        with pytest.raises(StoreError, match=f"it is {kind}, and no file"):
            open_image(f"e.zarr/{FOV}")
        file = tmp_path / "e.zarr" / FOV / name
        file.unlink()
        file.write_bytes(content)


def test_chunks_of_images_by_every_way_to_read_them(config):
    index = MultiExperimentIndex(ExperimentRegistry(config.experiments), 1, (16, 16))
    (source,) = index.fovs
    put_pipe(Path(source.fov.array_path) / "1/0/0/1/0")
    frames = list(FrameReader(source).frames())
    assert [frame.image is None for frame in frames] == [False, True, False]
    assert "1/0/0/1/0 of frame 1 is a pipe" in frames[1].problem.message


def test_chunks_of_masks(tmp_path, config):
    masks = make_experiment(
        tmp_path, "masks", {"0/0/0": track_table((1, range(3)))}, channels=["labels"],
        pixels=np.ones((3, 1, 1, 40, 48), "uint32"), dtype="uint32", single_image=True,
    )  # fmt: skip
    named = config.experiments[0].model_copy(update={"labels_path": masks.data_path})
    index = MultiExperimentIndex(ExperimentRegistry([named]), 1, (16, 16))
    found = index.fovs[0].masks()
    put_pipe(Path(found.path) / "1/0/0/0/0")
    reader = MaskReader(found)
    assert reader.frame(0).all()
    with pytest.raises(StoreError, match="is a pipe, and no file"):
        reader.frame(1)


def test_decisions_their_journal_and_lock(tmp_path, config):
    save_config(config, tmp_path / "c.yml")
    for name in ("d.db", "d.db-journal", "d.db.lock"):
        pipe = put_pipe(tmp_path / name)
        for read_only in (False, True):
            if read_only and name.endswith(".lock"):
                continue
            with pytest.raises(DecisionsError, match="it is a pipe") as caught:
                DecisionLog.open(tmp_path / "d.db", experiments=["e"], read_only=read_only)
            assert isinstance(caught.value, LineageTripletsError)
        pipe.unlink()
        (tmp_path / "d.db.lock").unlink(missing_ok=True)
    DecisionLog.open(tmp_path / "d.db", experiments=["e"]).close()
