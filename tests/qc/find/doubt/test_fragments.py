"""Doubts of tables that a tracker left in pieces: right links are not doubted for that."""

from __future__ import annotations

import numpy as np

from lineage_triplets.qc.find.doubt.alternatives import Doubts, Kind
from lineage_triplets.qc.find.doubt.cells import Cells

FRAMES, SIDE, APART = 24, 7, 30.0


class Field:
    """Cells on a grid that walk at random, each on a track of its own for all frames."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        grid = APART * np.arange(SIDE)
        start = np.stack(np.meshgrid(grid, grid, indexing="ij")).reshape(2, -1, 1)
        step = rng.standard_t(4, (2, SIDE**2, FRAMES)) * 1.5
        self.place = (start + np.cumsum(step, axis=2)).reshape(2, -1)
        self.track = np.repeat(np.arange(SIDE**2), FRAMES)
        self.t = np.tile(np.arange(FRAMES), SIDE**2)
        self.length = np.r_[0.0, np.hypot(*np.diff(self.place))]
        self.parent: dict[int, int] = {}

    def exchange(self, one: int, other: int, t: int) -> None:
        """Let two tracks go on as each other."""
        late = self.t >= t
        first, second = (late & (self.track == number) for number in (one, other))
        self.track[first], self.track[second] = other, one

    def cut(self, rows: np.ndarray) -> None:
        """Let new tracks begin at rows."""
        for row in rows.tolist():
            rest = (self.track == self.track[row]) & (self.t >= self.t[row])
            self.track[rest] = self.track.max() + 1

    def doubts(self) -> tuple[Doubts, Cells, np.ndarray]:
        """Doubts of the table, and number of each of its cells here."""
        order = np.lexsort((self.t, self.track))
        parent = np.full(self.track.max() + 1, -1)
        for child, mother in self.parent.items():
            parent[child] = mother
        t = self.t[order]
        cells = Cells.of_arrays(
            self.place[:, order], np.zeros_like(t), t, self.track[order], parent
        )
        return Doubts.of_cells(cells), cells, order


def test_where_long_steps_are_cut_short_ones_are_not_doubted_for_it():
    field = Field()
    field.cut(np.flatnonzero((field.length > 2.5) & (field.t > 0)))
    assert len(np.unique(field.track)) > 6 * SIDE**2
    found, cells, order = field.doubts()
    right = order[cells.source] + 1 == order[cells.target]
    assert right.all()
    assert found.doubt.mean() < 0.001


def test_of_tracks_in_pieces_what_was_exchanged_stands_first():
    field = Field()
    field.exchange(24, 25, 12)
    wrong = np.flatnonzero((field.t == 12) & np.isin(field.track, [24, 25]))
    field.cut(np.setdiff1d(np.flatnonzero((field.length > 3.0) & (field.t > 0)), wrong))
    found, cells, order = field.doubts()
    first = order[cells.target[np.argsort(-found.doubt)[:2]]]
    assert set(first) == set(wrong)


def test_a_cell_on_two_tracks_by_turns_is_not_doubted():
    field = Field()
    turns = (field.track < 20) & (field.t > 4) & (field.t < 18) & (field.t % 2 == 1)
    field.track[turns] += SIDE**2
    found, cells, _ = field.doubts()
    assert (cells.gap == 2).sum() > 200
    assert found.doubt.mean() < 0.002


def test_where_daughters_are_never_linked_the_links_beside_them_are_not_doubted():
    field = Field()
    rng = np.random.default_rng(1)
    for track in range(12):
        own = np.flatnonzero((field.track == track) & (field.t >= 8))
        side = np.array([[0.0], [7.0]])
        field.place = np.concatenate(
            [field.place, field.place[:, own] + side + rng.normal(0, 1, (2, len(own)))], axis=1
        )
        field.place[:, own] -= side
        field.t = np.concatenate([field.t, field.t[own]])
        field.track = np.concatenate([field.track, np.full(len(own), 100 + track)])
    found, cells, order = field.doubts()
    beside = np.isin(order[cells.target], np.flatnonzero((field.track < 12) & (field.t == 8)))
    assert beside.sum() == 12
    assert found.doubt[beside].mean() < 0.1
    # What would be instead is said by the table's own tracks: the other daughter begins there.
    assert set(found.kind[beside]) <= {Kind.OTHER_START, Kind.EXCHANGE}


def test_of_two_daughters_only_the_one_that_does_not_belong_is_doubted():
    field = Field()
    taken, rest = (np.flatnonzero((field.track == of) & (field.t >= 9)) for of in (11, 10))
    field.track[taken], field.track[rest] = 200, 201
    field.parent = {200: 10, 201: 10}
    found, cells, order = field.doubts()
    into = order[cells.target]
    assert found.doubt[into == taken[0]] > 0.8
    assert found.doubt[into == rest[0]] < 0.01
