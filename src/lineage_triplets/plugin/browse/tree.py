"""A lineage as a tree: how its tracks stand, time down and branches side by side, with marks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.engine.index.names import track_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.look.view import LineageView
    from lineage_triplets.qc.record.decision import Target
    from lineage_triplets.qc.record.effect import Effect


_NEVER = np.iinfo(np.int64).max
MarkKind = Literal["error", "warning", "note", "accepted", "rejected", "cut"]


@dataclass(frozen=True, eq=False)
class TreeLayout:
    """A lineage as lines: one upright a track, one level line from each daughter to its mother.

    Attributes
    ----------
    x : ndarray of float64, shape (tracks,)
        Columns; tracks without daughters stand 1 apart, a mother in the middle of her daughters.
    first_t, last_t : ndarray of int64, shape (tracks,)
        Frames; of a track without cells both are where it hangs.
    top, bottom : ndarray of int64, shape (tracks,)
        Frames from and to which its upright goes: it reaches its links.
    parent : ndarray of int64, shape (tracks,)
        -1 for a root.
    n_columns : int
    vertices : ndarray of float64, shape (points, 2)
        Column and frame of each end of a line.
    connect : ndarray of int64, shape (lines, 2)
        Numbers of two vertices: the uprights in the order of the tracks, then the links.
    """

    x: Float64Array
    first_t: Int64Array
    last_t: Int64Array
    top: Int64Array
    bottom: Int64Array
    parent: Int64Array
    n_columns: int
    vertices: Float64Array
    connect: Int64Array

    @property
    def daughters(self) -> Int64Array:
        """Tracks that have a mother, in the order of their links."""
        return np.flatnonzero(self.parent >= 0)

    @property
    def divides(self) -> Int64Array:
        """Tracks with two or more daughters; the division is at their `bottom`."""
        mothers = self.parent[self.parent >= 0]
        return np.flatnonzero(np.bincount(mothers, minlength=len(self.parent)) > 1)


def lay_out(parent: Int64Array, first_t: Int64Array, last_t: Int64Array) -> TreeLayout:
    """Lay out one lineage, or several side by side.

    A mother stands in the middle of her daughters unless one of her descendants starts before she
    ends, as a wrong link has it: then she gets a column of her own between them, so that no two
    tracks ever lie on each other.

    Parameters
    ----------
    parent : ndarray of int64, shape (tracks,)
        Number of each track's mother; -1 for a root.
    first_t, last_t : ndarray of int64, shape (tracks,)
        Frames; -1 for a track without cells.
    """
    parent = np.asarray(parent, dtype=np.int64)
    levels = _levels(parent)
    first_t, last_t = _hung(parent, levels, first_t, last_t)
    below = _first_below(parent, levels, first_t)
    has_daughters = below < _NEVER
    apart = has_daughters & (last_t >= below)
    x, n_columns = _columns(parent, levels, has_daughters, apart)
    linked = np.flatnonzero(parent >= 0)
    mother = parent[linked]
    link_t = np.where(apart[mother], first_t[linked], below[mother])
    top, bottom = first_t.copy(), last_t.copy()
    top[linked] = link_t
    np.maximum.at(bottom, mother, link_t)
    n_tracks, n_links = len(parent), len(linked)
    vertices = np.empty((2 * (n_tracks + n_links), 2), dtype=np.float64)
    uprights, links = vertices[: 2 * n_tracks], vertices[2 * n_tracks :]
    uprights[:, 0] = np.repeat(x, 2)
    uprights[0::2, 1], uprights[1::2, 1] = top, bottom
    links[0::2, 0], links[1::2, 0] = x[mother], x[linked]
    links[:, 1] = np.repeat(link_t, 2)
    connect = np.arange(len(vertices), dtype=np.int64).reshape(-1, 2)
    return TreeLayout(x, first_t, last_t, top, bottom, parent, n_columns, vertices, connect)


def _levels(parent: Int64Array) -> list[Int64Array]:
    """Tracks by the number of links above them, the roots first."""
    depth = np.zeros(len(parent), dtype=np.int64)
    above = parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[above], -1)
    order = np.argsort(depth, kind="stable")
    starts = np.searchsorted(depth[order], np.arange(int(depth.max(initial=0)) + 2))
    return [order[start:end] for start, end in pairwise(starts.tolist())]


def _hung(
    parent: Int64Array, levels: list[Int64Array], first_t: Int64Array, last_t: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Frames with those of tracks without cells filled in: the end of what they hang from."""
    first = np.array(first_t, dtype=np.int64)
    last = np.array(last_t, dtype=np.int64)
    empty = first < 0
    if not empty.any():
        return first, last
    earliest = int(first[~empty].min()) if (~empty).any() else 0
    for level in levels:
        bare = level[empty[level]]
        mother = parent[bare]
        first[bare] = last[bare] = np.where(mother >= 0, last[mother], earliest)
    return first, last


