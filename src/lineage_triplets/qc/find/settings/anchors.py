"""Experiments with no anchors, or far fewer than the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import SettingsCheck, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex

_FEW = 0.1
_MOST_ARE_ANCHORS = 0.5


def check_anchors(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Compare the experiments' numbers of anchors, and say why one has few."""
    n = len(index.registry.experiments)
    anchors = np.bincount(index.experiment_of_row[index.anchor_rows], minlength=n)
    median = float(np.median(anchors)) if n else 0.0
    refused = {one.experiment for one in index.problems if one.severity == "error"}
    for number, config in enumerate(index.registry.experiments):
        high = index.tau_range_frames[number][1]
        none = anchors[number] == 0
        # Errors say themselves what they keep out.
        if none and (high < 1 or config.name in refused):
            continue
        if not none and (n < 2 or anchors[number] >= _FEW * median):
            continue
        others = (
            f", where the median of the {n} experiments is {median:,.0f}"
            if n > 1 and median > 0
            else ""
        )
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
                "Check tau_range_hours, interval_minutes and the tables, or leave the experiment "
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
    low, high = index.tau_range_frames[number]
    own = index.experiment_of_row == number
    n_rows = int(np.count_nonzero(own))
    evidence = [Evidence("observations", n_rows)]
    if n_rows == 0:
        return "it has no observations", tuple(evidence)
    if n_anchors >= _MOST_ARE_ANCHORS * n_rows:
        n_fovs = len(np.unique(index.fov_of_row[own]))
        return (
            f"it has {counted(n_rows, 'observation')} in {counted(n_fovs, 'FOV')}",
            tuple(evidence),
        )
    frames = float(np.median(_lineage_frames(index, own)))
    evidence.append(Evidence("median length of a lineage", frames, "frames"))
    taus = f"{max(1, low)} to {high}" if high > max(1, low) else f"{high}"
    kin = {"lineage": "lineage", "descendant": "cell and its offspring", "same_track": "track"}
    reason = (
        f"of its {counted(n_rows, 'observation')} {_share(n_anchors / n_rows)} have a positive "
        f"{taus} frames later in their {kin[index.settings.positive_relation]}; half of its "
        f"lineages span {counted(round(frames), 'frame')} or less"
    )
    return reason, tuple(evidence)


def _lineage_frames(index: MultiExperimentIndex, own: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Frames from the first to the last observation of each lineage."""
    rows = index.observations
    _, lineage = np.unique(index.forest.lineage[rows.track[own]], return_inverse=True)
    n_lineages = int(lineage.max(initial=-1)) + 1
    first = np.full(n_lineages, np.iinfo(np.int64).max)
    last = np.zeros(n_lineages, dtype=np.int64)
    np.minimum.at(first, lineage, rows.t[own])
    np.maximum.at(last, lineage, rows.t[own])
    frames: NDArray[np.int64] = last - first + 1
    return frames


def _share(share: float) -> str:
    return "none" if share == 0 else f"{100 * share:.2g} %"


register(SettingsCheck("few-anchors", ("no-anchors", "few-anchors"), check_anchors))
