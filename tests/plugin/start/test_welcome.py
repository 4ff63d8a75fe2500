"""The widget while no config is open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QTabWidget, QWidget

from lineage_triplets import simulate
from lineage_triplets.simulate import movies
from reviews import write_config
from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget

LEFT = Qt.MouseButton.LeftButton


def click(qtbot, widget: ReviewWidget, name: str) -> None:
    button = widget.findChild(QPushButton, name)
    assert button.isVisible()
    qtbot.mouseClick(button, LEFT)


def test_the_ways_in_give_place_to_the_panels_and_come_back(widget, tmp_path, qtbot):
    welcome, panels = widget.findChild(QWidget, "welcome"), widget.findChild(QTabWidget, "panels")
    assert welcome.isVisible()
    assert not panels.isVisible()
    assert widget.findChild(QPushButton, "welcome_recent_0") is None

    path = write_config(tmp_path)
    widget.open_config(path, by="ada")
    settled(qtbot, widget)
    assert panels.isVisible()
    assert not welcome.isVisible()

    widget.session.close()
    assert welcome.isVisible()
    click(qtbot, widget, "welcome_recent_0")
    qtbot.waitUntil(lambda: widget.session.review is not None)
    assert widget.session.review.config_path == path
    settled(qtbot, widget)


def test_the_sample_is_made_and_opened(widget, tmp_path, qtbot, monkeypatch):
    small = tuple(
        replace(one, n_frames=round(480 / one.interval_minutes), shape=(130, 120), n_cells=4,
                cycle_hours=6)
        for one in simulate.SAMPLE
    )  # fmt: skip
    monkeypatch.setattr(movies, "SAMPLE", small)
    monkeypatch.setenv("LINEAGE_TRIPLETS_CACHE", str(tmp_path))

    click(qtbot, widget, "welcome_sample")

    qtbot.waitUntil(lambda: widget.session.review is not None)
    assert widget.session.review.config_path.is_relative_to(tmp_path)
    assert len(widget.session.review.data.opened) == 3
    settled(qtbot, widget)
