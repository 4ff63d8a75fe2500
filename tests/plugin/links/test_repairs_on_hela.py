"""Real cells, linked by a tracker with some wrong: its worst links are mended by keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from real import needs_real_plates
from widgets import settled

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.repair import Case

    from lineage_triplets.plugin.widget import ReviewWidget
    from lineage_triplets.qc import Review

Key = Qt.Key
KEY_OF = {"same": Key.Key_S, "wrong": Key.Key_W, "instead": Key.Key_G, "both": Key.Key_D}
LOOKS = 22

pytestmark = needs_real_plates


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Every second frame, by laptrack with a gate of 8 median steps."""
    pytest.importorskip("laptrack")
    from benchmarks.repair import Case

    return Case.written(tmp_path / "hela", 2, 8.0, loose_joined=True)


def wrong_links(review: Review, case: Case) -> int:
    links = review.links(judged=True)
    return case.judge.wrong_links(review.data.linked, list(links))


def test_most_wrong_links_are_gone_after_one_key_for_each_of_the_first(
    case: Case, widget: ReviewWidget, viewer: Any, qtbot: Any
) -> None:
    widget.open_config(case.config, by="ada")
    widget.show_panel("Links")
    panel: Any = widget.panels["Links"]
    qtbot.waitUntil(lambda: panel._links is not None and not panel._stale)
    settled(qtbot, widget)
    review = widget.session.review
    assert review is not None
    assert wrong_links(review, case) == 11
    before, total = case.judge.wrong_pairs(review.data.training)
    assert before / total > 0.02
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow)
    panel.looking.setFocus()
    for _ in range(LOOKS):
        qtbot.waitUntil(lambda: panel.looking.picture.painted == panel._number)
        links = panel._links
        answer = case.judge.answer(links.queue.index, links.link(panel._number))
        focus = QApplication.focusWidget()
        assert focus is not None
        qtbot.keyClick(focus, KEY_OF[answer])
        if answer != "same":
            qtbot.waitUntil(lambda: not panel.is_weighing)
    assert wrong_links(review, case) == 2
    assert len(review.effect.links) == 2
    assert all(case.judge.is_join(link) for link in review.effect.links)
    after, total = case.judge.wrong_pairs(review.data.training)
    assert after / total < 0.005
