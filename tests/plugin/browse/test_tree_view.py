"""The lineage tree: what it shows of data and decisions, and where a click in it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QApplication, QToolTip

from lineage_triplets.plugin.browse.tree import Tree, tree_of
from lineage_triplets.plugin.browse.tree_layout import lay_out
from lineage_triplets.plugin.browse.tree_scale import TreeScale, frame_step, hour_step
from lineage_triplets.plugin.browse.tree_view import TreeView
from lineage_triplets.plugin.common.fov_part import FovPart
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture
def review(config: Path, tmp_path: Path) -> Iterator[Review]:
    with Review.open(config, by="tester", decisions=tmp_path / "decisions.db") as opened:
        yield opened


def tree(review: Review, lineage: str | None, *findings: Finding) -> Tree:
    """Make the tree of a lineage of the FOV, or of all."""
    exclude = review.effect.exclusions_near("early", "A/1/0")
    part = FovPart.of(review.data.linked, "early", "A/1/0", exclude)
    assert part is not None
    made = tree_of(part, None if lineage is None else [lineage], findings, review.effect)
    assert made is not None
    return made


def marks(shown: Tree) -> set[tuple[str, int, str]]:
    return {(shown.names[one.track], one.t, one.kind) for one in shown.marks}


def warned(review: Review, lineage: str, finding: Finding) -> set[tuple[str, int, str]]:
    return {found for found in marks(tree(review, lineage, finding)) if found[2] == "warning"}


def test_hours_and_frames(review: Review) -> None:
    shown = tree(review, "early_A/1/0_1")
    assert shown.names == ("1", "2", "3")
    assert shown.hours(6) == 3.0
    assert shown.words(1, 6) == "track 2, frame 6 (3 h)"


def test_problems_are_marked_where_they_are(review: Review) -> None:
    jump = Finding("jump", "warning", "It jumps.", "", "early", "A/1/0", tracks=(3,), t=8)
    far = Finding("far", "error", "Too far.", "", "early", "A/1/0", tracks=(2, 11))
    elsewhere = Finding("jump", "warning", "It jumps.", "", "late", "A/1/0", tracks=(3,), t=8)
    shown = tree(review, "early_A/1/0_1", jump, far, elsewhere)
    assert marks(shown) == {("3", 8, "warning"), ("2", 6, "error")}
    assert shown.words(2, 8).endswith("\nIt jumps.")


def test_decisions_are_marked_and_what_is_left_out_is_seen(review: Review) -> None:
    review.accept(review.target("lineage", "early_A/1/0_1"))
    review.reject(review.target("track", "early_A/1/0_3"), "dies")
    review.reject(Target("observation", "early", "A/1/0", track="2", t=9), "blurred")
    shown = tree(review, "early_A/1/0_1")
    assert marks(shown) == {("1", 0, "accepted"), ("3", 6, "rejected"), ("2", 9, "rejected")}
    assert shown.left_out.tolist() == [[1, 9, 9], [2, 6, 13]]
    assert shown.words(2, 6).splitlines()[1:] == ["track rejected: dies", "left out of training"]


def test_a_cut_is_marked_on_both_sides(review: Review) -> None:
    review.cut(Target("link", "early", "A/1/0", track="1", daughter=2), "another cell")
    review.cut(Target("link", "early", "A/1/0", track="3", t=9), "jumps")
    assert marks(tree(review, "early_A/1/0_1")) == {("1", 5, "cut"), ("3", 8, "cut")}
    assert marks(tree(review, "early_A/1/0_2")) == {("2", 6, "cut")}
    assert marks(tree(review, "early_A/1/0_3@9")) == {("3@9", 9, "cut")}


def test_what_links_took_elsewhere_is_marked_there_alone(review: Review) -> None:
    link = Target("link", "early", "A/1/0", track="3", t=9)
    review.swap(link, Target("link", "early", "A/1/0", track="21", t=9), "exchanged")
    jump = Finding("jump", "warning", "It jumps.", "", "early", "A/1/0", tracks=(3,), t=11)
    there = {name for name in ("early_A/1/0_1", "early_A/1/0_21") if warned(review, name, jump)}
    assert there == {"early_A/1/0_21"}
    review.undo()
    assert warned(review, "early_A/1/0_1", jump) == {("3", 11, "warning")}


def test_the_nearest_track_or_link_is_found() -> None:
    layout = lay_out(np.array([-1, 0, 0]), np.array([0, 6, 6]), np.array([5, 13, 13]))
    scale = TreeScale(x0=100, column=80, y0=20, frame=10)
    assert scale.nearest(layout, 143, 50, 10) == (0, 3)
    assert scale.nearest(layout, 104, 500, 10) is None
    assert scale.nearest(layout, 182, 146, 10) == (2, 13)
    # On the level line to the first daughter: where she starts.
    assert scale.nearest(layout, 120, 81, 10) == (1, 6)


def test_labels_are_never_too_close() -> None:
    assert hour_step(10, 30) == 3
    assert frame_step(2, 30) == 20
    assert frame_step(50, 30) == 1


@pytest.fixture
def view(review: Review, qtbot: Any) -> TreeView:
    made = TreeView()
    qtbot.addWidget(made)
    made.resize(360, 420)
    made.show_tree(tree(review, "early_A/1/0_1"))
    made.show()
    qtbot.waitExposed(made)
    return made


def click(qtbot: Any, view: TreeView, track: int, t: int) -> None:
    at = view.pixel_of(track, t).toPoint()
    qtbot.mouseClick(view.viewport(), LEFT, pos=at)


def test_a_click_chooses_a_track_at_a_frame(view: TreeView, qtbot: Any) -> None:
    with qtbot.waitSignal(view.node_chosen) as got:
        click(qtbot, view, 2, 9)
    assert got.args == [2, 9]
    assert view.node == (2, 9)
    with qtbot.assertNotEmitted(view.node_chosen):
        qtbot.mouseClick(view.viewport(), LEFT, pos=QPoint(3, 3))


def test_arrows_go_along_the_tree(view: TreeView, qtbot: Any) -> None:
    click(qtbot, view, 0, 4)
    went = []
    view.node_chosen.connect(lambda *node: went.append(node))
    for key in ("Down", "Down", "Right", "Left", "Up"):
        qtbot.keyClick(view, getattr(Qt.Key, f"Key_{key}"))
    assert went == [(0, 5), (1, 6), (2, 6), (1, 6), (0, 5)]


def test_pointing_tells_track_and_frame(view: TreeView) -> None:
    at = view.pixel_of(1, 10).toPoint()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, at, view.viewport().mapToGlobal(at))
    QApplication.sendEvent(view.viewport(), event)
    assert QToolTip.text() == "track 2, frame 10 (5 h)"
    QToolTip.hideText()


def pixels(view: TreeView) -> np.ndarray:
    image = view.viewport().grab().toImage()
    size = image.width(), image.height()
    return np.array([[image.pixel(x, y) for x in range(size[0])] for y in range(size[1])])


def test_the_line_of_the_viewers_frame_moves_alone(view: TreeView) -> None:
    before = pixels(view)
    view.set_frame(7)
    changed = np.unique(np.flatnonzero((pixels(view) != before).any(axis=1)))
    y = view.pixel_of(0, 7).y()
    assert len(changed)
    assert np.abs(changed - y).max() <= 2
    view.set_frame(None)
    assert (pixels(view) == before).all()


def test_zooming_keeps_the_place_under_the_pointer(view: TreeView, qtbot: Any) -> None:
    at = view.pixel_of(1, 10)
    view.zoom(4, at.x(), at.y())
    now = view.pixel_of(1, 10)
    assert abs(now.x() - at.x()) <= 1
    assert abs(now.y() - at.y()) <= 1
    assert view.horizontalScrollBar().maximum() > 0
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.horizontalScrollBar().maximum() == 0
    assert view.pixel_of(1, 10) == at


def test_no_tree_says_what_to_do(view: TreeView, qtbot: Any) -> None:
    view.show_tree(None, "Select a lineage")
    with qtbot.assertNotEmitted(view.node_chosen):
        qtbot.mouseClick(view.viewport(), LEFT)
        qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.tree is None
