"""Batches of the sampler: every anchor once, the same for all ranks, and gone on with."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Subset

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
)
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.training import TripletBatchSampler
from stores import make_experiment, track_table

FRAMES = 12
ORDERS = ["near", "random"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two experiments, of five FOVs and of two, with 3 to 7 cells each, and no pixels."""
    folder = tmp_path_factory.mktemp("training")
    experiments = []
    for name, n_fovs in (("many", 5), ("few", 2)):
        tables = {
            f"{'AB'[number % 2]}/1/{number}": track_table(
                *((cell, range(number % 3, FRAMES)) for cell in range(1, 4 + number))
            )
            for number in range(n_fovs)
        }
        experiments.append(
            make_experiment(
                folder, name, tables, condition_wells={"control": ["A/1"], "infected": ["B/1"]}
            )
        )
    index = MultiExperimentIndex(ExperimentRegistry(experiments), 1, (16, 16), (0.5, 1.0))
    return MultiExperimentTripletDataset(index, seed=7)


@pytest.fixture
def sampler(dataset):
    """Make a sampler in whose order some FOVs are in work at once."""
    return partial(TripletBatchSampler, dataset, memory_bytes=100_000)


def column(dataset, name):
    return dataset.index.valid_anchors[name].to_numpy()


def numbers(batches):
    return [number for batch in batches for number in batch]


def all_ranks(sampler, world_size, **arguments):
    made = [sampler(rank=rank, world_size=world_size, **arguments) for rank in range(world_size)]
    return [(one, list(one)) for one in made]


@given(
    order=st.sampled_from(ORDERS),
    batch_size=st.integers(1, 40),
    world_size=st.integers(1, 4),
    workers=st.integers(1, 3),
    drop_last=st.booleans(),
    group_by=st.sampled_from([(), "experiment", ("experiment", "condition")]),
    stratify_by=st.sampled_from([(), "condition"]),
)
@settings(max_examples=30)
def test_ranks_share_an_epoch(
    dataset, order, batch_size, world_size, workers, drop_last, group_by, stratify_by
):
    parts = all_ranks(
        partial(TripletBatchSampler, dataset, memory_bytes=100_000),
        world_size, batch_size=batch_size, order=order, workers=workers, drop_last=drop_last,
        group_by=group_by, stratify_by=stratify_by,
    )  # fmt: skip
    for sampler, batches in parts:
        assert len(batches) == len(sampler) == len(parts[0][0])
        assert all(0 < len(batch) <= batch_size for batch in batches)
    every = numbers(numbers(batches for _, batches in parts))
    assert len(set(every)) == len(every)
    if drop_last:
        assert all(len(batch) == batch_size for _, batches in parts for batch in batches)
        if not group_by:
            assert len(dataset) - len(every) < batch_size * world_size
    else:
        assert sorted(every) == list(range(len(dataset)))
    if group_by:
        of = column(dataset, "experiment")
        assert all(len(set(of[batch])) == 1 for _, batches in parts for batch in batches)


@pytest.mark.parametrize("order", ORDERS)
def test_what_fills_no_batch_is_another_in_each_epoch(sampler, dataset, order):
    one = sampler(50, order=order)
    missed = [frozenset(range(len(dataset))) - set(numbers(one)) for _ in range(4)]
    assert len(set(missed)) == 4
    assert {len(absent) for absent in missed} == {len(dataset) % 50}


@given(
    order=st.sampled_from(ORDERS),
    seed=st.integers(0, 3),
    epoch=st.integers(0, 3),
    arguments=st.sampled_from(
        [{}, {"group_by": "experiment", "leak": 0.25}, {"weights": "condition"}]
    ),
)
@settings(max_examples=8)
def test_an_order_follows_from_seed_and_epoch(dataset, order, seed, epoch, arguments):
    def batches(seed, epoch):
        made = TripletBatchSampler(
            dataset, 8, order=order, seed=seed, memory_bytes=100_000, **arguments
        )
        made.set_epoch(epoch)
        return list(made)

    assert batches(seed, epoch) == batches(seed, epoch)
    assert batches(seed, epoch) != batches(seed, epoch + 1)
    assert batches(seed, epoch) != batches(seed + 1, epoch)
    assert batches(seed, epoch) != batches(epoch + 10, seed)


