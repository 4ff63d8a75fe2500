"""Links that trackers get wrong: how much is mended by looking at those that stand first.

The true cells of real movies are linked anew by laptrack and trackpy. A pair of training counts as
wrong if a wrong link lies on the way between its two cells. Some truths end a track and begin
another for what may be one cell: with such links left out, those count as neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import beta

from benchmarks import tracker_findings
from benchmarks.timing import table
from benchmarks.true_movies import DATA, Movie, linked_movies, movies
from lineage_triplets.engine import tau_distribution
from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.qc.find.doubt.alternatives import Doubts
from lineage_triplets.qc.find.doubt.cells import Cells, Nearest
from lineage_triplets.qc.find.doubt.harm import pairs_on_links

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

SHARES = (0.02, 0.05)
TAU_FRAMES = (1, 8)
ENOUGH_WRONG = 20
ORDERS = ("by doubt", "20 lines", "perfect")
MEASURES = ("all links", "loose ends left out")


class Run:
    """A tracker's table held against the truth.

    Parameters
    ----------
    label : tuple of str
        Movie, tracker, gate.
    movie : Movie
    track : ndarray of int64, shape (cells,)
    mothers : dict of int to int
    """

    def __init__(
        self,
        label: tuple[str, ...],
        movie: Movie,
        track: NDArray[np.int64],
        mothers: dict[int, int],
    ) -> None:
        self.label, self.movie = label, label[0].partition(",")[0]
        ids, number = np.unique(track, return_inverse=True)
        parent = np.array([mothers.get(int(name), -1) for name in ids])
        parent = np.where(parent >= 0, np.searchsorted(ids, parent), -1)
        order = np.lexsort((movie.t, number))
        self.place = movie.place[:, order][[1, 2, 0] if movie.slice_px else [1, 2]]
        self.scaled = movie.scaled[:, order]
        self.t, self.track, self.parent = movie.t[order], number[order], parent
        self.cells = Cells.of_arrays(
            self.place, np.zeros_like(self.t), self.t, self.track, self.parent
        )
        true_before = movie.before[order]
        at = np.empty(len(order), dtype=np.int64)
        at[order] = np.arange(len(order))
        was = np.where(true_before >= 0, at[true_before], -1)
        self.was = was
        cells = self.cells
        reached = was[cells.target]
        for _ in range(int(cells.gap.max(initial=1)) - 1):
            further = (reached >= 0) & (self.t[reached] > self.t[cells.source])
            reached = np.where(further, was[reached], reached)
        self.is_wrong = reached != cells.source
        self.is_loose = movie.is_loose(order[cells.source], order[cells.target])
        self.doubt = Doubts.of_cells(cells).doubt
        self.law = tau_distribution(*TAU_FRAMES)

    def pairs(self) -> NDArray[np.float64]:
        """Pairs that rest on each link."""
        forest = Forest.build(self.parent)
        positives = PositiveLookup.build(self.track, self.t, forest, "lineage")
        anchors = np.ones(len(self.t), dtype=bool)
        cells = self.cells
        return pairs_on_links(
            positives, forest, self.track, self.t, anchors, self.law, "scan",
            self.track[cells.target], self.t[cells.target],
        )  # fmt: skip

    def wrong(self, measure: str) -> NDArray[np.bool_]:
        """Links that count as wrong."""
        return self.is_wrong if measure == MEASURES[0] else self.is_wrong & ~self.is_loose

    def fewer(self, measure: str) -> list[float]:
        """How many times fewer wrong pairs there are, by share looked at and order."""
        is_wrong, orders = self.wrong(measure), self.orders(measure)
        before = self.wrong_share(is_wrong, np.zeros(0, dtype=np.int64))
        fewer = []
        for share in SHARES:
            n_looks = int(np.ceil(share * len(is_wrong)))
            for name in ORDERS:
                left = self.wrong_share(is_wrong, orders[name][:n_looks])
                # Where nothing was wrong, nothing is mended.
                fewer.append(1.0 if not is_wrong.any() else before / left if left > 0 else np.inf)
        return fewer

    def wrong_share(self, is_wrong: NDArray[np.bool_], looked_at: NDArray[np.int64]) -> float:
        """Share of wrong pairs once the wrong ones of some links are cut."""
        cut = np.zeros(len(is_wrong), dtype=bool)
        cut[looked_at] = is_wrong[looked_at]
        lineage = self._parts(~cut)
        right = self._parts(~is_wrong)
        n_frames = int(self.t.max()) + 1
        n_of = np.bincount(lineage * n_frames + self.t, minlength=(lineage.max() + 1) * n_frames)
        same = np.bincount(right * n_frames + self.t, minlength=(right.max() + 1) * n_frames)
        total, wrong = np.zeros((2, len(self.t)))
        first = np.zeros(len(self.t))
        for tau, weight in zip(*self.law, strict=True):
            inside = self.t + tau < n_frames
            later = np.where(inside, self.t + tau, 0)
            there = np.where(inside, n_of[lineage * n_frames + later], 0)
            of_same = np.where(inside, same[right * n_frames + later], 0)
            share = 1.0 - of_same / np.maximum(there, 1)
            # Where nobody is at the drawn tau, the first with somebody is taken.
            first = np.where((total == 0) & (there > 0), share, first)
            wrong += weight * (there > 0) * share
            total += weight * (there > 0)
        left = np.where(total > 0, 1.0 - total, 0.0)
        return float((wrong + left * first).sum() / max((total > 0).sum(), 1))

    def _parts(self, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Root of each cell along the links that are kept."""
        root = np.arange(len(self.t))
        root[self.cells.target[kept]] = self.cells.source[kept]
        while True:
            further = root[root]
            if np.array_equal(further, root):
                return root
            root = further

    def orders(self, measure: str) -> dict[str, NDArray[np.int64]]:
        """Orders in which the links may be looked at."""
        pairs, cells = self.pairs(), self.cells
        own = np.sqrt(
            ((self.scaled[:, cells.target] - self.scaled[:, cells.source]) ** 2).sum(axis=0)
        )
        place = self.scaled[:, cells.source]
        found, apart = Nearest(self.scaled, cells.frame)(place, cells.frame[cells.target], 2)
        other = np.where(found[:, 0] == cells.target, apart[:, 1], apart[:, 0])
        return {
            "by doubt": np.argsort(-self.doubt * np.sqrt(pairs), kind="stable"),
            "20 lines": np.argsort(other - own, kind="stable"),
            "perfect": np.lexsort((-pairs, ~self.wrong(measure))),
        }


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    del large
    if not DATA.exists():
        raise SystemExit(f"no real movies in {DATA} (LINEAGE_TRIPLETS_DATA names them)")
    runs = [Run(*linked) for linked in linked_movies()]
    columns = [f"{share:.0%} {name}" for share in SHARES for name in ORDERS]
    for measure in MEASURES:
        fewer = [run.fewer(measure) for run in runs]
        yield table(
            f"Wrong pairs after a look at the first links, times fewer: {measure}",
            ("movie", "tracker", "gate", "links", "wrong links", *columns),
            (
                (*run.label, str(len(run.is_wrong)), str(run.wrong(measure).sum()),
                 *map(_times, found))
                for run, found in zip(runs, fewer, strict=True)
            ),
            "gate in median steps; pairs 1 to 8 frames apart, within a lineage",
        )  # fmt: skip
        yield table(
            f"Medians: {measure}",
            ("runs with", "runs", *columns, *(f"{share:.0%} worse" for share in SHARES)),
            iter(_medians(runs, fewer, measure)),
            "20 lines: step against the nearest other cell's; perfect: wrong ones first; worse: "
            "runs in which the order by doubt mends less than 20 lines",
        )
    yield _calibration("Doubts of all runs, loose ends left out", runs, _doubts(runs))
    yield _calibration("… with constants from the other movies", runs, _left_out(runs))
    true = [Run((movie.label, "", ""), movie, *movie.tracks()) for movie in movies()]
    yield from tracker_findings.tables(folder, runs, true, ENOUGH_WRONG)


