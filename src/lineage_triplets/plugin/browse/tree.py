"""A lineage ready to be drawn: its layout, what is left out, and marks where something is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.plugin.browse.tree_layout import TreeLayout, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.finding import Finding
    from lineage_triplets.qc.look.view import LineageView
    from lineage_triplets.qc.record.decision import Target
    from lineage_triplets.qc.record.effect import Effect

    Int64Array = NDArray[np.int64]

MarkKind = Literal["error", "warning", "note", "accepted", "rejected", "cut"]


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
        lines += [one.words for one in self.marks if one.track == track and one.t == t]
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
    places = _Places(view, layout)
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

    def __init__(self, view: LineageView, layout: TreeLayout) -> None:
        columns = view.part.whole.track_columns
        self.experiment, self.fov = view.experiment, view.fov
        self.layout = layout
        self.words = {word: row for row, word in enumerate(view.tracks["track"].tolist())}
        self.parts: dict[int, list[tuple[int, int]]] = {}
        ids = columns.track_id.tolist()
        for row, (track_id, cut_t) in enumerate(zip(ids, columns.cut_t.tolist(), strict=True)):
            self.parts.setdefault(track_id, []).append((cut_t, row))

    def holds(self, experiment: str, fov: str) -> bool:
        """Whether the tree is of this FOV."""
        return (experiment, fov) == (self.experiment, self.fov)

    def rows(self, track_id: int, t: int | None) -> list[int]:
        """Rows that a track of the table is; the one that has the frame, if one is given."""
        parts = sorted(self.parts.get(track_id, []))
        if t is None:
            return [row for _, row in parts]
        return [row for cut_t, row in parts if cut_t <= t][-1:]

    def at(self, row: int, t: int | None) -> int:
        """Frame of a mark: within the track."""
        first, last = int(self.layout.first_t[row]), int(self.layout.last_t[row])
        return first if t is None else min(max(t, first), last)


def _of_findings(places: _Places, findings: Iterable[Finding]) -> Iterator[Mark]:
    for one in findings:
        if places.holds(one.experiment, one.fov):
            for track_id in one.tracks:
                for row in places.rows(track_id, one.t):
                    yield Mark(row, places.at(row, one.t), one.severity, one.sentence)


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
    after = str(link.daughter) if link.t is None else f"{link.track}@{link.t}"
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
