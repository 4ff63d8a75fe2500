"""Microscopes' own files, and what other tools say of the plates that are made of them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaozarrs
import zarr

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.imports import plan_import, run_import
from stores import numbered_pixels

if TYPE_CHECKING:
    from pathlib import Path

MOVIE = numbered_pixels((3, 2, 20, 24))


def pixels_of(out: Path, fov: str) -> np.ndarray:
    return np.asarray(zarr.open_array(out / fov / "0", mode="r")[:, :, 0])


def test_a_czi_s_scenes_are_fovs_and_planes_that_were_never_written_are_told(tmp_path):
    czi = pytest.importorskip("pylibCZIrw.czi")
    with czi.create_czi(str(tmp_path / "movie.czi")) as document:
        for scene in (0, 1):
            for t in range(3):
                for c in (0, 1):
                    if (scene, t, c) != (1, 2, 1):
                        document.write(
                            MOVIE[t, c, ..., None],
                            # The frames' own numbers begin at 4.
                            plane={"T": t + 4, "C": c, "Z": 0},
                            scene=scene,
                            location=(scene * 100, 0),
                        )
        document.write_metadata(
            "movie", channel_names={0: "GFP", 1: "Phase"}, scale_x=5e-7, scale_y=5e-7
        )
    plan = plan_import([tmp_path / "movie.czi"], interval_minutes=5)
    assert [question.field for question in plan.questions] == ["gaps"]
    assert "scene 1: 1 plane of 6 not there, in 1 frame: 2" in plan.questions[0].text
    assert plan.channel_names == ("GFP", "Phase")
    assert plan.pixel_size_um == (None, 0.5, 0.5)
    plan = plan_import([tmp_path / "movie.czi"], interval_minutes=5, gaps="absent")
    run_import(plan, tmp_path / "out.zarr")
    np.testing.assert_array_equal(pixels_of(tmp_path / "out.zarr", "A/1/0"), MOVIE)
    second = pixels_of(tmp_path / "out.zarr", "A/1/1")
    np.testing.assert_array_equal(second[:2], MOVIE[:2])
    assert not (tmp_path / "out.zarr/A/1/1/0/c/2/1").exists()


def write_lif(file: Path, movie: np.ndarray) -> None:
    """One image (t, c, y, x) of 16 bits, a frame every 30 s, in a LIF file made by hand."""
    n_frames, n_channels, rows, columns = movie.shape
    plane = rows * columns * 2
    channels = "".join(
        f'<ChannelDescription BytesInc="{plane * c}" Resolution="16"/>' for c in range(n_channels)
    )
    sizes = ((1, columns, (columns - 1) * 5e-7), (2, rows, (rows - 1) * 5e-7))
    sizes += ((4, n_frames, (n_frames - 1) * 30.0),)
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{n}" Length="{length}" '
        f'BytesInc="{plane * n_channels}"/>'
        for axis, n, length in sizes
    )
    header = (
        '<LMSDataContainerHeader><Element Name="movie.lif"><Children><Element Name="first">'
        f"<Data><Image><ImageDescription><Channels>{channels}</Channels>"
        f"<Dimensions>{dimensions}</Dimensions></ImageDescription></Image></Data>"
        '<Memory Size="1" MemoryBlockID="MemBlock_1"/></Element></Children></Element>'
        "</LMSDataContainerHeader>"
    ).encode("utf-16")
    name = "MemBlock_1".encode("utf-16-le")
    data = movie.astype("<u2").tobytes()
    with file.open("wb") as stream:
        stream.write(struct.pack("<II", 0x70, len(header) + 5))
        stream.write(b"\x2a" + struct.pack("<I", len(header) // 2) + header)
        stream.write(struct.pack("<II", 0x70, len(name) + 10) + b"\x2a")
        stream.write(struct.pack("<I", len(data)) + b"\x2a" + struct.pack("<I", len(name) // 2))
        stream.write(name + data)


def test_a_lif_comes_with_its_sizes_and_its_end_is_counted(tmp_path):
    pytest.importorskip("readlif")
    file = tmp_path / "movie.lif"
    write_lif(file, MOVIE)
    plan = plan_import([file])
    assert not plan.questions
    assert plan.interval_minutes == 0.5
    assert plan.pixel_size_um == (None, 0.5, 0.5)
    run_import(plan, tmp_path / "out.zarr")
    np.testing.assert_array_equal(pixels_of(tmp_path / "out.zarr", "A/1/0"), MOVIE)
    file.write_bytes(file.read_bytes()[: -MOVIE[0].nbytes])
    (question,) = plan_import([file]).questions
    assert "2 planes of 6 not there, in 1 frame: 2" in question.text


@pytest.mark.parametrize("name", ["a.czi", "a.lif", "a.nd2", "a.tif"])
def test_files_that_are_not_what_they_are_called_are_refused(tmp_path, name):
    reader = {"a.czi": "pylibCZIrw", "a.lif": "readlif", "a.nd2": "nd2", "a.tif": "tifffile"}
    pytest.importorskip(reader[name])
    (tmp_path / name).write_bytes(b"no image" * 20)
    with pytest.raises(LineageTripletsError, match=rf"{name}.* read"):
        plan_import([tmp_path / name])


def test_other_readers_of_ome_zarr_take_the_plate_for_one(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "m.tif", MOVIE, metadata={"axes": "TCYX"})
    names = ["GFP", "Phase"]
    plan = plan_import(
        [tmp_path / "m.tif"], interval_minutes=5, pixel_size_um=[0.5], channel_names=names
    )
    run_import(plan, tmp_path / "out.zarr")
    yaozarrs.validate_zarr_store(str(tmp_path / "out.zarr"))