def _first_below(parent: Int64Array, levels: list[Int64Array], first_t: Int64Array) -> Int64Array:
    """First frame of anything below each track."""
    below = np.full(len(parent), _NEVER)
    for level in reversed(levels[1:]):
        np.minimum.at(below, parent[level], np.minimum(first_t[level], below[level]))
    return below


def _columns(
    parent: Int64Array,
    levels: list[Int64Array],
    has_daughters: BoolArray,
    apart: BoolArray,
) -> tuple[Float64Array, int]:
    n_tracks = len(parent)
    width = (~has_daughters | apart).astype(np.int64)
    for level in reversed(levels[1:]):
        np.add.at(width, parent[level], width[level])
    start = np.zeros(n_tracks, dtype=np.int64)
    own = np.zeros(n_tracks, dtype=np.int64)
    n_daughters = np.bincount(parent[parent >= 0], minlength=n_tracks)
    for number, level in enumerate(levels):
        siblings = level[np.argsort(parent[level], kind="stable")]
        mother = parent[siblings]
        before = np.cumsum(width[siblings]) - width[siblings]
        if number == 0:
            start[siblings] = before
            continue
        eldest = np.r_[True, mother[1:] != mother[:-1]]
        family = np.cumsum(eldest) - 1
        place = np.arange(len(siblings)) - np.flatnonzero(eldest)[family]
        within = before - before[eldest][family]
        later = apart[mother] & (place >= (n_daughters[mother] + 1) // 2)
        start[siblings] = start[mother] + within + later
        elder = ~later
        np.add.at(own, mother[elder], width[siblings[elder]])
    x = (start + np.where(apart, own, 0)).astype(np.float64)
    for level in reversed(levels[1:]):
        low = np.full(n_tracks, np.inf)
        high = np.full(n_tracks, -np.inf)
        np.minimum.at(low, parent[level], x[level])
        np.maximum.at(high, parent[level], x[level])
        mothers = np.unique(parent[level])
        centred = mothers[~apart[mothers]]
        x[centred] = (low[centred] + high[centred]) / 2
    return x, int(width[levels[0]].sum()) if n_tracks else 0


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a track and frame.

    Attributes
    ----------
    track : int
        Row of the tree.
    t : int
        Frame.
    kind : str
        One of `MarkKind`.
    words : str
    """

    track: int
    t: int
    kind: MarkKind
    words: str


@dataclass(frozen=True, eq=False)
class Tree:
    """A lineage ready to be drawn.

    Attributes
    ----------
    layout : TreeLayout
    names : tuple of str
        Track numbers, with ``@t`` after a cut.
    interval_minutes : float
    start_hours : float
        Of frame 0, after infection.
    left_out : ndarray of int64, shape (spans, 3)
        Track, first and last frame of what training leaves out.
    marks : tuple of Mark
    """

    layout: TreeLayout
    names: tuple[str, ...]
    interval_minutes: float
    start_hours: float
    left_out: Int64Array
    marks: tuple[Mark, ...]

    def hours(self, t: float) -> float:
        """Hours post infection at a frame."""
        return self.start_hours + t * self.interval_minutes / 60

    def words(self, track: int, t: int) -> str:
        """What is at a track and frame, for a person."""
        lines = [f"track {self.names[track]}, frame {t} ({self.hours(t):.4g} h)"]
        lines += [mark.words for mark in self.marks if mark.track == track and mark.t == t]
        left_out = self.left_out[self.left_out[:, 0] == track]
        if ((left_out[:, 1] <= t) & (t <= left_out[:, 2])).any():
            lines.append("left out of training")
        return "\n".join(lines)


def tree_of(
    view: LineageView, findings: Iterable[Finding], effect: Effect, interval_minutes: float
) -> Tree:
    """Make the tree of a lineage.

    Parameters
    ----------
    view : LineageView
    findings : iterable of Finding
        Those that are open; others than this lineage's are passed over.
    effect : Effect
        Decisions in effect.
    interval_minutes : float
    """
    tracks = view.tracks
    layout = lay_out(
        tracks["parent"].to_numpy(dtype=np.int64),
        tracks["first_t"].to_numpy(dtype=np.int64),
        tracks["last_t"].to_numpy(dtype=np.int64),
    )
    cells = view.cells
    start_hours = 0.0
    if len(cells):
        hours, t = float(cells["hours_post_infection"].iloc[0]), int(cells["t"].iloc[0])
        start_hours = hours - t * interval_minutes / 60
    places = _Places(view, layout, effect)
    return Tree(
        layout,
        tuple(tracks["track"].tolist()),
        interval_minutes,
        start_hours,
        _left_out(view),
        (*_of_findings(places, findings), *_of_decisions(places, effect)),
    )


class _Places:
    """Finds the rows of a tree for tracks as tables, findings and decisions name them."""

    def __init__(self, view: LineageView, layout: TreeLayout, effect: Effect) -> None:
        parts = view.part.whole.track_columns.parts
        self.experiment, self.fov = view.experiment, view.fov
        self.layout = layout
        self.words = {word: row for row, word in enumerate(view.tracks["track"].tolist())}
        self.parts: dict[int, list[tuple[int, int]]] = {}
        columns = (parts.track_id.tolist(), parts.cut_t.tolist(), parts.track.tolist())
        for track_id, cut_t, row in zip(*columns, strict=True):
            self.parts.setdefault(track_id, []).append((cut_t, row))
        self.cuts: dict[int, list[int]] = {}
        for link in effect.cuts:
            if link.t is not None and self.holds(link.experiment, link.fov):
                self.cuts.setdefault(int(link.track), []).append(link.t)

    def holds(self, experiment: str, fov: str) -> bool:
        """Whether the tree is of this FOV."""
        return (experiment, fov) == (self.experiment, self.fov)

    def rows(self, track_id: int, t: int | None) -> list[int]:
        """Rows that a track of the table is; the one that has the frame, if one is given."""
        parts = self.parts.get(track_id, [])
        if t is None:
            return list(dict.fromkeys(row for _, row in parts))
        begun = [(cut_t, row) for cut_t, row in parts if cut_t <= t][-1:]
        # What a later cut begins may be part of another lineage now.
        cuts = self.cuts.get(track_id, [])
        return [row for cut_t, row in begun if not any(cut_t < cut <= t for cut in cuts)]

    def at(self, row: int, t: int | None) -> int:
        """Frame of a mark: within the track."""
        first, last = int(self.layout.first_t[row]), int(self.layout.last_t[row])
        return first if t is None else min(max(t, first), last)


def _of_findings(places: _Places, findings: Iterable[Finding]) -> Iterator[Mark]:
    for finding in findings:
        if places.holds(finding.experiment, finding.fov):
            for track_id in finding.tracks:
                for row in places.rows(track_id, finding.t):
                    yield Mark(row, places.at(row, finding.t), finding.severity, finding.sentence)


def _of_decisions(places: _Places, effect: Effect) -> Iterator[Mark]:
    for target, decision in effect.verdicts.items():
        if target.track in places.words and places.holds(target.experiment, target.fov):
            row = places.words[target.track]
            if target.level == "lineage" and places.layout.parent[row] >= 0:
                continue
            kind: MarkKind = "accepted" if decision.kind == "accept" else "rejected"
            why = f": {decision.reason}" if decision.reason else ""
            yield Mark(row, places.at(row, target.t), kind, f"{target.level} {kind}{why}")
    for target, decision in effect.cuts.items():
        if places.holds(target.experiment, target.fov):
            for row, t in _ends_of_cut(places, target):
                yield Mark(row, t, "cut", f"cut: {decision.reason}")


def _ends_of_cut(places: _Places, link: Target) -> Iterator[tuple[int, int]]:
    """The end before a cut, and the start after it, as far as they are in the tree."""
    before = None if link.t is None else link.t - 1
    for row in places.rows(int(link.track), before)[-1:]:
        yield row, int(places.layout.last_t[row])
    after = str(link.daughter) if link.t is None else track_word(int(link.track), link.t)
    if after in places.words:
        row = places.words[after]
        yield row, int(places.layout.first_t[row])


def _left_out(view: LineageView) -> Int64Array:
    rows = np.flatnonzero(view.part.excluded)
    if not len(rows):
        return np.empty((0, 3), dtype=np.int64)
    track, t = view.part.whole.observations.track[rows], view.part.whole.observations.t[rows]
    starts = np.r_[True, (np.diff(rows) > 1) | (np.diff(track) > 0)]
    ends = np.r_[starts[1:], True]
    return np.stack([track[starts], t[starts], t[ends]], axis=1)
