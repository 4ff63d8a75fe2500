"""Acquisitions under way: frames at the end of which nothing is on disk."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from lineage_triplets import (
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    diagnose,
)
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.plates.written import n_frames_written
from stores import (
    make_experiment,
    numbered_pixels,
    source_of,
    track_table,
    write_image,
)

if TYPE_CHECKING:
    from pathlib import Path

LAYOUTS: dict[str, dict[str, Any]] = {
    "v2": {"key_encoding": ("v2", ".")},
    "v2-nested": {"key_encoding": ("v2", "/")},
    "v3": {"version": "0.5"},
    "v3-flat": {"version": "0.5", "key_encoding": ("default", ".")},
    "v3-v2-keys": {"version": "0.5", "key_encoding": ("v2", ".")},
    "sharded": {"version": "0.5", "chunks": (1, 1, 1, 8, 6), "shards": (1, 2, 1, 16, 12)},
    "frames in a shard": {"version": "0.5", "chunks": (1, 1, 1, 8, 6), "shards": (4, 2, 1, 16, 12)},
    "index first": {
        "version": "0.5", "chunks": (1, 2, 1, 16, 12), "shards": (4, 2, 1, 16, 12),
        "index_location": "start", "key_encoding": ("default", "."),
    },
    "channels first": {"axes": "cztyx", "key_encoding": ("v2", "/"), "chunks": (1, 1, 1, 8, 6)},
    "channels first, flat": {"axes": "cztyx", "key_encoding": ("v2", ".")},
    "no channels": {"axes": "tyx", "version": "0.5", "chunks": (1, 8, 6)},
}  # fmt: skip


def written(folder: Path, pixels: np.ndarray, layout: dict[str, Any]) -> int:
    """Frames that count as written of (T, C, Z, Y, X) pixels, whose empty chunks are left out."""
    axes = layout.get("axes", "tczyx")
    moved = pixels[:, 0, 0] if axes == "tyx" else pixels.transpose(["tczyx".index(a) for a in axes])
    write_image(folder, pixels=moved, write_empty_chunks=False, **layout)
    return n_frames_written(open_image(folder))


@pytest.fixture
def movie() -> np.ndarray:
    return numbered_pixels((10, 2, 1, 16, 12))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_frames_are_counted_up_to_the_last_that_has_a_chunk(tmp_path, movie, layout):
    assert written(tmp_path / "whole", movie, layout) == 10
    movie[7:] = 0
    assert written(tmp_path / "stopped", movie, layout) == 7
    # A frame that is blank among others, and one of which the first tiles are.
    movie[4] = 0
    movie[6, :, :, :8] = 0
    movie[6, 0] = movie[6, 0] * (layout.get("axes") == "tyx")
    assert written(tmp_path / "sparse", movie, layout) == 7


def test_frames_of_a_chunk_come_together(tmp_path, movie):
    movie[7:] = 0
    assert written(tmp_path, movie, {"chunks": (3, 2, 1, 16, 12)}) == 9


def test_an_image_without_any_chunk_is_taken_as_it_is(tmp_path, movie):
    assert written(tmp_path / "v2", movie * 0, LAYOUTS["v2"]) == 10
    assert written(tmp_path / "v3", movie * 0, LAYOUTS["v3"]) == 10


def test_files_of_other_names_are_no_chunks(tmp_path, movie):
    movie[7:] = 0
    assert written(tmp_path, movie, LAYOUTS["v2"]) == 7
    for name in ("9.0.0.0.0.__lock", "9.0", "a.0.0.0.0", "notes.txt"):
        (tmp_path / "0" / name).write_text("")
    assert n_frames_written(open_image(tmp_path)) == 7


def test_a_shard_whose_index_is_damaged_counts_whole(tmp_path, movie):
    movie[7:] = 0
    assert written(tmp_path, movie, LAYOUTS["frames in a shard"]) == 7
    for shard in (tmp_path / "0/c/1").rglob("*"):
        if shard.is_file():
            shard.write_bytes(b"short")
    assert n_frames_written(open_image(tmp_path)) == 8


def patches_of(index: MultiExperimentIndex, **settings: Any) -> np.ndarray:
    dataset = MultiExperimentTripletDataset(index, fit=False, **settings)
    return dataset.__getitems__(range(len(dataset)))["anchor"].numpy()


class TestIndex:
    """Twelve frames are promised, of which seven are there; the table knows ten."""

    @pytest.fixture
    def config(self, tmp_path) -> TripletConfig:
        pixels = numbered_pixels((12, 2, 1, 40, 48))
        one = make_experiment(
            tmp_path,
            "one",
            {"A/1/0": track_table((1, range(10)), (2, range(3, 6)))},
            pixels=pixels,
        )
        for frame in range(7, 12):
            shutil.rmtree(tmp_path / f"one.zarr/A/1/0/0/{frame}")
        settings = {"yx_patch_size": (16, 16), "tau_range_hours": (0.5, 1.0)}
        return TripletConfig(experiments=[one], dataset=settings)

    def test_what_is_not_there_is_left_out_and_said(self, config):
        found = diagnose(config)
        (problem,) = found.problems
        assert (problem.kind, problem.severity, problem.count) == ("unwritten-frames", "warning", 3)
        assert "of 12 frames the last 5 have no chunk" in problem.message
        assert "missing_chunks: fill" in problem.remedy
        index = found.index
        assert index.tracks.t.max() == 6
        assert index.valid_anchors.t.max() == 5
        assert (patches_of(index, missing_chunks="error") > 0).all()
        pairs = source_of(index, missing_chunks="error").draw(index.anchor_rows, 0, 0)
        assert index.tracks.t.to_numpy()[pairs.positive].max() == 6

    def test_a_plate_under_way_is_said_once_with_its_fovs(self, tmp_path):
        wells = ("A/1/0", "A/1/1", "B/2/0")
        one = make_experiment(
            tmp_path,
            "one",
            {well: track_table((1, range(4))) for well in wells},
            pixels=dict.fromkeys(wells, numbered_pixels((4, 2, 1, 40, 48))),
        )
        for well, absent in (("A/1/0", (3,)), ("B/2/0", (2, 3))):
            for frame in absent:
                shutil.rmtree(tmp_path / f"one.zarr/{well}/0/{frame}")
        settings = {"yx_patch_size": (16, 16), "tau_range_hours": (0.5, 1.0)}
        (problem,) = diagnose(TripletConfig(experiments=[one], dataset=settings)).problems
        assert (problem.kind, problem.count) == ("unwritten-frames", 3)
        assert problem.fovs == ("A/1/0", "B/2/0")
        assert "3 of the rows of 2 FOVs" in problem.message
        assert "of 4 frames the last 1 to 2 have no chunk" in problem.message

    def test_black_frames_that_were_left_out_on_purpose_are_kept_on_request(self, config):
        filled = config.dataset.model_copy(update={"missing_chunks": "fill"})
        found = diagnose(config.model_copy(update={"dataset": filled}))
        assert found.problems == ()
        assert found.index.tracks.t.max() == 9

    def test_frames_that_come_are_there_the_next_time(self, config, tmp_path):
        index = MultiExperimentIndex.from_config(config)
        before = patches_of(index)
        array = zarr.open_array(tmp_path / "one.zarr/A/1/0/0", mode="r+")
        array.resize((20, 2, 1, 40, 48))
        array[7:12] = 7
        np.testing.assert_array_equal(patches_of(index), before)
        later = MultiExperimentIndex.from_config(config)
        assert later.tracks.t.max() == 9
        assert [problem.kind for problem in later.problems] == []
        assert (index.fovs[0].fov.shape[0], later.fovs[0].fov.shape[0]) == (12, 20)
