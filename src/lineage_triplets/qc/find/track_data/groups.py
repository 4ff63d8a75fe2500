"""Many groups of values at once: their medians, and which points of a group lie near a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array


_CANDIDATES_AT_ONCE = 4_000_000
_LEVELS = 2**31


def expand(start: Int64Array, count: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Turn ranges into their members: the number of the range, and the member."""
    of = np.repeat(np.arange(len(start), dtype=np.int64), count)
    before = np.cumsum(count) - count
    return of, start[of] + np.arange(len(of), dtype=np.int64) - before[of]


def group_median(
    values: Float64Array, group: Int64Array, n_groups: int
) -> tuple[Float64Array, Int64Array]:
    """Give the median of each group, and how many values it has.

    Parameters
    ----------
    values : ndarray of float64
        Finite.
    group : ndarray of int64
        Below `n_groups`, which is below 2**31.

    Returns
    -------
    median : ndarray of float64, shape (n_groups,)
        To a 2**31st of the values' range; 0 for a group without values.
    count : ndarray of int64, shape (n_groups,)
    """
    count = np.bincount(group, minlength=n_groups)
    median = np.zeros(n_groups)
    if len(values) == 0:
        return median, count
    low = float(values.min())
    scale = (_LEVELS - 1) / max(float(values.max()) - low, 1e-9)
    # Sorting plain integers is many times faster than sorting by two keys.
    level = np.sort(group * _LEVELS + np.rint((values - low) * scale).astype(np.int64))
    level &= _LEVELS - 1
    there = np.flatnonzero(count)
    start = (np.cumsum(count) - count)[there]
    lower = level[start + (count[there] - 1) // 2]
    upper = level[start + count[there] // 2]
    median[there] = low + (lower + upper) / (2 * scale)
    return median, count


@dataclass(frozen=True, eq=False)
class FrameSearch:
    """Points in groups (the cells of one FOV and frame), to be found by place.

    Attributes
    ----------
    order : ndarray of int64
        Points by group and first coordinate.
    key : ndarray of float64
        Group and first coordinate as one rising number, in that order.
    place : ndarray of float64, shape (axes, points)
    low, stride : float
        What makes up a key: ``group * stride + (coordinate - low)``.
    """

    order: Int64Array
    key: Float64Array
    place: Float64Array
    low: float
    stride: float

    @classmethod
    def build(cls, group: Int64Array, place: Float64Array) -> FrameSearch:
        """Sort the points.

        Parameters
        ----------
        group : ndarray of int64, shape (points,)
            Not negative.
        place : ndarray of float64, shape (axes, points)
        """
        first = place[0]
        low = float(first.min(initial=0.0))
        stride = float(first.max(initial=0.0)) - low + 1.0
        key = group * stride + (first - low)
        order = np.argsort(key, kind="stable")
        return cls(order, key[order], place, low, stride)

    def within(
        self, group: Int64Array, place: Float64Array, radius: Float64Array
    ) -> tuple[Int64Array, Int64Array, Float64Array]:
        """Find all points of a group that are nearer than a radius.

        Parameters
        ----------
        group : ndarray of int64, shape (questions,)
        place : ndarray of float64, shape (axes, questions)
        radius : ndarray of float64, shape (questions,)

        Returns
        -------
        question, point : ndarray of int64
            One entry a hit, by question.
        distance : ndarray of float64
        """
        base = group * self.stride
        from_low = place[0] - self.low
        start = np.searchsorted(self.key, base + np.maximum(from_low - radius, 0.0))
        top = base + np.minimum(from_low + radius, self.stride - 0.5)
        count = np.maximum(np.searchsorted(self.key, top, side="right") - start, 0)
        parts = [
            self._near(first, start[first:last], count[first:last], place, radius)
            for first, last in _portions(count)
        ]
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        question, point, distance = zip(*parts, strict=True)
        return np.concatenate(question), np.concatenate(point), np.concatenate(distance)

    def _near(
        self,
        first: int,
        start: Int64Array,
        count: Int64Array,
        place: Float64Array,
        radius: Float64Array,
    ) -> tuple[Int64Array, Int64Array, Float64Array]:
        question, at = expand(start, count)
        question += first
        point = self.order[at]
        squared = np.zeros(len(point))
        for axis, values in enumerate(self.place):
            squared += (values[point] - place[axis, question]) ** 2
        near = squared < radius[question] ** 2
        return question[near], point[near], np.sqrt(squared[near])


def _portions(count: Int64Array) -> Iterator[tuple[int, int]]:
    """Ranges of questions with a bounded number of candidates each, to spare memory."""
    total = np.cumsum(count)
    first = 0
    while first < len(count):
        done = total[first - 1] if first else 0
        last = int(np.searchsorted(total, done + _CANDIDATES_AT_ONCE, side="right"))
        last = max(last, first + 1)
        yield first, last
        first = last
