"""Keys of the panels in a real viewer: with the focus in its canvas, in fields, and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QTableView,
    QTabWidget,
    QWidget,
)

from lineage_triplets.plugin.manifest import review_widget
from lineage_triplets.plugin.viewer.layer_stack import MARK
from reviews import write_config
from widgets import settled

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget

Key = Qt.Key
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
FIRST = "early_A/1/0_1"


@pytest.fixture
def widget(review: ReviewWidget) -> ReviewWidget:
    return review


def canvas(viewer: Any) -> QWidget:
    return viewer.window._qt_viewer.canvas.native


def layer(viewer: Any, role: str) -> Any:
    (found,) = [one for one in viewer.layers if one.metadata.get(MARK) == role]
    return found


def bring_to_front(qtbot: Any, widget: ReviewWidget, title: str) -> None:
    tabs = widget.findChild(QTabWidget, "panels")
    number = [tabs.tabText(k) for k in range(tabs.count())].index(title)
    bar = tabs.tabBar()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number).center())
    assert tabs.currentIndex() == number


def made(widget: ReviewWidget) -> list[str]:
    return [one.kind for one in widget.session.review.decisions]


def give_reason(qtbot: Any, widget: ReviewWidget, text: str) -> None:
    panel = widget.findChild(QTabWidget, "panels").currentWidget()
    line = panel.findChild(QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.isVisible)
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Key.Key_Return)


@pytest.mark.parametrize(
    "active",
    ["", "tracks", *(pytest.param(name, marks=pytest.mark.slow) for name in ("slot 0", "cells"))],
)
def test_the_panel_in_front_is_driven_from_the_canvas(
    viewer: Any, widget: ReviewWidget, qtbot: Any, active: str
) -> None:
    widget.session.choose(lineage=FIRST)
    settled(qtbot, widget)
    viewer.layers.selection.clear()
    widget.session.show_tails(active == "tracks")
    if active:
        viewer.layers.selection.active = layer(viewer, active)
    qtbot.keyClick(canvas(viewer), Key.Key_A)
    assert made(widget) == ["accept"]
    qtbot.keyClick(canvas(viewer), Key.Key_J)
    assert widget.session.review.intent.lineage == "early_A/1/0_11"
    settled(qtbot, widget)
    qtbot.keyClick(canvas(viewer), Key.Key_K)
    assert widget.session.review.intent.lineage == FIRST
    settled(qtbot, widget)
    qtbot.keyClick(canvas(viewer), Key.Key_R)
    give_reason(qtbot, widget, "dead")
    assert made(widget) == ["accept", "reject"]
    qtbot.keyClick(canvas(viewer), Key.Key_Z, CTRL)
    assert made(widget) == ["accept"]
    qtbot.keyClick(canvas(viewer), Key.Key_Z, CTRL | SHIFT)
    assert made(widget) == ["accept", "reject"]


def test_problems_are_stepped_through_from_the_canvas(
    viewer: Any, widget: ReviewWidget, qtbot: Any
) -> None:
    bring_to_front(qtbot, widget, "Problems")
    settled(qtbot, widget)
    table = widget.panels["Problems"].findings
    qtbot.waitUntil(lambda: table.model.rowCount() > 1)
    qtbot.keyClick(canvas(viewer), Key.Key_J)
    first = table.current
    assert first is not None
    qtbot.keyClick(canvas(viewer), Key.Key_F8)
    assert table.current != first
    qtbot.keyClick(canvas(viewer), Key.Key_F8, SHIFT)
    assert table.current == first
    # Accepting is no key here, and the layer has its own again.
    viewer.layers.selection.active = layer(viewer, "slot 0")
    qtbot.keyClick(canvas(viewer), Key.Key_A)
    assert made(widget) == []


def test_undo_is_there_in_every_panel(viewer: Any, widget: ReviewWidget, qtbot: Any) -> None:
    review = widget.session.review
    for title in ("Pairs", "Channels", "Problems", "Export"):
        bring_to_front(qtbot, widget, title)
        widget.session.decide(lambda review: review.accept(review.target("lineage", FIRST)))
        settled(qtbot, widget)
        qtbot.keyClick(canvas(viewer), Key.Key_Z, CTRL)
        assert not review.effect.accepted, title
        qtbot.keyClick(widget.panels[title], Key.Key_Z, CTRL | SHIFT)
        assert review.effect.accepted, title
        qtbot.keyClick(widget.panels[title], Key.Key_Z, CTRL)
        assert not review.effect.accepted, title


def test_nobody_s_keys_are_taken(viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    pressed: list[str] = []
    viewer.bind_key("K", lambda _: pressed.append("K"))
    points = viewer.add_points([[0, 1, 1], [0, 2, 2]], name="mine")
    widget = review_widget(viewer)
    widget.open_config(write_config(tmp_path), by="ada", decisions=tmp_path / "decisions.db")
    settled(qtbot, widget)
    widget.session.choose(lineage=FIRST)
    settled(qtbot, widget)
    viewer.layers.selection.active = points
    points.mode = "select"
    qtbot.keyClick(canvas(viewer), Key.Key_A)
    assert points.selected_data and made(widget) == []
    viewer.layers.selection.clear()
    qtbot.keyClick(canvas(viewer), Key.Key_K)
    assert pressed == ["K"]
    # On its own layers a key does what it does in napari while no panel needs it.
    image = layer(viewer, "slot 0")
    viewer.layers.selection.active = image
    image.contrast_limits = (0, 1)
    bring_to_front(qtbot, widget, "Export")
    qtbot.keyClick(canvas(viewer), Key.Key_C)
    assert image.contrast_limits != [0, 1]
    settled(qtbot, widget)
    before = dict(viewer.keymap)
    viewer.window.remove_dock_widget(widget.parent())
    widget.close()
    widget.deleteLater()
    qtbot.waitUntil(lambda: not isalive(widget))
    assert {str(one) for one in viewer.keymap} == {"K"}
    assert len(before) > 10
    assert not points.keymap


def test_letters_that_are_typed_decide_nothing(
    viewer: Any, widget: ReviewWidget, qtbot: Any
) -> None:
    widget.session.choose(lineage=FIRST)
    settled(qtbot, widget)
    tried = 0
    for title in ("Browse", "Pairs", "Problems", "Export"):
        bring_to_front(qtbot, widget, title)
        settled(qtbot, widget)
        panel = widget.panels[title]
        kinds = (QLineEdit, QComboBox, QAbstractSpinBox)
        for field in [one for kind in kinds for one in panel.findChildren(kind)]:
            if field.isVisible() and field.isEnabled() and not field.focusProxy():
                field.setFocus()
                qtbot.keyClicks(field, "aucwjk")
                tried += 1
        settled(qtbot, widget)
        assert made(widget) == [], title
        assert not any(one.isVisible() for one in panel.findChildren(QWidget, "reason_field"))
    assert tried > 8


def test_the_help_says_which_keys_work_in_the_canvas(widget: ReviewWidget, qtbot: Any) -> None:
    table = widget.panels["Browse"].findChild(QTableView, "lineage_table")
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    qtbot.keyClick(table, Key.Key_F1)
    notes = [
        one.text().replace("<br>", " ")
        for one in widget.panels["Browse"].findChildren(QLabel, "canvas_keys")
        if one.isVisible()
    ]
    assert len(notes) == 1
    assert notes[0].endswith("A, R, U, C, J, K, O, F1, Ctrl+Z, Ctrl+Shift+Z")
