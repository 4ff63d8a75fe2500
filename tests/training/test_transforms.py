"""Normalization against numpy, augmentations against all that each may do, and seeds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex, MultiExperimentTripletDataset
from lineage_triplets.engine import ConfigError
from lineage_triplets.engine.dataset.batch import Batch
from lineage_triplets.engine.dataset.samples import Samples
from lineage_triplets.training import Augmentation, BatchTransform
from lineage_triplets.training.transforms import moved
from stores import make_experiment, numbered_pixels, track_table

CHANNELS = ("Phase", "GFP")


def statistics(shift: float) -> dict[str, Any]:
    """Of two channels, by level; those of frames differ."""
    return {
        name: {
            "fov_statistics": {"mean": 10.0 + k + shift, "std": 2.0, "median": 9.0, "iqr": 4.0},
            "dataset_statistics": {"mean": 100.0, "std": 0.0, "median": 90.0, "iqr": 0.0},
            "timepoint_statistics": {
                str(t): {"mean": t + k + shift, "std": 1.0 + t} for t in range(9)
            },
        }
        for k, name in enumerate(CHANNELS)
    }


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """FOV A/1/0 has statistics of all, A/1/1 lacks those of frame 9 and on, B/2/0 has none."""
    folder = tmp_path_factory.mktemp("transforms")
    table = track_table((1, range(12)), (2, range(12)))
    table["y"], table["x"] = 20.0 + 4 * table.track_id, 24.0
    full, less = statistics(0.0), statistics(5.0)
    for channel in full.values():
        channel["timepoint_statistics"] |= {str(t): {"mean": 1.0, "std": 2.0} for t in range(9, 12)}
    experiment = make_experiment(
        folder,
        "one",
        dict.fromkeys(("A/1/0", "A/1/1", "B/2/0"), table),
        channels=CHANNELS,
        source_channel=("GFP", "Phase"),
        pixels=numbered_pixels((12, 2, 1, 40, 48), seed=1),
        normalization={"A/1/0": full, "A/1/1": less},
    )
    return MultiExperimentIndex(ExperimentRegistry([experiment]), 1, (16, 16), (0.5, 2.0))


@pytest.fixture(scope="module")
def dataset(index):
    return MultiExperimentTripletDataset(index, seed=3)


def numbers_of(index: MultiExperimentIndex, fov: str, last_t: int = 6) -> list[int]:
    anchors = index.valid_anchors
    return np.flatnonzero((anchors.fov_name == fov) & (anchors.t <= last_t)).tolist()


def collated(dataset, transform: BatchTransform, numbers: list[int]) -> Batch:
    loader = DataLoader(dataset, batch_sampler=[numbers], collate_fn=transform.collate)
    return next(iter(loader))


@pytest.mark.parametrize("by", ["mean", "median"])
def test_by_each_patchs_own_pixels(index, dataset, by):
    transform = BatchTransform(index, "patch", normalize_by=by)
    raw = dataset.__getitems__(range(8))
    found = transform(dataset.__getitems__(range(8)), training=False)
    for part in ("anchor", "positive"):
        for patch, expected in zip(found[part].numpy(), raw[part].numpy(), strict=True):
            for slot, pixels in zip(patch, expected.astype(np.float64), strict=True):
                low, middle, high = np.percentile(pixels, [25, 50, 75])
                centre, scale = (
                    (pixels.mean(), pixels.std()) if by == "mean" else (middle, high - low)
                )
                np.testing.assert_allclose(slot, (pixels - centre) / scale, rtol=2e-4, atol=2e-5)


def test_an_even_patch_becomes_zeros(index):
    even = Batch(anchor=torch.full((2, 2, 1, 16, 16), 7, dtype=torch.int32))
    for by in ("mean", "median"):
        found = BatchTransform(index, "patch", normalize_by=by)(Batch(even), training=False)
        assert torch.equal(found["anchor"], torch.zeros(2, 2, 1, 16, 16))


@pytest.mark.parametrize("level", ["fov_statistics", "dataset_statistics", "timepoint_statistics"])
def test_by_the_statistics_of_the_plate(index, dataset, level):
    numbers = numbers_of(index, "A/1/0") + numbers_of(index, "A/1/1", last_t=4)
    transform = BatchTransform(index, level)
    batch, raw = collated(dataset, transform, numbers), dataset.__getitems__(numbers)
    found = transform(batch, training=False)
    table = {"A/1/0": statistics(0.0), "A/1/1": statistics(5.0)}
    for part in ("anchor", "positive"):
        for k, meta in enumerate(raw[f"{part}_meta"]):
            for slot, name in enumerate(("GFP", "Phase")):
                of_level = table[meta["fov_name"]][name][level]
                if level == "timepoint_statistics":
                    of_level = of_level.get(str(meta["t"]), {"mean": 1.0, "std": 2.0})
                expected = (raw[part][k, slot] - of_level["mean"]) / (of_level["std"] or 1.0)
                torch.testing.assert_close(found[part][k, slot], expected)


def test_of_one_slot_the_statistics_of_that_slot(index):
    one = MultiExperimentTripletDataset(index, seed=3, samples=Samples(slots="one"))
    numbers = numbers_of(index, "A/1/0")
    transform = BatchTransform(index, "fov_statistics")
    batch, raw = collated(one, transform, numbers), one.__getitems__(numbers)
    found = transform(batch, training=False)["anchor"]
    mean = 11.0 - raw["slot"][:, None, None, None, None]
    torch.testing.assert_close(found, (raw["anchor"] - mean) / 2)


@pytest.mark.parametrize(
    ("fov", "arguments", "words"),
    [
        ("B/2/0", {"normalize": "fov_statistics"}, "lineage-triplets stats CONFIG"),
        ("A/1/1", {"normalize": "timepoint_statistics"}, "timepoint_statistics of frame 9"),
        (
            "A/1/0",
            {"normalize": "timepoint_statistics", "normalize_by": "median"},
            "no median and iqr",
        ),
        ("A/1/0", {"normalize": "dataset_statistics", "normalize_by": "median"}, "iqr .* is 0"),
    ],
)
def test_statistics_that_are_not_there_are_errors_and_never_nan(
    index, dataset, fov, arguments, words
):
    anchors = index.valid_anchors
    numbers = np.flatnonzero((anchors.fov_name == fov) & (anchors.t == 9)).tolist()
    with pytest.raises(ConfigError, match=words) as caught:
        collated(dataset, BatchTransform(index, **arguments), numbers)
    assert fov in str(caught.value)


def test_metas_become_columns(index, dataset):
    transform = BatchTransform(index, None)
    batch, raw = collated(dataset, transform, [0, 5]), dataset.__getitems__([0, 5])
    for part in ("anchor_meta", "positive_meta"):
        assert list(batch[part]) == list(raw[part][0])
        for k, meta in enumerate(raw[part]):
            for key, value in meta.items():
                assert np.array_equal(batch[part][key][k], value)
    there = moved(batch, torch.device("meta"))
    assert there["anchor"].device.type == "meta"
    assert there["anchor_meta"]["t"].tolist() == [meta["t"] for meta in raw["anchor_meta"]]


def placed(index, margin: int = 0, n: int = 64) -> Batch:
    """Patches whose every pixel is told from all others."""
    size = 16 + 2 * margin
    patch = torch.arange(size * size, dtype=torch.float32).reshape(1, 1, 1, size, size)
    meta = [{"global_track_id": "one_A/1/0_1", "t": 0}] * n
    return Batch(
        anchor=patch.repeat(n, 2, 1, 1, 1), positive=patch.repeat(n, 2, 1, 1, 1), anchor_meta=meta
    )


@pytest.mark.parametrize(
    ("flip", "rotate", "n_ways"), [(True, True, 8), (True, False, 4), (False, True, 4)]
)
def test_flips_and_turns_are_those_of_a_square(index, flip, rotate, n_ways):
    transform = BatchTransform(index, None, augment=Augmentation(flip=flip, rotate=rotate), seed=0)
    batch = placed(index)
    original = batch["anchor"][0, 0, 0].numpy()
    ways = {
        np.rot90(image, k).tobytes()
        for image, k in itertools.product(
            (original, original[::-1]) if flip else (original,), range(4) if rotate else (0, 2)
        )
    }
    if flip and not rotate:
        ways = {
            image.tobytes()
            for image in (original, original[::-1], original[:, ::-1], original[::-1, ::-1])
        }
    found = transform(batch)
    seen = {patch.numpy().tobytes() for patch in found["anchor"][:, 0, 0]}
    assert seen == ways
    assert len(seen) == n_ways
    # All slots of a patch turn together, anchor and positive by themselves.
    assert torch.equal(found["anchor"][:, 0], found["anchor"][:, 1])
    assert not torch.equal(found["anchor"], found["positive"])


def test_shifts_lie_within_the_margin_and_nothing_else_does_shift(index):
    augment = Augmentation(flip=False, rotate=False, shift_pixels=2)
    transform = BatchTransform(index, None, augment=augment, margin_pixels=3, seed=0)
    batch = placed(index, margin=3)
    original = batch["anchor"][0, 0, 0].clone()
    windows = {
        original[3 + dy : 19 + dy, 3 + dx : 19 + dx].numpy().tobytes()
        for dy in range(-2, 3)
        for dx in range(-2, 3)
    }
    even = transform(Batch(batch), training=False)["anchor"]
    assert torch.equal(even[5, 1, 0], original[3:19, 3:19])
    seen = {patch.numpy().tobytes() for patch in transform(batch)["anchor"][:, 0, 0]}
    assert seen <= windows
    assert len(seen) > 15


def test_light_noise_and_dropped_slots(index):
    ones = Batch(placed(index))
    ones["anchor"] = torch.ones(64, 2, 1, 16, 16)
    plain = {"flip": False, "rotate": False}
    light = BatchTransform(index, None, augment=Augmentation(**plain, contrast=0.2), seed=0)
    factor = light(Batch(ones))["anchor"].flatten(2)
    assert (factor == factor[:, :, :1]).all()
    assert 0.8 <= factor.min() < 0.83
    assert 1.17 < factor.max() <= 1.2
    noise = BatchTransform(index, None, augment=Augmentation(**plain, noise=0.5), seed=0)
    added = noise(Batch(ones))["anchor"] - 1
    assert abs(float(added.std()) - 0.5) < 0.01
    dropping = BatchTransform(index, None, channel_dropout=0.7, seed=0)
    kept = dropping(Batch(ones))["anchor"].flatten(2)
    assert (kept == kept[:, :, :1]).all()
    n_kept = kept[:, :, 0].sum(1)
    assert set(n_kept.tolist()) == {1.0, 2.0}
    assert torch.equal(dropping(Batch(ones), training=False)["anchor"], ones["anchor"])


def test_a_seed_makes_a_batch_the_same_again_and_epochs_differ(index, dataset):
    def seen(seed, epoch=0):
        augment = Augmentation(shift_pixels=2, contrast=0.3, noise=0.1)
        transform = BatchTransform(
            index, augment=augment, channel_dropout=0.3, margin_pixels=2, seed=seed
        )
        return transform(placed(index, margin=2), epoch=epoch)["positive"]

    assert torch.equal(seen(4), seen(4))
    assert not torch.equal(seen(4), seen(4, epoch=1))
    torch.manual_seed(0)
    first = seen(None)
    assert not torch.equal(seen(None), first)
    torch.manual_seed(0)
    assert torch.equal(seen(None), first)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"normalize": "plate"}, "Of: patch, fov_statistics"),
        ({"normalize_by": "max"}, "Of: mean, median"),
        ({"channel_dropout": 1.0}, "no probability"),
        (
            {"augment": Augmentation(shift_pixels=3), "margin_pixels": 2},
            "margin that is read has 2",
        ),
    ],
)
def test_arguments_that_cannot_be(index, arguments, words):
    with pytest.raises(ConfigError, match=words):
        BatchTransform(index, **arguments)


@pytest.mark.parametrize("arguments", [{"contrast": 1.0}, {"noise": -1.0}, {"shift_pixels": -1}])
def test_augmentations_that_cannot_be(arguments):
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        Augmentation(**arguments)


def test_patches_that_are_no_squares_do_not_turn(index):
    oblong = MultiExperimentIndex(index.registry, 1, (16, 12), (0.5, 2.0))
    with pytest.raises(ConfigError, match="16 x 12 pixels cannot be turned"):
        BatchTransform(oblong, augment=Augmentation())


def test_statistics_that_were_not_collated_are_asked_for(index, dataset):
    numbers = numbers_of(index, "A/1/0")[:2]
    by_fov = BatchTransform(index, "fov_statistics")
    bare = next(iter(DataLoader(dataset, batch_sampler=[numbers])))
    of_another = collated(dataset, BatchTransform(index), numbers)
    for batch in (bare, of_another):
        with pytest.raises(ConfigError, match=r"collate_fn=transform\.collate"):
            by_fov(batch)
