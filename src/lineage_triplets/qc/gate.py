"""The gate before training: what has to be settled before a config is validated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.dataset.verification import percent
from lineage_triplets.engine.errors import ConfigError, LineageTripletsError, Problem, counted
from lineage_triplets.qc.audit.bound import more_needed
from lineage_triplets.qc.decide.seen import divisions_seen
from lineage_triplets.qc.find.placement.findings import KIND as PLACEMENT
from lineage_triplets.qc.open.population import population_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.audit.state import AuditState
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.open.data import ReviewData

PointKind = Literal[
    "loading",
    "error",
    "placement",
    "channels",
    "images",
    "divisions",
    "audit",
    "stale",
    "anchors",
    "settings",
]
MAX_WRONG = 0.05
"""The share of wrong pairs that an audit has to bound, unless another is asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is asked for, and why less is.

    Attributes
    ----------
    max_wrong : float
        The bound that an audit has to reach, as a share of pairs.
    without_audit : str
        Why experiments whose audit does not reach it are let through; empty if they are not.
    without_images : str
        Why images that were not scanned are no matter; empty if they are one.

    Raises
    ------
    ConfigError
        `max_wrong` is not between 0 and 1.
    """

    max_wrong: float = MAX_WRONG
    without_audit: str = ""
    without_images: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.max_wrong < 1:
            raise ConfigError(
                Problem(
                    "bad-value",
                    f"at most {self.max_wrong:g} of pairs may be wrong, as asked.",
                    "Ask for a share within 0 and 1, as 0.05.",
                    field="max_wrong",
                )
            )


@dataclass(frozen=True, slots=True)
class GatePoint:
    """One thing that the gate asks for.

    Attributes
    ----------
    kind : str
        One of `PointKind`.
    passed : bool
    sentence : str
        What is the case.
    remedy : str
        How to settle it; empty if it is.
    experiment : str
    finding_key : str
        Of an error, or of tables that do not lie on their images, the finding.
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


