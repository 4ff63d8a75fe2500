"""Planning an audit, and judging its pairs: what is recorded, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, Problem, choices, shown
from lineage_triplets.qc.audit.answers import (
    JUDGEMENTS,
    Judgement,
    Queue,
    fixed_number,
    of_population,
    plan_in,
    planned_number,
)
from lineage_triplets.qc.audit.divisions import identities
from lineage_triplets.qc.audit.judged import shown_of
from lineage_triplets.qc.audit.state import (
    audit_pairs,
    audit_state,
    ever_audited,
    first_of_number,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import HistoryEntry

_MOST_PAIRS = 10_000


def plan_value(
    data: ReviewData, history: Sequence[HistoryEntry], experiment: str, n: int, images: str
) -> dict[str, Any]:
    """Record what a sample of `n` pairs is drawn from.

    Raises
    ------
    ConfigError, UnknownNameError
        No such experiment could be opened, it has no pairs, or no sample has so many; pairs of
        this very population were judged already, and their number was another.
    """
    if not 1 <= n <= _MOST_PAIRS:
        raise ConfigError(
            Problem(
                "bad-value",
                f"{n} pairs cannot be judged.",
                f"Plan 1 to {_MOST_PAIRS:,}; 59 without a wrong one are enough for 5 %.",
                experiment=experiment,
            )
        )
    if data.settings.positive_match is not None:
        raise ConfigError(
            Problem(
                "no-audit",
                "positives have equal columns: no look at a pair can tell whether it is right.",
                "Export with a reason (without_audit); condition_wells says what is equal.",
                experiment=experiment,
            )
        )
    population = data.population(experiment)
    if not len(population.anchors):
        raise ConfigError(
            Problem(
                "no-anchors", "there is no valid anchor to draw a pair of.",
                "Reject less, or widen tau.", experiment=experiment,
            )
        )  # fmt: skip
    fixed = fixed_number(of_population(ever_audited(history, experiment), population.hash))
    active = plan_in(of_population(data.effect.audits.get(experiment, ()), population.hash))
    if fixed is not None and (fixed != n or active is not None):
        raise ConfigError(
            Problem(
                "audit-fixed",
                f"a sample of {fixed} pairs was begun; of what pairs are drawn from now "
                "there is no other, and its number stays: a bound holds for a number that was "
                "fixed before the first answer.",
                "Judge what is left of it. If the bound is too high, mend or reject what is "
                "wrong: then another sample is drawn.",
                experiment=experiment,
            )
        )
    return {
        "n": n,
        "population": population.hash,
        "seed": population.seed,
        "parts": dict(population.parts),
        "anchors": len(population.anchors),
        "images": images,
    }


def judged_values(
    data: ReviewData,
    history: Sequence[HistoryEntry],
    experiment: str,
    verdicts: Mapping[int, Judgement],
    queue: Queue,
) -> list[dict[str, Any]]:
    """Record what somebody says of some pairs, by their numbers.

    Raises
    ------
    ConfigError, UnknownNameError
        There is no such experiment, pair or answer, or no sample was planned.
    """
    population = data.population(experiment).hash
    active = of_population(data.effect.audits.get(experiment, ()), population)
    ever = of_population(ever_audited(history, experiment), population)
    planned = planned_number(plan_in(active), ever)
    if queue == "sample" and not planned:
        state = audit_state(data, history, experiment)
        raise _refused(
            experiment, "no-audit", f"there is no sample to judge. {state.sentence}",
            "Plan one: how many pairs are judged is fixed before the first.",
        )  # fmt: skip
    pairs = audit_pairs(data, experiment, planned, queue)
    same = first_of_number(data, experiment, planned)
    names = identities(pairs.index, pairs.pairs)
    across = pairs.crosses_division
    shown_with = shown_of(data, experiment)
    values = []
    for asked, verdict in verdicts.items():
        if verdict not in JUDGEMENTS:
            raise _refused(
                experiment, "bad-value", f"{shown(verdict)} is no answer.",
                f"There is: {choices(JUDGEMENTS)}.",
            )  # fmt: skip
        if not 1 <= asked <= len(pairs):
            raise _refused(
                experiment, "unknown-pair", f"there is no pair {asked}.",
                f"There is: 1 to {len(pairs)}." if len(pairs) else "There is none.",
            )  # fmt: skip
        # Drawn again, it is the same pair, and the same answer.
        number = int(same[asked - 1]) if queue == "sample" else asked
        anchor, positive = names[number - 1]
        values.append(
            {
                "population": population,
                "queue": queue,
                "n": planned,
                "number": number,
                "times": int((same == number).sum()) if queue == "sample" else 1,
                "verdict": verdict,
                "across": bool(across[number - 1]),
                "anchor": anchor,
                "positive": positive,
                "shown": shown_with,
            }
        )
    return values


def _refused(experiment: str, kind: str, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(kind, message, remedy, experiment=experiment))
