"""How many of the pairs that training draws rest on each link: they are wrong if it is.

A pair rests on the links between its anchor and its positive, up to the cell that both come from
and down again. Of an epoch, which draws each anchor once, the expected number is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.track_data.groups import expand

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.pairs.forest import Forest
    from lineage_triplets.engine.pairs.positives import PositiveLookup
    from lineage_triplets.engine.settings.model import DatasetConfig, TauFallback


def resting_pairs(
    index: MultiExperimentIndex, settings: DatasetConfig, track: Int64Array, t: Int64Array
) -> Float64Array:
    """Count the pairs of an epoch that rest on links.

    Parameters
    ----------
    index : MultiExperimentIndex
        What training reads.
    settings : DatasetConfig
        The law of tau.
    track, t : ndarray of int64, shape (links,)
        Track of `index` and frame of each link's target.

    Returns
    -------
    ndarray of float64, shape (links,)
        Expected number, each anchor drawn once; of positives by equal columns none rests on links.
    """
    from lineage_triplets.engine.settings.tau import TauLaw

    law = TauLaw.build(index.tau_range_frames, settings.tau_decay_rate)
    pairs = np.zeros(len(track))
    if index.matches is not None:
        return pairs
    experiment_of_link = index.experiment_of_fov[index.fov_of_track[track]]
    for number in np.unique(experiment_of_link):
        taus = slice(law.start[number], law.start[number + 1])
        if taus.start == taus.stop:
            continue
        tau, weight = law.tau[taus], np.exp(law.log_weight[taus])
        own = experiment_of_link == number
        pairs[own] = pairs_on_links(
            index.positives,
            index.forest,
            index.observations.track,
            index.observations.t,
            index.experiment_of_row == number,
            (tau, weight / weight.sum()),
            settings.tau_fallback,
            track[own],
            t[own],
        )
    return pairs


def pairs_into(
    linked: MultiExperimentIndex,
    training: MultiExperimentIndex,
    settings: DatasetConfig,
    target: Int64Array,
) -> Float64Array:
    """Count the pairs of an epoch that rest on the links into rows.

    Parameters
    ----------
    linked : MultiExperimentIndex
        The same tables and links as `training`, whatever either leaves out.
    training : MultiExperimentIndex
        What training reads.
    settings : DatasetConfig
        The law of tau.
    target : ndarray of int64, shape (links,)
        Rows of `linked`.

    Returns
    -------
    ndarray of float64, shape (links,)
        As `resting_pairs`; 0 where training reads no such FOV.
    """
    read, track = tracks_read(linked, training, target)
    pairs = np.zeros(len(target))
    t = linked.observations.t[target[read]]
    pairs[read] = resting_pairs(training, settings, track[read], t)
    return pairs


def tracks_read(
    linked: MultiExperimentIndex, training: MultiExperimentIndex, rows: Int64Array
) -> tuple[BoolArray, Int64Array]:
    """Tell if training reads the FOV of each row, and which of its tracks the row is of.

    Parameters are those of `pairs_into`.
    """
    fov = np.array(
        [training.fov_number(source.experiment, source.fov.name) for source in linked.fovs],
        dtype=np.int64,
    )
    # Exclusions take no track away: those of a FOV are the same, in the same order.
    first = np.searchsorted(linked.fov_of_track, np.arange(len(linked.fovs)))
    first_there = np.searchsorted(training.fov_of_track, np.maximum(fov, 0))
    own = linked.fov_of_row[rows]
    return fov[own] >= 0, linked.observations.track[rows] - first[own] + first_there[own]


def pairs_on_links(
    positives: PositiveLookup,
    forest: Forest,
    row_track: Int64Array,
    row_t: Int64Array,
    may_be_anchor: BoolArray,
    law: tuple[Int64Array, Float64Array],
    fallback: TauFallback,
    track: Int64Array,
    t: Int64Array,
) -> Float64Array:
    """Count the pairs that rest on links into `track` at frame `t`, for one law of tau.

    Parameters
    ----------
    positives : PositiveLookup
    forest : Forest
    row_track, row_t : ndarray of int64, shape (rows,)
        Sorted by track and frame.
    may_be_anchor : ndarray of bool, shape (rows,)
    law : tuple of ndarray
        Taus in frames, and their probabilities.
    fallback : {"scan", "renormalize"}
    track, t : ndarray of int64, shape (links,)
    """
    rows = np.flatnonzero(may_be_anchor)
    drawn = _drawn(positives, rows, law, fallback)
    if positives.entry_key is None:
        return _of_lineages(positives, forest, row_track, rows, law[0], drawn, track, t, row_t)
    # A positive is on the anchor's track or below: each pair adds its weight at the positive, and
    # takes it off at the anchor; what lies below a link then sums to the pairs across it.
    at_row = np.zeros(len(row_track))
    for tau, share in zip(law[0], drawn, strict=True):
        asked = np.flatnonzero(share > 0)
        low, high = positives.candidates(rows[asked], np.full(len(asked), tau))
        of, place = expand(low, high - low)
        weight = share[asked] / np.maximum(high - low, 1)
        np.add.at(at_row, positives.order[place], weight[of])
        at_row[rows[asked]] -= share[asked]
    total = np.concatenate([[0.0], np.cumsum(at_row)])
    end = np.searchsorted(row_track, track, side="right")
    # Links of rows that training leaves out rest on the next row of their track.
    n_frames = int(max(row_t.max(initial=0), t.max(initial=0))) + 1
    first = np.searchsorted(row_track * n_frames + row_t, track * n_frames + t)
    by_track = np.bincount(row_track, at_row, minlength=len(forest.parent))
    entered = np.zeros(len(by_track) + 1)
    entered[forest.enter + 1] = by_track
    below = np.cumsum(entered)
    subtree = below[forest.leave[track]] - below[forest.enter[track]]
    pairs: Float64Array = total[end] - total[first] + subtree - by_track[track]
    return np.maximum(pairs, 0.0)


def _drawn(
    positives: PositiveLookup,
    rows: Int64Array,
    law: tuple[Int64Array, Float64Array],
    fallback: TauFallback,
) -> list[Float64Array]:
    """Probability of each tau for each row, after the fallback where nobody is there."""
    there: list[BoolArray] = []
    for tau in law[0]:
        low, high = positives.candidates(rows, np.full(len(rows), tau))
        there.append(high > low)
    drawn = [share * somebody for share, somebody in zip(law[1], there, strict=True)]
    total = np.sum(drawn, axis=0)
    if fallback == "renormalize":
        return [share / np.where(total > 0, total, 1.0) for share in drawn]
    # The smallest tau with somebody takes what would have been drawn where nobody is.
    nearest = np.argmax(there, axis=0)
    left = np.where(total > 0, 1.0 - total, 0.0)
    return [share + left * (nearest == number) for number, share in enumerate(drawn)]


def _of_lineages(
    positives: PositiveLookup,
    forest: Forest,
    row_track: Int64Array,
    rows: Int64Array,
    taus: Int64Array,
    drawn: list[Float64Array],
    track: Int64Array,
    t: Int64Array,
    row_t: Int64Array,
) -> Float64Array:
    """Count where all cells of the lineage at tau are positives alike.

    Every anchor of a frame then has the same law, and numbers of cells a frame say all: those
    below a link, and those of the lineage.
    """
    n_slots = len(positives.slot_start) - 1
    n_cells = np.diff(positives.slot_start).astype(np.float64)
    share = np.zeros((len(taus), n_slots))
    share[:, positives.slot[rows]] = drawn
    lineage_of_row = forest.lineage[row_track]
    first_slot, first_t, end_slot = np.zeros((3, forest.n_lineages), dtype=np.int64)
    end_slot[lineage_of_row] = positives.last_slot + 1
    # Slots of a lineage follow each other as its frames do, up to those of the next.
    first_slot[:] = n_slots
    np.minimum.at(first_slot, lineage_of_row, positives.slot)
    first_t[lineage_of_row] = row_t - positives.slot + first_slot[lineage_of_row]
    # The frames that each track and those below it span, one track after the other.
    first, last = _subtree_slots(positives, forest, row_track)
    span = np.maximum(last - first + 1, 0)
    start = np.cumsum(span) - span
    of, slot = expand(first, span)
    below = np.zeros(int(span.sum()))
    climbing, at = row_track, positives.slot
    while len(climbing):
        np.add.at(below, start[climbing] + at - first[climbing], 1.0)
        climbing, at = _parents(forest, climbing, at)
    end_of, first_of = end_slot[forest.lineage[of]], first_slot[forest.lineage[of]]
    finish_of = (start + span)[of]
    lineage = forest.lineage[track]
    link_slot = first_slot[lineage] + t - first_t[lineage]
    begin = start[track] + np.clip(link_slot - first[track], 0, span[track])
    finish = start[track] + span[track]
    pairs = np.zeros(len(track))
    for tau, of_tau in zip(taus, share, strict=True):
        ahead = np.minimum(slot + tau, n_slots - 1)
        inside = slot + tau < end_of
        n_ahead = np.where(inside, np.maximum(n_cells[ahead], 1.0), 1.0)
        # The subtree's own cells at that time: further on in its span, or none.
        further = np.arange(len(slot)) + tau
        in_span = further < finish_of
        below_ahead = np.where(in_span, below[np.minimum(further, len(below) - 1)], 0.0)
        crossing = below * (n_cells[ahead] - below_ahead) + (n_cells[slot] - below) * below_ahead
        both = np.where(inside, of_tau[slot] * crossing / n_ahead, 0.0)
        # Anchors before the link's frame whose positive lies below it.
        behind = slot - tau
        known = behind >= first_of
        behind = np.where(known, behind, 0)
        into = np.where(known, of_tau[behind] * n_cells[behind] * below, 0.0)
        into /= np.maximum(n_cells[slot], 1.0)
        summed = np.concatenate([[0.0], np.cumsum(both)])
        summed_into = np.concatenate([[0.0], np.cumsum(into)])
        until = np.minimum(begin + tau, finish)
        pairs += summed[finish] - summed[begin] + summed_into[until] - summed_into[begin]
    return np.maximum(pairs, 0.0)


def _subtree_slots(
    positives: PositiveLookup, forest: Forest, row_track: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """First and last slot with a cell on each track or below; last before first where none is."""
    n_tracks = len(forest.parent)
    first = np.full(n_tracks, len(positives.slot_start), dtype=np.int64)
    last = np.full(n_tracks, -1, dtype=np.int64)
    climbing, at = row_track, positives.slot
    while len(climbing):
        np.minimum.at(first, climbing, at)
        np.maximum.at(last, climbing, at)
        climbing, at = _parents(forest, climbing, at)
    return first, last


def _parents(forest: Forest, track: Int64Array, at: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Parent of each track that has one, and what belongs to it."""
    parent = forest.parent[track]
    return parent[parent >= 0], at[parent >= 0]
