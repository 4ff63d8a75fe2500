"""Lineages as a tree to be drawn: its tracks and cells, with marks of findings and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.engine.index.names import track_word
from lineage_triplets.plugin.browse.tree_layout import lay_out
from lineage_triplets.qc.find.doubt.repairs import LinkNames

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.plugin.browse.tree_layout import TreeLayout
    from lineage_triplets.plugin.common.fov_part import FovPart
    from lineage_triplets.qc.find import Finding
    from lineage_triplets.qc.record.decision import Target
    from lineage_triplets.qc.record.effect import Effect

MarkKind = Literal["error", "warning", "note", "accepted", "rejected", "cut", "linked"]


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
    """Lineages ready to be drawn.

    Attributes
    ----------
    part : FovPart
        The FOV that they are of.
    tracks : ndarray of int64, shape (tracks,)
        Their numbers there, ascending; rows of the tree are in this order.
    layout : TreeLayout
    names : tuple of str
        Track numbers, with ``@t`` after a cut.
    cells : ndarray of int64, shape (cells,)
        Rows of the FOV's observations, track by track.
    track_of, t_of : ndarray of int64, shape (cells,)
        Row of the tree, and frame of each cell.
    interval_minutes, start_hours : float
        Between frames; of frame 0, after infection.
    left_out : ndarray of int64, shape (spans, 3)
        Track, first and last frame of what training leaves out.
    marks : tuple of Mark
    """

    part: FovPart
    tracks: Int64Array
    layout: TreeLayout
    names: tuple[str, ...]
    cells: Int64Array
    track_of: Int64Array
    t_of: Int64Array
    interval_minutes: float
    start_hours: float
    left_out: Int64Array
    marks: tuple[Mark, ...]

    @property
    def place(self) -> tuple[str, str]:
        """Experiment and FOV."""
        return self.part.place

    @property
    def roots(self) -> Int64Array:
        """Rows of the tracks that have no mother."""
        return np.flatnonzero(self.layout.parent < 0)

    def root(self, track: int) -> int:
        """Give the row of the root of a track's lineage."""
        while self.layout.parent[track] >= 0:
            track = int(self.layout.parent[track])
        return track

    def cell(self, track: int, t: int) -> int | None:
        """Give which of `cells` is a track's at a frame, or at the nearest that has one."""
        first, end = np.searchsorted(self.track_of, [track, track + 1]).tolist()
        away = np.abs(self.t_of[first:end] - t)
        return first + int(np.argmin(away)) if len(away) else None

    def position(self, cell: int) -> tuple[float, float, float]:
        """Give the (z, y, x) of one of `cells`, in pixels."""
        rows, row = self.part.observations, self.cells[cell]
        return float(np.nan_to_num(rows.z[row])), float(rows.y[row]), float(rows.x[row])

    def lineage_id(self, track: int) -> str:
        """Give the ``lineage_id`` of a track."""
        return self.part.index.names.of(self.part.first_track + int(self.tracks[self.root(track)]))

    def rows_of(self, lineage_id: str) -> Int64Array:
        """Give the rows of a lineage's tracks; none where it is not here."""
        number = self.part.index.names.find(lineage_id) - self.part.first_track
        return np.flatnonzero(self.part.forest.root[self.tracks] == number)

    def ends(self, source: int, target: int) -> tuple[int, int] | None:
        """Give which of `cells` are the last of one track and the first of another."""
        layout = self.layout
        first = self.cell(source, int(layout.last_t[source]))
        second = self.cell(target, int(layout.first_t[target]))
        return None if first is None or second is None else (first, second)

    def join(self, source: int, target: int) -> Target:
        """Name a link between two of `cells` that the table lacks."""
        names = LinkNames(self.part.index, ())
        first, second = (self.part.first_row + int(self.cells[cell]) for cell in (source, target))
        return names.join(first, second)

    def hours(self, t: float) -> float:
        """Hours post infection at a frame."""
        return self.start_hours + t * self.interval_minutes / 60

    def words(self, track: int, t: int) -> str:
        """What is at a track and frame, for a person."""
        of = f" of lineage {self.names[self.root(track)]}" if len(self.roots) > 1 else ""
        lines = [f"track {self.names[track]}{of}, frame {t} ({self.hours(t):.4g} h)"]
        lines += [mark.words for mark in self.marks if mark.track == track and mark.t == t]
        left_out = self.left_out[self.left_out[:, 0] == track]
        if ((left_out[:, 1] <= t) & (t <= left_out[:, 2])).any():
            lines.append("left out of training")
        return "\n".join(lines)


