"""An experiment whose `tracks_path` is what a tracker wrote, through the public face."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets import (
    DatasetConfig,
    MultiExperimentIndex,
    TrackTransform,
    TripletConfig,
    diagnose,
)
from lineage_triplets.engine.dataset.verification import fingerprints
from lineage_triplets.engine.errors import ConfigError, TrackTableError
from lineages import MOVIE
from stores import make_experiment, track_table
from trackers import ctc, geff, trackmate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lineage_triplets import ExperimentConfig

FOV = "A/1/0"
LAYOUT: dict[str, Any] = {"shape": (4, 2, 1, 40, 40), "pixel_size_um": 0.25, "slice_um": 2.0}


def experiment(
    root: Path, tracks: Path, fovs: Sequence[str] = (FOV,), **how: Any
) -> ExperimentConfig:
    layout = {**LAYOUT, **how}
    nothing = {fov: track_table() for fov in ([] if layout.get("single_image") else fovs)}
    made = make_experiment(root, "one", nothing or {"0/0/0": track_table()}, fovs=fovs, **layout)
    return made.model_copy(update={"tracks_path": str(tracks)})


def config_of(*experiments: ExperimentConfig) -> TripletConfig:
    dataset = DatasetConfig(yx_patch_size=(8, 8), tau_range_hours=(0.5, 1.5))
    return TripletConfig(experiments=list(experiments), dataset=dataset)


def index_of(*experiments: ExperimentConfig) -> MultiExperimentIndex:
    return MultiExperimentIndex.from_config(config_of(*experiments))


def places(index: MultiExperimentIndex) -> set[tuple[int, float, float]]:
    return set(index.tracks[["t", "y", "x"]].round(1).itertuples(index=False, name=None))


TRUE_PLACES = {(cell.t, float(cell.y), float(cell.x)) for cell in MOVIE}


def write(tracks: Path, kind: str, pixel: float = 0.25) -> Path:
    if kind == "geff":
        return geff(tracks.with_suffix(".geff"))
    if kind == "ctc":
        return ctc(tracks)
    file = tracks.with_suffix(".xml")
    file.write_text(trackmate(pixel=pixel), encoding="utf-8")
    return file


@pytest.mark.parametrize("kind", ["geff", "ctc", "trackmate"])
@pytest.mark.parametrize("single_image", [True, False])
def test_tracks_path_is_the_table_where_there_is_one_fov(tmp_path, kind, single_image):
    tracks = write(tmp_path / "tracks", kind)
    index = index_of(experiment(tmp_path, tracks, single_image=single_image))
    assert places(index) == TRUE_PLACES
    assert index.tracks["lineage_id"].nunique() == 2
    daughters = index.tracks[index.tracks["generation"] == 1]
    assert sorted(daughters["t"]) == [2, 2, 3, 3]
    assert len(index.valid_anchors) == 6
    assert [problem.kind for problem in index.problems] == []


def test_each_fov_may_have_a_table_of_its_own_kind(tmp_path):
    fovs = ["A/1/0", "A/1/1", "B/2/0"]
    root = tmp_path / "tracks"
    for fov, kind in zip(fovs, ["geff", "ctc", "trackmate"], strict=True):
        (root / fov).mkdir(parents=True)
        write(root / fov / "from_a_tracker", kind)
    index = index_of(experiment(tmp_path, root, fovs))
    for fov in fovs:
        of_fov = index.tracks[index.tracks["fov_name"] == fov]
        rows = of_fov[["t", "y", "x"]].round(1).itertuples(index=False, name=None)
        assert set(rows) == TRUE_PLACES
    assert [p.kind for p in index.problems] == []


def test_one_table_for_several_fovs_is_an_error_said_once(tmp_path):
    tracks = write(tmp_path / "tracks", "geff")
    config = config_of(experiment(tmp_path, tracks, ["A/1/0", "A/1/1"]))
    with pytest.raises(TrackTableError, match="2 FOVs: A/1/0, A/1/1"):
        MultiExperimentIndex.from_config(config)
    found = [problem.kind for problem in diagnose(config).problems]
    assert found.count("one-table-for-all") == 1


class TestMicrometres:
    def test_the_images_pixel_size_counts_and_not_the_files(self, tmp_path):
        """A TrackMate file of the whole camera's pixels, images that were binned since."""
        content = trackmate(pixel=0.25).replace('pixelwidth="0.25"', 'pixelwidth="0.0625"')
        (tmp_path / "movie.xml").write_text(content, encoding="utf-8")
        assert places(index_of(experiment(tmp_path, tmp_path / "movie.xml"))) == TRUE_PLACES

    def test_without_one_the_error_names_the_scale_to_give(self, tmp_path):
        tracks = write(tmp_path / "tracks", "trackmate", pixel=0.2)
        given = experiment(tmp_path, tracks, pixel_size_um=1.0, slice_um=1.0)
        with pytest.raises(ConfigError, match=r"track_transform\.scale") as caught:
            index_of(given)
        problem = caught.value.problems[0]
        assert (problem.kind, problem.experiment, problem.fov) == ("unknown-pixel-size", "one", FOV)
        assert "[0.5, 5, 5]" in problem.remedy
        scaled = given.model_copy(update={"track_transform": TrackTransform(scale=(0.5, 5, 5))})
        assert places(index_of(scaled)) == TRUE_PLACES

    def test_a_scale_in_the_config_counts_before_the_files_unit(self, tmp_path):
        tracks = write(tmp_path / "tracks", "trackmate", pixel=0.2)
        given = experiment(tmp_path, tracks)
        scaled = given.model_copy(update={"track_transform": TrackTransform(scale=5)})
        assert places(index_of(scaled)) == TRUE_PLACES
        assert places(index_of(given)) != TRUE_PLACES

    def test_frames_and_offsets_of_the_config_hold_beside_the_unit(self, tmp_path):
        tracks = write(tmp_path / "tracks", "trackmate")
        moved = TrackTransform(first_frame=1, offset=(0, 2.0, 3.0))
        given = experiment(tmp_path, tracks).model_copy(update={"track_transform": moved})
        index = index_of(given)
        later = {(cell.t - 1, cell.y + 2.0, cell.x + 3.0) for cell in MOVIE if cell.t}
        assert places(index) == later
        assert index.fovs[0].track_transform.scale == (0.5, 4.0, 4.0)

    def test_the_config_says_the_unit_of_a_file_that_is_silent_or_wrong(self, tmp_path):
        silent = geff(tmp_path / "silent.geff", scale=(0.25, 1.0))
        given = experiment(tmp_path, silent)
        micrometres = {"track_transform": TrackTransform(unit="um")}
        assert places(index_of(given.model_copy(update=micrometres))) == TRUE_PLACES
        wrong = write(tmp_path / "wrong", "trackmate", pixel=1.0)
        pixels = {"track_transform": TrackTransform(unit="pixel"), "tracks_path": str(wrong)}
        assert places(index_of(given.model_copy(update=pixels))) == TRUE_PLACES
        with pytest.raises(ValueError, match="give one of them"):
            TrackTransform(unit="um", scale=2)


def test_the_fingerprint_covers_every_file_of_a_table(tmp_path):
    tracks = write(tmp_path / "tracks", "ctc")
    index = index_of(experiment(tmp_path, tracks))
    before = fingerprints(index)["one"].tables
    (tracks / "notes.md").write_text("no part of it", encoding="utf-8")
    assert fingerprints(index)["one"].tables == before
    shutil.copy(tracks / "mask001.tif", tracks / "mask002.tif")
    assert fingerprints(index)["one"].tables != before
