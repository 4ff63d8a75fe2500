"""Draws a second, beside a Python loop over anchors."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, get_args

import numpy as np

from benchmarks.data import registry_of, write_observations
from benchmarks.timing import seconds, table, verdict
from lineage_triplets import MultiExperimentIndex, sample_tau
from lineage_triplets.engine import PairSource, tau_distribution
from lineage_triplets.engine.settings.model import PositiveRelation, TauFallback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    Int64Array = NDArray[np.int64]

ROWS = 1_000_000
BATCHES = (32, 128, 256)
TARGET_DRAWS_PER_S = 1_000_000
DRAWS, LOOP_DRAWS, REPEATS = 64 * 1024, 4096, 5


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Draw under every relation and fallback."""
    write_observations(folder, ROWS)
    yield table(
        "Draws: millions of positives a second (PairSource.draw), and a Python loop",
        (
            "relation, fallback",
            *(f"batches of {size}" for size in BATCHES),
            "loop",
            "ratio at 128",
            "figure to reach at 128",
            "",
        ),
        _rows(folder),
        f"{ROWS:,} observations, random anchors; medians of {REPEATS}; the loop has a dict of "
        "(lineage or track, frame) and one numpy Generator",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    registry = registry_of(folder)
    for relation in get_args(PositiveRelation):
        index = MultiExperimentIndex(registry, 1, (160, 160), positive_relation=relation)
        loop = LoopOverAnchors(index, relation)
        anchors = np.random.default_rng(0).permutation(index.anchor_rows)[:DRAWS]
        for fallback in get_args(TauFallback):
            source = PairSource(index, index.settings.model_copy(update={"tau_fallback": fallback}))
            speeds = [_draws_per_s(source, anchors, size) for size in BATCHES]
            few = anchors[:LOOP_DRAWS]
            loop_over_few = partial(loop.draw, few, fallback)
            taken = [seconds(loop_over_few) for _ in range(REPEATS)]
            loop_speed = len(few) / statistics.median(taken)
            at_128 = speeds[BATCHES.index(128)]
            is_default = (relation, fallback) == ("lineage", "scan")
            yield (
                f"{relation}, {fallback}",
                *(f"{speed / 1e6:.2f}" for speed in speeds),
                f"{loop_speed / 1e6:.3f}",
                f"{at_128 / loop_speed:.0f}",
                f"≥ {TARGET_DRAWS_PER_S / 1e6:.2f}" if is_default else "",
                verdict(at_128 >= TARGET_DRAWS_PER_S) if is_default else "",
            )


def _draws_per_s(source: PairSource, anchors: Int64Array, size: int) -> float:
    batches = [anchors[start : start + size] for start in range(0, len(anchors), size)]
    epochs = itertools.count()

    def run() -> None:
        epoch = next(epochs)
        for batch in batches:
            source.draw(batch, 0, epoch)

    run()
    return len(anchors) / statistics.median(seconds(run) for _ in range(REPEATS))


class LoopOverAnchors:
    """The straightforward way: rows by (lineage or track, frame) in a dict, one anchor at a time.

    Parameters
    ----------
    index : MultiExperimentIndex
    relation : {"lineage", "descendant", "same_track"}
    """

    def __init__(self, index: MultiExperimentIndex, relation: PositiveRelation) -> None:
        self._tau_range = index.tau_range_frames[0]
        forest = index.forest
        self._own = (forest.root if relation == "lineage" else np.arange(len(forest.root))).tolist()
        self._track = index.observations.track.tolist()
        self._t = index.observations.t.tolist()
        self._rng = np.random.default_rng(0)
        self._at: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        parent = forest.parent.tolist()
        for row, (track, t) in enumerate(zip(self._track, self._t, strict=True)):
            ancestor = self._own[track]
            self._at[ancestor, t].append(row)
            while relation == "descendant" and parent[ancestor] >= 0:
                ancestor = parent[ancestor]
                self._at[ancestor, t].append(row)

    def draw(self, anchors: Int64Array, fallback: TauFallback) -> list[tuple[int, int]]:
        """Draw a row and tau for each anchor."""
        taus, weights = tau_distribution(*self._tau_range)
        drawn = []
        for anchor in anchors.tolist():
            key, t = self._own[self._track[anchor]], self._t[anchor]
            tau = sample_tau(*self._tau_range, self._rng)
            candidates = self._at.get((key, t + tau))
            if not candidates:
                there = [(key, t + other) in self._at for other in taus.tolist()]
                if fallback == "scan":
                    tau = int(taus[there.index(True)])
                else:
                    left = weights * there
                    tau = int(self._rng.choice(taus, p=left / left.sum()))
                candidates = self._at[key, t + tau]
            drawn.append((candidates[self._rng.integers(len(candidates))], tau))
        return drawn
