"""Divisions that a table lacks, and links that are likelier wrong, with one thing planted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.qc.find.doubt.alternatives import Kind
from lineage_triplets.qc.find.doubt.cells import Cells
from lineage_triplets.qc.find.doubt.lives import Lives
from lineage_triplets.qc.find.doubt.suspects import Suspects

FRAMES, APART = 24, 30.0


@dataclass(frozen=True)
class Colony:
    """Tracks as arrays, sorted by track and frame; mothers of tracks, -1 for none."""

    place: np.ndarray
    track: np.ndarray
    t: np.ndarray
    parent: np.ndarray

    def row(self, track: int, t: int) -> int:
        return int(np.flatnonzero((self.track == track) & (self.t == t))[0])

    def first(self, track: int) -> int:
        return int(np.flatnonzero(self.track == track)[0])

    def orphaned(self, *tracks: int) -> Colony:
        """Let tracks have no mother."""
        parent = self.parent.copy()
        parent[list(tracks)] = -1
        return replace(self, parent=parent)

    def gone_on(self, mother: int, daughter: int) -> Colony:
        """Let a mother go on as her daughter, in one track; the other daughter has no mother."""
        track = np.where(self.track == daughter, mother, self.track)
        parent = np.where(self.parent == mother, -1, self.parent)
        parent = np.where(parent == daughter, mother, parent)
        order = np.lexsort((self.t, track))
        return Colony(self.place[:, order], track[order], self.t[order], parent)

    @property
    def suspects(self) -> Suspects:
        fov = np.zeros_like(self.t)
        return Suspects.of_cells(Cells.of_arrays(self.place, fov, self.t, self.track, self.parent))


def colony(seed: int = 0, rows: int = 6, n_divisions: int = 12, frames: int = FRAMES) -> Colony:
    """Cells on a grid that walk at random; some divide, each into the next two tracks."""
    rng = np.random.default_rng(seed)
    grid = APART * np.arange(rows)
    start = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    walk = start + np.cumsum(rng.normal(0, 1.5, (frames, len(start), 2)), axis=0)
    at = rng.integers(4, frames - 4, len(start))
    places, tracks, times, parents = [], [], [], []

    def add(way: np.ndarray, first: int, parent: int) -> int:
        track = len(parents)
        places.append(way)
        tracks.append(np.full(len(way), track))
        times.append(first + np.arange(len(way)))
        parents.append(parent)
        return track

    for cell in range(len(start)):
        divides = cell < n_divisions
        mother = add(walk[: at[cell] if divides else frames, cell], 0, -1)
        if divides:
            later = walk[at[cell] :, cell]
            angle = rng.uniform(0, 2 * np.pi)
            away = rng.normal(6, 0.7) * np.array([np.sin(angle), np.cos(angle)])
            for way in (away, -away):
                noise = np.cumsum(rng.normal(0, 0.7, later.shape), axis=0)
                add(later + way + noise, int(at[cell]), mother)
    place = np.concatenate(places).T
    return Colony(place, np.concatenate(tracks), np.concatenate(times), np.array(parents))


def found(suspects: Suspects) -> set[tuple[int, frozenset[int]]]:
    missed = suspects.missed
    return {
        (mother, frozenset({one, other}))
        for mother, one, other in zip(
            missed.mother.tolist(), missed.one.tolist(), missed.other.tolist(), strict=True
        )
    }


def family(cells: Colony, mother: int) -> tuple[int, frozenset[int]]:
    """Last row of a mother, and the first ones of her daughters."""
    daughters = np.flatnonzero(cells.parent == mother)
    last = int(np.flatnonzero(cells.track == mother)[-1])
    return last, frozenset(cells.first(int(daughter)) for daughter in daughters)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_nothing_is_missed_where_all_is_linked(seed):
    assert found(colony(seed).suspects) == set()


def test_hardly_a_right_link_is_likelier_wrong():
    doubts = np.concatenate([colony(seed).suspects.doubt for seed in range(20)])
    assert (doubts > 0.85).mean() < 0.0005


@pytest.mark.parametrize("orphans", [(1, 2), (1,), (2,)])
def test_a_division_with_one_link_or_none_is_found(orphans):
    told, right = 0, 0
    for seed in range(30):
        cells = colony(seed)
        named = found(cells.orphaned(*orphans).suspects)
        told += len(named)
        right += named == {family(cells, 0)}
    assert right >= 29
    assert told <= 30


def test_a_mother_that_goes_on_as_one_daughter_is_found():
    cells = colony()
    t = int(cells.t[cells.first(1)])
    changed = cells.gone_on(0, 1)
    expected = changed.row(0, t - 1), frozenset({changed.row(0, t), changed.first(2)})
    assert found(changed.suspects) == {expected}


def test_divisions_are_learnt_where_a_table_has_none():
    cells = colony(seed=5, rows=8, n_divisions=40)
    mothers = np.unique(cells.parent[cells.parent >= 0])
    expected = {family(cells, int(mother)) for mother in mothers}
    suspects = cells.orphaned(*np.flatnonzero(cells.parent >= 0)).suspects
    right = found(suspects) & expected
    assert len(right) >= 0.95 * len(expected)
    assert len(found(suspects) - expected) == 0
    half_px = np.exp(suspects.missed.costs.scales.division.log_half_px)
    assert half_px == pytest.approx(6, rel=0.15)


def test_the_rest_of_a_track_is_no_daughter():
    cells = colony(n_divisions=0)
    at = np.random.default_rng(1).integers(6, FRAMES - 6, 36)
    later = cells.t >= at[cells.track]
    track = 2 * cells.track + later
    suspects = replace(cells, track=track, parent=np.full(72, -1)).suspects
    assert found(suspects) == set()


def test_a_daughter_on_another_mother_names_the_true_one():
    cells = colony(seed=3)
    # The daughter of 0 hangs on a cell that lies beside, and that goes on.
    other = int(cells.track.max())
    born = cells.first(2)
    t = int(cells.t[born])
    mother = cells.row(0, t - 1)
    beside = cells.row(other, t - 1)
    place = cells.place.copy()
    whole = cells.track == other
    place[:, whole] += (place[:, mother] - place[:, beside])[:, None] + np.array([[14.0], [0.0]])
    split = whole & (cells.t >= t)
    parent = np.append(cells.parent, other)
    parent[2] = other
    track = np.where(split, len(parent) - 1, cells.track)
    one = cells.track == 1
    # Her mother goes on as the other daughter.
    track = np.where(one, 0, track)
    order = np.lexsort((cells.t, track))
    changed = Colony(place[:, order], track[order], cells.t[order], parent)
    suspects = changed.suspects
    link = int(suspects.cells.link_into[changed.first(2)])
    assert suspects.doubt[link] > 0.9
    assert suspects.kind[link] == Kind.OTHER_MOTHER
    assert suspects.cells.source[suspects.partner[link]] == changed.row(0, t - 1)
    assert np.flatnonzero(suspects.doubt > 0.85).tolist() == [link]


@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 100.0), turned=st.booleans())
@settings(max_examples=20, deadline=None)
def test_neither_hangs_on_units_nor_on_where_the_field_lies(seed, size, turned):
    cells = colony(seed).orphaned(1, 4, 5)
    place = size * (cells.place[::-1] if turned else cells.place) - 77.0
    before, after = cells.suspects, replace(cells, place=place).suspects
    assert found(before) == found(after)
    np.testing.assert_allclose(after.doubt, before.doubt, rtol=1e-5, atol=1e-7)


def families(lives: list[int], frames: int, lost: int = 1000) -> Cells:
    """Roots of three frames, and of each a daughter that lives so long, and one that is lost."""
    track, t, parent = [], [], []

    def add(mother: int, first: int, last: int) -> int:
        track.extend([len(parent)] * (last - first))
        t.extend(range(first, last))
        parent.append(mother)
        return len(parent) - 1

    for life in lives:
        root = add(-1, 0, 3)
        add(root, 3, min(3 + lost, frames))
        divided = add(root, 3, 3 + life)
        for _ in range(2):
            add(divided, 3 + life, frames)
    place = np.stack([APART * np.array(track), np.zeros(len(track))])
    times = np.array(t)
    return Cells.of_arrays(place, np.zeros_like(times), times, np.array(track), np.array(parent))


def test_lives_tell_a_division_that_comes_far_too_soon():
    cells = families([19, 20, 21] * 4 + [3], 40, lost=18)
    lives = Lives.of_cells(cells)
    assert lives.is_known
    assert np.exp(lives.log_frames) == pytest.approx(20, abs=1)
    link = np.flatnonzero(cells.is_division)
    link = link[lives.is_born[cells.track[cells.source[link]]]]
    gain = lives.gain(link, np.full(len(link), int(Kind.NEITHER)), np.full(len(link), -1))
    too_soon = cells.t[cells.target[link]] == 6
    assert too_soon.sum() == 2
    assert (gain[too_soon] > 3).all()
    assert (gain[~too_soon] < 0).all()


def test_lives_say_nothing_where_the_movie_is_shorter():
    cells = families([4] * 8 + [23] * 20, 26)
    lives = Lives.of_cells(cells)
    assert not lives.is_known
    link = np.flatnonzero(cells.is_division)
    assert (lives.gain(link, np.zeros_like(link), np.full(len(link), -1)) == 0).all()


@pytest.mark.parametrize("n_frames", [0, 1, 2])
def test_hardly_a_cell(n_frames):
    t = np.arange(n_frames)
    cells = Colony(np.full((2, n_frames), 7.0), np.zeros_like(t), t, np.array([-1]))
    assert found(cells.suspects) == set()
    assert (cells.suspects.doubt < 0.5).all()
