"""Negatives: observations of other lineages. Pure arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.randomness import UInt64Array, mix, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int64Array = NDArray[np.int64]

_FIRST_COUNTER = 16
_ROUNDS = 32


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
    experiment_start : ndarray of int64, shape (experiments + 1,)
    """

    row: Int64Array
    lineage_start: Int64Array
    experiment_start: Int64Array

    def draw(self, lineage: Int64Array, experiment: Int64Array, stream: UInt64Array) -> Int64Array:
        """Draw a row for each anchor, given its lineage, experiment and stream."""
        own_start, own_end = self.lineage_start[lineage], self.lineage_start[lineage + 1]
        start, end = self.experiment_start[experiment], self.experiment_start[experiment + 1]
        others = (end - start) - (own_end - own_start)
        drawn = np.full(len(lineage), -1, dtype=np.int64)
        pending = np.arange(len(lineage))
        for counter in range(_FIRST_COUNTER, _FIRST_COUNTER + _ROUNDS):
            place = start[pending] + (uniform(stream[pending], counter) * others[pending]).astype(
                np.int64
            )
            place += np.where(place >= own_start[pending], (own_end - own_start)[pending], 0)
            drawn[pending] = self.row[place]
            pending = pending[drawn[pending] < 0]
            if not len(pending):
                return drawn
        drawn[pending] = self._among_included(
            own_start[pending],
            own_end[pending],
            start[pending],
            end[pending],
            uniform(stream[pending], _FIRST_COUNTER + _ROUNDS),
        )
        return drawn

    def _among_included(
        self,
        own_start: Int64Array,
        own_end: Int64Array,
        start: Int64Array,
        end: Int64Array,
        number: NDArray[np.float64],
    ) -> Int64Array:
        """Draw by rank among what is not excluded, where most of the pool is."""
        rank = np.concatenate([[0], np.cumsum(self.row >= 0)])
        before_own = rank[own_start] - rank[start]
        own = rank[own_end] - rank[own_start]
        others = rank[end] - rank[start] - own
        chosen = (number * others).astype(np.int64)
        chosen += np.where(chosen >= before_own, own, 0) + rank[start]
        place: Int64Array = np.searchsorted(rank, chosen + 1) - 1
        return self.row[place]


@dataclass(frozen=True)
class FovPool:
    """Draws among other lineages of the same FOV, in the anchor's frame or the nearest one.

    Among the candidates that with the largest hash of (anchor, candidate) is taken: each is
    equally likely, and taking one away changes only the draws that were it.

    Attributes
    ----------
    order : ndarray of int64, shape (rows,)
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
        fov: Int64Array,
        t: Int64Array,
        lineage: Int64Array,
        key: UInt64Array,
        n_frames: Int64Array,
    ) -> FovPool:
        """Build from each row's FOV, frame, lineage and key, and each FOV's number of frames."""
        fov_start = np.concatenate([[0], np.cumsum(n_frames)]).astype(np.int64)
        frame = fov_start[fov] + t
        frame_start = np.zeros(int(fov_start[-1]) + 1, dtype=np.int64)
        np.cumsum(np.bincount(frame, minlength=int(fov_start[-1])), out=frame_start[1:])
        return cls(np.argsort(frame, kind="stable"), frame_start, fov_start, lineage, key)

    def draw(
        self, lineage: Int64Array, fov: Int64Array, t: Int64Array, stream: UInt64Array
    ) -> Int64Array:
        """Draw a row for each anchor; every FOV has another lineage."""
        drawn = np.full(len(lineage), -1, dtype=np.int64)
        pending = np.arange(len(lineage))
        first, end = self.fov_start[fov], self.fov_start[fov + 1]
        frame = first + t
        distance = 0
        while len(pending):
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
            distance += 1
        return drawn
