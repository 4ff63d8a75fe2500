"""The plan of an epoch, held against a memory that forgets what was used longest ago."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest

from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.training.plan.epoch import Anchors, Reading, Sizes, plan_epoch
from lineage_triplets.training.plan.memory import ReadCosts
from stores import track_table

FOVS, FRAMES, TAU, CELLS, BATCH = 16, 40, 4, 24, 64
SLAB_BYTES = 1000


def test_bytes_are_counted_by_the_chunks_that_patches_touch(make_experiment):
    tables = {
        "A/1/0": track_table((1, range(12)), y=20.0),
        "A/1/1": track_table((1, [0, 1]), y=8.0),
    }
    one = make_experiment("one", tables, shape=(12, 2, 1, 64, 64), chunks=(4, 1, 1, 16, 16))
    index = MultiExperimentIndex(ExperimentRegistry([one]), 1, (16, 16), (0.5, 1.5))
    chunk_bytes = 4 * 16 * 16 * 2
    costs = ReadCosts.of_index(index, (16, 16), ahead=True)
    # Columns 12 to 27; rows 12 to 27, and 0 to 15.
    assert costs.slab_bytes.tolist() == [2 * 4 * chunk_bytes, 2 * 2 * chunk_bytes]
    # Two frames in work, two just left, three ahead: at most three chunks.
    assert costs.lane_bytes(staggered=False).tolist() == (3 * costs.slab_bytes).tolist()
    assert costs.lane_bytes(staggered=True).tolist() == (2.5 * costs.slab_bytes).tolist()
    alone = ReadCosts.of_index(index, (48, 16), ahead=False)
    assert alone.slab_bytes[0] == 2 * 6 * chunk_bytes
    assert alone.lane_bytes(staggered=False)[0] == 2 * alone.slab_bytes[0]


def test_of_chunks_with_many_slices_those_that_are_read_are_kept(make_experiment):
    shape = (12, 3, 15, 64, 64)
    one = make_experiment(
        "one", {"A/1/0": track_table((1, range(12)), y=20.0)}, shape=shape,
        chunks=(2, 1, 15, 64, 64), channels=("Phase", "GFP", "mCherry"),
        source_channel=("GFP", "Phase"),
    )  # fmt: skip
    for z_range, n_kept in ((slice(4, 6), 2), (2, 15)):
        index = MultiExperimentIndex(ExperimentRegistry([one]), z_range, (16, 16), (0.5, 1.5))
        chunks = ReadCosts.of_index(index, (16, 16), ahead=True)
        assert chunks.slab_bytes.tolist() == [2 * 2 * 15 * 64 * 64 * 2]
        assert chunks.of_frames(index).slab_bytes.tolist() == [2 * 2 * n_kept * 64 * 64 * 2]


def movies(time_chunk: int, n_fovs: int = FOVS) -> tuple[Anchors, ReadCosts]:
    """As many cells in each frame, and of each frame and FOV one chunk along time."""
    t, fov = np.divmod(np.arange(n_fovs * FRAMES * CELLS) // CELLS, n_fovs)
    same = np.zeros(len(t), dtype=np.int64)
    costs = ReadCosts(
        np.full(n_fovs, time_chunk),
        np.full(n_fovs, TAU),
        np.full(n_fovs, SLAB_BYTES),
        np.full(n_fovs, -(-FRAMES // time_chunk)),
    )
    last = FRAMES - TAU
    return Anchors(fov[t < last], t[t < last], same[t < last], same[t < last]), costs


def decoded(plan, anchors, time_chunk: int, n_kept: int) -> int:
    """Chunks that a memory of `n_kept` decodes, positives being 1 to `TAU` frames ahead."""
    rng = np.random.default_rng(0)
    kept: OrderedDict[tuple[int, int], None] = OrderedDict()
    count = 0
    for number in range(len(plan)):
        own = plan.batch(number)
        t = anchors.t[own]
        frames = np.concatenate([t, t + rng.integers(1, TAU + 1, len(own))])
        fovs = np.tile(anchors.fov[own], 2)
        for chunk in sorted(set(zip(fovs.tolist(), (frames // time_chunk).tolist(), strict=True))):
            count += chunk not in kept
            kept[chunk] = None
            kept.move_to_end(chunk)
        while len(kept) > n_kept:
            kept.popitem(last=False)
    return count


def plans(anchors, costs, memory_bytes, world_size=1, workers=1):
    for rank in range(world_size):
        reading = Reading("near", rank, world_size, workers, memory_bytes, costs)
        rng = np.random.default_rng(3)
        yield plan_epoch(anchors, Sizes(BATCH, 0, drop_last=True), reading, rng)


@pytest.mark.parametrize(("time_chunk", "n_kept", "n_fovs"), [(1, 80, 8), (10, 8, 4), (40, 5, 4)])
def test_each_chunk_is_decoded_about_once(time_chunk, n_kept, n_fovs):
    anchors, costs = movies(time_chunk)
    (plan,) = plans(anchors, costs, n_kept * SLAB_BYTES)
    n_chunks = FOVS * -(-FRAMES // time_chunk)
    assert decoded(plan, anchors, time_chunk, n_kept) <= 1.2 * n_chunks
    assert min(len(set(anchors.fov[plan.batch(number)])) for number in range(len(plan))) >= n_fovs


@pytest.mark.parametrize("world_size", [2, 4])
def test_ranks_decode_together_what_one_decodes(world_size):
    anchors, costs = movies(1)
    one, several = (
        sum(decoded(plan, anchors, 1, 80) for plan in plans(anchors, costs, 80 * SLAB_BYTES, n))
        for n in (1, world_size)
    )
    assert several <= 1.1 * one


def test_workers_decode_together_what_one_decodes():
    anchors, costs = movies(1)
    (plan,) = plans(anchors, costs, 80 * SLAB_BYTES, workers=2)
    count = 0
    for worker in range(2):
        own = replace(
            plan,
            anchors=np.concatenate([plan.batch(k) for k in range(worker, len(plan), 2)]),
            starts=np.arange(len(range(worker, len(plan), 2)) + 1) * BATCH,
            group=plan.group[worker::2],
        )
        count += decoded(own, anchors, 1, 80)
    assert count <= 1.2 * FOVS * FRAMES


def test_batches_are_of_many_times():
    anchors, costs = movies(1)
    (plan,) = plans(anchors, costs, 80 * SLAB_BYTES)
    spread = [np.ptp(anchors.t[plan.batch(number)]) for number in range(len(plan))]
    assert np.median(spread) > FRAMES / 2


@pytest.mark.parametrize("columns", ["group", "stratum"])
def test_groups_and_strata_are_read_near_too(columns):
    anchors, costs = movies(1)
    values = {"group": anchors.group, "stratum": anchors.stratum, columns: anchors.fov % 3}
    anchors = Anchors(anchors.fov, anchors.t, **values)
    (plan,) = plans(anchors, costs, 100 * SLAB_BYTES)
    assert decoded(plan, anchors, 1, 100) <= 1.3 * FOVS * FRAMES


def test_a_little_memory_gives_one_lane():
    anchors, costs = movies(1)
    (plan,) = plans(anchors, costs, 0)
    assert plan.n_lanes == 1
    assert decoded(plan, anchors, 1, 10) <= 1.1 * FOVS * FRAMES
