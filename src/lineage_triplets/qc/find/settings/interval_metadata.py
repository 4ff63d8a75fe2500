"""Intervals that the stores' own metadata contradict."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.registry import SettingsCheck, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.index.index import MultiExperimentIndex

_SAME = 0.01


def check_interval_metadata(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Give a note for each experiment whose stores say another interval than the config."""
    for number, config in enumerate(index.registry.experiments):
        fovs = [one.fov for one in index.fovs if one.experiment_number == number]
        known = [one for one in fovs if one.interval_minutes is not None and one.shape[0] > 1]
        contrary = Counter(
            one.interval_minutes
            for one in known
            if not math.isclose(one.interval_minutes or 0.0, config.interval_minutes, rel_tol=_SAME)
        )
        if not contrary:
            continue
        stored = contrary.most_common(1)[0][0] or 0.0
        n_contrary = sum(contrary.values())
        where = (
            "its store says"
            if len(fovs) == 1
            else f"the metadata of {n_contrary} of " + (f"{counted(len(fovs), 'FOV')} say")
        )
        others = "" if len(contrary) == 1 else f" (mostly; {len(contrary)} different ones)"
        yield Finding(
            kind="interval-metadata",
            severity="note",
            sentence=(
                f"The config says {_time(config.interval_minutes)} between frames, {where} "
                f"{_time(stored)}{others}. Stores often have a mere placeholder here; the config's "
                "is used."
            ),
            remedy="Check interval_minutes against the microscope's protocol.",
            experiment=config.name,
            evidence=(
                Evidence("interval in the config", config.interval_minutes, "min"),
                Evidence("interval in the store", stored, "min"),
            ),
            detail=f"{stored:g}",
            count=n_contrary,
        )


def _time(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.3g} s"
    return f"{minutes:.4g} min"


register(SettingsCheck("interval-metadata", ("interval-metadata",), check_interval_metadata))
