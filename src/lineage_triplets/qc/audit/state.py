"""How far the audit of an experiment is, and what it says of what training will draw now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.dataset.verification import percent
from lineage_triplets.qc.audit.answers import (
    Counts,
    Judgement,
    SampleBefore,
    State,
    answers_in,
    counts_of,
    of_population,
    plan_in,
    planned_number,
    samples_before,
)
from lineage_triplets.qc.audit.bound import CONFIDENCE, more_needed
from lineage_triplets.qc.audit.divisions import DivisionsJudged, division_pairs, divisions_judged
from lineage_triplets.qc.audit.sample import first_of_same, sample_of, source_of
from lineage_triplets.qc.audit.void import why_void
from lineage_triplets.qc.look.pairs import PairList
from lineage_triplets.qc.record.effect import AUDIT_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.audit.answers import Queue
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision, HistoryEntry


@dataclass(frozen=True)
class AuditState:
    """The audit of one experiment, as it is for the data and decisions of now.

    Attributes
    ----------
    experiment : str
    state : {"no pairs", "not begun", "running", "finished", "void"}
        Of a void sample `why_void` says why it is one; another can be planned.
    counts : Counts
        What was judged of the present sample; of none while there is no plan.
    population : str
        Hash of what is drawn from.
    seed : int
        What the sample is drawn with; it follows from the population.
    anchors : int
        How many valid anchors there are to draw.
    images : str
        `images_hash` of the images that the plan was made for.
    next : int or None
        Number of the next pair that nobody judged, from 1.
    next_own : int or None
        Of the next one that this reviewer did not judge.
    numbers : tuple of int
        Of the different pairs among those drawn: the others are one of these again.
    samples_before : tuple of SampleBefore
        Samples of what was drawn from at other times.
    why_void : str
    divisions : DivisionsJudged
    """

    experiment: str
    state: State
    counts: Counts
    population: str
    seed: int
    anchors: int
    images: str
    next: int | None
    next_own: int | None
    numbers: tuple[int, ...]
    samples_before: tuple[SampleBefore, ...]
    why_void: str
    divisions: DivisionsJudged

    @property
    def planned(self) -> int:
        """Pairs that were drawn to be judged; 0 without a plan."""
        return self.counts.planned

    @property
    def judged(self) -> int:
        """How many of them were judged."""
        return self.counts.judged

    @property
    def wrong(self) -> int:
        """How many were judged wrong."""
        return self.counts.wrong

    @property
    def cannot_tell(self) -> int:
        """How many nobody could tell; they count as wrong in the bound."""
        return self.counts.cannot_tell

    @property
    def looks(self) -> int:
        """How many different pairs there are to look at among those drawn."""
        return len(self.numbers)

    @property
    def verdicts(self) -> Mapping[int, Judgement]:
        """What counts for each pair that was judged."""
        return self.counts.verdicts

    @property
    def bound(self) -> float:
        """At most this share of pairs is wrong; certified only once the sample is finished."""
        return self.counts.bound

    def more_needed(self, limit: float) -> int:
        """How many more pairs without a wrong one would bring the bound so far to `limit`."""
        return more_needed(self.judged, self.wrong + self.cannot_tell, limit)

    def holds(self, limit: float) -> bool:
        """Whether the sample is finished and its bound within `limit`."""
        return self.state == "finished" and self.bound <= limit

    @property
    def sentence(self) -> str:
        """What the audit says, in words."""
        if self.state == "no pairs":
            return "No pair can be drawn."
        if self.state == "not begun":
            return "No pair was judged: how many are wrong is not known."
        if self.state == "void":
            return f"The sample that was judged is void: {self.why_void}."
        told = f"{self.wrong} of {self.judged} judged wrong"
        if self.cannot_tell:
            told += f", {self.cannot_tell} that nobody can tell taken as wrong too"
        if self.state == "running":
            return f"{self.judged} of {self.planned} pairs judged: {told}."
        return (
            f"At most {percent(self.bound)} of pairs wrong, {100 * CONFIDENCE:g} % confidence: "
            f"{told}."
        )


def audit_state(
    data: ReviewData, history: Sequence[HistoryEntry], experiment: str, by: str = ""
) -> AuditState:
    """Say how far the audit of an experiment is.

    Parameters
    ----------
    data : ReviewData
    history : sequence of HistoryEntry
        Everything that was ever decided: an undone answer hides no sample.
    experiment : str
    by : str
        Who asks.

    Raises
    ------
    UnknownNameError, ConfigError
        No such experiment could be opened.
    """
    population = data.population(experiment)
    active = data.effect.audits.get(experiment, ())
    own = of_population(active, population.hash)
    plan, answers = plan_in(own), answers_in(own)
    ever = ever_audited(history, experiment)
    planned = planned_number(plan, of_population(ever, population.hash))
    counts = counts_of(planned, answers if plan else [])
    before = samples_before(ever, population.hash)
    state: State = "finished" if counts.is_finished else "running"
    void = ""
    if not len(population.anchors):
        state = "no pairs"
    elif plan is None:
        other = plan_in(active)
        state = "not begun" if other is None else "void"
        void = "" if other is None else why_void(other, population, history)
    first = np.unique(first_of_number(data, experiment, planned)).tolist()
    judged_own = {int(made.value["number"]) for made in answers if made.by == by}
    return AuditState(
        experiment=experiment,
        state=state,
        counts=counts,
        population=population.hash,
        seed=population.seed,
        anchors=len(population.anchors),
        images="" if plan is None else plan.value["images"],
        next=next((number for number in first if number not in counts.verdicts), None),
        next_own=next((number for number in first if number not in judged_own), None),
        numbers=tuple(first),
        samples_before=before,
        why_void=void,
        divisions=divisions_judged(data, experiment),
    )


def ever_audited(history: Sequence[HistoryEntry], experiment: str) -> list[Decision]:
    """All plans and answers about an experiment that ever were, undone ones too."""
    return [
        entry.decision
        for entry in history
        if entry.what == "decided"
        and entry.decision.kind in AUDIT_KINDS
        and entry.decision.target.experiment == experiment
    ]


def first_of_number(data: ReviewData, experiment: str, n: int) -> Int64Array:
    """For each of `n` drawn pairs the number, from 1, of the first draw that is the same pair."""
    population = data.population(experiment)
    return data.of_training(
        ("first", experiment, n),
        lambda index: first_of_same(sample_of(index, population, n)) + 1,
    )


def audit_pairs(data: ReviewData, experiment: str, n: int, queue: Queue = "sample") -> PairList:
    """Give the pairs to judge; number k is at place k - 1.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    n : int
        How many were planned; of no concern to the queue ``"divisions"``.
    queue : {"sample", "divisions"}
    """
    population = data.population(experiment)

    def listed(index: MultiExperimentIndex) -> PairList:
        drawn = (
            division_pairs(data, experiment)
            if queue == "divisions"
            else sample_of(index, population, n)
        )
        return PairList.of(data, source_of(index), drawn)

    return data.of_training(("pairs", experiment, queue, n), listed)
