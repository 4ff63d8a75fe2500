"""Browse: found, looked at and decided by mouse and keys on a small real review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QTableView,
    QWidget,
)

from lineage_triplets.plugin.browse.panel import BrowsePanel
from lineage_triplets.plugin.browse.tree_view import TreeView
from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.record.decision import Target
from reviews import write_config

if TYPE_CHECKING:
    from pathlib import Path

Key = Qt.Key
LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
FIRST = "early_A/1/0_1"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture
def panel(session: Session, config: Path, tmp_path: Path, qtbot: Any) -> BrowsePanel:
    made = BrowsePanel(session)
    qtbot.addWidget(made)
    made.resize(420, 800)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    session.open(config, by="tester", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: count(made) == "9")
    return made


def review_of(session: Session) -> Review:
    assert session.review is not None
    return session.review


def find(panel: QWidget, kind: type, name: str) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def count(panel: BrowsePanel) -> str:
    return str(find(panel, QLabel, "lineage_count").text())


def shown(panel: BrowsePanel) -> list[str]:
    model = find(panel, QTableView, "lineage_table").model()
    return [model.index(row, 0).data(Qt.ItemDataRole.UserRole) for row in range(model.rowCount())]


def decisions(panel: BrowsePanel) -> dict[str, str]:
    model = find(panel, QTableView, "lineage_table").model()
    return {
        model.index(row, 0).data(Qt.ItemDataRole.UserRole): model.index(row, 6).data()
        for row in range(model.rowCount())
    }


def selected(panel: BrowsePanel) -> str:
    rows = find(panel, QTableView, "lineage_table").selectionModel().selectedRows()
    return str(rows[0].data(Qt.ItemDataRole.UserRole)) if rows else ""


def press(qtbot: Any, panel: BrowsePanel, name: str) -> None:
    qtbot.mouseClick(find(panel, QAbstractButton, name), LEFT)


def check(qtbot: Any, panel: BrowsePanel, name: str) -> None:
    # A check box is checked where its box is, not in the middle of its row.
    box = find(panel, QAbstractButton, name)
    box.setFocus()
    qtbot.keyClick(box, Key.Key_Space)


def select(qtbot: Any, panel: BrowsePanel, lineage: str) -> None:
    table = find(panel, QTableView, "lineage_table")
    place = table.visualRect(table.model().index(shown(panel).index(lineage), 0)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)


def click_tree(qtbot: Any, panel: BrowsePanel, name: str, t: int) -> None:
    tree = find(panel, TreeView, "lineage_tree")
    at = tree.pixel_of(tree.tree.names.index(name), t).toPoint()
    qtbot.mouseClick(tree.viewport(), LEFT, pos=at)


def give_reason(qtbot: Any, panel: BrowsePanel, text: str) -> None:
    line = find(panel, QComboBox, "reason").lineEdit()
    qtbot.waitUntil(line.hasFocus)
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Key.Key_Return)


def test_a_lineage_is_selected_by_mouse_and_by_keys(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    assert review_of(session).state.lineage == FIRST
    assert find(panel, TreeView, "lineage_tree").tree.names == ("1", "2", "3")
    qtbot.keyClick(find(panel, QTableView, "lineage_table"), Key.Key_Down)
    assert review_of(session).state.lineage == selected(panel) == "early_A/1/0_11"
    assert find(panel, TreeView, "lineage_tree").tree.names == ("11", "12", "13")
    assert session.said == []  # type: ignore[attr-defined]


def test_another_panels_choice_is_selected_here(panel: BrowsePanel, session: Session) -> None:
    session.choose(lineage="late_A/1/0_21")
    assert selected(panel) == "late_A/1/0_21"


def test_pickers_narrow_the_table_and_find_by_typing(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    experiment = find(panel, QComboBox, "experiment")
    experiment.setFocus()
    qtbot.keyClick(experiment, Key.Key_Down)
    assert review_of(session).intent.experiment == "early"
    assert count(panel) == "6 of 9"
    fov = find(panel, QComboBox, "fov")
    assert [fov.itemText(k) for k in range(fov.count())] == [
        "all FOVs",
        "A/1/0 (well A/1, control)",
        "B/2/0 (well B/2, control)",
    ]
    line = fov.lineEdit()
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "b/2")
    popup = fov.completer().popup()
    qtbot.waitUntil(popup.isVisible)
    qtbot.keyClick(popup, Key.Key_Down)
    qtbot.keyClick(popup, Key.Key_Return)
    assert review_of(session).intent.fov == "B/2/0"
    assert shown(panel) == ["early_B/2/0_1", "early_B/2/0_11", "early_B/2/0_21"]


def test_what_is_typed_and_is_no_fov_goes_away(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    fov = find(panel, QComboBox, "fov")
    fov.lineEdit().setFocus()
    qtbot.keyClicks(fov.lineEdit(), "xyz")
    qtbot.keyClick(fov.lineEdit(), Key.Key_Return)
    assert fov.currentText() == "all FOVs"
    assert review_of(session).intent.fov == ""


def test_filters_keep_what_is_selected(panel: BrowsePanel, session: Session, qtbot: Any) -> None:
    select(qtbot, panel, "early_A/1/0_21")
    check(qtbot, panel, "has_divisions")
    assert "early_A/1/0_21" in shown(panel)
    assert count(panel) == "7 of 9"
    qtbot.keyClicks(find(panel, QLineEdit, "filter_text"), "late")
    assert shown(panel) == ["early_A/1/0_21", "late_A/1/0_1", "late_A/1/0_11"]
    assert selected(panel) == "early_A/1/0_21" == review_of(session).state.lineage


def test_a_lineage_is_accepted_and_that_is_seen_at_once(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    press(qtbot, panel, "accept")
    assert decisions(panel)[FIRST] == "✓ accepted"
    about = find(panel, QLabel, "decision_about")
    assert about.text() == f"lineage {FIRST}: accepted"
    press(qtbot, panel, "undecided")
    assert decisions(panel)[FIRST] == ""
    assert [one.kind for one in review_of(session).decisions] == ["accept", "undecided"]


def test_rejecting_asks_why_and_offers_earlier_reasons(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    press(qtbot, panel, "reject")
    field = find(panel, QWidget, "reason_field")
    assert field.isVisible()
    qtbot.keyClick(find(panel, QComboBox, "reason").lineEdit(), Key.Key_Return)
    assert field.isVisible()
    give_reason(qtbot, panel, "out of focus")
    assert not field.isVisible()
    assert decisions(panel)[FIRST] == "✕ rejected"
    assert review_of(session).decisions[-1].reason == "out of focus"
    press(qtbot, panel, "reject")
    reasons = find(panel, QComboBox, "reason")
    assert [reasons.itemText(k) for k in range(reasons.count())] == ["out of focus"]
    press(qtbot, panel, "cancel_reason")
    assert len(review_of(session).decisions) == 1


def test_keys_decide_where_the_table_has_the_focus(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    table = find(panel, QTableView, "lineage_table")
    qtbot.waitUntil(table.hasFocus)
    qtbot.keyClick(table, Key.Key_A)
    assert decisions(panel)[FIRST] == "✓ accepted"
    qtbot.keyClick(table, Key.Key_U)
    assert decisions(panel)[FIRST] == ""
    qtbot.keyClick(table, Key.Key_R)
    give_reason(qtbot, panel, "a rat, curious")
    assert review_of(session).decisions[-1].reason == "a rat, curious"
    assert table.hasFocus()
    qtbot.keyClick(table, Key.Key_Z, CTRL)
    assert decisions(panel)[FIRST] == ""
    qtbot.keyClick(table, Key.Key_Z, CTRL | SHIFT)
    assert decisions(panel)[FIRST] == "✕ rejected"
    qtbot.keyClick(table, Key.Key_R)
    qtbot.waitUntil(lambda: find(panel, QComboBox, "reason").lineEdit().hasFocus())
    qtbot.keyClick(find(panel, QComboBox, "reason").lineEdit(), Key.Key_Escape)
    assert not find(panel, QWidget, "reason_field").isVisible()
    assert len(review_of(session).decisions) == 3


def test_the_reason_is_for_what_was_asked_though_another_is_selected(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    press(qtbot, panel, "reject")
    select(qtbot, panel, "early_B/2/0_1")
    find(panel, QComboBox, "reason").lineEdit().setFocus()
    give_reason(qtbot, panel, "dies")
    assert set(review_of(session).effect.rejected) == {review_of(session).target("lineage", FIRST)}


def test_going_on_is_only_where_it_was_asked_for(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    press(qtbot, panel, "accept")
    assert selected(panel) == FIRST
    check(qtbot, panel, "go_on_to_next")
    press(qtbot, panel, "accept")
    assert selected(panel) == review_of(session).state.lineage == "early_A/1/0_11"
    press(qtbot, panel, "undo")
    assert selected(panel) == FIRST


@pytest.mark.parametrize(
    ("level", "t", "words"),
    [
        ("track", 9, "track early_A/1/0_3"),
        ("cell", 9, "observation early_A/1/0_3 at t = 9"),
        ("frame", 9, "FOV early A/1/0 at t = 9"),
        ("FOV", 9, "FOV early A/1/0"),
    ],
)
def test_other_things_than_lineages_are_decided(
    panel: BrowsePanel, session: Session, qtbot: Any, level: str, t: int, words: str
) -> None:
    select(qtbot, panel, FIRST)
    click_tree(qtbot, panel, "3", t)
    levels = find(panel, QComboBox, "decision_level")
    levels.setFocus()
    # Typed letters are keys of the panel elsewhere; here they find an entry and decide nothing.
    qtbot.keyClicks(levels, level)
    assert review_of(session).decisions == ()
    assert find(panel, QLabel, "decision_about").text() == words
    press(qtbot, panel, "reject")
    give_reason(qtbot, panel, "debris")
    assert [str(one) for one in review_of(session).effect.rejected] == [words]


def test_what_cannot_be_decided_cannot_be_pressed_and_says_why(
    panel: BrowsePanel, qtbot: Any
) -> None:
    accept = find(panel, QAbstractButton, "accept")
    assert not accept.isEnabled()
    assert accept.toolTip() == "Select a lineage in the table"
    assert not find(panel, QAbstractButton, "cut_link").isEnabled()


def test_a_click_in_the_tree_takes_the_viewer_to_the_cell(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    with qtbot.waitSignal(session.place_wanted) as got:
        click_tree(qtbot, panel, "3", 9)
    cells = review_of(session).state.view.cells
    cell = cells[(cells["track_id"] == 3) & (cells["t"] == 9)].iloc[0]
    assert got.args == [Place("early", "A/1/0", 9, cell["y"], cell["x"], cell["z"], ("3",))]


def test_enter_goes_to_the_first_cell(panel: BrowsePanel, session: Session, qtbot: Any) -> None:
    select(qtbot, panel, "early_A/1/0_11")
    with qtbot.waitSignal(session.place_wanted) as got:
        qtbot.keyClick(find(panel, QTableView, "lineage_table"), Key.Key_Return)
    assert (got.args[0].t, got.args[0].tracks) == (0, ("11",))


def test_a_link_is_cut_where_it_was_clicked(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    click_tree(qtbot, panel, "2", 6)
    press(qtbot, panel, "cut_link")
    give_reason(qtbot, panel, "another cell")
    assert set(review_of(session).effect.cuts) == {
        Target("link", "early", "A/1/0", track="1", daughter=2)
    }
    qtbot.waitUntil(lambda: "early_A/1/0_2" in shown(panel))
    assert selected(panel) == FIRST
    click_tree(qtbot, panel, "3", 9)
    tree = find(panel, TreeView, "lineage_tree")
    qtbot.keyClick(tree, Key.Key_C)
    give_reason(qtbot, panel, "jumps")
    qtbot.waitUntil(lambda: "early_A/1/0_3@9" in shown(panel))
    press(qtbot, panel, "undo")
    press(qtbot, panel, "undo")
    qtbot.waitUntil(lambda: count(panel) == "9")


def test_the_viewers_frame_is_shown_for_its_own_fov(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    tree = find(panel, TreeView, "lineage_tree")
    select(qtbot, panel, FIRST)
    session.frame_changed.emit("early", "A/1/0", 4)
    assert tree.frame == 4
    session.frame_changed.emit("late", "A/1/0", 5)
    assert tree.frame is None
    select(qtbot, panel, "late_A/1/0_1")
    assert tree.frame == 5


def test_where_somebody_goes_is_marked_in_the_tree(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    tree = find(panel, TreeView, "lineage_tree")
    session.look_at(Place("early", "A/1/0", 8, tracks=("2",)))
    assert tree.node == (1, 8)
    session.look_at(Place("late", "A/1/0", 10, tracks=("3",)))
    assert tree.node == (1, 8)


def test_decisions_made_elsewhere_arrive_and_nothing_jumps(
    panel: BrowsePanel, session: Session, qtbot: Any
) -> None:
    table = find(panel, QTableView, "lineage_table")
    panel.resize(420, 480)
    select(qtbot, panel, FIRST)
    table.verticalScrollBar().setValue(3)
    before = table.verticalScrollBar().value()
    assert before > 0
    review = review_of(session)
    session.decide(lambda one: one.reject(Target("fov", "early", "B/2/0"), "empty"))
    qtbot.waitUntil(lambda: decisions(panel)["early_B/2/0_21"] == "✕ rejected")
    assert table.verticalScrollBar().value() == before
    assert selected(panel) == FIRST == review.state.lineage


def test_problems_are_counted_once_they_are_found(
    session: Session, tmp_path: Path, qtbot: Any, panel: BrowsePanel
) -> None:
    review = review_of(session)
    review.check(channels=False)
    named = {
        one.finding.experiment
        for one in review.findings()
        if one.finding.tracks and one.finding.severity != "note"
    }
    check(qtbot, panel, "has_problems")
    qtbot.waitUntil(lambda: not panel.is_reading and not session.work.running)
    assert {one.split("_")[0] for one in shown(panel)} == named


def test_the_keys_are_listed_in_one_place(panel: BrowsePanel, qtbot: Any) -> None:
    press(qtbot, panel, "keys")
    listed = find(panel, QWidget, "key_list")
    assert listed.isVisible()
    words = " ".join(one.text() for one in listed.findChildren(QLabel))
    for key in ("A", "R", "U", "C", "Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+F", "F1"):
        assert f"<b>{key}</b>" in words
    qtbot.keyClick(listed, Key.Key_Escape)
    assert not listed.isVisible()


def test_every_control_has_a_name_and_a_tooltip(panel: BrowsePanel) -> None:
    own = [*panel.findChildren(QAbstractButton), *panel.findChildren(QComboBox)]
    named = [one for one in own if not one.objectName().startswith("qt_") and one.isVisible()]
    inner = (QComboBox, QLineEdit, QTableView)
    for one in named:
        if not isinstance(one.parent(), inner):
            assert one.objectName()
            assert one.toolTip(), one.objectName()
    assert panel.minimumSizeHint().width() <= 400


def test_after_closing_nothing_is_left_and_another_can_be_opened(
    panel: BrowsePanel, session: Session, config: Path, tmp_path: Path, qtbot: Any
) -> None:
    select(qtbot, panel, FIRST)
    find(panel, QTableView, "lineage_table").sortByColumn(1, Qt.SortOrder.DescendingOrder)
    session.close()
    assert shown(panel) == []
    assert find(panel, TreeView, "lineage_tree").tree is None
    assert not find(panel, QAbstractButton, "undo").isEnabled()
    session.open(config, by="tester", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: len(shown(panel)) == 9)
    assert selected(panel) == ""


def test_a_panel_that_is_gone_hears_no_more(
    session: Session, config: Path, tmp_path: Path, qtbot: Any
) -> None:
    panel = BrowsePanel(session)
    session.open(config, by="tester", decisions=tmp_path / "decisions.db")
    panel.deleteLater()
    with qtbot.waitSignal(panel.destroyed):
        pass
    session.choose(lineage=FIRST)
    session.decide(lambda one: one.accept(one.target("lineage", FIRST)))
    session.frame_changed.emit("early", "A/1/0", 3)
    session.close()
    assert session.said == []  # type: ignore[attr-defined]


def test_what_is_opened_read_only_is_looked_at_alone(
    session: Session, config: Path, tmp_path: Path, qtbot: Any
) -> None:
    with Review.open(config, by="first", decisions=tmp_path / "decisions.db"):
        panel = BrowsePanel(session)
        qtbot.addWidget(panel)
        panel.show()
        session.open(config, by="second", decisions=tmp_path / "decisions.db", read_only=True)
        qtbot.waitUntil(lambda: count(panel) == "9")
        select(qtbot, panel, FIRST)
        assert find(panel, TreeView, "lineage_tree").tree is not None
        accept = find(panel, QAbstractButton, "accept")
        assert (accept.isEnabled(), accept.toolTip()) == (False, "Opened read-only")
    QApplication.processEvents()
