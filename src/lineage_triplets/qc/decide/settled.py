"""What settles a finding: what was decided, what is left to decide, and what waives it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lineage_triplets.engine.errors import ConfigError, Problem, UnknownNameError, nearest
from lineage_triplets.qc.decide.judgements import wrong_pairs
from lineage_triplets.qc.decide.links import relink
from lineage_triplets.qc.decide.renamed import Relinking
from lineage_triplets.qc.decide.targets import (
    about,
    reason_given,
    require_target,
    require_verdict_target,
)
from lineage_triplets.qc.record.decision import NewDecision, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.find.run import Checks
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import Decision
    from lineage_triplets.qc.record.effect import Effect


Status = Literal["open", "settled", "waived"]

_LINKS = frozenset({"link", "join"})


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


def left_to_settle(data: ReviewData, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Name what is still to be cut, linked or rejected of one of ``Finding.settled_by``.

    A finding names tracks as the table has them; one that was cut or linked is named by what its
    parts are now.

    Parameters
    ----------
    data : ReviewData
    targets : sequence of Target

    Raises
    ------
    ConfigError, UnknownNameError
        One is not there.
    """
    effect = data.effect
    left = []
    for target in dict.fromkeys(part for named in targets for part in _as_now(data, named)):
        if target.level in _LINKS:
            require_target(data, target)
        else:
            require_verdict_target(data, target)
        if not any(target in made for made in (effect.cuts, effect.links, effect.rejected)):
            left.append(target)
    return tuple(left)


def settlement(data: ReviewData, targets: Sequence[Target], reason: str) -> list[NewDecision]:
    """Make the decisions that settle a finding: cuts first, then links, then rejections.

    Parameters
    ----------
    data : ReviewData
    targets : sequence of Target
        One alternative of ``Finding.settled_by``; what was decided already is left out. Links of
        the table are cut, links that it lacks are made, in place of others that somebody made to
        the same cells, and the rest is rejected as it is called then.
    reason : str

    Raises
    ------
    ConfigError, UnknownNameError
        One is not there, or no reason is given; a link cannot be, as of `relink`.
    """
    reason = reason_given(reason, "settle a finding")
    left = left_to_settle(data, targets)
    joins = tuple(target for target in left if target.level == "join")
    cells = {(join.experiment, join.fov, join.daughter, join.to_t) for join in joins}
    change = Relinking(
        cut=tuple(target for target in left if target.level == "link"),
        link=joins,
        # A cell follows one other: a link that somebody made gives way to a new one.
        unlink=tuple(
            made
            for made in data.effect.links
            if (made.experiment, made.fov, made.daughter, made.to_t) in cells
        ),
    )
    new: list[NewDecision] = []
    if change:
        new = relink(data, change, reason)
        rest = [target for target in targets if target.level not in _LINKS]
        left = left_to_settle(data.with_effect(change.of(data.effect, reason)), rest)
    made = {decision.target for decision in new}
    return new + [about(data, "reject", target, reason) for target in left if target not in made]


@dataclass(frozen=True, slots=True)
class SettledTogether:
    """What settles several findings in one step, as far as their repairs go together.

    Attributes
    ----------
    new : list of NewDecision
    left : dict of int to str
        Number of a finding that is left open, and why.
    """

    new: list[NewDecision]
    left: dict[int, str]


def settlement_of_many(
    data: ReviewData, repairs: Sequence[Sequence[Target]], reason: str
) -> SettledTogether:
    """Make the decisions that settle findings together; those that conflict are left open.

    Parameters
    ----------
    data : ReviewData
    repairs : sequence of sequence of Target
        As `settlement` takes them, one a finding. Of two that conflict the first one is made.
    reason : str

    Raises
    ------
    ConfigError
        No reason is given.
    """
    reason_given(reason, "settle findings")
    new: list[NewDecision] = []
    fitting: list[int] = []
    left: dict[int, str] = {}

    def add(numbers: Sequence[int]) -> None:
        """Add what fits to what fits already: all, or half by half."""
        nonlocal new
        targets = [target for number in (*fitting, *numbers) for target in repairs[number]]
        try:
            new = settlement(data, targets, reason)
        except (ConfigError, UnknownNameError) as error:
            if len(numbers) == 1:
                left[numbers[0]] = str(error)
                return
            middle = len(numbers) // 2
            add(numbers[:middle])
            add(numbers[middle:])
        else:
            fitting.extend(numbers)

    if repairs:
        add(range(len(repairs)))
    return SettledTogether(new, left)


