"""What lineages, pairs, cuts and links are, in the slowest and plainest words.

Tracks have any keys: numbers, or (number, first frame after a cut) where links were cut.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

Key = Hashable
Cell = tuple[Key, int]  # a track and a frame

COLLATERALS = {(1, 1): "sister", (1, 2): "niece", (2, 1): "aunt", (2, 2): "cousin"}
RELATIONS = ("lineage", "descendant", "same_track")


@dataclass(frozen=True)
class Movie:
    """Tracks with their frames, ascending, and their parents."""

    parent: Mapping[Key, Key | None]
    frames: Mapping[Key, tuple[int, ...]]

    @property
    def cells(self) -> list[Cell]:
        """By track and frame."""
        return [(track, t) for track in sorted(self.frames) for t in self.frames[track]]

    def table(self, y: float = 20.0, x: float = 20.0) -> pd.DataFrame:
        rows = [
            (track, t, -1 if self.parent[track] is None else self.parent[track], 0.0, y, x)
            for track, t in self.cells
        ]
        columns = ["track_id", "t", "parent_track_id", "z", "y", "x"]
        return pd.DataFrame(rows, columns=columns)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Parent of each track as an index (-1 for none); track index and frame of each cell."""
        index = {track: number for number, track in enumerate(sorted(self.parent))}
        parent = [-1 if self.parent[k] is None else index[self.parent[k]] for k in index]
        track = [index[key] for key, _ in self.cells]
        frame = [t for _, t in self.cells]
        return tuple(np.array(column, dtype=np.int64) for column in (parent, track, frame))

    def line(self, track: Key) -> list[Key]:
        """The track, its parent, and so on up to the root."""
        line = [track]
        while self.parent[line[-1]] is not None:
            line.append(self.parent[line[-1]])
        return line

    def root(self, track: Key) -> Key:
        return self.line(track)[-1]

    def children(self, track: Key) -> list[Key]:
        return [key for key, parent in self.parent.items() if parent == track]

    def divisions_between(self, ancestor: Key, track: Key) -> int:
        """Divisions passed on the way from an ancestor down to a track."""
        line = self.line(track)
        return sum(len(self.children(one)) > 1 for one in line[1 : line.index(ancestor) + 1])

    def generation(self, track: Key) -> int:
        return self.divisions_between(self.root(track), track)

    def common_ancestor(self, one: Key, other: Key) -> Key:
        return next(track for track in self.line(one) if track in self.line(other))

    def relation(self, anchor: Key, positive: Key) -> tuple[str, int, int]:
        """The relation in words, divisions up to the common ancestor, and down from it."""
        ancestor = self.common_ancestor(anchor, positive)
        up = self.divisions_between(ancestor, anchor)
        down = self.divisions_between(ancestor, positive)
        if anchor == positive:
            return "same track", up, down
        if ancestor == anchor:
            words = ["continuation", "daughter", "granddaughter"]
            return (words[down] if down < 3 else "descendant"), up, down
        if ancestor == positive:
            return "ancestor", up, down
        return COLLATERALS.get((up, down), "collateral"), up, down

    def may_be_positive(self, anchor: Key, other: Key, relation: str) -> bool:
        if relation == "same_track":
            return anchor == other
        if relation == "descendant":
            return anchor in self.line(other)
        return self.root(anchor) == self.root(other)

    def positives(
        self,
        anchor: Cell,
        tau: int,
        relation: str = "lineage",
        among: Collection[Cell] | None = None,
    ) -> set[Cell]:
        """Cells that may be the positive; all cells are looked at, or those in `among`."""
        track, t = anchor
        return {
            (other, frame)
            for other, frame in (self.cells if among is None else among)
            if frame == t + tau and self.may_be_positive(track, other, relation)
        }

    def cut(
        self, inside: Iterable[tuple[Key, int]] = (), links: Iterable[tuple[Key, Key]] = ()
    ) -> Movie:
        """Cut tracks at frames (those that have cells on both sides), and links to daughters."""
        parent_of_whole = dict(self.parent)
        for mother, daughter in links:
            if parent_of_whole.get(daughter) == mother:
                parent_of_whole[daughter] = None
        parts: dict[Key, list[tuple[Key, int]]] = {}
        frames: dict[Key, tuple[int, ...]] = {}
        for track, all_frames in self.frames.items():
            cuts = sorted(t for cut_track, t in inside if cut_track == track)
            by_cut: dict[int, list[int]] = {}
            for t in all_frames:
                by_cut.setdefault(max((cut for cut in cuts if cut <= t), default=-1), []).append(t)
            # What is before the first cell is no part: the first one keeps the plain name.
            for number, (cut, some) in enumerate(by_cut.items()):
                key = (track, cut if number else -1)
                frames[key] = tuple(some)
                parts.setdefault(track, []).append(key)
        parent: dict[Key, Key | None] = {}
        for track, keys in parts.items():
            mother = parent_of_whole[track]
            for key in keys:
                parent[key] = None
            if mother is not None:
                before = [one for one in parts[mother] if frames[one][0] < frames[keys[0]][0]]
                parent[keys[0]] = before[-1] if before else parts[mother][0]
        return Movie(parent, frames)

    def before(self, sources: Collection[Cell] = ()) -> dict[Cell, Cell | None]:
        """Which cell each follows, as the table names them; of a movie that was cut.

        A daughter follows the last cell of her mother; where tracks end with `sources`, that of the
        last piece of her mother that begins before her.
        """
        before: dict[Cell, Cell | None] = {}
        for (number, _), frames in self.frames.items():
            before |= {(number, t): (number, last) for last, t in itertools.pairwise(frames)}
        for key, mother in self.parent.items():
            begins = self.frames[key][0]
            before[key[0], begins] = None
            if mother is not None:
                number, frames = mother[0], self.frames[mother]
                ends = [t for t in frames[:-1] if (number, t) in sources]
                ends = [t for t in ends if frames[frames.index(t) + 1] >= begins]
                before[key[0], begins] = (number, min(ends, default=frames[-1]))
        return before

    def link(self, links: Collection[tuple[Cell, Cell]]) -> tuple[Movie, dict[Cell, Key]]:
        """Add links that can be to a movie that was cut; also names each cell's track in the table.

        A track begins with a root, with a daughter of the table, and after a division.
        """
        before = self.before([source for source, _ in links])
        words = {(key[0], frames[0]): key for key, frames in self.frames.items()}
        daughters = {cell for cell in words if before[cell] is not None}
        before |= {target: source for source, target in links}
        n_after = count(source for source in before.values() if source is not None)
        track_of: dict[Cell, Key] = {}
        frames: dict[Key, tuple[int, ...]] = {}
        for cell in sorted(before, key=lambda cell: cell[1]):
            source = before[cell]
            if source is None or cell in daughters or n_after[source] > 1:
                track_of[cell] = words.get(cell, cell)
            else:
                track_of[cell] = track_of[source]
            frames[track_of[cell]] = (*frames.get(track_of[cell], ()), cell[1])
        parent: dict[Key, Key | None] = {}
        for cell, source in before.items():
            if frames[track_of[cell]][0] == cell[1]:
                parent[track_of[cell]] = None if source is None else track_of[source]
        numbers = {(track, cell[1]): cell[0] for cell, track in track_of.items()}
        return Movie(parent, frames), numbers


