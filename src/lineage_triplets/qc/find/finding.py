"""What a check finds, where in the images that is, and which lineages it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.errors import Problem, Severity
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData

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
                {"name": evidence.name, "value": evidence.value, "unit": evidence.unit}
                for evidence in self.evidence
            ],
            "settled_by": [[target.as_dict() for target in targets] for targets in self.settled_by],
            "detail": self.detail,
            "count": self.count,
        }

    @classmethod
    def of_dict(cls, values: dict[str, Any]) -> Finding:
        """Make it from `as_dict`."""
        given = {name: value for name, value in values.items() if name != "key"}
        given["tracks"] = tuple(given["tracks"])
        given["evidence"] = tuple(Evidence(**values) for values in given["evidence"])
        given["settled_by"] = tuple(
            tuple(Target.of_dict(target) for target in targets) for targets in given["settled_by"]
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


@dataclass(frozen=True)
class FindingPlace:
    """Where to look for a finding.

    Attributes
    ----------
    experiment, fov : str
    t : int or None
        Frame; None if the finding is of no frame.
    y, x, z : float or None
        Of the worst offender, in pixels; None if it is of no track.
    tracks : tuple of str
        The offenders as they are after cuts, the worst first.
    """

    experiment: str
    fov: str
    t: int | None = None
    y: float | None = None
    x: float | None = None
    z: float | None = None
    tracks: tuple[str, ...] = ()


def finding_place(data: ReviewData, finding: Finding) -> FindingPlace | None:
    """Find the frame and the cell that a finding is about.

    Parameters
    ----------
    data : ReviewData
    finding : Finding

    Returns
    -------
    FindingPlace or None
        None where the finding is of no FOV that can be shown. Of a track without a cell at the
        finding's frame the cell nearest in time.
    """
    if not (finding.fov and data.opened):
        return None
    index = data.raw
    number = index.fov_number(finding.experiment, finding.fov)
    if number < 0:
        return None
    first, end = np.searchsorted(index.fov_of_row, [number, number + 1])
    track_id = index.track_id_of_row[first:end]
    t, y, x, z = finding.t, None, None, None
    for track in finding.tracks:
        rows = np.flatnonzero(track_id == track) + int(first)
        if not len(rows):
            continue
        frames = index.observations.t[rows]
        at = int(rows[np.argmin(frames if t is None else np.abs(frames - t))])
        t = int(index.observations.t[at]) if t is None else t
        y, x, z = (float(getattr(index.observations, axis)[at]) for axis in "yxz")
        break
    names: list[str] = []
    for track in finding.tracks:
        whole = Target("track", finding.experiment, finding.fov, track=str(track))
        parts = data.parts_of(whole)
        if finding.t is not None and len(parts) > 1:
            at_t = Target(
                "observation", finding.experiment, finding.fov, track=str(track), t=finding.t
            )
            parts = data.parts_of(at_t) or parts
        names += [data.track_target("track", part).track for part in parts]
    return FindingPlace(finding.experiment, finding.fov, t, y, x, z, tuple(dict.fromkeys(names)))


def lineage_problems(index: MultiExperimentIndex, findings: Sequence[Finding]) -> pd.DataFrame:
    """List which tracks and lineages the findings concern.

    Parameters
    ----------
    index : MultiExperimentIndex
        ``data.linked``.
    findings : sequence of Finding
        Those that name no track, or one that is not there, concern no lineage.

    Returns
    -------
    DataFrame
        ``finding`` (its place in `findings`), ``lineage_id, global_track_id``; a row a finding and
        track. A track that was cut counts as the part that has the finding's frame.
    """
    named = [
        (number, place, track, -1 if finding.t is None else finding.t)
        for number, finding in enumerate(findings)
        if (place := index.fov_number(finding.experiment, finding.fov)) >= 0
        for track in finding.tracks
    ]
    finding, fov, track_id, t = np.array(named, dtype=np.int64).reshape(-1, 4).T
    in_tables = index.track_columns.parts
    places = pd.MultiIndex.from_arrays([in_tables.fov, in_tables.track_id])
    distinct, row_of_named = np.unique(np.c_[fov, track_id], axis=0, return_inverse=True)
    wanted = pd.MultiIndex.from_arrays([distinct[:, 0], distinct[:, 1]])
    of_track = wanted.get_indexer(places) if len(wanted) else np.full(len(places), -1)
    parts = np.flatnonzero(of_track >= 0)
    parts = parts[np.argsort(of_track[parts], kind="stable")]
    low = np.searchsorted(of_track[parts], row_of_named.ravel())
    high = np.searchsorted(of_track[parts], row_of_named.ravel(), side="right")
    n_parts = high - low
    row = np.repeat(np.arange(len(finding)), n_parts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(n_parts) - n_parts, n_parts)
    part = parts[np.repeat(low, n_parts) + within]
    is_last = within == n_parts[row] - 1
    starts = in_tables.cut_t[part]
    ends = np.where(is_last, np.iinfo(np.int64).max, np.append(starts[1:], -1))
    kept = (t[row] < 0) | ((starts <= t[row]) & (t[row] < ends))
    words, track = index.names.words, in_tables.track[part[kept]]
    concerned = pd.DataFrame(
        {
            "finding": finding[row[kept]],
            "lineage_id": words.take(index.forest.root[track]).to_pylist(),
            "global_track_id": words.take(track).to_pylist(),
        }
    )
    # A finding may name two tracks, or two parts of one, that a link has joined.
    return concerned.drop_duplicates(ignore_index=True)
