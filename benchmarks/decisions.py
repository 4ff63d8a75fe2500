"""What a decision costs by how many were made before; opening and checking a decided study."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.data import FRAMES, registry_of, write_observations
from benchmarks.timing import table
from lineage_triplets import TripletConfig, save_config
from lineage_triplets.qc.decide.review import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.table import Table

ROWS = 2_100_000
AT = (0, 2_000, 10_000, 20_000)
TIMED = 40
MOST_TIMES = 1.2
STUDY_FOVS, STUDY_CELLS, STUDY_DECISIONS = 300, 26, 1_962
MOST_SECONDS = {"opened again": 1.0, "tables checked": 5.0}


class _Cost(NamedTuple):
    wall_ms: float
    cpu_ms: float

    @classmethod
    def of(cls, call: Callable[[], object]) -> _Cost:
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        return cls(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu))

    @classmethod
    def median(cls, costs: list[_Cost]) -> _Cost:
        return cls(
            statistics.median(cost.wall_ms for cost in costs),
            statistics.median(cost.cpu_ms for cost in costs),
        )


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Reject lineages one after the other, with ever more of them rejected already."""
    del large
    write_observations(folder, ROWS)
    config = folder / "experiments.yml"
    save_config(TripletConfig(experiments=registry_of(folder).experiments), config)
    opened_first = _Cost.of(lambda: _open(config))
    rows = []
    with Review.open(config, by="bench") as review:
        names = review.lineages()["lineage_id"].tolist()
        np.random.default_rng(0).shuffle(names)
        n_rows, n_fovs = len(review.data.raw), len(review.data.raw.fovs)
        first: _Cost | None = None
        for n_before in AT:
            missing = n_before - len(review.decisions)
            if missing > 0:
                targets = [review.target("lineage", names.pop()) for _ in range(missing)]
                review.decide("reject", targets, "benchmark")
            cost = _Cost.median([_reject_next(review, names) for _ in range(TIMED)])
            first = first or cost
            rows.append(
                (f"{n_before:,}", f"{cost.wall_ms:.1f}", f"{cost.cpu_ms:.1f}",
                 f"{cost.cpu_ms / first.cpu_ms:.2f}", f"{MOST_TIMES}")
            )  # fmt: skip
    opened_last = _Cost.of(lambda: _open(config))
    yield table(
        f"A decision and what is shown after it: {n_rows:,} observations in {n_fovs} FOVs",
        ("decided before", "median ms", "CPU ms", "times the first, by CPU", "asked"),
        rows,
        f"lineages rejected by chance, {TIMED} timed at each; synced to the disk",
    )
    yield table(
        "Opening it until a lineage can be shown",
        ("decided before", "s", "CPU s"),
        [
            (n, f"{cost.wall_ms / 1000:.2f}", f"{cost.cpu_ms / 1000:.2f}")
            for n, cost in (("0", opened_first), (f"{AT[-1] + TIMED:,}", opened_last))
        ],
        "all tables are read in it",
    )

    yield _study(folder / "study")


def _study(folder: Path) -> Table:
    """Open a study again in which much was decided, and check its tables."""
    folder.mkdir()
    write_observations(folder, STUDY_FOVS * STUDY_CELLS * FRAMES, cells_per_fov=STUDY_CELLS)
    config = folder / "experiments.yml"
    save_config(TripletConfig(experiments=registry_of(folder).experiments), config)
    with Review.open(config, by="bench") as review:
        n_rows, n_fovs = len(review.data.raw), len(review.data.raw.fovs)
        names = review.lineages()["lineage_id"].tolist()
        np.random.default_rng(0).shuffle(names)
        targets = [review.target("lineage", name) for name in names[:STUDY_DECISIONS]]
        review.decide("reject", targets, "benchmark")
    opened = _Cost.median([_Cost.of(lambda: _open(config)) for _ in range(3)])
    with Review.open(config, by="bench", read_only=True) as review:
        checked = _Cost.of(lambda: review.check(channels=False, placement=False))
    return table(
        f"A study of {n_rows:,} observations in {n_fovs} FOVs, {STUDY_DECISIONS:,} decisions",
        ("what", "s", "CPU s", "asked"),
        [
            (
                what,
                f"{cost.wall_ms / 1000:.2f}",
                f"{cost.cpu_ms / 1000:.2f}",
                f"{MOST_SECONDS[what]}",
            )
            for what, cost in (("opened again", opened), ("tables checked", checked))
        ],
        "opened: until a lineage can be shown, all tables read; checked: what `check` says of "
        "tables, without images",
    )


def _open(config: Path) -> None:
    with Review.open(config, by="bench", read_only=True) as review:
        _ = review.state


def _reject_next(review: Review, names: list[str]) -> _Cost:
    target = review.target("lineage", names.pop())
    review.choose(lineage=target.id, across_divisions=False)

    def decide() -> None:
        review.reject(target, "benchmark")
        _ = review.state

    return _Cost.of(decide)
