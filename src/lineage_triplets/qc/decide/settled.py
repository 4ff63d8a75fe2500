"""What settles a finding: what was decided, and what is left to decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lineage_triplets.qc.decide.targets import require_target, require_verdict_target
from lineage_triplets.qc.record.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lineage_triplets.qc.find.finding import Finding
    from lineage_triplets.qc.find.run import Checks
    from lineage_triplets.qc.open.data import Workspace
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.effect import Applied


Status = Literal["open", "settled", "waived"]


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """A finding and what became of it.

    Attributes
    ----------
    finding : Finding
    status : {"open", "settled", "waived"}
    decision : Decision or None
        The last one that settled or waived it.
    can_be_waived : bool
        Whether training could load the data with it.
    """

    finding: Finding
    status: Status
    decision: Decision | None = None
    can_be_waived: bool = True


def left_to_settle(workspace: Workspace, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Name what is still to be cut or rejected of one alternative of ``Finding.settled_by``.

    A finding names tracks as the table has them; a track that was cut is named by its parts.

    Parameters
    ----------
    workspace : Workspace
    targets : sequence of Target

    Raises
    ------
    ConfigError, UnknownNameError
        One is not there.
    """
    applied = workspace.applied
    left = []
    for target in dict.fromkeys(one for named in targets for one in _as_now(workspace, named)):
        if target.level == "link":
            require_target(workspace, target)
        else:
            require_verdict_target(workspace, target)
        if target not in applied.cuts and target not in applied.rejected:
            left.append(target)
    return tuple(left)


def _as_now(workspace: Workspace, target: Target) -> Iterator[Target]:
    parts = workspace.parts_of(target) if target.track and target.level != "link" else []
    if not parts:
        yield target
    for part in parts:
        if target.level == "lineage":
            yield workspace.track_target("lineage", part)
        else:
            track = workspace.track_target("track", part)
            yield replace(track, level=target.level, t=target.t)


def reviewed_findings(
    checks: Checks, applied: Applied, workspace: Workspace
) -> list[ReviewedFinding]:
    """Give everything found so far, with what became of it."""
    unloadable = checks.unloadable()
    rejected = applied.rejected
    touched = {(target.experiment, target.fov) for target in rejected}
    reviewed = []
    for finding in checks.found():
        can_be_waived = finding.key not in unloadable
        decision = settling_decision(finding, applied, rejected, touched, workspace)
        status: Status = "open" if decision is None else "settled"
        if decision is None and can_be_waived and finding.key in applied.waived:
            status, decision = "waived", applied.waived[finding.key]
        reviewed.append(ReviewedFinding(finding, status, decision, can_be_waived))
    return reviewed


def settling_decision(
    finding: Finding,
    applied: Applied,
    rejected: Mapping[Target, Decision],
    touched: set[tuple[str, str]],
    workspace: Workspace,
) -> Decision | None:
    """Give the last decision that settled a finding; None if it is open.

    Parameters
    ----------
    finding : Finding
    applied : Applied
    rejected : mapping of Target to Decision
        ``applied.rejected``.
    touched : set of (str, str)
        Experiments and FOVs of these.
    workspace : Workspace
    """
    for targets in finding.settled_by:
        decisions: list[Decision] = []
        for target in targets:
            cut = applied.cuts.get(target)
            found = [cut] if cut is not None else _rejections(target, rejected, touched, workspace)
            if not found:
                break
            decisions += found
        else:
            if decisions:
                return decisions[-1]
    return None


def _rejections(
    target: Target,
    rejected: Mapping[Target, Decision],
    touched: set[tuple[str, str]],
    workspace: Workspace,
) -> list[Decision]:
    """Find the rejections that leave out all of a target, or what holds it; none if some is in."""
    experiment, fov = target.experiment, target.fov
    well = Target("well", experiment, fov.rpartition("/")[0] or fov) if fov else target
    if target.level == "well" or not fov:
        return [rejected[target]] if target in rejected else []
    holders = [Target("fov", experiment, fov), well]
    if target.level in {"frame", "observation"}:
        holders.append(Target("frame", experiment, fov, t=target.t))
    of_all = next((rejected[one] for one in holders if one in rejected), None)
    if of_all is not None:
        return [of_all]
    if not target.track or (experiment, fov) not in touched:
        return []
    # A finding names a track as the table has it; decisions name what cuts made of it.
    found = []
    for part in workspace.parts_of(target):
        track = workspace.track_target("track", part)
        names = [workspace.track_target("lineage", part)]
        if target.daughter is None and target.level != "lineage":
            names.append(track)
        if target.level == "observation":
            names.append(replace(track, level="observation", t=target.t))
        decision = next((rejected[one] for one in names if one in rejected), None)
        if decision is None:
            return []
        found.append(decision)
    return found
