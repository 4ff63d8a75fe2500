"""Sizes that a file to import claims are judged before its planes are listed; lowered limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from test_microscopes import write_lif

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.plates import limits
from lineage_triplets.imports import plan_import
from stores import numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

tifffile = pytest.importorskip("tifffile")
MOVIE = numbered_pixels((9, 1, 20, 24))
OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
    'ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="24" SizeY="20" SizeZ="1" SizeC="1" '
    'SizeT="{}"><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData/></Pixels></Image></OME>'
)


def write_czi(file: Path) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi")
    with czi.create_czi(str(file)) as document:
        for t, frame in enumerate(MOVIE[:, 0]):
            document.write(frame[..., None], plane={"T": t, "C": 0, "Z": 0})
        document.write_metadata("movie")


def write_movie(file: Path) -> None:
    pytest.importorskip("readlif")
    write_lif(file, MOVIE)


WRITE: dict[str, Callable[[Path], object]] = {
    "pages.tif": lambda file: tifffile.imwrite(file, MOVIE[:, 0], metadata={"axes": "TYX"}),
    "said.tif": lambda file: tifffile.imwrite(
        file, MOVIE[0, 0], description='{"shape": [9, 20, 24]}', metadata=None
    ),
    "imagej.tif": lambda file: tifffile.imwrite(
        file, MOVIE[0, 0], description="ImageJ=1.11a\nimages=9\nframes=9\n", metadata=None
    ),
    "set.ome.tif": lambda file: tifffile.imwrite(
        file, MOVIE[0, 0], description=OME.format(9), metadata=None
    ),
    "movie.czi": write_czi,
    "movie.lif": write_movie,
}


def kind_of(file: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        plan_import([file], interval_minutes=5)
    (problem,) = caught.value.problems
    assert problem.file == str(file)
    assert problem.remedy
    return problem.kind


@pytest.mark.parametrize("name", WRITE)
def test_planes_that_nobody_has_are_refused(tmp_path, monkeypatch, name):
    file = tmp_path / name
    WRITE[name](file)
    monkeypatch.setattr(limits, "MOST_FRAMES", 9)
    assert plan_import([file], interval_minutes=5).fovs
    monkeypatch.setattr(limits, "MOST_FRAMES", 8)
    assert kind_of(file) == "shape-too-large"


@pytest.mark.parametrize("name", ["pages.tif", "movie.czi", "movie.lif"])
def test_a_plane_and_the_list_of_planes_are_held_against_the_memory(tmp_path, monkeypatch, name):
    file = tmp_path / name
    WRITE[name](file)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 0)
    # A quarter of it: a plane of 960 bytes, and nine that are listed.
    for n_bytes, fits in ((18_000, True), (17_999, False), (3_839, False)):
        monkeypatch.setattr(limits, "memory_bytes", lambda n_bytes=n_bytes: n_bytes)
        if fits:
            assert plan_import([file], interval_minutes=5).fovs
        else:
            assert kind_of(file) == "shape-too-large"


def test_a_page_that_is_decoded_whole_is_held_against_the_memory(tmp_path, monkeypatch):
    file = tmp_path / "packed.tif"
    how = {"volumetric": True, "tile": (2, 16, 16), "compression": "zlib"}
    tifffile.imwrite(file, MOVIE[:, 0], photometric="minisblack", **how)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 5_000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * MOVIE.nbytes)
    assert plan_import([file], interval_minutes=5).fovs
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * MOVIE.nbytes - 4)
    assert kind_of(file) == "shape-too-large"


@pytest.mark.parametrize("said", ["many", "-1", "0", "1e9"])
def test_what_is_no_number_is_a_sentence(tmp_path, said):
    file = tmp_path / "a.ome.tif"
    tifffile.imwrite(file, np.zeros((20, 24), "u2"), description=OME.format(said), metadata=None)
    assert kind_of(file) in {"unreadable-image", "shape-too-large"}
