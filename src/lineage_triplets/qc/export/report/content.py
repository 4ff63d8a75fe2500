"""What a report of a review says: plain values, filled from a review and drawn by `report.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lineage_triplets.qc.find.finding import Finding

FindingStatus = Literal["open", "waived", "settled"]


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
class ReviewerLine:
    """One person's part in the review; dates are ISO 8601."""

    name: str
    n_decisions: int
    first_at: str = ""
    last_at: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentLine:
    """One experiment: where its data lie, what they hold, what is left after exclusions.

    Attributes
    ----------
    name, data_path, tracks_path : str
    conditions : tuple of (str, tuple of str)
        Condition and its wells.
    interval_minutes, start_hpi : float
    n_fovs, n_observations, n_tracks, n_lineages, n_divisions : int
        As they are on disk.
    anchors_before, anchors_after : int
        Without and with exclusions and cuts.
    tau : str
        ``"3 to 12 frames (0.5 to 2 h)"``.
    fingerprints : tuple of (str, str)
        What was hashed and its digest, in full.
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
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the dataset settings, its value as in YAML, and its meaning in a few words."""

    key: str
    value: str
    meaning: str = ""


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
class RelationShares:
    """What the positives of one experiment are to their anchors.

    Attributes
    ----------
    experiment : str
    shares : tuple of (str, float)
        The relation's name (``"same track"``, ``"sister"``) and its share of the positives.
    n_pairs : int
        How many pairs were counted.
    """

    experiment: str
    shares: tuple[tuple[str, float], ...] = ()
    n_pairs: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One picture: PNG or JPEG bytes, its caption, and what it shows in words (`alt`)."""

    experiment: str
    picture: bytes
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class SlotLine:
    """What one slot holds in one experiment.

    Attributes
    ----------
    experiment : str
    slot : int
    label, channel : str
        The slot's name, and the name of the channel that fills it here.
    zarr_index : int
    proof : str
        ``"48 of 48 patches equal"``; empty if it was not tried.
    proven : bool
    verdict : str
        How the slot compares with the same slot in other experiments, in words.
    suspicious : bool
        Whether the verdict asks for a look.
    """

    experiment: str
    slot: int
    label: str
    channel: str
    zarr_index: int
    proof: str = ""
    proven: bool = False
    verdict: str = ""
    suspicious: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """Whether the channels of one experiment are approved, by whom and when, or why not."""

    experiment: str
    holds: bool
    by: str = ""
    at: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class ChannelGrid:
    """What is in the slots: one picture of all experiments, and what is known about each slot."""

    slots: tuple[SlotLine, ...] = ()
    approvals: tuple[ApprovalLine, ...] = ()
    picture: bytes = b""
    alt: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class SeenLine:
    """Whether pairs across divisions of one experiment were looked at.

    Attributes
    ----------
    experiment : str
    n_divisions : int
        Without divisions there is nothing to see.
    n_pairs : int
    how : str
        ``"painted in the widget's gallery"``, ``"attested by the script night.py"``.
    by, at : str
    """

    experiment: str
    n_divisions: int
    n_pairs: int = 0
    how: str = ""
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """Which checks ran, on how much, and whether that was everything."""

    name: str
    looked_at: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding and what became of it.

    Attributes
    ----------
    finding : Finding
    status : {"open", "waived", "settled"}
    how : str
        What settled it: ``"link cut"``, ``"lineage rejected"``.
    by, at, reason : str
        Of the decision that waived or settled it.
    """

    finding: Finding
    status: FindingStatus = "open"
    how: str = ""
    by: str = ""
    at: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExclusionLine:
    """Something that training leaves out.

    Attributes
    ----------
    what : str
        ``"lineage fast_A/1/0_12"``, ``"link of fast A/1/0 track 3 to 7"``.
    action : str
        ``"rejected"``, ``"cut"``.
    reason, by, at : str
    stale : bool
        Its table changed since, so that it is not applied until it is confirmed.
    """

    what: str
    action: str
    reason: str = ""
    by: str = ""
    at: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One decision of the log, in order, whether it holds or was undone."""

    number: int
    what: str
    action: str
    reason: str = ""
    by: str = ""
    at: str = ""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class FormatLine:
    """One exported file: what it is for, and what it cannot carry."""

    name: str
    purpose: str
    loses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All that a report says.

    Attributes
    ----------
    title : str
        The config's file name.
    verdict : Verdict
    config_path : str
        What training loads.
    decisions_path, program_version, config_hash, written_at : str
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
    reviewers: tuple[ReviewerLine, ...] = ()
    experiments: tuple[ExperimentLine, ...] = ()
    settings: tuple[Setting, ...] = ()
    taus: tuple[TauBars, ...] = ()
    relations: tuple[RelationShares, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    channels: ChannelGrid = ChannelGrid()
    seen: tuple[SeenLine, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    findings: tuple[FindingLine, ...] = ()
    exclusions: tuple[ExclusionLine, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    formats: tuple[FormatLine, ...] = ()
    commands: tuple[str, ...] = ()
