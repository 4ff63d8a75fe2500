"""What a report of a review says, and how it spells numbers, times and text that people wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from lineage_triplets.engine.settings.verified import Audit
    from lineage_triplets.qc.audit.judged import PairsJudged
    from lineage_triplets.qc.decide.channels import Approval
    from lineage_triplets.qc.decide.seen import DivisionsSeen
    from lineage_triplets.qc.decide.settled import ReviewedFinding
    from lineage_triplets.qc.export.plan import Format
    from lineage_triplets.qc.find.channels import SlotView
    from lineage_triplets.qc.record import Decision

# Control characters, lone surrogates, and marks that turn the direction of the text after them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the config may be trained on.

    Attributes
    ----------
    validated : bool
    by, at : str
        Who let it through the gate, and when (ISO 8601).
    open_points : tuple of str
        Sentences; what keeps the gate closed.
    """

    validated: bool
    by: str = ""
    at: str = ""
    open_points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """One experiment: its data, what they hold, what is left of them, and what was looked at.

    Attributes
    ----------
    name, data_path, tracks_path : str
    conditions : tuple of (str, tuple of str)
        Condition and its wells.
    interval_minutes, start_hpi : float
    n_fovs, n_observations, n_tracks, n_lineages, n_divisions : int
        As they are on disk.
    anchors_before, anchors_after : int
        Without and with exclusions, cuts and links.
    tau : str
        ``"3 to 12 frames (0.5 to 2 h)"``.
    fingerprints : tuple of (str, str)
        What was hashed and its digest, in full.
    relations : tuple of (str, float)
        What the positives are to their anchors (``"same track"``, ``"sister"``): shares of them.
    n_pairs : int
        How many pairs these were counted in.
    seen : DivisionsSeen or None
    judged : PairsJudged or None
        Pairs that were judged where they are.
    approval : Approval or None
    tracks : str
        How its tables are read, as the config says it; empty where their content says it.
    track_transform : str
        Where its tables are in its images, as the config says it; empty where they are as written.
    problem : str
        A sentence, where the experiment could not be opened.
    """

    name: str
    data_path: str
    tracks_path: str
    conditions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    interval_minutes: float = 0.0
    start_hpi: float = 0.0
    n_fovs: int = 0
    n_observations: int = 0
    n_tracks: int = 0
    n_lineages: int = 0
    n_divisions: int = 0
    anchors_before: int = 0
    anchors_after: int = 0
    tau: str = ""
    fingerprints: tuple[tuple[str, str], ...] = ()
    relations: tuple[tuple[str, float], ...] = ()
    n_pairs: int = 0
    seen: DivisionsSeen | None = None
    judged: PairsJudged | None = None
    approval: Approval | None = None
    tracks: str = ""
    track_transform: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What is known of the share of wrong pairs of one experiment.

    Attributes
    ----------
    experiment : str
    sentence : str
        What the audit says.
    reached : bool
        Whether the bound is what was asked for.
    audit : Audit
        As the config has it.
    images : str
        How many images were scanned, or why not.
    """

    experiment: str
    sentence: str
    reached: bool
    audit: Audit
    images: str


@dataclass(frozen=True, slots=True)
class TauBars:
    """The law of tau in one experiment, and what is drawn of it.

    Attributes
    ----------
    experiment : str
    interval_minutes : float
    tau_frames : tuple of int
        Ascending; empty where the range holds no frame.
    law, drawn, allowed : tuple of float
        Probability of each tau, were somebody always there; after the fallback; and the share of
        anchors with somebody at that tau. As long as `tau_frames`; `allowed` may be empty.
    note : str
        A sentence, where there is something to say: the range was rounded, or nothing is drawn.
    """

    experiment: str
    interval_minutes: float
    tau_frames: tuple[int, ...] = ()
    law: tuple[float, ...] = ()
    drawn: tuple[float, ...] = ()
    allowed: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One picture: PNG or JPEG bytes, its caption, and what it shows in words (`alt`).

    The experiment is empty for a picture of all.
    """

    experiment: str
    picture: bytes
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class PlacementRow:
    """Whether the tables of one experiment lie on their images.

    Attributes
    ----------
    experiment : str
    n_fovs, fits, misfits, misfits_left_out, untold : int
        FOVs: all, those that do, those that do not and how many of them are left out of training,
        and those of which it cannot be told.
    ratios : (float, float) or None
        The least and largest R of those that do.
    timing_sure : int
        Of how many of those it is known that their frames are the right ones.
    track_transform : str
        What is in force, as the config says it; empty where tables are taken as written.
    picture : Sheet or None
        One FOV.
    """

    experiment: str
    n_fovs: int = 0
    fits: int = 0
    misfits: int = 0
    misfits_left_out: int = 0
    untold: int = 0
    ratios: tuple[float, float] | None = None
    timing_sure: int = 0
    track_transform: str = ""
    picture: Sheet | None = None


