"""Pixel size and interval from axes and scales, and from coordinate systems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets import TripletConfig, diagnose
from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.image import open_image
from stores import make_experiment, track_table, write_image

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.plates.image import Fov


def axes_of(letters: str, units: bool = True) -> list[dict[str, str]]:
    unit = {"t": "minute", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
    kind = {"t": "time", "c": "channel"}
    return [
        {"name": letter, "type": kind.get(letter, "space")}
        | ({"unit": unit[letter]} if units and letter in unit else {})
        for letter in letters
    ]


def lead(kind: str, output: Any = "physical", source: Any = "0", **how: Any) -> dict[str, Any]:
    return {"type": kind, "input": source, "output": output, **how}


def with_multiscales(folder: Path, shape: tuple[int, ...], axes: str, **multiscales: Any) -> Fov:
    """An image of version 0.6 with these entries of ``multiscales``, and one level "0"."""
    write_image(folder, shape=shape, axes=axes, version="0.5")
    file = folder / "zarr.json"
    content = json.loads(file.read_text())
    transforms = multiscales.pop("level", [])
    multiscales["datasets"] = [{"path": "0", "coordinateTransformations": transforms}]
    content["attributes"]["ome"] = {"version": "0.6", "multiscales": [multiscales]}
    file.write_text(json.dumps(content))
    return open_image(folder)


def physical(axes: str = "tczyx") -> list[dict[str, Any]]:
    return [{"name": "physical", "axes": axes_of(axes)}]


class TestVersion06:
    def test_as_ngff_zarr_0_50_writes_it(self, tmp_path):
        """Ends are objects, levels ``scale0/image``, a scale and a translation in a sequence."""
        write_image(tmp_path, shape=(4, 2, 4, 8, 12), version="0.5", level="scale0/image")
        write_image(tmp_path / "half", shape=(4, 2, 4, 4, 6), version="0.5", level="image")
        (tmp_path / "half").rename(tmp_path / "scale1")
        scales = ([5.0, 1.0, 2.0, 0.5, 0.25], [5.0, 1.0, 2.0, 1.0, 0.5])
        moves = ([0, 0, 3.0, 7.0, 9.0], [0, 0, 3.0, 7.25, 9.125])
        datasets = [
            {
                "path": f"scale{level}/image",
                "coordinateTransformations": [
                    {
                        "input": {"path": f"scale{level}/image"},
                        "output": {"name": "intrinsic"},
                        "name": f"scale{level}_to_intrinsic",
                        "type": "sequence",
                        "transformations": [
                            {"type": "scale", "scale": scale},
                            {"type": "translation", "translation": move},
                        ],
                    }
                ],
            }
            for level, (scale, move) in enumerate(zip(scales, moves, strict=True))
        ]
        system = {"name": "intrinsic", "axes": axes_of("tczyx")}
        multiscales = {"coordinateSystems": [system], "datasets": datasets, "name": "image"}
        file = tmp_path / "zarr.json"
        content = json.loads(file.read_text())
        content["attributes"]["ome"] = {"version": "0.6", "multiscales": [multiscales]}
        file.write_text(json.dumps(content))
        fov = open_image(tmp_path)
        assert fov.axes == tuple("tczyx")
        assert fov.array_path == str(tmp_path / "scale0/image")
        assert fov.level_shapes == ((4, 2, 4, 8, 12), (4, 2, 4, 4, 6))
        assert (fov.pixel_size_um, fov.interval_minutes) == ((2.0, 0.5, 0.25), 5.0)
        assert fov.unread_transform == ""

    def test_as_neuroglancer_has_it_with_text_for_ends(self, tmp_path):
        """Version 0.6.dev1."""
        scale = lead("scale", source="array", scale=[4, 3, 2])
        fov = with_multiscales(
            tmp_path, (2, 5, 6), "zyx", coordinateSystems=physical("zyx"), level=[scale]
        )
        assert fov.pixel_size_um == (4.0, 3.0, 2.0)

    def test_the_axes_are_those_of_the_system_that_the_level_leads_to(self, tmp_path):
        systems = [
            {"name": "stage", "axes": axes_of("xyt")},
            {"name": "physical", "axes": axes_of("tyx")},
        ]
        fov = with_multiscales(
            tmp_path, (3, 5, 6), "tyx", coordinateSystems=systems,
            level=[lead("scale", scale=[2, 0.5, 0.5])],
            coordinateTransformations=[lead("rotation", "stage", "physical", rotation=[])],
        )  # fmt: skip
        assert (fov.axes, fov.shape) == (("t", "y", "x"), (3, 1, 1, 5, 6))
        assert (fov.pixel_size_um, fov.interval_minutes) == ((1.0, 0.5, 0.5), 2.0)

    def test_from_a_system_without_units_it_goes_on_to_one_that_has_them(self, tmp_path):
        systems = [{"name": "pixels", "axes": axes_of("tyx", units=False)}, *physical("tyx")]
        fov = with_multiscales(
            tmp_path, (3, 5, 6), "tyx", coordinateSystems=systems,
            level=[lead("identity", "pixels")],
            coordinateTransformations=[
                lead("affine", "stage", "pixels"),
                lead("scale", "physical", "pixels", scale=[10, 0.25, 0.25]),
            ],
        )  # fmt: skip
        assert (fov.pixel_size_um, fov.interval_minutes) == ((1.0, 0.25, 0.25), 10.0)

    @pytest.mark.parametrize("level", [[], [lead("identity")], [lead("translation")]])
    def test_without_a_scale_the_size_is_unknown(self, tmp_path, level):
        fov = with_multiscales(
            tmp_path, (5, 6), "yx", coordinateSystems=physical("yx"), level=level
        )
        assert (fov.axes, fov.pixel_size_um, fov.unread_transform) == (("y", "x"), None, "")

    def test_a_matrix_that_only_scales_and_moves_is_a_scale(self, tmp_path):
        affine = lead("affine", affine=[[3, 0, 21], [0, 2, 10]])
        fov = with_multiscales(
            tmp_path, (5, 6), "yx", coordinateSystems=physical("yx"), level=[affine]
        )
        assert (fov.pixel_size_um, fov.unread_transform) == ((1.0, 3.0, 2.0), "")

    @pytest.mark.parametrize(
        ("transform", "kind"),
        [
            (lead("affine", affine=[[3, 0.1, 21], [0, 2, 10]]), "affine"),
            (lead("affine", affine=[[-3, 0, 21], [0, 2, 10]]), "affine"),
            (lead("affine", path="matrix"), "affine"),
            (lead("rotation", rotation=[[0, -1], [1, 0]]), "rotation"),
            (lead("scale", path="sizes"), "scale"),
            (lead("scale", scale=[1, 2, 3]), "scale"),
            *((lead("scale", scale=[1, size]), "scale") for size in (0, -1, 1e308 * 10)),
            (
                lead("sequence", transformations=[{"type": "mapAxis"}, {"type": "scale"}]),
                "mapAxis",
            ),
        ],
    )
    def test_what_is_more_than_a_scale_is_named(self, tmp_path, transform, kind):
        fov = with_multiscales(
            tmp_path, (5, 6), "yx", coordinateSystems=physical("yx"), level=[transform]
        )
        assert (fov.pixel_size_um, fov.unread_transform) == (None, kind)

    def test_where_axes_may_be_exchanged_the_arrays_own_names_count(self, tmp_path):
        exchange = lead("mapAxis", mapAxis=[1, 0])
        fov = with_multiscales(
            tmp_path, (5, 6), "yx", coordinateSystems=physical("yx"), level=[exchange]
        )
        assert fov.axes == ("y", "x")
        array = tmp_path / "0/zarr.json"
        content = json.loads(array.read_text()) | {"dimension_names": ["x", "y"]}
        array.write_text(json.dumps(content))
        assert open_image(tmp_path).axes == ("x", "y")

    @pytest.mark.parametrize(
        "systems", [[{}], [{"name": "physical"}], "physical", [None], [{"name": "a", "axes": []}]]
    )
    def test_systems_that_say_nothing(self, tmp_path, systems):
        with pytest.raises(StoreError) as caught:
            with_multiscales(tmp_path, (5, 6), "yx", coordinateSystems=systems)
        assert caught.value.problems[0].kind in {"bad-metadata", "unknown-axes"}


def test_a_size_that_is_not_read_is_said_once(tmp_path):
    experiment = make_experiment(
        tmp_path, "one", {"A/1/0": track_table((1, range(6))), "A/1/1": track_table((1, range(6)))},
        version="0.5",
    )  # fmt: skip
    for fov in ("A/1/0", "A/1/1"):
        file = tmp_path / "one.zarr" / fov / "zarr.json"
        content = json.loads(file.read_text())
        (scales,) = content["attributes"]["ome"]["multiscales"]
        scales["datasets"][0]["coordinateTransformations"] = [{"type": "rotation"}]
        file.write_text(json.dumps(content))
    found = diagnose(TripletConfig(experiments=[experiment], dataset={"yx_patch_size": (16, 16)}))
    (problem,) = [problem for problem in found.problems if problem.kind == "unread-transform"]
    assert (problem.severity, problem.count) == ("warning", 2)
    assert "'rotation'" in problem.message
    assert found.errors == ()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_scales_of_level_and_image_are_multiplied(tmp_path, version):
    write_image(tmp_path, shape=(5, 6), axes="yx", version=version, pixel_size_um=0.5)
    file = tmp_path / ("zarr.json" if version == "0.5" else ".zattrs")
    content = json.loads(file.read_text())
    ome = content["attributes"]["ome"] if version == "0.5" else content
    ome["multiscales"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [2, 4]},
        {"type": "translation", "translation": [1, 1]},
    ]
    file.write_text(json.dumps(content))
    assert open_image(tmp_path).pixel_size_um == (1.0, 1.0, 2.0)