@given(order=st.sampled_from(ORDERS), epoch=st.integers(0, 5), batch_size=st.integers(1, 30))
@settings(max_examples=10)
def test_the_order_changes_no_pair(dataset, order, epoch, batch_size):
    made = TripletBatchSampler(dataset, batch_size, order=order, memory_bytes=100_000)
    made.set_epoch(epoch)
    rows = dataset.index.anchor_rows
    expected = dict(zip(rows.tolist(), dataset.source.draw(rows, 7, epoch).positive, strict=True))
    for batch in made:
        pairs = dataset.source.draw(rows[batch], dataset.seed, dataset.epoch)
        assert [expected[row] for row in pairs.anchor.tolist()] == pairs.positive.tolist()


class TestEpochs:
    def test_each_pass_is_one(self, sampler, dataset):
        one = sampler(10)
        seen = [(list(one), dataset.epoch) for _ in range(3)]
        assert [epoch for _, epoch in seen] == [0, 1, 2]
        assert len({str(batches) for batches, _ in seen}) == 3

    def test_whoever_drives_sets_it(self, sampler, dataset):
        one, other = sampler(10), sampler(10)
        assert one.sampler is one
        for epoch in (3, 4, 4):
            one.sampler.set_epoch(epoch)
            other.set_epoch(epoch)
            assert list(one) == list(other)
            assert dataset.epoch == epoch
        list(one)
        assert dataset.epoch == 5

    def test_a_loop_that_begins_a_pass_before_it_sets_the_epoch(self, sampler, dataset):
        one = sampler(10)
        batches = iter(one)
        next(batches)
        one.set_epoch(0)
        list(batches)
        next(iter(one))
        assert dataset.epoch == 1

    def test_it_reaches_workers_that_run_already(self, sampler, dataset):
        loader = DataLoader(
            Epochs(dataset), batch_sampler=sampler(60), num_workers=1, persistent_workers=True,
            collate_fn=whole, multiprocessing_context="fork",
        )  # fmt: skip
        assert [set(loader) for _ in range(3)] == [{0}, {1}, {2}]


