"""Masks: where they are found, what they say of cells, and what is wrong with those that are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from lineage_triplets.engine.dataset.verification import config_hash
from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.masks.cells import labels_at, outline
from lineage_triplets.engine.plates import limits
from lineage_triplets.engine.plates.experiments import ExperimentRegistry
from lineage_triplets.engine.reading.masks import MaskReaders, open_masks
from lineage_triplets.engine.reading.patches import PatchReader
from lineage_triplets.engine.settings.file import load_config, save_config
from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
from lineage_triplets.qc.open.patches import IndexPatches
from masks import discs, list_labels, write_labels, write_tiffs
from reviews import SHAPE, field, save
from stores import make_experiment, write_image

if TYPE_CHECKING:
    from lineage_triplets.engine.index.fovs import FovSource

TABLE = field()
MASKS = discs(TABLE, SHAPE)
WHOLE = (slice(0, 1), slice(0, SHAPE[3]), slice(0, SHAPE[4]))


def indexed(root: Path, *, fovs: int = 1, **config: Any) -> MultiExperimentIndex:
    """Write a plate, and index it with more keys of its experiment."""
    tables = {f"A/1/{number}": TABLE for number in range(fovs)}
    experiment = make_experiment(root, "one", tables, shape=SHAPE, version="0.5", config=config)
    settings = DatasetConfig(yx_patch_size=(16, 16))
    return MultiExperimentIndex.of_what_loads(
        ExperimentRegistry([experiment]), settings, Exclusions(), ()
    )


def source(root: Path, **config: Any) -> FovSource:
    return indexed(root, **config).fovs[0]


def assert_are_the_masks(source: FovSource) -> None:
    reader = open_masks(source)
    assert reader is not None and reader.masks.missing == []
    for t in (0, 7, SHAPE[0] - 1):
        assert np.array_equal(reader.read(t, *WHOLE)[0], MASKS[t])
    part = slice(0, 1), slice(20, 30), slice(40, 60)
    assert np.array_equal(reader.read(3, *part)[0], MASKS[3, 20:30, 40:60])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_of_an_image_are_its_masks(tmp_path, version):
    found = source(tmp_path)
    assert open_masks(found) is None
    write_labels(Path(found.fov.path), version, nuclei=MASKS)
    assert_are_the_masks(found)


def test_of_several_labels_the_config_says_which(tmp_path):
    index = indexed(tmp_path / "a")
    write_labels(Path(index.fovs[0].fov.path), cells=0 * MASKS, nuclei=MASKS)
    with pytest.raises(StoreError, match=r"several labels: cells, nuclei\. Say which in labels_na"):
        open_masks(index.fovs[0])
    assert_are_the_masks(replace(index.fovs[0], labels_name="nuclei"))


def test_labels_that_are_listed_and_absent_are_told(tmp_path):
    index = indexed(tmp_path, labels_name="nucleus")
    (problem,) = [met for met in index.problems if met.kind == "unusable-masks"]
    assert "no labels 'nucleus'" in problem.message and problem.severity == "warning"
    image = Path(index.fovs[0].fov.path)
    list_labels(image, ["nucleus"])
    with pytest.raises(StoreError, match="lists these labels, and they are absent"):
        open_masks(index.fovs[0])


@pytest.mark.parametrize("kind", ["tiffs", "tiff", "zarr", "ome"])
def test_labels_path_has_those_of_each_fov(tmp_path, kind):
    place = tmp_path / "masks" / "A/1/0"
    if kind == "tiffs":
        write_tiffs(place, MASKS)
    elif kind == "tiff":
        place.mkdir(parents=True)
        tifffile.imwrite(place / "all.tif", MASKS)
    else:
        write_image(place, pixels=MASKS, axes="tyx")
        place = place if kind == "ome" else (place / "0").rename(tmp_path / "bare")
    path = place if kind == "zarr" else tmp_path / "masks"
    assert_are_the_masks(source(tmp_path, labels_path=str(path)))


def test_one_movie_of_masks_is_of_no_plate_with_several_fovs(tmp_path):
    alone = write_tiffs(tmp_path / "masks", MASKS)
    assert_are_the_masks(source(tmp_path / "a", labels_path=str(alone)))
    index = indexed(tmp_path / "b", fovs=2, labels_path=str(alone))
    (problem,) = [met for met in index.problems if met.kind == "unusable-masks"]
    assert "there are no masks here" in problem.message


def test_a_table_of_masks_has_its_own_also_where_its_frames_count_from_1(tmp_path):
    folder = write_tiffs(tmp_path / "one_tracks" / "A/1/0", MASKS, first=1)
    lines = [f"{label} 1 14 0" for label in np.unique(MASKS)[1:]]
    (folder / "res_track.txt").write_text("\n".join(lines))
    config = {"track_transform": {"first_frame": 1}}
    experiment = make_experiment(
        tmp_path, "one", {}, fovs=["A/1/0"], shape=SHAPE, version="0.5", config=config
    )
    registry = ExperimentRegistry([experiment])
    index = MultiExperimentIndex.of_what_loads(
        registry, DatasetConfig(yx_patch_size=(16, 16)), Exclusions(), ()
    )
    assert_are_the_masks(index.fovs[0])
    scaled = {"track_transform": index.fovs[0].track_transform.model_copy(update={"swap_xy": True})}
    with pytest.raises(StoreError, match="not in the pixels of the image"):
        open_masks(replace(index.fovs[0], **scaled))


def test_frames_without_masks_have_no_cells(tmp_path):
    folder = write_tiffs(tmp_path / "masks", MASKS)
    (folder / "mask004.tif").unlink()
    reader = open_masks(source(tmp_path, labels_path=str(folder)))
    assert reader.masks.missing == [4]
    assert not reader.read(4, *WHOLE).any() and reader.read(5, *WHOLE).any()


def test_names_that_count_from_1_are_told(tmp_path):
    folder = write_tiffs(tmp_path / "masks", MASKS, first=1)
    with pytest.raises(StoreError, match=r"masks of frame 14, and the image has 14 frames"):
        open_masks(source(tmp_path, labels_path=str(folder)))


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (MASKS[:, :-1], r"the image is 14 frames of 1 x 48 x 64"),
        (np.concatenate([MASKS, MASKS]), "the masks are"),
        (MASKS.astype(np.float32), "labels are whole numbers, and these are float32"),
        (np.stack([MASKS] * 3, axis=-1).astype(np.uint8), "the masks are"),
    ],
    ids=["smaller", "longer", "floats", "colours"],
)
@pytest.mark.parametrize("stored", ["tiff", "zarr"])
def test_masks_that_do_not_fit_are_a_warning(tmp_path, masks, words, stored):
    place = tmp_path / "masks"
    place.mkdir()
    if stored == "tiff":
        tifffile.imwrite(place / "all.tif", masks)
    else:
        write_image(place, pixels=masks, axes="tyx" if masks.ndim == 3 else "tyxc")
    found = source(tmp_path, labels_path=str(place))
    with pytest.raises(StoreError, match=words):
        open_masks(found)
    readers = MaskReaders([found])
    fault = readers.fault(0)
    assert readers.of(0) is None and fault is not None
    assert (fault.severity, fault.fov) == ("warning", "A/1/0")


def test_large_labels_stay(tmp_path):
    labels = MASKS.astype(np.uint64) * 2**40
    place = tmp_path / "masks"
    write_image(place, pixels=labels, axes="tyx")
    reader = open_masks(source(tmp_path, labels_path=str(place)))
    assert np.array_equal(reader.read(2, *WHOLE)[0], labels[2])


def test_damage_is_told_with_its_frame(tmp_path):
    folder = write_tiffs(tmp_path / "masks", MASKS)
    (folder / "mask004.tif").write_bytes(b"no TIFF")
    reader = open_masks(source(tmp_path, labels_path=str(folder)))
    assert reader.read(3, *WHOLE).any()
    with pytest.raises(StoreError, match=r"masks of frame 4 cannot be read.*mask004\.tif"):
        reader.read(4, *WHOLE)


def test_a_path_is_written_for_its_file_and_is_no_part_of_what_was_verified(tmp_path):
    index = indexed(tmp_path, labels_path=str(tmp_path / "masks"))
    path = save(tmp_path / "config.yml", index.registry.experiments)
    path.write_text(path.read_text().replace(str(tmp_path / "masks"), "masks"))
    config = load_config(path)
    assert config.experiments[0].labels_path == str(tmp_path / "masks")
    (tmp_path / "below").mkdir()
    save_config(config, tmp_path / "below" / "config.yml")
    assert "labels_path: ../masks" in (tmp_path / "below" / "config.yml").read_text()
    without = config.experiments[0].model_copy(update={"labels_path": None})
    assert config_hash(config) == config_hash(config.model_copy(update={"experiments": [without]}))


class TestCells:
    MASK = np.zeros((1, 12, 12), np.uint32)
    MASK[0, 2:10, 2] = MASK[0, 2, 2:10] = MASK[0, 9, 2:10] = 7
    MASK[0, 5:7, 5:7] = 9

    def labels(self, *yx: tuple[float, float]) -> list[int]:
        return labels_at(self.MASK, np.array([(0.0, *place) for place in yx])).tolist()

    def test_the_centroid_says_whose_it_is_also_where_it_lies_in_another(self):
        bent = np.argwhere(self.MASK[0] == 7).mean(axis=0)
        assert self.MASK[0][tuple(np.rint(bent).astype(int))] != 7
        assert self.labels(tuple(bent)) == [7]

    def test_else_the_label_there_or_near(self):
        assert self.labels((5, 6), (2.4, 8.6), (6, 8.5), (11.9, 2), (6, 11.5)) == [9, 7, 9, 7, 0]

    def test_an_outline_is_every_side_between_a_cell_and_what_is_not(self):
        region = np.zeros((6, 7), bool)
        region[2:4, 3:6] = True
        sides = sorted(map(tuple, outline(region).tolist()))
        assert sides == [(2, 3, 2, 6), (2, 3, 4, 3), (2, 6, 4, 6), (4, 3, 4, 6)]
        assert not len(outline(np.ones((4, 4), bool)))


class TestSlices:
    SHAPE = (2, 1, 6, 40, 48)

    def patches(self, root: Path, masks: np.ndarray, *z: float) -> tuple[Any, list[Any]]:
        rows = [(k, 0, -1, at, 12.0, 20.0 * k - 6) for k, at in enumerate(z, 1)]
        names = ["track_id", "t", "parent_track_id", "z", "y", "x"]
        experiment = make_experiment(
            root, "one", {"A/1/0": pd.DataFrame(rows, columns=names)}, shape=self.SHAPE,
            channels=("GFP",), config={"labels_path": str(root / "masks")},
        )  # fmt: skip
        write_image(root / "masks", pixels=masks, axes="tzyx")
        settings = DatasetConfig(yx_patch_size=(16, 16), z_range=3)
        index = MultiExperimentIndex.of_what_loads(
            ExperimentRegistry([experiment]), settings, Exclusions(), ()
        )
        readers = MaskReaders(index.fovs)
        patches = IndexPatches(index, PatchReader(index.fovs, settings), readers)
        return readers.of(0), patches.outlines(np.arange(len(index)))

    def test_a_cell_s_outline_is_that_of_the_slices_that_are_read(self, tmp_path):
        masks = np.zeros((2, 6, 40, 48), np.uint32)
        masks[0, 1, 10:15, 12:17] = masks[0, 2, 12:13, 13:21] = 5
        masks[0, 4, 4:20, 8:30] = 6
        reader, (first, none) = self.patches(tmp_path, masks, 2.0, 2.0)
        ys, xs = first.reshape(-1, 2).T
        # The patch begins at (4, 6).
        assert (ys.min(), ys.max(), xs.min(), xs.max()) == (6, 11, 6, 15)
        assert none is None
        assert np.array_equal(reader.read(0, slice(1, 5), slice(4, 20), slice(6, 30)),
                              masks[0, 1:5, 4:20, 6:30])  # fmt: skip

    def test_masks_of_one_slice_are_those_of_all(self, tmp_path):
        masks = np.zeros((2, 1, 40, 48), np.uint32)
        masks[0, 0, 10:15, 12:17] = 5
        reader, (first, _) = self.patches(tmp_path, masks, 5.0, 0.0)
        assert len(first) == 4
        assert (reader.read(0, slice(0, 6), slice(0, 40), slice(0, 48))[:, 12, 14] == 5).all()


def test_masks_that_claim_more_than_is_believed_are_refused_unread(tmp_path, monkeypatch):
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="64" SizeY="48" '
        'SizeZ="1" SizeC="1" SizeT="99"><Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData/>'
        "</Pixels></Image></OME>"
    )
    file = tmp_path / "masks" / "A/1/0" / "all.ome.tif"
    file.parent.mkdir(parents=True)
    tifffile.imwrite(file, MASKS[0], description=text, metadata=None)
    for reads in (tifffile.TiffPage, tifffile.TiffFile):
        monkeypatch.setattr(reads, "asarray", lambda *_, **__: pytest.fail("read"))
    monkeypatch.setattr(limits, "MOST_FRAMES", 98)
    index = indexed(tmp_path, labels_path=str(tmp_path / "masks"))
    (problem,) = [met for met in index.problems if met.kind == "unusable-masks"]
    assert "all.ome.tif" in problem.message
    assert "its metadata say 99 frames" in problem.message or "99 planes" in problem.message


def test_a_frame_of_masks_larger_than_memory_is_refused_when_it_is_asked_for(tmp_path, monkeypatch):
    reader = open_masks(source(tmp_path, labels_path=str(write_tiffs(tmp_path / "m", MASKS))))
    assert reader is not None
    reader.read(0, *WHOLE)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 1000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 4 * MASKS[0].nbytes - 4)
    with pytest.raises(StoreError, match="more than memory holds"):
        reader.read(1, *WHOLE)
