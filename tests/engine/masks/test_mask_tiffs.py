"""TIFFs of masks: the labels of every way to write one, with a frame in memory at a time."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.errors import StoreError, TrackTableError
from lineage_triplets.engine.masks.find import find_masks
from lineage_triplets.engine.plates import limits
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.reading.masks import MaskReader
from lineage_triplets.engine.tracks.read import read_track_table
from stores import write_image

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {"photometric": "minisblack"}
ZLIB = {**PAGES, "compression": "zlib"}
WAYS: dict[str, dict[str, Any]] = {
    "planes one behind the other": PAGES,
    "the other byte order": {**PAGES, "byteorder": ">"},
    "BigTIFF": {**PAGES, "bigtiff": True},
    "one page for all planes": {**PAGES, "truncate": True},
    "zlib": ZLIB,
    "LZW with a predictor": {**PAGES, "compression": "lzw", "predictor": True},
    "strips of two rows": {**ZLIB, "rowsperstrip": 2},
    "tiles": {**ZLIB, "tile": (16, 16)},
    "one compressed page of all slices": {**ZLIB, "volumetric": True, "tile": (2, 16, 16)},
    "ImageJ": {**PAGES, "imagej": True, "metadata": {"axes": "TZYX"}},
    "ImageJ, zlib": {**ZLIB, "imagej": True, "metadata": {"axes": "TZYX"}},
    "ImageJ, one page": {**PAGES, "imagej": True, "truncate": True, "metadata": {"axes": "TZYX"}},
    "OME": {**PAGES, "ome": True, "metadata": {"axes": "TZYX"}},
    "OME, zlib": {**ZLIB, "ome": True, "metadata": {"axes": "TZYX"}},
    "OME, frames alone": {**ZLIB, "ome": True, "metadata": {"axes": "TYX"}},
    "pages that say nothing": {**ZLIB, "metadata": None},
}


def labels(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Labels from 0 to 3 in random places, (T, Z, Y, X)."""
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint16)


def write_tiff(file: Path, masks: np.ndarray, way: str) -> Path:
    how = dict(WAYS[way])
    writing = {key: how.pop(key) for key in ("byteorder", "bigtiff", "imagej", "ome") if key in how}
    has_slices = masks.shape[1] > 1 or "TZYX" in str(how.get("metadata"))
    with tifffile.TiffWriter(file, **writing) as tiff:
        tiff.write(masks if has_slices else masks[:, 0], **how)
    return file


def reader(folder: Path, file: Path, shape: tuple[int, ...]) -> MaskReader:
    """What reads the masks of an image of a shape (T, Z, Y, X)."""
    image = folder / "image.zarr"
    if not image.exists():
        write_image(image, shape=(shape[0], 1, *shape[1:]))
    masks = find_masks(open_image(image), folder, labels_path=str(file))
    assert masks is not None
    return MaskReader(masks)


def table(folder: Path) -> Path:
    """A table of the Cell Tracking Challenge, for masks that will lie beside it."""
    folder.mkdir()
    (folder / "res_track.txt").write_text("".join(f"{label} 0 9 0\n" for label in range(1, 4)))
    return folder


@settings(max_examples=60, deadline=None)
@given(
    way=st.sampled_from(sorted(WAYS)),
    n_frames=st.integers(2, 5),
    depth=st.sampled_from([1, 2, 5]),
    rows=st.integers(3, 19),
    columns=st.integers(4, 18),
    seed=st.integers(0, 9),
)
def test_labels_are_those_that_were_written(
    tmp_path_factory, way, n_frames, depth, rows, columns, seed
):
    folder = tmp_path_factory.mktemp("masks")
    if way in {"pages that say nothing", "OME, frames alone"}:
        depth = 1
    masks = labels((n_frames, depth, rows, columns), seed)
    file = write_tiff(folder / "all.tif", masks, way)
    assert np.array_equal(tifffile.imread(file).reshape(masks.shape), masks)
    read = reader(folder, file, masks.shape)
    for t in (*range(n_frames), 0):
        assert np.array_equal(read.frame(t), masks[t])
    write_tiff(table(folder / "one") / "all.tif", masks, way)
    alone = table(folder / "each")
    for t, mask in enumerate(masks):
        tifffile.imwrite(alone / f"mask{t}.tif", mask, photometric="minisblack")
    one, each = read_track_table(folder / "one"), read_track_table(alone)
    assert len(one.t) == sum(len(np.unique(mask[mask > 0])) for mask in masks)
    for column in ("track_id", "t", "z", "y", "x"):
        assert np.array_equal(getattr(one, column), getattr(each, column))


