"""The widget in a real viewer: opened, clicked through, closed."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QTabWidget, QTextBrowser

from lineage_triplets.plugin.common.said import CountBar
from lineage_triplets.plugin.manifest import review_widget
from lineage_triplets.qc.decide.review import Review
from reviews import write_config
from widgets import settled

if TYPE_CHECKING:
    from pathlib import Path


class Painted(QObject):
    """Counts how often what it watches is drawn."""

    times = 0

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        self.times += event.type() == QEvent.Type.Paint
        return False


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def test_a_config_is_shown_and_its_layers_leave_with_it(viewer, widget, config_path, qtbot):
    viewer.add_points([[0, 1, 1]], name="mine")

    assert widget.open_config(config_path, by="ada")
    settled(qtbot, widget)

    names = [one.name for one in viewer.layers]
    assert {"Phase", "GFP", "cells", "mine"} <= set(names)
    assert widget.findChild(QTabWidget, "panels").isEnabled()
    widget.session.close()
    assert [one.name for one in viewer.layers] == ["mine"]
    assert not widget.findChild(QTabWidget, "panels").isEnabled()


def test_nothing_of_a_config_stays_once_it_is_closed(widget, config_path, qtbot):
    widget.open_config(config_path, by="ada")
    for title in widget.panels:
        widget.show_panel(title)
        settled(qtbot, widget)
    widget.session.choose(lineage="early_A/1/0_1")
    settled(qtbot, widget)
    review, data = widget.session.review, widget.session.review.data
    of_data = (data.tables, data.raw, data.linked, data.training, data.pixels)
    held = [weakref.ref(one) for one in (review, review.checks, review.state, data, *of_data)]
    del review, data, of_data

    widget.session.close()

    def are_gone() -> bool:
        gc.collect()
        return not any(one() for one in held)

    qtbot.waitUntil(are_gone)


def test_a_widget_that_is_gone_leaves_no_session(viewer, config_path, qtbot):
    made = review_widget(viewer)
    assert made.open_config(config_path, by="ada")
    settled(qtbot, made)
    session, keeper = made.session, made.layers

    viewer.window.remove_dock_widget(made)
    made.deleteLater()

    qtbot.waitUntil(lambda: not isalive(session) and not isalive(keeper))
    assert session.review is None
    assert not list(viewer.layers)
    Review.open(config_path, by="bea").close()


def test_progress_without_an_end_keeps_nothing_moving(widget, qtbot):
    bar = widget.findChild(CountBar, "progress")
    widget.session.work.start(widget, "it", lambda job: job.progress(0, 0), lambda _: None)
    with qtbot.waitSignal(widget.session.work.progressed):
        pass
    assert (bar.done, bar.total, bar.accessibleName()) == (0, 0, "it: 0%")
    settled(qtbot, widget)


def test_progress_of_many_steps_is_drawn_some_times_a_second_and_never_at_once(widget, qtbot):
    bar = widget.findChild(CountBar, "progress")
    progressed = widget.session.work.progressed
    progressed.emit("it", 1, 1000)
    qtbot.waitUntil(lambda: bar.isVisible() and not widget._rests.isActive())
    painted = Painted()
    bar.installEventFilter(painted)
    seen = []
    for step in range(2, 1001):
        progressed.emit("it", step, 1000)
        seen.append(bar.done)
    assert seen[0] == 2
    assert len(set(seen)) < 100
    assert not painted.times, "each would hold whoever tells of it until the window is drawn"
    qtbot.waitUntil(lambda: painted.times > 0)


def test_a_session_may_be_gone_before_its_widget(viewer, qtbot):
    made = review_widget(viewer)
    gone = made.session, made.layers
    for one in gone:
        one.deleteLater()
    qtbot.waitUntil(lambda: not any(isalive(one) for one in gone))

    viewer.window.remove_dock_widget(made)
    with qtbot.captureExceptions() as raised:
        made.deleteLater()
        qtbot.waitUntil(lambda: not isalive(made))
    assert not raised


def test_accepting_by_key_is_recorded(widget, config_path, qtbot):
    widget.open_config(config_path, by="ada")
    widget.session.choose(lineage="early_A/1/0_1")
    settled(qtbot, widget)

    qtbot.mouseClick(widget.findChild(QPushButton, "accept"), Qt.MouseButton.LeftButton)

    made = widget.session.review.decisions
    assert [(one.kind, one.target.id, one.by) for one in made] == [
        ("accept", "early_A/1/0_1", "ada")
    ]


def test_what_cannot_be_opened_says_so_and_can_be_tried_again(widget, config_path, qtbot):
    text = config_path.read_text()
    config_path.write_text(text.replace("interval_minutes", "interval_minute"))

    assert not widget.open_config(config_path)

    shown = widget.findChild(QTextBrowser, "message_text").toPlainText()
    assert "interval_minutes" in shown
    assert "line" in shown
    config_path.write_text(text)
    qtbot.mouseClick(widget.findChild(QPushButton, "try_again"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.session.review is not None)
    settled(qtbot, widget)


def test_a_second_reviewer_may_look(widget, config_path, qtbot):
    with Review.open(config_path, by="bea"):
        assert not widget.open_config(config_path, by="ada")
        assert "bea" in widget.findChild(QTextBrowser, "message_text").toPlainText()
        qtbot.mouseClick(widget.findChild(QPushButton, "open_read_only"), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: widget.session.review is not None)
        assert widget.session.review.log.read_only
        settled(qtbot, widget)


def test_the_open_config_can_be_opened_again(widget, config_path, qtbot):
    assert widget.open_config(config_path, by="ada")
    first = widget.session.review
    assert widget.open_config(config_path, by="ada")
    assert widget.session.review is not first
    settled(qtbot, widget)


def test_a_config_opens_beside_the_event_loop(widget, config_path, qtbot):
    seen = []
    widget.session.opening.connect(seen.append)
    with Review.open(config_path, by="ada") as before:
        before.reject(before.target("lineage", "early_A/1/0_1"), "out of focus")

    widget.start_opening(config_path, by="ada")

    assert widget.session.review is None
    assert "experiments.yml" in widget.findChild(QLabel, "opening").text()
    assert widget.findChild(QLabel, "opening").isVisibleTo(widget)
    settled(qtbot, widget)
    review = widget.session.review
    assert seen == ["experiments.yml", ""]
    assert not widget.findChild(QLabel, "opening").isVisibleTo(widget)
    assert "early_A/1/0_1" in {one.lineage_id for one in review.data.exclusions.lineages}
    review.undo()
    assert not review.data.exclusions.lineages


def test_opening_that_is_stopped_lets_others_review(widget, config_path, qtbot):
    widget.start_opening(config_path, by="ada")
    lock = config_path.with_name(f"{config_path.name}.review.db.lock")
    qtbot.waitUntil(lock.exists)

    qtbot.mouseClick(widget.findChild(QPushButton, "stop_work"), Qt.MouseButton.LeftButton)

    assert widget.session.review is None
    assert not widget.findChild(QLabel, "opening").isVisibleTo(widget)
    Review.open(config_path, by="bea").close()


def test_what_cannot_be_opened_beside_the_loop_says_so(widget, config_path, qtbot):
    text = config_path.read_text()
    config_path.write_text(text.replace("interval_minutes", "interval_minute"))

    widget.start_opening(config_path)
    settled(qtbot, widget)

    assert "interval_minutes" in widget.findChild(QTextBrowser, "message_text").toPlainText()
    assert widget.session.review is None


def test_a_config_of_which_nothing_loads_lists_all_problems(widget, tmp_path, qtbot):
    path = write_config(tmp_path)
    tables = [one for one in tmp_path.iterdir() if one.is_dir() and one.name.endswith("tracks")]
    for one in tables:
        one.rename(one.with_name(f"{one.name}_away"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "colour: blue", ""]))
    widget.start_opening(path)
    said = widget.findChild(QTextBrowser, "message_text")
    qtbot.waitUntil(lambda: widget.findChild(QPushButton, "try_again") is not None)
    settled(qtbot, widget)

    assert len(tables) > 1
    assert all(one.name in said.toPlainText() for one in tables)
    places = [f"line {n}" for n, line in enumerate(lines, 1) if "tracks_path" in line]
    assert len(places) == len(tables)
    assert all(f"{path}, {place}" in said.toPlainText() for place in places)
    assert f"{path}, line {len(lines) + 1}" in said.toPlainText()

    path.write_text("\n".join([*lines, ""]))
    for one in tables:
        one.with_name(f"{one.name}_away").rename(one)
    qtbot.mouseClick(widget.findChild(QPushButton, "try_again"), Qt.MouseButton.LeftButton)
    settled(qtbot, widget)

    assert widget.messages.isHidden()
    assert len(widget.session.review.lineages()) > 0


def test_where_decisions_cannot_be_kept_another_place_is_offered(
    widget, config_path, tmp_path, qtbot, monkeypatch
):
    (tmp_path / "full").touch()
    widget.start_opening(config_path, by="ada", decisions=tmp_path / "full" / "decisions.db")
    qtbot.waitUntil(lambda: widget.findChild(QPushButton, "decisions_elsewhere") is not None)
    assert widget.session.review is None
    elsewhere = tmp_path / "elsewhere.db"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(elsewhere), ""))

    button = widget.findChild(QPushButton, "decisions_elsewhere")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: widget.session.review is not None)
    settled(qtbot, widget)
    assert elsewhere.is_file()
    assert widget.messages.isHidden()
