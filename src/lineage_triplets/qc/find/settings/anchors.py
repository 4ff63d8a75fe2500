"""What is left to train on: anchors of experiments, tau in frames, what exclusions take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.errors import counted
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.engine.pairs.randomness import epoch_salt, mix
from lineage_triplets.qc.find.checks import SettingsCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.tau import TauFrames

_FEW_SHARE = 0.1
_MOST_ARE_ANCHORS = 0.5
MOST_ANCHORS = 20_000
_LARGE_COLLATERAL = 0.10
_WORTH_SAYING = 0.01
_SEED, _EPOCH = 0, 0


def check_anchors(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Compare the experiments' numbers of anchors, and say why one has few."""
    n = len(index.registry.experiments)
    anchors = np.bincount(index.experiment_of_row[index.anchor_rows], minlength=n)
    median = float(np.median(anchors)) if n else 0.0
    refused = {problem.experiment for problem in index.problems if problem.severity == "error"}
    for number, config in enumerate(index.registry.experiments):
        none = anchors[number] == 0
        # Errors say themselves what they keep out.
        if none and (index.tau_range_frames[number].is_empty or config.name in refused):
            continue
        # How many match another one is said by the index.
        if not none and (
            index.matches is not None or n < 2 or anchors[number] >= _FEW_SHARE * median
        ):
            continue
        others = (
            f", where the median of the {n} experiments is {median:,.0f}"
            if n > 1 and median > 0
            else ""
        )
        asked = "tau_range_hours, interval_minutes"
        if index.matches is not None:
            asked = "positive_match, condition_wells"
        reason, evidence = _why(index, number, int(anchors[number]))
        yield Finding(
            kind="no-anchors" if none else "few-anchors",
            severity="warning",
            sentence=(
                f"{'No cell' if none else 'Only ' + counted(int(anchors[number]), 'cell')} of this "
                f"experiment can be {'an anchor' if anchors[number] <= 1 else 'anchors'}{others}: "
                f"{reason}."
            ),
            remedy=(
                f"Check {asked} and the tables, or leave the experiment "
                "out: training sees next to nothing of it."
            ),
            experiment=config.name,
            evidence=(
                Evidence("anchors", float(anchors[number])),
                Evidence("median of the experiments", median),
                *evidence,
            ),
            count=int(anchors[number]),
        )


def _why(
    index: MultiExperimentIndex, number: int, n_anchors: int
) -> tuple[str, tuple[Evidence, ...]]:
    """Say whether cells are few, or lineages too short for tau."""
    own = index.experiment_of_row == number
    n_rows = int(np.count_nonzero(own))
    evidence = [Evidence("observations", n_rows)]
    if n_rows == 0:
        return "it has no observations", tuple(evidence)
    if index.settings.positive_match is not None:
        columns = ", ".join(index.settings.positive_match)
        return f"none of its {counted(n_rows, 'observation')} matches another one by {columns}", (
            *evidence,
        )
    if n_anchors >= _MOST_ARE_ANCHORS * n_rows:
        n_fovs = len(np.unique(index.fov_of_row[own]))
        return (
            f"it has {counted(n_rows, 'observation')} in {counted(n_fovs, 'FOV')}",
            tuple(evidence),
        )
    frames = float(np.median(_lineage_frames(index, own)))
    evidence.append(Evidence("median length of a lineage", frames, "frames"))
    taus = index.tau_range_frames[number].words
    kin = {"lineage": "lineage", "descendant": "cell and its offspring", "same_track": "track"}
    reason = (
        f"of its {counted(n_rows, 'observation')} {_share(n_anchors / n_rows)} have a positive "
        f"{taus} frames later in their {kin[index.settings.positive_relation]}; half of its "
        f"lineages span {counted(round(frames), 'frame')} or less"
    )
    return reason, tuple(evidence)


def _lineage_frames(index: MultiExperimentIndex, own: BoolArray) -> Int64Array:
    """Frames from the first to the last observation of each lineage."""
    rows = index.observations
    _, lineage = np.unique(index.forest.lineage[rows.track[own]], return_inverse=True)
    n_lineages = int(lineage.max(initial=-1)) + 1
    first = np.full(n_lineages, np.iinfo(np.int64).max)
    last = np.zeros(n_lineages, dtype=np.int64)
    np.minimum.at(first, lineage, rows.t[own])
    np.maximum.at(last, lineage, rows.t[own])
    frames: Int64Array = last - first + 1
    return frames


def _share(share: float) -> str:
    return "none" if share == 0 else f"{100 * share:.2g} %"


