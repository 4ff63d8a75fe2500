"""Pairs that somebody judged where they are, by their cells: what they are in training now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.pairs.forest import Relation

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.decision import Target

    Cells = tuple[int, int]


@dataclass(frozen=True)
class PairsJudged:
    """The pairs of one experiment that were judged where they are: no sample, and no bound.

    Attributes
    ----------
    judged, wrong, cannot_tell : int
        How many were, and with what verdict; of each pair the last counts.
    unmended : int
        Of those wrong, how many training still draws as they were.
    by : tuple of str
        Who judged.
    at : str
        When the last was.
    """

    judged: int = 0
    wrong: int = 0
    cannot_tell: int = 0
    unmended: int = 0
    by: tuple[str, ...] = ()
    at: str = ""


def pairs_judged(data: ReviewData, experiment: str) -> PairsJudged:
    """Count what was judged of an experiment's pairs, with the slots and places of now."""
    made = judged_as_shown(data, experiment)
    verdicts = [judged.value["verdict"] for judged in made]
    return PairsJudged(
        judged=len(made),
        wrong=verdicts.count("wrong"),
        cannot_tell=verdicts.count("cannot tell"),
        unmended=sum(is_unmended(data, judged) for judged in made),
        by=tuple(dict.fromkeys(judged.by for judged in made)),
        at=max((judged.at for judged in made), default=""),
    )


def judged_as_shown(data: ReviewData, experiment: str) -> list[Decision]:
    """Give what was judged of an experiment's pairs when they showed what they show now."""
    now = shown_of(data, experiment)
    return [
        made
        for made in data.effect.judged.values()
        if made.target.experiment == experiment and made.value["shown"] == now
    ]


def is_unmended(data: ReviewData, judged: Decision) -> bool:
    """Whether a pair was judged wrong, and training still draws it as what it was taken for."""
    if judged.value["verdict"] != "wrong":
        return False
    relation = relation_drawn(data, judged.target)
    return relation is not None and relation.label == judged.value["relation"]


def relation_drawn(data: ReviewData, pair: Target) -> Relation | None:
    """Say what a pair's positive is to its anchor; None where training cannot draw it."""
    cells = cells_in_training(data, pair)
    return None if cells is None else relation_of(data, cells)


def cells_in_training(data: ReviewData, pair: Target) -> Cells | None:
    """Rows of a pair's cells in what training reads; None where one is in nothing it reads."""
    anchor, positive = data.of_training(("cells", pair), partial(_rows_of, pair))
    return (anchor, positive) if anchor >= 0 and positive >= 0 else None


def relation_of(data: ReviewData, cells: Cells) -> Relation | None:
    """As `relation_drawn`, of rows of what training reads."""
    return data.of_training(("drawn", cells), partial(_relation_of, cells))


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


def row_at(index: MultiExperimentIndex, track: int, t: int) -> int:
    """Row of a track's cell in a frame; -1 where training has none."""
    if track < 0:
        return -1
    first, end = np.searchsorted(index.observations.track, [track, track + 1])
    place = int(first + np.searchsorted(index.observations.t[first:end], t))
    return place if place < end and index.observations.t[place] == t else -1


def _rows_of(pair: Target, index: MultiExperimentIndex) -> Cells:
    ends = ((int(pair.track), pair.t or 0), (pair.daughter or 0, pair.to_t or 0))
    anchor, positive = (_row_of(index, pair, *cell) for cell in ends)
    return anchor, positive


def _row_of(index: MultiExperimentIndex, pair: Target, track_id: int, t: int) -> int:
    """Row of a table's cell, whatever its track is called since."""
    fov, parts = index.fov_number(pair.experiment, pair.fov), index.track_columns.parts
    part = parts.of_cell(fov, track_id, t) if fov >= 0 else -1
    row = row_at(index, int(parts.track[part]), t) if part >= 0 else -1
    return row if row >= 0 and index.track_id_of_row[row] == track_id else -1


def _relation_of(cells: Cells, index: MultiExperimentIndex) -> Relation | None:
    anchor, positive = cells
    place = int(np.searchsorted(index.anchor_rows, anchor))
    if place == len(index.anchor_rows) or index.anchor_rows[place] != anchor:
        return None
    track, t = index.observations.track, index.observations.t
    frames = index.tau_range_frames[int(index.experiment_of_row[anchor])]
    tau = int(t[positive] - t[anchor])
    if index.matches is not None or not frames.first <= tau <= frames.last:
        return None
    low, high = index.positives.candidates(np.array([anchor]), np.array([tau]))
    relation, _, _ = index.forest.relations(track[[anchor]], track[[positive]])
    found = positive in index.positives.order[low[0] : high[0]]
    return Relation(int(relation[0])) if found else None
