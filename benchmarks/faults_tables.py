"""Faults planted in simulated track tables, and what the table checks make of them."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import registry_of, write_observations
from benchmarks.planted_tables import (
    CELL_UM,
    SCENARIOS,
    SEEDS,
    Scenario,
    moved_um,
    tables_of,
    track_data,
)
from benchmarks.timing import seconds, table, verdict
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find.checks import TABLE_CHECKS, TableCheck, load_checks
from lineage_triplets.qc.find.track_data.data import TrackData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    from rich.table import Table

    from lineage_triplets.qc.find import Finding
    from lineage_triplets.simulate import PlantedFault

TARGET_RECALL, TARGET_PRECISION = 0.95, 0.90
ROWS, TARGET_S, REPEATS = 1_000_000, 5.0, 3

# The kind that a check gives a fault first, then others that lead a person to it.
COMPATIBLE = {
    "identity-swap": ("identity-swap", "wrong-link", "jump"),
    "wrong-link": ("wrong-link", "identity-swap", "jump"),
    "jump": ("jump", "identity-swap", "wrong-link"),
    "wrong-daughter": ("far-daughter", "identity-swap", "wrong-link"),
    "missed-division": ("missed-division",),
    "duplicated-track": ("duplicate-track",),
}
MOVING = ("identity-swap", "wrong-link", "wrong-daughter", "jump")


@dataclass
class Score:
    """Hits and misses of one planted kind."""

    planted: int = 0
    found: int = 0
    small: int = 0
    small_found: int = 0
    alarms: int = 0
    right: int = 0


@dataclass
class Outcome:
    """What the checks made of one scenario, with faults and without."""

    scores: dict[str, Score] = field(default_factory=lambda: {kind: Score() for kind in COMPATIBLE})
    clean_rows: int = 0
    clean_alarms: int = 0


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Plant, check and count."""
    load_checks()
    outcomes = {one: outcome_of(folder / str(number), one) for number, one in enumerate(SCENARIOS)}
    yield table(
        f"Table checks: recall of planted faults, {SEEDS} FOVs each",
        ("", "swap", "link", "jump", "daughter", "mitosis", "twice", "alarms"),
        _scenario_rows(outcomes),
        "found of planted, by a warning at one of its tracks within a frame: identity swaps, "
        f"wrong links inside tracks, jumps to no cell, wrong daughters (all of {CELL_UM:g} um or "
        "more), missed divisions, tracks that are there twice; alarms: warnings per 1,000 cells "
        "of the faultless tables",
    )
    yield table(
        "Table checks: all scenarios together",
        ("planted", "recall", "precision", "", "shorter"),
        _total_rows(outcomes),
        f"aim: recall {TARGET_RECALL:.0%} at precision {TARGET_PRECISION:.0%}; precision of the "
        f"warnings of that kind; shorter: found of those that move the cell by less than "
        f"{CELL_UM:g} um. Jumps to no cell have nothing but their length to be told by: at 30 min "
        "and more, cells move as far.",
    )
    plates = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", "../shared/data")) / "plates"
    if plates.is_dir():
        yield table(
            "Table checks: warnings on real plates",
            ("", "cells", "warnings", "per 1,000", "kinds"),
            _real_rows(plates),
            "a cell is an observation: one cell in one frame; warnings may be right",
        )
    write_observations(folder / "many", ROWS)
    yield table(
        "Table checks: time",
        ("", "seconds", "figure to reach", ""),
        _time_rows(folder / "many"),
        f"{ROWS:,} observations in 200 FOVs, index built beforehand; one core; medians of "
        f"{REPEATS}",
    )


def outcome_of(folder: Path, scenario: Scenario) -> Outcome:
    """Run a scenario, with planted faults and without."""
    made = tables_of(scenario)
    outcome = Outcome()
    clean = warnings_of(track_data(folder / "clean", made.experiment, made.true))
    outcome.clean_rows, outcome.clean_alarms = sum(map(len, made.true.values())), len(clean)
    found = warnings_of(track_data(folder / "spoilt", made.experiment, made.spoilt))
    _score(outcome.scores, made.planted, found, made.spoilt)
    return outcome


def warnings_of(data: TrackData) -> list[Finding]:
    """All findings of table checks that ask for a look."""
    return [
        one for check in TABLE_CHECKS.values() for one in check.run(data) if one.severity != "note"
    ]


