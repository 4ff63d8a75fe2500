"""The command lines that repeat a review from a script."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage_triplets.qc.decisions import Decision
    from lineage_triplets.qc.review import Review

_PROGRAM = "lineage-triplets"


def commands_of(review: Review, folder: str = "validated") -> list[str]:
    """Give one command a decision in effect, in order, and the export at the end."""
    config = review.config_path.name
    lines = [
        line
        for one in review.decisions
        if one not in review.applied.stale
        for line in _command(one, config)
    ]
    return [*lines, shlex.join([_PROGRAM, "export", config, "--to", folder])]


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
    match decision.kind:
        case "accept" | "reject" | "undecided":
            verb = "undecide" if decision.kind == "undecided" else decision.kind
            level = "cell" if target.level == "observation" else target.level
            words = [verb, config, level, *names[target.level]]
        case "cut":
            where = ["--at", str(target.t)]
            if target.daughter is not None:
                where = ["--daughter", str(target.daughter)]
            words = ["cut", config, target.experiment, target.fov, target.track, *where]
        case "waive":
            words = ["waive", config, target.key]
        case "remap":
            slots = enumerate(value["source_channel"])
            words = ["remap", config, target.experiment]
            words += [f"{slot}={channel}" for slot, channel in slots]
        case "approve":
            words = ["approve", config, target.experiment]
        case "seen":
            words = ["seen", config, target.experiment, "--pairs", str(value["n_pairs"])]
        case _:
            return []
    by = ["--by", decision.by] if decision.by else []
    reason = ["--reason", decision.reason] if decision.reason else []
    return [shlex.join([_PROGRAM, *words, *reason, *by])]
