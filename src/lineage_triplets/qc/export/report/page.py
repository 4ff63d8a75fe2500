"""The report of a review: one HTML file with everything in it, for reading, printing, keeping."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from lineage_triplets.engine.settings.model import DatasetConfig
from lineage_triplets.qc.export.plan import FILE_NAMES
from lineage_triplets.qc.export.report import content as spelling
from lineage_triplets.qc.export.report.plots import (
    audit_plot,
    hours_range,
    relation_plot,
    tau_plot,
    tau_rows,
)
from lineage_triplets.qc.find import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.qc.decide.settled import ReviewedFinding, Status
    from lineage_triplets.qc.export.plan import Format
    from lineage_triplets.qc.export.report.content import ReportContent
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.record import Decision

STATUSES: tuple[Status, ...] = ("open", "waived", "settled")
_MOST_PNG_BYTES = 400_000
_MOST_TRACKS = 6
_DIGEST = 12
_PURPOSES: dict[Format, str] = {
    "config": "What training loads.",
    "cell_index": "The flat table for DynaCLR's training.",
    "dynaclr_data": "How DynaCLR's training reads that table.",
    "collection": "DynaCLR's list of experiments.",
    "report": "This page.",
}
_HOW = {"painted": "painted on screen", "attested": "attested by somebody"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows of each long list are shown; what is left out is counted.

    Attributes
    ----------
    findings : int
        Of each kind.
    exclusions, history : int
    """

    findings: int = 12
    exclusions: int = 200
    history: int = 500


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of one kind and severity.

    Attributes
    ----------
    kind, severity : str
    counts : dict of str to int
        How many are open, waived and settled.
    shown : tuple of ReviewedFinding
        The first of them, open ones before waived and settled ones.
    more : dict of str to int
        Those that are not shown, by status.
    """

    kind: str
    severity: Severity
    counts: dict[Status, int]
    shown: tuple[ReviewedFinding, ...]
    more: dict[Status, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def n_more(self) -> int:
        """How many are not shown."""
        return sum(self.more.values())


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside the page: its data URI, width and height in pixels."""

    uri: str
    width: int
    height: int


def render_report(content: ReportContent, limits: Limits | None = None) -> str:
    """Write a report as one HTML page that needs nothing else, no network and no scripts.

    Parameters
    ----------
    content : ReportContent
    limits : Limits, optional

    Raises
    ------
    ValueError
        A picture is neither PNG nor JPEG.
    """
    limits = limits or Limits()
    stale_first = sorted(content.exclusions, key=lambda made: made.number not in content.stale)
    hours = hours_range(content.taus)
    opened = [row for row in content.experiments if not row.problem]
    return (
        _environment()
        .get_template("report.html")
        .render(
            content=content,
            reviewers=_reviewers(content.history),
            groups=finding_groups(content.findings, limits.findings),
            counts={
                severity: Counter(
                    reviewed.status
                    for reviewed in content.findings
                    if reviewed.finding.severity == severity
                )
                for severity in SEVERITIES
            },
            statuses=STATUSES,
            suspicious={
                (reviewed.finding.experiment, reviewed.finding.detail)
                for reviewed in content.findings
                if reviewed.finding.kind.startswith("channel-")
            },
            exclusions=stale_first[: limits.exclusions],
            history=content.history[max(0, len(content.history) - limits.history) :],
            audits=[
                (row, None if row.audit.bound is None else audit_plot(row))
                for row in content.audits
            ],
            taus=[
                (bars, tau_plot(bars, hours, f"tau{place}") if bars.tau_frames else None)
                for place, bars in enumerate(content.taus)
            ],
            relations=[
                (
                    row,
                    relation_plot(row.name, row.relations, f"kin{place}")
                    if row.relations
                    else None,
                )
                for place, row in enumerate(opened)
            ],
            meanings={key: field.description for key, field in DatasetConfig.model_fields.items()},
            purposes=_PURPOSES,
            file_names=FILE_NAMES,
            how=_HOW,
        )
    )


def _reviewers(history: Sequence[Decision]) -> list[tuple[str, int, str, str]]:
    """Who decided, how often, and from when to when."""
    times: dict[str, list[str]] = {}
    for made in history:
        times.setdefault(made.by, []).append(made.at)
    return [(name, len(listed), listed[0], listed[-1]) for name, listed in times.items()]


def finding_groups(findings: Sequence[ReviewedFinding], most: int) -> list[FindingGroup]:
    """Put findings of one kind together, the worst kinds first, and keep the first of each.

    Parameters
    ----------
    findings : sequence of ReviewedFinding
    most : int
        Of each kind.
    """
    by_kind: dict[tuple[Severity, str], list[ReviewedFinding]] = {}
    for reviewed in findings:
        finding = reviewed.finding
        by_kind.setdefault((finding.severity, finding.kind), []).append(reviewed)
    groups = []
    for (severity, kind), lines in by_kind.items():
        ordered = sorted(lines, key=lambda reviewed: STATUSES.index(reviewed.status))
        counts = Counter(reviewed.status for reviewed in ordered)
        more = Counter(reviewed.status for reviewed in ordered[most:])
        groups.append(FindingGroup(kind, severity, counts, tuple(ordered[:most]), more))
    return sorted(
        groups,
        key=lambda group: (
            SEVERITIES.index(group.severity),
            not group.counts["open"],
            -group.counts["open"],
            group.kind,
        ),
    )


def encoded_picture(image: Image.Image, most_png_bytes: int = _MOST_PNG_BYTES) -> bytes:
    """Encode a picture for a report: as PNG, or as JPEG where that would be large."""
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    if file.tell() > most_png_bytes:
        file = BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=88, subsampling=0)
    return file.getvalue()


def place_of(finding: Finding) -> str:
    """Say where a finding is: ``"A/1/0, tracks 12 and 15, frame 33"``."""
    parts = [part for part in (finding.experiment, finding.fov) if part]
    if finding.tracks:
        listed = ", ".join(map(str, finding.tracks[:_MOST_TRACKS]))
        n_more = len(finding.tracks) - _MOST_TRACKS
        more = f" and {n_more} more" if n_more > 0 else ""
        parts.append(f"track{'s' * (len(finding.tracks) > 1)} {listed}{more}")
    if finding.t is not None:
        parts.append(f"frame {finding.t}")
    return ", ".join(parts) or "the whole config"


def _picture(data: bytes) -> Picture:
    with Image.open(BytesIO(data)) as image:
        if image.format not in ("PNG", "JPEG"):
            raise ValueError(f"a picture is {image.format}; give PNG or JPEG.")
        mime = image.format.lower()
        encoded = base64.b64encode(data).decode("ascii")
        return Picture(f"data:image/{mime};base64,{encoded}", image.width, image.height)


def _finalized(value: Any) -> Any:
    return spelling.cleaned(value) if type(value) is str else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lineage_triplets.qc.export.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": spelling.count,
        "number": spelling.number,
        "percent": spelling.percent,
        "when": spelling.when,
        "day": spelling.day,
        "ended": spelling.ended,
        "place": place_of,
        "picture": _picture,
        "tau_rows": tau_rows,
        "python": repr,
        "as_yaml": lambda value: value if isinstance(value, str) else json.dumps(value),
        "digest": lambda text: text[:_DIGEST],
        "words": lambda text: text.replace("-", " ").replace("_", " "),
    }
    return environment
