"""Positives by equal columns in whole batches: plates without time, sides of a split, the gate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import reviews
from lineage_triplets import DatasetConfig, MultiExperimentTripletDataset, load_config
from lineage_triplets.engine import ConfigError, diagnose
from lineage_triplets.qc import Review
from lineage_triplets.qc.export.export import export_review
from lineage_triplets.training import split_anchors
from stores import make_experiment, numbered_pixels, track_table

FOVS = ("A/1/0", "A/1/1", "A/2/0", "B/1/0")


def screen(root, n_cells: int = 5):
    """Two plates of one frame: A/1 and B/1 are treated, A/2 is not, C/1 is in no condition."""
    cells = track_table(*((number, [0]) for number in range(n_cells)))
    cells["x"] = 12.0 + 8 * cells["track_id"]
    return [
        make_experiment(
            root,
            name,
            dict.fromkeys((*FOVS, "C/1/0"), cells),
            pixels=numbered_pixels((1, 2, 1, 48, 64), seed=seed),
            condition_wells={"treated": ["A/1", "B/1"], "untreated": ["A/2"]},
        )
        for seed, name in enumerate(("first", "second"))
    ]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    return reviews.save(folder / "screen.yml", screen(folder), positive_match=["condition"])


@pytest.fixture(scope="module")
def dataset(config):
    return MultiExperimentTripletDataset.from_config(config)


def test_movies_of_one_frame_have_pairs_of_one_condition(dataset):
    table = dataset.index.valid_anchors
    assert len(dataset) == 2 * len(FOVS) * 5
    assert set(table["condition"]) == {"treated", "untreated"}
    batch = dataset.__getitems__(range(len(dataset)))
    pairs = list(zip(batch["anchor_meta"], batch["positive_meta"], strict=True))
    for anchor, positive in pairs:
        assert anchor["condition"] == positive["condition"]
        assert anchor["lineage_id"] != positive["lineage_id"]
        said = positive["relation"], positive["tau_frames"], positive["generations"]
        assert said == ("matched", 0, (0, 0))
    assert any(anchor["experiment"] != positive["experiment"] for anchor, positive in pairs)
    # The pixels are those of the row that is named.
    every = MultiExperimentTripletDataset(dataset.index, fit=False)
    row = {reviews.key(meta): k for k, meta in enumerate(every.__getitems__(range(50))["index"])}
    rows = [row[reviews.key(positive)] for _, positive in pairs[:9]]
    assert torch.equal(batch["positive"][:9], every.__getitems__(rows)["anchor"])


def test_pairs_follow_from_seed_epoch_and_anchor(dataset, config):
    numbers = list(range(len(dataset)))
    drawn = [reviews.key(meta) for meta in dataset.__getitems__(numbers)["positive_meta"]]
    again = dataset.__getitems__(numbers[::-3])["positive_meta"]
    assert [reviews.key(meta) for meta in again] == drawn[::-3]
    other = MultiExperimentTripletDataset.from_config(config, seed=8)
    assert [reviews.key(m) for m in other.__getitems__(numbers)["positive_meta"]] != drawn


def test_without_a_lineage_other_pairs_stay(dataset, config):
    gone = dataset.index.valid_anchors["lineage_id"][3]
    loaded = load_config(config)
    exclude = loaded.exclude.model_validate({"lineages": [{"lineage_id": gone}]})
    fewer = MultiExperimentTripletDataset.from_config(
        loaded.model_copy(update={"exclude": exclude})
    )

    def pairs(some):
        batch = some.__getitems__(range(len(some)))
        metas = zip(batch["anchor_meta"], batch["positive_meta"], strict=True)
        return {reviews.key(anchor): positive["lineage_id"] for anchor, positive in metas}

    before, after = pairs(dataset), pairs(fewer)
    assert gone in before.values()
    kept = {anchor for anchor, positive in before.items() if positive != gone and anchor in after}
    assert {anchor: before[anchor] for anchor in kept} == {a: after[a] for a in kept}
    assert gone not in after.values()


def test_positives_are_of_the_same_side_of_a_split(dataset):
    split = split_anchors(dataset.index, "experiment", val=["second"])
    part = dataset.part(split.rows("val"))
    metas = part.__getitems__(split.val.tolist())["positive_meta"]
    assert {meta["experiment"] for meta in metas} == {"second"}
    alone = np.zeros(len(dataset.index), dtype=bool)
    alone[dataset.index.anchor_rows[0]] = True
    with pytest.raises(ConfigError, match=r"1 anchor of this side .* match only others"):
        dataset.part(alone)


def test_what_matches_nobody_is_said_and_is_no_error(config, tmp_path):
    said = {problem.kind: problem for problem in diagnose(config).problems}
    assert said["unmatched-anchors"].count == 5
    assert "A well in no condition matches nobody" in said["unmatched-anchors"].message
    assert not {"no-anchors", "few-tau-frames"} & said.keys()
    lone = screen(tmp_path, n_cells=1)
    by_fov = reviews.save(tmp_path / "fov.yml", lone, positive_match=["experiment", "fov_name"])
    assert "no-anchors" in {problem.kind for problem in diagnose(by_fov).problems}


def test_a_relation_of_lineages_is_refused_beside_it():
    with pytest.raises(ValueError, match="positives by equal columns are of no lineage"):
        DatasetConfig(positive_match=["condition"], positive_relation="descendant")
    with pytest.raises(ValueError, match="'experiment', 'condition', 'well_name'"):
        DatasetConfig(positive_match=["gene"])


def test_a_review_shows_and_exports_them(config, tmp_path):
    with Review.open(config) as review:
        review.check()
        root = review.data.training.valid_anchors["lineage_id"][0]
        review.choose(lineage=root)
        shown = review.state.pairs
        assert {meta["lineage_id"] for meta in shown.anchors} == {root}
        assert set(shown.relation_labels) == {"matched"}
        assert shown.probability.tolist() == [1 / 29]
        with pytest.raises(ConfigError, match="no cell that could be followed"):
            review.strip(shown, 0)
        with pytest.raises(ConfigError, match="no look at a pair can tell"):
            review.plan_audit("first", 10)
        review.checks.check_pixels()
        for name in ("first", "second"):
            review.approve(name)
        for found in review.check():
            if found.status == "open" and found.finding.severity == "error":
                review.waive(found.finding.key, "random pixels")
        files = export_review(review, tmp_path / "out", **reviews.WITHOUT).files
    trained = MultiExperimentTripletDataset.from_config(files["config"])
    assert trained.index.settings.positive_match == ["condition"]
    assert "a positive has an equal condition" in files["report"].read_text()
