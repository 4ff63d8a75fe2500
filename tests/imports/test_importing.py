"""Images of other kinds become plates, bit for bit, or nothing is written."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from lineage_triplets.cli import main
from lineage_triplets.engine.errors import ConfigError, OutputError, OutputExistsError, StoreError
from lineage_triplets.engine.plates.plate import open_plate
from lineage_triplets.imports import ImportPlan, import_steps, plan_import, run_import
from stores import numbered_pixels, track_table, write_collection, write_image

if TYPE_CHECKING:
    from pathlib import Path

tifffile = pytest.importorskip("tifffile")

MOVIE = numbered_pixels((6, 2, 24, 32))
TABLE = track_table((1, range(3)), (2, range(3, 6), 1), (3, range(3, 6), 1), y=12.0, x=16.0)


def imported(plan: ImportPlan, out: Path) -> np.ndarray:
    """Pixels (T, C, Z, Y, X) of the first FOV."""
    run_import(plan, out)
    return np.asarray(zarr.open_array(out / plan.fovs[0].name / "0", mode="r")[:])


def asked(plan: ImportPlan) -> dict[str, str]:
    return {question.field: question.text for question in plan.questions}


def kinds(plan: ImportPlan) -> set[str]:
    return {problem.kind for problem in plan.warnings}


def written(file: Path, pixels: np.ndarray = MOVIE, **options: Any) -> Path:
    tifffile.imwrite(file, pixels, **options)
    return file


def cut(file: Path, share: float) -> Path:
    """Keep the first part of a file's bytes."""
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    return file


def write_series(folder: Path, frames: list[int], name: str = "img_t{t:03d}_{c}.tif") -> Path:
    """One file a frame and channel; frame t has the pixels of MOVIE's t modulo 6."""
    folder.mkdir(parents=True)
    for t in frames:
        for number, channel in enumerate(("GFP", "Phase")):
            written(folder / name.format(t=t, c=channel), MOVIE[t % 6, number])
    return folder


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"metadata": {"axes": "TCYX"}}, (None, None, None)),
        (
            {
                "imagej": True,
                "metadata": {"axes": "TCYX", "finterval": 900.0, "unit": "nm", "spacing": 700.0},
                "resolution": ((1, 500), (1, 500)),
            },
            (0.7, 0.5, 0.5),
        ),
        (
            {
                "compression": "zlib",
                "metadata": {
                    "axes": "TCYX",
                    "PhysicalSizeX": 500.0,
                    "PhysicalSizeXUnit": "nm",
                    "PhysicalSizeY": 0.5,
                    "TimeIncrement": 0.25,
                    "TimeIncrementUnit": "h",
                    "Channel": {"Name": ["GFP", "Phase"]},
                },
            },
            (None, 0.5, 0.5),
        ),
    ],
    ids=["tagged", "imagej", "ome"],
)
def test_a_tiff_comes_with_its_axes_sizes_and_names(tmp_path, options, sizes):
    name = "movie.ome.tif" if "PhysicalSizeX" in options["metadata"] else "movie.tif"
    given = {} if len(options) > 1 else {"interval_minutes": 15.0}
    plan = plan_import([written(tmp_path / name, **options)], **given)
    assert not plan.questions
    assert plan.interval_minutes == 15.0
    assert plan.pixel_size_um == sizes
    assert plan.channel_names == (("GFP", "Phase") if "ome" in name else (None, None))
    np.testing.assert_array_equal(imported(plan, tmp_path / "out.zarr")[:, :, 0], MOVIE)
    fov = open_plate(tmp_path / "out.zarr").fov("A/1/0")
    assert fov.interval_minutes == pytest.approx(15.0)
    assert fov.channel_labels == (("GFP", "Phase") if "ome" in name else ())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "axes QYX"),
        ({"metadata": None}, "axes IYX"),
        ({"imagej": True}, "channels of one frame"),
        ({"metadata": {"axes": "ZYX"}}, "slices of one frame"),
    ],
    ids=["shaped", "plain", "imagej", "slices"],
)
def test_frames_that_a_file_calls_something_else_are_asked_for(tmp_path, options, says):
    file = written(tmp_path / "movie.tif", MOVIE[:, 0], **options)
    plan = plan_import([file], interval_minutes=5)
    assert says in asked(plan)["axes"]
    assert "6 x 24 x 32" in asked(plan)["axes"]
    with pytest.raises(ConfigError, match="--axes, one of: TYX, CYX, ZYX"):
        run_import(plan, tmp_path / "out.zarr")
    plan = plan_import([file], axes="TYX", interval_minutes=5)
    np.testing.assert_array_equal(imported(plan, tmp_path / "out.zarr")[:, 0, 0], MOVIE[:, 0])


