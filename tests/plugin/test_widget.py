"""The widget in a real viewer: opened, clicked through, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QTabWidget, QTextBrowser

from lineage_triplets.plugin.docking import review_widget
from lineage_triplets.qc.review import Review
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def widget(viewer, qtbot) -> Iterator[ReviewWidget]:
    made = review_widget(viewer)
    yield made
    made.session.close()
    made.layers.leave()
    qtbot.waitUntil(lambda: not made.session.work.running)


def settled(qtbot, widget: ReviewWidget) -> None:
    """Wait until no work is under way."""
    qtbot.waitUntil(lambda: not widget.session.work.running, timeout=20_000)


def test_a_config_is_shown_and_its_layers_leave_with_it(viewer, widget, config_path, qtbot):
    viewer.add_points([[0, 1, 1]], name="mine")

    assert widget.open_config(config_path, by="ada")
    settled(qtbot, widget)

    names = [one.name for one in viewer.layers]
    assert {"Phase", "GFP", "tracks", "mine"} <= set(names)
    assert widget.findChild(QTabWidget, "panels").isEnabled()
    widget.session.close()
    assert [one.name for one in viewer.layers] == ["mine"]
    assert not widget.findChild(QTabWidget, "panels").isEnabled()


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
    assert widget.session.review is not None
    settled(qtbot, widget)


def test_a_second_reviewer_may_look(widget, config_path, qtbot):
    with Review.open(config_path, by="bea"):
        assert not widget.open_config(config_path, by="ada")
        assert "bea" in widget.findChild(QTextBrowser, "message_text").toPlainText()
        qtbot.mouseClick(widget.findChild(QPushButton, "open_read_only"), Qt.MouseButton.LeftButton)
        assert widget.session.review.log.read_only
        settled(qtbot, widget)


def test_the_open_config_can_be_opened_again(widget, config_path, qtbot):
    assert widget.open_config(config_path, by="ada")
    first = widget.session.review
    assert widget.open_config(config_path, by="ada")
    assert widget.session.review is not first
    settled(qtbot, widget)
