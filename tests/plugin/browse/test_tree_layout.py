"""Trees as lines: nothing on top of anything, daughters around their mother."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets.plugin.browse.tree_layout import TreeLayout, lay_out


@st.composite
def trees(draw: st.DrawFn, *, faulty: bool = False) -> TreeLayout:
    """Some lineages; daughters start after their mother's end unless links may be faulty."""
    n_tracks = draw(st.integers(1, 40))
    parent: list[int] = []
    first: list[int] = []
    last: list[int] = []
    hangs: list[tuple[int, int]] = []  # where the daughters of a track without cells may start
    for number in range(n_tracks):
        mother = draw(st.integers(-1, number - 1)) if number else -1
        length = draw(st.integers(1, 6))
        if faulty and draw(st.integers(0, 5)) == 0:
            parent.append(mother)
            first.append(-1)
            last.append(-1)
            hangs.append((hangs[mother][1],) * 2 if mother >= 0 else (10, 10))
            continue
        if mother < 0:
            start = draw(st.integers(0, 5))
        elif faulty:
            start = draw(st.integers(hangs[mother][0], hangs[mother][1] + 3))
        else:
            start = last[mother] + draw(st.integers(1, 3))
        parent.append(mother)
        first.append(start)
        last.append(start + length - 1)
        hangs.append((start, start + length - 1))
    return lay_out(np.array(parent), np.array(first), np.array(last))


def lines(layout: TreeLayout) -> tuple[np.ndarray, np.ndarray]:
    """Uprights and links, (lines, 2 ends, (x, t))."""
    ends = layout.vertices[layout.connect]
    return ends[: len(layout.x)], ends[len(layout.x) :]


def overlap(layout: TreeLayout) -> list[tuple[int, int]]:
    """Pairs of tracks of one column that share more than a point, or a frame with cells."""
    found = []
    for one in range(len(layout.x)):
        for other in range(one):
            if abs(layout.x[one] - layout.x[other]) > 1e-9:
                continue
            shared = min(layout.bottom[one], layout.bottom[other]) - max(
                layout.top[one], layout.top[other]
            )
            cells = min(layout.last_t[one], layout.last_t[other]) - max(
                layout.first_t[one], layout.first_t[other]
            )
            if shared > 0 or cells >= 0:
                found.append((other, one))
    return found


@given(layout=st.one_of(trees(), trees(faulty=True)))
@settings(max_examples=150, deadline=None)
def test_no_two_branches_lie_on_each_other(layout: TreeLayout) -> None:
    assert overlap(layout) == []
    assert layout.x.min() >= 0
    assert layout.x.max() <= layout.n_columns - 1


@given(layout=st.one_of(trees(), trees(faulty=True)))
@settings(max_examples=100, deadline=None)
def test_one_upright_a_track_and_level_links_that_touch_both_ends(layout: TreeLayout) -> None:
    uprights, links = lines(layout)
    assert (uprights[:, 0, 0] == uprights[:, 1, 0]).all()
    assert (uprights[:, 0, 1] <= layout.first_t).all()
    assert (uprights[:, 1, 1] >= layout.last_t).all()
    assert len(links) == len(layout.daughters)
    for (start, end), daughter in zip(links, layout.daughters, strict=True):
        mother = layout.parent[daughter]
        assert start[1] == end[1]
        assert (start[0], end[0]) == (layout.x[mother], layout.x[daughter])
        assert layout.top[mother] <= start[1] <= layout.bottom[mother]
        assert layout.top[daughter] == end[1]


@given(layout=trees())
@settings(max_examples=100, deadline=None)
def test_a_mother_is_in_the_middle_of_her_daughters(layout: TreeLayout) -> None:
    for mother in np.unique(layout.parent[layout.daughters]):
        own = layout.x[layout.parent == mother]
        assert layout.x[mother] == pytest.approx((own.min() + own.max()) / 2)
        assert (np.diff(own) > 0).all()


@given(layout=trees(faulty=True))
@settings(max_examples=100, deadline=None)
def test_a_mother_is_between_her_daughters_whatever_the_links(layout: TreeLayout) -> None:
    for mother in np.unique(layout.parent[layout.daughters]):
        own = layout.x[layout.parent == mother]
        if len(own) > 1:
            assert own.min() < layout.x[mother] < own.max()


def test_a_family_by_hand() -> None:
    """A mother with a daughter that divides again and one that does not."""
    layout = lay_out(
        np.array([-1, 0, 0, 1, 1]), np.array([0, 6, 6, 10, 11]), np.array([5, 9, 20, 14, 12])
    )
    assert layout.x.tolist() == [1.25, 0.5, 2.0, 0.0, 1.0]
    assert layout.bottom.tolist() == [6, 10, 20, 14, 12]
    assert layout.top.tolist() == [0, 6, 6, 10, 10]
    assert layout.divides.tolist() == [0, 1]
    assert layout.n_columns == 3


def test_a_daughter_that_starts_before_her_mother_ends_stands_aside() -> None:
    layout = lay_out(np.array([-1, 0]), np.array([0, 3]), np.array([5, 9]))
    assert layout.x[0] != layout.x[1]
    assert layout.top[1] == 3


def test_a_thousand_tracks_in_a_chain_are_one_column() -> None:
    n_tracks = 1000
    layout = lay_out(
        np.arange(-1, n_tracks - 1), 2 * np.arange(n_tracks), 2 * np.arange(n_tracks) + 1
    )
    assert (layout.x == 0).all()
    assert layout.n_columns == 1
