"""The cell at every frame from anchor to positive, through the division, with its sister."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import (
        BoolArray,
        Float32Array,
        Float64Array,
        Int64Array,
        Pixels,
    )
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.look.pairs import PairList
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.open.patches import IndexPatches


@dataclass(frozen=True, eq=False)
class StripLane:
    """One cell's line through the frames.

    Attributes
    ----------
    name : {"positive", "anchor", "sister"}
        The line that leads to the positive; the anchor's own, where that is another; a sister's.
    rows : ndarray of int64, shape (T,)
        Rows of the review's linked index at that time; -1 where the cell is in no table.
    track_ids : tuple of str
        ``global_track_id`` at each frame; empty where there is no cell.
    """

    name: str
    rows: Int64Array
    track_ids: tuple[str, ...]

    @property
    def present(self) -> BoolArray:
        """Frames with a cell, shape (T,)."""
        return self.rows >= 0


@dataclass(frozen=True, eq=False)
class Strip:
    """A pair through time.

    Attributes
    ----------
    experiment, fov : str
    frames : ndarray of int64, shape (T,)
        From the anchor's to the positive's, both included; of kin, from where their lines part, if
        that is asked for.
    hours : ndarray of float64, shape (T,)
        Since the anchor.
    lanes : tuple of StripLane
        The first leads to the positive.
    divisions : tuple of int
        First frames after the divisions on that way.
    """

    experiment: str
    fov: str
    frames: Int64Array
    hours: Float64Array
    lanes: tuple[StripLane, ...]
    divisions: tuple[int, ...]
    _patches: IndexPatches

    @property
    def anchor_place(self) -> int:
        """Which of the frames is the anchor's."""
        return int(np.flatnonzero(self.hours == 0)[0])

    def images(self, lane: int, frames: slice | Int64Array = slice(None)) -> Pixels:
        """Read a lane's patches, the cell where training would have it: (T, C, Z, Y, X).

        Frames without a cell are zeros; see `StripLane.present`.

        Raises
        ------
        StoreError, ChunkError
            Pixels cannot be read.
        """
        rows = self.lanes[lane].rows[frames]
        there = rows >= 0
        read = self._patches.read(rows[there])
        images = np.zeros((len(rows), *read.shape[1:]), dtype=read.dtype)
        images[there] = read
        return images

    def outlines(
        self, lane: int, frames: slice | Int64Array = slice(None)
    ) -> list[Float32Array | None]:
        """Give the cell's outline in each patch, by masks; None where there is none."""
        rows = self.lanes[lane].rows[frames]
        found = iter(self._patches.outlines(rows[rows >= 0]))
        return [next(found) if row >= 0 else None for row in rows]

    def centres(self, lane: int) -> list[tuple[float, float] | None]:
        """Give the (y, x) of the cell inside each patch; None where there is no cell."""
        rows = self.lanes[lane].rows
        places = iter(self._patches.centres(rows[rows >= 0]))
        return [next(places) if row >= 0 else None for row in rows]

    def positions(self, lane: int) -> list[tuple[float, float, float] | None]:
        """Give the cell's (z, y, x) in its image; None where there is no cell."""
        rows = self.lanes[lane].rows
        cells = self._patches.index.observations.take(rows[rows >= 0])
        places = iter(zip(cells.z.tolist(), cells.y.tolist(), cells.x.tolist(), strict=True))
        return [next(places) if row >= 0 else None for row in rows]

    def thinned(self, most: int = 24, also: Sequence[int] = ()) -> Int64Array:
        """Choose frames to show, as places in `frames`: evenly, those around divisions always.

        Those of `also` are shown besides, with the frames before.
        """
        n_frames = len(self.frames)
        born = np.array(self.divisions, dtype=np.int64) - self.frames[0]
        ends = [0, self.anchor_place, n_frames - 1]
        named = np.array(also, dtype=np.int64)
        always = np.unique(np.concatenate([ends, born - 1, born, named - 1, named]))
        places = always
        for number in range(min(most, n_frames), len(always), -1):
            evenly = np.linspace(0, n_frames - 1, number).round().astype(np.int64)
            places = np.union1d(evenly, always)
            if len(places) <= most:
                break
        return places