def gate_points(
    review: Review, asked: Asked | None = None, index: MultiExperimentIndex | None = None
) -> list[GatePoint]:
    """Run the checks that were not run yet (images apart), and list what the gate asks for.

    Parameters
    ----------
    review : Review
    asked : Asked, optional
        How much is asked for.
    index : MultiExperimentIndex, optional
        What training will read, where that is less than what was not rejected.
    """
    asked = Asked() if asked is None else asked
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
        if found.status == "open"
        and found.finding.severity == "error"
        and found.finding.kind != PLACEMENT
    ]
    if not points:
        points.append(GatePoint("error", True, "No error is open."))
    points += [
        GatePoint(
            "stale",
            False,
            f"Decision {made.number} ({made.words}) was made for another version of "
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
        points += [
            _placement(review, config.name),
            _channels(review, config.name),
            _images(review, config.name, asked),
            _divisions(review, config.name),
            _audit(review, config.name, asked, index),
        ]
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


def _placement(review: Review, experiment: str) -> GatePoint:
    """Say whether tables lie on the images; a finding about it has to be settled or waived."""
    listed = [found for found in review.checks.placements if found.experiment == experiment]
    undone = [
        found.finding
        for found in review.findings()
        if found.status == "open"
        and found.finding.kind == PLACEMENT
        and found.finding.experiment == experiment
        and found.finding.severity != "note"
    ]
    if undone:
        finding = undone[0]
        return GatePoint(
            "placement", False, finding.sentence, finding.remedy, experiment, finding.key
        )
    fits = sum(found.status == "fits" for found in listed)
    untold = sum(found.status == "cannot-tell" for found in listed)
    sentence = f"The tables of {fits} of {counted(len(listed), 'FOV')} lie on the images."
    if untold:
        sentence += f" Of {untold} it cannot be told: the pairs that somebody judges have to tell."
    return GatePoint("placement", True, sentence, experiment=experiment)


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
    if seen.by_judgement:
        judged = seen.judged
        sentence = f"{judged.judged} pairs across a division judged, {judged.wrong} of them wrong"
        sentence += f", {judged.cannot_tell} could not be told." if judged.cannot_tell else "."
        return GatePoint("divisions", True, sentence, experiment=experiment)
    if seen.holds and seen.decision is not None:
        value, by = seen.decision.value, seen.decision.by
        sentence = f"{value['n_pairs']} pairs across a division seen as attested, by {by}."
        return GatePoint("divisions", True, sentence, experiment=experiment)
    return GatePoint(
        "divisions",
        False,
        f"Pairs across a division: {seen.why_not}.",
        "Judge some, or say that you looked at them.",
        experiment,
    )


def images_scanned(review: Review, experiment: str) -> tuple[int, int]:
    """Count the FOVs that training reads of an experiment: those scanned, and all."""
    index = review.data.training
    fovs = [
        (source.experiment, source.fov.name)
        for source in (index.fovs[number] for number in np.unique(index.fov_of_row).tolist())
        if source.experiment == experiment
    ]
    return len(review.checks.scanned.intersection(fovs)), len(fovs)


def _images(review: Review, experiment: str, asked: Asked) -> GatePoint:
    scanned, n_fovs = images_scanned(review, experiment)
    if scanned == n_fovs:
        sentence = f"The images of {counted(n_fovs, 'FOV')} were scanned."
        return GatePoint("images", True, sentence, experiment=experiment)
    sentence = f"The images of {n_fovs - scanned} of {counted(n_fovs, 'FOV')} were not scanned"
    if asked.without_images:
        sentence += f": {asked.without_images}."
        return GatePoint("images", True, sentence, experiment=experiment)
    remedy = "Scan them, or say why not (without_images)."
    return GatePoint("images", False, f"{sentence}.", remedy, experiment)


def why_no_bound(review: Review, experiment: str, index: MultiExperimentIndex | None = None) -> str:
    """Say why an experiment's audit bounds nothing of what training will draw; empty if it does.

    Parameters
    ----------
    review : Review
    experiment : str
    index : MultiExperimentIndex, optional
        What training will read, where that is less than what was not rejected.
    """
    state = review.audit(experiment)
    if state.state == "no pairs":
        return ""
    if state.state != "finished":
        return state.sentence
    if index is not None and population_of(index, experiment).hash != state.population:
        return "The audit is of all that is not rejected; only a part of it would be exported."
    approval = review.approval(experiment)
    if approval.holds and approval.decision and approval.decision.value["images"] != state.images:
        return "The images are others than those whose pairs were judged."
    return ""


def why_no_audit(
    review: Review, experiment: str, max_wrong: float, index: MultiExperimentIndex | None = None
) -> str:
    """Say why an audit does not reach the bound asked for, as `why_no_bound`; empty if it does."""
    why = why_no_bound(review, experiment, index)
    state = review.audit(experiment)
    if why or state.state == "no pairs" or state.holds(max_wrong):
        return why
    return f"{state.sentence} At most {percent(max_wrong)} is asked for."


def _way_to_bound(state: AuditState, asked: Asked) -> str:
    """Say what would bring an experiment's bound down to what is asked for."""
    if state.state == "running":
        return f"Judge the other {state.planned - state.judged} pairs"
    if state.state == "finished" and not state.holds(asked.max_wrong):
        if state.wrong + state.cannot_tell:
            return "Mend or reject what is wrong and judge the new sample, or allow more"
        return "Allow more: of these pairs there is no other sample"
    n = more_needed(0, 0, asked.max_wrong)
    return f"Judge a sample ({n} pairs without a wrong one are enough)"


def _audit(
    review: Review, experiment: str, asked: Asked, index: MultiExperimentIndex | None
) -> GatePoint:
    why = why_no_audit(review, experiment, asked.max_wrong, index)
    if not why:
        sentence = review.audit(experiment).sentence
        return GatePoint("audit", True, sentence, experiment=experiment)
    if asked.without_audit:
        sentence = f"Without audit, because: {asked.without_audit}. {why}"
        return GatePoint("audit", True, sentence, experiment=experiment)
    if review.data.settings.positive_match is not None:
        remedy = "Positives by equal columns are not audited: say so (without_audit)."
        return GatePoint("audit", False, why, remedy, experiment)
    remedy = f"{_way_to_bound(review.audit(experiment), asked)}, or say why not (without_audit)."
    return GatePoint("audit", False, why, remedy, experiment)
