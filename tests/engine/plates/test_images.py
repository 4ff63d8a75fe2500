"""Plates and images from their JSON: as writers write them, and broken in every way."""

from __future__ import annotations

import copy
import json
import shutil
from typing import TYPE_CHECKING

import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.errors import Problem, StoreError
from lineage_triplets.engine.plates.channels import resolve_channels
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.plates.plate import open_plate
from stores import write_image, write_plate

if TYPE_CHECKING:
    from pathlib import Path


def the_fault(path: Path, fov: str | None = None) -> Problem:
    with pytest.raises(StoreError) as caught:
        open_plate(path).fov(fov) if fov else open_plate(path)
    assert isinstance(caught.value, OSError)
    (problem,) = caught.value.problems
    return problem


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


class TestReading:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_a_plate(self, tmp_path, version):
        write_plate(
            tmp_path / "p.zarr", ["A/1/0", "A/1/1", "B/12/000003"], version=version,
            shape=(5, 2, 3, 20, 30), chunks=(1, 1, 3, 10, 10), channels=["a", "b"],
            interval_minutes=15.0, pixel_size_um=0.65,
        )  # fmt: skip
        plate = open_plate(tmp_path / "p.zarr")
        assert plate.wells == ("A/1", "B/12")
        assert not plate.single_image
        assert plate.fov_names() == ["A/1/0", "A/1/1", "B/12/000003"]
        assert plate.fov_names(["B/12"]) == ["B/12/000003"]
        fov = plate.fov("B/12/000003")
        assert (fov.name, fov.well_name) == ("B/12/000003", "B/12")
        assert fov.axes == tuple("tczyx")
        assert (fov.shape, fov.chunk_shape) == ((5, 2, 3, 20, 30), (1, 1, 3, 10, 10))
        assert fov.dtype == "uint16"
        assert fov.zarr_format == (2 if version == "0.4" else 3)
        assert fov.channel_names == ("a", "b")
        assert fov.pixel_size_um == (2.0, 0.65, 0.65)
        assert fov.interval_minutes == 15.0
        assert fov.normalization() is None

    def test_the_chunk_of_a_sharded_array_is_the_inner_one(self, tmp_path):
        write_image(
            tmp_path / "i.zarr", shape=(4, 20, 30), axes="tyx", version="0.5",
            chunks=(1, 5, 5), shards=(2, 20, 30),
        )  # fmt: skip
        assert open_image(tmp_path / "i.zarr").chunk_shape == (1, 1, 1, 5, 5)

    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_axes_in_upper_case_and_absent_ones(self, tmp_path, version):
        write_image(tmp_path / "i.zarr", shape=(20, 30, 4), axes="YXT", version=version)
        plate = open_plate(tmp_path / "i.zarr")
        assert (plate.single_image, plate.wells, plate.fov_names()) == (True, ("0/0",), ["0/0/0"])
        fov = plate.fov("0/0/0")
        assert fov.axes == ("y", "x", "t")
        assert fov.shape == (4, 1, 1, 20, 30)
        assert fov.channel_names is None

    def test_five_axes_without_names_are_tczyx(self, tmp_path):
        write_image(tmp_path / "i.zarr", shape=(2, 3, 4, 5, 6))
        file = tmp_path / "i.zarr" / ".zattrs"
        scales = json.loads(file.read_text())["multiscales"]
        del scales[0]["axes"], scales[0]["datasets"][0]["coordinateTransformations"]
        edit(file, multiscales=scales)
        fov = open_image(tmp_path / "i.zarr")
        assert (fov.axes, fov.shape) == (tuple("tczyx"), (2, 3, 4, 5, 6))
        assert fov.interval_minutes is None

    @pytest.mark.parametrize(
        ("unit", "size"),
        [("micrometer", 0.5), ("nanometer", 0.0005), (None, 0.5), ("angstrom", None), ([], None)],
    )
    def test_pixel_sizes_in_their_units(self, tmp_path, unit, size):
        write_image(tmp_path / "i.zarr", shape=(5, 6), axes="yx")
        file = tmp_path / "i.zarr" / ".zattrs"
        scales = json.loads(file.read_text())["multiscales"]
        for axis in scales[0]["axes"]:
            axis["unit"] = unit
        edit(file, multiscales=scales)
        if unit == []:
            assert the_fault(tmp_path / "i.zarr", "0/0/0").kind == "bad-metadata"
            return
        found = open_image(tmp_path / "i.zarr").pixel_size_um
        assert found == (None if size is None else (1.0, size, size))

    def test_without_a_scale_there_is_no_pixel_size(self, tmp_path):
        write_image(tmp_path / "i.zarr", shape=(5, 6), axes="yx")
        file = tmp_path / "i.zarr" / ".zattrs"
        scales = json.loads(file.read_text())["multiscales"]
        del scales[0]["datasets"][0]["coordinateTransformations"]
        edit(file, multiscales=scales)
        assert open_image(tmp_path / "i.zarr").pixel_size_um is None
        zarr.create_array(
            tmp_path / "bare.zarr", shape=(5, 6), dtype="uint8", dimension_names=["y", "x"]
        )
        bare = open_image(tmp_path / "bare.zarr")
        assert (bare.pixel_size_um, bare.interval_minutes) == (None, None)

    def test_what_a_plate_lists_twice_is_there_once(self, tmp_path):
        write_plate(tmp_path / "p.zarr", ["A/1/0", "A/1/1"], shape=(2, 1, 1, 8, 8))
        attributes = json.loads((tmp_path / "p.zarr" / ".zattrs").read_text())["plate"]
        edit(tmp_path / "p.zarr" / ".zattrs", plate=attributes | {"wells": attributes["wells"] * 2})
        edit(
            tmp_path / "p.zarr/A/1/.zattrs",
            well={"images": [{"path": "0"}, {"path": "1"}, {"path": "0", "acquisition": 1}]},
        )
        assert open_plate(tmp_path / "p.zarr").fov_names() == ["A/1/0", "A/1/1"]

    def test_normalization_is_read_as_it_stands(self, tmp_path):
        statistics = {"a": {"fov_statistics": {"mean": 1.5}}}
        for version in ("0.4", "0.5"):
            write_image(
                tmp_path / version, shape=(5, 6), axes="yx", version=version,
                normalization=statistics,
            )  # fmt: skip
            assert open_image(tmp_path / version).normalization() == statistics


