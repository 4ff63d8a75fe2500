"""True cells of real movies, and what trackers make of them."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DATA = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", "../shared/data")).resolve()
GATES = (1.5, 3.0, 8.0)
LOOSE_FRAMES, LOOSE_STEPS = 3, 5.0
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

    def is_loose(self, source: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether cells are where the truth itself loses one and finds one, a short way apart."""
        goes_on = np.zeros(len(self.t), dtype=bool)
        goes_on[self.before[self.before >= 0]] = True
        lost = ~goes_on & (self.t < self.t.max())
        found = (self.before < 0) & (self.t > 0)
        frames = self.t[target] - self.t[source]
        way = np.sqrt(((self.scaled[:, target] - self.scaled[:, source]) ** 2).sum(axis=0))
        loose: NDArray[np.bool_] = lost[source] & found[target] & (frames <= LOOSE_FRAMES)
        return loose & (way <= LOOSE_STEPS * self.step_px * np.sqrt(frames))

    @property
    def scaled(self) -> NDArray[np.float64]:
        """Places as trackers see them, in px."""
        return self.place * np.array([[self.slice_px], [1.0], [1.0]])

    def tracks(self) -> tuple[NDArray[np.int64], dict[int, int]]:
        """The true table: a track of each cell, and the mothers of tracks."""
        before = self.before
        n_after = np.bincount(before[before >= 0], minlength=len(before))
        goes_on = np.flatnonzero((before >= 0) & (n_after[np.maximum(before, 0)] == 1))
        track = np.arange(len(before))
        # Cells come by time: what a cell was is known before it.
        for cell in goes_on.tolist():
            track[cell] = track[before[cell]]
        born = np.flatnonzero((before >= 0) & (track == np.arange(len(before))))
        return track, dict(zip(born.tolist(), track[before[born]].tolist(), strict=True))

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


def linked_movies() -> Iterator[tuple[tuple[str, ...], Movie, NDArray[np.int64], dict[int, int]]]:
    """Every movie by every tracker with every gate: labels, movie, track of each cell, mothers."""
    for movie in movies():
        for tracker, link in TRACKERS.items():
            for gate in GATES:
                with warnings.catch_warnings():
                    # Trackers warn of frames without cells, and of their dependencies' changes.
                    warnings.simplefilter("ignore")
                    linked = link(movie, gate * movie.step_px)
                yield (movie.label, tracker, f"{gate:g}"), movie, *linked
