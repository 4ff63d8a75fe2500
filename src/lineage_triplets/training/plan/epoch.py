"""The batches of one rank in an epoch, in their order.

Everything is drawn from one generator in the same way by all ranks, up to where each goes on with
its own part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lineage_triplets.training.plan.batches import count_batches, lay_batches
from lineage_triplets.training.plan.draws import draw_weighted, draws_of_groups
from lineage_triplets.training.plan.lanes import lanes_within, on_tape, side_by_side

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.training.plan.batches import Batches
    from lineage_triplets.training.plan.memory import ReadCosts

Order = Literal["near", "random"]

# Lanes that a group of batches should have, so that its batches are not of one FOV.
_LANES_OF_GROUP = 4


@dataclass(frozen=True)
class Anchors:
    """What is drawn from: one entry an anchor of the dataset.

    Attributes
    ----------
    fov, t : ndarray of int64, shape (N,)
        Where each is.
    group, stratum : ndarray of int64, shape (N,)
        Numbers from 0 on; all 0 where there is one.
    weight : ndarray of float64, shape (N,), or None
        How often each is drawn, relative to the others; None draws each once.
    """

    fov: Int64Array
    t: Int64Array
    group: Int64Array
    stratum: Int64Array
    weight: Float64Array | None = None

    def n_draws(self) -> Int64Array:
        """Draws of each group in an epoch."""
        return draws_of_groups(self.group, int(self.group.max(initial=-1)) + 1, self.weight)


@dataclass(frozen=True)
class Reading:
    """Who reads, and how.

    Attributes
    ----------
    order : {"near", "random"}
    rank, world_size : int
    workers : int
        Processes of each rank that read its batches in turns, each with memory of its own.
    memory_bytes : int
        For decoded chunks in each process that reads.
    costs : ReadCosts
    """

    order: Order
    rank: int
    world_size: int
    workers: int
    memory_bytes: int
    costs: ReadCosts


class Sizes(NamedTuple):
    """How large batches are.

    Attributes
    ----------
    own : int
        Draws of its group that a batch holds.
    guests : int
        Draws from outside the group, besides.
    drop_last : bool
        Whether draws that fill no batch are left out.
    """

    own: int
    guests: int
    drop_last: bool


@dataclass(frozen=True)
class EpochPlan:
    """One rank's batches.

    Attributes
    ----------
    anchors : ndarray of int64
        Of all batches, one batch after another.
    starts : ndarray of int64, shape (batches + 1,)
        Where each batch begins among them.
    group : ndarray of int64, shape (batches,)
    n_lanes : int
        Most FOVs that are in work at once in one process; 0 in random order.
    """

    anchors: Int64Array
    starts: Int64Array
    group: Int64Array
    n_lanes: int

    def __len__(self) -> int:
        return len(self.group)

    def batch(self, number: int) -> Int64Array:
        """Anchors of one batch."""
        return self.anchors[self.starts[number] : self.starts[number + 1]]


def batches_of_rank(anchors: Anchors, sizes: Sizes, world_size: int) -> int:
    """Count the batches of a rank in an epoch."""
    return count_batches(anchors.n_draws(), sizes.own, world_size, sizes.drop_last) // world_size


def plan_epoch(
    anchors: Anchors, sizes: Sizes, reading: Reading, rng: np.random.Generator
) -> EpochPlan:
    """Plan a rank's batches."""
    laid = lay_batches(anchors.n_draws(), sizes.own, reading.world_size, sizes.drop_last, rng)
    starts = np.concatenate([[0], np.cumsum(laid.size)])
    tape, stratum = _lay_tape(anchors, laid, rng, near=reading.order == "near")
    if reading.order == "random":
        dealt = np.arange(len(laid.group))
        if laid.group[0] != laid.group[-1]:
            dealt = rng.permutation(dealt)
        return _gathered(tape, starts, laid.group, dealt[reading.rank :: reading.world_size], 0)
    return _near(anchors, laid, starts, tape, stratum, reading, sizes.guests, rng)


def _lay_tape(
    anchors: Anchors, laid: Batches, rng: np.random.Generator, *, near: bool
) -> tuple[Int64Array, Int64Array]:
    """Put the draws of all batches in a row, group after group, strata mixed in their shares.

    Returns
    -------
    tape, stratum : ndarray of int64
        Anchor and stratum of each place. Those of a stratum are in random order, or by FOV and
        time.
    """
    by_group = np.argsort(anchors.group, kind="stable")
    of_group = np.searchsorted(anchors.group[by_group], np.arange(anchors.group.max() + 2))
    n_draws = anchors.n_draws()
    first = np.flatnonzero(np.diff(laid.group, prepend=-1))
    lengths = np.add.reduceat(laid.size, first)
    tape, strata = [], []
    for group, length in zip(laid.group[first].tolist(), lengths.tolist(), strict=True):
        own = by_group[of_group[group] : of_group[group + 1]]
        if anchors.weight is not None:
            own = own[draw_weighted(anchors.weight[own], int(n_draws[group]), rng)]
        kept = rng.permutation(len(own))[:length]
        own = own[np.sort(kept)] if near else own[kept]
        places, stratum = _mixed_strata(anchors.stratum[own])
        mixed = np.empty(length, dtype=np.int64)
        for part in places:
            sources = own[part.source]
            if near:
                sources = sources[on_tape(anchors.fov[sources], anchors.t[sources], rng)]
            mixed[part.target] = sources
        tape.append(mixed)
        strata.append(stratum)
    return np.concatenate(tape), np.concatenate(strata)


