"""Intervals that look wrong: cells of one experiment seem to live faster or slower."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.checks import SettingsCheck, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.settings.pace import (
    Displacement,
    common_hours,
    cycle_frames,
    displacements,
    times_longer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex


_CLEAR_OF_TWO = 2.5
_CLEAR_OF_MANY = 1.7
_CLEAR_WITH_BOTH = 1.6
_SPREADS = 4.0
_SAME = 0.01


@dataclass(frozen=True, eq=False)
class _Clocks:
    """Logarithms of how much longer, by its interval, each experiment takes than each other."""

    names: list[str]
    motions: list[Displacement | None]
    by_motion: Float64Array
    cycle_hours: Float64Array
    unit: str


def check_interval(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Compare how far cells get in an hour, and how long they live, between experiments."""
    n = len(index.registry.experiments)
    if n < 2:
        return
    clocks = _clocks(index)
    intervals = [config.interval_minutes for config in index.registry.experiments]
    if n == 2:
        factor, witnesses = _judged(clocks, 0, [1], _CLEAR_OF_TWO)
        if factor is not None:
            yield _two_differ(clocks, factor, witnesses, intervals)
        return
    for number in range(n):
        others = [k for k in range(n) if k != number]
        factor, witnesses = _judged(clocks, number, others, _CLEAR_OF_MANY)
        if factor is not None:
            yield _odd_one(clocks, number, factor, witnesses, intervals[number])


def _clocks(index: MultiExperimentIndex) -> _Clocks:
    experiments = index.registry.experiments
    # Writers put 1 where they do not know.
    sizes = [source.fov.pixel_size_um for source in index.fovs]
    in_um = all(size is not None and set(size[1:]) != {1.0} for size in sizes)
    motions = displacements(index, in_um=in_um)
    n = len(experiments)
    by_motion = np.full((n, n), np.nan)
    for number in range(n):
        for other in range(n):
            factor = times_longer(motions[number], motions[other]) if number != other else None
            if factor is not None:
                by_motion[number, other] = np.log(factor)
    cycles = [
        np.nan if frames is None else frames * config.interval_minutes / 60
        for frames, config in zip(cycle_frames(index), experiments, strict=True)
    ]
    return _Clocks(
        [config.name for config in experiments],
        motions,
        by_motion,
        np.array(cycles),
        "um" if in_um else "px",
    )


def _judged(
    clocks: _Clocks, number: int, others: list[int], clear: float
) -> tuple[float | None, str]:
    """Say how many times too long an experiment's interval looks, and who says so.

    Returns
    -------
    factor : float or None
        None where nothing clear speaks against the interval.
    witnesses : str
        "motion", "cycle" or "both".
    """
    motion = _against(clocks.by_motion, number, others, clear)
    weak = _against(clocks.by_motion, number, others, _CLEAR_WITH_BOTH)
    with np.errstate(invalid="ignore"):
        cycles = np.log(clocks.cycle_hours)
    by_cycle = cycles[:, None] - cycles[None, :]
    cycle = _against(by_cycle, number, others, clear)
    weak_cycle = _against(by_cycle, number, others, _CLEAR_WITH_BOTH)
    if weak is not None and weak_cycle is not None:
        agree = weak * weak_cycle > 0
        return (float(np.exp((weak + weak_cycle) / 2)), "both") if agree else (None, "")
    # A second witness that is there and sees nothing clears the first: other cells, same clock.
    known_cycle = np.isfinite(by_cycle[number, others]).any()
    known_motion = np.isfinite(clocks.by_motion[number, others]).any()
    if motion is not None and not known_cycle:
        return float(np.exp(motion)), "motion"
    if cycle is not None and not known_motion:
        return float(np.exp(cycle)), "cycle"
    return None, ""


def _against(longer: Float64Array, number: int, others: list[int], clear: float) -> float | None:
    """How far an experiment is from what the others agree on, if it is clearly; a logarithm."""
    known = longer[number, others]
    known = known[np.isfinite(known)]
    if len(known) < min(2, len(others)):
        return None
    away = float(np.median(known))
    spread = float(np.median(np.abs(known - away)))
    return away if abs(away) >= max(np.log(clear), _SPREADS * spread) else None


def _odd_one(
    clocks: _Clocks, number: int, factor: float, witnesses: str, interval_minutes: float
) -> Finding:
    others = [k for k in range(len(clocks.names)) if k != number]
    said, evidence = _words(clocks, number, others, "the others", witnesses)
    return Finding(
        kind="interval-suspect",
        severity="warning",
        sentence=(
            f"With {interval_minutes:g} min between frames {said}: time looks "
            f"{_times(factor)}. About {_round(interval_minutes / factor)} min would fit."
        ),
        remedy=(
            "Check interval_minutes (and the store's pixel size) against the microscope's "
            "protocol; waive this if these cells do live at another pace."
        ),
        experiment=clocks.names[number],
        evidence=(
            *evidence,
            Evidence("interval", interval_minutes, "min"),
            Evidence("interval that would fit", interval_minutes / factor, "min"),
        ),
        detail=f"{interval_minutes:g}",
    )


