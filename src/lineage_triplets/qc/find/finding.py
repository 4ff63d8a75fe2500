"""Findings: what automatic checks met, with evidence, and what would settle each.

A check is a small module in ``checks/`` that registers itself here by name. Checks look at the
tables and images as they are on disk, before any decision; what became of a finding follows from
the decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem, Severity

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number behind a finding.

    Attributes
    ----------
    name : str
        What was measured, ``"step"``.
    value : float
    unit : str
        ``"px"``, ``"um/h"``, ``"frames"``; empty for a ratio.
    """

    name: str
    value: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3g}{' ' if self.unit else ''}{self.unit}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that may spoil pairs.

    Attributes
    ----------
    kind : str
        A stable word for programs, ``"jump"``.
    severity : {"error", "warning", "note"}
        An error makes pairs wrong for certain and keeps the gate closed until it is settled or
        waived; a warning needs a look; a note is for information.
    sentence : str
        What was found, for a biologist, with values.
    remedy : str
        What to do about it.
    experiment, fov : str
        Where; empty where that does not apply.
    tracks : tuple of int
        The table's ``track_id`` of the offenders, the worst first.
    t : int or None
        Frame; of a link the first frame after it.
    evidence : tuple of Evidence
    settled_by : tuple of tuple of Target
        Alternatives: a finding is settled once all targets of one of them are rejected, or cut
        where they are links.
    detail : str
        Tells findings of one kind and place apart, where tracks and frame do not.
    count : int
        How many observations, rows or FOVs it concerns.
    """

    kind: str
    severity: Severity
    sentence: str
    remedy: str = ""
    experiment: str = ""
    fov: str = ""
    tracks: tuple[int, ...] = ()
    t: int | None = None
    evidence: tuple[Evidence, ...] = ()
    settled_by: tuple[tuple[Target, ...], ...] = ()
    detail: str = ""
    count: int = 1

    @property
    def key(self) -> str:
        """Name of the finding, the same in every run over the same data."""
        parts = [self.kind, self.experiment, self.fov]
        parts.append("+".join(map(str, self.tracks)))
        parts.append("" if self.t is None else f"t{self.t}")
        parts.append(self.detail)
        return ":".join(part for part in parts if part)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "key": self.key,
            "kind": self.kind,
            "severity": self.severity,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "experiment": self.experiment,
            "fov": self.fov,
            "tracks": list(self.tracks),
            "t": self.t,
            "evidence": [
                {"name": one.name, "value": one.value, "unit": one.unit} for one in self.evidence
            ],
            "settled_by": [[one.as_dict() for one in targets] for targets in self.settled_by],
            "detail": self.detail,
            "count": self.count,
        }

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> Finding:
        """Make it from `as_dict`."""
        given = {name: value for name, value in values.items() if name != "key"}
        given["tracks"] = tuple(given["tracks"])
        given["evidence"] = tuple(Evidence(**one) for one in given["evidence"])
        given["settled_by"] = tuple(
            tuple(Target.of_dict(one) for one in targets) for targets in given["settled_by"]
        )
        return cls(**given)


def finding_of(problem: Problem) -> Finding:
    """Turn what loading met into a finding."""
    place = problem.file if problem.line is None else f"{problem.file}, line {problem.line}"
    if problem.line is None and problem.row is not None:
        place = f"{problem.file}, row {problem.row}"
    where = f" ({place})" if place else ""
    number = problem.line if problem.line is not None else problem.row
    details = [problem.field, "" if number is None else str(number)]
    return Finding(
        kind=problem.kind,
        severity=problem.severity,
        sentence=f"{problem.message[:1].upper()}{problem.message[1:]}{where}",
        remedy=problem.remedy,
        experiment=problem.experiment,
        fov=problem.fov,
        detail="/".join(part for part in details if part),
        count=problem.count,
        settled_by=(
            tuple(Target("fov", problem.experiment, fov) for fov in problem.fovs or [problem.fov]),
        )
        if problem.experiment and problem.fov
        else (),
    )
