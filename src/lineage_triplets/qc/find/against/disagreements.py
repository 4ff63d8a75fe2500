"""What two tables do not agree on, in words, and what takes the other's link."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.find.against.chains import LinksCompared

DisagreementKind = Literal["wrong", "missed", "division missed", "division extra", "other mother"]


@dataclass(frozen=True, slots=True)
class DifferingCells:
    """The cells of a disagreement, by their rows in the index that was compared.

    Attributes
    ----------
    asked : (int, int)
        The cells that it is about.
    now, instead : tuple of (int, int)
        Cells that are linked here, and in the other; with those of one cell more beside.
    link : Target or None
        This table's link to the cell that it is about; None where nothing leads to it.
    """

    asked: tuple[int, int]
    now: tuple[tuple[int, int], ...]
    instead: tuple[tuple[int, int], ...]
    link: Target | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A cell that follows another one here than in the other table.

    Attributes
    ----------
    rank : int
        From 1, that on which most pairs rest. What is taken together stands together.
    experiment, fov_name : str
    kind : str
        ``"wrong"``, a link that the other does not have; ``"missed"``, one that it has and this
        table lacks; ``"division missed"`` and ``"division extra"`` where the link is one to a
        daughter; ``"other mother"`` where both have a link to the cell from different ones, and
        either is one to a daughter.
    track_id, t : int
        This table's track and the frame of the cell that is followed: here, or where nothing is
        followed here, in the other.
    to_track_id, to_t : int
        Of the cell that follows it.
    pairs : float
        Pairs of an epoch, each anchor drawn once, that rest on this table's link; of a missed one
        those that training would draw across it, had it the other's links.
    reason : str
        What the other has instead.
    repair : tuple of Target
        Links to cut, and links to add, that take the other's word: of all that hangs together, as
        both links of an exchange, or both daughters.
    cells : DifferingCells
        What is to be seen of it.
    """

    rank: int
    experiment: str
    fov_name: str
    kind: DisagreementKind
    track_id: int
    t: int
    to_track_id: int
    to_t: int
    pairs: float
    reason: str
    repair: tuple[Target, ...]
    cells: DifferingCells = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Differences:
    """The cells of an experiment, and how their links differ from the other's.

    Attributes
    ----------
    index : MultiExperimentIndex
        This table's, with links cut and added.
    rows : ndarray of int64, shape (cells,)
        Its row of each cell.
    links : LinksCompared
        Of the cells.
    pairs : ndarray of float64, shape (cells,)
        Harm of what differs.
    joins : collection of Target
        Links in effect that the table lacks.
    """

    index: MultiExperimentIndex
    rows: Int64Array
    links: LinksCompared
    pairs: Float64Array
    joins: Collection[Target]

    @cached_property
    def event_pairs(self) -> Float64Array:
        """Harm of all that hangs together."""
        differs = self.links.event >= 0
        harm: Float64Array = np.bincount(self.links.event[differs], self.pairs[differs]).astype(
            np.float64
        )
        return harm

    def cells(self) -> Int64Array:
        """Cells that differ, in the order of their events' harm."""
        cells = np.flatnonzero(self.links.event >= 0)
        event = self.links.event[cells]
        order = np.lexsort((cells, -self.pairs[cells], event, -self.event_pairs[event]))
        return cells[order]

    def disagreement(self, cell: int, rank: int) -> Disagreement:
        """Word what differs at a cell."""
        links = self.links
        mine, theirs = int(links.mine.origin[cell]), int(links.origin[cell])
        here, there = bool(links.mine.divides[cell]), bool(links.other_divides[cell])
        kind: DisagreementKind
        if mine >= 0 and theirs >= 0:
            kind = "other mother" if here or there else "wrong"
        elif mine >= 0:
            kind = "division extra" if here else "wrong"
        else:
            kind = "division missed" if there else "missed"
        experiment, fov = self._place(cell)
        track_id, t = self._name(mine if mine >= 0 else theirs)
        to_track_id, to_t = self._name(cell)
        return Disagreement(
            rank=rank,
            experiment=experiment,
            fov_name=fov,
            kind=kind,
            track_id=track_id,
            t=t,
            to_track_id=to_track_id,
            to_t=to_t,
            pairs=float(self.pairs[cell]),
            reason=self._reason(cell, kind),
            repair=self._repairs[int(links.event[cell])],
            cells=self._cells(cell),
        )

    def _cells(self, cell: int) -> DifferingCells:
        """Collect what is to be seen: the cell, what it follows, and one more cell beside it."""
        links = self.links
        mine, theirs = int(links.mine.origin[cell]), int(links.origin[cell])
        before = int(links.mine.before[cell])
        now = [(before, cell)] if before >= 0 else []
        instead = [(theirs, cell)] if theirs >= 0 else []
        root = theirs if theirs >= 0 else mine
        here = [int(after) for after in self._after(root) if links.mine.before[after] == root]
        there = self._others_after(root).tolist()
        exchanged = [after for after in here if before >= 0 and links.origin[after] == before]
        beside = next((after for after in (*exchanged, *there, *here) if after != cell), None)
        if beside is not None:
            now += [(root, beside)] * (beside in here)
            instead += [(root, beside)] * (beside in there)
            instead += [(before, beside)] * (beside in exchanged and before != root)
        rows = self.rows

        def in_rows(ends: tuple[int, int]) -> tuple[int, int]:
            return int(rows[ends[0]]), int(rows[ends[1]])

        return DifferingCells(
            in_rows((before if before >= 0 else theirs, cell)),
            tuple(map(in_rows, now)),
            tuple(map(in_rows, instead)),
            self._link_into(cell) if before >= 0 else None,
        )

    def _reason(self, cell: int, kind: DisagreementKind) -> str:
        """Say what the other has, by the names of this table."""
        links = self.links
        mine, theirs = int(links.mine.origin[cell]), int(links.origin[cell])
        if theirs < 0:
            of_other = int(links.partner[cell])
            if links.others.before[of_other] >= 0:
                return "In the other it follows a cell that this table lacks."
            after = [self._name(int(found))[0] for found in self._others_after(mine)]
            if not after:
                return "In the other nothing leads to it."
            words = " and ".join(f"track {track_id}" for track_id in after)
            goes_on = f"track {self._name(mine)[0]} goes on as {words}"
            return f"In the other nothing leads to it; {goes_on}."
        track_id, t = self._name(theirs)
        if mine >= 0:
            mother = "its mother is" if links.other_divides[cell] else "it follows"
            return f"In the other {mother} track {track_id} at t = {t}."
        has = (
            "it follows a cell that the other lacks"
            if self._has_before(cell)
            else ("nothing leads to it")
        )
        if kind == "division missed":
            sisters = [
                self._name(int(found))[0] for found in self._others_after(theirs) if found != cell
            ]
            also = "".join(f" and track {sister}" for sister in sisters)
            return f"In the other it{also} follow track {track_id}, which divides; here {has}."
        return f"Here {has}."

    @cached_property
    def _repairs(self) -> list[tuple[Target, ...]]:
        """What takes the other's word, of each event."""
        links = self.links
        cuts: list[dict[Target, None]] = [{} for _ in self.event_pairs]
        joins: list[dict[Target, None]] = [{} for _ in self.event_pairs]
        agreed = np.zeros(len(self.rows), dtype=bool)
        agreed[links.mine.stem[links.agrees]] = True
        for cell in np.flatnonzero(links.event >= 0).tolist():
            event = int(links.event[cell])
            if self._has_before(cell):
                cuts[event][self._link_into(cell)] = None
            origin = int(links.origin[cell])
            if origin < 0:
                continue
            for onward in self._after(origin).tolist():
                if not agreed[onward]:
                    cuts[event][self._link_into(onward)] = None
            joins[event][self._join(origin, cell)] = None
        return [(*cut, *join) for cut, join in zip(cuts, joins, strict=True)]

    @cached_property
    def _by_before(self) -> tuple[Int64Array, Int64Array]:
        return _sorted_by(self.links.mine.before)

    @cached_property
    def _by_origin(self) -> tuple[Int64Array, Int64Array]:
        return _sorted_by(self.links.origin)

    def _after(self, cell: int) -> Int64Array:
        """Cells that follow one in this table."""
        return _of(self._by_before, cell)

    def _others_after(self, cell: int) -> Int64Array:
        """Cells that follow one in the other table."""
        return _of(self._by_origin, cell)

    def _place(self, cell: int) -> tuple[str, str]:
        source = self.index.fovs[int(self.index.fov_of_row[self.rows[cell]])]
        return source.experiment, source.fov.name

    def _name(self, cell: int) -> tuple[int, int]:
        """Track and frame as the table names them."""
        row = int(self.rows[cell])
        return int(self.index.track_id_of_row[row]), int(self.index.observations.t[row])

    def _has_before(self, cell: int) -> bool:
        """Whether anything precedes a cell, were it a track without a cell before it."""
        row = int(self.rows[cell])
        track = self.index.observations.track
        is_first = row == 0 or track[row - 1] != track[row]
        has_parent = bool(is_first and self.index.forest.parent[track[row]] >= 0)
        return has_parent or bool(self.links.mine.before[cell] >= 0)

    def _join(self, before: int, cell: int) -> Target:
        experiment, fov = self._place(cell)
        (track_id, t), (to_track_id, to_t) = self._name(before), self._name(cell)
        return Target(
            "join", experiment, fov, track=str(track_id), t=t, daughter=to_track_id, to_t=to_t
        )

    def _link_into(self, cell: int) -> Target:
        """Name the link to a cell; one that was added by its join."""
        before = int(self.links.mine.before[cell])
        if before >= 0 and self.joins and (join := self._join(before, cell)) in self.joins:
            return join
        experiment, fov = self._place(cell)
        track_id, t = self._name(cell)
        if before >= 0:
            mother_id = self._name(before)[0]
        else:
            track = self.index.observations.track[self.rows[cell]]
            mother_id = int(self.index.track_columns.parent_track_id[track])
        inside = mother_id == track_id
        return Target(
            "link",
            experiment,
            fov,
            track=str(mother_id),
            t=t if inside else None,
            daughter=None if inside else track_id,
        )


def _sorted_by(before: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Cells in the order of what they follow, and that."""
    order = np.argsort(before, kind="stable")
    return order, before[order]


def _of(followers: tuple[Int64Array, Int64Array], cell: int) -> Int64Array:
    order, before = followers
    low, high = np.searchsorted(before, [cell, cell + 1])
    return order[low:high]


def in_order(differences: list[Differences]) -> Iterator[Disagreement]:
    """Give what differs in all experiments, that first on which most pairs rest."""
    found = [(of_one, cell) for of_one in differences for cell in of_one.cells().tolist()]
    harm = [float(of_one.event_pairs[of_one.links.event[cell]]) for of_one, cell in found]
    order = np.argsort(-np.array(harm), kind="stable")
    for rank, at in enumerate(order.tolist(), 1):
        of_one, cell = found[at]
        yield of_one.disagreement(cell, rank)