def strip_of(data: ReviewData, pairs: PairList, number: int, *, from_common: bool = False) -> Strip:
    """Follow one pair from anchor to positive.

    Parameters
    ----------
    data : ReviewData
    pairs : PairList
    number : int
        Which of the pairs.
    from_common : bool
        Whether kin are followed from the last frame of the cell that both come from.

    Raises
    ------
    ConfigError
        Its tracks were cut, or joined again, since the pairs were drawn; or it is one by equal
        columns.
    """
    if pairs.index.matches is not None:
        raise ConfigError(
            Problem(
                "no-strip",
                "anchor and positive have equal columns, and are no cell that could be followed.",
                "Follow the cell of the anchor in the tree.",
            )
        )
    anchor, positive = pairs.anchors[number], pairs.positives[number]
    index = data.linked
    anchor_track = index.names.find(anchor["global_track_id"])
    positive_track = index.names.find(positive["global_track_id"])
    if anchor_track < 0 or positive_track < 0:
        gone = (anchor if anchor_track < 0 else positive)["global_track_id"]
        raise ConfigError(
            Problem("pair-gone", f"there is no track {gone!r} any more.", "Draw the pairs anew.")
        )
    line = _ancestors(index, positive_track)
    own, start = [anchor_track], anchor["t"]
    if from_common and anchor_track not in line:
        own = _ancestors(index, anchor_track)
        common = next((track for track in own if track in line), -1)
        start = min(start, _last_frame(index, common)) if common >= 0 else start
    frames = np.arange(start, positive["t"] + 1, dtype=np.int64)
    lanes = [_lane(index, "positive", line, frames)]
    if anchor_track not in line:
        lanes.append(_lane(index, "anchor", own, frames))
    divisions = []
    for child, mother in itertools.pairwise(line):
        born = _first_frame(index, child)
        siblings = np.flatnonzero(index.forest.parent == mother)
        if len(siblings) > 1 and frames[0] < born <= frames[-1]:
            divisions.append(born)
            sisters = [int(track) for track in siblings if track not in (child, *own)]
            lanes += [_lane(index, "sister", [track], frames) for track in sisters]
    interval_hours = data.registry.get_experiment(anchor["experiment"]).interval_minutes / 60
    return Strip(
        experiment=anchor["experiment"],
        fov=anchor["fov_name"],
        frames=frames,
        hours=(frames - anchor["t"]) * interval_hours,
        lanes=tuple(lanes),
        divisions=tuple(sorted(divisions)),
        _patches=data.patches_of(index),
    )


def _ancestors(index: MultiExperimentIndex, track: int) -> list[int]:
    """The track and those above it, up to the root."""
    line = [track]
    while index.forest.parent[line[-1]] >= 0:
        line.append(int(index.forest.parent[line[-1]]))
    return line


def _rows_of(index: MultiExperimentIndex, track: int) -> slice:
    first, last = np.searchsorted(index.observations.track, [track, track + 1])
    return slice(int(first), int(last))


def _first_frame(index: MultiExperimentIndex, track: int) -> int:
    t = index.observations.t[_rows_of(index, track)]
    return int(t[0]) if len(t) else -1


def _last_frame(index: MultiExperimentIndex, track: int) -> int:
    t = index.observations.t[_rows_of(index, track)]
    return int(t[-1]) if len(t) else -1


def _lane(
    index: MultiExperimentIndex, name: str, tracks: list[int], frames: Int64Array
) -> StripLane:
    """One line; where two of its tracks are in a frame, the later one counts."""
    rows = np.full(len(frames), -1, dtype=np.int64)
    ids = [""] * len(frames)
    for track in reversed(tracks):
        own = _rows_of(index, track)
        t = index.observations.t[own]
        inside = (t >= frames[0]) & (t <= frames[-1])
        place = t[inside] - frames[0]
        rows[place] = np.arange(own.start, own.stop)[inside]
        for position in place.tolist():
            ids[position] = index.names.of(track)
    return StripLane(name, rows, tuple(ids))