class TestChannels:
    @pytest.fixture
    def fov(self, tmp_path):
        write_image(tmp_path / "i.zarr", shape=(1, 2, 1, 5, 6), channels=["Phase", "GFP"])
        return open_image(tmp_path / "i.zarr")

    def test_the_stores_names(self, fov):
        assert resolve_channels(fov, ["Phase", "GFP"]) == (("Phase", "GFP"), None)

    def test_another_order_shows_both(self, fov):
        names, problem = resolve_channels(fov, ["GFP", "Phase"])
        assert names == ("Phase", "GFP")
        assert problem.severity == "error"
        assert "another order" in problem.message
        assert "['GFP', 'Phase']" in problem.message
        assert "['Phase', 'GFP']" in problem.message

    def test_other_names_and_another_number(self, fov):
        for configured in (["Phase", "RFP"], ["Phase"], ["Phase", "GFP", "RFP"]):
            _, problem = resolve_channels(fov, configured)
            assert (problem.kind, problem.severity) == ("channel-names", "error")
            assert str(configured) in problem.message

    @pytest.mark.parametrize("omero", [None, {}, {"channels": []}, {"channels": [{}, {}]}, [], 3])
    def test_none_in_the_store(self, tmp_path, omero):
        write_image(tmp_path / "n.zarr", shape=(1, 2, 1, 5, 6))
        edit(tmp_path / "n.zarr" / ".zattrs", omero=omero)
        nameless = open_image(tmp_path / "n.zarr")
        names, problem = resolve_channels(nameless, ["a", "b"])
        assert (names, problem.severity) == (("a", "b"), "warning")
        _, problem = resolve_channels(nameless, ["a"])
        assert problem.severity == "error"
        assert "has 2" in problem.message


