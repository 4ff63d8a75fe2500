"""Which observations are equal in some columns; which experiments have no anchors, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import Problem, counted
from lineage_triplets.engine.pairs.matches import MatchPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.assemble import Assembly
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import ExperimentConfig, MatchColumn

# What index.tracks says of a well that is in no condition.
_NO_CONDITION = "unknown"


def second_channels(experiments: Sequence[ExperimentConfig]) -> list[str]:
    """Name the channel of the second slot of each experiment; empty where there is none."""
    return [
        config.source_channel[1] if len(config.source_channel) > 1 else "" for config in experiments
    ]


def match_pool(
    columns: Sequence[MatchColumn], assembly: Assembly, experiments: Sequence[ExperimentConfig]
) -> MatchPool:
    """Group observations by equal columns; a well in no condition has none that could be equal."""
    second = second_channels(experiments)
    values = [_values(columns, source, second) for source in assembly.fovs]
    numbers = {found: number for number, found in enumerate(dict.fromkeys(values))}
    of_fov = np.array(
        [-1 if _has_none(columns, source) else numbers[found]
         for source, found in zip(assembly.fovs, values, strict=True)],
        dtype=np.int64,
    )  # fmt: skip
    forest = assembly.forest
    roots = np.flatnonzero(forest.parent < 0)
    return MatchPool.build(
        assembly.pool_row,
        assembly.pool_lineage_start,
        of_fov[assembly.tracks.fov[roots]],
        forest.lineage[assembly.observations.track],
    )


def _values(
    columns: Sequence[MatchColumn], source: FovSource, second: Sequence[str]
) -> tuple[str, ...]:
    known: dict[MatchColumn, str] = {
        "experiment": source.experiment,
        "condition": source.condition,
        "well_name": source.fov.well_name,
        "fov_name": source.fov.name,
        "fluorescence_channel": second[source.experiment_number],
    }
    return tuple(known[column] for column in columns)


def _has_none(columns: Sequence[MatchColumn], source: FovSource) -> bool:
    return "condition" in columns and source.condition == _NO_CONDITION


def anchor_problems(index: MultiExperimentIndex) -> list[Problem]:
    """Say which experiments give no anchor or one tau only, and why; who matches nobody."""
    counts = np.bincount(
        index.experiment_of_row[index.anchor_rows], minlength=len(index.registry.experiments)
    )
    if index.settings.positive_match is not None:
        return _match_problems(index, counts)
    problems = []
    for number, config in enumerate(index.registry.experiments):
        frames = index.tau_range_frames[number]
        if not counts[number]:
            kind, message = "no-anchors", f"no valid anchors: {_why_no_anchor(index, number)}."
        elif frames.is_single:
            kind = "few-tau-frames"
            distance = counted(frames.last, "frame")
            message = f"{_tau_words(index, number)}: every positive is {distance} away."
        else:
            continue
        problems.append(
            Problem(
                kind,
                message,
                "Widen tau_range_hours, or check interval_minutes and the tables.",
                severity="warning",
                experiment=config.name,
                field="tau_range_hours",
            )
        )
    return problems


def _match_problems(index: MultiExperimentIndex, n_anchors: Int64Array) -> list[Problem]:
    columns = index.settings.positive_match or []
    n_rows = np.bincount(index.experiment_of_row, minlength=len(n_anchors))
    problems = []
    for config, n_own, n in zip(
        index.registry.experiments, n_anchors.tolist(), n_rows.tolist(), strict=True
    ):
        if n_own == n and n:
            continue
        whole = f"no valid anchors: none of its {counted(n, 'observation')} matches another one"
        part = f"{n - n_own} of its {counted(n, 'observation')} match no other one, and are no "
        alone = f"{whole}" if not n_own else f"{part}anchors"
        wells = " A well in no condition matches nobody." if "condition" in columns else ""
        problems.append(
            Problem(
                "no-anchors" if not n_own else "unmatched-anchors",
                f"{alone}, by {', '.join(columns)}.{wells}",
                "Check condition_wells, or match by other columns.",
                severity="warning",
                experiment=config.name,
                field="positive_match",
                count=n - n_own,
            )
        )
    return problems


def _tau_words(index: MultiExperimentIndex, experiment: int) -> str:
    low, high = index.tau_range_frames[experiment]
    min_hours, max_hours = index.settings.tau_range_hours
    interval_minutes = index.registry.experiments[experiment].interval_minutes
    return (
        f"tau from {min_hours:g} to {max_hours:g} h is frames {low} to {high} at "
        f"{interval_minutes:g} min"
    )


def _why_no_anchor(index: MultiExperimentIndex, experiment: int) -> str:
    frames = index.tau_range_frames[experiment]
    if frames.is_empty:
        return f"{_tau_words(index, experiment)}, which leaves no frame to draw"
    if (index.experiment_of_row == experiment).any():
        return f"no lineage has two frames that are {frames.first} to {frames.last} frames apart"
    return "it has no observations"