@dataclass(frozen=True, slots=True)
class ChecksRun:
    """Which checks ran, on how much, and whether that was everything."""

    name: str
    looked_at: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All that a report says.

    Attributes
    ----------
    title : str
        The config's file name.
    verdict : Verdict
    config_path : str
        What training loads, or without an export the reviewed config.
    decisions_path, program_version, config_hash, written_at : str
    experiments : tuple of ExperimentRow
    settings : mapping of str to object
        The dataset settings, as JSON has them.
    placements : tuple of PlacementRow
    audits : tuple of AuditRow
    taus : tuple of TauBars
    sheets : tuple of Sheet
        Pairs across divisions.
    channels : Sheet or None
        The channel grid of all experiments.
    slots : tuple of SlotView
    checks : tuple of ChecksRun
    findings : tuple of ReviewedFinding
    exclusions : tuple of Decision
        Rejections, cuts and links in effect, and those that are stale, in their order.
    stale : set of int
        Numbers of the stale ones: their table changed since, so that they are not applied until
        they are confirmed.
    history : tuple of Decision
        Every decision in order, whether it holds or was undone.
    loses : mapping of str to tuple of str
        The exported formats, and what each cannot carry.
    commands : tuple of str
        Command lines that repeat the review.
    """

    title: str
    verdict: Verdict
    config_path: str
    decisions_path: str = ""
    program_version: str = ""
    config_hash: str = ""
    written_at: str = ""
    experiments: tuple[ExperimentRow, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    placements: tuple[PlacementRow, ...] = ()
    audits: tuple[AuditRow, ...] = ()
    taus: tuple[TauBars, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    channels: Sheet | None = None
    slots: tuple[SlotView, ...] = ()
    checks: tuple[ChecksRun, ...] = ()
    findings: tuple[ReviewedFinding, ...] = ()
    exclusions: tuple[Decision, ...] = ()
    stale: Set[int] = frozenset()
    history: tuple[Decision, ...] = ()
    loses: Mapping[Format, tuple[str, ...]] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


def cleaned(text: str) -> str:
    """Put U+FFFD for what cannot be written as UTF-8, shown, or would reorder the rest."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def percent(share: float) -> str:
    """``"6.1 %"``; what is not nothing is never said to be 0."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    digits = 0 if share in (0, 1) else 1
    return f"{share * 100:.{digits}f}\u00a0%"


def count(number: int, singular: str = "", plural: str = "") -> str:
    """``"1,204"``, or with a noun ``"1 finding"``, ``"no findings"``."""
    if not singular:
        return f"{number:,}"
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number or 'no'} {noun}" if number < 1000 else f"{number:,} {noun}"


def number(value: float) -> str:
    """``"0.5"``, ``"1,440"``, ``"0.167"``: three digits that count."""
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return digits.replace("-", "\u2212")


def when(text: str) -> str:
    """``"2026-11-22 21:05 UTC"`` of an ISO 8601 time; any other text as it is."""
    if len(text) < len("2026-11-22T21:05"):
        return text
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    offset = time.strftime("%z")
    zone = "" if not offset else " UTC" if offset == "+0000" else f" {offset[:3]}:{offset[3:5]}"
    return f"{time:%Y-%m-%d %H:%M}{zone}"


def day(text: str) -> str:
    """``"2026-11-22"`` of an ISO 8601 time; any other text as it is."""
    return text[:10] if when(text) != text else text


def ended(text: str) -> str:
    """Text with a full stop at its end."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."
