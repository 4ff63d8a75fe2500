"""Many at once, with real keys: lineages of the table, and FOVs from wherever they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from widgets import settled

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.reason import ReasonField
    from lineage_triplets.plugin.widget import ReviewWidget


def give_reason(qtbot: Any, field: ReasonField, reason: str) -> None:
    line = field.reason.findChild(QLineEdit)
    qtbot.waitUntil(line.isVisible)
    qtbot.keyClicks(line, reason)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def test_selected_lineages_are_decided_in_one_step(qtbot: Any, review: ReviewWidget) -> None:
    browse: Any = review.panels["Browse"]
    qtbot.waitUntil(lambda: browse.lineages.model.rowCount() == 9)
    table, made = browse.lineages.table, review.session.review
    table.setFocus()
    browse.lineages.step(1)
    settled(qtbot, review)
    table.setFocus()
    for _ in range(2):
        qtbot.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert browse.lineages.n_selected == 3
    assert "3 lineages" in browse.bar.accept.toolTip()
    names = browse.lineages.selected()
    qtbot.keyClick(table, Qt.Key.Key_R)
    give_reason(qtbot, browse.bar.reason, "dirt")
    assert sorted(target.id for target in made.effect.rejected) == sorted(names)
    assert len({decision.group for decision in made.decisions}) == 1
    qtbot.waitUntil(table.hasFocus)
    qtbot.keyClick(table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not made.effect.rejected


def test_one_key_rejects_the_fovs_in_hand(qtbot: Any, review: ReviewWidget) -> None:
    made = review.session.review
    review.show_panel("Pairs")
    pairs: Any = review.panels["Pairs"]
    settled(qtbot, review)
    gallery = pairs.gallery
    gallery.setFocus()
    gallery.go_to(0)
    qtbot.keyClick(gallery, Qt.Key.Key_X)
    give_reason(qtbot, review.bad_fov.reason, "out of focus")
    first = gallery.pairs.pairs.anchors[0]
    (rejected,) = made.effect.rejected
    assert (rejected.level, rejected.experiment) == ("fov", "early")
    assert first["fov_name"] != rejected.fov or first["experiment"] != rejected.experiment
    review.session.decide(lambda opened: opened.undo())
    review.show_panel("Channels")
    settled(qtbot, review)
    panel = review.panels["Channels"]
    panel.setFocus()
    review.session.frame_changed.emit("late", "A/1/0", 3)
    review.bad_fov.ask()
    give_reason(qtbot, review.bad_fov.reason, "empty")
    (rejected,) = made.effect.rejected
    assert (rejected.experiment, rejected.fov) == ("late", "A/1/0")