def _medians(
    runs: Sequence[Run], fewer: Sequence[Sequence[float]], measure: str
) -> Iterator[tuple[str, ...]]:
    groups: dict[str, list[Sequence[float]]] = {}
    for run, found in zip(runs, fewer, strict=True):
        if run.is_wrong.sum() >= ENOUGH_WRONG:
            groups.setdefault(f"{ENOUGH_WRONG} wrong links or more", []).append(found)
        if run.wrong(measure).any():
            groups.setdefault(f"{run.movie}, a wrong link or more", []).append(found)
        groups.setdefault("any", []).append(found)
    n_orders = len(ORDERS)
    for name, of_group in groups.items():
        medians = [_times(float(median)) for median in np.median(of_group, axis=0)]
        worse = [
            str(sum(found[at] < found[at + 1] for found in of_group))
            for at in range(0, n_orders * len(SHARES), n_orders)
        ]
        yield name, str(len(of_group)), *medians, *worse


def _doubts(runs: Sequence[Run]) -> list[NDArray[np.float64]]:
    return [run.doubt for run in runs]


def _left_out(runs: Sequence[Run]) -> list[NDArray[np.float64]]:
    """Doubts as they would be with constants that fit the other movies best."""
    own = (0.9, -0.2, 0.9)
    odds = [(logit(np.clip(run.doubt / own[2], 1e-12, 1 - 1e-12)) - own[1]) / own[0]
            for run in runs]  # fmt: skip
    doubts = []
    for run, odd in zip(runs, odds, strict=True):
        others = [number for number, one in enumerate(runs) if one.movie != run.movie]
        fit = _fitted(
            np.concatenate([odds[number][~runs[number].is_loose] for number in others]),
            np.concatenate([runs[number].is_wrong[~runs[number].is_loose] for number in others]),
        )
        doubts.append(fit[2] * expit(fit[0] * odd + fit[1]))
    return doubts