def _two_differ(clocks: _Clocks, factor: float, witnesses: str, intervals: list[float]) -> Finding:
    one, other = clocks.names
    said, evidence = _words(clocks, 0, [1], other, witnesses)
    fast, slow = (other, one) if factor > 1 else (one, other)
    return Finding(
        kind="interval-suspect",
        severity="warning",
        sentence=(
            f"{one} ({intervals[0]:g} min) and {other} ({intervals[1]:g} min) differ: {said}. "
            f"By the intervals, cells of {slow} take {_round(max(factor, 1 / factor))} times the "
            f"hours of those of {fast}; which interval is wrong, if one is, two experiments "
            "cannot tell."
        ),
        remedy=(
            "Check both interval_minutes (and the stores' pixel sizes); waive this if the cells "
            "do live at another pace."
        ),
        evidence=(
            *evidence,
            Evidence(f"interval of {one}", intervals[0], "min"),
            Evidence(f"interval of {other}", intervals[1], "min"),
        ),
        detail=f"{one}+{other}+{intervals[0]:g}+{intervals[1]:g}",
    )


def _words(
    clocks: _Clocks, number: int, others: list[int], they: str, witnesses: str
) -> tuple[str, tuple[Evidence, ...]]:
    """Say how far cells get and how long they live, here and there."""
    parts: list[str] = []
    evidence: list[Evidence] = []
    name, unit = clocks.names[number], clocks.unit
    hours = _comparable_hours(clocks, number, others) if witnesses != "cycle" else None
    if hours is not None:
        here, *there = [_way(clocks.motions[k], hours) for k in (number, *others)]
        known = [other for other in there if other is not None]
        if here is not None and known:
            typical = float(np.median(known))
            parts.append(
                f"cells of {name} move {_round(here)} {unit} in {_round(hours)} h, those of "
                f"{they} {_round(typical)} {unit}"
                + (" (not every store gives the size of its pixels)" if unit == "px" else "")
            )
            evidence.append(Evidence(f"way in {hours:.3g} h", here, unit))
            evidence.append(Evidence(f"way in {hours:.3g} h of {they}", typical, unit))
    if witnesses != "motion":
        here_cycle = float(clocks.cycle_hours[number])
        there_cycle = float(np.nanmedian(clocks.cycle_hours[others]))
        parts.append(
            f"cells of {name} divide {_round(here_cycle)} h after their birth, those of {they} "
            f"{_round(there_cycle)} h"
        )
        evidence.append(Evidence("cell cycle", here_cycle, "h"))
        evidence.append(Evidence(f"cell cycle of {they}", there_cycle, "h"))
    return "; ".join(parts), tuple(evidence)


def _comparable_hours(clocks: _Clocks, number: int, others: list[int]) -> float | None:
    """Longest time that the experiment and most of the others know."""
    known = [common_hours(clocks.motions[number], clocks.motions[k]) for k in others]
    there = [hours for hours in known if hours is not None]
    return float(np.quantile(there, 0.5, method="lower")) if there else None


def _way(motion: Displacement | None, hours: float) -> float | None:
    """Typical distance after so many hours; None where that time is not known."""
    if motion is None or not motion.hours[0] <= hours <= motion.hours[-1]:
        return None
    return float(np.sqrt(2 * np.exp(motion.at(hours))))


def _times(factor: float) -> str:
    word = "long" if factor > 1 else "short"
    return f"{_round(max(factor, 1 / factor))} times too {word}"


def _round(value: float) -> str:
    return f"{value:.0f}" if value >= 9.5 else f"{value:.2g}"


def check_interval_metadata(index: MultiExperimentIndex) -> Iterator[Finding]:
    """Give a note for each experiment whose stores say another interval than the config."""
    for number, config in enumerate(index.registry.experiments):
        fovs = [source.fov for source in index.fovs if source.experiment_number == number]
        known = [fov for fov in fovs if fov.interval_minutes is not None and fov.shape[0] > 1]
        contrary = Counter(
            fov.interval_minutes
            for fov in known
            if not math.isclose(fov.interval_minutes or 0.0, config.interval_minutes, rel_tol=_SAME)
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


register(SettingsCheck("interval-suspect", ("interval-suspect",), check_interval))
register(SettingsCheck("interval-metadata", ("interval-metadata",), check_interval_metadata))
