"""From bad frames to findings: one a frame, or one for a long run of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.qc.find.registry import ScannedFov

    BoolArray = NDArray[np.bool_]

MOST_SINGLE_FRAMES = 5


@dataclass(frozen=True)
class FrameFault:
    """What is wrong with one frame.

    Attributes
    ----------
    t : int
    severity : {"error", "warning", "note"}
        Where cells are tracked in the frame.
    what : str
        The rest of a sentence that begins with "Frame 12:", without a full stop.
    of_many : str
        The same for a run of frames; only frames of which this is alike are put together.
    evidence : tuple of Evidence
        The first one says how bad it is.
    """

    t: int
    severity: Severity
    what: str
    of_many: str
    evidence: tuple[Evidence, ...] = ()


def frame_findings(
    fov: ScannedFov,
    kind: str,
    faults: Iterable[FrameFault],
    remedy: str,
    *,
    apart: bool = False,
) -> Iterator[Finding]:
    """Give a finding for each frame; long runs, of frames that follow each other, get one.

    Parameters
    ----------
    fov : ScannedFov
    kind : str
    faults : iterable of FrameFault
    remedy : str
    apart : bool
        Whether frames of a run may lie apart.
    """
    n_cells = np.bincount(fov.t, minlength=fov.source.fov.shape[0])
    for run in _runs(sorted(faults, key=lambda one: one.t), apart):
        parts = [run] if len(run) > MOST_SINGLE_FRAMES else [[one] for one in run]
        for part in parts:
            yield _finding(fov, kind, part, remedy, int(n_cells[[one.t for one in part]].sum()))


def _runs(faults: list[FrameFault], apart: bool) -> list[list[FrameFault]]:
    runs: dict[tuple[str, str], list[list[FrameFault]]] = {}
    for fault in faults:
        of_kind = runs.setdefault((fault.severity, fault.of_many), [])
        if of_kind and (apart or of_kind[-1][-1].t == fault.t - 1):
            of_kind[-1].append(fault)
        else:
            of_kind.append([fault])
    return sorted((run for listed in runs.values() for run in listed), key=lambda run: run[0].t)


def _finding(
    fov: ScannedFov, kind: str, faults: list[FrameFault], remedy: str, n_cells: int
) -> Finding:
    worst = max(faults, key=lambda one: one.evidence[0].value if one.evidence else 0.0)
    frames = [one.t for one in faults]
    what = worst.what if len(faults) == 1 else worst.of_many
    nobody = "" if n_cells else " No cell is tracked there."
    evidence = worst.evidence
    if len(faults) > 1:
        evidence = (*evidence, Evidence("frames", float(len(faults))))
    return replace(
        at_frames(fov.source, kind, frames),
        severity=faults[0].severity if n_cells else "note",
        sentence=f"{frame_words(frames)}: {what}.{nobody}",
        remedy=remedy,
        evidence=evidence,
        count=n_cells,
    )


def at_frames(source: FovSource, kind: str, frames: list[int]) -> Finding:
    """A finding about frames of a FOV, to be told in words; rejecting them all settles it."""
    experiment, name = source.experiment, source.fov.name
    return Finding(
        kind=kind,
        severity="warning",
        sentence="",
        experiment=experiment,
        fov=name,
        t=frames[0],
        detail=f"{len(frames)} frames to {frames[-1]}" if len(frames) > 1 else "",
        settled_by=(
            tuple(Target("frame", experiment, name, t=t) for t in frames),
            (Target("fov", experiment, name),),
        ),
    )


def frame_words(frames: list[int]) -> str:
    """``"Frame 12"``, ``"Frames 12 to 30"``, ``"14 frames between 12 and 40"``."""
    first, last = frames[0], frames[-1]
    if first == last:
        return f"Frame {first}"
    if last - first + 1 == len(frames):
        return f"Frames {first} to {last}"
    return f"{counted(len(frames), 'frame')} between {first} and {last}"


def slot_words(labels: tuple[str, ...], slots: BoolArray) -> str:
    """``"all channels"``, or the labels of those that are meant."""
    if slots.all() and len(labels) > 1:
        return "all channels"
    return ", ".join(label for label, meant in zip(labels, slots, strict=True) if meant)


def percent(share: float) -> str:
    """``"0.03 %"``."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def read_planes(source: FovSource) -> slice:
    """The slices of a stack that training may read."""
    if source.z_start is None:
        return slice(None)
    return slice(source.z_start, source.z_start + source.depth)