def _fitted(odds: NDArray[np.float64], is_wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Slope, shift and height of the curve under which these links are likeliest."""

    def cost(of: NDArray[np.float64]) -> float:
        doubt = np.clip(expit(of[2]) * expit(of[0] * odds + of[1]), 1e-12, 1 - 1e-9)
        return -float(np.log(doubt[is_wrong]).sum() + np.log1p(-doubt[~is_wrong]).sum())

    best = minimize(cost, np.array([1.0, 0.0, 2.0]), method="Nelder-Mead").x
    return np.array([best[0], best[1], expit(best[2])])


def _calibration(title: str, runs: Sequence[Run], doubts: Sequence[NDArray[np.float64]]) -> Table:
    """Hold links, by tenths of doubt, against how many of them are wrong."""
    doubt = np.concatenate([of[~run.is_loose] for run, of in zip(runs, doubts, strict=True)])
    is_wrong = np.concatenate([run.is_wrong[~run.is_loose] for run in runs])
    rows = []
    for tenth in range(10):
        own = np.minimum(np.floor(10 * doubt), 9) == tenth
        n_links, n_wrong = int(own.sum()), int(is_wrong[own].sum())
        if n_links:
            low = beta.ppf(0.025, n_wrong, n_links - n_wrong + 1) if n_wrong else 0.0
            high = beta.ppf(0.975, n_wrong + 1, n_links - n_wrong) if n_wrong < n_links else 1.0
            mean = float(doubt[own].mean())
            inside = "" if low <= mean <= high else "outside"
            rows.append((f"{tenth / 10:.1f} to {(tenth + 1) / 10:.1f}", str(n_links),
                         str(n_wrong), f"{n_wrong / n_links:.2%}", f"{low:.2%} to {high:.2%}",
                         f"{mean:.2%}", inside))  # fmt: skip
    columns = ("doubt", "links", "wrong", "share", "95 % interval", "mean doubt", "")
    return table(title, columns, iter(rows), "")


def _times(fewer: float) -> str:
    return f"{fewer:.2f}" if np.isfinite(fewer) else "none left"
