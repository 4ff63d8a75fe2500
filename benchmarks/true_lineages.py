"""A movie's true lineages as tables, and as judge of links and pairs of a tracker's table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from lineage_triplets.engine.dataset.source import PairSource

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.true_movies import Movie
    from lineage_triplets.engine import MultiExperimentIndex
    from lineage_triplets.qc.find.doubt.links import DoubtedLink
    from lineage_triplets.qc.record.decision import Target

Answer = Literal["same", "wrong", "instead", "both", "later"]
EPOCHS = 50


def write_tracks(
    file: Path, movie: Movie, track: NDArray[np.int64], mothers: dict[int, int]
) -> None:
    """Write a table of tracks as many trackers have it."""
    cells = pd.DataFrame({"track_id": track, "t": movie.t})
    cells["parent_track_id"] = [mothers.get(int(name), -1) for name in track]
    cells[["z", "y", "x"]] = movie.place.T
    file.parent.mkdir(parents=True)
    cells.sort_values(["track_id", "t"]).to_csv(file, index=False)


def true_tracks(movie: Movie) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Number the true tracks: one of each cell, and the mothers of tracks."""
    followers = np.bincount(movie.before[movie.before >= 0], minlength=len(movie.t))
    track = np.zeros(len(movie.t), dtype=np.int64)
    mothers: dict[int, int] = {}
    number = 0
    for cell, before in enumerate(movie.before.tolist()):
        if before >= 0 and followers[before] == 1:
            track[cell] = track[before]
            continue
        number += 1
        track[cell] = number
        if before >= 0:
            mothers[number] = int(track[before])
    return track, mothers


def loose_ends_joined(movie: Movie, track: NDArray[np.int64], mothers: dict[int, int]) -> Movie:
    """Give the truth with what it loses and finds at once linked as a tracker's table has it."""
    before = movie.before.copy()
    last: dict[int, int] = {}
    for cell, name in enumerate(track.tolist()):
        source = last.get(name, last.get(mothers.get(name, -1), -1))
        last[name] = cell
        if source >= 0 and movie.is_loose(np.array([source]), np.array([cell]))[0]:
            before[cell] = source
    return replace(movie, before=before)


class TrueJudge:
    """Knows which cells of a written table are the same cell, or its offspring.

    Parameters
    ----------
    movie : Movie
        What is held for true.
    track : ndarray of int64, shape (cells,)
        Of each cell, in the table that is judged.
    """

    def __init__(self, movie: Movie, track: NDArray[np.int64]) -> None:
        self._before = movie.before
        self._t = movie.t
        self._cell = {
            place: cell
            for cell, place in enumerate(zip(track.tolist(), movie.t.tolist(), strict=True))
        }
        root = np.arange(len(movie.t))
        for cell, before in enumerate(movie.before.tolist()):
            root[cell] = root[before] if before >= 0 else cell
        self._root = root

    def cells(self, index: MultiExperimentIndex) -> NDArray[np.int64]:
        """Give the cell of each row."""
        places = zip(index.track_id_of_row.tolist(), index.observations.t.tolist(), strict=True)
        return np.array([self._cell[place] for place in places], dtype=np.int64)

    def is_link(self, source: int, target: int) -> bool:
        """Whether a cell comes from another one, frames without it between them or not."""
        cell = int(self._before[target])
        while cell >= 0 and self._t[cell] > self._t[source]:
            cell = int(self._before[cell])
        return cell == source

    def is_join(self, link: Target) -> bool:
        """Whether a link that a table lacks is true."""
        assert link.t is not None
        assert link.to_t is not None
        return self.is_link(
            self._cell[int(link.track), link.t], self._cell[int(link.daughter or 0), link.to_t]
        )

    def same(
        self, index: MultiExperimentIndex, rows: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether pairs are of one true lineage."""
        cells = self.cells(index)
        of_one: NDArray[np.bool_] = self._root[cells[rows]] == self._root[cells[others]]
        return of_one

    def wrong_links(self, index: MultiExperimentIndex, links: list[DoubtedLink]) -> int:
        """Count those that are not true."""
        cells = self.cells(index)
        return sum(not self.is_link(*cells[list(link.now[0])].tolist()) for link in links)

    def wrong_pairs(self, index: MultiExperimentIndex, seed: int = 0) -> tuple[int, int]:
        """Count wrong pairs, and all, of `EPOCHS` epochs of training."""
        source, wrong, total = PairSource(index), 0, 0
        for epoch in range(EPOCHS):
            pairs = source.draw(index.anchor_rows, seed, epoch)
            wrong += int((~self.same(index, pairs.anchor, pairs.positive)).sum())
            total += len(pairs.anchor)
        return wrong, total

    def answer(self, index: MultiExperimentIndex, link: DoubtedLink) -> Answer:
        """Answer what is asked about a link as somebody would who sees which cell is which."""
        cells = self.cells(index)
        now, instead = (
            [self.is_link(*cells[list(ends)].tolist()) for ends in links]
            for links in (link.now, link.instead)
        )
        new = [
            is_true
            for ends, is_true in zip(link.instead, instead, strict=True)
            if ends not in link.now
        ]
        if not now[0]:
            makes = any(target.level == "join" for target in link.repair)
            return "instead" if makes and new and all(new) else "wrong"
        if new == [True]:
            return "both"
        # What is right beside the link is said with it, so all has to be.
        return "same" if not link.partners or all(now) else "later"
