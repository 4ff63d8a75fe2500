"""Pairs judged where they are: what is recorded, what is refused, and which wrong ones are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem, choices, shown
from lineage_triplets.qc.audit.answers import JUDGEMENTS, Judgement
from lineage_triplets.qc.audit.judged import is_unmended, relation_drawn, shown_of
from lineage_triplets.qc.decide.targets import about, require_target
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import NewDecision, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision

KIND = "wrong-pair"


def judgements(
    data: ReviewData, verdicts: Mapping[Target, Judgement], reason: str = ""
) -> list[NewDecision]:
    """Make the decisions that say of some pairs whether they are right.

    Parameters
    ----------
    data : ReviewData
    verdicts : mapping of Target to str
        Of pairs that training can draw, as `PairList.target` names them.
    reason : str

    Raises
    ------
    ConfigError, UnknownNameError
        There is no such pair or answer, or training cannot draw it.
    TableChangedError
        A table changed since the review read it.
    """
    new = []
    for pair, verdict in verdicts.items():
        if verdict not in JUDGEMENTS:
            raise _refused(
                pair, "bad-value", f"{shown(verdict)} is no answer.",
                f"There is: {choices(JUDGEMENTS)}.",
            )  # fmt: skip
        if pair.level != "pair":
            raise _refused(pair, "bad-target", f"the {pair} is no pair.", "Name two cells.")
        require_target(data, pair)
        relation = relation_drawn(data, pair)
        if relation is None:
            raise _refused(
                pair, "unknown-pair", f"training cannot draw the {pair}.",
                "Name a pair that it can draw, as `preview` and the widget show them: of kin, "
                "at a tau within the range, and not rejected.",
            )  # fmt: skip
        value = {
            "verdict": verdict,
            "relation": relation.label,
            "across": relation.crosses_division,
            "shown": shown_of(data, pair.experiment),
        }
        made = about(data, "judge", pair, reason)
        new.append(NewDecision("judge", pair, value, reason, made.table_hash))
    return new


def wrong_pairs(data: ReviewData) -> dict[str, tuple[Finding, Decision | None]]:
    """Give a finding for each pair that was judged wrong, by its key, and what settled it.

    A pair is open as long as training draws it as what it was taken for.
    """
    found: dict[str, tuple[Finding, Decision | None]] = {}
    wrong = [made for made in data.effect.judged.values() if made.value["verdict"] == "wrong"]
    for made in wrong if data.opened else ():
        finding = _finding(made)
        found[finding.key] = finding, None if is_unmended(data, made) else _mended_by(data, made)
    return found


def _finding(made: Decision) -> Finding:
    pair = made.target
    anchor, positive = int(pair.track), pair.daughter or 0
    return Finding(
        kind=KIND,
        severity="error",
        sentence=(
            f"Track {positive} at t = {pair.to_t} is not the cell, nor its offspring or kin, that "
            f"track {anchor} is at t = {pair.t}, as {made.by or 'somebody'} judged."
        ),
        remedy=(
            "In Pairs, go through its frames, and cut or mend the link where it breaks; or reject "
            "one of the two."
        ),
        experiment=pair.experiment,
        fov=pair.fov,
        tracks=tuple(dict.fromkeys((positive, anchor))),
        t=pair.to_t,
        detail=f"from-t{pair.t}",
        settled_by=tuple(
            (Target("track", pair.experiment, pair.fov, track=str(track)),)
            for track in dict.fromkeys((positive, anchor))
        ),
    )


def _mended_by(data: ReviewData, judged: Decision) -> Decision:
    """Give the last decision about links or rejections of its FOV; the verdict if there is none."""
    effect, place = data.effect, (judged.target.experiment, judged.target.fov)
    near = [
        made
        for made in (*effect.relinking.values(), *effect.rejected.values())
        if made.place == place or (made.target.level == "well" and made.place[0] == place[0])
    ]
    return max((judged, *near), key=lambda made: made.number)


def _refused(pair: Target, kind: str, message: str, remedy: str) -> ConfigError:
    problem = Problem(kind, message, remedy, experiment=pair.experiment, fov=pair.fov)
    return ConfigError(problem)
