"""What is seen of a link: its cells, those of what may have been instead, and around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets.qc import Review
from lineage_triplets.qc.look.link_view import LinkReader, LinkView
from reviews import SHAPE, field, save
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIXELS = numbered_pixels(SHAPE, seed=1)


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Review]:
    root = tmp_path_factory.mktemp("views")
    made = make_experiment(root, "early", {"A/1/0": field()}, pixels=PIXELS)
    with Review.open(save(root / "experiments.yml", [made])) as opened:
        yield opened


def row(review: Review, track_id: int, t: int) -> int:
    index = review.data.linked
    found = (index.track_id_of_row == track_id) & (index.observations.t == t)
    return int(np.flatnonzero(found)[0])


def view(review: Review, now: list[tuple[int, int]], instead: list[tuple[int, int]]) -> LinkView:
    patches = review.data.patches_of(review.data.linked)
    return LinkView.of(patches, tuple(now), tuple(instead))


def test_an_exchange_has_two_cells_before_and_after(review: Review) -> None:
    a, b, other, into = (row(review, *cell) for cell in ((2, 7), (2, 8), (3, 7), (3, 8)))
    seen = view(review, [(a, b), (other, into)], [(a, into), (other, b)])
    assert [lane.name for lane in seen.before] == ["a", "a'"]
    assert [lane.name for lane in seen.after] == ["b", "b'"]
    assert (seen.now, seen.instead) == (((0, 0), (1, 1)), ((0, 1), (1, 0)))
    assert (seen.frames, seen.asks_back) == ((7, 8), False)
    # Before the division both were one cell.
    assert [lane.t.tolist() for lane in seen.before] == [[5, 6, 7]] * 2
    assert seen.before[0].rows[0] == seen.before[1].rows[0] == row(review, 1, 5)


def test_where_a_cell_begins_ends_or_divides_is_said(review: Review) -> None:
    first, second = row(review, 21, 0), row(review, 21, 1)
    start = view(review, [(first, second)], [])
    assert (start.before[0].limit, start.before[0].t.tolist()) == ("begins", [0])
    assert (start.after[0].limit, start.after[0].t.tolist()) == ("", [1, 2, 3])
    end = view(review, [(row(review, 21, 12), row(review, 21, 13))], [])
    assert (end.after[0].limit, end.after[0].t.tolist()) == ("ends", [13])
    mother = view(review, [(row(review, 1, 4), row(review, 1, 5))], [])
    assert (mother.after[0].limit, mother.after[0].t.tolist()) == ("divides", [5])


def test_where_another_cell_may_precede_it_is_asked_where_the_cell_comes_from(
    review: Review,
) -> None:
    a, b, other = row(review, 2, 7), row(review, 2, 8), row(review, 3, 7)
    assert view(review, [(a, b)], [(other, b)]).asks_back
    assert not view(review, [(a, b)], [(a, row(review, 3, 8))]).asks_back


def test_pixels_are_those_of_the_store_and_cells_are_where_they_are_said_to_be(
    review: Review,
) -> None:
    a, b = row(review, 21, 6), row(review, 21, 7)
    seen = view(review, [(a, b)], [])
    shown = LinkReader().read(seen)
    (top, left), side = seen.corner, seen.side
    assert side == 32
    for frame, picture in zip(seen.frames, shown.around, strict=True):
        cut = PIXELS[frame, :, 0, top : top + side, left : left + side]
        np.testing.assert_array_equal(picture, cut)
    y, x = seen.place(seen.before[0])
    z, whole_y, whole_x = seen.position(seen.before[0])
    assert (z, whole_y, whole_x) == (0.0, 24.0, pytest.approx(51.2))
    assert (y + top, x + left) == (whole_y, pytest.approx(whole_x))
    patch, centre = shown.lanes["a"][-1], shown.centres["a"][-1]
    corner = round(whole_y - centre[0]), round(whole_x - centre[1])
    cut = PIXELS[6, :, 0, corner[0] : corner[0] + 16, corner[1] : corner[1] + 16]
    np.testing.assert_array_equal(patch, cut)


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(tmp_path: Path) -> None:
    made = make_experiment(tmp_path, "early", {"A/1/0": field()}, pixels=PIXELS)
    with Review.open(save(tmp_path / "experiments.yml", [made])) as review:
        seen = view(review, [(row(review, 21, 6), row(review, 21, 7))], [])
        for chunk in (tmp_path / "early.zarr" / "A" / "1" / "0" / "0" / "7").rglob("*"):
            if chunk.is_file():
                chunk.write_bytes(b"damaged")
        shown = LinkReader().read(seen)
    assert isinstance(shown.around[1], str)
    assert isinstance(shown.lanes["b"][0], str)
    assert not isinstance(shown.around[0], str)
    assert len(shown.whole) == 1 + 3 + 2
