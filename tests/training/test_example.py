"""The example that learns: its loss, its judgement, and the command from nothing to files."""

from __future__ import annotations

import json
import math
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lineage_triplets import MultiExperimentTripletDataset
from lineage_triplets.cli import main
from lineage_triplets.engine import ConfigError
from lineage_triplets.training import Encoder, find_lineages, nt_xent, train_demo
from lineage_triplets.training.example import sample
from lineage_triplets.training.example.judge import conditions, fates, probe

EXAMPLE = Path(__file__).parents[2] / "examples" / "train.py"
SMALL = tuple(
    replace(experiment, n_frames=8, shape=(80, 80), interval_minutes=30, n_cells=5, cycle_hours=4)
    for experiment in sample.EXPERIMENTS[1:2]
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The folder and the result of the command on small simulated movies."""
    folder = tmp_path_factory.mktemp("example") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "EXPERIMENTS", SMALL)
        with pytest.raises(SystemExit) as stop:
            main(["train-demo", "--epochs", "1", "--out", str(folder)])
    assert not stop.value.code
    return folder


def test_the_command_trains_and_says_what_it_reached(small):
    result = json.loads((small / "result.json").read_text())
    assert len(result["losses"]) == 1
    assert math.isfinite(result["losses"][0])
    for side in ("untrained", "trained"):
        found = result[side]["lineage"]
        assert 0 < found["chance"] < 0.6
        assert 0 <= found["recall_at_1"] <= 1
        assert found["cells"] > 20
        assert result[side]["condition"]["chance"] == 0.5
    assert result["untrained"] != result["trained"]
    assert "val " in result["split"]
    encoder = Encoder(2)
    encoder.load_state_dict(torch.load(small / "encoder.pt", weights_only=True))
    with Image.open(small / "found.png") as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 200


def test_the_same_seed_gives_the_same_encoder_from_the_config(small, tmp_path):
    config = small / "sample" / "config.yml"
    arguments = {"epochs": 1, "split_by": "fov", "val": list(sample.HELD_OUT)}
    made = train_demo(config, tmp_path, normalize="fov_statistics", **arguments)
    first, again = (
        torch.load(folder / "encoder.pt", weights_only=True) for folder in (small, tmp_path)
    )
    assert all(torch.equal(again[name], weights) for name, weights in first.items())
    assert json.loads((small / "result.json").read_text())["trained"] == made.trained.as_dict()
    with pytest.raises(FileExistsError, match="overwrite"):
        train_demo(config, tmp_path)
    with pytest.raises(ConfigError, match="no order"):
        train_demo(config, tmp_path / "other", order="alphabetical")


def test_the_script_runs_as_it_stands(small, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", str(small / "sample" / "config.yml"), "1"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out
    assert "epoch 0: loss" in said
    assert "lineages found again" in said
    assert len(EXAMPLE.read_text().splitlines()) <= 60


def slow_nt_xent(anchors, positives, temperature, groups=None):
    """One after the other: how surprised one is by the partner among all that it is told from."""
    both = [*anchors.tolist(), *positives.tolist()]
    n = len(anchors)

    def likeness(first, second):
        dot = sum(a * b for a, b in zip(first, second, strict=True))
        return math.exp(dot / math.hypot(*first) / math.hypot(*second) / temperature)

    total = 0.0
    for i, own in enumerate(both):
        partner = (i + n) % (2 * n)
        others = [j for j in range(2 * n) if j not in {i, partner}]
        if groups is not None:
            others = [j for j in others if groups[j % n] != groups[i % n]]
        right = likeness(own, both[partner])
        total -= math.log(right / (right + sum(likeness(own, both[j]) for j in others)))
    return total / (2 * n)


@pytest.mark.parametrize("groups", [None, [4, 9, 4, 7, 7]])
def test_nt_xent_against_a_slow_reference(groups):
    anchors, positives = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    found = nt_xent(anchors, positives, 0.3, None if groups is None else torch.tensor(groups))
    assert found.item() == pytest.approx(slow_nt_xent(anchors, positives, 0.3, groups), rel=1e-5)


N_LINEAGES, N_FRAMES = 6, 8


def hand_made():
    """Two experiments of six lineages, each a track of eight frames that divides after four."""
    experiment, lineage, t, half = np.meshgrid(
        range(2), range(N_LINEAGES), range(N_FRAMES), range(2), indexing="ij"
    )
    kept = (half == 0) | (t >= 4)
    experiment, lineage, t, half = (values[kept] for values in (experiment, lineage, t, half))
    lineage = experiment * N_LINEAGES + lineage
    track = 3 * lineage + np.where(t < 4, 0, 1 + half)
    return experiment, lineage, t, track, np.array([[1, 3], [2, 2]])


def test_perfect_embeddings_find_every_lineage():
    experiment, lineage, t, track, apart = hand_made()
    perfect = np.eye(2 * N_LINEAGES, dtype=np.float32)[lineage]
    for other_than in (None, track):
        found = find_lineages(perfect, experiment, lineage, t, apart, other_than=other_than)
        assert found.recall == 1
        assert found.n_asked + found.n_left_out == len(t)
        distance = np.abs(t[found.asked] - t[found.found])
        assert (distance >= apart[experiment[found.asked], 0]).all()
        assert (distance <= apart[experiment[found.asked], 1]).all()
    assert (track[found.asked] != track[found.found]).all()
    # Where a cell's reach holds its own track alone, there is no relative to find.
    assert found.n_left_out > 0


def test_chance_is_counted_and_random_embeddings_reach_it():
    experiment, lineage, t, _, apart = hand_made()
    random = np.random.default_rng(0).normal(size=(40, len(t), 8)).astype(np.float32)
    found = [find_lineages(values, experiment, lineage, t, apart) for values in random]
    shares = []
    for i in range(len(t)):
        low, high = apart[experiment[i]]
        candidates = [
            j
            for j in range(len(t))
            if experiment[j] == experiment[i] and low <= abs(t[j] - t[i]) <= high
        ]
        shares.append(np.mean([lineage[j] == lineage[i] for j in candidates]))
    assert found[0].chance == pytest.approx(np.mean(shares), abs=1e-12)
    assert found[0].chance == pytest.approx(1 / N_LINEAGES)
    assert np.mean([one.recall for one in found]) == pytest.approx(1 / N_LINEAGES, abs=0.03)


def test_where_nobody_can_be_found_nothing_is_claimed():
    experiment, lineage, t, _, apart = hand_made()
    alone = lineage == 0
    found = find_lineages(
        np.ones((alone.sum(), 2), np.float32), experiment[alone], lineage[alone], t[alone], apart
    )
    assert math.isnan(found.recall)
    assert found.n_left_out == alone.sum()


def test_a_probe_tells_classes_apart_and_leaves_the_unknown_out():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, -1], 300, p=[0.8, 0.15, 0.05])
    rows = rng.normal(size=(300, 4)).astype(np.float32)
    rows[:, 2] += 8 * (labels == 1)
    told = probe(rows[:200], labels[:200], rows[200:], labels[200:])
    assert told.balanced_accuracy > 0.97
    assert (told.n_fitted, told.n_judged) == ((labels[:200] >= 0).sum(), (labels[200:] >= 0).sum())
    blind = probe(rows[:200, :2], labels[:200], rows[200:, :2], labels[200:])
    assert blind.balanced_accuracy == pytest.approx(0.5, abs=0.2)
    assert probe(rows, np.zeros(300, dtype=np.int64), rows, labels) is None


def test_fates_and_conditions_are_those_of_the_tables(small):
    dataset = MultiExperimentTripletDataset.from_config(small / "sample" / "config.yml")
    index = dataset.index
    table = index.tracks
    mothers = table.groupby(["position", "parent_track_id"])["track_id"].nunique()
    found, number = fates(index, hours=1.0), conditions(index)
    assert set(found.tolist()) == {-1, 0, 1}
    for row, fate in zip(table.itertuples(), found.tolist(), strict=True):
        own = table[(table.position == row.position) & (table.track_id == row.track_id)]
        left_hours = (own.t.max() - row.t) / 2
        divides = mothers.get((row.position, row.track_id), 0) > 1
        assert fate == (1 if divides and left_hours <= 1 else 0 if left_hours > 1 else -1)
    assert len(set(zip(number.tolist(), table.condition, strict=True))) == 2