class _Part(NamedTuple):
    source: Int64Array
    target: Int64Array


def _mixed_strata(stratum: Int64Array) -> tuple[list[_Part], Int64Array]:
    """Spread each stratum evenly over all places."""
    numbers, stratum = np.unique(stratum, return_inverse=True)
    if len(numbers) == 1:
        whole = np.arange(len(stratum))
        return [_Part(whole, whole)], stratum
    by_stratum = np.argsort(stratum, kind="stable")
    lengths = np.bincount(stratum)
    within = np.concatenate([(np.arange(length) + 0.5) / length for length in lengths])
    of_place = stratum[by_stratum][np.argsort(within, kind="stable")]
    ends = np.cumsum(lengths)
    parts = [
        _Part(by_stratum[end - length : end], np.flatnonzero(of_place == number))
        for number, (end, length) in enumerate(zip(ends, lengths, strict=True))
    ]
    return parts, of_place


def _near(
    anchors: Anchors,
    laid: Batches,
    starts: Int64Array,
    tape: Int64Array,
    stratum: Int64Array,
    reading: Reading,
    guests: int,
    rng: np.random.Generator,
) -> EpochPlan:
    """Give each reading process a stretch of the tape, and run its lanes side by side."""
    per_rank = len(laid.group) // reading.world_size
    rng = rng.spawn(reading.world_size)[reading.rank]
    counts = [len(range(worker, per_rank, reading.workers)) for worker in range(reading.workers)]
    bounds = reading.rank * per_rank + np.concatenate([[0], np.cumsum(counts)])
    ordered = tape.copy()
    of_workers, most_lanes = [], 0
    for first, stop in pairwise(bounds.tolist()):
        if first == stop:
            continue
        group_starts = first + np.flatnonzero(np.diff(laid.group[first:stop], prepend=-1))
        segments = list(pairwise([*group_starts.tolist(), stop]))
        draws = tape[starts[first] : starts[stop]]
        at_once = _groups_at_once(anchors, reading, draws, stratum, len(segments), guests)
        for begin, end in segments:
            places = np.arange(starts[begin], starts[end])
            own_strata = np.unique(stratum[places])
            memory_bytes = reading.memory_bytes / at_once / len(own_strata)
            n_lanes = 0
            for number in own_strata:
                own = places[stratum[places] == number]
                fov, t = anchors.fov[tape[own]], anchors.t[tape[own]]
                order, lanes = side_by_side(
                    fov, t, reading.costs, memory_bytes, int(laid.size[begin:end].max()), rng
                )
                ordered[own] = tape[own[order]]
                n_lanes += lanes
            most_lanes = max(most_lanes, n_lanes * at_once)
        of_workers.append(_alternating(segments, at_once, rng))
    in_turns = [
        of_workers[place % reading.workers][place // reading.workers] for place in range(per_rank)
    ]
    return _gathered(ordered, starts, laid.group, np.array(in_turns, np.int64), most_lanes)


def _groups_at_once(
    anchors: Anchors,
    reading: Reading,
    draws: Int64Array,
    stratum: Int64Array,
    n_segments: int,
    guests: int,
) -> int:
    """How many groups are in work at once: as many as leave each some lanes."""
    fovs = np.unique(anchors.fov[draws])
    n_lanes = lanes_within(reading.costs, fovs, reading.memory_bytes, staggered=True)
    wanted = n_lanes // (_LANES_OF_GROUP * len(np.unique(stratum)))
    # Guests come from a group that is in work too.
    return min(n_segments, max(wanted, 2 if guests else 1))


def _alternating(
    segments: list[tuple[int, int]], at_once: int, rng: np.random.Generator
) -> Int64Array:
    """Order the batches of a process so that some groups are in work at once."""
    batches = np.concatenate([np.arange(begin, end) for begin, end in segments])
    if len(segments) == 1:
        return batches
    if at_once == len(segments):
        lengths = np.array([end - begin for begin, end in segments])
    else:
        lengths = np.diff((np.arange(at_once + 1) * len(batches)) // at_once)
    offset = np.repeat(rng.random(len(lengths)), lengths)
    within = np.concatenate([np.arange(length) for length in lengths])
    return np.asarray(batches[np.argsort((within + offset) / np.repeat(lengths, lengths))])


def _gathered(
    tape: Int64Array, starts: Int64Array, group: Int64Array, chosen: Int64Array, n_lanes: int
) -> EpochPlan:
    """Take some batches off the tape, in their order."""
    lengths = starts[chosen + 1] - starts[chosen]
    new_starts = np.concatenate([[0], np.cumsum(lengths)])
    places = np.arange(new_starts[-1]) + np.repeat(starts[chosen] - new_starts[:-1], lengths)
    return EpochPlan(tape[places], new_starts, group[chosen], n_lanes)