def _score(
    scores: dict[str, Score],
    planted: Sequence[PlantedFault],
    findings: Sequence[Finding],
    by_fov: dict[str, pd.DataFrame],
) -> None:
    for fault in planted:
        score = scores[fault.kind]
        found = any(one.kind in COMPATIBLE[fault.kind] and is_at(one, fault) for one in findings)
        if fault.kind in MOVING and moved_um(fault, by_fov[fault.fov]) < CELL_UM:
            score.small += 1
            score.small_found += found
        else:
            score.planted += 1
            score.found += found
    right = [any(is_at(one, fault) for fault in planted) for one in findings]
    for kind, score in scores.items():
        of_kind = [
            is_right
            for one, is_right in zip(findings, right, strict=True)
            if one.kind == COMPATIBLE[kind][0]
        ]
        score.alarms += len(of_kind)
        score.right += sum(of_kind)


def is_at(finding: Finding, fault: PlantedFault) -> bool:
    """Whether a finding is about a planted fault's tracks, within a frame of it."""
    if (
        finding.fov != fault.fov
        or finding.t is None
        or not set(finding.tracks) & set(fault.track_ids)
    ):
        return False
    if fault.kind == "duplicated-track":
        return fault.frames[0] - 1 <= finding.t <= fault.frames[-1] + 1
    if fault.kind == "jump" and finding.kind == "duplicate-track":
        return True  # It went on upon another cell.
    return abs(finding.t - fault.frames[0]) <= 1


def _scenario_rows(outcomes: dict[Scenario, Outcome]) -> Iterator[Sequence[str]]:
    for scenario, outcome in outcomes.items():
        alarms = 1000 * outcome.clean_alarms / outcome.clean_rows
        yield (
            scenario.label,
            *(f"{one.found}/{one.planted}" for one in outcome.scores.values()),
            f"{alarms:.2f}",
        )


def _total_rows(outcomes: dict[Scenario, Outcome]) -> Iterator[Sequence[str]]:
    for kind in COMPATIBLE:
        of_kind = [one.scores[kind] for one in outcomes.values()]
        planted = sum(one.planted for one in of_kind)
        recall = sum(one.found for one in of_kind) / planted
        alarms = sum(one.alarms for one in of_kind)
        precision = sum(one.right for one in of_kind) / max(alarms, 1)
        small = sum(one.small for one in of_kind)
        small_found = sum(one.small_found for one in of_kind)
        yield (
            kind,
            f"{recall:.1%} of {planted}",
            f"{precision:.1%} of {alarms}",
            verdict(recall >= TARGET_RECALL and precision >= TARGET_PRECISION),
            f"{small_found}/{small}" if kind in MOVING else "",
        )


def _real_rows(plates: Path) -> Iterator[Sequence[str]]:
    for name, patch in (("fucci", (64, 64)), ("nuclei", (32, 32))):
        registry = ExperimentRegistry.from_yaml(plates / f"{name}.yml")
        data = TrackData.of_index(MultiExperimentIndex(registry, 1, patch))
        found = warnings_of(data)
        for number, experiment in enumerate(registry.experiments):
            own = [one for one in found if one.experiment == experiment.name]
            cells = int((data.experiment == number).sum())
            yield (
                experiment.name,
                f"{cells:,}",
                str(len(own)),
                f"{1000 * len(own) / cells:.2f}",
                _kinds(own),
            )


def _kinds(findings: Iterable[Finding]) -> str:
    kinds = sorted(one.kind for one in findings)
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


def _time_rows(folder: Path) -> Iterator[Sequence[str]]:
    index = MultiExperimentIndex(registry_of(folder), 1, (160, 160))
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        rounds = [_times(index) for _ in range(REPEATS)]
    finally:
        os.sched_setaffinity(0, cpus)
    for name in rounds[0]:
        yield name, f"{statistics.median(one[name] for one in rounds):.2f}", "", ""
    total = statistics.median(sum(one.values()) for one in rounds)
    yield "all", f"{total:.2f}", f"≤ {TARGET_S:.0f}", verdict(total <= TARGET_S)


def _times(index: MultiExperimentIndex) -> dict[str, float]:
    """Seconds of what the checks share, then of each."""
    made: list[TrackData] = []
    taken = {"places and drift": seconds(lambda: made.append(TrackData.of_index(index)))}
    data = made[0]
    taken["motion and links"] = seconds(lambda: data.links.misfit)
    taken["exchanges"] = seconds(lambda: data.exchanges)
    for name, check in TABLE_CHECKS.items():
        taken[name] = seconds(partial(_run, check, data))
    return taken


def _run(check: TableCheck, data: TrackData) -> None:
    for _ in check.run(data):
        pass