def waivers(
    data: ReviewData, reviewed: Sequence[ReviewedFinding], keys: Sequence[str], reason: str
) -> list[NewDecision]:
    """Make the decisions that findings are no faults.

    Raises
    ------
    ConfigError
        No such finding, or training could not load the data with it; no reason is given.
    """
    reason = reason_given(reason, "waive")
    found = {of_key.finding.key: of_key for of_key in reviewed}
    new = []
    for key in dict.fromkeys(keys):
        if key not in found:
            raise ConfigError(
                Problem(
                    "unknown-finding",
                    f"the checks run so far found no {key!r}.",
                    nearest(key, list(found)) if found else "Run the checks first.",
                )
            )
        finding = found[key].finding
        if not found[key].can_be_waived:
            raise ConfigError(
                Problem(
                    "not-waivable",
                    f"{finding.sentence} Training could not load this.",
                    f"Mend it, or leave it out. {finding.remedy}",
                )
            )
        place = {"experiment": finding.experiment, "fov": finding.fov}
        table_hash = data.table_hash(finding.experiment, finding.fov) if finding.tracks else ""
        new.append(NewDecision("waive", Target("finding", key=key), place, reason, table_hash))
    return new


def _as_now(data: ReviewData, target: Target) -> Iterator[Target]:
    parts = data.parts_of(target) if target.track and target.level not in _LINKS else []
    if not parts:
        yield target
    for part in parts:
        if target.level == "lineage":
            yield data.track_target("lineage", part)
        else:
            track = data.track_target("track", part)
            yield replace(track, level=target.level, t=target.t)


def reviewed_findings(checks: Checks, effect: Effect, data: ReviewData) -> list[ReviewedFinding]:
    """Give everything found so far, with what became of it; pairs that were judged wrong too."""
    unloadable = checks.unloadable()
    rejected = effect.rejected
    touched = {(target.experiment, target.fov) for target in rejected}
    reviewed = []
    wrong = wrong_pairs(data)
    for finding in (*(pair for pair, _ in wrong.values()), *checks.found()):
        can_be_waived = finding.key not in unloadable
        decision = (
            wrong[finding.key][1]
            if finding.key in wrong
            else settling_decision(finding, effect, rejected, touched, data)
        )
        status: Status = "open" if decision is None else "settled"
        if decision is None and can_be_waived and finding.key in effect.waived:
            status, decision = "waived", effect.waived[finding.key]
        reviewed.append(ReviewedFinding(finding, status, decision, can_be_waived))
    return reviewed


def settling_decision(
    finding: Finding,
    effect: Effect,
    rejected: Mapping[Target, Decision],
    touched: set[tuple[str, str]],
    data: ReviewData,
) -> Decision | None:
    """Give the last decision that settled a finding; None if it is open.

    Parameters
    ----------
    finding : Finding
    effect : Effect
    rejected : mapping of Target to Decision
        ``effect.rejected``.
    touched : set of (str, str)
        Experiments and FOVs of these.
    data : ReviewData
    """
    for targets in finding.settled_by:
        decisions: list[Decision] = []
        for target in targets:
            linked = effect.cuts.get(target) or effect.links.get(target)
            found = [linked] if linked is not None else _rejections(target, rejected, touched, data)
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
    data: ReviewData,
) -> list[Decision]:
    """Find the rejections that leave out all of a target, or what holds it; none if some is in."""
    experiment, fov = target.experiment, target.fov
    well = Target("well", experiment, fov.rpartition("/")[0] or fov) if fov else target
    if target.level == "well" or not fov:
        return [rejected[target]] if target in rejected else []
    holders = [Target("fov", experiment, fov), well]
    if target.level in {"frame", "observation"}:
        holders.append(Target("frame", experiment, fov, t=target.t))
    of_all = next((rejected[holder] for holder in holders if holder in rejected), None)
    if of_all is not None:
        return [of_all]
    if not target.track or (experiment, fov) not in touched:
        return []
    # A finding names a track as the table has it; decisions name what cuts made of it.
    found = []
    for part in data.parts_of(target):
        track = data.track_target("track", part)
        names = [data.track_target("lineage", part)]
        if target.daughter is None and target.level != "lineage":
            names.append(track)
        if target.level == "observation":
            names.append(replace(track, level="observation", t=target.t))
        decision = next((rejected[name] for name in names if name in rejected), None)
        if decision is None:
            return []
        found.append(decision)
    return found