def check_collateral_share(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Draw positives as training does, and count those on other branches."""
    is_chosen = index.settings.positive_relation != "lineage" or index.matches is not None
    if is_chosen or not len(index.anchor_rows):
        return
    # No pixels are read, whatever their data type.
    plain = {"return_negative": False, "dtype": "float32"}
    source = PairSource(index, index.settings.model_copy(update=plain))
    experiment = index.experiment_of_row[index.anchor_rows]
    for number, config in enumerate(index.registry.experiments):
        own = index.anchor_rows[experiment == number]
        if not len(own):
            continue
        rows = _sample(source, own)
        pairs = source.draw(rows, _SEED, _EPOCH)
        relation, _, _ = source.relations(pairs)
        counts = np.bincount(relation, minlength=len(Relation))
        kinds = sorted(
            (relation for relation in Relation if relation.is_collateral and counts[relation]),
            key=lambda kind: -int(counts[kind]),
        )
        share = sum(int(counts[kind]) for kind in kinds) / len(rows)
        if share < _WORTH_SAYING:
            continue
        listed = ", ".join(
            f"{kind.label} {_percent(counts[kind] / len(rows))}" for kind in kinds[:3]
        )
        drawn = "all" if len(rows) == len(own) else f"{len(rows):,} of {len(own):,}"
        yield Finding(
            kind="collateral-share",
            severity="warning" if share > _LARGE_COLLATERAL else "note",
            sentence=(
                f"{_percent(share)} of the positives are another cell than the anchor or its "
                f"offspring ({listed}; one draw for {drawn} anchors). Such pairs teach that "
                "relatives look alike, not that a cell stays itself."
            ),
            remedy="Choose positive_relation: descendant, unless relatives are wanted.",
            experiment=config.name,
            evidence=(
                Evidence("share of other branches", share),
                *(Evidence(f"share of {kind.label}", counts[kind] / len(rows)) for kind in kinds),
                Evidence("pairs drawn", len(rows)),
            ),
            detail="large" if share > _LARGE_COLLATERAL else "",
            count=round(share * len(own)),
        )


def _sample(source: PairSource, rows: Int64Array) -> Int64Array:
    """At most so many anchors: those that a seeded order of all puts first."""
    if len(rows) <= MOST_ANCHORS:
        return rows
    rank = mix(source.keys(rows) ^ epoch_salt(_SEED, _EPOCH + 1))
    return rows[np.sort(np.argpartition(rank, MOST_ANCHORS)[:MOST_ANCHORS])]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def check_tau(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Find experiments whose range has no frame, one frame, or begins at 0."""
    if index.matches is not None:
        return
    hours = index.settings.tau_range_hours
    for config, frames in zip(index.registry.experiments, index.tau_range_frames, strict=True):
        kind, severity, consequence, remedy = _tau_finding(frames, config.interval_minutes)
        if not kind:
            continue
        exact = [hour * 60 / config.interval_minutes for hour in hours]
        yield Finding(
            kind=kind,
            severity=severity,
            sentence=(
                f"Tau from {hours[0]:g} to {hours[1]:g} h is {_number(exact[0])} to "
                f"{_number(exact[1])} frames at {config.interval_minutes:g} min"
                f"{_rounded(exact, frames)}. {consequence}"
            ),
            remedy=remedy,
            experiment=config.name,
            evidence=(
                Evidence("least tau", hours[0], "h"),
                Evidence("largest tau", hours[1], "h"),
                Evidence("interval", config.interval_minutes, "min"),
                Evidence("first frame", frames.low, "frames"),
                Evidence("last frame", frames.high, "frames"),
            ),
            detail=f"{frames.low}to{frames.high}",
        )


def _tau_finding(frames: TauFrames, interval_minutes: float) -> tuple[str, Severity, str, str]:
    """Kind, severity, what follows, and what to do; no kind where all is well."""
    two_frames = f"{2 * interval_minutes / 60:.3g} h"
    if frames.is_empty:
        return (
            "no-tau-frames",
            "error",
            "There is no frame to draw, so this experiment gives no pairs.",
            f"Raise the largest tau to {two_frames} (2 frames) or more, or mend interval_minutes.",
        )
    if frames.is_single:
        never = "Frame 0 is never drawn: every" if frames.low == 0 else "Every"
        return (
            "few-tau-frames",
            "warning",
            f"{never} positive is {counted(frames.last, 'frame')} after its anchor.",
            "Widen tau_range_hours so that two frames or more are in it, or mend interval_minutes.",
        )
    if frames.low == 0:
        return (
            "tau-from-zero",
            "note",
            f"Frame 0 would be the anchor itself and is never drawn: frames {frames.words} are.",
            f"Nothing has to be done; {interval_minutes / 60:.3g} h is 1 frame.",
        )
    return "", "note", "", ""


def _rounded(exact: list[float], frames: TauFrames) -> str:
    """What rounding made of both ends; said aloud where halves are decided."""
    if all(abs(number - frame) < 1e-9 for number, frame in zip(exact, frames, strict=True)):
        return ""
    halves = [number for number in dict.fromkeys(exact) if abs(number % 1 - 0.5) < 1e-9]
    same = frames.low == frames.high
    rounded = f", rounded to {frames.low} to {frames.high}"
    words = f"; both round to {frames.low}" if same else rounded
    if halves and same:
        words += f" ({' and '.join(map(_number, halves))}: halves go to the even number)"
    return words


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


register(SettingsCheck("few-anchors", ("no-anchors", "few-anchors"), check_anchors))
register(SettingsCheck("collateral-share", ("collateral-share",), check_collateral_share))
register(
    SettingsCheck("tau-frames", ("no-tau-frames", "few-tau-frames", "tau-from-zero"), check_tau)
)
