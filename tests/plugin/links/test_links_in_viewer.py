"""Links in a real viewer: keys in its canvas, and the mark of a link in another FOV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt

from lineage_triplets.plugin.viewer.layer_stack import MARK
from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.widget import ReviewWidget

Key = Qt.Key


def test_links_are_answered_from_the_canvas_and_marked_in_their_fov(
    viewer: Any, review: ReviewWidget, qtbot: Any
) -> None:
    panel = review.panels["Links"]
    review.session.choose(experiment="early", fov="A/1/0")
    review.show_panel("Links")
    qtbot.waitUntil(lambda: panel._links is not None and not panel._stale)
    settled(qtbot, review)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()

    def press(key: Key) -> None:
        qtbot.waitUntil(lambda: panel.looking.picture.painted == panel._number)
        qtbot.keyClick(canvas, key)

    for _ in range(len(panel._links)):
        link = panel._links.link(panel._number)
        if link.experiment == "late":
            break
        press(Key.Key_C)
    press(Key.Key_F)
    settled(qtbot, review)
    assert review.layers.place == ("late", "A/1/0")
    assert viewer.dims.current_step[0] == link.t
    marks = [layer for layer in viewer.layers if layer.metadata.get(MARK) == "link to cut"]
    assert [len(layer.data) for layer in marks] == [1]
    press(Key.Key_S)
    assert link.link in review.session.review.effect.kept
    assert not [layer for layer in viewer.layers if layer.metadata.get(MARK) == "link to cut"]
    assert panel._links.link(panel._number).link != link.link
