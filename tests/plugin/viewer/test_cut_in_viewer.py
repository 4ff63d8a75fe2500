"""A wrong link is cut where it is seen: by a menu in the viewer or the tree, and marked before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QContextMenuEvent
from qtpy.QtWidgets import QApplication, QComboBox, QMenu, QTabWidget, QWidget

from lineage_triplets.plugin.browse.tree_view import TreeView
from lineage_triplets.plugin.viewer.layer_stack import MARK
from lineage_triplets.qc.record.decision import Target
from reviews import field
from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def widget(review: ReviewWidget) -> ReviewWidget:
    return review


def marks(viewer: Any) -> list[Any]:
    return [one for one in viewer.layers if one.metadata.get(MARK) == "link to cut"]


def click_cell(viewer: Any, track: int, t: int, button: int) -> None:
    """Press and release a button of the mouse over a cell, as the canvas tells it."""
    viewer.dims.set_current_step(0, t)
    (cell,) = field().query("track_id == @track and t == @t").itertuples()
    event = SimpleNamespace(
        type="mouse_press",
        button=button,
        modifiers=[],
        pos=np.array([100.0, 100.0]),
        position=(t, cell.y * 0.5, cell.x * 0.5),
        view_direction=None,
    )
    for callback in viewer.mouse_drag_callbacks:
        after = callback(viewer, event)
        if after is not None:
            next(after, None)
            event.type = "mouse_release"
            next(after, None)


def press_entry(qtbot: Any, widget: ReviewWidget) -> str:
    """Click on what the open menu offers; gives its words."""
    menu = widget.panels["Browse"].findChild(QMenu, "cell_menu")
    qtbot.waitUntil(menu.isVisible)
    (entry,) = [one for one in menu.actions() if one.objectName() == "cut_here"]
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(entry).center())
    return str(entry.text())


def reason_field(widget: ReviewWidget) -> Any:
    return widget.panels["Browse"].findChild(QWidget, "reason_field")


def give_reason(qtbot: Any, widget: ReviewWidget, text: str) -> None:
    line = widget.panels["Browse"].findChild(QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.isVisible)
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("track", "t", "words", "frames", "link"),
    [
        (2, 9, "Cut the link to the frame before…", (8, 9), {"track": "2", "t": 9}),
        (3, 6, "Cut from mother 1…", (5, 6), {"track": "1", "daughter": 3}),
    ],
)
def test_a_link_is_cut_from_the_menu_of_a_cell_in_the_viewer(
    viewer: Any,
    widget: ReviewWidget,
    qtbot: Any,
    track: int,
    t: int,
    words: str,
    frames: tuple[int, int],
    link: dict[str, Any],
) -> None:
    tabs = widget.findChild(QTabWidget, "panels")
    tabs.setCurrentIndex(1)
    click_cell(viewer, track, t, button=2)
    settled(qtbot, widget)
    menu = widget.panels["Browse"].findChild(QMenu, "cell_menu")
    qtbot.waitUntil(menu.isVisible)
    # What would be cut is marked before anybody decides.
    (mark,) = marks(viewer)
    rows = [field().query("t == @k").set_index("track_id") for k in frames]
    before = rows[0].loc[track if track in rows[0].index else 1]
    ends = [(one["y"], one["x"]) for one in (before, rows[1].loc[track])]
    np.testing.assert_allclose(mark.data[0], ends)
    assert press_entry(qtbot, widget) == words
    assert tabs.currentWidget() is widget.panels["Browse"]
    assert reason_field(widget).isVisible() and len(marks(viewer)) == 1
    assert not widget.session.review.decisions
    give_reason(qtbot, widget, "another cell")
    (made,) = widget.session.review.effect.cuts
    assert made == Target("link", "early", "A/1/0", **link)
    settled(qtbot, widget)
    assert marks(viewer) == []
    qtbot.keyClick(
        viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier
    )
    assert not widget.session.review.effect.cuts


def test_a_cell_is_clicked_and_cut_by_key_in_the_canvas(
    viewer: Any, widget: ReviewWidget, qtbot: Any
) -> None:
    click_cell(viewer, 2, 9, button=1)
    settled(qtbot, widget)
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_C)
    assert reason_field(widget).isVisible() and len(marks(viewer)) == 1
    line = widget.panels["Browse"].findChild(QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert not reason_field(widget).isVisible() and marks(viewer) == []
    qtbot.keyClick(canvas, Qt.Key.Key_C)
    give_reason(qtbot, widget, "jumps")
    assert [one.t for one in widget.session.review.effect.cuts] == [9]


def test_nothing_can_be_cut_where_no_link_leads(
    viewer: Any, widget: ReviewWidget, qtbot: Any
) -> None:
    click_cell(viewer, 1, 0, button=2)
    settled(qtbot, widget)
    assert "nothing to cut" in press_entry(qtbot, widget)
    assert marks(viewer) == [] and not reason_field(widget).isVisible()


def test_the_tree_has_the_same_menu_and_marks_the_link(
    viewer: Any, widget: ReviewWidget, qtbot: Any
) -> None:
    widget.session.choose(lineage="early_A/1/0_1")
    settled(qtbot, widget)
    tree = widget.findChild(TreeView, "lineage_tree")
    at = tree.pixel_of(2, 6).toPoint()
    plain = tree.viewport().grab().toImage()

    def colour(image: Any, track: int, t: float) -> str:
        where = tree.pixel_of(track, 6) + (tree.pixel_of(track, t) - tree.pixel_of(track, 6))
        return image.pixelColor(QPoint(round(where.x()), round(where.y()))).name()

    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, tree.viewport().mapToGlobal(at))
    QApplication.sendEvent(tree.viewport(), event)
    assert tree.node == (2, 6)
    menu = widget.panels["Browse"].findChild(QMenu, "cell_menu")
    qtbot.waitUntil(menu.isVisible)
    marked = tree.viewport().grab().toImage()
    assert colour(marked, 2, 5.5) != colour(plain, 2, 5.5)
    assert len(marks(viewer)) == 1
    qtbot.keyClick(menu, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not menu.isVisible())
    assert marks(viewer) == []
    # Without a mouse: the menu key, of the node that is chosen.
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(tree.viewport(), event)
    assert press_entry(qtbot, widget) == "Cut from mother 1…"
    give_reason(qtbot, widget, "too far")
    assert [one.daughter for one in widget.session.review.effect.cuts] == [3]
