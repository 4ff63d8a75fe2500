"""Audits in words, and the order in which their pairs are judged."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from lineage_triplets.engine.dataset.verification import percent
from lineage_triplets.engine.errors import choices, counted
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.qc.audit.answers import answers_in, of_population
from lineage_triplets.qc.audit.bound import LIMITS, allowed_wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.qc.audit.answers import Queue
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.record import Decision

NUMBERS = (59, 93, 124, 149, 299)
"""How many pairs are offered to be judged: enough for 5 % with 0, 1, 2 wrong; for 2 %; for 1 %."""

_QUESTIONS = {
    "lineage": "Is the right one the same cell, or its offspring? (kin: of a sister's branch)",
    "descendant": "Is the right one the same cell, or its offspring?",
    "same_track": "Is the right one the same cell?",
}


def limit_words(limit: float) -> str:
    """``"≤ 5 %"``."""
    return f"≤ {100 * limit:g} %"


def number_words(n: int) -> str:
    """Say for what a number of pairs is enough: ``"149: ≤ 5 % if up to 2 are wrong"``."""
    allowed = allowed_wrong(n, LIMITS[0])
    if allowed < 0:
        return f"{n}: too few for {limit_words(LIMITS[0])}"
    return f"{n}: {limit_words(LIMITS[0])} if {_up_to(allowed)} wrong"


def plan_words(n: int) -> str:
    """Say for every limit how many of `n` pairs may be wrong."""
    told = [
        f"{limit_words(limit)} if {_up_to(allowed)} wrong"
        for limit in LIMITS
        if (allowed := allowed_wrong(n, limit)) >= 0
    ]
    return (
        "; ".join(told) or f"too few: even with none wrong the bound is above {100 * LIMITS[0]:g} %"
    )


def _up_to(allowed: int) -> str:
    return f"up to {allowed} {'is' if allowed == 1 else 'are'}" if allowed else "none is"


def row_words(state: AuditState) -> tuple[str, str]:
    """Give an experiment, and in one line how far its audit is."""
    told: list[str] = [state.state]
    if state.planned:
        told.append(f"{state.judged} of {state.planned}")
    if state.judged:
        told.append(f"{state.wrong} wrong")
        told += [f"{state.cannot_tell} cannot tell"] if state.cannot_tell else []
        so_far = "" if state.state == "finished" else " so far"
        told.append(f"at most {percent(state.bound)}{so_far}")
    return state.experiment, " · ".join(told)


def more_words(state: AuditState) -> str:
    """``"without a wrong one: 25 more for ≤ 5 %, 115 for ≤ 2 %"``; empty once all are reached."""
    needed = [(limit, state.more_needed(limit)) for limit in LIMITS]
    told = [f"{n} more for {limit_words(limit)}" for limit, n in needed if n]
    return f"Without a wrong one: {', '.join(told)}." if told else ""


def details(state: AuditState) -> list[str]:
    """Say all there is to say of an experiment's audit, a sentence each."""
    lines = [state.sentence]
    counts = state.counts
    if state.state == "running":
        if state.judged:
            lines.append(f"So far at most {percent(state.bound)}: no bound before the last pair.")
        lines.append(more_words(state))
    if state.state == "void":
        lines.append("Another sample can be planned; of the void one nothing counts any more.")
    if counts.disagreements:
        numbers = choices(counts.disagreements)
        lines.append(
            f"{counted(len(counts.disagreements), 'pair')} judged differently by several people "
            f"({numbers}): the worse answer counts."
        )
    if counts.by:
        lines.append(f"Judged by {' and '.join(counts.by)}.")
    lines += [
        f"A sample before, of other data: {before.judged} of {before.planned} judged, "
        f"{before.wrong} wrong, {before.cannot_tell} could not be told."
        for before in state.samples_before
    ]
    divisions = state.divisions
    if divisions.needed:
        lines.append(
            f"Across a division: {divisions.judged} of {divisions.needed} judged"
            + (f", {divisions.wrong} wrong." if divisions.judged else ".")
        )
    return [line for line in lines if line]