def test_three_planes_that_became_a_colour_image_are_asked_for(tmp_path):
    together = {"photometric": "rgb", "planarconfig": "separate"}
    file = written(tmp_path / "movie.tif", MOVIE[:3, 0], **together)
    assert "one colour image" in asked(plan_import([file]))["axes"]
    behind = written(tmp_path / "rgb.tif", np.moveaxis(MOVIE[:3, 0], 0, -1), photometric="rgb")
    for number, source in enumerate((file, behind)):
        plan = plan_import([source], axes="TYX", interval_minutes=5)
        pixels = imported(plan, tmp_path / f"{number}.zarr")
        np.testing.assert_array_equal(pixels[:, 0, 0], MOVIE[:3, 0])


@pytest.mark.parametrize("axes", ["TCYX", "TTYX", "YXT", "TAYX"])
def test_axes_that_do_not_fit_are_refused_with_the_shape(tmp_path, axes):
    file = written(tmp_path / "movie.tif", MOVIE[:, 0])
    with pytest.raises(ConfigError, match="does not fit the shape 6 x 24 x 32"):
        plan_import([file], axes=axes)


@pytest.mark.parametrize(
    "options",
    [{"metadata": {"axes": "TCYX"}}, {"metadata": {"axes": "TCYX"}, "compression": "zlib"},
     {"imagej": True, "metadata": {"axes": "TCYX"}}, {"metadata": None}],
    ids=["shaped", "packed", "imagej", "plain"],
)  # fmt: skip
def test_a_file_that_was_cut_off_is_told(tmp_path, options):
    file = cut(written(tmp_path / "movie.tif", **options), 0.6)
    plan = plan_import([file], axes=None, interval_minutes=5)
    assert "gaps" in asked(plan)
    with pytest.raises(ConfigError, match=r"movie\.tif"):
        run_import(plan, tmp_path / "out.zarr")


