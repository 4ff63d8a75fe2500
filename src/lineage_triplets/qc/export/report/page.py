"""The report of a review: one HTML file with everything in it, for reading, printing, keeping."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from lineage_triplets.qc.export.report import text as report_text
from lineage_triplets.qc.export.report.content import FindingStatus
from lineage_triplets.qc.export.report.plots import (
    hours_range,
    relation_groups,
    relation_plot,
    tau_plot,
    tau_rows,
)
from lineage_triplets.qc.find.finding import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.qc.export.report.content import FindingLine, ReportContent

STATUSES: tuple[FindingStatus, ...] = get_args(FindingStatus)
_MOST_PNG_BYTES = 400_000
_MOST_TRACKS = 6
_DIGEST = 12


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
    shown : tuple of FindingLine
        The first of them, open ones before waived and settled ones.
    more : dict of str to int
        Those that are not shown, by status.
    """

    kind: str
    severity: Severity
    counts: dict[FindingStatus, int]
    shown: tuple[FindingLine, ...]
    more: dict[FindingStatus, int]

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
    groups = finding_groups(content.findings, limits.findings)
    stale_first = sorted(content.exclusions, key=lambda one: not one.stale)
    hours = hours_range(content.taus)
    return _environment().get_template("report.html").render(
        content=content,
        groups=groups,
        counts={
            severity: Counter(one.status for one in content.findings if _is(one, severity))
            for severity in SEVERITIES
        },
        statuses=STATUSES,
        exclusions=stale_first[: limits.exclusions],
        history=content.history[max(0, len(content.history) - limits.history) :],
        taus=[
            (one, tau_plot(one, hours, f"tau{place}") if one.tau_frames else None)
            for place, one in enumerate(content.taus)
        ],
        relations=[
            (one, relation_plot(one, f"kin{place}") if relation_groups(one) else None)
            for place, one in enumerate(content.relations)
        ],
    )  # fmt: skip


def finding_groups(findings: Sequence[FindingLine], most: int) -> list[FindingGroup]:
    """Put findings of one kind together, the worst kinds first, and keep the first of each.

    Parameters
    ----------
    findings : sequence of FindingLine
    most : int
        Of each kind.
    """
    by_kind: dict[tuple[Severity, str], list[FindingLine]] = {}
    for one in findings:
        by_kind.setdefault((one.finding.severity, one.finding.kind), []).append(one)
    groups = []
    for (severity, kind), lines in by_kind.items():
        ordered = sorted(lines, key=lambda one: STATUSES.index(one.status))
        counts = Counter(one.status for one in ordered)
        more = Counter(one.status for one in ordered[most:])
        groups.append(FindingGroup(kind, severity, counts, tuple(ordered[:most]), more))
    return sorted(
        groups,
        key=lambda one: (
            SEVERITIES.index(one.severity), not one.counts["open"], -one.counts["open"], one.kind
        ),
    )  # fmt: skip


def encoded_picture(image: Image.Image) -> bytes:
    """Encode a picture for a report: as PNG, or as JPEG where that would be large."""
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    if file.tell() > _MOST_PNG_BYTES:
        file = BytesIO()
        image.convert("RGB").save(file, "JPEG", quality=88, subsampling=0)
    return file.getvalue()


def place_of(line: FindingLine) -> str:
    """Say where a finding is: ``"A/1/0, tracks 12 and 15, frame 33"``."""
    finding = line.finding
    parts = [part for part in (finding.experiment, finding.fov) if part]
    if finding.tracks:
        listed = ", ".join(map(str, finding.tracks[:_MOST_TRACKS]))
        n_more = len(finding.tracks) - _MOST_TRACKS
        more = f" and {n_more} more" if n_more > 0 else ""
        parts.append(f"track{'s' * (len(finding.tracks) > 1)} {listed}{more}")
    if finding.t is not None:
        parts.append(f"frame {finding.t}")
    return ", ".join(parts) or "the whole config"


def _is(line: FindingLine, severity: Severity) -> bool:
    return line.finding.severity == severity


def _picture(data: bytes) -> Picture:
    with Image.open(BytesIO(data)) as image:
        if image.format not in ("PNG", "JPEG"):
            raise ValueError(f"a picture is {image.format}; give PNG or JPEG.")
        mime = image.format.lower()
        encoded = base64.b64encode(data).decode("ascii")
        return Picture(f"data:image/{mime};base64,{encoded}", image.width, image.height)


def _finalized(value: Any) -> Any:
    return report_text.cleaned(value) if type(value) is str else value


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
        "count": report_text.count,
        "number": report_text.number,
        "percent": report_text.percent,
        "when": report_text.when,
        "day": report_text.day,
        "ended": report_text.ended,
        "place": place_of,
        "picture": _picture,
        "tau_rows": tau_rows,
        "python": repr,
        "digest": lambda text: text[:_DIGEST],
        "words": lambda text: text.replace("-", " ").replace("_", " "),
    }
    return environment


__all__ = [
    "FindingGroup",
    "Limits",
    "encoded_picture",
    "finding_groups",
    "place_of",
    "render_report",
]
