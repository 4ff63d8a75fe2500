"""What the decisions of a review come to: which links are cut, what is left out, what is approved.

Order never depends on a clock: later decisions about the same thing replace earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.settings.model import (
    Cut,
    Exclusions,
    FovExclusion,
    FrameExclusion,
    LineageExclusion,
    ObservationExclusion,
    TrackExclusion,
    WellExclusion,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lineage_triplets.engine.settings.model import ExperimentConfig
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.targets import Target

    TableHash = Callable[[str, str], str]

_VERDICTS = ("accept", "reject", "undecided")


@dataclass(frozen=True)
class Effect:
    """The decisions in effect.

    Attributes
    ----------
    verdicts : dict of Target to Decision
        The last accept or reject of each target.
    cuts : dict of Target to Decision
        Links that are cut.
    waived : dict of str to Decision
        By the finding's key.
    remaps : dict of str to Decision
        The last of each experiment; its value has ``source_channel`` and ``channel_names``.
    approvals, seen : dict of str to Decision
        By experiment.
    stale : tuple of Decision
        Those about a table that changed since; they are not in effect until confirmed.
    """

    verdicts: Mapping[Target, Decision] = field(default_factory=dict)
    cuts: Mapping[Target, Decision] = field(default_factory=dict)
    waived: Mapping[str, Decision] = field(default_factory=dict)
    remaps: Mapping[str, Decision] = field(default_factory=dict)
    approvals: Mapping[str, Decision] = field(default_factory=dict)
    seen: Mapping[str, Decision] = field(default_factory=dict)
    stale: tuple[Decision, ...] = ()

    @property
    def rejected(self) -> dict[Target, Decision]:
        """What is rejected, and why."""
        return {key: one for key, one in self.verdicts.items() if one.kind == "reject"}

    @property
    def accepted(self) -> dict[Target, Decision]:
        """What is accepted."""
        return {key: one for key, one in self.verdicts.items() if one.kind == "accept"}

    def exclusions(self) -> Exclusions:
        """Give the rejections as a config has them, in an order of their own."""
        return exclusions_of((key, one.reason) for key, one in self.rejected.items())

    def cut_list(self) -> list[Cut]:
        """Give the cut links as a config has them, in an order of their own."""
        return [
            Cut(
                experiment=key.experiment,
                fov=key.fov,
                track_id=int(key.track),
                daughter=key.daughter,
                t=key.t,
                reason=one.reason,
            )
            for key, one in sorted(self.cuts.items(), key=lambda item: _order(item[0]))
        ]

    def experiment(self, config: ExperimentConfig) -> ExperimentConfig:
        """Give an experiment with the channels that were chosen for it."""
        remap, approval = self.remaps.get(config.name), self.approvals.get(config.name)
        names: dict[str, Any] = {}
        # A config that has another number of slots since is not what was remapped.
        if remap and len(remap.value["source_channel"]) == len(config.source_channel):
            names = {name: list(remap.value[name]) for name in ("source_channel", "channel_names")}
        elif approval and approval.value["source_channel"] == config.source_channel:
            names = {"channel_names": list(approval.value["channel_names"])}
        if not names:
            return config
        changed = config.model_copy(update=names)
        changed._written = config._written
        return changed


def apply_decisions(decisions: Sequence[Decision], table_hash: TableHash) -> Effect:
    """Work out which decisions are in effect.

    Parameters
    ----------
    decisions : sequence of Decision
        The active ones, in order.
    table_hash : callable
        From experiment and FOV to the hash of its table now; empty where there is none.
    """
    confirmed = {
        (int(one.value["decision"]), str(one.value["table_hash"]))
        for one in decisions
        if one.kind == "confirm"
    }
    verdicts: dict[Target, Decision] = {}
    cuts: dict[Target, Decision] = {}
    by_kind: dict[str, dict[str, Decision]] = {"waive": {}, "remap": {}, "approve": {}, "seen": {}}
    stale = []
    for one in decisions:
        target = one.target
        if _is_stale(one, table_hash, confirmed):
            stale.append(one)
        elif one.kind in _VERDICTS:
            verdicts.pop(target, None)
            if one.kind != "undecided":
                verdicts[target] = one
        elif one.kind == "cut":
            cuts[target] = one
        elif one.kind == "waive":
            by_kind["waive"][target.key] = one
        elif one.kind == "unwaive":
            by_kind["waive"].pop(target.key, None)
        elif one.kind == "disapprove":
            by_kind["approve"].pop(target.experiment, None)
        elif one.kind in by_kind:
            by_kind[one.kind][target.experiment] = one
    return Effect(
        verdicts=verdicts,
        cuts=cuts,
        waived=by_kind["waive"],
        remaps=by_kind["remap"],
        approvals=by_kind["approve"],
        seen=by_kind["seen"],
        stale=tuple(stale),
    )


def _is_stale(decision: Decision, table_hash: TableHash, confirmed: set[tuple[int, str]]) -> bool:
    if not decision.table_hash:
        return False
    target = decision.target
    experiment = target.experiment or str(decision.value.get("experiment", ""))
    now = table_hash(experiment, target.fov or str(decision.value.get("fov", "")))
    return now not in {"", decision.table_hash} and (decision.number, now) not in confirmed


def exclusions_of(rejected: Iterable[tuple[Target, str]]) -> Exclusions:
    """Targets with reasons as a config's exclusions, in an order of their own.

    Parameters
    ----------
    rejected : iterable of (Target, str)
        Wells, FOVs, frames, lineages, tracks, observations; others are left out.
    """
    items: dict[str, list[Any]] = {name: [] for name in Exclusions.model_fields}
    frames: dict[tuple[str, str, str], list[int]] = {}
    for target, reason in sorted(rejected, key=lambda one: _order(one[0])):
        experiment, fov = target.experiment, target.fov
        match target.level:
            case "well":
                items["wells"].append(WellExclusion(experiment=experiment, well=fov, reason=reason))
            case "fov":
                items["fovs"].append(FovExclusion(experiment=experiment, fov=fov, reason=reason))
            case "frame":
                frames.setdefault((experiment, fov, reason), []).append(target.t or 0)
            case "lineage":
                items["lineages"].append(LineageExclusion(lineage_id=target.id, reason=reason))
            case "track":
                items["tracks"].append(TrackExclusion(global_track_id=target.id, reason=reason))
            case "observation":
                items["observations"].append(
                    ObservationExclusion(global_track_id=target.id, t=target.t or 0, reason=reason)
                )
            case _:
                continue
    items["frames"] = [
        FrameExclusion(experiment=experiment, fov=fov, frames=sorted(listed), reason=reason)
        for (experiment, fov, reason), listed in frames.items()
    ]
    return Exclusions(**items)


def _order(target: Target) -> tuple[str, str, str, int, int]:
    return (
        target.experiment,
        target.fov,
        target.track,
        -1 if target.t is None else target.t,
        -1 if target.daughter is None else target.daughter,
    )
