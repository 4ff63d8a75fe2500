"""The widget without a mouse, and read aloud: Tab goes everywhere, all it meets has a name."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget


def reached_by_tab(qtbot: Any, widget: ReviewWidget) -> list[QWidget]:
    """Press Tab from the panels' titles on, until it leaves the widget."""
    reached: list[QWidget] = [widget.tabs.tabBar()]
    reached[0].setFocus()
    while True:
        qtbot.keyClick(reached[-1], Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
        if focus is None or not widget.isAncestorOf(focus):
            return reached
        assert focus not in reached, f"{focus.objectName()} is reached twice"
        reached.append(focus)


def controls(part: QWidget) -> list[QWidget]:
    return [
        child
        for child in part.findChildren(QWidget)
        if child.isVisible()
        and child.isEnabled()
        and child.focusPolicy() & Qt.FocusPolicy.TabFocus
        and child.focusProxy() is None
    ]


def name_of(widget: ReviewWidget, control: QWidget) -> str:
    labels = [label for label in widget.findChildren(QLabel) if label.buddy() is control]
    text = control.text() if isinstance(control, QAbstractButton) else ""
    return control.accessibleName() or text or "".join(label.text() for label in labels)


def test_tab_reaches_every_control_once_and_each_has_a_name(
    review: ReviewWidget, qtbot: Any
) -> None:
    review.window().resize(1366, 768)
    review.session.choose(lineage="early_A/1/0_1")
    for title, panel in review.panels.items():
        review.show_panel(title)
        settled(qtbot, review)
        reached = reached_by_tab(qtbot, review)
        missed = {control.objectName() for control in controls(panel) if control not in reached}
        assert missed == set(), title
        nameless = {c.objectName() for c in reached[1:] if not name_of(review, c)}
        assert nameless == set(), title
        for before, after in pairwise(reached):
            if before.parent() is after.parent():
                first, second = before.geometry(), after.geometry()
                beside = second.left() >= first.right() and second.bottom() > first.top()
                assert beside or second.top() >= first.bottom(), after.objectName()


def test_tab_goes_back_the_same_way(review: ReviewWidget, qtbot: Any) -> None:
    review.show_panel("Export")
    settled(qtbot, review)
    there = reached_by_tab(qtbot, review)[:6]
    there[-1].setFocus()
    back = [there[-1]]
    for _ in there[1:]:
        qtbot.keyClick(back[-1], Qt.Key.Key_Backtab)
        back.append(QApplication.focusWidget())
    assert back == there[::-1]


def shown_keys(widget: ReviewWidget) -> list[QWidget]:
    lists = widget.findChildren(QWidget, "key_list")
    return [key_list for key_list in lists if key_list.isVisible()]


def test_f1_lists_the_keys_of_every_panel_and_esc_closes_them(
    review: ReviewWidget, qtbot: Any
) -> None:
    for title, panel in review.panels.items():
        review.show_panel(title)
        settled(qtbot, review)
        for place in (review.tabs.tabBar(), controls(panel)[-1]):
            place.setFocus()
            qtbot.keyClick(place, Qt.Key.Key_F1)
            qtbot.waitUntil(lambda: len(shown_keys(review)) == 1)
            (key_list,) = shown_keys(review)
            assert panel.isAncestorOf(key_list.parent()), title
            qtbot.keyClick(key_list, Qt.Key.Key_Escape)
            qtbot.waitUntil(lambda: not shown_keys(review))


def test_f1_says_how_to_begin(widget: ReviewWidget, qtbot: Any) -> None:
    widget.window().activateWindow()
    widget.welcome.setFocus()
    qtbot.keyClick(widget.welcome, Qt.Key.Key_F1)
    qtbot.waitUntil(lambda: len(shown_keys(widget)) == 1)
    words = {label.text() for label in shown_keys(widget)[0].findChildren(QLabel)}
    assert {"<b>Alt+O</b>", "open a config"} <= words
    shown_keys(widget)[0].close()
