"""What was judged of an experiment's samples: whose answer counts, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from lineage_triplets.qc.audit.bound import upper_bound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lineage_triplets.qc.record import Decision

Judgement = Literal["same", "wrong", "cannot tell"]
Queue = Literal["sample", "divisions"]
State = Literal["no pairs", "not begun", "running", "finished", "void"]

JUDGEMENTS: tuple[Judgement, ...] = get_args(Judgement)
_WORST = ("same", "cannot tell", "wrong")


@dataclass(frozen=True)
class Counts:
    """What the answers about one sample come to.

    Attributes
    ----------
    planned : int
        Pairs drawn; one that was drawn twice counts twice, and is judged once.
    judged, wrong, cannot_tell : int
        Of them; where two people differ, the worse answer counts.
    verdicts : mapping of int to str
        By the pair's number.
    disagreements : tuple of int
        Numbers of pairs about which people differ.
    changed : int
        Answers that the same person replaced by another one.
    by : tuple of str
        Who judged.
    at : str
        When the last answer was given.
    """

    planned: int
    judged: int
    wrong: int
    cannot_tell: int
    verdicts: Mapping[int, Judgement]
    disagreements: tuple[int, ...]
    changed: int
    by: tuple[str, ...]
    at: str

    @property
    def is_finished(self) -> bool:
        """Whether every planned pair was judged."""
        return 0 < self.planned <= self.judged

    @property
    def bound(self) -> float:
        """At most this share of pairs is wrong, with 95 % confidence; exact once all are judged.

        A pair that nobody could tell counts as wrong.
        """
        return upper_bound(self.judged, self.wrong + self.cannot_tell)


@dataclass(frozen=True)
class SampleBefore:
    """A sample of what an experiment's pairs were drawn from at another time.

    Attributes
    ----------
    population : str
        Its hash.
    planned, judged, wrong, cannot_tell : int
        Every answer that was ever given counts, undone or not.
    at : str
        When its last answer was given.
    """

    population: str
    planned: int
    judged: int
    wrong: int
    cannot_tell: int
    at: str


def of_population(decisions: Iterable[Decision], population: str) -> list[Decision]:
    """Those plans and answers that are about a sample of one population."""
    return [made for made in decisions if made.value["population"] == population]


def answers_in(decisions: Iterable[Decision], queue: Queue = "sample") -> list[Decision]:
    """Those that are answers about pairs of a queue."""
    return [made for made in decisions if made.kind == "audit" and made.value["queue"] == queue]


def plan_in(decisions: Iterable[Decision]) -> Decision | None:
    """Give the last plan among some decisions."""
    plans = [made for made in decisions if made.kind == "audit_plan"]
    return plans[-1] if plans else None


def worst(verdicts: Iterable[Judgement]) -> Judgement:
    """Give the answer that counts of several people's."""
    return max(verdicts, key=_WORST.index)


def fixed_number(ever: Iterable[Decision]) -> int | None:
    """Give how many pairs a population's sample has since its first answer; None before one.

    Parameters
    ----------
    ever : iterable of Decision
        Everything about the population, undone or not: a number that could be chosen anew after
        some answers would make the bound too low.
    """
    return next((int(made.value["n"]) for made in answers_in(ever)), None)


def planned_number(plan: Decision | None, ever: Iterable[Decision]) -> int:
    """Give how many pairs of a population are to be judged; 0 without an active plan."""
    return 0 if plan is None else fixed_number(ever) or int(plan.value["n"])


def counts_of(planned: int, answers: Sequence[Decision]) -> Counts:
    """Put answers about one sample together: of each person the last, of several the worst."""
    by_pair: dict[int, dict[str, Judgement]] = {}
    times: dict[int, int] = {}
    changed = 0
    for made in answers:
        number, verdict = int(made.value["number"]), made.value["verdict"]
        said = by_pair.setdefault(number, {})
        changed += said.get(made.by, verdict) != verdict
        said[made.by] = verdict
        times[number] = int(made.value["times"])
    verdicts = {number: worst(said.values()) for number, said in by_pair.items()}

    def total(verdict: Judgement | None) -> int:
        return sum(times[number] for number, found in verdicts.items() if verdict in {None, found})

    return Counts(
        planned=planned,
        judged=total(None),
        wrong=total("wrong"),
        cannot_tell=total("cannot tell"),
        verdicts=dict(sorted(verdicts.items())),
        disagreements=tuple(
            sorted(number for number, said in by_pair.items() if len(set(said.values())) > 1)
        ),
        changed=changed,
        by=tuple(dict.fromkeys(made.by for made in answers)),
        at=answers[-1].at if answers else "",
    )


def samples_before(ever: Sequence[Decision], population: str) -> tuple[SampleBefore, ...]:
    """List the samples of other populations of which a pair was ever judged.

    Parameters
    ----------
    ever : sequence of Decision
        All plans and answers about an experiment, those that were undone too.
    population : str
        Hash of the present one.
    """
    found = []
    others = dict.fromkeys(made.value["population"] for made in ever)
    for other in others:
        own = of_population(ever, other)
        answers, plan = answers_in(own), plan_in(own)
        if other == population or not answers or plan is None:
            continue
        counts = counts_of(int(plan.value["n"]), answers)
        found.append(
            SampleBefore(
                other, counts.planned, counts.judged, counts.wrong, counts.cannot_tell, counts.at
            )
        )
    return tuple(found)
