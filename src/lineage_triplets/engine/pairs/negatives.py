"""Negatives: observations of other lineages. Pure arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.pairs.randomness import draw_until_there, mix

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array, UInt64Array


_FIRST_COUNTER = 16


@dataclass(frozen=True)
class ExperimentPool:
    """Draws uniformly over the observations of other lineages of the same experiment.

    Excluded observations stay in the pool and are drawn again, so that excluding one lineage
    changes no negative but those that were of it.

    Attributes
    ----------
    row : ndarray of int64
        By lineage; -1 for an excluded observation.
    lineage_start : ndarray of int64, shape (lineages + 1,)
        Where a lineage begins in `row`.
    included : ndarray of int64, shape (lineages + 1,)
        How many observations before a lineage are not excluded.
    first_lineage : ndarray of int64, shape (experiments + 1,)
    """

    row: Int64Array
    lineage_start: Int64Array
    included: Int64Array
    first_lineage: Int64Array

    @classmethod
    def build(
        cls, row: Int64Array, lineage_start: Int64Array, first_lineage: Int64Array
    ) -> ExperimentPool:
        """Build from rows by lineage and lineages by experiment."""
        included = np.concatenate([[0], np.cumsum(row >= 0)])[lineage_start]
        return cls(row, lineage_start, included, first_lineage)

    def draw(self, lineage: Int64Array, experiment: Int64Array, stream: UInt64Array) -> Int64Array:
        """Draw a row for each anchor, given its lineage, experiment and stream; -1 for nobody."""
        first, end = self.first_lineage[experiment], self.first_lineage[experiment + 1]
        own_start, own_end = self.lineage_start[lineage], self.lineage_start[lineage + 1]
        start, n_own = self.lineage_start[first], own_end - own_start
        n_others = self.lineage_start[end] - start - n_own
        own_included = self.included[lineage + 1] - self.included[lineage]
        can = self.included[end] - self.included[first] > own_included

        def place_of(number: Float64Array, pending: Int64Array) -> Int64Array:
            place = (number * n_others[pending, None]).astype(np.int64) + start[pending, None]
            beyond = place >= own_start[pending, None]
            return np.asarray(place + np.where(beyond, n_own[pending, None], 0))

        return draw_until_there(self.row, stream, can, place_of, _FIRST_COUNTER)


@dataclass(frozen=True)
class FovPool:
    """Draws among other lineages of the same FOV, in the anchor's frame or the nearest one.

    Among the candidates that with the largest hash of (anchor, candidate) is taken: each is
    equally likely, and taking one away changes only the draws that were it.

    Attributes
    ----------
    order : ndarray of int64, shape (rows to draw from,)
        Rows by (FOV, frame).
    frame_start : ndarray of int64
        Where a (FOV, frame) begins in `order`, frames of a FOV in a row.
    fov_start : ndarray of int64, shape (fovs + 1,)
        Where a FOV's frames begin in `frame_start`.
    lineage : ndarray of int64, shape (rows,)
    key : ndarray of uint64, shape (rows,)
        Of each observation.
    """

    order: Int64Array
    frame_start: Int64Array
    fov_start: Int64Array
    lineage: Int64Array
    key: UInt64Array

    @classmethod
    def build(
        cls,
        rows: Int64Array,
        fov: Int64Array,
        t: Int64Array,
        lineage: Int64Array,
        key: UInt64Array,
        n_frames: Int64Array,
    ) -> FovPool:
        """Build of the rows to draw from.

        Takes the FOV, frame, lineage and key of every row, and each FOV's number of frames.
        """
        fov_start = np.concatenate([[0], np.cumsum(n_frames)]).astype(np.int64)
        frame = fov_start[fov[rows]] + t[rows]
        frame_start = np.zeros(int(fov_start[-1]) + 1, dtype=np.int64)
        np.cumsum(np.bincount(frame, minlength=int(fov_start[-1])), out=frame_start[1:])
        return cls(rows[np.argsort(frame, kind="stable")], frame_start, fov_start, lineage, key)

    def draw(
        self, lineage: Int64Array, fov: Int64Array, t: Int64Array, stream: UInt64Array
    ) -> Int64Array:
        """Draw a row for each anchor; -1 where the FOV has no other lineage."""
        drawn = np.full(len(lineage), -1, dtype=np.int64)
        pending = np.arange(len(lineage))
        first, end = self.fov_start[fov], self.fov_start[fov + 1]
        frame = first + t
        longest = int((end - first).max(initial=0))
        for distance in range(longest):
            if not len(pending):
                break
            for_anchor, candidate = [], []
            for side in {-distance, distance}:
                there = frame[pending] + side
                inside = (there >= first[pending]) & (there < end[pending])
                anchors = pending[inside]
                low = self.frame_start[there[inside]]
                n_candidates = self.frame_start[there[inside] + 1] - low
                owner = np.repeat(np.arange(len(anchors)), n_candidates)
                step = np.arange(len(owner)) - np.repeat(
                    np.cumsum(n_candidates) - n_candidates, n_candidates
                )
                for_anchor.append(anchors[owner])
                candidate.append(self.order[low[owner] + step])
            anchor, row = np.concatenate(for_anchor), np.concatenate(candidate)
            other = self.lineage[row] != lineage[anchor]
            anchor, row = anchor[other], row[other]
            best = np.lexsort((mix(stream[anchor] ^ self.key[row]), anchor))
            is_last = np.ones(len(best), dtype=bool)
            is_last[:-1] = anchor[best][1:] != anchor[best][:-1]
            drawn[anchor[best][is_last]] = row[best][is_last]
            pending = pending[drawn[pending] < 0]
        return drawn
