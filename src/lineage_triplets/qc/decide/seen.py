"""Pairs across a division: whether any can be drawn, and whether somebody saw some."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem, counted
from lineage_triplets.qc.audit.divisions import DivisionsJudged, divisions_judged
from lineage_triplets.qc.look.pairs import sample_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig, ExperimentConfig
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision

    Identity = tuple[tuple[str, int], tuple[str, int]]
    Settings = tuple[object, ...]

How = Literal["painted", "attested"]

ENOUGH_PAIRS = 8


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


class PaintedPairs:
    """Counts the pairs across a division that were on screen, for each experiment's settings.

    Another tau, relation, channel in a slot or place of the tables starts a new count, as
    `Review.saw` records them.
    """

    def __init__(self) -> None:
        self._seen: dict[Settings, set[Identity]] = {}
        self._settled: set[Settings] = set()

    def paint(self, data: ReviewData, pairs: PairList, numbers: Iterable[int]) -> None:
        """Count those of some pairs on screen that cross a division; each once."""
        crosses = pairs.crosses_division
        for number in numbers:
            if crosses[number]:
                anchor, positive = pairs.anchors[number], pairs.positives[number]
                seen = self._seen.setdefault(_settings(data, anchor["experiment"]), set())
                seen.add(
                    (
                        (anchor["global_track_id"], anchor["t"]),
                        (positive["global_track_id"], positive["t"]),
                    )
                )

    def count(self, data: ReviewData, experiment: str) -> int:
        """How many of an experiment were on screen with the settings of now."""
        return len(self._seen.get(_settings(data, experiment), ()))

    def due(self, data: ReviewData, there_are: Mapping[str, int]) -> dict[str, int]:
        """Say which experiments' pairs are to be recorded as seen, and how many; each once.

        Parameters
        ----------
        data : ReviewData
        there_are : mapping of str to int
            How many can be shown of each experiment, as `pairs_across` counts.
        """
        found = {}
        for name, n_pairs in there_are.items():
            settings = _settings(data, name)
            count = len(self._seen.get(settings, ()))
            if not count or count < min(ENOUGH_PAIRS, n_pairs) or settings in self._settled:
                continue
            self._settled.add(settings)
            if why_not_seen(data, name):
                found[name] = count
        return found


def pairs_across(
    index: MultiExperimentIndex,
    settings: DatasetConfig,
    *,
    seed: int = 0,
    epoch: int = 0,
    most: int = ENOUGH_PAIRS,
) -> dict[str, int]:
    """Count the pairs across a division that a draw has in each experiment, up to `most`."""
    names = [config.name for config in index.registry.experiments]
    if not len(index.anchor_rows):
        return dict.fromkeys(names, 0)
    source = PairSource(index, settings.model_copy(update={"return_negative": False}))
    counts = {}
    for name in names:
        try:
            found = sample_pairs(
                source, most, seed=seed, epoch=epoch, across_divisions=True, experiments=[name]
            )
            counts[name] = len(found.anchor)
        except NoAnchorsError:
            counts[name] = 0
    return counts


def _settings(data: ReviewData, experiment: str) -> Settings:
    settings = data.settings
    opened = data.registry.get_opened(experiment)
    return (
        experiment,
        settings.tau_range_hours,
        settings.positive_relation,
        tuple(opened.config.source_channel),
        opened.config.track_transform,
    )


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


def seen_value(
    data: ReviewData, experiment: str, n_pairs: int, how: How, seed: int
) -> dict[str, Any]:
    """Record under which settings pairs across a division of an experiment were seen.

    Parameters
    ----------
    data : ReviewData
    experiment : str
    n_pairs : int
    how : {"painted", "attested"}
        On screen, which no undo takes back; or as somebody says.
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
        "how": how,
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
