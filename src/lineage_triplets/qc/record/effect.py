"""What decisions come to: which links are cut, what is left out, what is approved.

A config's own ``exclude``, ``cut`` and ``link``, from an earlier review, become decisions like any
other.

Order never depends on a clock: later decisions about the same thing replace earlier ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.index.names import parse_id
from lineage_triplets.engine.settings.model import (
    Cut,
    Exclusions,
    FovExclusion,
    FrameExclusion,
    LineageExclusion,
    Link,
    ObservationExclusion,
    TrackExclusion,
    WellExclusion,
)
from lineage_triplets.engine.settings.track_transform import TrackTransform
from lineage_triplets.qc.record.decision import NewDecision, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lineage_triplets.engine.settings.model import ExperimentConfig, TripletConfig
    from lineage_triplets.qc.record.decision import Decision, DecisionKind

    Place = tuple[str, str]

AUDIT_KINDS = ("audit_plan", "audit")
_KIND_OF: dict[str, DecisionKind] = {"cut": "cut", "link": "link"}


@dataclass(frozen=True)
class Effect:
    """The decisions in effect.

    Attributes
    ----------
    verdicts : dict of Target to Decision
        The last accept or reject of each target.
    rejected : dict of Target to Decision
        Those of them that reject.
    rejected_at : dict of (str, str) to dict
        The same by experiment and FOV; wells and FOVs by the experiment, and no FOV.
    cuts : dict of Target to Decision
        Links that are cut.
    links : dict of Target to Decision
        Links that the tables lack, by their ``join``.
    kept : dict of Target to Decision
        Links that were looked at and are right.
    judged : dict of Target to Decision
        Pairs of which somebody said, by their cells, whether they are right.
    waived : dict of str to Decision
        By the finding's key.
    remaps : dict of str to Decision
        The last of each experiment; its value has ``source_channel`` and ``channel_names``.
    placed : dict of str to Decision
        The last of each experiment; its value is a `TrackTransform`, empty for tables as written.
    approvals, seen : dict of str to Decision
        By experiment.
    audits : dict of str to tuple of Decision
        By experiment, in order: samples that were planned, and what was judged of them.
    stale : tuple of Decision
        Those about a table that changed since, or about a frame that is another one of the table
        now; they are not in effect until confirmed.
    """

    verdicts: Mapping[Target, Decision] = field(default_factory=dict)
    rejected: Mapping[Target, Decision] = field(default_factory=dict)
    rejected_at: Mapping[Place, Mapping[Target, Decision]] = field(default_factory=dict)
    cuts: Mapping[Target, Decision] = field(default_factory=dict)
    links: Mapping[Target, Decision] = field(default_factory=dict)
    kept: Mapping[Target, Decision] = field(default_factory=dict)
    judged: Mapping[Target, Decision] = field(default_factory=dict)
    waived: Mapping[str, Decision] = field(default_factory=dict)
    remaps: Mapping[str, Decision] = field(default_factory=dict)
    placed: Mapping[str, Decision] = field(default_factory=dict)
    approvals: Mapping[str, Decision] = field(default_factory=dict)
    seen: Mapping[str, Decision] = field(default_factory=dict)
    audits: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
    stale: tuple[Decision, ...] = ()

    @property
    def accepted(self) -> dict[Target, Decision]:
        """What is accepted."""
        return {key: made for key, made in self.verdicts.items() if made.kind == "accept"}

    @property
    def relinking(self) -> dict[Target, Decision]:
        """All that links the tables otherwise than they are written: cuts, and links they lack."""
        return {**self.cuts, **self.links}

    def exclusions(self) -> Exclusions:
        """Give the rejections as a config has them, in an order of their own."""
        return exclusions_of((key, made.reason) for key, made in self.rejected.items())

    def exclusions_near(self, experiment: str, fov: str) -> Exclusions:
        """Give those of `exclusions` alone that can concern a FOV."""
        placed = self.rejected_at
        near = {**placed.get((experiment, ""), {}), **placed.get((experiment, fov), {})}
        return exclusions_of((key, made.reason) for key, made in near.items())

    def cut_list(self) -> list[Cut]:
        """Give the cut links as a config has them, in an order of their own."""
        return [
            Cut(
                experiment=key.experiment,
                fov=key.fov,
                track_id=int(key.track),
                daughter=key.daughter,
                t=key.t,
                reason=made.reason,
            )
            for key, made in sorted(self.cuts.items(), key=lambda item: _order(item[0]))
        ]

    def link_list(self) -> list[Link]:
        """Give the links that tables lack as a config has them, in an order of their own."""
        return [
            Link(
                experiment=key.experiment,
                fov=key.fov,
                track_id=int(key.track),
                t=key.t or 0,
                to_track_id=key.daughter or 0,
                to_t=key.to_t or 0,
                reason=made.reason,
            )
            for key, made in sorted(self.links.items(), key=lambda item: _order(item[0]))
        ]

    def experiment(self, config: ExperimentConfig) -> ExperimentConfig:
        """Give an experiment with the channels and the place of its tables that were chosen."""
        remap, approval = self.remaps.get(config.name), self.approvals.get(config.name)
        changes: dict[str, Any] = {}
        # A config that has another number of slots since is not what was remapped.
        if remap and len(remap.value["source_channel"]) == len(config.source_channel):
            changes = {
                name: list(remap.value[name]) for name in ("source_channel", "channel_names")
            }
        elif approval and approval.value["source_channel"] == config.source_channel:
            changes = {"channel_names": list(approval.value["channel_names"])}
        if config.name in self.placed:
            transform = TrackTransform.model_validate(self.placed[config.name].value)
            changes["track_transform"] = None if transform == TrackTransform() else transform
        if not changes:
            return config
        changed = config.model_copy(update=changes)
        changed._written = config._written
        return changed


def exclusions_of(rejected: Iterable[tuple[Target, str]]) -> Exclusions:
    """Targets with reasons as a config's exclusions, in an order of their own.

    Parameters
    ----------
    rejected : iterable of (Target, str)
        Wells, FOVs, frames, lineages, tracks, observations; others are left out.
    """
    items: dict[str, list[Any]] = {name: [] for name in Exclusions.model_fields}
    frames: dict[tuple[str, str, str], list[int]] = {}
    for target, reason in sorted(rejected, key=lambda item: _order(item[0])):
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


def _order(target: Target) -> tuple[str, str, str, int, int, int]:
    return (
        target.experiment,
        target.fov,
        target.track,
        -1 if target.t is None else target.t,
        -1 if target.daughter is None else target.daughter,
        -1 if target.to_t is None else target.to_t,
    )


def import_key(decision: NewDecision) -> str:
    """Tell imported decisions apart."""
    return json.dumps([decision.kind, decision.target.as_dict()], sort_keys=True)


def imported_decisions(
    config: TripletConfig, known: Sequence[str]
) -> tuple[list[NewDecision], list[Problem]]:
    """Turn exclusions, cuts and links into decisions, but for those that were before.

    Parameters
    ----------
    config : TripletConfig
    known : sequence of str
        Keys of those that are decisions already.

    Returns
    -------
    decisions : list of NewDecision
    problems : list of Problem
        Those that name no experiment of the config.
    """
    names = [experiment.name for experiment in config.experiments]
    decisions, problems = [], []
    seen = set(known)
    for part, target, reason, words in _targets(config, names):
        if target is None:
            problems.append(
                Problem(
                    "unmatched-exclusion",
                    f"{words} names no experiment of the config; it is left out.",
                    "Remove it from the config, or mend the name.",
                    severity="warning",
                    field=part,
                )
            )
            continue
        new = NewDecision(
            _KIND_OF.get(part, "reject"), target, {"from": "config"}, reason or "said by the config"
        )
        if import_key(new) not in seen:
            seen.add(import_key(new))
            decisions.append(new)
    return decisions, problems


def _targets(
    config: TripletConfig, names: list[str]
) -> Iterator[tuple[str, Target | None, str, str]]:
    """Part of the config, target, reason and words of each exclusion, cut and link."""
    exclude = config.exclude
    for well in exclude.wells:
        target = Target("well", well.experiment, well.well)
        known = well.experiment in names
        yield "exclude.wells", target if known else None, well.reason, f"well {well.well}"
    for fov in exclude.fovs:
        target = Target("fov", fov.experiment, fov.fov)
        known = fov.experiment in names
        yield "exclude.fovs", target if known else None, fov.reason, f"FOV {fov.fov}"
    for frames in exclude.frames:
        for t in frames.frames:
            target = Target("frame", frames.experiment, frames.fov, t=t)
            known = frames.experiment in names
            words = f"frame {t} of {frames.fov}"
            yield "exclude.frames", target if known else None, frames.reason, words
    for lineage in exclude.lineages:
        place = parse_id(lineage.lineage_id, names)
        found = place and Target("lineage", place[0], place[1], track=place[2])
        yield "exclude.lineages", found or None, lineage.reason, lineage.lineage_id
    for track in exclude.tracks:
        place = parse_id(track.global_track_id, names)
        found = place and Target("track", place[0], place[1], track=place[2])
        yield "exclude.tracks", found or None, track.reason, track.global_track_id
    for cell in exclude.observations:
        place = parse_id(cell.global_track_id, names)
        found = place and Target("observation", place[0], place[1], track=place[2], t=cell.t)
        yield "exclude.observations", found or None, cell.reason, cell.global_track_id
    for cut in config.cut:
        known = cut.experiment in names
        link = Target(
            "link", cut.experiment, cut.fov, track=str(cut.track_id), t=cut.t, daughter=cut.daughter
        )
        yield "cut", link if known else None, cut.reason, f"the cut of track {cut.track_id}"
    for joined in config.link:
        join = Target(
            "join", joined.experiment, joined.fov, track=str(joined.track_id), t=joined.t,
            daughter=joined.to_track_id, to_t=joined.to_t,
        )  # fmt: skip
        words = f"the link of track {joined.track_id} to track {joined.to_track_id}"
        yield "link", join if joined.experiment in names else None, joined.reason, words
