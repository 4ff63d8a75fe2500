"""Pairs across a division that somebody judged: in a sample, beside it, or where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lineage_triplets.qc.audit.answers import Judgement, worst
from lineage_triplets.qc.audit.judged import (
    cells_in_training,
    judged_as_shown,
    relation_of,
    row_at,
    shown_of,
)
from lineage_triplets.qc.audit.sample import divisions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.arrays import Int64Array
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


def divisions_judged(data: ReviewData, experiment: str) -> DivisionsJudged:
    """Count what was judged of an experiment's pairs across a division, in whichever sample."""
    queue = division_pairs(data, experiment)
    by_pair: dict[tuple[int, int], list[Decision]] = {}
    for made, cells in _judged(data, experiment):
        if cells is not None and _crosses(data, cells):
            by_pair.setdefault(cells, []).append(made)
    verdicts = {cells: _verdict(about) for cells, about in by_pair.items()}
    counted = [made for about in by_pair.values() for made in about]
    listed = list(verdicts.values())
    queued = zip(queue.anchor.tolist(), queue.positive.tolist(), strict=True)
    left = [number for number, cells in enumerate(queued, 1) if cells not in verdicts]
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


def _judged(data: ReviewData, experiment: str) -> Iterator[tuple[Decision, tuple[int, int] | None]]:
    """Give all that was judged across a division, in order, with the rows that it is of now."""
    now = shown_of(data, experiment)
    of_sample = [
        made
        for made in data.effect.audits.get(experiment, ())
        if made.kind == "audit" and made.value["across"] and made.value["shown"] == now
    ]
    where_they_are = judged_as_shown(data, experiment)
    for made in sorted([*of_sample, *where_they_are], key=lambda made: made.number):
        if made.kind == "judge":
            yield made, cells_in_training(data, made.target)
        else:
            identity = _identity(made)
            yield made, data.of_training(("named", identity), partial(_rows_of, identity))


def identities(index: MultiExperimentIndex, pairs: Pairs) -> list[Identity]:
    """Name anchors and positives, whatever rows they stand in."""
    rows = index.observations

    def named(of: Int64Array) -> list[tuple[str, int]]:
        return list(zip(index.names.of_tracks(rows.track[of]), rows.t[of].tolist(), strict=True))

    return list(zip(named(pairs.anchor), named(pairs.positive), strict=True))


def _verdict(about: Sequence[Decision]) -> Judgement:
    """Of each person the last answer about a pair counts, of several the worst."""
    return worst({made.by: made.value["verdict"] for made in about}.values())


def _identity(made: Decision) -> Identity:
    (anchor, anchor_t), (positive, positive_t) = made.value["anchor"], made.value["positive"]
    return (anchor, int(anchor_t)), (positive, int(positive_t))


def _crosses(data: ReviewData, cells: tuple[int, int] | None) -> bool:
    """Whether training can draw a pair by its rows, and it crosses a division."""
    relation = None if cells is None else relation_of(data, cells)
    return relation is not None and relation.crosses_division


def _rows_of(identity: Identity, index: MultiExperimentIndex) -> tuple[int, int] | None:
    anchor, positive = (row_at(index, index.names.find(name), t) for name, t in identity)
    return (anchor, positive) if anchor >= 0 and positive >= 0 else None
