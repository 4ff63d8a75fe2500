"""Where tables do not lie on their images, as findings: of an experiment, where all FOVs agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lineage_triplets.qc.find.placement.verdict import Placement

KIND = "placement"

_UNTOLD = "cannot-tell"
_ALIKE_SCALE = 0.02
_ALIKE_PX = 6.0


def placement_findings(placements: Iterable[Placement]) -> Iterator[Finding]:
    """Give what is wrong, experiment by experiment; nothing of FOVs that fit."""
    of_experiment: dict[str, list[Placement]] = {}
    for placement in placements:
        of_experiment.setdefault(placement.experiment, []).append(placement)
    for listed in of_experiment.values():
        common = common_misfit(listed)
        if common:
            yield _of_misfit(common, whole=True)
        else:
            for placement in listed:
                if placement.status == "misfit":
                    yield _of_misfit([placement], whole=len(listed) == 1)
        yield from map(_of_unknown, (p for p in listed if p.status == "unknown"))
        untold = [p for p in listed if p.status == "cannot-tell"]
        if untold:
            yield _of_untold(untold, len(listed))


def common_misfit(listed: Sequence[Placement]) -> list[Placement]:
    """Those of one experiment that share a misfit, the surest first; empty unless all do.

    FOVs of which it cannot be told do not count.
    """
    told = [placement for placement in listed if placement.status != "cannot-tell"]
    wrong = sorted(told, key=lambda placement: -placement.best_ratio)
    alike = wrong and all(_alike(wrong[0], other) for other in wrong)
    return wrong if alike else []


def _alike(one: Placement, other: Placement) -> bool:
    if "misfit" not in {one.status} & {other.status} or one.cause != other.cause:
        return False
    a, b = one.transform, other.transform
    if a is None or b is None:
        return a is b
    if (a.first_frame, a.swap_xy) != (b.first_frame, b.swap_xy):
        return False
    ratio = np.array(a.scale) / np.array(b.scale)
    apart = np.abs(np.array(a.offset) - np.array(b.offset))
    return bool((np.abs(ratio - 1) < _ALIKE_SCALE).all() and (apart < _ALIKE_PX).all())


def shown_placement(finding: Finding, placements: Sequence[Placement]) -> Placement | None:
    """Give the FOV that shows what a finding is about: its own, or the surest of the experiment.

    Parameters
    ----------
    finding : Finding
    placements : sequence of Placement

    Returns
    -------
    Placement or None
        None for a finding that is not `placement_findings` of these.
    """
    if finding.kind != KIND:
        return None
    listed = [found for found in placements if found.experiment == finding.experiment]
    if finding.fov:
        return next((found for found in listed if found.fov == finding.fov), None)
    untold = [found for found in listed if found.status == "cannot-tell"]
    shown = untold if finding.detail == _UNTOLD else common_misfit(listed)
    # Those whose table looks odd come first, as in the sentence.
    return min(shown, key=lambda found: not found.signs, default=None)


def _of_misfit(group: Sequence[Placement], *, whole: bool) -> Finding:
    surest = group[0]
    sentence = surest.sentence
    if len(group) > 1:
        said = sentence[:1].lower() + sentence[1:]
        sentence = f"In {len(group)} FOVs alike, here {surest.fov}: {said}"
    return Finding(
        kind=KIND,
        severity="error" if surest.is_clear else "warning",
        sentence=sentence,
        remedy=_remedy(surest, whole=whole),
        experiment=surest.experiment,
        fov="" if len(group) > 1 else surest.fov,
        t=surest.frames[0] if surest.frames and len(group) == 1 else None,
        evidence=(
            Evidence("R as it is", surest.ratio),
            Evidence("R of what fits better", surest.best_ratio),
            Evidence("rows", surest.n_rows),
        ),
        settled_by=(tuple(Target("fov", one.experiment, one.fov) for one in group),),
        detail=surest.cause,
        count=len(group),
    )


def _remedy(placement: Placement, *, whole: bool) -> str:
    if placement.transform is None:
        how = "Write the table anew, or reject the FOV"
        return f"{how}; if it is right and the images deceive, waive this."
    if not whole:
        return (
            "Other FOVs of this experiment lie otherwise, and one transform is for all: write the "
            f"table anew (what would mend it: {placement.transform.words}), or reject the FOV."
        )
    return (
        f"Look at both; then place the experiment with track_transform: "
        f"{{{placement.transform.words}}}, which training and exports follow, or write the tables "
        "anew."
    )


def _of_unknown(placement: Placement) -> Finding:
    return Finding(
        kind=KIND,
        severity="warning",
        sentence=placement.sentence,
        remedy="Look at some cells of this FOV: reject it, mend its table, or waive this.",
        experiment=placement.experiment,
        fov=placement.fov,
        t=placement.frames[0] if placement.frames else None,
        evidence=(
            Evidence("R as it is", placement.ratio),
            Evidence("rows", placement.n_rows),
        ),
        settled_by=((Target("fov", placement.experiment, placement.fov),),),
        detail="unknown",
    )


def _of_untold(untold: Sequence[Placement], n_fovs: int) -> Finding:
    """One for an experiment: that it cannot be told is no fault of its tables."""
    odd = [placement for placement in untold if placement.signs]
    shown = (odd or untold)[0]
    of = f" of {n_fovs}" if n_fovs > 1 else ""
    sentence = shown.sentence
    if len(untold) > 1 or n_fovs > 1:
        said = sentence[:1].lower() + sentence[1:]
        sentence = f"In {counted(len(untold), 'FOV')}{of}, first {shown.fov}: {said}"
    return Finding(
        kind=KIND,
        severity="warning" if odd else "note",
        sentence=sentence,
        remedy="Look at some cells in the viewer; the audit's pairs tell as well.",
        experiment=shown.experiment,
        fov=shown.fov if n_fovs == 1 else "",
        detail=_UNTOLD,
        count=len(untold),
    )
