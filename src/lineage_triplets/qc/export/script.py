"""The command lines that repeat a review from a script."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.audit.answers import of_population, plan_in
from lineage_triplets.qc.decide.seen import divisions_seen
from lineage_triplets.qc.gate import MAX_WRONG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.gate import Asked
    from lineage_triplets.qc.record import Decision

_PROGRAM = "lineage-triplets"
_RELINKING = frozenset({"cut", "link", "unlink"})


def commands_of(
    review: Review,
    folder: str = "validated",
    *,
    only_accepted: bool = False,
    asked: Asked | None = None,
) -> list[str]:
    """Give one command a decision in effect, in order, and the export at the end.

    They repeat the review of the config as it is now: what the config says itself is left out.
    Comments say what no command does: settings to choose, cuts to take out of the config, pairs
    to judge.
    """
    config = review.config_path.name
    lines = _settings(review, config) + _taken_back(review, config)
    holding = _holding(review)
    relinked = {made.group for made in review.decisions if made.kind in _RELINKING}
    for made in review.effect.placed.values():
        # First, since the frames that are named below are those of tables in this place.
        lines += _command(made, config)
    for made in review.decisions:
        said_by_config = made.value.get("from") == "config"
        may_fall = made.kind in {"waive", "approve", "seen", "audit_plan"}
        # A change of links takes verdicts along by itself.
        by_itself = made.kind == "undecided" and made.group in relinked
        fallen = (may_fall and made not in holding) or by_itself
        if made.kind == "place":
            continue
        if made not in review.effect.stale and not said_by_config and not fallen:
            lines += (_plan if made.kind == "audit_plan" else _command)(made, config)
    lines += _accepted_again(review, config)
    options = ["--only-accepted"] if only_accepted else []
    options += [] if asked is None else _asked(asked)
    return [*lines, shlex.join([_PROGRAM, "export", config, "--to", folder, *options])]


def _accepted_again(review: Review, config: str) -> list[str]:
    """Accept what links of one step would undecide when they are made one after the other."""
    last: dict[tuple[str, str], int] = {}
    for made in review.decisions:
        if made.kind in _RELINKING:
            last[made.place] = made.number
    lines = []
    for made in review.effect.accepted.values():
        if made.target.id and made.number < last.get(made.place, 0):
            lines += _command(made, config)
    return lines


def _asked(asked: Asked) -> list[str]:
    """Options of the export that say how much is asked for, and why less is."""
    options = [] if asked.max_wrong == MAX_WRONG else ["--max-wrong", f"{asked.max_wrong:g}"]
    reasons = {"--without-audit": asked.without_audit, "--without-images": asked.without_images}
    for option, reason in reasons.items():
        options += [option, reason] if reason else []
    return options


def _holding(review: Review) -> set[Decision]:
    """Waivers, approvals and looks that still hold; a script that repeated others would lie."""
    effect = review.effect
    found = list(effect.waived.values())
    for opened in review.data.opened:
        approval = review.approval(opened.config.name)
        looked = divisions_seen(review.data, opened.config.name)
        found += [approval.decision] if approval.holds and approval.decision else []
        found += [looked.decision] if looked.holds and looked.decision else []
        population = review.data.population(opened.config.name).hash
        plans = of_population(effect.audits.get(opened.config.name, ()), population)
        plan = plan_in(plans)
        found += [plan] if plan else []
    return set(found)


def _settings(review: Review, config: str) -> list[str]:
    """Say which settings were chosen in the review."""
    of_config = review.data.base.dataset.model_dump(mode="json")
    chosen = review.data.settings.model_dump(mode="json")
    return [
        f"# first set in {config}, under dataset: {key}: {json.dumps(value)}"
        for key, value in chosen.items()
        if value != of_config[key]
    ]


def _taken_back(review: Review, config: str) -> list[str]:
    """Take back what the config says and the review undid."""
    active = {made.number for made in review.decisions}
    undone = {
        entry.decision.number: entry.decision
        for entry in review.history()
        if entry.decision.value.get("from") == "config" and entry.decision.number not in active
    }
    lines = []
    for made in undone.values():
        if made.kind == "reject":
            lines += _command(replace(made, kind="undecided", reason="", value={}), config)
        else:
            lines.append(f"# first take out of {config}: {made.words}")
    return lines


def _plan(decision: Decision, config: str) -> list[str]:
    """Draw the same sample; the pairs are judged by people."""
    n, experiment = str(decision.value["n"]), decision.target.experiment
    return [
        shlex.join([_PROGRAM, "audit", config, "--experiment", experiment, "--pairs", n]),
        f"# then judge its pairs: {_PROGRAM} audit {config} --answers audit/answers.csv",
    ]


def _command(decision: Decision, config: str) -> list[str]:
    target, value = decision.target, decision.value
    names = {
        "well": [target.experiment, target.fov],
        "fov": [target.experiment, target.fov],
        "frame": [target.experiment, target.fov, str(target.t)],
        "lineage": [target.id],
        "track": [target.id],
        "observation": [target.id, str(target.t)],
    }
    where: list[str] = []
    match decision.kind:
        case "accept" | "reject" | "undecided":
            verb = "undecide" if decision.kind == "undecided" else decision.kind
            level = "cell" if target.level == "observation" else target.level
            words = [verb, config, level, *names[target.level]]
        case "cut" | "link" | "unlink" | "keep":
            words, where = _of_link(decision, config)
        case "waive":
            words = ["waive", config, target.key]
        case "remap":
            slots = enumerate(value["source_channel"])
            words = ["remap", config, target.experiment]
            words += [f"{slot}={channel}" for slot, channel in slots]
        case "place":
            words = ["place", config, target.experiment]
            where = _place_options(value)
        case "approve":
            words = ["approve", config, target.experiment]
        case "judge":
            words = ["judge", config, target.experiment, target.fov, target.track, str(target.t)]
            words += [str(target.daughter), str(target.to_t), value["verdict"]]
        case "seen":
            words = ["seen", config, target.experiment]
            where = ["--pairs", str(value["n_pairs"])]
        case _:
            return []
    options = ["--by", decision.by] if decision.by else []
    options = (["--reason", decision.reason] if decision.reason else []) + options
    if any(word.startswith("-") for word in words[1:]):
        return [shlex.join([_PROGRAM, words[0], *where, *options, "--", *words[1:]])]
    return [shlex.join([_PROGRAM, *words, *where, *options])]


def _of_link(decision: Decision, config: str) -> tuple[list[str], list[str]]:
    """Words of a command about a link, and its options."""
    target = decision.target
    words = [decision.kind, config, target.experiment, target.fov]
    if target.level == "join" and decision.kind == "keep":
        return [*words, str(target.daughter)], ["--at", str(target.to_t)]
    if target.level == "join":
        return [*words, *map(str, (target.track, target.t, target.daughter, target.to_t))], []
    if target.daughter is not None:
        return [*words, target.track], ["--daughter", str(target.daughter)]
    return [*words, target.track], ["--at", str(target.t)]


def _place_options(value: Mapping[str, Any]) -> list[str]:
    """Say a transform as the options of `place`."""
    options = []
    for key, wanted in value.items():
        options.append(f"--{key.replace('_', '-')}")
        if wanted is not True:
            options += map(str, wanted if isinstance(wanted, list) else [wanted])
    return options or ["--as-written"]
