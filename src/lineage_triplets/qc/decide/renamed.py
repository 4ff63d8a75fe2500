"""What a change of links does to what was rejected and accepted, followed by their cells.

A FOV's tracks are named before and after the change, and each verdict is followed from its cells
to the names that these have then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.qc.open.data import every_cell
from lineage_triplets.qc.open.linked import linked_of_fov
from lineage_triplets.qc.record.decision import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.decision import DecisionKind, Target
    from lineage_triplets.qc.record.effect import Effect

    Place = tuple[str, str]

_NAMED = frozenset({"lineage", "track", "observation"})


@dataclass(frozen=True)
class Relinking:
    """A change of links: some are cut, some joined, some taken back."""

    cut: tuple[Target, ...] = ()
    link: tuple[Target, ...] = ()
    unlink: tuple[Target, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cut or self.link or self.unlink)

    def of(self, effect: Effect, reason: str = "") -> Effect:
        """Give the decisions in effect after it."""
        cuts = {**effect.cuts, **{key: _provisional("cut", key, reason) for key in self.cut}}
        links = {key: made for key, made in effect.links.items() if key not in self.unlink}
        links |= {key: _provisional("link", key, reason) for key in self.link}
        return replace(effect, cuts=cuts, links=links)

    @property
    def places(self) -> list[Place]:
        """Experiments and FOVs of the links."""
        listed = (*self.cut, *self.link, *self.unlink)
        return list(dict.fromkeys((link.experiment, link.fov) for link in listed))


@dataclass(frozen=True)
class Revised:
    """Verdicts that a change of links takes along: those to be made besides.

    Attributes
    ----------
    rejected : tuple of (Target, str)
        What is rejected by a new name, and why it was before.
    undecided : tuple of Target
        Verdicts of names that nothing has any more, or that more has than was accepted.
    """

    rejected: tuple[tuple[Target, str], ...] = ()
    undecided: tuple[Target, ...] = ()


def revised(
    data: ReviewData, after: Effect, places: Iterable[Place], *, all_hold: bool = True
) -> Revised:
    """Follow the verdicts of the FOVs that a change of links concerns.

    Parameters
    ----------
    data : ReviewData
    after : Effect
        The decisions in effect after the change; its verdicts are followed.
    places : iterable of (str, str)
        Experiments and FOVs.
    all_hold : bool
        Whether every link that held has to hold then, and every new one.

    Raises
    ------
    ConfigError
        A link would make something one with what is rejected, or a link cannot be.
    """
    rejected: list[tuple[Target, str]] = []
    undecided: list[Target] = []
    for place in places:
        source = data.source_of(*place)
        if source is None:
            continue
        old = _Named.of_fov(data, data.effect, source)
        new = _Named.of_fov(data, after, source)
        if all_hold:
            _require_links_hold(old, new)
        of_place = {
            target: made
            for target, made in after.verdicts.items()
            if target.level in _NAMED and (target.experiment, target.fov) == place
        }
        if of_place:
            found = _follow(old, new, of_place)
            rejected += found.rejected
            undecided += found.undecided
    return Revised(tuple(rejected), tuple(undecided))


def _follow(old: _Named, new: _Named, verdicts: Mapping[Target, Decision]) -> Revised:
    cells_of = {target: old.cells_of(target) for target in verdicts}
    covered = {
        kind: old.mark(cells_of[target] for target in verdicts if verdicts[target].kind == kind)
        for kind in ("reject", "accept")
    }
    rejected: dict[Target, str] = {}
    undecided: list[Target] = []
    for target, made in verdicts.items():
        cells = cells_of[target]
        if not len(cells):
            continue
        named = [replace(target, track=word) for word in new.words_of(target, cells)]
        strange = [name for name in named if not covered[made.kind][new.cells_of(name)].all()]
        if made.kind == "accept":
            if target not in named or target in strange:
                undecided.append(target)
            continue
        if strange:
            raise _joins_rejected(target, made, strange[0])
        for name in named:
            if name not in verdicts or verdicts[name].kind != "reject":
                rejected.setdefault(name, made.reason)
        if target not in named:
            undecided.append(target)
    return Revised(
        tuple(rejected.items()), tuple(target for target in undecided if target not in rejected)
    )


@dataclass(frozen=True, eq=False)
class _Named:
    """The cells of a FOV by table's track and frame, and the tracks and lineages that they are in.

    Attributes
    ----------
    index : MultiExperimentIndex
        Of this FOV alone.
    t, track, root : ndarray of int64, shape (cells,)
    """

    index: MultiExperimentIndex
    t: Int64Array
    track: Int64Array
    root: Int64Array

    @classmethod
    def of_fov(cls, data: ReviewData, effect: Effect, source: FovSource) -> _Named:
        index = linked_of_fov(data, source, effect, every_cell(data.settings))
        rows = index.observations
        order = np.lexsort((rows.t, index.track_id_of_row))
        track = rows.track[order]
        return cls(index, rows.t[order], track, index.forest.root[track])

    def cells_of(self, target: Target) -> Int64Array:
        """Numbers of a lineage's, track's or observation's cells."""
        track = self.index.names.find(target.id)
        if track < 0:
            return np.empty(0, dtype=np.int64)
        if target.level == "lineage":
            return np.flatnonzero(self.root == track)
        own = np.flatnonzero(self.track == track)
        return own if target.level == "track" else own[self.t[own] == target.t]

    def words_of(self, target: Target, cells: Int64Array) -> list[str]:
        """Names of the tracks, or of the lineages, that some cells are in."""
        numbers = (self.root if target.level == "lineage" else self.track)[cells]
        return [self.index.names.word(number) for number in dict.fromkeys(numbers.tolist())]

    def mark(self, listed: Iterable[Int64Array]) -> BoolArray:
        """Mark all cells that are listed."""
        marked = np.zeros(len(self.t), dtype=bool)
        for cells in listed:
            marked[cells] = True
        return marked

    def errors(self) -> Iterator[Problem]:
        """Links that cannot be."""
        for problem in self.index.problems:
            if problem.field == "link":
                yield problem


def _require_links_hold(old: _Named, new: _Named) -> None:
    """Raise if a link that held holds no more, or a new one does not."""
    before = set(old.errors())
    broken = [problem for problem in new.errors() if problem not in before]
    if broken:
        raise ConfigError(*(replace(problem, severity="error") for problem in broken))


def _joins_rejected(target: Target, made: Decision, name: Target) -> ConfigError:
    into = f"part of {name}" if name != target else "with more in it"
    return ConfigError(
        Problem(
            "joins-rejected",
            f"{target} is rejected ({made.reason}), and would be {into}, which is not rejected.",
            "Undecide it first, or reject both: what is rejected does not come back by a link.",
            experiment=target.experiment,
            fov=target.fov,
        )
    )


def _provisional(kind: DecisionKind, target: Target, reason: str) -> Decision:
    return Decision(kind, target, {}, reason, number=0, group=0, by="", at="")
