"""Splits: no lineage on two sides, shares as near as groups allow, any order of rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import MultiExperimentTripletDataset
from lineage_triplets.engine import ConfigError, Cut, Link, UnknownNameError
from lineage_triplets.training import split as split_module
from lineage_triplets.training import split_anchors
from stores import Plates, track_table

if TYPE_CHECKING:
    import pandas as pd

BY = ("lineage", "fov", "well", "condition", "experiment")


def fov_table(first: int, n: int) -> pd.DataFrame:
    """`n` lineages of unlike length; every second one divides."""
    tracks: list[tuple] = []
    for k in range(n):
        root = first + 3 * k
        tracks.append((root, range(6 + k)))
        if k % 2:
            tracks += [(root + 1, range(6 + k, 14), root), (root + 2, range(6 + k, 12), root)]
    table = track_table(*tracks)
    return table.assign(y=20.0, x=24.0)


@pytest.fixture(scope="module")
def index(plates: Plates):
    tables = {
        (name, fov): fov_table(1, n)
        for (name, fov), n in zip(
            [(name, fov) for name in ("one", "two") for fov in plates.fovs],
            (9, 5, 7, 3, 8, 6),
            strict=True,
        )
    }
    # Links that are cut and added make other lineages than the tables have.
    return plates.index(
        tables,
        tau_range_hours=(1, 3),
        cut=[Cut(experiment="one", fov="A/1/0", track_id=4, daughter=5)],
        link=[Link(experiment="one", fov="A/1/0", track_id=1, t=5, to_track_id=5, to_t=7)],
    )


def lineages(index, anchors):
    return set(index.valid_anchors.lineage_id.to_numpy()[anchors])


@pytest.mark.parametrize("by", ["lineage", "fov", "well", "experiment"])
def test_no_lineage_nor_its_positives_are_on_two_sides(index, by):
    test = 0.0 if by == "experiment" else 0.2
    split = split_anchors(index, by, val=0.3, test=test, seed=3)
    sides = [split.train, split.val, split.test]
    assert sorted(np.concatenate(sides)) == list(range(len(index.anchor_rows)))
    of_side = [lineages(index, anchors) for anchors in sides]
    assert not (of_side[0] & of_side[1] or of_side[0] & of_side[2] or of_side[1] & of_side[2])
    dataset = MultiExperimentTripletDataset(index, seed=1)
    for number, anchors in enumerate(sides):
        rows = index.anchor_rows[anchors]
        assert (split.side_of_row[rows] == number).all()
        for epoch in range(3):
            drawn = dataset.source.draw(rows, 1, epoch)
            assert (split.side_of_row[drawn.positive] == number).all()


def test_groups_are_whole(index):
    for by, column in (("fov", ["experiment", "fov_name"]), ("well", ["experiment", "well_name"])):
        split = split_anchors(index, by, val=0.4)
        table = index.tracks.assign(side=split.side_of_row)
        assert len(table[[*column, "side"]].drop_duplicates()) == len(
            table[column].drop_duplicates()
        )


@pytest.mark.parametrize(
    ("negative_from", "val"),
    [("experiment", 0.4), ("fov", [f"one_A/1/0_{k}" for k in (7, 10, 13)])],
)
def test_negatives_are_of_the_anchors_side(index, negative_from, val):
    split = split_anchors(index, "lineage", val=val, seed=1)
    whole = MultiExperimentTripletDataset(
        index, seed=0, return_negative=True, negative_from=negative_from
    )
    crosses = 0
    for side in ("train", "val"):
        rows = index.anchor_rows[split.anchors(side)]
        part = whole.part(split.rows(side))
        for epoch in range(3):
            found = part.source.draw(rows, 0, epoch).negative
            assert split.rows(side)[found].all()
            assert (index.tracks.lineage_id.to_numpy()[found]
                    != index.tracks.lineage_id.to_numpy()[rows]).all()  # fmt: skip
            before = whole.source.draw(rows, 0, epoch).negative
            stays = split.rows(side)[before]
            crosses += int((~stays).sum())
            # A negative that was of the same side already is still that one.
            assert (found[stays] == before[stays]).all()
    assert crosses


def test_a_side_with_one_lineage_has_no_negatives(index):
    split = split_anchors(index, "lineage", val=["one_A/1/0_1"])
    whole = MultiExperimentTripletDataset(index, seed=0, return_negative=True)
    with pytest.raises(ConfigError, match="one lineage only on this side of the split"):
        whole.part(split.rows("val"))


def test_shares_are_reached_as_nearly_as_groups_allow(index):
    n = len(index.anchor_rows)
    split = split_anchors(index, "lineage", val=0.2, test=0.1)
    assert abs(len(split.val) / n - 0.2) < 0.01
    assert abs(len(split.test) / n - 0.1) < 0.01
    assert "20.0% asked for" in split.words
    # Of 6 FOVs the best two sides are found among all that there are.
    fov = index.fov_of_row[index.anchor_rows]
    sizes = np.bincount(fov, minlength=6)
    best = min(
        abs(sizes[[k for k in range(6) if choice >> k & 1]].sum() - 0.35 * n)
        for choice in range(1, 63)
    )
    found = [len(split_anchors(index, "fov", val=0.35, seed=seed).val) for seed in range(5)]
    assert min(abs(size - 0.35 * n) for size in found) == pytest.approx(best)


def test_other_seeds_draw_other_groups_and_the_same_seed_the_same(index):
    first = split_anchors(index, "lineage", seed=1)
    assert (split_anchors(index, "lineage", seed=1).val == first.val).all()
    assert lineages(index, split_anchors(index, "lineage", seed=2).val) != lineages(
        index, first.val
    )


@settings(max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=3, max_size=12),
    val=st.floats(0.05, 0.9),
    seed=st.integers(0, 5),
    order=st.randoms(use_true_random=False),
)
def test_the_draw_knows_names_alone(sizes, val, seed, order):
    names = [f"group {k}" for k in range(len(sizes))]
    shuffled = list(range(len(sizes)))
    order.shuffle(shuffled)
    sides = {}
    for numbers in (range(len(sizes)), shuffled):
        empty = np.empty(0, dtype=np.int64)
        groups = split_module._Groups(
            [names[k] for k in numbers], {}, empty, empty, np.array([sizes[k] for k in numbers])
        )
        side = np.full(len(sizes), -1)
        split_module._draw(side, groups, {0: 1 - val, 1: val}, seed)
        assert set(side) == {0, 1}
        sides[tuple(numbers)] = dict(zip(groups.names, side.tolist(), strict=True))
    first, second = sides.values() if len(sides) == 2 else [*sides.values()] * 2
    assert first == second


def test_by_name_and_the_rest_by_share(index):
    split = split_anchors(index, "fov", test=["two/A/1/0"], val=["B/2/0"])
    table = index.valid_anchors
    assert set(table.fov_name[split.val]) == {"B/2/0"}
    assert set(table.experiment[split.val]) == {"one", "two"}
    assert set(zip(table.experiment[split.test], table.fov_name[split.test], strict=True)) == {
        ("two", "A/1/0")
    }
    assert len(split.train) + len(split.val) + len(split.test) == len(table)
    some = split_anchors(index, "fov", train=0.3, val=["one/A/1/0"])
    assert "on no side" in some.words
    assert (some.side_of_row == -1).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": "plate"}, "By: lineage, fov, well, condition, experiment"),
        (
            {"by": "condition"},
            r"\(control\).*by lineage \(38\) or fov \(6\) or well \(4\) or experiment \(2\):",
        ),
        (
            {"by": "experiment", "val": 1.0},
            r"experiments.*Name other groups, or change the shares.$",
        ),
        ({"by": "experiment", "val": 0.2, "test": 0.2}, "2 experiments"),
        ({"by": "fov", "val": 0.6, "test": 0.6}, "more than"),
        ({"by": "fov", "val": 1.0}, "train has no anchor"),
        ({"by": "fov", "val": -0.1}, "no share"),
        ({"by": "fov", "val": 3}, "no share"),
        ({"by": "fov", "val": ["A/1/0"], "test": ["one/A/1/0"]}, "named for val too"),
        ({"by": "experiment", "val": ["one", "two"]}, "train has no anchor"),
        ({"by": "fov", "val": [1]}, "neither a share nor names"),
    ],
)
def test_what_cannot_be_is_said(index, arguments, words):
    with pytest.raises(ConfigError, match=words):
        split_anchors(index, **arguments)


def test_unknown_names_are_said_with_what_there_is(index):
    with pytest.raises(UnknownNameError, match="Known: one, two"):
        split_anchors(index, "experiment", val=["zwei"])


def test_a_split_is_a_frozen_value(index):
    with pytest.raises(dataclasses.FrozenInstanceError):
        split_anchors(index).words = ""


def test_only_splits_that_work_are_offered(plates):
    """Of one FOV there is nothing to split by but its lineages, and what is offered runs."""
    index = plates.index({("one", "A/1/0"): fov_table(1, 6)}, tau_range_hours=(1, 3))
    with pytest.raises(ConfigError) as caught:
        split_anchors(index, "fov", val=0.25, test=0.25)
    assert caught.value.problems[0].remedy == (
        'Split by lineage (6): split_anchors(index, by="lineage", val=0.25, test=0.25), or in the '
        'data module split={"by": "lineage", "val": 0.25, "test": 0.25}.'
    )
    split = split_anchors(index, by="lineage", val=0.25, test=0.25)
    assert len(split.val) and len(split.test)
    single = plates.index({("one", "A/1/0"): fov_table(1, 1)}, tau_range_hours=(1, 3))
    with pytest.raises(ConfigError, match=r"gives each side a group: leave a side out"):
        split_anchors(single, "fov")