class TestFaults:
    def test_nothing_there(self, tmp_path):
        problem = the_fault(tmp_path / "absent.zarr")
        assert (problem.kind, problem.file) == ("missing-path", str(tmp_path / "absent.zarr"))

    def test_a_name_that_no_folder_can_have(self, tmp_path):
        assert the_fault(tmp_path / ("x" * 5000)).kind == "missing-path"

    def test_a_file(self, tmp_path):
        (tmp_path / "file").write_text("")
        assert the_fault(tmp_path / "file").kind == "missing-path"

    def test_a_folder_without_zarr(self, tmp_path):
        assert the_fault(tmp_path).kind == "not-zarr"

    def test_a_group_that_is_no_plate_says_what_it_holds(self, tmp_path):
        write_plate(tmp_path / "a" / "p.zarr", ["A/1/0"], shape=(1, 1, 1, 5, 6))
        (tmp_path / "a" / ".zgroup").write_text("{}")
        problem = the_fault(tmp_path / "a")
        assert problem.kind == "not-a-plate"
        assert "p.zarr" in problem.message

    def test_a_well_given_as_the_plate(self, tmp_path):
        write_plate(tmp_path / "p.zarr", ["A/1/0"], shape=(1, 1, 1, 5, 6))
        assert the_fault(tmp_path / "p.zarr" / "A" / "1").kind == "not-a-plate"

    def test_a_remote_store(self):
        assert the_fault("abfs://bucket/p.zarr").kind == "remote-store"

    def test_axes_that_are_not_ours(self, tmp_path):
        write_image(tmp_path / "i.zarr", shape=(2, 5, 6), axes="ryx")
        problem = the_fault(tmp_path / "i.zarr", "0/0/0")
        assert problem.kind == "unknown-axes"
        assert "r, y, x" in problem.message

    @pytest.mark.parametrize("axes", ["tcy", "yy", "tyyx"])
    def test_axes_without_y_and_x_or_twice(self, tmp_path, axes):
        write_image(tmp_path / "i.zarr", shape=[5] * len(axes), axes=axes)
        assert the_fault(tmp_path / "i.zarr", "0/0/0").kind == "unknown-axes"

    def test_a_well_and_a_field_and_a_level_that_are_listed_and_absent(self, tmp_path):
        write_plate(tmp_path / "p.zarr", ["A/1/0", "A/2/0", "A/3/0"], shape=(1, 1, 1, 5, 6))
        shutil.rmtree(tmp_path / "p.zarr/A/1")
        shutil.rmtree(tmp_path / "p.zarr/A/2/0")
        shutil.rmtree(tmp_path / "p.zarr/A/3/0/0")
        plate = open_plate(tmp_path / "p.zarr")
        with pytest.raises(StoreError, match="A/1"):
            plate.fov_names()
        with pytest.raises(StoreError, match="A/2/0: there is no such folder"):
            plate.fov("A/2/0")
        with pytest.raises(StoreError, match="A/3/0/0: the image's metadata name this array"):
            plate.fov("A/3/0")

    @pytest.mark.parametrize("content", ["", "{", "[]", "3", "nan", "\x00", '{"a": ' * 2000])
    @pytest.mark.parametrize("name", [".zattrs", "A/1/.zattrs", "A/1/0/.zattrs", "A/1/0/0/.zarray"])
    def test_json_that_is_broken(self, tmp_path, name, content):
        write_plate(tmp_path / "p.zarr", ["A/1/0"], shape=(1, 1, 1, 5, 6))
        (tmp_path / "p.zarr" / name).write_text(content)
        with pytest.raises(StoreError) as caught:
            open_all(tmp_path / "p.zarr")
        (problem,) = caught.value.problems
        assert problem.kind == "bad-metadata"
        assert problem.file == str(tmp_path / "p.zarr" / name)

    @settings(max_examples=150)
    @given(data=st.data())
    def test_metadata_with_any_value_anywhere(self, tmp_path_factory, data):
        version = data.draw(st.sampled_from(["0.4", "0.5"]))
        folder = tmp_path_factory.getbasetemp() / f"fuzz-{version}"
        if not folder.exists():
            write_plate(
                folder, ["A/1/0"], shape=(1, 2, 1, 5, 6), channels=["a", "b"], version=version,
                **({"shards": (1, 2, 1, 5, 6)} if version == "0.5" else {}),
            )  # fmt: skip
        names = (
            [".zattrs", "A/1/.zattrs", "A/1/0/.zattrs", "A/1/0/0/.zarray"]
            if version == "0.4"
            else ["zarr.json", "A/1/zarr.json", "A/1/0/zarr.json", "A/1/0/0/zarr.json"]
        )
        file = folder / data.draw(st.sampled_from(names))
        whole = json.loads(file.read_text())
        changed = copy.deepcopy(whole)
        place = changed
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            deeper = isinstance(place[key], dict | list) and len(place[key]) > 0
            if not deeper or data.draw(st.booleans()):
                break
            place = place[key]
        if data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(
                st.sampled_from([None, True, -1, 0, 1.5, "", "x", [], [None], [[]], {}, {"a": 1}])
            )
        file.write_text(json.dumps(changed))
        try:
            open_all(folder)
        except StoreError as error:
            assert all(one.file and one.message for one in error.problems)
        finally:
            file.write_text(json.dumps(whole))


def open_all(path: Path) -> None:
    plate = open_plate(path)
    for name in plate.fov_names():
        plate.fov(name)
        plate.fov(name).normalization()
