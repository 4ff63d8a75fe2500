"""A review of a million observations: opening, choosing lineages, deciding, checking tables."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.data import registry_of, write_observations
from benchmarks.timing import seconds, table
from lineage_triplets import TripletConfig, save_config
from lineage_triplets.qc.decide.review import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

ROWS = 1_000_000
SELECTIONS = 200
TARGET_SELECTION_MS, TARGET_CHECKS_S = 20.0, 5.0


class Timing(NamedTuple):
    """Milliseconds of repeated runs."""

    what: str
    ms: list[float]
    target_ms: float | None

    def cells(self) -> tuple[str, ...]:
        """Median, slowest, and the figure to reach."""
        target = "" if self.target_ms is None else f"{self.target_ms:,.0f}"
        return self.what, f"{statistics.median(self.ms):,.1f}", f"{max(self.ms):,.1f}", target


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Time one review, step by step."""
    del large
    write_observations(folder, ROWS)
    config_path = folder / "experiments.yml"
    save_config(TripletConfig(experiments=registry_of(folder).experiments), config_path)
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    with Review.open(config_path, by="bench") as review:
        opening = 1000 * (time.perf_counter() - start)
        steps = [
            Timing("open", [opening], None),
            Timing("first state: tables are read", _ms([lambda: review.state]), None),
            Timing("list of all lineages", _ms([review.lineages]), None),
        ]
        lineages = review.lineages()["lineage_id"].tolist()
        names = [lineages[k] for k in rng.choice(len(lineages), SELECTIONS, replace=False)]
        for what, across in (("choose a lineage", False), ("… across divisions only", True)):
            choices = [
                partial(review.choose, lineage=one, across_divisions=across) for one in names
            ]
            steps.append(Timing(what, _ms(choices), TARGET_SELECTION_MS))
        sliding = [
            partial(review.choose, tau_range_hours=(0.5, float(hours)))
            for hours in np.linspace(1, 4, 20)
        ]
        steps.append(Timing("move tau, a lineage chosen", _ms(sliding), None))
        rejecting = [partial(_reject, review, name) for name in names[:20]]
        steps += [
            Timing("choose another, reject it, see that", _ms(rejecting), None),
            Timing("undo", _ms([review.undo] * 5), None),
            Timing("what training reads, anew", _ms([lambda: review.data.training]), None),
            Timing(
                "all checks of tables", _ms([review.checks.check_tables]), 1000 * TARGET_CHECKS_S
            ),
            Timing("all checks of settings", _ms([review.checks.check_settings]), None),
            Timing("distribution of tau", _ms([review.tau_distribution]), None),
        ]
        n_rows = len(review.data.raw)
    yield table(
        f"Review: {n_rows:,} observations, {len(lineages):,} lineages",
        ("step", "median ms", "slowest ms", "asked ms"),
        (one.cells() for one in steps),
        f"pixels apart; {SELECTIONS} lineages by chance; decisions are synced to the disk",
    )


def _reject(review: Review, name: str) -> None:
    review.choose(lineage=name, across_divisions=False)
    review.reject(review.target("lineage", name), "benchmark")
    if review.state.reason == "":
        raise AssertionError(f"{name} is still shown")


def _ms(calls: Sequence[Callable[[], object]]) -> list[float]:
    return [1000 * seconds(one) for one in calls]
