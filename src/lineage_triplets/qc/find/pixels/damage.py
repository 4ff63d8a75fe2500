"""What reading images itself meets, as findings: damage, stores that are gone, absent chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import FrameFault, at_frames, frame_words
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.engine.errors import Problem, Severity, StoreError
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.settings.model import MissingChunks
    from lineage_triplets.qc.find.registry import ScannedFov

_ABSENT_SEVERITY: dict[MissingChunks, Severity] = {
    "warn": "warning",
    "error": "error",
    "fill": "note",
}


def damage(t: int, problem: Problem | None) -> FrameFault:
    """A frame that cannot be read."""
    why = "" if problem is None else f": {problem.message.rstrip('.')}"
    return FrameFault(t, "error", f"it cannot be read{why}", "they cannot be read")


def unreadable_store(source: FovSource, error: StoreError) -> Finding:
    """One finding for a FOV whose store is gone."""
    problem = error.problems[0]
    return Finding(
        kind="unreadable-store",
        severity="error",
        sentence=f"The images of FOV {source.fov.name} cannot be read: {problem.message}",
        remedy=problem.remedy,
        experiment=source.experiment,
        fov=source.fov.name,
        settled_by=((Target("fov", source.experiment, source.fov.name),),),
    )


def missing_chunks_finding(
    scanned: ScannedFov, frames: list[int], n_chunks: int, missing_chunks: MissingChunks
) -> Finding:
    """One finding a FOV: what was never written reads as the fill value."""
    n_cells = int(np.isin(scanned.t, frames).sum())
    severity = _ABSENT_SEVERITY[missing_chunks] if n_cells else "note"
    return replace(
        at_frames(scanned.source, "missing-chunks", frames),
        severity=severity,
        sentence=(
            f"{frame_words(frames)}: {counted(n_chunks, 'chunk')} of the slots' channels "
            f"{'was' if n_chunks == 1 else 'were'} never written; the format's fill value is read "
            "there."
        ),
        remedy=(
            "Reject these frames if they were lost; choose missing_chunks='fill' if empty chunks "
            "were left out on purpose."
        ),
        evidence=(
            Evidence("chunks never written", float(n_chunks)),
            Evidence("frames", float(len(frames))),
        ),
        detail="",
        t=None,
        count=n_cells,
    )
