"""Cells and links to tracks: branches end at divisions, and only what is linked is joined."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.tracks.branches import link_cells, trace_branches


@st.composite
def forests(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Frames and parents of cells in any order, gaps and wide divisions among them."""
    n_cells = draw(st.integers(0, 40))
    t = np.array(draw(st.lists(st.integers(0, 12), min_size=n_cells, max_size=n_cells)), np.int64)
    parent = np.full(n_cells, -1, np.int64)
    for cell in range(n_cells):
        earlier = np.flatnonzero(t < t[cell]).tolist()
        if earlier and draw(st.booleans()):
            parent[cell] = draw(st.sampled_from(earlier))
    return t, parent


class TestTraceBranches:
    @settings(max_examples=60)
    @given(forests())
    def test_one_child_continues_and_several_begin(self, forest):
        t, parent = forest
        branches = trace_branches(t, parent)
        n_children = np.bincount(parent[parent >= 0], minlength=len(t))
        for cell, before in enumerate(parent.tolist()):
            own = branches.of_cell[cell]
            if before < 0:
                assert branches.first_cell[own] == cell
                assert branches.parent[own] == -1
            elif n_children[before] == 1:
                assert own == branches.of_cell[before]
            else:
                assert branches.first_cell[own] == cell
                assert branches.parent[own] == branches.of_cell[before]

    @settings(max_examples=60)
    @given(forests())
    def test_a_branch_has_one_cell_a_frame_and_is_numbered_by_its_first(self, forest):
        t, parent = forest
        branches = trace_branches(t, parent)
        assert len(set(zip(branches.of_cell.tolist(), t.tolist(), strict=True))) == len(t)
        first = t[branches.first_cell]
        assert (np.diff(first) >= 0).all()
        for number, cell in enumerate(branches.first_cell.tolist()):
            assert first[number] == t[branches.of_cell == number].min()
            assert branches.of_cell[cell] == number

    @given(forests(), st.randoms(use_true_random=False))
    def test_the_order_of_cells_changes_no_branch(self, forest, random):
        t, parent = forest
        order = list(range(len(t)))
        random.shuffle(order)
        place = np.argsort(order)
        moved = np.array([place[p] if p >= 0 else -1 for p in parent[order].tolist()], np.int64)
        one, other = trace_branches(t, parent), trace_branches(t[order], moved)

        def groups(of_cell):
            return {frozenset(np.flatnonzero(of_cell == k).tolist()) for k in set(of_cell.tolist())}

        back = np.empty(len(t), np.int64)
        back[order] = other.of_cell
        assert groups(back) == groups(one.of_cell)

    def test_a_track_of_many_frames_is_one(self):
        n_frames = 3000
        parent = np.arange(-1, n_frames - 1)
        branches = trace_branches(np.arange(n_frames), parent)
        assert set(branches.of_cell.tolist()) == {0}


class TestLinkCells:
    @given(forests(), st.sampled_from([1, 10**12]))
    def test_parents_are_found_by_ids_near_and_far_apart(self, forest, step):
        t, parent = forest
        ids = np.arange(len(t))[::-1] * step + 7
        has_parent = parent >= 0
        linked = link_cells(ids, t, ids[parent[has_parent]], ids[has_parent])
        assert linked.parent.tolist() == parent.tolist()
        bad = linked.is_unknown | linked.is_backward | linked.is_merge | linked.is_repeat
        assert not bad.any()

    def test_each_fault_is_told_from_the_others(self):
        ids, t = np.array([5, 6, 7, 8]), np.array([0, 0, 1, 2])
        links = [(5, 7), (9, 7), (7, 99), (8, 7), (7, 7), (5, 6), (5, 7), (6, 7), (7, 8)]
        linked = link_cells(ids, t, *np.array(links).T)
        assert np.flatnonzero(linked.is_unknown).tolist() == [1, 2]
        assert np.flatnonzero(linked.is_backward).tolist() == [3, 4, 5]
        assert np.flatnonzero(linked.is_repeat).tolist() == [6]
        assert np.flatnonzero(linked.is_merge).tolist() == [7]
        assert linked.first_of_target[7] == 0
        assert linked.parent.tolist() == [-1, -1, 0, 2]
