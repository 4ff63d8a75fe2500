"""Other kinds of sample, each against a slow look at the stores; loaders without a collate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader

import reviews
from lineage_triplets import (
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    load_config,
    save_config,
)
from lineage_triplets.engine import ConfigError, VerificationError
from lineage_triplets.engine.dataset.batch import Batch
from lineage_triplets.engine.dataset.samples import Samples
from lineage_triplets.engine.dataset.verification import draft_of
from stores import numbered_pixels

SHAPE = (14, 2, 1, 48, 64)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    return reviews.write_config(folder, return_negative=True, yx_patch_size=(24, 20))


@pytest.fixture(scope="module")
def dataset(config):
    return MultiExperimentTripletDataset.from_config(config)


def of_kind(dataset: MultiExperimentTripletDataset, **kind) -> MultiExperimentTripletDataset:
    arguments = dataset.source.settings.model_dump(include={"return_negative", "seed"})
    return MultiExperimentTripletDataset(dataset.index, **arguments, samples=Samples(**kind))


def test_one_slot_is_that_slot_of_the_same_pair(dataset):
    one = of_kind(dataset, slots="one")
    numbers = range(0, len(dataset), 3)
    whole, batch = dataset.__getitems__(numbers), one.__getitems__(numbers)
    slot = batch["slot"]
    assert set(slot.tolist()) == {0, 1}
    for part in ("anchor", "positive", "negative"):
        expected = torch.stack([whole[part][k, s : s + 1] for k, s in enumerate(slot.tolist())])
        assert torch.equal(batch[part], expected)
        assert batch[f"{part}_meta"] == whole[f"{part}_meta"]
    # By seed, epoch and anchor alone.
    backwards = one.__getitems__(reversed(numbers))["slot"]
    assert torch.equal(backwards.flip(0), slot)
    one.set_epoch(1)
    assert not torch.equal(one.__getitems__(numbers)["slot"], slot)


def test_self_positives_are_the_anchor_once_more(dataset):
    batch = of_kind(dataset, positive="self").__getitems__([0, 7, 80])
    assert torch.equal(batch["positive"], batch["anchor"])
    assert batch["positive"].data_ptr() != batch["anchor"].data_ptr()
    assert {(meta["tau_frames"], meta["relation"]) for meta in batch["positive_meta"]} == {
        (0, "same track")
    }


def test_labels_are_codes_of_the_tables_words(dataset):
    columns = ("condition", "experiment", "fov_name", "well_name", "lineage_id", "global_track_id")
    labelled = of_kind(dataset, labels=columns)
    numbers = list(range(0, len(dataset), 5))
    batch = labelled.__getitems__(numbers)
    table = dataset.index.valid_anchors
    for column in columns:
        classes = labelled.labels.classes[column]
        assert classes == sorted(classes)
        found = [classes[code] for code in batch["labels"][column].tolist()]
        assert found == table[column].iloc[numbers].tolist()


@pytest.mark.parametrize("border", ["clamp", "pad"])
def test_a_margin_is_the_image_around_the_patch(dataset, border):
    margin = 9
    index = MultiExperimentIndex(dataset.index.registry, 1, (24, 20), (0.5, 2.0), border=border)
    plain = MultiExperimentTripletDataset(index, seed=7)
    wide = MultiExperimentTripletDataset(index, seed=7, samples=Samples(margin_pixels=margin))
    numbers = range(0, len(plain), 4)
    narrow, patches = plain.__getitems__(numbers), wide.__getitems__(numbers)["anchor"]
    inside = slice(margin, -margin)
    assert torch.equal(patches[..., inside, inside], narrow["anchor"])
    pixels = {
        ("early", "A/1/0"): numbered_pixels(SHAPE, seed=1),
        ("early", "B/2/0"): numbered_pixels(SHAPE, seed=2),
        ("late", "A/1/0"): numbered_pixels(SHAPE, seed=3)[:, ::-1],
    }
    mode = {"clamp": "edge", "pad": "constant"}[border]
    rows = index.anchor_rows[list(numbers)]
    _, top, left = plain.source.reader.corners(
        index.observations.take(rows), index.fov_of_row[rows]
    )
    for k, meta in enumerate(narrow["anchor_meta"]):
        frame = pixels[meta["experiment"], meta["fov_name"]][meta["t"]]
        around = np.pad(frame, [(0, 0), (0, 0), (40, 40), (40, 40)], mode)
        y, x = int(top[k]) + 40 - margin, int(left[k]) + 40 - margin
        expected = around[:, :, y : y + 24 + 2 * margin, x : x + 20 + 2 * margin]
        np.testing.assert_array_equal(patches[k].numpy(), expected)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"positive": "none"}, "drawn, self"),
        ({"slots": "two"}, "all, one"),
        ({"labels": ("fate",)}, "Known: experiment"),
        ({"labels": ("conditions",)}, "Did you mean 'condition'"),
        ({"margin_pixels": -1}, "number of pixels"),
    ],
)
def test_kinds_that_there_are_not(kind, words):
    with pytest.raises(ConfigError, match=words):
        Samples(**kind)


def test_a_loader_needs_no_collate_function(dataset):
    expected = dataset.__getitems__(range(16))
    for loader in (
        DataLoader(dataset, batch_size=16),
        DataLoader(dataset, batch_size=None, sampler=[list(range(16))]),
    ):
        batch = next(iter(loader))
        assert isinstance(batch, Batch)
        assert list(batch) == list(expected)
        assert torch.equal(batch["positive"], expected["positive"])
        assert batch["anchor_meta"] == expected["anchor_meta"]


def test_batches_of_one_become_one(dataset):
    """A ConcatDataset asks for samples one by one."""
    both = ConcatDataset([dataset, of_kind(dataset, labels=("condition",)).part()])
    batch = next(iter(DataLoader(both, batch_size=5)))
    expected = dataset.__getitems__(range(5))
    assert torch.equal(batch["anchor"], expected["anchor"])
    assert batch["negative_meta"] == expected["negative_meta"]


def test_a_batch_has_its_own_keys_alone(dataset):
    batch = dataset[0]
    with pytest.raises(KeyError):
        batch[1]
    with pytest.raises(KeyError):
        batch["anchors"]


def test_a_seed_at_loading_replaces_that_of_a_validated_config(config, tmp_path):
    loaded = load_config(config)
    index = MultiExperimentTripletDataset.from_config(loaded).index
    draft = draft_of(loaded, index, "0")
    signed = draft.model_copy(
        update={"verification": draft.verification.model_copy(update={"validated": True})}
    )
    save_config(signed, tmp_path / "validated.yaml")
    path = tmp_path / "validated.yaml"
    other = MultiExperimentTripletDataset.from_config(path, seed=8)
    assert (other.seed, MultiExperimentTripletDataset.from_config(path).seed) == (8, 7)
    path.write_text(path.read_text().replace("seed: 7", "seed: 8"))
    with pytest.raises(VerificationError, match="text"):
        MultiExperimentTripletDataset.from_config(path)