def test_planes_that_an_ome_tiff_lacks_are_without_cells(tmp_path):
    masks = labels((3, 1, 8, 9)) + np.uint16(1)
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="9" SizeY="8" '
        'SizeZ="1" SizeC="1" SizeT="3"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData IFD="0" FirstT="0" PlaneCount="1"/><TiffData IFD="1" FirstT="2" PlaneCount="1"/>'
        "</Pixels></Image></OME>"
    )
    with tifffile.TiffWriter(tmp_path / "all.ome.tif") as tiff:
        for t in (0, 2):
            tiff.write(masks[t, 0], description=text if t == 0 else None, metadata=None, **ZLIB)
    read = reader(tmp_path, tmp_path / "all.ome.tif", masks.shape)
    for t in (0, 2):
        assert np.array_equal(read.frame(t), masks[t])
    assert not read.frame(1).any()


MANY = (24, 1, 200, 250)


@pytest.mark.parametrize("way", ["planes one behind the other", "one page for all planes", "zlib",
                                 "ImageJ", "OME, zlib", "pages that say nothing"])  # fmt: skip
def test_a_file_larger_than_memory_is_read_frame_by_frame(tmp_path, monkeypatch, way):
    masks = labels(MANY)
    table(tmp_path / "table")
    file = write_tiff(tmp_path / "table" / "all.tif", masks, way)
    read = reader(tmp_path, file, MANY)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 1000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * masks[0].nbytes)
    assert np.array_equal(read.frame(3), masks[3])
    assert len(read_track_table(tmp_path / "table").t) == 3 * MANY[0]
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * masks[0].nbytes - 4)
    with pytest.raises(StoreError, match="more than memory holds"):
        read.frame(4)
    with pytest.raises(TrackTableError, match="more than memory holds"):
        read_track_table(tmp_path / "table")


def test_a_page_of_several_frames_is_what_has_to_fit(tmp_path, monkeypatch):
    masks = labels((4, 1, 20, 30))
    file = write_tiff(tmp_path / "all.tif", masks, "one compressed page of all slices")
    read = reader(tmp_path, file, masks.shape)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 1000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * masks.nbytes)
    assert np.array_equal(read.frame(1), masks[1])
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * masks.nbytes - 4)
    with pytest.raises(StoreError, match="more than memory holds"):
        read.frame(2)


@pytest.mark.parametrize("way", ["planes one behind the other", "zlib", "ImageJ", "OME, zlib"])
def test_memory_is_that_of_a_frame(tmp_path, way):
    masks = np.zeros((60, 1, 300, 400), np.uint16)
    masks[:, 0, 10:13, 20:24] = 1
    table(tmp_path / "table")
    write_tiff(tmp_path / "table" / "all.tif", masks, way)
    read_track_table(tmp_path / "table")
    tracemalloc.start()
    try:
        read_track_table(tmp_path / "table")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A frame and its page, decoded and as stored; where labels are takes some more.
    assert peak < 6 * masks[0].nbytes < masks.nbytes / 5


def test_a_file_that_is_written_anew_is_looked_at_anew(tmp_path):
    masks = labels((3, 1, 8, 9))
    file = write_tiff(tmp_path / "all.tif", masks, "zlib")
    read = reader(tmp_path, file, masks.shape)
    assert np.array_equal(read.frame(0), masks[0])
    write_tiff(file, masks + np.uint16(1), "planes one behind the other")
    assert np.array_equal(read.frame(1), masks[1] + 1)
