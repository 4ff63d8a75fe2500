"""The room that the widget takes in the window, and napari's own docks beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import QEvent, QObject, QPoint, QRect, Qt
from qtpy.QtWidgets import QCheckBox, QDockWidget

from lineage_triplets.plugin.common.dock import opening_width
from lineage_triplets.plugin.common.remembered import Remembered
from lineage_triplets.plugin.manifest import review_widget
from widgets import settled

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from lineage_triplets.plugin.widget import ReviewWidget

NAPARIS = {"layer list", "layer controls"}


def napari_docks(viewer: Any) -> set[str]:
    """Names of napari's own docks that are on screen."""
    window = viewer.window._qt_window
    shown = [dock for dock in window.findChildren(QDockWidget) if not dock.isHidden()]
    return NAPARIS & {dock.objectName() for dock in shown}


def resized(qtbot: QtBot, viewer: Any, width: int) -> None:
    viewer.window.resize(width, 800)
    qtbot.waitUntil(lambda: viewer.window._qt_window.width() == width)


@pytest.mark.parametrize(("window", "least"), [(1366, 560), (1600, 620), (1920, 640), (2560, 853)])
def test_the_dock_opens_as_wide_as_the_window_allows(window: int, least: int) -> None:
    assert opening_width(window) == least


def test_naparis_docks_step_aside_and_come_back(viewer: Any, qtbot: QtBot) -> None:
    resized(qtbot, viewer, 1600)
    assert napari_docks(viewer) == NAPARIS
    widget = review_widget(viewer)
    dock = widget.parent()
    qtbot.waitUntil(lambda: not napari_docks(viewer))
    qtbot.waitUntil(lambda: dock.width() >= 600)

    dock.close()
    qtbot.waitUntil(lambda: napari_docks(viewer) == NAPARIS)
    dock.show()
    qtbot.waitUntil(lambda: not napari_docks(viewer))
    dock.setFloating(True)
    qtbot.waitUntil(lambda: napari_docks(viewer) == NAPARIS)
    dock.setFloating(False)
    qtbot.waitUntil(lambda: not napari_docks(viewer))

    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    qtbot.waitUntil(lambda: napari_docks(viewer) == NAPARIS)


def test_layers_that_a_person_wants_stay_and_are_remembered(
    viewer: Any, widget: ReviewWidget, qtbot: QtBot
) -> None:
    beside = widget.findChild(QCheckBox, "show_layers")
    qtbot.waitUntil(lambda: not napari_docks(viewer) and not beside.isChecked())
    qtbot.mouseClick(beside, Qt.MouseButton.LeftButton, pos=QPoint(8, beside.height() // 2))
    assert napari_docks(viewer) == NAPARIS
    assert beside.isChecked()
    assert Remembered().layers


class Refusal(QObject):
    """Lets no window close, and notes which docks there were; what came later is asked first."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self.seen: list[set[str]] = []

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() != QEvent.Type.Close:
            return False
        self.seen.append(napari_docks(self._viewer))
        event.ignore()
        return True


def test_where_there_is_room_for_all_naparis_docks_stay(
    viewer: Any, widget: ReviewWidget, qtbot: QtBot
) -> None:
    beside = widget.findChild(QCheckBox, "show_layers")
    qtbot.waitUntil(lambda: not napari_docks(viewer))
    resized(qtbot, viewer, 2300)
    qtbot.waitUntil(lambda: napari_docks(viewer) == NAPARIS)
    assert beside.isChecked()
    resized(qtbot, viewer, 1500)
    qtbot.waitUntil(lambda: not napari_docks(viewer))
    assert not beside.isChecked()


def test_before_the_window_closes_naparis_docks_are_back(viewer: Any, qtbot: QtBot) -> None:
    window, refusal = viewer.window._qt_window, Refusal(viewer)
    window.installEventFilter(refusal)
    review_widget(viewer)
    qtbot.waitUntil(lambda: not napari_docks(viewer))

    window.close()

    assert refusal.seen == [NAPARIS]
    qtbot.waitUntil(lambda: not napari_docks(viewer))
    window.removeEventFilter(refusal)


def test_the_panel_in_front_and_a_floating_place_are_remembered(viewer: Any, qtbot: QtBot) -> None:
    Remembered().panel = "Links"
    Remembered().floating = QRect(120, 90, 640, 700)
    widget = review_widget(viewer)
    assert widget.tabs.currentWidget() is widget.panels["Links"]
    dock = widget.parent()
    qtbot.waitUntil(dock.isFloating)
    qtbot.waitUntil(lambda: dock.geometry().size() == QRect(120, 90, 640, 700).size())

    widget.show_panel("Pairs")
    dock.setFloating(False)
    assert Remembered().panel == "Pairs"
    qtbot.waitUntil(Remembered().floating.isNull)


def test_a_place_on_a_screen_that_is_gone_is_none(viewer: Any, qtbot: QtBot) -> None:
    Remembered().floating = QRect(9000, 9000, 640, 500)
    dock = review_widget(viewer).parent()
    qtbot.waitUntil(lambda: not napari_docks(viewer))
    assert not dock.isFloating()


def test_every_panel_fits_into_330_pixels(review: ReviewWidget, qtbot: QtBot) -> None:
    dock = review.parent()
    review.window().resizeDocks([dock], [330], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: dock.width() == 330)
    wider = {}
    for title, panel in review.panels.items():
        review.show_panel(title)
        settled(qtbot, review)
        if panel.minimumSizeHint().width() > panel.width():
            wider[title] = panel.minimumSizeHint().width()
    assert wider == {}
