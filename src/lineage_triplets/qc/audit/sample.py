"""Pairs to judge: drawn from the very law that training draws from, one independent of the other.

Which pairs they are follows from the population alone, never from the config's seed, an epoch, or
anybody's choice: whoever draws again draws the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.dataset.source import Pairs, PairSource
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.engine.pairs.randomness import bits, epoch_salt, streams, uniform
from lineage_triplets.engine.settings.tau import TauLaw

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.population import Population

DEFAULT_PAIRS = 149
ENOUGH_DIVISIONS = 8
_SAMPLE, _DIVISIONS = 0, 1
# Positives take the first places of a stream.
_ANCHOR = 32


def sample_of(index: MultiExperimentIndex, population: Population, n: int) -> Pairs:
    """Draw `n` pairs, each as training draws one: a valid anchor, and its positive by the law.

    Each is drawn anew, with replacement, so that the first of a larger sample are the smaller one.
    """
    anchors = population.anchors
    if not len(anchors):
        nothing = np.empty(0, dtype=np.int64)
        return Pairs(nothing, nothing, nothing)
    stream = streams(np.arange(n, dtype=np.uint64), epoch_salt(population.seed, _SAMPLE))
    chosen = (uniform(stream, _ANCHOR) * len(anchors)).astype(np.int64)
    rows = anchors[chosen]
    law = TauLaw.build(index.tau_range_frames, index.settings.tau_decay_rate)
    experiment = index.experiment_of_row[rows]
    positive, tau = index.positives.draw(rows, experiment, stream, law, index.settings.tau_fallback)
    return Pairs(rows, positive, tau)


def first_of_same(pairs: Pairs) -> Int64Array:
    """Give the place of the first pair that is the same, for each; its own where there is none."""
    both = np.stack([pairs.anchor, pairs.positive])
    _, first, inverse = np.unique(both, axis=1, return_index=True, return_inverse=True)
    places: Int64Array = first[inverse.reshape(-1)]
    return places


def divisions_of(
    index: MultiExperimentIndex, population: Population, n: int = ENOUGH_DIVISIONS
) -> Pairs:
    """Give up to `n` pairs across a division, of as many divisions as can be; never for a bound.

    They are drawn from all pairs that training can draw, however rarely it does.
    """
    anchors, taus, below = _crossing(index, population)
    stream = streams(
        np.arange(len(anchors), dtype=np.uint64), epoch_salt(population.seed, _DIVISIONS)
    )
    order = np.argsort(bits(stream, 0), kind="stable")
    _, first = np.unique(index.observations.track[anchors[order]], return_index=True)
    is_first = np.zeros(len(order), dtype=bool)
    is_first[first] = True
    chosen = np.concatenate([order[is_first], order[~is_first]])[:n]
    anchor, tau = anchors[chosen], taus[chosen]
    low, high = below.candidates(anchor, tau)
    positive = below.order[low + (uniform(stream[chosen], 1) * (high - low)).astype(np.int64)]
    positive = np.where(_is_across(index, anchor, positive), positive, below.order[high - 1])
    return Pairs(anchor, positive, tau)


def _crossing(
    index: MultiExperimentIndex, population: Population
) -> tuple[Int64Array, Int64Array, PositiveLookup]:
    """Anchors and taus with a positive across a division, and who descends from the anchor."""
    rows = index.observations
    below = PositiveLookup.build(rows.track, rows.t, index.forest, "descendant")
    anchors = population.anchors[index.forest.n_children[rows.track[population.anchors]] > 0]
    of_anchors, taus = [anchors[:0]], [anchors[:0]]
    may_differ = index.matches is None and index.settings.positive_relation != "same_track"
    if may_differ and len(anchors):
        frames = index.tau_range_frames[int(index.experiment_of_row[anchors[0]])]
        for tau in range(frames.first, frames.last + 1):
            first, end = below.candidates(anchors, np.full(len(anchors), tau, dtype=np.int64))
            some = np.flatnonzero(end > first)
            # The last of a cell's line in a frame is below the others.
            across = _is_across(index, anchors[some], below.order[end[some] - 1])
            of_anchors.append(anchors[some[across]])
            taus.append(np.full(np.count_nonzero(across), tau, dtype=np.int64))
    return np.concatenate(of_anchors), np.concatenate(taus), below


def _is_across(index: MultiExperimentIndex, anchor: Int64Array, positive: Int64Array) -> BoolArray:
    generation, track = index.forest.generation, index.observations.track
    across: BoolArray = generation[track[positive]] > generation[track[anchor]]
    return across


def source_of(index: MultiExperimentIndex) -> PairSource:
    """Give what says what the pairs of an index are; it draws no negatives."""
    return PairSource(index, index.settings.model_copy(update={"return_negative": False}))
