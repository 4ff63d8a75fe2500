"""What the channel panel shows of each experiment, opened or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import LineageTripletsError
from lineage_triplets.qc.decide.channels import channel_names_in_store
from lineage_triplets.qc.find.settings.channel_names import names_unlike

if TYPE_CHECKING:
    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.decide.review import Review


@dataclass(frozen=True)
class ExperimentChannels:
    """One experiment's channels and slots.

    Attributes
    ----------
    name : str
    channels : tuple of str
        All channels of its store in order; empty if it cannot be read.
    slots : tuple of str
        Channel of each slot.
    problem : str
        Why it could not be opened; empty if it could.
    unlike : tuple of str
        Of each slot how its channel's name differs from the other experiments'; empty where not.
    """

    name: str
    channels: tuple[str, ...]
    slots: tuple[str, ...]
    problem: str = ""
    unlike: tuple[str, ...] = ()

    def with_slots(self, slots: tuple[str, ...]) -> ExperimentChannels:
        """Give the experiment with other channels in its slots, before anything is compared."""
        return replace(self, slots=slots, unlike=())


def experiment_channels(review: Review) -> tuple[ExperimentChannels, ...]:
    """List all experiments of a config; reads stores of those that could not be opened."""
    opened = {one.config.name: one for one in review.data.opened}
    problems: dict[str, list[str]] = {}
    for problem in review.data.open_problems:
        problems.setdefault(problem.experiment, []).append(
            " ".join(part for part in (problem.message, problem.remedy) if part)
        )
    unlike = names_unlike(review.data.raw)
    listed = []
    for config in review.data.experiments:
        slots = tuple(config.source_channel)
        if config.name in opened:
            names = tuple(opened[config.name].channel_names)
            words = tuple(unlike.get((config.name, slot), "") for slot in range(len(slots)))
            listed.append(ExperimentChannels(config.name, names, slots, unlike=words))
            continue
        try:
            names = tuple(channel_names_in_store(config))
        except (LineageTripletsError, OSError):
            names = ()
        why = problems.get(config.name) or problems.get("") or ["It could not be opened."]
        listed.append(ExperimentChannels(config.name, names, slots, " ".join(why)))
    return tuple(listed)


def approvals(review: Review) -> dict[str, Approval]:
    """Look up the approval of every experiment that could be opened; reads some pixels."""
    return {one.config.name: review.approval(one.config.name) for one in review.data.opened}
