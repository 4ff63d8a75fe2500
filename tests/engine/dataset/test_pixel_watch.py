"""Pixels that change under a training, with metadata and times as before, end it with a name."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from torch.utils.data import DataLoader

from lineage_triplets import (
    DatasetConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    __version__,
    save_config,
)
from lineage_triplets.engine.dataset import seeded
from lineage_triplets.engine.dataset.seeded import PixelWatch
from lineage_triplets.engine.dataset.verification import draft_of
from lineage_triplets.engine.errors import VerificationError
from lineage_triplets.engine.process import note_read
from lineage_triplets.training import TripletBatchSampler, TripletDataModule
from stores import numbered_pixels, track_table
from systems import needs_posix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

N_FRAMES = 12
LARGE = (1, 2, 1, 200, 200)
"""A chunk that is picked from; smaller ones are tensorstore's."""


@pytest.fixture
def write(make_experiment, tmp_path) -> Callable[..., Path]:
    """Write a draft of one experiment with fingerprints, all of whose cells are seeded patches."""

    def written(pixels: np.ndarray[Any, Any], **stored: Any) -> Path:
        tables = {"A/1/0": track_table((1, range(N_FRAMES)), (2, range(N_FRAMES)))}
        made = make_experiment("one", tables, pixels=pixels, source_channel=["GFP"], **stored)
        config = TripletConfig(
            experiments=[made], dataset=DatasetConfig(yx_patch_size=(16, 16), seed=1)
        )
        draft = draft_of(config, MultiExperimentIndex.from_config(config), __version__)
        save_config(draft, tmp_path / "draft.yml")
        return tmp_path / "draft.yml"

    return written


@pytest.fixture
def plain(write) -> Path:
    """One whose chunks are plain bytes, which nothing checks."""
    return write(numbered_pixels((N_FRAMES, 2, 1, 200, 200)), chunks=LARGE, compressor=None)


@pytest.fixture
def eager(monkeypatch):
    """Compare a patch after each batch."""
    monkeypatch.setattr(seeded, "SHARE", 1e9)


@pytest.fixture(scope="module", autouse=True)
def _read_here():
    """A process that reads fingerprints by itself, which is faster."""
    note_read()


def flip(store: Path) -> None:
    """Change all pixels, and no file's size or time."""
    chunks = [file for file in (store / "A/1/0/0").rglob("*") if file.stat().st_size > 10_000]
    assert len(chunks) == N_FRAMES
    for chunk in chunks:
        before = chunk.stat()
        chunk.write_bytes(bytes(255 - byte for byte in chunk.read_bytes()))
        os.utime(chunk, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip_after_the_first(batches: Iterable[Any], store: Path) -> int:
    """Go through batches, all pixels of which change after the first one."""
    n_batches = 0
    for batch in batches:
        assert len(batch["anchor"])
        if n_batches == 0:
            flip(store)
        n_batches += 1
    return n_batches


def refused(batches: Iterable[Any], store: Path) -> None:
    with pytest.raises(VerificationError, match=r"'one', FOV A/1/0.*the pixels of frame \d+ are"):
        flip_after_the_first(batches, store)


@pytest.mark.usefixtures("eager")
class TestChanged:
    def test_is_an_error_with_a_name(self, plain, tmp_path):
        dataset = MultiExperimentTripletDataset.from_config(plain)
        refused((dataset.__getitems__([k]) for k in range(len(dataset))), tmp_path / "one.zarr")

    def test_by_a_sampler_that_tells_its_batches(self, plain, tmp_path):
        whole = MultiExperimentTripletDataset.from_config(plain)
        dataset = whole.part(np.ones(len(whole.index), bool))
        sampler = TripletBatchSampler(dataset, 2, seed=0)
        loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=lambda batch: batch)
        refused(loader, tmp_path / "one.zarr")

    def test_in_lightnings_module(self, plain, tmp_path):
        data = TripletDataModule(plain, batch_size=1, split={"by": "lineage", "val": 0.5})
        refused(data.train_dataloader(), tmp_path / "one.zarr")

    @needs_posix
    def test_in_the_workers_of_a_loader(self, plain, tmp_path):
        dataset = MultiExperimentTripletDataset.from_config(plain)
        loader = DataLoader(
            dataset, 1, num_workers=2, collate_fn=lambda batch: batch,
            multiprocessing_context="fork", prefetch_factor=1,
        )  # fmt: skip
        refused(loader, tmp_path / "one.zarr")

    def test_off_compares_nothing(self, plain, tmp_path):
        dataset = MultiExperimentTripletDataset.from_config(plain, verify="off")
        batches = (dataset.__getitems__([k]) for k in range(len(dataset)))
        assert flip_after_the_first(batches, tmp_path / "one.zarr") == len(dataset)

    def test_warn_says_each_once(self, plain, tmp_path, caplog):
        dataset = MultiExperimentTripletDataset.from_config(plain, verify="warn")
        batches = (dataset.__getitems__([k % len(dataset)]) for k in range(40))
        assert flip_after_the_first(batches, tmp_path / "one.zarr") == 40
        told = [record.message for record in caplog.records if "the pixels of" in record.message]
        assert len(told) == 2 * N_FRAMES


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("read_there", [True, False], ids=["here", "by a child"])
def test_what_stays_is_never_refused(write, monkeypatch, read_there):
    """What no number equals, and what float32 cannot hold, among it."""
    pixels = numbered_pixels((N_FRAMES, 2, 1, 200, 200)).astype("float64")
    pixels[:, :, :, ::3] = np.nan
    pixels[:, :, :, 1::5] = np.array([0x7FF0000000000001], "u8").view("f8")
    pixels[:, :, :, 2::5] = 1e300
    file = write(pixels, chunks=LARGE)
    monkeypatch.setattr(seeded, "has_read", lambda: read_there)
    dataset = MultiExperimentTripletDataset.from_config(file)
    for k in range(3 * 2 * N_FRAMES):
        dataset.__getitems__([k % len(dataset)])
    watch = dataset._pixel_watch
    assert watch is not None
    assert len(watch._left) == 2 * N_FRAMES


def test_it_takes_a_hundredth_of_reading(plain, monkeypatch):
    """By a clock that goes on by a second whenever it is looked at."""
    dataset = MultiExperimentTripletDataset.from_config(plain)
    assert dataset.known_pixels is not None
    watch = PixelWatch(dataset.index, dataset.known_pixels)
    looked = itertools.count()
    monkeypatch.setattr(seeded.time, "perf_counter", lambda: float(next(looked)))
    for _ in range(300):
        watch.after_reading(30.0)
    compared_seconds = next(looked) // 2
    assert 80 <= compared_seconds <= 0.01 * 300 * 30.0