def has_cycle(parent: Sequence[int]) -> bool:
    """Whether following parents from any track never ends; -1 is the end."""
    for start in range(len(parent)):
        track, steps = start, 0
        while track >= 0 and steps <= len(parent):
            track, steps = parent[track], steps + 1
        if track >= 0:
            return True
    return False


def tau_law(tau_min: int, tau_max: int, decay_rate: float) -> dict[int, float]:
    """The law of tau: p proportional to exp(-decay (tau - min) / (max - min))."""
    width = max(tau_max - tau_min, 1)
    weight = {
        tau: math.exp(-decay_rate * (tau - tau_min) / width) for tau in range(tau_min, tau_max + 1)
    }
    return {tau: one / sum(weight.values()) for tau, one in weight.items()}


def fits(counts: Mapping[Key, int], expected: Mapping[Key, float]) -> bool:
    """Chi-square: whether counts follow probabilities; nothing may be counted beside them.

    The bound is 4.5 standard deviations above what is expected of a true law.
    """
    total = sum(counts.values())
    assert all(total * p >= 5 for p in expected.values()), "too few draws for a chi-square"
    assert math.isclose(sum(expected.values()), 1.0)
    if not set(counts) <= set(expected):
        return False
    square = sum((counts.get(k, 0) - total * p) ** 2 / (total * p) for k, p in expected.items())
    freedom = len(expected) - 1
    return square <= freedom + 4.5 * math.sqrt(2 * max(freedom, 1)) + 4


def count(values: Iterable[Key]) -> dict[Key, int]:
    counts: dict[Key, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def uniform_over(keys: Collection[Key]) -> dict[Key, float]:
    return {key: 1 / len(keys) for key in keys}


@st.composite
def movies(draw: st.DrawFn, max_tracks: int = 8, max_frame: int = 40) -> Movie:
    """Tracks as trackers write them.

    Mothers with any number of daughters, at once, after a gap, or before the mother ends; gaps
    inside tracks; numbers in no order.
    """
    n_tracks = draw(st.integers(1, max_tracks))
    numbers = draw(st.lists(st.integers(1, 99), min_size=n_tracks, max_size=n_tracks, unique=True))
    parent: dict[int, int | None] = {}
    frames: dict[int, tuple[int, ...]] = {}
    for track in numbers:
        mother = draw(st.none() | st.sampled_from(list(parent))) if parent else None
        if mother is None:
            start = draw(st.integers(0, 4))
        else:
            last = frames[mother][-1]
            start = draw(
                st.sampled_from([last + 1, last + 1, last + 3, last, frames[mother][0] + 1])
            )
        steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 4]), max_size=4))
        own = [start]
        for step in steps:
            own.append(own[-1] + step)
        parent[track] = mother
        frames[track] = tuple(t for t in own if t == start or t <= max_frame)
    return Movie(parent, frames)
