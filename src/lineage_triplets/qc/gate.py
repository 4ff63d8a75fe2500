"""The gate before training: what has to be settled before a config is validated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import ConfigError, LineageTripletsError, Problem
from lineage_triplets.qc.decide.seen import divisions_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.open.data import ReviewData

PointKind = Literal["loading", "error", "channels", "divisions", "stale", "anchors", "settings"]


@dataclass(frozen=True, slots=True)
class GatePoint:
    """One thing that the gate asks for.

    Attributes
    ----------
    kind : str
        "loading", "error", "channels", "divisions", "stale", "anchors" or "settings".
    passed : bool
    sentence : str
        What is the case.
    remedy : str
        How to settle it; empty if it is.
    experiment : str
    finding_key : str
        Of an error, the finding.
    decision : int
        Of a stale decision, its number.
    """

    kind: PointKind
    passed: bool
    sentence: str
    remedy: str = ""
    experiment: str = ""
    finding_key: str = ""
    decision: int = 0


class GateClosedError(LineageTripletsError, RuntimeError):
    """A validated config was asked for, and not everything that it takes is settled."""

    def __init__(self, *problems: Problem | str) -> None:
        super().__init__(*problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def gate_points(review: Review) -> list[GatePoint]:
    """Run the checks that were not run yet (images apart), and list what the gate asks for."""
    findings = review.check()
    points = [
        GatePoint(
            "error" if found.can_be_waived else "loading",
            False,
            f"{found.finding.fov}: {found.finding.sentence}"
            if found.finding.fov
            else found.finding.sentence,
            found.finding.remedy,
            found.finding.experiment,
            found.finding.key,
        )
        for found in findings
        if found.status == "open" and found.finding.severity == "error"
    ]
    if not points:
        points.append(GatePoint("error", True, "No error is open."))
    points += [
        GatePoint(
            "stale",
            False,
            f"Decision {made.number} ({made.kind} {made.target}) was made for another version of "
            "the table, or for other frames of it.",
            "Confirm it for table and frames as they are now, or take it back.",
            made.target.experiment,
            decision=made.number,
        )
        for made in review.effect.stale
    ]
    data = review.data
    if not data.opened:
        return points
    for config in data.registry.experiments:
        points += [_channels(review, config.name), _divisions(review, config.name)]
    points += _drawing(data)
    if not len(data.training.anchor_rows):
        points.append(
            GatePoint("anchors", False, "There is no valid anchor.", "Reject less, or widen tau.")
        )
    return points


def open_points(points: Sequence[GatePoint]) -> list[GatePoint]:
    """Those that are not settled."""
    return [point for point in points if not point.passed]


def closed(points: Sequence[GatePoint]) -> GateClosedError:
    """Make the error that says what is open."""
    return GateClosedError(
        *(
            Problem(f"gate-{point.kind}", point.sentence, point.remedy, experiment=point.experiment)
            for point in open_points(points)
        )
    )


def _channels(review: Review, experiment: str) -> GatePoint:
    approval = review.approval(experiment)
    if approval.holds and approval.decision is not None:
        by = approval.decision.by
        return GatePoint("channels", True, f"Channels approved by {by}.", experiment=experiment)
    return GatePoint(
        "channels",
        False,
        f"The channels are not approved: {approval.why_not}.",
        "Look at what is in each slot, and approve it.",
        experiment,
    )


def _drawing(data: ReviewData) -> list[GatePoint]:
    """Say why training would refuse to draw: no negatives anywhere, a dtype that is too small."""
    try:
        PairSource(data.training, data.settings)
    except ConfigError as error:
        return [
            GatePoint(
                "settings", False, f"{problem.message[:1].upper()}{problem.message[1:]}",
                problem.remedy, problem.experiment,
            )
            for problem in error.problems
        ]  # fmt: skip
    return []


def _divisions(review: Review, experiment: str) -> GatePoint:
    seen = divisions_seen(review.data, experiment)
    if not seen.needed:
        sentence = "No pair across a division can be drawn."
        return GatePoint("divisions", True, sentence, experiment=experiment)
    if seen.holds and seen.decision is not None:
        value, by = seen.decision.value, seen.decision.by
        how = "on screen" if value["how"] == "painted" else "as attested"
        sentence = f"{value['n_pairs']} pairs across a division seen {how}, by {by}."
        return GatePoint("divisions", True, sentence, experiment=experiment)
    return GatePoint(
        "divisions",
        False,
        f"Pairs across a division: {seen.why_not}.",
        "Look at some, and say so.",
        experiment,
    )
