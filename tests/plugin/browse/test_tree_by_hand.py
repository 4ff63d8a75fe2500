"""The tree by hand: wheel, drags and keys, a whole FOV, and links that are proposed by drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox

from lineage_triplets.plugin.browse.tree_layout import lay_out
from lineage_triplets.plugin.browse.tree_scale import TreeScale
from lineage_triplets.plugin.browse.tree_steps import step_along, step_aside
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from lineage_triplets.plugin.browse.panel import BrowsePanel
    from lineage_triplets.plugin.browse.tree_view import TreeView
    from lineage_triplets.plugin.common.session import Session

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
FOV = ("early", "A/1/0")
CUT = Target("link", *FOV, track="1", daughter=2)
LINK = Target("join", *FOV, track="1", t=5, daughter=2, to_t=6)


@pytest.fixture
def panel(session: Session, tall_panel: BrowsePanel, qtbot: Any) -> BrowsePanel:
    """Browse with the link from 1 to 2 cut, and 1 chosen."""
    session.decide(lambda review: review.cut(CUT, "another cell"))
    session.choose(lineage="early_A/1/0_1")
    qtbot.waitUntil(lambda: not tall_panel.is_reading)
    return tall_panel


@pytest.fixture
def whole(panel: BrowsePanel, qtbot: Any) -> TreeView:
    """The tree of the whole FOV."""
    qtbot.keyClick(panel.tree, Qt.Key.Key_M)
    return panel.tree


def at(view: TreeView, name: str, t: int) -> QPoint:
    assert view.tree is not None
    return view.pixel_of(view.tree.names.index(name), t).toPoint()


def drag(qtbot: Any, view: TreeView, start: QPoint, end: QPoint, button: Any = LEFT) -> None:
    port = view.viewport()
    qtbot.mousePress(port, button, NONE, start)
    qtbot.mouseMove(port, (start + end) / 2)
    qtbot.mouseMove(port, end)
    qtbot.mouseRelease(port, button, NONE, end)


def wheel(view: TreeView, place: QPoint, held: Any = NONE, notches: int = 3) -> None:
    port, none = view.viewport(), Qt.MouseButton.NoButton
    turned, phase = QPoint(0, 120 * notches), Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(
        QPointF(place), QPointF(port.mapToGlobal(place)), QPoint(), turned, none, held, phase, False
    )
    QApplication.sendEvent(port, event)


def give_reason(qtbot: Any, panel: BrowsePanel, text: str) -> None:
    line = panel.findChild(QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def test_a_whole_fov_is_one_tree_and_a_click_in_it_chooses_the_lineage(
    panel: BrowsePanel, session: Session, whole: TreeView, qtbot: Any
) -> None:
    assert whole.tree is not None
    assert set(whole.tree.names) == {"1", "2", "3", "11", "12", "13", "21"}
    assert len(whole.tree.roots) == 4
    assert "of lineage 11" in whole.tree.words(whole.tree.names.index("12"), 9)
    qtbot.mouseClick(whole.viewport(), LEFT, pos=at(whole, "12", 9))
    assert session.review is not None
    assert session.review.state.lineage == "early_A/1/0_11"
    assert whole.node == (whole.tree.names.index("12"), 9) and panel.bar.spot.mother == "11"
    qtbot.keyClick(whole, Qt.Key.Key_M)
    assert whole.tree.names == ("11", "12", "13") and whole.node == (1, 9)
    # What is chosen in one lineage is not decided about in another.
    qtbot.keyClick(whole, Qt.Key.Key_M)
    session.choose(lineage="early_A/1/0_21")
    assert whole.node is None and panel.bar.spot.lineage == "21"


def test_lineages_are_kept_beside_the_next(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    qtbot.keyClick(panel.tree, Qt.Key.Key_N)
    session.choose(lineage="early_A/1/0_21")
    assert panel.tree.tree is not None and panel.tree.tree.names == ("1", "3", "21")
    session.choose(lineage="late_A/1/0_11")
    assert panel.tree.tree.names == ("11", "12", "13")
    session.choose(lineage="early_A/1/0_1")
    assert panel.box.keep.isChecked()
    qtbot.mouseClick(panel.box.keep, LEFT)
    session.choose(lineage="early_A/1/0_21")
    assert panel.tree.tree.names == ("21",)


def test_a_drag_from_an_end_to_a_start_proposes_a_link_with_a_reason(
    panel: BrowsePanel, session: Session, whole: TreeView, qtbot: Any
) -> None:
    marked: list[Any] = []
    session.cut_marked.connect(marked.append)
    drag(qtbot, whole, at(whole, "1", 5), at(whole, "2", 6))
    assert session.review is not None and LINK not in session.review.effect.links
    assert marked[-1].frames == (5, 6) and not marked[-1].crossed
    give_reason(qtbot, panel, "seen dividing")
    assert session.review.effect.links[LINK].reason == "seen dividing"
    assert marked[-1] is None
    assert whole.tree is not None and len(whole.tree.roots) == 3
    marks = {(whole.tree.names[mark.track], mark.t, mark.kind) for mark in whole.tree.marks}
    assert ("2", 6, "linked") in marks


def test_a_link_that_cannot_be_is_refused_and_it_is_said_why(
    session: Any, panel: BrowsePanel, whole: TreeView, qtbot: Any
) -> None:
    drag(qtbot, whole, at(whole, "3", 13), at(whole, "2", 6))
    assert "forward in time" in session.said[-1]
    # The start of 13 follows 11; a drop on the middle of a track means its start.
    drag(qtbot, whole, at(whole, "1", 5), at(whole, "13", 11))
    assert "follows track 11 at t = 7 already" in session.said[-1]
    said = len(session.said)
    drag(qtbot, whole, at(whole, "1", 5), QPoint(2, 2))
    assert len(session.said) == said and whole.linking.source is None
    assert panel.bar.reason.isHidden()


def test_a_link_is_proposed_by_keys_and_left_by_escape(
    panel: BrowsePanel, session: Session, whole: TreeView, qtbot: Any
) -> None:
    qtbot.mouseClick(whole.viewport(), LEFT, pos=at(whole, "1", 5))
    qtbot.keyClick(whole, Qt.Key.Key_L)
    assert whole.tree is not None and whole.linking.source == whole.tree.names.index("1")
    qtbot.keyClick(whole, Qt.Key.Key_Escape)
    assert whole.linking.source is None
    qtbot.keyClick(whole, Qt.Key.Key_L)
    whole.set_node(whole.tree.names.index("2"), 8)
    qtbot.keyClick(whole, Qt.Key.Key_L)
    give_reason(qtbot, panel, "same nucleus")
    assert session.review is not None and LINK in session.review.effect.links


def test_the_wheel_zooms_time_around_the_pointer(whole: TreeView) -> None:
    place = at(whole, "12", 10)
    before = whole.scale()
    wheel(whole, place)
    after = whole.scale()
    assert after.column == before.column and after.frame > 1.5 * before.frame
    assert abs(at(whole, "12", 10).y() - place.y()) <= 1
    wheel(whole, place, SHIFT)
    assert whole.scale().column > 1.5 * before.column and whole.scale().frame == after.frame
    wheel(whole, place, CTRL, notches=-30)
    assert whole.scale() == before


def test_drags_and_keys_pan(whole: TreeView, qtbot: Any) -> None:
    whole.zoom(4)
    bars = whole.horizontalScrollBar(), whole.verticalScrollBar()
    start = [bar.value() for bar in bars]
    chosen: list[Any] = []
    whole.node_chosen.connect(lambda *node: chosen.append(node))
    middle = whole.viewport().rect().center()
    drag(qtbot, whole, middle, middle + QPoint(40, 30), MIDDLE)
    assert [bar.value() for bar in bars] == [start[0] - 40, start[1] - 30]
    drag(qtbot, whole, middle, middle - QPoint(40, 30))
    assert [bar.value() for bar in bars] == start and not chosen
    qtbot.keyClick(whole, Qt.Key.Key_Down, CTRL)
    qtbot.keyClick(whole, Qt.Key.Key_Right, CTRL)
    assert bars[0].value() > start[0] and bars[1].value() > start[1] and whole.node is None


def test_lines_out_of_sight_are_not_drawn_and_those_on_the_same_pixels_once() -> None:
    n_tracks = 2000
    first = np.zeros(n_tracks, dtype=np.int64)
    layout = lay_out(np.full(n_tracks, -1), first, first + 9)
    box = (0.0, 0.0, 100.0, 100.0)
    assert len(TreeScale(0, 0.05, 0, 10).lines(layout, box)) == 101
    near = TreeScale(-500, 50, -20, 10).lines(layout, box)
    assert near[:, 0].tolist() == [0, 50, 100] and near[:, 1].tolist() == [0, 0, 0]
    assert near[:, 3].tolist() == [70, 70, 70]


def test_arrows_lead_into_kin_and_aside() -> None:
    layout = lay_out(np.array([-1, 0, 0]), np.array([0, 6, 6]), np.array([5, 9, 9]))
    assert step_along(layout, (0, 5), forward=True) == (1, 6)
    assert step_along(layout, (1, 6), forward=False) == (0, 5)
    assert step_along(layout, (1, 9), forward=True) is None
    assert step_aside(layout, (1, 7), to_right=True) == (2, 7)
    assert step_aside(layout, (2, 7), to_right=True) is None
