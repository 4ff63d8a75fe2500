"""Links that trackers get wrong: how much is mended by looking at those that stand first.

The true cells of real movies are linked anew by laptrack and trackpy. A pair of training counts as
wrong if a wrong link lies on the way between its two cells.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.timing import table
from lineage_triplets.engine import tau_distribution
from lineage_triplets.engine.pairs.forest import Forest
from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.qc.find.doubt.alternatives import Doubts
from lineage_triplets.qc.find.doubt.cells import Cells, Nearest
from lineage_triplets.qc.find.doubt.harm import pairs_on_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from rich.table import Table

DATA = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", "../shared/data"))
GATES = (1.5, 3.0, 8.0)
SHARES = (0.02, 0.05)
TAU_FRAMES = (1, 8)
ENOUGH_WRONG = 20
BINS = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9)
AXES = ["z", "y", "x"]


@dataclass(frozen=True)
class Movie:
    """The true cells of a movie, sorted by frame.

    Attributes
    ----------
    label : str
    slice_px : float
        Distance of slices, which trackers are told; 0 for a movie without.
    t, before : ndarray of int64, shape (cells,)
        Frame, and the cell that each was; -1 for none.
    place : ndarray of float64, shape (3, cells)
        z in slices, y and x in px.
    """

    label: str
    slice_px: float
    t: NDArray[np.int64]
    before: NDArray[np.int64]
    place: NDArray[np.float64]

    def every(self, n: int) -> Movie:
        """Every `n`-th frame."""
        if n == 1:
            return self
        kept = self.t % n == 0
        before = self.before.copy()
        while (out := (before >= 0) & ~kept[before]).any():
            before[out] = self.before[before[out]]
        number = np.cumsum(kept) - 1
        before = np.where(before[kept] >= 0, number[before[kept]], -1)
        label = f"{self.label}, every {n}."
        return Movie(label, self.slice_px, self.t[kept] // n, before, self.place[:, kept])

    @property
    def scaled(self) -> NDArray[np.float64]:
        """Places as trackers see them, in px."""
        return self.place * np.array([[self.slice_px], [1.0], [1.0]])

    def as_frame(self) -> pd.DataFrame:
        """Places in px, frame, and number of each cell."""
        cells = pd.DataFrame(self.scaled.T, columns=AXES)
        return cells.assign(frame=self.t, cell=np.arange(len(self.t)))

    @property
    def step_px(self) -> float:
        """Median step."""
        cell = np.flatnonzero(self.before >= 0)
        step = self.scaled[:, cell] - self.scaled[:, self.before[cell]]
        return float(np.median(np.sqrt((step**2).sum(axis=0))))


def read_table(label: str, file: str, slice_px: float) -> Movie:
    """Read a plate's table of true tracks."""
    rows = pd.read_csv(DATA / "plates" / file).sort_values(["track_id", "t"], ignore_index=True)
    before = np.where(rows["track_id"].eq(rows["track_id"].shift()), np.arange(len(rows)) - 1, -1)
    last = rows.groupby("track_id").tail(1).reset_index().set_index("track_id")["index"]
    first = before < 0
    before[first] = rows["parent_track_id"][first].map(last).fillna(-1).astype(np.int64)
    return _sorted(label, slice_px, rows["t"].to_numpy(), before, rows[AXES].to_numpy().T)


def read_geff(label: str, file: str, slice_px: float) -> Movie:
    """Read a graph of true cells."""
    import zarr

    graph = zarr.open_group(DATA / "tracks" / "geff" / file, mode="r")
    ids = np.asarray(graph["nodes/ids"])
    edges = np.asarray(graph["edges/ids"])
    order = np.argsort(ids)
    before = np.full(len(ids), -1)
    source, target = (
        order[np.searchsorted(ids[order], edges[:, end].astype(ids.dtype))] for end in (0, 1)
    )
    before[target] = source
    t, *place = (
        np.asarray(graph[f"nodes/props/{name}/values"], dtype=np.float64) for name in ["t", *AXES]
    )
    return _sorted(label, slice_px, t.astype(np.int64), before, np.stack(place))


def _sorted(
    label: str,
    slice_px: float,
    t: NDArray[np.int64],
    before: NDArray[np.int64],
    place: NDArray[np.float64],
) -> Movie:
    order = np.argsort(t, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    before = np.where(before[order] >= 0, number[before[order]], -1)
    return Movie(label, slice_px, t[order], before, place[:, order].astype(np.float64))


def by_laptrack(movie: Movie, gate_px: float) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Link with laptrack: a track of each cell, and the mothers of tracks."""
    from laptrack import LapTrack

    cells = pd.DataFrame(movie.scaled.T, columns=AXES).assign(
        frame=movie.t, cell=np.arange(len(movie.t))
    )
    tracker = LapTrack(
        cutoff=gate_px**2,
        gap_closing_cutoff=gate_px**2,
        gap_closing_max_frame_count=1,
        splitting_cutoff=gate_px**2,
    )
    linked, splits, _ = tracker.predict_dataframe(
        cells, AXES, frame_col="frame", only_coordinate_cols=False
    )
    track = np.empty(len(cells), dtype=np.int64)
    track[linked["cell"].to_numpy()] = linked["track_id"].to_numpy()
    if not len(splits):
        return track, {}
    return track, dict(zip(splits["child_track_id"], splits["parent_track_id"], strict=True))


def by_trackpy(movie: Movie, gate_px: float) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Link with trackpy, which knows no divisions."""
    import trackpy

    trackpy.quiet()
    cells = pd.DataFrame(movie.scaled.T, columns=AXES).assign(
        frame=movie.t, cell=np.arange(len(movie.t))
    )
    linked = trackpy.link(
        cells, gate_px, pos_columns=AXES, memory=1, adaptive_stop=0.1 * gate_px, adaptive_step=0.9
    )
    track = np.empty(len(cells), dtype=np.int64)
    track[linked["cell"].to_numpy()] = linked["particle"].to_numpy()
    return track, {}


TRACKERS = {"laptrack": by_laptrack, "trackpy": by_trackpy}


class Run:
    """A tracker's table held against the truth.

    Parameters
    ----------
    movie : Movie
    track : ndarray of int64, shape (cells,)
    mothers : dict of int to int
    """

    def __init__(self, movie: Movie, track: NDArray[np.int64], mothers: dict[int, int]) -> None:
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
        cells = self.cells
        reached = was[cells.target]
        for _ in range(int(cells.gap.max(initial=1)) - 1):
            further = (reached >= 0) & (self.t[reached] > self.t[cells.source])
            reached = np.where(further, was[reached], reached)
        self.is_wrong = reached != cells.source
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

    def wrong_share(self, looked_at: NDArray[np.int64]) -> float:
        """Share of wrong pairs once the wrong ones of some links are cut."""
        cut = np.zeros(len(self.is_wrong), dtype=bool)
        cut[looked_at] = self.is_wrong[looked_at]
        lineage = self._parts(~cut)
        right = self._parts(~self.is_wrong)
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

    def orders(self) -> dict[str, NDArray[np.int64]]:
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
            "perfect": np.lexsort((-pairs, ~self.is_wrong)),
        }