def test_planes_behind_a_cut_stay_absent_or_their_frames_are_dropped(tmp_path):
    packed = {"metadata": {"axes": "TCYX"}, "compression": "zlib"}
    file = cut(written(tmp_path / "movie.tif", **packed), 0.6)
    there = plan_import([file], gaps="absent", interval_minutes=5)
    pixels = imported(there, tmp_path / "absent.zarr")
    assert pixels.shape[0] == 6
    kept = len(list((tmp_path / "absent.zarr/A/1/0/0/c").glob("*/*/0/0/0")))
    assert 6 <= kept < 12
    np.testing.assert_array_equal(
        pixels.reshape(12, 24, 32)[:kept], MOVIE.reshape(12, 24, 32)[:kept]
    )
    dropped = imported(plan_import([file], gaps="drop", interval_minutes=5), tmp_path / "b.zarr")
    np.testing.assert_array_equal(dropped[:, :, 0], MOVIE[: kept // 2])


def test_a_folder_of_frames_and_channels(tmp_path):
    folder = write_series(tmp_path / "movie", list(range(6)))
    plan = plan_import([folder], interval_minutes=5)
    assert not plan.questions
    assert plan.channel_names == ("GFP", "Phase")
    np.testing.assert_array_equal(imported(plan, tmp_path / "out.zarr")[:, :, 0], MOVIE)


def test_even_steps_between_numbers_are_frames_and_gaps_are_asked_for(tmp_path):
    even = plan_import([write_series(tmp_path / "even", [5, 20, 35])], interval_minutes=5)
    assert even.fovs[0].shape[0] == 3
    assert kinds(even) == {"frame-numbers"}
    folder = write_series(tmp_path / "gap", [0, 1, 3, 4])
    assert "0 to 4: 2" in asked(plan_import([folder]))["gaps"]
    absent = plan_import([folder], gaps="absent", interval_minutes=5)
    pixels = imported(absent, tmp_path / "absent.zarr")
    np.testing.assert_array_equal(pixels[[0, 1, 3, 4], :, 0], MOVIE[[0, 1, 3, 4]])
    assert not (tmp_path / "absent.zarr/A/1/0/0/c/2").exists()
    dropped = imported(plan_import([folder], gaps="drop", interval_minutes=5), tmp_path / "d.zarr")
    np.testing.assert_array_equal(dropped[:, :, 0], MOVIE[[0, 1, 3, 4]])


def test_a_missing_channel_of_one_frame_is_a_missing_plane(tmp_path):
    folder = write_series(tmp_path / "movie", list(range(6)))
    (folder / "img_t004_Phase.tif").unlink()
    assert "1 plane of 12 not there, in 1 frame: 4" in asked(plan_import([folder]))["gaps"]


@pytest.mark.parametrize(
    ("names", "axes", "shape"),
    [
        (["a_T0001F001Z01C01", "a_T0001F001Z01C02", "a_T0002F001Z01C01", "a_T0002F001Z01C02"],
         "TC", (2, 2, 1)),
        (["VID1_00d00h00m", "VID1_00d00h30m"], "T", (2, 1, 1)),
        (["img_0", "img_1", "img_2", "img_10"], "T", (4, 1, 1)),
        (["z1_t1", "z1_t2", "z2_t1", "z2_t2"], "ZT", (2, 1, 2)),
        (["t1_0930", "t2_0945", "t3_1000"], "T", (3, 1, 1)),
    ],
)  # fmt: skip
def test_names_say_which_plane_a_file_is(tmp_path, names, axes, shape):
    for number, name in enumerate(names):
        written(tmp_path / f"{name}.tif", MOVIE[number, 0])
    plan = plan_import([tmp_path], gaps="drop")
    assert plan.fovs[0].letters == axes
    assert plan.fovs[0].shape[:3] == shape
    assert plan.interval_minutes == (30.0 if "00d00h00m" in names[0] else None)


def test_positions_in_names_become_fovs(tmp_path):
    for position in (1, 2):
        for t in range(3):
            written(tmp_path / f"pos{position}_t{t}.tif", MOVIE[t, position - 1])
    plan = plan_import([tmp_path], interval_minutes=5)
    assert [fov.name for fov in plan.fovs] == ["A/1/0", "A/1/1"]
    run_import(plan, tmp_path / "out.zarr")
    second = zarr.open_array(tmp_path / "out.zarr/A/1/1/0", mode="r")[:]
    np.testing.assert_array_equal(second[:, 0, 0], MOVIE[:3, 1])


def test_files_of_another_size_or_with_names_that_say_nothing_are_refused(tmp_path):
    folder = write_series(tmp_path / "movie", [0, 1])
    written(folder / "img_t002_GFP.tif", MOVIE[0, 0, :20])
    with pytest.raises(ConfigError, match=r"img_t002_GFP\.tif is 20 x 32"):
        plan_import([folder])
    (folder / "img_t002_GFP.tif").rename(folder / "notes.tif")
    with pytest.raises(ConfigError, match="do not say which frame"):
        plan_import([folder])


def test_a_folder_of_sources_says_how_they_are_named(tmp_path, monkeypatch):
    for name in ("Pos 1", "Pos2"):
        write_series(tmp_path / "set" / name, [0, 1])
    (tmp_path / "set/notes.txt").write_text("of the day")
    with pytest.raises(ConfigError) as caught:
        plan_import([tmp_path / "set"])
    (problem,) = caught.value.problems
    assert problem.kind == "unknown-images" and "2 sources of images: Pos 1, Pos2." in str(problem)
    assert f"import '{tmp_path}/set/Pos 1' {tmp_path}/set/Pos2 --out PLATE.zarr" in problem.remedy
    monkeypatch.chdir(tmp_path / "set/Pos2")
    assert plan_import(["."]).fovs[0].image.name == "Pos2"


def test_an_ome_tiff_with_fewer_planes_than_it_says_is_told(tmp_path):
    file = written(tmp_path / "movie.ome.tif", metadata={"axes": "TCYX"})
    content = file.read_bytes()
    file.write_bytes(content.replace(b'SizeT="6"', b'SizeT="8"'))
    assert "4 planes of 16 not there, in 2 frames: 6, 7" in asked(plan_import([file]))["gaps"]


def test_another_recording_s_file_in_an_ome_tiff_set_is_refused(tmp_path):
    mine, other = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'UUID="urn:uuid:{own}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        'Type="uint16" SizeX="32" SizeY="24" SizeZ="1" SizeC="1" SizeT="2">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData FirstT="0" IFD="0" PlaneCount="1"><UUID FileName="a.ome.tif">urn:uuid:{a}'
        '</UUID></TiffData><TiffData FirstT="1" IFD="0" PlaneCount="1">'
        '<UUID FileName="b.ome.tif">urn:uuid:{b}</UUID></TiffData></Pixels></Image></OME>'
    )
    first = xml.format(own=mine, a=mine, b=other)
    written(tmp_path / "a.ome.tif", MOVIE[0, 0], description=first, metadata=None)
    second = xml.format(own=other, a=mine, b=other)
    written(tmp_path / "b.ome.tif", MOVIE[1, 0], description=second, metadata=None)
    plan = plan_import([tmp_path], interval_minutes=5)
    assert len(plan.fovs) == 1
    np.testing.assert_array_equal(imported(plan, tmp_path / "o.zarr")[:, 0, 0], MOVIE[:2, 0])
    third = xml.format(own="33333333-3333-3333-3333-333333333333", a=mine, b=other)
    written(tmp_path / "b.ome.tif", MOVIE[2, 0], description=third, metadata=None)
    with pytest.raises(ConfigError, match=r"another recording's: b\.ome\.tif"):
        plan_import([tmp_path / "a.ome.tif"])


def test_a_cell_tracking_challenge_folder_brings_its_tables(tmp_path):
    movie = tmp_path / "01"
    movie.mkdir()
    for t in range(3):
        written(movie / f"t{t:03d}.tif", numbered_pixels((5, 24, 32), seed=t))
    for name, text in (("01_GT/TRA", "man_track.txt"), ("01_RES", "res_track.txt")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / text).write_text("1 0 2 0\n")
    plan = plan_import([tmp_path], interval_minutes=5)
    assert plan.fovs[0].shape == (3, 1, 5, 24, 32)
    assert plan.tables == (tmp_path / "01_GT/TRA",)
    assert "several-tables" in kinds(plan)


def test_labels_beyond_16_bit_and_big_endian_pixels_stay(tmp_path):
    labels = numbered_pixels((5, 24, 32)).astype(">u4") + 70_000
    file = written(tmp_path / "masks.tif", labels, metadata={"axes": "TYX"}, byteorder=">")
    pixels = imported(plan_import([file], interval_minutes=5), tmp_path / "out.zarr")
    assert pixels.dtype == np.uint32
    np.testing.assert_array_equal(pixels[:, 0, 0], labels)


def test_exactly_one_is_what_nobody_set(tmp_path):
    about = {"axes": "TCYX", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0, "TimeIncrement": 1.0}
    plan = plan_import([written(tmp_path / "movie.ome.tif", metadata=about)])
    assert plan.pixel_size_um == (None, None, None)
    assert "interval_minutes" in asked(plan)
    plan = plan_import(
        [tmp_path / "movie.ome.tif"],
        interval_minutes=5,
        pixel_size_um=[0.65],
        channel_names=["GFP", "Phase"],
    )
    run_import(plan, tmp_path / "out.zarr")
    fov = open_plate(tmp_path / "out.zarr").fov("A/1/0")
    assert fov.pixel_size_um == (1.0, 0.65, 0.65)
    assert fov.channel_names == ("GFP", "Phase")


def test_large_planes_are_shards_of_tiles(tmp_path):
    pixels = numbered_pixels((2, 530, 700), seed=3)
    file = written(tmp_path / "movie.tif", pixels, metadata={"axes": "TYX"})
    run_import(plan_import([file], interval_minutes=5), tmp_path / "out.zarr")
    array = zarr.open_array(tmp_path / "out.zarr/A/1/0/0", mode="r")
    assert array.chunks == (1, 1, 1, 256, 256)
    assert len(list((tmp_path / "out.zarr/A/1/0/0/c").glob("*/0/0/0/0"))) == 2
    np.testing.assert_array_equal(array[:, 0, 0], pixels)
    assert open_plate(tmp_path / "out.zarr").fov("A/1/0").form.storage.shards is not None


def test_a_black_plane_is_there(tmp_path):
    black = np.zeros_like(MOVIE)
    file = written(tmp_path / "movie.tif", black, metadata={"axes": "TCYX"})
    run_import(plan_import([file], interval_minutes=5), tmp_path / "out.zarr")
    assert len(list((tmp_path / "out.zarr/A/1/0/0/c").glob("*/*/0/0/0"))) == 12


class StoppedError(Exception):
    """What a person's cancel raises."""


def stop_after(number: int) -> Any:
    def progress(step: Any) -> None:
        if step.done == number:
            raise StoppedError

    return progress


def test_an_import_that_is_stopped_leaves_nothing(tmp_path):
    plan = plan_import([written(tmp_path / "m.tif", metadata={"axes": "TCYX"})], interval_minutes=5)
    with pytest.raises(StoppedError):
        run_import(plan, tmp_path / "out.zarr", progress=stop_after(5))
    steps = import_steps(plan, tmp_path / "out.zarr")
    assert next(steps).total == 12
    steps.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.tif"]


class CountingPlanes:
    """Black planes; what was asked for, and whether anything was after the end."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []
        self.is_closed = self.was_late = False

    def read(self, index: tuple[int, ...]) -> np.ndarray:
        self.was_late |= self.is_closed
        self.asked.append(index)
        return np.zeros(MOVIE.shape[2:], MOVIE.dtype)

    def close(self) -> None:
        self.is_closed = True


def test_planes_are_read_ahead_a_few_and_none_after_the_end(tmp_path):
    plan = plan_import([written(tmp_path / "m.tif", metadata={"axes": "TCYX"})], interval_minutes=5)
    fov, planes = plan.fovs[0], CountingPlanes()
    image = replace(fov.image, open=lambda: planes)
    long = replace(fov, image=image, frames=(0,) * 500, shape=(500, *fov.shape[1:]))
    steps = import_steps(replace(plan, fovs=(long,)), tmp_path / "out.zarr")
    assert [next(steps).done for _ in range(5)] == [1, 2, 3, 4, 5]
    steps.close()
    assert planes.is_closed
    assert not planes.was_late
    assert 5 <= len(planes.asked) < 50


def test_an_import_goes_on_where_it_stopped(tmp_path):
    file = written(tmp_path / "m.tif", metadata={"axes": "TCYX"})
    plan = plan_import([file], interval_minutes=5)
    out = tmp_path / "out.zarr"
    with pytest.raises(StoppedError):
        run_import(plan, out, progress=stop_after(7), resume=True)
    assert not out.exists()
    with pytest.raises(OutputExistsError, match="--resume"):
        run_import(plan, out)
    done = []
    run_import(plan, out, progress=lambda step: done.append(step.done), resume=True)
    assert done == [8, 9, 10, 11, 12]
    pixels = zarr.open_array(out / "A/1/0/0", mode="r")[:]
    np.testing.assert_array_equal(pixels[:, :, 0], MOVIE)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.tif", "out.zarr"]


def test_an_import_does_not_go_on_with_other_sources(tmp_path):
    file = written(tmp_path / "m.tif", metadata={"axes": "TCYX"})
    plan = plan_import([file], interval_minutes=5)
    with pytest.raises(StoppedError):
        run_import(plan, tmp_path / "out.zarr", progress=stop_after(7), resume=True)
    written(file, numbered_pixels((6, 2, 24, 33)), metadata={"axes": "TCYX"})
    with pytest.raises(ConfigError, match="changed since"):
        run_import(plan_import([file], interval_minutes=5), tmp_path / "out.zarr", resume=True)


def test_a_plane_that_cannot_be_read_is_named_and_nothing_is_left(tmp_path):
    file = written(tmp_path / "m.tif", metadata={"axes": "TCYX"}, compression="zlib")
    plan = plan_import([file], interval_minutes=5)
    with tifffile.TiffFile(file) as tif:
        start, size = tif.pages[5].dataoffsets[0], tif.pages[5].databytecounts[0]
    content = bytearray(file.read_bytes())
    content[start : start + size] = bytes(size)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="t = 2, c = 1"):
        run_import(plan, tmp_path / "out.zarr")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.tif"]


def test_a_disk_that_is_full_in_the_middle_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(0).integers(0, 2**16, MOVIE.shape, np.uint16)
    noise[:3] = 1
    plan = plan_import(
        [written(tmp_path / "m.tif", noise, metadata={"axes": "TCYX"})], interval_minutes=5
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file may be no larger than that; a full disk fails at the same place.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1200, before[1]))
    try:
        with pytest.raises(OutputError, match="the disk is full"):
            run_import(plan, tmp_path / "out.zarr")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.tif"]


def test_a_plate_that_is_there_is_never_written_over(tmp_path):
    file = written(tmp_path / "m.tif", metadata={"axes": "TCYX"})
    (tmp_path / "out.zarr").mkdir()
    with pytest.raises(OutputExistsError, match="remove this one"):
        run_import(plan_import([file], interval_minutes=5), tmp_path / "out.zarr")
    with pytest.raises(OutputError):
        run_import(plan_import([file], interval_minutes=5), file / "out.zarr")


def test_a_store_is_written_anew_with_values_statistics_and_absent_frames(tmp_path):
    pixels = numbered_pixels((6, 2, 1, 24, 32))
    statistics = {"GFP": {"fov_statistics": {"mean": 3.0}}}
    source = tmp_path / "image.zarr"
    write_image(
        source,
        pixels=pixels,
        chunks=(3, 2, 1, 24, 16),
        channels=["GFP", "Phase"],
        normalization=statistics,
    )
    for chunk in (source / "0/1").rglob("0"):
        if chunk.is_file():
            chunk.unlink()
    with pytest.raises(ConfigError, match="--rechunk"):
        plan_import([source])
    plan = plan_import([source], rewrite=True)
    for chunk in (source / "0/1").rglob("1"):
        if chunk.is_file():
            chunk.unlink()
    found = imported(plan, tmp_path / "out.zarr")
    np.testing.assert_array_equal(found[:3], pixels[:3])
    fov = open_plate(tmp_path / "out.zarr").fov("0/0/0")
    assert fov.normalization() == statistics
    assert fov.channel_names == ("GFP", "Phase")
    assert not (tmp_path / "out.zarr/0/0/0/0/c/3").exists()


def test_series_are_written_anew_under_their_names(tmp_path):
    pixels = {name: numbered_pixels((3, 2, 1, 24, 32), seed=k) for k, name in enumerate("ab")}
    pixels = {f"Pos {name}": image for name, image in pixels.items()}
    write_collection(
        tmp_path / "series.zarr", list(pixels), pixels=pixels, chunks=(3, 2, 1, 24, 16)
    )
    plan = plan_import([tmp_path / "series.zarr"], rewrite=True)
    run_import(plan, tmp_path / "out.zarr")
    plate = open_plate(tmp_path / "out.zarr")
    assert plate.fov_names() == ["Pos a/0/0", "Pos b/0/0"]
    for name, image in pixels.items():
        found = zarr.open_array(tmp_path / "out.zarr" / name / "0/0/0", mode="r")
        np.testing.assert_array_equal(found[:], image)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and everything that was printed, on one line."""
    with pytest.raises(SystemExit) as stop:
        main([str(one) for one in arguments])
        raise SystemExit(0)
    captured = capsys.readouterr()
    return int(stop.value.code or 0), " ".join(f"{captured.out} {captured.err}".split())


def test_from_tiffs_and_a_table_to_a_config_that_validates(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    folder = write_series(tmp_path / "movie", list(range(6)))
    TABLE.to_csv(tmp_path / "tracks.csv", index=False)
    out = tmp_path / "plate.zarr"
    options = ("--out", out, "--tracks", tmp_path / "tracks.csv")
    code, said = run(capsys, "import", folder, *options)
    assert code == 1
    assert "--interval-minutes" in said
    assert not out.exists()
    code, said = run(capsys, "import", folder, *options, "--interval-minutes", 15)
    assert code == 0
    assert "channels: GFP, Phase" in said
    assert "pixel size unknown, 15 min between frames" in (tmp_path / "plate.yml").read_text()
    code, said = run(capsys, "validate", tmp_path / "plate.yml", "--patch-size", 16, 16)
    assert code == 0
    assert "plate 15 2 to 8 1 9 1 1 " in said


def test_several_tables_are_placed_where_their_fovs_are(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for name in ("a", "b"):
        written(tmp_path / f"{name}.tif", metadata={"axes": "TCYX"})
        TABLE.to_csv(tmp_path / f"{name}.csv", index=False)
    sources = (f"A/1/0={tmp_path / 'a.tif'}", f"B/2/0={tmp_path / 'b.tif'}")
    tables = ("--tracks", tmp_path / "a.csv", "--tracks", tmp_path / "b.csv")
    conditions = ("--condition", "mock=A/1", "--condition", "infected=B/2")
    out = ("--out", tmp_path / "plate.zarr", "--interval-minutes", 15)
    code, _ = run(capsys, "import", *sources, *tables, *conditions, *out)
    assert code == 0
    assert (tmp_path / "plate_tracks/B/2/0/b.csv").exists()
    code, said = run(capsys, "validate", tmp_path / "plate.yml", "--patch-size", 16, 16)
    assert code == 0
    assert "plate 15 2 to 8 2 18 2 2 " in said


def test_what_was_recognised_is_said_and_nothing_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    file = written(tmp_path / "movie.tif", metadata={"axes": "TCYX"})
    code, said = run(
        capsys, "import", file, "--out", tmp_path / "o.zarr", "--dry-run", "--interval-minutes", 5
    )
    assert code == 0
    assert "TCYX 6 2 1 24 32 uint16" in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["movie.tif"]


def test_init_of_tiffs_says_import(tmp_path, capsys):
    folder = write_series(tmp_path / "movie", [0, 1])
    code, said = run(capsys, "init", folder, "--tracks", tmp_path)
    assert code == 1
    assert "lineage-triplets import" in said
    file = written(tmp_path / "img.tif", metadata={"axes": "TCYX"})
    code, said = run(capsys, "init", file)
    assert code == 1
    assert f"`lineage-triplets import {file} --out PLATE.zarr --tracks TABLE`" in said


def test_what_a_plate_was_made_from_is_in_its_metadata(tmp_path):
    folder = write_series(tmp_path / "movie", [3, 4])
    run_import(plan_import([folder], interval_minutes=5), tmp_path / "out.zarr")
    attributes = json.loads((tmp_path / "out.zarr/zarr.json").read_text())["attributes"]
    told = attributes["lineage_triplets_import"]["fovs"]["A/1/0"]
    assert (told["source"], told["axes"], told["first_number"]) == ("movie", "TCYX", 3)


@pytest.mark.parametrize("before", ["", "A/1/0="])
def test_what_is_behind_a_url_is_told(before):
    with pytest.raises(ConfigError, match=r"nothing behind a URL.*init URL"):
        plan_import([f"{before}https://host/movie.zarr?key=secret"])
