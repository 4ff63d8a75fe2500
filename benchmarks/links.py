"""Links by doubt: how long it takes to weigh all links of an experiment, and with what memory."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.data import registry_of, write_observations
from benchmarks.memory import added_mib
from benchmarks.timing import table
from lineage_triplets import TripletConfig, save_config
from lineage_triplets.qc.decide.review import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.table import Table

TOP = 100
TARGET_SECONDS = {100_000: 3, 2_000_000: 60}


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Time the first list of links of a review, which weighs all, and one more."""
    rows = []
    for n_rows, target_s in TARGET_SECONDS.items():
        if n_rows == min(TARGET_SECONDS) or large:
            own = folder / str(n_rows)
            own.mkdir()
            write_observations(own, n_rows)
            config = own / "experiments.yml"
            save_config(TripletConfig(experiments=registry_of(own).experiments), config)
            rows.append(_row(config, target_s))
    yield table(
        "Links by doubt: all weighed, the first 100 listed",
        ("links", "s", "CPU s", "asked s", "once more, ms", "memory added, MiB"),
        iter(rows),
        "2 million with --large",
    )


def _row(config: Path, target_s: int) -> tuple[str, ...]:
    with Review.open(config, read_only=True) as review:
        _ = review.data.linked, review.data.training
        wall, cpu = time.perf_counter(), time.process_time()
        review.links(TOP)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        again = time.perf_counter()
        review.links(TOP)
        again = time.perf_counter() - again
        n_links = len(review.links())
    added = added_mib(_listing, config)
    memory = "" if added is None else f"{added:,.0f}"
    return f"{n_links:,}", f"{wall:.1f}", f"{cpu:.1f}", str(target_s), f"{1000 * again:.0f}", memory


def _listing(config: Path) -> Callable[[], object]:
    review = Review.open(config, read_only=True)
    _ = review.data.linked, review.data.training
    return partial(review.links, TOP)
