"""Whether pairs across a division can be drawn at all, and whether somebody saw some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.pairs.positives import PositiveLookup

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision


@dataclass(frozen=True)
class DivisionsSeen:
    """Whether pairs across a division of one experiment were looked at.

    Attributes
    ----------
    experiment : str
    needed : bool
        Whether training can draw such a pair.
    holds : bool
        Whether somebody saw some, with the tau, relation and channels of now.
    decision : Decision or None
    why_not : str
        Empty if it holds or is not needed.
    """

    experiment: str
    needed: bool
    holds: bool
    decision: Decision | None
    why_not: str


def divisions_seen(data: ReviewData, experiment: str) -> DivisionsSeen:
    """Say whether pairs across a division of an experiment were looked at, or why not."""
    decision = data.effect.seen.get(experiment)
    if not can_cross_division(data.training, experiment):
        return DivisionsSeen(experiment, False, False, decision, "")
    why = why_not_seen(data, experiment)
    return DivisionsSeen(experiment, True, not why, decision, why)


def why_not_seen(data: ReviewData, experiment: str) -> str:
    """Say why what somebody saw does not count for the tau, relation and channels of now.

    Empty if it counts.
    """
    decision = data.effect.seen.get(experiment)
    why = ""
    settings = data.settings
    opened = data.registry.get_opened(experiment)
    if decision is None:
        why = "nobody looked at any yet"
    elif decision.value["tau_range_hours"] != list(settings.tau_range_hours):
        low, high = decision.value["tau_range_hours"]
        why = f"they were seen at tau from {low:g} to {high:g} h"
    elif decision.value["positive_relation"] != settings.positive_relation:
        why = f"they were seen with positive_relation {decision.value['positive_relation']!r}"
    elif decision.value["source_channel"] != list(opened.config.source_channel):
        why = "they were seen with other channels in the slots"
    return why


def can_cross_division(index: MultiExperimentIndex, experiment: str) -> bool:
    """Whether training can draw a positive across a division from some anchor."""
    names = [one.name for one in index.registry.experiments]
    if index.settings.positive_relation == "same_track" or experiment not in names:
        return False
    number = names.index(experiment)
    rows = index.observations
    own = (index.experiment_of_row == number) & (index.forest.n_children[rows.track] > 0)
    below = PositiveLookup.build(rows.track, rows.t, index.forest, "descendant")
    anchors = np.flatnonzero(own)
    low, high = index.tau_range_frames[number]
    generation = index.forest.generation[rows.track]
    for tau in range(max(1, low), high + 1):
        first, end = below.candidates(anchors, np.full(len(anchors), tau, dtype=np.int64))
        some = np.flatnonzero(end > first)
        # The last of a cell's line in a frame is below the others.
        last = below.order[end[some] - 1]
        if (generation[last] > generation[anchors[some]]).any():
            return True
    return False
