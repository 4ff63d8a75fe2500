"""Patches at one pixel size, against scipy, slow means, and a field that is known everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex, MultiExperimentTripletDataset
from lineage_triplets.engine import ConfigError
from lineage_triplets.engine.dataset.samples import Samples
from lineage_triplets.training import Augmentation, BatchTransform
from stores import make_experiment, track_table

SIZES_UM = {"fine": 0.25, "same": 0.5, "coarse": 0.8}
SLICES_UM = {"thin": 0.5, "same": 1.0, "thick": 2.0}
PATCH, MARGIN = (24, 20), 14


def field(pixel_um: float) -> np.ndarray:
    """The same smooth field in µm, its middle in the middle of the image."""
    y, x = (np.arange(n) + 0.5 - n / 2 for n in (96, 104))
    waves = np.sin(y[:, None] * pixel_um / 3) + np.cos(x * pixel_um / 4 + 1)
    plane = np.round(10_000 + 3000 * waves).astype(np.uint16)
    return np.broadcast_to(plane, (3, 2, 1, *plane.shape)).copy()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """One cell amid each image, at three pixel sizes."""
    folder = tmp_path_factory.mktemp("sizes")
    table = track_table((1, range(3)), y=48.0, x=52.0)
    listed = [
        make_experiment(folder, name, {"A/1/0": table}, pixels=field(um), pixel_size_um=um)
        for name, um in SIZES_UM.items()
    ]
    index = MultiExperimentIndex(ExperimentRegistry(listed), 1, PATCH, (0.5, 1))
    return MultiExperimentTripletDataset(index, seed=0, samples=Samples(margin_pixels=MARGIN))


def averaged(patch: np.ndarray, axis: int, n: int) -> np.ndarray:
    """Each new pixel is the mean under a triangle as wide as two new ones."""
    n_old = patch.shape[axis]
    step = n_old / n
    away = (np.arange(n_old) + 0.5) - (np.arange(n)[:, None] + 0.5) * step
    weights = np.clip(1 - np.abs(away) / step, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.moveaxis(np.tensordot(patch, weights, axes=(axis, 1)), -1, axis)


def transformed(dataset, um=(0.5, 0.5), **arguments):
    arguments = {"normalize": None, "margin_pixels": MARGIN, **arguments}
    transform = BatchTransform(dataset.index, reference_pixel_size_um=um, **arguments)
    return transform(transform.collate(dataset.__getitems__(range(len(dataset)))))


def test_each_is_what_scipy_makes_of_its_field(dataset):
    batch, raw = transformed(dataset), dataset.__getitems__(range(len(dataset)))
    for k, meta in enumerate(raw["anchor_meta"]):
        read = raw["anchor"][k].numpy()
        n_rows, n_columns = (round(n * 0.5 / SIZES_UM[meta["experiment"]]) for n in PATCH)
        top, left = read.shape[2] // 2 - n_rows // 2, read.shape[3] // 2 - n_columns // 2
        cut = read[..., top : top + n_rows, left : left + n_columns]
        zoom = (1, 1, PATCH[0] / n_rows, PATCH[1] / n_columns)
        expected = ndimage.zoom(cut, zoom, order=1, grid_mode=True, mode="nearest")
        found = batch["anchor"][k].numpy()
        assert found.shape == (2, 1, *PATCH)
        # Where pixels become fewer, scipy takes points and this takes means.
        if meta["experiment"] == "fine":
            expected = averaged(averaged(cut, 2, PATCH[0]), 3, PATCH[1])
        if meta["experiment"] == "same":
            assert np.array_equal(found, expected)
        assert np.abs(found - expected).max() <= 0.02


def test_all_show_one_field_in_micrometres(dataset):
    batch = transformed(dataset)
    shown = {
        experiment: patch[0, 0].numpy()
        for experiment, patch in zip(
            batch["anchor_meta"]["experiment"], batch["anchor"], strict=True
        )
    }
    for experiment, patch in shown.items():
        um = SIZES_UM[experiment]
        # The field is a whole number of pixels, half a pixel aside where that is odd.
        y, x = (
            (((np.arange(n) + 0.5) / n - 0.5) * whole + whole % 2 / 2) * um
            for n, whole in ((n, round(n * 0.5 / um)) for n in PATCH)
        )
        expected = 10_000 + 3000 * (np.sin(y[:, None] / 3) + np.cos(x / 4 + 1))
        # At the edge of what is cut there is nothing beyond to interpolate with.
        assert np.abs(patch - expected)[1:-1, 1:-1].max() < 0.01 * 6000


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    """Slices of three thicknesses, eight of which are read, with noise for pixels."""
    folder = tmp_path_factory.mktemp("stacks")
    table = track_table((1, range(3)), y=48.0, x=52.0)
    pixels = np.random.default_rng(0).integers(0, 60_000, (3, 2, 12, 96, 104), dtype=np.uint16)
    listed = [
        make_experiment(folder, name, {"A/1/0": table}, pixels=pixels, slice_um=um)
        for name, um in SLICES_UM.items()
    ]
    index = MultiExperimentIndex(ExperimentRegistry(listed), (2, 10), PATCH, (0.5, 1))
    return MultiExperimentTripletDataset(index, seed=0, samples=Samples(margin_pixels=MARGIN))


def test_slices_are_means_and_lines_between(stacks):
    batch, raw = transformed(stacks, um=(1.0, 0.5, 0.5)), stacks.__getitems__(range(len(stacks)))
    seen = set()
    for found, read, meta in zip(
        batch["anchor"].numpy(), raw["anchor"].numpy(), raw["anchor_meta"], strict=True
    ):
        # Eight slices of 0.5 µm are four of 1 µm, around the middle of all.
        n_stored = round(4 / SLICES_UM[meta["experiment"]])
        cut = read[:, 4 - n_stored // 2 : 4 + n_stored // 2, MARGIN:-MARGIN, MARGIN:-MARGIN]
        expected = {
            "thin": averaged(cut.astype(float), 1, 4),
            "same": cut,
            "thick": ndimage.zoom(cut, (1, 2, 1, 1), order=1, grid_mode=True, mode="nearest"),
        }[meta["experiment"]]
        assert found.shape == (2, 4, *PATCH)
        assert np.abs(found - expected).max() <= 0.02
        seen.add(meta["experiment"])
    assert seen == set(SLICES_UM)


def test_too_few_slices(stacks):
    with pytest.raises(ConfigError, match=r"8 of 0.5 µm.*z_range read 9 slices or more") as error:
        transformed(stacks, um=(4.2, 0.5, 0.5))
    assert "thin" in str(error.value)


def test_shifts_are_of_the_resampled_patch(dataset):
    shifting = Augmentation(flip=False, rotate=False, shift_pixels=1)
    batch = transformed(dataset, augment=shifting, seed=3)
    assert batch["anchor"].shape == batch["positive"].shape == (len(dataset), 2, 1, *PATCH)
    assert batch["anchor"].dtype == torch.float32


def test_what_cannot_be(dataset):
    with pytest.raises(ConfigError, match="Set margin_pixels to 12"):
        transformed(dataset, margin_pixels=3)
    with pytest.raises(ConfigError, match="above 0"):
        transformed(dataset, um=(0.5, 0.0))
