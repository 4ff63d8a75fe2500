"""Collections of series as experiments, and groups that hold a plate below."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lineage_triplets import (
    ExperimentConfig,
    MultiExperimentTripletDataset,
    TripletConfig,
    diagnose,
)
from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.first_config import find_tracks, inspect_plate
from lineage_triplets.engine.plates.plate import open_plate
from stores import (
    numbered_pixels,
    track_table,
    write_collection,
    write_plate,
    write_tables,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHAPE = (6, 2, 1, 40, 48)
# As ome-writers 0.3.2 writes positions without wells, their names as they were given.
POSITIONS = ("Pos 1", "B/2", "third")


def configured(root: Path, wells: Sequence[str], **dataset: Any) -> TripletConfig:
    experiment = ExperimentConfig(
        name="one",
        data_path=str(root / "one.zarr"),
        tracks_path=str(root / "tracks"),
        channel_names=["Phase", "GFP"],
        source_channel=["GFP"],
        condition_wells={"drug": list(wells)},
    )
    return TripletConfig(experiments=[experiment], dataset={"yx_patch_size": (16, 16), **dataset})


class TestCollection:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    @pytest.mark.parametrize("listed", [True, False])
    def test_series_by_number_are_a_well_each(self, tmp_path, version, listed):
        """As bioformats2raw writes them, with the group OME or without."""
        names = [str(number) for number in range(11)]
        write_collection(tmp_path / "s.zarr", names, version=version, listed=listed, shape=SHAPE)
        plate = open_plate(tmp_path / "s.zarr")
        assert not plate.single_image
        assert plate.wells == tuple(f"{name}/0" for name in names)
        assert plate.fov_names(["10/0"]) == ["10/0/0"]
        fov = plate.fov("10/0/0")
        assert (fov.well_name, fov.shape) == ("10/0", SHAPE)
        assert fov.path == str(tmp_path / "s.zarr" / "10")

    def test_positions_by_name(self, tmp_path):
        write_collection(tmp_path / "s.zarr", POSITIONS, shape=SHAPE)
        plate = open_plate(tmp_path / "s.zarr")
        assert plate.fov_names() == ["Pos 1/0/0", "B-2/0/0", "third/0/0"]
        assert plate.fov("B-2/0/0").path == str(tmp_path / "s.zarr/B/2")
        assert plate.has_fov("Pos 1/0/0")
        assert not plate.has_fov("Pos 2/0/0")

    def test_names_that_nothing_lists(self, tmp_path):
        write_collection(tmp_path / "s.zarr", ["left", "right"], listed=False, shape=SHAPE)
        assert open_plate(tmp_path / "s.zarr").fov_names() == ["left/0/0", "right/0/0"]

    def test_names_that_would_be_one(self, tmp_path):
        write_collection(tmp_path / "s.zarr", ["a/b", "a-b"], shape=SHAPE)
        file = tmp_path / "s.zarr/OME/zarr.json"
        file.write_text(file.read_text().replace('"a-b"]', '"a-b", "./a-b/"]'))
        plate = open_plate(tmp_path / "s.zarr")
        paths = {name: plate.fov(name).path for name in plate.fov_names()}
        assert paths == {
            "a-b/0/0": str(tmp_path / "s.zarr/a/b"),
            "a-b_/0/0": str(tmp_path / "s.zarr/a-b"),
        }

    @pytest.mark.parametrize("name", ["../other", "", "a/../.."])
    def test_a_series_outside_is_refused(self, tmp_path, name):
        write_collection(tmp_path / "s.zarr", ["0"], shape=SHAPE)
        file = tmp_path / "s.zarr/OME/zarr.json"
        file.write_text(file.read_text().replace('"0"]', f'"{name}"]'))
        with pytest.raises(StoreError, match="is no path inside"):
            open_plate(tmp_path / "s.zarr")

    def test_one_without_series_says_so(self, tmp_path):
        write_collection(tmp_path / "s.zarr", [], shape=SHAPE)
        with pytest.raises(StoreError, match="it has no series"):
            open_plate(tmp_path / "s.zarr")

    def test_a_root_that_is_a_plate_stays_one(self, tmp_path):
        write_plate(tmp_path / "p.zarr", ["A/1/0"], shape=SHAPE, version="0.5")
        file = tmp_path / "p.zarr/zarr.json"
        content = json.loads(file.read_text())
        content["attributes"]["ome"]["bioformats2raw.layout"] = 3
        file.write_text(json.dumps(content))
        assert open_plate(tmp_path / "p.zarr").fov_names() == ["A/1/0"]

    def test_its_only_series_has_the_name_that_the_image_alone_has(self, tmp_path):
        write_collection(tmp_path / "s.zarr", ["0"], shape=SHAPE)
        for path in (tmp_path / "s.zarr", tmp_path / "s.zarr/0"):
            assert open_plate(path).fov_names() == ["0/0/0"]

    def test_from_tables_to_pixels_with_tables_in_either_place(self, tmp_path):
        pixels = {name: numbered_pixels(SHAPE, seed=seed) for seed, name in enumerate(POSITIONS)}
        write_collection(tmp_path / "one.zarr", POSITIONS, pixels=pixels, channels=["Phase", "GFP"])
        table = track_table((1, range(6)), y=20.0, x=24.0)
        write_tables(tmp_path / "tracks", {"Pos 1/0/0": table, "B-2": table, "third": table})
        config = configured(tmp_path, ["Pos 1/0", "B-2/0"])
        assert diagnose(config).problems == ()
        dataset = MultiExperimentTripletDataset.from_config(config, fit=False)
        tracks = dataset.index.tracks
        assert dict(zip(tracks.fov_name, tracks.condition, strict=True)) == {
            "Pos 1/0/0": "drug", "B-2/0/0": "drug", "third/0/0": "unknown",
        }  # fmt: skip
        patches = dataset.__getitems__(range(len(tracks)))["anchor"].numpy()
        by_fov = dict(zip(("Pos 1/0/0", "B-2/0/0", "third/0/0"), pixels.values(), strict=True))
        for patch, row in zip(patches, tracks.itertuples(), strict=True):
            there = by_fov[row.fov_name][row.t, 1:, :, 12:28, 16:32]
            np.testing.assert_array_equal(patch, there)

    def test_one_that_is_absent_and_a_table_of_none(self, tmp_path):
        write_collection(
            tmp_path / "one.zarr", ["0", "1", "2"], shape=SHAPE, channels=["Phase", "GFP"]
        )
        shutil.rmtree(tmp_path / "one.zarr/1")
        table = track_table((1, range(6)))
        write_tables(tmp_path / "tracks", {"0": table, "1": table, "7": table})
        problems = diagnose(configured(tmp_path, ["0/0"])).problems
        said = {problem.kind: problem for problem in problems}
        assert set(said) == {"missing-path", "no-table", "table-without-fov"}
        assert said["missing-path"].fov == "1/0/0"
        assert said["no-table"].fovs == ("2/0/0",)
        assert "{tracks_path}/{series}/" in said["no-table"].remedy
        assert said["table-without-fov"].fovs == ("7",)

    def test_costly_chunks_name_the_root(self, tmp_path):
        write_collection(
            tmp_path / "one.zarr", ["0", "1"], shape=(13, 2, 1, 256, 256),
            chunks=(13, 2, 1, 256, 256), channels=["Phase", "GFP"],
        )  # fmt: skip
        write_tables(tmp_path / "tracks", dict.fromkeys("01", track_table((1, range(6)))))
        (problem,) = diagnose(configured(tmp_path, ["0/0"])).problems
        assert (problem.kind, problem.count) == ("costly-chunks", 2)
        assert f"--rechunk {tmp_path / 'one.zarr'} " in problem.remedy


class TestBelow:
    @pytest.fixture
    def root(self, tmp_path):
        """As acquire-zarr 0.10 writes plates: in a group of a root that says nothing."""
        root = tmp_path / "acquired.zarr"
        write_plate(root / "plate1", ["A/1/fov0"], shape=SHAPE, version="0.5")
        described = {"zarr_format": 3, "node_type": "group", "attributes": {}}
        (root / "zarr.json").write_text(json.dumps(described))
        return root

    def test_the_root_names_what_is_inside(self, root):
        with pytest.raises(StoreError) as caught:
            open_plate(root)
        (problem,) = caught.value.problems
        assert problem.kind == "not-a-plate"
        assert "1 plate (plate1)" in problem.message
        assert problem.remedy == f"Give {root / 'plate1'}."

    def test_the_first_config_takes_the_only_one_and_says_so(self, root):
        found = inspect_plate(root)
        assert (found.name, found.inside) == ("acquired", "plate1")
        assert found.plate.path == str(root / "plate1")
        assert "it lies in the group plate1" in found.description()
        write_tables(root.parent / "acquired_tracks", {"A/1/fov0": track_table((1, range(6)))})
        assert find_tracks(found, root.parent) == root.parent / "acquired_tracks"

    def test_of_several_a_person_chooses(self, root):
        write_plate(root / "more/plate2", ["A/1/fov0"], shape=SHAPE, version="0.5")
        group = {"zarr_format": 3, "node_type": "group", "attributes": {}}
        (root / "more/zarr.json").write_text(json.dumps(group))
        with pytest.raises(StoreError) as caught:
            inspect_plate(root)
        (problem,) = caught.value.problems
        assert "2 plates (plate1, more/plate2)" in problem.message
        assert "Give one of them" in problem.remedy

    def test_a_folder_of_plates_names_them(self, root):
        with pytest.raises(StoreError) as caught:
            open_plate(root.parent)
        (problem,) = caught.value.problems
        assert problem.kind == "not-zarr"
        assert problem.remedy == f"Give {root / 'plate1'}."
