"""Pairs across a division: whether any can be drawn, and whether somebody judged some."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import ConfigError, Problem, counted
from lineage_triplets.qc.audit.divisions import DivisionsJudged, divisions_judged

if TYPE_CHECKING:
    from lineage_triplets.engine.settings.model import ExperimentConfig
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
        Whether enough were judged, or somebody attested to have seen some with the tau, relation,
        channels and places of now. What was on screen alone is no judgement.
    decision : Decision or None
        The last that says that some were seen.
    why_not : str
        Empty if it holds or is not needed.
    judged : DivisionsJudged
    """

    experiment: str
    needed: bool
    holds: bool
    decision: Decision | None
    why_not: str
    judged: DivisionsJudged = field(default_factory=DivisionsJudged)

    @property
    def by_judgement(self) -> bool:
        """Whether it holds for the pairs that were judged."""
        judged = self.judged
        return judged.judged > 0 and judged.enough and judged.mostly_right


def divisions_seen(data: ReviewData, experiment: str) -> DivisionsSeen:
    """Say whether pairs across a division of an experiment were judged, or why not."""
    decision = data.effect.seen.get(experiment)
    judged = divisions_judged(data, experiment)
    if not judged.needed:
        return DivisionsSeen(experiment, False, False, decision, "", judged)
    why = _why_not_judged(judged)
    if why and decision is not None:
        attested = decision.value["how"] == "attested"
        of_seen = why_not_seen(data, experiment)
        if attested or of_seen:
            why = of_seen
        elif not judged.judged:
            why = f"{counted(decision.value['n_pairs'], 'pair')} on screen, nobody judged them"
    return DivisionsSeen(experiment, True, not why, decision, why, judged)


def _why_not_judged(judged: DivisionsJudged) -> str:
    """Say why the pairs that were judged do not settle it; empty if they do."""
    if judged.enough:
        not_right = judged.wrong + judged.cannot_tell
        told = f"{judged.wrong} of {judged.judged} were judged wrong"
        if judged.cannot_tell:
            told += f", {judged.cannot_tell} could not be told"
        return "" if judged.mostly_right else f"{told}: {not_right} are not right"
    return (
        f"{judged.judged} of {judged.needed} were judged" if judged.judged else "nobody judged any"
    )


def seen_value(data: ReviewData, experiment: str, n_pairs: int, seed: int) -> dict[str, Any]:
    """Record under which settings somebody says to have seen pairs across a division.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    n_pairs : int
    seed : int

    Raises
    ------
    ConfigError, UnknownNameError
        No pair was seen; no such experiment could be opened.
    """
    if n_pairs < 1:
        raise ConfigError(
            Problem("no-pairs", f"{n_pairs} pairs were seen.", "Look at some, and say so.")
        )
    opened, settings = data.registry.get_opened(experiment), data.settings
    return {
        "n_pairs": n_pairs,
        "how": "attested",
        "tau_range_hours": list(settings.tau_range_hours),
        "positive_relation": settings.positive_relation,
        "source_channel": list(opened.config.source_channel),
        "track_transform": _transform(opened.config),
        "seed": seed,
    }


def _transform(config: ExperimentConfig) -> dict[str, Any]:
    transform = config.track_transform
    return {} if transform is None else transform.model_dump(mode="json", exclude_defaults=True)


def why_not_seen(data: ReviewData, experiment: str) -> str:
    """Say why what somebody saw does not count for tau, relation, channels and places of now.

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
    elif decision.value.get("track_transform", {}) != _transform(opened.config):
        why = "they were seen with the cells elsewhere in the image"
    return why
