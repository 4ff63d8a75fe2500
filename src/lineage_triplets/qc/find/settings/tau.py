"""What the range of tau in hours comes to in frames of each experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import SettingsCheck, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.index.index import MultiExperimentIndex


def check_tau(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Find experiments whose range has no frame, one frame, or begins at 0."""
    hours = index.settings.tau_range_hours
    for config, (low, high) in zip(index.registry.experiments, index.tau_range_frames, strict=True):
        kind, severity, consequence, remedy = _judged(low, high, config.interval_minutes)
        if not kind:
            continue
        exact = [one * 60 / config.interval_minutes for one in hours]
        yield Finding(
            kind=kind,
            severity=severity,
            sentence=(
                f"Tau from {hours[0]:g} to {hours[1]:g} h is {_number(exact[0])} to "
                f"{_number(exact[1])} frames at {config.interval_minutes:g} min"
                f"{_rounded(exact, (low, high))}. {consequence}"
            ),
            remedy=remedy,
            experiment=config.name,
            evidence=(
                Evidence("least tau", hours[0], "h"),
                Evidence("largest tau", hours[1], "h"),
                Evidence("interval", config.interval_minutes, "min"),
                Evidence("first frame", low, "frames"),
                Evidence("last frame", high, "frames"),
            ),
            detail=f"{low}to{high}",
        )


def _judged(low: int, high: int, interval_minutes: float) -> tuple[str, Severity, str, str]:
    """Kind, severity, what follows, and what to do; no kind where all is well."""
    two_frames = f"{2 * interval_minutes / 60:.3g} h"
    if high < 1:
        return (
            "no-tau-frames",
            "error",
            "There is no frame to draw, so this experiment gives no pairs.",
            f"Raise the largest tau to {two_frames} (2 frames) or more, or mend interval_minutes.",
        )
    if high - max(1, low) < 1:
        never = "Frame 0 is never drawn: every" if low == 0 else "Every"
        return (
            "few-tau-frames",
            "warning",
            f"{never} positive is {counted(high, 'frame')} after its anchor.",
            "Widen tau_range_hours so that two frames or more are in it, or mend interval_minutes.",
        )
    if low == 0:
        return (
            "tau-from-zero",
            "note",
            f"Frame 0 would be the anchor itself and is never drawn: frames 1 to {high} are.",
            f"Nothing has to be done; {interval_minutes / 60:.3g} h is 1 frame.",
        )
    return "", "note", "", ""


def _rounded(exact: list[float], frames: tuple[int, int]) -> str:
    """What rounding made of both ends; said aloud where halves are decided."""
    if all(abs(number - frame) < 1e-9 for number, frame in zip(exact, frames, strict=True)):
        return ""
    halves = [one for one in dict.fromkeys(exact) if abs(one % 1 - 0.5) < 1e-9]
    same = frames[0] == frames[1]
    words = f"; both round to {frames[0]}" if same else f", rounded to {frames[0]} to {frames[1]}"
    if halves and same:
        words += f" ({' and '.join(map(_number, halves))}: halves go to the even number)"
    return words


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


register(
    SettingsCheck("tau-frames", ("no-tau-frames", "few-tau-frames", "tau-from-zero"), check_tau)
)