class Epochs:
    """A dataset whose batches are the epoch that its process sees."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitems__(self, _):
        return self.dataset.epoch


def whole(batch):
    return batch


class TestResumed:
    @given(
        order=st.sampled_from(ORDERS),
        stop=st.integers(0, 12),
        workers=st.integers(1, 3),
        arguments=st.sampled_from([{}, {"group_by": "experiment", "leak": 0.3}, {"weights": "t"}]),
        seed=st.sampled_from([None, 5]),
    )
    @settings(max_examples=12)
    def test_at_the_same_batch_with_other_workers(
        self, dataset, order, stop, workers, arguments, seed
    ):
        def make(workers, memory_bytes):
            return TripletBatchSampler(
                unseeded(dataset), 10, order=order, workers=workers, seed=seed,
                memory_bytes=memory_bytes, **arguments,
            )  # fmt: skip

        one, other = make(workers, 100_000), make(4 - workers, 30_000)
        list(one)
        batches = iter(one)
        used = [next(batches) for _ in range(stop)]
        state = one.state_dict(batches=stop)
        if stop:
            assert one.state_dict() == state
        rest = list(batches)
        other.load_state_dict(state if stop else {**state, "epoch": 1})
        assert len(other) == len(one)
        assert list(other) == rest
        assert len(used) + len(rest) == len(one)
        assert dataset.epoch == 1
        list(other)
        assert dataset.epoch == 2

    def test_a_finished_epoch_is_followed_by_the_next(self, sampler):
        one, other = sampler(10), sampler(10)
        list(one)
        other.load_state_dict(one.state_dict())
        assert list(other) == list(one)

    def test_an_epoch_that_is_set_ends_it(self, sampler):
        one, other = sampler(10), sampler(10)
        next(iter(one))
        for epoch, n_batches in ((0, len(one) - 1), (1, len(one))):
            other.load_state_dict(one.state_dict())
            other.set_epoch(epoch)
            assert len(list(other)) == n_batches

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"world_size": 2, "rank": 1}, "of 1 rank"),
            ({"seed": 8}, "seed is 7"),
            ({"batch_size": 11}, "batch_size"),
            ({"drop_last": False}, "drop_last"),
            ({"weights": "t"}, "weights"),
        ],
    )
    def test_what_cannot_be_gone_on_with_is_said(self, sampler, changes, said):
        state = sampler(10).state_dict()
        with pytest.raises(ConfigError, match=said) as raised:
            sampler(**{"batch_size": 10, **changes}).load_state_dict(state)
        assert "set_epoch(1)" in str(raised.value)

    def test_other_anchors_are_an_error(self, sampler, dataset):
        state = sampler(10).state_dict()
        fewer = TripletBatchSampler(Subset(dataset, range(1, len(dataset))), 10)
        with pytest.raises(ConfigError, match="anchors have changed"):
            fewer.load_state_dict(state)
        with pytest.raises(ConfigError, match="no state"):
            fewer.load_state_dict({"epoch": 0})


def unseeded(dataset):
    return MultiExperimentTripletDataset(dataset.index) if dataset.seed is None else dataset


class TestWhatIsDrawn:
    def test_a_subset_is_drawn_by_its_own_indices(self, dataset):
        inner = Subset(dataset, range(20, 120))
        subset = Subset(inner, np.arange(0, 100, 2).tolist())
        made = TripletBatchSampler(
            subset, 7, group_by="experiment", memory_bytes=100_000, drop_last=False
        )
        of = column(dataset, "experiment")[20:120:2]
        batches = list(made)
        assert sorted(numbers(batches)) == list(range(50))
        assert all(len(set(of[batch])) == 1 for batch in batches)

    def test_prediction_takes_every_row_once(self, dataset):
        rows = MultiExperimentTripletDataset(dataset.index, fit=False)
        made = TripletBatchSampler(rows, 16, drop_last=False)
        assert sorted(numbers(made)) == list(range(len(dataset.index)))

    @pytest.mark.parametrize("order", ORDERS)
    def test_strata_have_their_shares_in_every_batch(self, sampler, dataset, order):
        of = column(dataset, "condition") == "control"
        for batch in sampler(20, order=order, stratify_by="condition"):
            assert abs(of[batch].sum() - 20 * of.mean()) <= 1.5

    @pytest.mark.parametrize("order", ORDERS)
    def test_strata_of_equal_weight_are_balanced(self, sampler, dataset, order):
        of = column(dataset, "condition") == "control"
        made = sampler(20, order=order, stratify_by="condition", weights="condition")
        assert {int(of[batch].sum()) for batch in made} <= {9, 10, 11}

    @pytest.mark.parametrize("order", ORDERS)
    def test_weights_say_how_often(self, sampler, dataset, order):
        weights = {"experiment": {"few": 3.0}, "condition": {"infected": 0.5}}
        few = column(dataset, "experiment") == "few"
        infected = column(dataset, "condition") == "infected"
        weight = np.where(few, 3.0, 1.0) * np.where(infected, 0.5, 1.0)
        expected = len(dataset) * weight / weight.sum()
        times = np.zeros(len(dataset))
        made = sampler(1, order=order, weights=weights)
        for number, count in Counter(numbers(made)).items():
            times[number] = count
        assert (np.abs(times - expected) < 1).all()
        by_array = sampler(1, order=order, weights=weight)
        assert list(by_array) == list(sampler(1, order=order, weights=weights))

    def test_concentration_is_around_its_hours(self, sampler, dataset):
        hours = column(dataset, "hours_post_infection")
        drawn = hours[numbers(sampler(10, concentrate=(3.0, 0.25)))]
        assert abs(drawn.mean() - 3.0) < 0.1
        assert drawn.std() < 0.4 < hours.std()

    @pytest.mark.parametrize("order", ORDERS)
    def test_a_leak_comes_from_outside_the_group(self, sampler, dataset, order):
        of = column(dataset, "experiment")
        own = []
        made = sampler(10, order=order, group_by="experiment", leak=0.2, drop_last=False)
        for batch in made:
            names, counts = np.unique(of[batch], return_counts=True)
            assert counts.tolist() in ([2, 8], [8, 2]) or len(batch) < 10
            assert len(set(batch)) == len(batch)
            own += [number for number in batch if of[number] == names[counts.argmax()]]
        assert set(own) == set(range(len(dataset)))


class TestTrouble:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"batch_size": 0}, "batch_size is 0"),
            ({"order": "nearest"}, "Choose near or random"),
            ({"group_by": "experimnt"}, "Did you mean 'experiment'"),
            ({"leak": 0.5}, "nothing is grouped"),
            ({"leak": 0.01, "group_by": "experiment"}, "is no anchor"),
            ({"leak": 1.0, "group_by": "experiment"}, "below 1"),
            ({"weights": [1.0, 2.0]}, "2 weights for"),
            ({"weights": {"condition": 2.0}}, "such as"),
            ({"weights": {"condition": {"Control": 2.0}}}, "There is: control, infected"),
            ({"weights": {"condition": {"control": 0, "infected": 0}}}, "weight of 0"),
            ({"weights": {"condition": {"control": -1}}}, "negative"),
            ({"concentrate": (300.0, 1.0)}, "they are from 0 to"),
            ({"concentrate": (3.0, 0.0)}, "width above 0"),
            ({"memory_bytes": -1}, "memory_bytes"),
            ({"rank": 2, "world_size": 2}, "from 0 to world_size - 1"),
            ({"rank": 0}, "Give both"),
            ({"rank": 0, "world_size": 40}, "each of 40 ranks needs one"),
            ({"rank": 0, "world_size": 400, "drop_last": False}, "each of 400 ranks needs one"),
        ],
    )
    def test_what_cannot_be_is_said(self, dataset, arguments, said):
        with pytest.raises(ConfigError, match=said):
            TripletBatchSampler(dataset, **{"batch_size": 16, **arguments})

    def test_another_dataset_is_refused(self):
        with pytest.raises(ConfigError, match="a list"):
            TripletBatchSampler([1, 2, 3], 2)

    def test_more_is_not_planned_for_than_the_reader_keeps(self, dataset):
        small = MultiExperimentTripletDataset(dataset.index, cache_pool_bytes=1000)
        with pytest.raises(ConfigError, match="cache_pool_bytes"):
            TripletBatchSampler(small, 16, memory_bytes=2000)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cache_pool_bytes": 1000}, "decoded several times"),
        ({"return_negative": True}, "negative_from='fov'"),
    ],
)
def test_what_makes_near_order_slow_is_said(dataset, settings, said, caplog):
    slow = MultiExperimentTripletDataset(dataset.index, **settings)
    for order, n_warnings in (("random", 0), ("near", 1)):
        list(TripletBatchSampler(slow, 16, order=order))
        warnings = [
            record.getMessage() for record in caplog.records if record.levelname == "WARNING"
        ]
        assert len(warnings) == n_warnings
        assert all(said in warning for warning in warnings)


def test_who_reads_what_is_logged_once(sampler, caplog):
    with caplog.at_level(logging.INFO, "lineage_triplets"):
        one = sampler(16, rank=1, world_size=2, workers=2)
        list(one)
        list(one)
    assert len(caplog.messages) == 1
    assert "rank 1 of 2 (as given), 2 workers" in caplog.messages[0]
    assert f"{len(one)} batches of 16" in caplog.messages[0]
    assert "FOVs at once" in caplog.messages[0]
