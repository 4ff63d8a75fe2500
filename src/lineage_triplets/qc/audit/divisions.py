"""Pairs across a division that somebody judged, in a sample or beside it: never on screen alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.qc.audit.answers import Judgement, worst
from lineage_triplets.qc.audit.sample import divisions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.dataset.source import Pairs
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision

    Identity = tuple[tuple[str, int], tuple[str, int]]


@dataclass(frozen=True)
class DivisionsJudged:
    """Pairs across a division of one experiment that were judged.

    Attributes
    ----------
    needed : int
        How many are asked for: 8, or all where there are fewer.
    judged, wrong, cannot_tell : int
        Of those that training can still draw.
    by : tuple of str
        Who judged these.
    at : str
        When the last of them was judged.
    left : tuple of int
        Pairs of the queue ``"divisions"`` to judge until there are enough.
    """

    needed: int = 0
    judged: int = 0
    wrong: int = 0
    cannot_tell: int = 0
    by: tuple[str, ...] = ()
    at: str = ""
    left: tuple[int, ...] = ()

    @property
    def next(self) -> int | None:
        """The next pair of the queue to judge; None if enough were judged."""
        return self.left[0] if self.left else None

    @property
    def enough(self) -> bool:
        """Whether as many were judged as are asked for."""
        return self.judged >= self.needed

    @property
    def mostly_right(self) -> bool:
        """Whether at least half of those judged are of the same cell or its offspring."""
        return 2 * (self.wrong + self.cannot_tell) <= self.judged


def division_pairs(data: ReviewData, experiment: str) -> Pairs:
    """Give the pairs of the queue ``"divisions"``."""
    population = data.population(experiment)
    return data.of_training(
        ("divisions", experiment), lambda index: divisions_of(index, population)
    )


def divisions_judged(
    data: ReviewData, experiment: str, answers: Sequence[Decision]
) -> DivisionsJudged:
    """Count what was judged of an experiment's pairs across a division.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    answers : sequence of Decision
        All active ones about the experiment, whichever sample they are of.
    """
    queue = division_pairs(data, experiment)
    index = data.training
    now = shown_of(data, experiment)
    by_pair: dict[Identity, list[Decision]] = {}
    for made in answers:
        if made.value["across"] and made.value["shown"] == now:
            by_pair.setdefault(_identity(made), []).append(made)
    anchors = data.population(experiment).anchors
    by_pair = {
        identity: about
        for identity, about in by_pair.items()
        if data.of_training(("drawn", identity), partial(_can_be_drawn, anchors, identity))
    }
    verdicts = {identity: _verdict(about) for identity, about in by_pair.items()}
    counted = [made for about in by_pair.values() for made in about]
    listed = list(verdicts.values())
    left = [
        number
        for number, identity in enumerate(identities(index, queue), 1)
        if identity not in verdicts
    ]
    needed = len(queue.anchor)
    return DivisionsJudged(
        needed=needed,
        judged=len(listed),
        wrong=listed.count("wrong"),
        cannot_tell=listed.count("cannot tell"),
        by=tuple(dict.fromkeys(made.by for made in counted)),
        at=max((made.at for made in counted), default=""),
        left=tuple(left[: max(0, needed - len(listed))]),
    )


def shown_of(data: ReviewData, experiment: str) -> dict[str, Any]:
    """Say what a pair shows besides its cells: which channels, and where in the image."""
    config = data.registry.get_opened(experiment).config
    placed = config.track_transform
    return {
        "source_channel": list(config.source_channel),
        "track_transform": {}
        if placed is None
        else placed.model_dump(mode="json", exclude_defaults=True),
    }


def identities(index: MultiExperimentIndex, pairs: Pairs) -> list[Identity]:
    """Name anchors and positives, whatever rows they stand in."""
    rows = index.observations

    def named(of: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[tuple[str, int]]:
        return list(zip(index.names.of_tracks(rows.track[of]), rows.t[of].tolist(), strict=True))

    return list(zip(named(pairs.anchor), named(pairs.positive), strict=True))


def _verdict(about: Sequence[Decision]) -> Judgement:
    """Of each person the last answer about a pair counts, of several the worst."""
    return worst({made.by: made.value["verdict"] for made in about}.values())


def _identity(made: Decision) -> Identity:
    (anchor, anchor_t), (positive, positive_t) = made.value["anchor"], made.value["positive"]
    return (anchor, int(anchor_t)), (positive, int(positive_t))


def _can_be_drawn(
    anchors: np.ndarray[tuple[int], np.dtype[np.int64]],
    identity: Identity,
    index: MultiExperimentIndex,
) -> bool:
    """Whether training can draw a pair, and it crosses a division as it did."""
    anchor, positive = (_row(index, *cell) for cell in identity)
    if anchor < 0 or positive < 0:
        return False
    place = int(np.searchsorted(anchors, anchor))
    if place == len(anchors) or anchors[place] != anchor:
        return False
    track, t = index.observations.track, index.observations.t
    frames = index.tau_range_frames[int(index.experiment_of_row[anchor])]
    tau = int(t[positive] - t[anchor])
    if not frames.first <= tau <= frames.last:
        return False
    low, high = index.positives.candidates(np.array([anchor]), np.array([tau]))
    relation, _, _ = index.forest.relations(track[[anchor]], track[[positive]])
    return positive in index.positives.order[low[0] : high[0]] and bool(
        Relation(int(relation[0])).crosses_division
    )


def _row(index: MultiExperimentIndex, name: str, t: int) -> int:
    """Row of a cell in a frame; -1 where training has none."""
    track = index.names.find(name)
    if track < 0:
        return -1
    first, end = np.searchsorted(index.observations.track, [track, track + 1])
    place = int(first + np.searchsorted(index.observations.t[first:end], t))
    return place if place < end and index.observations.t[place] == t else -1
