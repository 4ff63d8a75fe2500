"""Why a sample is void: what is another since in what it was drawn from, and who made it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.open.population import Population
    from lineage_triplets.qc.record import Decision, HistoryEntry

_PARTS = {
    "cells": "its tables, or the config's own exclusions, cuts and links, are others",
    "law": "tau, its decay, the fallback or who may be a positive is another",
    "patch": "patch size, slices or border are others",
    "slots": "other channels are in the slots",
    "images": "its images have other metadata",
}
_CHANGE_NOTHING = frozenset(
    {
        *("accept", "keep", "judge", "waive", "unwaive", "approve", "disapprove"),
        *("seen", "audit_plan", "audit"),
    }
)
_DECIDED = frozenset({"cells", "slots"})


def why_void(plan: Decision, population: Population, history: Sequence[HistoryEntry]) -> str:
    """Name the decisions or settings for which a plan's sample is of something else now.

    Parameters
    ----------
    plan : Decision
        Of a sample of another population.
    population : Population
        What is drawn from now.
    history : sequence of HistoryEntry
    """
    before = plan.value["parts"]
    changed = [part for part in _PARTS if before.get(part) != population.parts[part]]
    decided = _decided_since(plan, history) if _DECIDED.intersection(changed) else ""
    causes = [decided] if decided else []
    causes += [_PARTS[part] for part in changed if not (decided and part in _DECIDED)]
    return "; ".join(causes) or "what pairs are drawn from is described in another way now"


def _decided_since(plan: Decision, history: Sequence[HistoryEntry]) -> str:
    """Tell what was decided, or undone, since the last answer about a sample; empty for nothing."""
    experiment, population = plan.target.experiment, plan.value["population"]
    last = max(
        (
            place
            for place, entry in enumerate(history)
            if entry.decision.kind in {"audit_plan", "audit"}
            and entry.decision.target.experiment == experiment
            and entry.decision.value["population"] == population
        ),
        default=-1,
    )
    since = [
        entry
        for entry in history[last + 1 :]
        if entry.decision.kind not in _CHANGE_NOTHING
        and entry.decision.place[0] in {"", experiment}
    ]
    if not since:
        return ""
    first = since[0]
    done = {"decided": "by", "undone": "by undoing", "redone": "by redoing"}[first.what]
    made = first.decision
    reason = f" ({made.reason})" if made.reason else ""
    more = f", and {len(since) - 1} more" if len(since) > 1 else ""
    return f"voided {done} decision {made.number}: {made.words}{reason}{more}"
