"""The link of a finding: its cells before and after, and both candidates, in Problems."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QSize

from lineage_triplets.plugin.common.link_layout import LinkLayout
from lineage_triplets.plugin.problems.finding_link import link_of_finding, link_words
from lineage_triplets.plugin.problems.link_look import LinkLook
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lineage_triplets.plugin.common.session import Session

FOV = ("early", "A/1/0")
OF_3 = Target("link", *FOV, track="3", t=9)
OF_2 = Target("link", *FOV, track="2", t=9)
BIRTH = Target("link", *FOV, track="1", daughter=2)
MADE = Target("join", *FOV, track="21", t=8, daughter=3, to_t=9)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def review(config: Path) -> Iterator[Review]:
    with Review.open(config, read_only=True) as opened:
        yield opened


def finding(*settled_by: tuple[Target, ...], tracks: tuple[int, ...] = (3,)) -> Finding:
    return Finding("any", "warning", "Something.", "", *FOV, tracks, 9, settled_by=settled_by)


def links(review: Review, found: Finding) -> tuple[set[str], set[str]]:
    """Give what is linked, and what may have been instead, as ``"track@t > track@t"``."""
    view = link_of_finding(review.data, found)
    assert view is not None

    def words(pairs: tuple[tuple[int, int], ...]) -> set[str]:
        ends = ((view.before[source], view.after[target]) for source, target in pairs)
        return {f"{a.track}@{a.t[-1]} > {b.track}@{b.t[0]}" for a, b in ends}

    return words(view.now), words(view.instead)


def test_a_finding_of_a_config_that_cannot_be_opened_has_no_link(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for plate in tmp_path.glob("*.zarr"):
        shutil.rmtree(plate)
    with Review.open(config, read_only=True) as review:
        found = [reviewed.finding for reviewed in review.check()]
        assert found
        assert [link_of_finding(review.data, one) for one in found] == [None] * len(found)
        assert link_of_finding(review.data, finding((OF_3,))) is None


def test_a_link_has_the_nearest_other_cell_as_its_candidate(review: Review) -> None:
    assert links(review, finding((OF_3,))) == ({"3@8 > 3@9"}, {"3@8 > 2@9"})
    # One that the finding names comes before one that is nearer.
    assert links(review, finding((OF_3,), tracks=(3, 12)))[1] <= {"3@8 > 12@9", "12@8 > 3@9"}


def test_two_links_exchange_their_ends(review: Review) -> None:
    assert links(review, finding((OF_3, OF_2))) == (
        {"3@8 > 3@9", "2@8 > 2@9"},
        {"3@8 > 2@9", "2@8 > 3@9"},
    )


def test_what_a_finding_proposes_is_the_candidate(review: Review) -> None:
    assert links(review, finding((OF_3, MADE), (OF_3,))) == ({"3@8 > 3@9"}, {"21@8 > 3@9"})
    assert links(review, finding((MADE,)))[0] == set()


def test_a_daughter_is_shown_with_her_mother(review: Review) -> None:
    now, instead = links(review, finding((BIRTH,), tracks=(2,)))
    assert now == {"1@5 > 2@6"} and len(instead) == 1


def test_what_is_about_no_link_shows_none(review: Review) -> None:
    assert link_of_finding(review.data, finding((Target("track", *FOV, track="3"),))) is None
    gone = Target("link", *FOV, track="3", t=99)
    assert link_of_finding(review.data, finding((gone,))) is None
    view = link_of_finding(review.data, finding((OF_3,)))
    assert view is not None
    words = "a: track 3 in frame 8; b: track 3, b': track 2 in frame 9"
    assert link_words(view) == words


@pytest.mark.parametrize(("width", "height"), [(580, 228), (760, 228), (1100, 260)])
def test_cells_beside_the_fields_are_large_enough_to_judge(
    review: Review, width: int, height: int
) -> None:
    view = link_of_finding(review.data, finding((OF_3, OF_2)))
    assert view is not None
    layout = LinkLayout.fitting(QSize(width, height), view, 1, (16, 16), line=17)
    boxes = [box for boxes in layout.cells.values() for box in boxes]
    assert min(box.width() for box in boxes) >= 64
    assert max(box.right() for box in boxes) <= width
    assert max(box.bottom() for box in boxes) <= height
    assert min(box.left() for box in boxes) > layout.fields[1].right()


def test_the_frames_are_read_beside_the_window_and_painted(
    session: Session, config: Path, tmp_path: Path, qtbot: Any
) -> None:
    look = LinkLook(session)
    qtbot.addWidget(look)
    look.resize(600, 300)
    session.open(config, by="ada", decisions=tmp_path / "decisions.db")
    assert look.isHidden()
    look.show_finding(finding((OF_3,)))
    qtbot.waitExposed(look)
    qtbot.waitUntil(lambda: look.picture.painted > 0)
    look.show_finding(finding((Target("track", *FOV, track="3"),)))
    assert look.isHidden()
    # What comes late is of a finding that nobody looks at any more.
    look.show_finding(finding((OF_2,)))
    look.show_finding(None)
    assert look.isHidden() and not session.work.running