def tree_of(
    part: FovPart,
    roots: Collection[str] | None,
    findings: Iterable[Finding],
    effect: Effect,
) -> Tree | None:
    """Make the tree of a lineage, of several, or of a whole FOV; None where there is none.

    Parameters
    ----------
    part : FovPart
    roots : collection of str or None
        ``lineage_id`` of those that are shown; None for all.
    findings : iterable of Finding
        Those that are open; others than these lineages' are passed over.
    effect : Effect
        Decisions in effect.
    """
    tracks, names = np.arange(len(part.forest.parent)), part.index.names
    if roots is not None:
        wanted = [names.find(root) - part.first_track for root in roots]
        tracks = np.flatnonzero(np.isin(part.forest.root, wanted))
    rows = part.observations
    cells = (
        np.flatnonzero(np.isin(rows.track, tracks)) if roots is not None else np.arange(len(rows))
    )
    if not len(tracks) or not len(cells):
        return None
    track_of, t_of = np.searchsorted(tracks, rows.track[cells]), rows.t[cells]
    first_t, last_t = np.full((2, len(tracks)), -1, dtype=np.int64)
    there, start = np.unique(track_of, return_index=True)
    first_t[there] = t_of[start]
    last_t[there] = t_of[np.r_[start[1:], len(cells)] - 1]
    parent = part.forest.parent[tracks]
    layout = lay_out(np.where(parent < 0, -1, np.searchsorted(tracks, parent)), first_t, last_t)
    experiment = part.index.registry.experiments[part.source.experiment_number]
    words = tuple(names.word(track) for track in (tracks + part.first_track).tolist())
    places = _Places(part, tracks, words, layout)
    return Tree(
        part,
        tracks,
        layout,
        words,
        cells,
        track_of,
        t_of,
        experiment.interval_minutes,
        experiment.start_hpi,
        _left_out(part.excluded[cells], track_of, t_of),
        (*_of_findings(places, findings), *_of_decisions(places, effect)),
    )


class _Places:
    """Finds the rows of a tree for tracks as tables, findings and decisions name them."""

    def __init__(
        self,
        part: FovPart,
        tracks: Int64Array,
        words: tuple[str, ...],
        layout: TreeLayout,
    ) -> None:
        parts = part.index.track_columns.parts
        own = slice(*np.searchsorted(parts.fov, [part.number, part.number + 1]).tolist())
        self.place = part.place
        self.layout = layout
        self.words = {word: row for row, word in enumerate(words)}
        self.parts: dict[int, list[tuple[int, int]]] = {}
        row_of = np.full(len(part.forest.parent), -1, dtype=np.int64)
        row_of[tracks] = np.arange(len(tracks))
        rows = row_of[parts.track[own] - part.first_track]
        columns = (parts.track_id[own].tolist(), parts.cut_t[own].tolist(), rows.tolist())
        for track_id, cut_t, row in zip(*columns, strict=True):
            self.parts.setdefault(track_id, []).append((cut_t, row))

    def holds(self, experiment: str, fov: str) -> bool:
        """Whether the tree is of this FOV."""
        return (experiment, fov) == self.place

    def rows(self, track_id: int, t: int | None) -> list[int]:
        """Rows that a track of the table is; the one that has the frame, if one is given."""
        parts = self.parts.get(track_id, [])
        if t is not None:
            parts = [part for part in parts if part[0] <= t][-1:]
        return [row for row in dict.fromkeys(row for _, row in parts) if row >= 0]

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
        if places.holds(target.experiment, target.fov) and target.track in places.words:
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
    for target, decision in effect.links.items():
        if places.holds(target.experiment, target.fov):
            for row in places.rows(target.daughter or 0, target.to_t):
                yield Mark(row, places.at(row, target.to_t), "linked", f"linked: {decision.reason}")


def _ends_of_cut(places: _Places, link: Target) -> Iterator[tuple[int, int]]:
    """The end before a cut, and the start after it, as far as they are in the tree."""
    before = None if link.t is None else link.t - 1
    for row in places.rows(int(link.track), before)[-1:]:
        yield row, int(places.layout.last_t[row])
    after = str(link.daughter) if link.t is None else track_word(int(link.track), link.t)
    if after in places.words:
        row = places.words[after]
        yield row, int(places.layout.first_t[row])


def _left_out(excluded: BoolArray, track_of: Int64Array, t_of: Int64Array) -> Int64Array:
    """Track, first and last frame of cells in a row that are left out."""
    cells = np.flatnonzero(excluded)
    if not len(cells):
        return np.empty((0, 3), dtype=np.int64)
    track, t = track_of[cells], t_of[cells]
    starts = np.r_[True, (np.diff(cells) > 1) | (np.diff(track) > 0)]
    ends = np.r_[starts[1:], True]
    return np.stack([track[starts], t[starts], t[ends]], axis=1)
