"""The widget without a mouse, and read aloud: Tab goes everywhere, all it meets has a name."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from lineage_triplets.engine.tracks.guess import guess_reading
from lineage_triplets.plugin.start.columns_dialog import ColumnsDialog
from lineage_triplets.plugin.start.new_config import NewConfigDialog
from reviews import write_config
from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget

Key = Qt.Key


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


def out_of_order(reached: list[QWidget]) -> list[str]:
    """Controls that are neither beside nor below the one before them in the same box."""
    wrong = []
    for before, after in pairwise(reached):
        if before.parent() is after.parent():
            first, second = before.geometry(), after.geometry()
            beside = second.left() >= first.right() and second.bottom() > first.top()
            if not beside and second.top() < first.bottom():
                wrong.append(after.objectName())
    return wrong


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
        # Rows move while what they say comes.
        qtbot.waitUntil(lambda reached=reached: out_of_order(reached) == [])


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


HOMES = {
    "Board": "board_tiles",
    "Browse": "lineage_table",
    "Pairs": "pair_gallery",
    "Channels": "channel_keys",
    "Problems": "finding_list",
    "Links": "link_looking",
    "Audit": "audit_list",
    "Export": "check_again",
}


def has_focus(name: str) -> bool:
    focus = QApplication.focusWidget()
    return focus is not None and focus.objectName() == name


def test_ctrl_tab_leads_to_where_the_keys_of_a_panel_work(review: ReviewWidget, qtbot: Any) -> None:
    review.session.choose(lineage="early_A/1/0_1")
    for begin in ("open_config", "qt_tabwidget_tabbar", "check_again"):
        review.show_panel("Export")
        settled(qtbot, review)
        review.findChild(QWidget, begin).setFocus()
        for title, home in HOMES.items():
            control = Qt.KeyboardModifier.ControlModifier
            qtbot.keyClick(QApplication.focusWidget(), Key.Key_Tab, control)
            assert review.tabs.currentWidget() is review.panels[title]
            qtbot.waitUntil(lambda home=home: has_focus(home), timeout=9000)
            assert review.panels[title].accessibleName() == title


def test_tab_comes_into_the_widget_at_its_first_control(review: ReviewWidget, qtbot: Any) -> None:
    review.window().findChild(QWidget, "QTitleBarCloseButton").setFocus()
    for _ in range(20):
        qtbot.keyClick(QApplication.focusWidget(), Key.Key_Tab)
        if review.isAncestorOf(QApplication.focusWidget()):
            break
    assert has_focus("show_tails")


def test_a_config_that_opens_has_the_focus(widget: ReviewWidget, qtbot: Any, tmp_path: Any) -> None:
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow)
    widget.findChild(QWidget, "welcome_open").setFocus()
    widget.open_config(write_config(tmp_path), decisions=tmp_path / "decisions.db")
    assert has_focus("lineage_table")


def test_the_focus_stays_in_a_panel_whose_button_is_disabled_under_it(
    review: ReviewWidget, qtbot: Any
) -> None:
    review.show_panel("Channels")
    settled(qtbot, review)
    approve = review.findChild(QAbstractButton, "approve_early")
    qtbot.waitUntil(approve.isEnabled)
    approve.setFocus()
    qtbot.keyClick(approve, Key.Key_Space)
    assert not approve.isEnabled()
    qtbot.waitUntil(lambda: approve.text() == "Disapprove" and approve.hasFocus())


def test_tab_goes_through_a_new_config_part_by_part(widget: ReviewWidget, qtbot: Any) -> None:
    widget.make_config()
    dialog = widget.findChild(NewConfigDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    view = dialog.findChild(QWidget, "wells")
    view.setFocus()
    met = [view.objectName()]
    for _ in range(9):
        qtbot.keyClick(QApplication.focusWidget(), Key.Key_Tab)
        met.append(QApplication.focusWidget().objectName())
    conditions, slots = ["wells", "condition_of_selected", "set_condition"], ["slots", "slot_up"]
    assert met[:5] == [*conditions, *slots]
    assert met[6:] == ["config_path", "choose_config", "replace_config", "cancel_config"]
    dialog.reject()


def test_f1_lists_the_keys_of_the_window_that_asks_for_columns(qtbot: Any, tmp_path: Any) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("cell,when,cy,cx\n1,0,5,5\n1,1,5,6\n2,0,9,9\n")
    dialog = ColumnsDialog(guess_reading(table))
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    qtbot.keyClick(QApplication.focusWidget() or dialog, Key.Key_F1)
    qtbot.waitUntil(lambda: len(shown_keys(dialog)) == 1)
    words = {label.text() for label in shown_keys(dialog)[0].findChildren(QLabel)}
    assert "read the table so" in words
    assert not any("Ctrl+Tab" in text for text in words)
    shown_keys(dialog)[0].close()


def shown_keys(widget: QWidget) -> list[QWidget]:
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