def movies() -> Iterator[Movie]:
    hela = read_table("HeLa", "hela_tracks/A/1/0/tracks.csv", 0.0)
    elegans = read_geff("C. elegans", "ce_embryo.geff", 11.1)
    yield read_table("HaCaT", "hacat_tracks/A/1/0/tracks.csv", 0.0)
    # The plate does not say how far its slices lie apart; cells step alike with about 5 px.
    yield read_table("mouse embryo", "embryo_tracks/B/3/2/tracks.csv", 5.0)
    for every in (1, 2, 3):
        yield hela.every(every)
    for every in (1, 2, 3):
        yield elegans.every(every)


def linked_runs() -> Iterator[tuple[tuple[str, ...], Run]]:
    """Every movie by every tracker with every gate."""
    for movie in movies():
        for tracker, link in TRACKERS.items():
            for gate in GATES:
                with warnings.catch_warnings():
                    # Trackers warn of frames without cells, and of their dependencies' changes.
                    warnings.simplefilter("ignore")
                    linked = link(movie, gate * movie.step_px)
                yield (movie.label, tracker, f"{gate:g}"), Run(movie, *linked)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    del folder, large
    if not DATA.exists():
        raise SystemExit(f"no real movies in {DATA} (LINEAGE_TRIPLETS_DATA names them)")
    names = ("by doubt", "20 lines", "perfect")
    columns = [f"{share:.0%} {name}" for share in SHARES for name in names]
    rows, counted, doubts, wrong = [], [], [], []
    of_movies: dict[str, list[list[float]]] = {}
    for label, run in linked_runs():
        orders = run.orders()
        before = run.wrong_share(np.zeros(0, dtype=np.int64))
        n_links, n_wrong = len(run.is_wrong), int(run.is_wrong.sum())
        after = [
            run.wrong_share(orders[name][: int(np.ceil(share * n_links))])
            for share in SHARES
            for name in names
        ]
        # Where nothing was wrong, nothing is mended.
        fewer = [1.0 if not n_wrong else before / left if left > 0 else np.inf for left in after]
        if n_wrong >= ENOUGH_WRONG:
            counted.append(fewer)
        if n_wrong:
            of_movies.setdefault(label[0].partition(",")[0], []).append(fewer)
        doubts.append(run.doubt)
        wrong.append(run.is_wrong)
        figures = (str(n_links), str(n_wrong), f"{before:.2%}", *map(_times, fewer))
        rows.append((*label, *figures))
    yield table(
        "Wrong pairs after a look at the first links: how many times fewer",
        ("movie", "tracker", "gate", "links", "wrong links", "wrong pairs", *columns),
        iter(rows),
        "gate in median steps; pairs 1 to 8 frames apart, within a lineage",
    )
    groups = {f"{ENOUGH_WRONG} wrong links or more": counted}
    groups |= {f"{movie}, a wrong link or more": found for movie, found in of_movies.items()}
    yield table(
        "Medians",
        ("runs with", "runs", *columns),
        (
            (name, str(len(found)), *(_times(float(fewer)) for fewer in np.median(found, axis=0)))
            for name, found in groups.items()
        ),
        "20 lines: step against the nearest other cell's; perfect: wrong ones first",
    )
    yield _calibration(np.concatenate(doubts), np.concatenate(wrong))


def _calibration(doubt: NDArray[np.float64], is_wrong: NDArray[np.bool_]) -> Table:
    """Hold the links of all runs, by doubt, against how many of them are wrong."""
    place = np.digitize(doubt, BINS)
    rows = []
    for number, (low, high) in enumerate(zip((0.0, *BINS), (*BINS, 1.0), strict=True)):
        own = place == number
        share = f"{is_wrong[own].mean():.1%}" if own.any() else ""
        count, n_wrong = str(int(own.sum())), str(int(is_wrong[own].sum()))
        rows.append((f"{low:g} to {high:g}", count, n_wrong, share))
    columns = ("doubt", "links", "wrong", "share")
    return table("Doubts of all runs against the truth", columns, iter(rows), "")


def _times(fewer: float) -> str:
    return f"{fewer:.2f}" if np.isfinite(fewer) else "none left"