def details_html(state: AuditState) -> str:
    """`details` as paragraphs."""
    return "".join(f"<p style='margin:2px 0'>{escape(line)}</p>" for line in details(state))


@dataclass(frozen=True, eq=False)
class Round:
    """Pairs of one queue of an experiment that somebody is about to judge.

    Attributes
    ----------
    experiment : str
    queue : {"sample", "divisions"}
    population : str
        Hash of what they were drawn from: an answer is about these pairs alone.
    pairs : PairList
        Number k is at place k - 1.
    numbers : tuple of int
        Those to look at: a pair that was drawn twice is judged once.
    relation : str
        Who may be a positive, ``positive_relation`` of the settings.
    second : bool
        Whether pairs are judged that others judged already.
    """

    experiment: str
    queue: Queue
    population: str
    pairs: PairList
    numbers: tuple[int, ...]
    relation: str
    second: bool = False

    @classmethod
    def of(cls, review: Review, state: AuditState, queue: Queue, *, second: bool = False) -> Round:
        """Prepare a round of the audit as it is now."""
        pairs = review.audit_pairs(state.experiment, queue)
        numbers = state.numbers if queue == "sample" else tuple(range(1, len(pairs) + 1))
        relation = review.data.settings.positive_relation
        return cls(state.experiment, queue, state.population, pairs, numbers, relation, second)

    def fits(self, state: AuditState) -> bool:
        """Whether the pairs are still those of the audit."""
        drawn = self.queue == "divisions" or len(self.pairs) == state.planned
        return state.population == self.population and drawn

    def next(self, state: AuditState) -> int | None:
        """Give the number of the next pair; None if there is none left."""
        if self.queue == "divisions":
            return state.divisions.next
        return state.next_own if self.second else state.next

    def later(self, place: int) -> str:
        """Say how much later a positive is, and whether it is kin, which no patch shows."""
        hours = f"{round(self.pairs.positives[place]['tau_hours'], 2):g} h later"
        kin = Relation(int(self.pairs.relation[place])).is_collateral
        return f"{hours}, kin" if kin else hours

    def before(self, number: int, own: Mapping[int, Decision]) -> int | None:
        """Give the last pair before `number` that this person judged."""
        return max((k for k in self.numbers if k < number and k in own), default=None)

    def ahead(self, number: int, done: Mapping[int, object], most: int) -> list[int]:
        """Give a pair's number and those that will follow, `most` in all."""
        later = [k for k in self.numbers if k > number and k not in done]
        return [number, *later[: most - 1]]

    def progress(self, state: AuditState, own: Mapping[int, Decision]) -> tuple[int, int]:
        """Say how many pairs are judged, and of how many; for a second person their own."""
        if self.queue == "divisions":
            return min(state.divisions.judged, state.divisions.needed), state.divisions.needed
        mine = sum(int(made.value["times"]) for made in own.values())
        return mine if self.second else state.judged, state.planned


def own_answers(review: Review, state: AuditState, queue: Queue) -> dict[int, Decision]:
    """Give this reviewer's last answers about the present pairs, by their numbers."""
    made = of_population(review.effect.audits.get(state.experiment, ()), state.population)
    return {
        int(answer.value["number"]): answer
        for answer in answers_in(made, queue)
        if answer.by == review.log.by
    }


def question(turn: Round) -> str:
    """Say what is judged, and ask."""
    if turn.queue == "divisions":
        return f"Extra pairs, across a division: no part of the bound. {_QUESTIONS['descendant']}"
    what = "For a second person. " if turn.second else ""
    return what + _QUESTIONS[turn.relation]


def bound_words(turn: Round, state: AuditState) -> str:
    """Say what the answers come to so far; a second person is not told what others said."""
    if turn.queue == "divisions" or turn.second:
        return ""
    needed = ((limit, state.more_needed(limit)) for limit in LIMITS)
    more = [f"{n} more without a wrong one: {limit_words(limit)}" for limit, n in needed if n]
    so_far = [f"So far at most {percent(state.bound)} wrong"] if state.judged else []
    return "; ".join([*so_far, *more[:1]])
