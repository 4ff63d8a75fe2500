"""Images of a FOV as the viewer asks for them, on small real stores, whole and damaged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from lineage_triplets import ExperimentConfig, ExperimentRegistry
from lineage_triplets.engine.index.fovs import FovSource, find_fovs
from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
from lineage_triplets.plugin.viewer.lazy_image import FovImages, LazyImage
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (5, 2, 3, 20, 24)


def source_of(root: Path, pixels: np.ndarray, **image: Any) -> FovSource:
    """Write one FOV and find it."""
    tables = {"A/1/0": track_table((1, range(4)), y=10.0, x=10.0)}
    experiment = make_experiment(root, "one", tables, pixels=pixels, **image)
    settings = DatasetConfig(yx_patch_size=(8, 8), z_range=1)
    sources, problems = find_fovs(ExperimentRegistry([experiment]), settings, Exclusions())
    assert not problems
    return sources[0]


def chunk_file(source: FovSource, *chunk: int) -> Path:
    """Where a chunk of a 0.4 store is."""
    return Path(source.fov.array_path).joinpath(*map(str, chunk))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_every_channel_is_the_store_s(tmp_path: Path, version: str) -> None:
    pixels = numbered_pixels(SHAPE)
    images = FovImages(source_of(tmp_path, pixels, version=version))
    for number in range(2):
        (image,) = images.channel(number)
        assert image.shape == (5, 3, 20, 24) and image.dtype == np.uint16
        np.testing.assert_array_equal(np.asarray(image), pixels[:, number])


def test_axes_in_any_order_and_a_single_slice_come_as_tyx(tmp_path: Path) -> None:
    pixels = numbered_pixels((24, 20, 2, 5))
    source = source_of(tmp_path, pixels, axes="XYCT")
    image = FovImages(source).channel(1)[0]
    assert image.shape == (5, 20, 24)
    np.testing.assert_array_equal(np.asarray(image), pixels[:, :, 1].transpose())


@pytest.mark.parametrize(
    "key",
    [
        2,
        -1,
        np.int64(3),
        (1, 2),
        (slice(1, 4), 0, slice(None), slice(3, 9)),
        (Ellipsis, 4),
        (0, Ellipsis, slice(None, None, 3)),
        (slice(None, None, -2),),
        (0, 0, slice(5, 5)),
        (3, 1, 7, 8),
        ([0, 2], 1),
    ],
)
def test_it_is_indexed_as_an_array_is(tmp_path: Path, key: Any) -> None:
    pixels = numbered_pixels(SHAPE)
    image = FovImages(source_of(tmp_path, pixels)).channel(0)[0]
    np.testing.assert_array_equal(np.asarray(image[key]), pixels[:, 0][key])


def test_it_is_narrowed_step_by_step_and_knows_its_bounds(tmp_path: Path) -> None:
    pixels = numbered_pixels(SHAPE)
    image = FovImages(source_of(tmp_path, pixels)).channel(1)[0]
    part = image[:, :, 2:12, 4:][3:5][1, 2]
    assert isinstance(part, LazyImage) and part.shape == (10, 20)
    np.testing.assert_array_equal(np.asarray(part), pixels[4, 1, 2, 2:12, 4:])
    with pytest.raises(IndexError):
        image[5]
    with pytest.raises(IndexError):
        image[0, 0, 0, 0, 0]


def test_indexing_reads_nothing(tmp_path: Path) -> None:
    source = source_of(tmp_path, numbered_pixels(SHAPE))
    shutil.rmtree(source.fov.array_path)
    images = FovImages(source)
    narrowed = images.channel(0)[0][2, 1]
    assert not images.faults
    assert not np.asarray(narrowed).any()
    assert set(images.faults) == {(0, 2)}


def test_bool_is_drawn_as_numbers(tmp_path: Path) -> None:
    pixels = numbered_pixels((4, 1, 1, 20, 24)) % 2 == 0
    image = FovImages(source_of(tmp_path, pixels, channels=("Mask",))).channel(0)[0]
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(image), pixels[:, 0, 0])


def _damage(file: Path) -> None:
    file.write_bytes(b"\x02\x01no blosc")


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def _into_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


GONE = {Path.unlink, _into_folder}


@pytest.mark.parametrize("harm", [_damage, _truncate, Path.unlink, _into_folder])
def test_what_cannot_be_read_is_blank_and_told_once(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    pixels = numbered_pixels((5, 2, 1, 20, 24))
    source = source_of(tmp_path, pixels, chunks=(1, 1, 1, 10, 12))
    harm(chunk_file(source, 3, 1, 0, 1, 0))
    told = []
    images = FovImages(source, on_fault=lambda _, fault: told.append(fault))
    blank = pixels[:, 1, 0].copy()
    blank[3, 10:, :12] = 0
    image = images.channel(1)[0]
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(image), blank)
        np.testing.assert_array_equal(np.asarray(image[3, 5:15]), blank[3, 5:15])
    np.testing.assert_array_equal(np.asarray(images.channel(0)[0]), pixels[:, 0, 0])
    assert [(one.channel, one.t, one.absent) for one in told] == [(1, 3, harm in GONE)]
    assert "one A/1/0, frame 3" in told[0].what and "3/1/0/1/0" in told[0].what


@pytest.mark.parametrize("harm", [_damage, Path.unlink])
def test_a_fault_ends_when_all_that_failed_reads_well(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    pixels = numbered_pixels(SHAPE)
    source = source_of(tmp_path, pixels, chunks=(1, 1, 1, 10, 24))
    files = [chunk_file(source, 3, 1, 0, part, 0) for part in range(2)]
    whole = [one.read_bytes() for one in files]
    for one in files:
        harm(one)
    told: list[tuple[int, int]] = []
    images = FovImages(source, on_fault=lambda _, fault: told.append((fault.channel, fault.t)))
    image = images.channel(1)[0]
    assert not np.asarray(image[3, 0]).any()
    files[0].write_bytes(whole[0])
    np.testing.assert_array_equal(np.asarray(image[3, 0, :10]), pixels[3, 1, 0, :10])
    np.testing.assert_array_equal(np.asarray(image[2, 0]), pixels[2, 1, 0])
    assert set(images.faults) == {(1, 3)} and told == [(1, 3)]
    files[1].write_bytes(whole[1])
    np.testing.assert_array_equal(np.asarray(image[3, 0]), pixels[3, 1, 0])
    assert not images.faults and told == [(1, 3), (1, 3)]


def test_absent_chunks_are_no_fault_where_they_are_meant(tmp_path: Path) -> None:
    pixels = numbered_pixels((5, 2, 1, 20, 24))
    source = source_of(tmp_path, pixels)
    chunk_file(source, 3, 1, 0, 0, 0).unlink()
    images = FovImages(source, fill_absent=True)
    assert not np.asarray(images.channel(1)[0][3]).any()
    assert not images.faults


def test_a_store_that_is_gone_or_another_is_blank_and_said(tmp_path: Path) -> None:
    source = source_of(tmp_path, numbered_pixels((5, 2, 1, 20, 24)))
    folder = Path(source.fov.array_path)
    shutil.rmtree(folder)
    images = FovImages(source)
    assert not np.asarray(images.channel(0)[0][1]).any()
    assert "not there any more" in images.faults[0, 1].what
    zarr.create_array(store=str(folder), shape=(5, 2, 1, 10, 12), dtype="uint16", zarr_format=2)
    assert not np.asarray(images.channel(0)[0][2]).any()
    assert "cannot be opened" in images.faults[0, 2].what


def test_levels_are_used_where_only_y_and_x_shrink(tmp_path: Path) -> None:
    pixels = numbered_pixels((5, 2, 1, 20, 24))
    source = source_of(tmp_path, pixels)
    folder = Path(source.fov.path)
    attributes = zarr.open_group(str(folder), mode="r+", zarr_format=2)
    scales = attributes.attrs["multiscales"]
    for name, shape in (
        ("1", (5, 2, 1, 10, 12)),
        ("thin", (3, 2, 1, 5, 6)),
        ("2", (5, 2, 1, 5, 6)),
    ):
        level = zarr.create_array(
            store=str(folder / name),
            shape=shape,
            dtype="uint16",
            zarr_format=2,
            chunk_key_encoding={"name": "v2", "configuration": {"separator": "/"}},
        )
        level[...] = pixels[: shape[0], :, :, :: 20 // shape[3], :: 24 // shape[4]]
        scales[0]["datasets"].append({"path": name, "coordinateTransformations": []})
    attributes.attrs["multiscales"] = scales
    settings = DatasetConfig(yx_patch_size=(8, 8), z_range=1)
    experiment = make_again(tmp_path)
    sources, _ = find_fovs(ExperimentRegistry([experiment]), settings, Exclusions())
    levels = FovImages(sources[0]).channel(1)
    assert [one.shape for one in levels] == [(5, 20, 24), (5, 10, 12), (5, 5, 6)]
    np.testing.assert_array_equal(np.asarray(levels[2][4]), pixels[4, 1, 0, ::4, ::4])
    np.testing.assert_array_equal(np.asarray(levels[1][4]), pixels[4, 1, 0, ::2, ::2])


def make_again(root: Path) -> ExperimentConfig:
    """Give the experiment that `source_of` wrote, for a second look at its store."""
    return ExperimentConfig(
        name="one",
        data_path=str(root / "one.zarr"),
        tracks_path=str(root / "one_tracks"),
        channel_names=["Phase", "GFP"],
        source_channel=["Phase", "GFP"],
        condition_wells={"control": ["A/1"]},
        interval_minutes=30.0,
    )
