"""Audit in a real viewer: keys in its canvas, a view that stays, and a dock that is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import Qt

from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget

Key = Qt.Key


def begin(qtbot: Any, widget: ReviewWidget, n: int = 12) -> Any:
    """Plan a sample of the first experiment, and begin to judge it."""
    panel = widget.panels["Audit"]
    widget.session.decide(lambda review: review.plan_audit("early", n))
    widget.show_panel("Audit")
    settled(qtbot, widget)
    qtbot.waitUntil(lambda: not panel._stale)
    panel.overview.select("early")
    panel.overview.list.setFocus()
    qtbot.keyClick(panel.overview.list, Key.Key_Return)
    return panel


def looks_at(viewer: Any) -> tuple[Any, ...]:
    camera = viewer.scene.camera
    return tuple(viewer.dims.point), tuple(camera.center), camera.zoom, len(viewer.layers)


def answered(qtbot: Any, panel: Any, where: Any, key: Key) -> None:
    number = panel._number
    qtbot.waitUntil(lambda: panel.judging.pair.painted == number - 1)
    qtbot.keyClick(where, key)
    assert panel._number != number


def test_pairs_are_judged_from_the_canvas_and_the_view_stays(
    viewer: Any, review: ReviewWidget, qtbot: Any
) -> None:
    panel = begin(qtbot, review)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    before = looks_at(viewer)
    for key in (Key.Key_S, Key.Key_W, Key.Key_C):
        answered(qtbot, panel, canvas, key)
    settled(qtbot, review)
    state = review.session.review.audit("early")
    assert list(state.verdicts.values()) == ["same", "wrong", "cannot tell"]
    assert looks_at(viewer) == before
    qtbot.keyClick(canvas, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(review.session.review.audit("early").verdicts) == 2


def test_answers_have_no_other_panel_read_anything(
    viewer: Any, review: ReviewWidget, qtbot: Any
) -> None:
    panel = begin(qtbot, review)
    qtbot.waitUntil(lambda: panel.judging.pair.painted == 0)
    panels = review.panels
    is_busy = (
        lambda: panels["Problems"].is_checking,
        lambda: panels["Browse"].is_reading,
        lambda: panels["Channels"].is_looking,
    )
    qtbot.waitUntil(lambda: not any(busy() for busy in is_busy))
    answered(qtbot, panel, panel.judging, Key.Key_S)
    assert [busy() for busy in is_busy] == [False] * 3


def test_a_dock_that_is_closed_while_pairs_are_read_takes_everything_along(
    viewer: Any, review: ReviewWidget, qtbot: Any
) -> None:
    panel = begin(qtbot, review)
    qtbot.keyClick(panel.judging, Key.Key_F)
    session = review.session
    viewer.window.remove_dock_widget(review)
    review.deleteLater()
    qtbot.waitUntil(lambda: not isalive(panel))
    qtbot.waitUntil(lambda: not isalive(session))
