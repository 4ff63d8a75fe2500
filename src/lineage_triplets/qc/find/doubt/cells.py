"""The cells of one experiment and the links between them; which cells lie nearest in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from lineage_triplets.engine.process import usable_cpus

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array

_QUESTIONS_AT_ONCE = 200_000


@dataclass(frozen=True, eq=False)
class Cells:
    """Observations of one experiment, and every link from one to the next.

    Attributes
    ----------
    place : ndarray of float64, shape (axes, cells)
        y, x, and z where there are slices; in px.
    t, track : ndarray of int64, shape (cells,)
        Sorted by track and frame.
    frame : ndarray of int64, shape (cells,)
        Number of the FOV and frame; the next frame of a FOV is the next number.
    may_start, may_end : ndarray of bool, shape (cells,)
        Later than the first frame of the FOV's table, and earlier than its last.
    source, target : ndarray of int64, shape (links,)
        Cells; each is the target of one link at most.
    go_on : callable
        Called in between by what takes long; what it raises ends that.
    """

    place: Float64Array
    t: Int64Array
    track: Int64Array
    frame: Int64Array
    may_start: BoolArray
    may_end: BoolArray
    source: Int64Array
    target: Int64Array
    go_on: Callable[[], object] = bool

    @classmethod
    def of_arrays(
        cls,
        place: Float64Array,
        fov: Int64Array,
        t: Int64Array,
        track: Int64Array,
        parent: Int64Array,
        go_on: Callable[[], object] = bool,
    ) -> Cells:
        """Link the cells of each track, and its first to the last of its parent before it.

        Parameters
        ----------
        place : ndarray of float64, shape (axes, cells)
        fov, t, track : ndarray of int64, shape (cells,)
            FOVs from 0; sorted by track and frame.
        parent : ndarray of int64, shape (tracks,)
            Number of the parent track, -1 for a root.
        go_on : callable
            As the attribute.
        """
        n_frames = int(t.max(initial=0)) + 2
        first_t = np.full(int(fov.max(initial=-1)) + 1, n_frames)
        last_t = np.full(len(first_t), -1)
        np.minimum.at(first_t, fov, t)
        np.maximum.at(last_t, fov, t)
        inside = np.flatnonzero(track[1:] == track[:-1])
        numbers = np.arange(len(parent))
        first = np.searchsorted(track, numbers)
        has_cells = np.searchsorted(track, numbers, side="right") > first
        child = np.flatnonzero((parent >= 0) & has_cells)
        # A mother may have frames beside her daughter's: the last one before counts.
        key = track * n_frames + t
        mother = np.searchsorted(key, parent[child] * n_frames + t[first[child]]) - 1
        is_hers = (mother >= 0) & (track[np.maximum(mother, 0)] == parent[child])
        return cls(
            place=place,
            t=t,
            track=track,
            frame=fov * n_frames + t,
            may_start=t > first_t[fov],
            may_end=t < last_t[fov],
            source=np.concatenate([inside, mother[is_hers]]),
            target=np.concatenate([inside + 1, first[child][is_hers]]),
            go_on=go_on,
        )

    @cached_property
    def gap(self) -> Int64Array:
        """Frames from source to target of each link."""
        gap: Int64Array = self.t[self.target] - self.t[self.source]
        return gap

    @cached_property
    def link_into(self) -> Int64Array:
        """The link that ends at each cell, or -1."""
        into = np.full(len(self.t), -1, dtype=np.int64)
        into[self.target] = np.arange(len(self.target))
        return into

    @cached_property
    def n_out(self) -> Int64Array:
        """How many links begin at each cell."""
        return np.bincount(self.source, minlength=len(self.t))

    @cached_property
    def _by_source(self) -> tuple[Int64Array, Int64Array]:
        """Links in the order of their sources, and where each cell's begin."""
        return np.argsort(self.source, kind="stable"), np.cumsum(self.n_out) - self.n_out

    def link_from(self, cell: Int64Array, number: int = 0) -> Int64Array:
        """A link that begins at each cell, by its number among them; -1 where there are fewer."""
        order, start = self._by_source
        there = self.n_out[cell] > number
        return np.where(there, order[np.where(there, start[cell] + number, 0)], -1)

    @cached_property
    def is_division(self) -> BoolArray:
        """Whether more than one link begins where a link does."""
        division: BoolArray = self.n_out[self.source] > 1
        return division

    @cached_property
    def sister(self) -> Int64Array:
        """The nearest other target of each link's source; -1 if there is none."""
        sister = np.full(len(self.source), -1, dtype=np.int64)
        least = np.full(len(self.source), np.inf)
        division = np.flatnonzero(self.is_division)
        for number in range(int(self.n_out.max(initial=0))):
            link = self.link_from(self.source[division], number)
            another = (link >= 0) & (link != division)
            at, other = division[another], self.target[link[another]]
            apart = ((self.place[:, other] - self.place[:, self.target[at]]) ** 2).sum(axis=0)
            nearer = apart < least[at]
            sister[at[nearer]], least[at[nearer]] = other[nearer], apart[nearer]
        return sister

    @cached_property
    def is_start(self) -> BoolArray:
        """Cells that follow none, after the first frame."""
        start: BoolArray = (self.link_into < 0) & self.may_start
        return start

    @cached_property
    def is_end(self) -> BoolArray:
        """Cells that none follows, before the last frame."""
        end: BoolArray = (self.n_out == 0) & self.may_end
        return end


class Nearest:
    """Finds the cells of a frame that lie nearest to a place.

    Parameters
    ----------
    place : ndarray of float64, shape (axes, cells)
    frame : ndarray of int64, shape (cells,)
    go_on : callable
        Called before some questions are answered; what it raises ends that.
    """

    def __init__(
        self, place: Float64Array, frame: Int64Array, go_on: Callable[[], object] = bool
    ) -> None:
        self._go_on = go_on
        # Frames lie so far apart along one more axis that one tree serves all of them.
        extent = float((place.max(axis=1) - place.min(axis=1)).max()) if place.size else 0.0
        self._far = 4.0 * (extent + 1.0)
        self._tree = cKDTree(np.column_stack([*place, frame * self._far]), balanced_tree=False)

    def __call__(
        self, place: Float64Array, frame: Int64Array, n: int
    ) -> tuple[Int64Array, Float64Array]:
        """Give the `n` nearest cells of each frame, the nearest first.

        Returns
        -------
        cell : ndarray of int64, shape (questions, n)
            -1 where there are fewer.
        distance : ndarray of float64, shape (questions, n)
            Infinite where there are fewer.
        """
        # Questions about one place of the tree after the other find it in the processor's cache.
        order = np.argsort(frame, kind="stable")
        apart, found = np.empty((len(order), n)), np.empty((len(order), n), dtype=np.int64)
        for first in range(0, len(order), _QUESTIONS_AT_ONCE):
            self._go_on()
            some = order[first : first + _QUESTIONS_AT_ONCE]
            points = np.column_stack([*place[:, some], frame[some] * self._far])
            distance, cell = self._tree.query(
                points, n, distance_upper_bound=self._far / 2, workers=usable_cpus()
            )
            apart[some] = np.reshape(distance, (len(some), n))
            found[some] = np.reshape(cell, (len(some), n))
        found[np.isinf(apart)] = -1
        return found, apart
