"""Which decisions hold, worked out from all of them or from those that were added since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.record.effect import AUDIT_KINDS, Effect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from lineage_triplets.qc.record.decision import Decision, Target
    from lineage_triplets.qc.record.effect import Place

# Where the last decision of a kind about something counts, and which it takes away.
_ENTERS = {
    "cut": "cuts",
    "link": "links",
    "keep": "kept",
    "judge": "judged",
    "waive": "waived",
    "remap": "remaps",
    "place": "placed",
    "approve": "approvals",
    "seen": "seen",
}
_LEAVES = {
    "cut": ("kept",),
    "unlink": ("links", "kept"),
    "unwaive": ("waived",),
    "disapprove": ("approvals",),
}
_VERDICTS = frozenset({"accept", "reject", "undecided"})
_BY_TARGET = frozenset({"cut", "link", "unlink", "keep", "judge"})
# These change what was decided before, or whether it holds.
_REVISE = frozenset({"place", "confirm", "withdraw"})


def apply_decisions(
    decisions: Sequence[Decision],
    table_hashes: Mapping[Place, str],
    other_frames: Set[int] = frozenset(),
) -> Effect:
    """Work out which decisions are in effect.

    Parameters
    ----------
    decisions : sequence of Decision
        The active ones, in order.
    table_hashes : mapping of (str, str) to str
        From experiment and FOV to the hash of its table now, of all `Decision.place` that have
        one; empty or absent where there is no table.
    other_frames : set of int
        Numbers of those about a frame that is another one of the table now.
    """
    confirmed = {
        (int(made.value["decision"]), str(made.value["table_hash"]))
        for made in decisions
        if made.kind == "confirm"
    }
    parts = _Parts(Effect())
    stale = []
    for made in decisions:
        if made.number in other_frames or _is_stale(made, table_hashes, confirmed):
            stale.append(made)
            # Whatever table they were made for: a sample knows what it was drawn from.
            if made.kind in AUDIT_KINDS:
                parts.apply(made)
        else:
            parts.apply(made)
    return replace(parts.effect(), stale=tuple(stale))


def apply_more(
    effect: Effect, new: Sequence[Decision], table_hashes: Mapping[Place, str]
) -> Effect | None:
    """Work out what is in effect after some more decisions, at the cost of these alone.

    Parameters
    ----------
    effect : Effect
        Of all before.
    new : sequence of Decision
        What was decided after those, in order.
    table_hashes : mapping of (str, str) to str
        As of `apply_decisions`, of the places of `new`.

    Returns
    -------
    Effect or None
        None where one of them changes what was decided before, or does not hold: then all have to
        be applied.
    """
    if any(made.kind in _REVISE or _is_stale(made, table_hashes, set()) for made in new):
        return None
    parts = _Parts(effect)
    for made in new:
        parts.apply(made)
    return parts.effect()


class _Parts:
    """The mappings of an effect; those that change are copied before they do."""

    def __init__(self, effect: Effect) -> None:
        self._effect = effect
        self._changed: dict[str, dict[Any, Any]] = {}
        self._places: dict[Place, dict[Target, Decision]] = {}

    def effect(self) -> Effect:
        changed: dict[str, Any] = dict(self._changed)
        return replace(self._effect, **changed)

    def apply(self, made: Decision) -> None:
        if made.kind in _VERDICTS:
            self._judge(made)
        elif made.kind in AUDIT_KINDS:
            before = self._now("audits").get(made.target.experiment, ())
            self._of("audits")[made.target.experiment] = (*before, made)
        else:
            by_target = made.kind in _BY_TARGET
            key = made.target if by_target else made.target.key or made.target.experiment
            if made.kind in _ENTERS:
                self._of(_ENTERS[made.kind])[key] = made
            for name in _LEAVES.get(made.kind, ()):
                self._drop(name, key)

    def _judge(self, made: Decision) -> None:
        """Let the last verdict count, and stand last."""
        target = made.target
        self._drop("verdicts", target)
        if made.kind != "undecided":
            self._of("verdicts")[target] = made
        if made.kind == "reject" or target in self._now("rejected"):
            place = target.experiment, "" if target.level in {"well", "fov"} else target.fov
            if place not in self._places:
                self._places[place] = dict(self._now("rejected_at").get(place, {}))
                self._of("rejected_at")[place] = self._places[place]
            for rejected in (self._of("rejected"), self._places[place]):
                rejected.pop(target, None)
                if made.kind == "reject":
                    rejected[target] = made

    def _now(self, name: str) -> Mapping[Any, Any]:
        changed: Mapping[Any, Any] | None = self._changed.get(name)
        before: Mapping[Any, Any] = getattr(self._effect, name)
        return before if changed is None else changed

    def _of(self, name: str) -> dict[Any, Any]:
        if name not in self._changed:
            self._changed[name] = dict(getattr(self._effect, name))
        return self._changed[name]

    def _drop(self, name: str, key: object) -> None:
        if key in self._now(name):
            del self._of(name)[key]


def _is_stale(
    made: Decision, table_hashes: Mapping[Place, str], confirmed: set[tuple[int, str]]
) -> bool:
    if not made.table_hash:
        return False
    now = table_hashes.get(made.place, "")
    return now not in {"", made.table_hash} and (made.number, now) not in confirmed
