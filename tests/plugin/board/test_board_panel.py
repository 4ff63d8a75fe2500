"""The board: filtered, ordered, gone through and decided by keys, and thumbnails that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QPushButton

from lineage_triplets.plugin.board.panel import BoardPanel
from lineage_triplets.qc.record.decision import Target
from reviews import write_config
from stores import numbered_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot
    from qtpy.QtCore import QRect
    from qtpy.QtWidgets import QWidget

    from lineage_triplets.plugin.common.session import Session

Key = Qt.Key
NAMES = [("early", "A/1/0"), ("early", "B/2/0"), ("late", "A/1/0")]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("board"))


@pytest.fixture
def panel(qtbot: QtBot, session: Session, config: Path, tmp_path: Path) -> BoardPanel:
    made = BoardPanel(session)
    qtbot.addWidget(made)
    made.resize(600, 700)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    session.open(config, by="ada", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: made.model.rowCount() == len(NAMES))
    by_name = made.filters.order.findData("name")
    made.filters.order.setCurrentIndex(by_name)
    made.view.go_to(NAMES[0])
    made.view.setFocus()
    qtbot.waitUntil(made.view.hasFocus)
    return made


def shown(panel: BoardPanel) -> list[tuple[str, str]]:
    return [state.place for state in panel.model.states]


def state_of(panel: BoardPanel, place: tuple[str, str]) -> str:
    return next(state.state for state in panel.model.board.fovs if state.place == place)


def test_arrows_and_enter_go_to_a_fov(panel, session, qtbot):
    assert shown(panel) == NAMES
    qtbot.keyClick(panel.view, Key.Key_Right)
    assert panel.view.current.place == NAMES[1]

    with qtbot.waitSignal(panel.fov_wanted):
        qtbot.keyClick(panel.view, Key.Key_Return)

    assert (session.review.intent.experiment, session.review.intent.fov) == NAMES[1]


def test_a_click_goes_there_and_with_control_it_selects(panel, session, qtbot):
    def click(row: int, how: Any = Qt.KeyboardModifier.NoModifier) -> None:
        box = panel.view.visualRect(panel.model.index(row))
        at = box.center()
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, how, at)

    click(2, Qt.KeyboardModifier.ControlModifier)
    assert [state.place for state in panel.view.selected] == [NAMES[0], NAMES[2]]
    assert session.review.intent.fov == ""
    click(2)
    assert (session.review.intent.experiment, session.review.intent.fov) == NAMES[2]


def test_fovs_selected_are_rejected_by_key_with_one_reason_and_one_undo(panel, session, qtbot):
    qtbot.keyClick(panel.view, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(panel.view, Key.Key_X)
    reason = panel.findChild(QComboBox, "reason").lineEdit()
    qtbot.waitUntil(reason.hasFocus)
    qtbot.keyClicks(reason, "out of focus")
    qtbot.keyClick(reason, Key.Key_Return)

    rejected = session.review.effect.rejected
    assert set(rejected) == {Target("fov", *place) for place in NAMES[:2]}
    assert {made.reason for made in rejected.values()} == {"out of focus"}
    qtbot.waitUntil(lambda: state_of(panel, NAMES[0]) == "rejected")
    assert panel.model.progress.n_done == 2
    panel.view.setFocus()
    qtbot.keyClick(panel.view, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not session.review.effect.rejected
    qtbot.waitUntil(lambda: state_of(panel, NAMES[0]) != "rejected")


def test_filters_narrow_and_what_is_current_stays(panel, session, qtbot):
    panel.view.go_to(NAMES[2])
    panel.filters.text.setText("a/1")
    assert shown(panel) == [NAMES[0], NAMES[2]]
    assert panel.view.current.place == NAMES[2]
    assert panel.filters.count.text() == "2 of 3"
    panel.filters.experiment.setCurrentText("early")
    assert shown(panel) == [NAMES[0]]
    panel.filters.text.clear()
    session.decide(lambda review: review.reject(Target("fov", *NAMES[1]), "empty"))
    qtbot.waitUntil(lambda: state_of(panel, NAMES[1]) == "rejected")
    panel.filters.state.setCurrentIndex(panel.filters.state.findData("rejected"))
    assert shown(panel) == [NAMES[1]]


def test_last_seen_comes_first_in_that_order(panel, session):
    session.frame_changed.emit(*NAMES[1], 0)
    session.frame_changed.emit(*NAMES[2], 3)
    panel.filters.order.setCurrentIndex(panel.filters.order.findData("seen"))
    assert shown(panel) == [NAMES[2], NAMES[1], NAMES[0]]


def test_the_next_that_matters_is_gone_to_by_key(panel, session, qtbot):
    for place in NAMES[:2]:
        session.decide(lambda review, place=place: review.reject(Target("fov", *place), "empty"))
    button = panel.findChild(QPushButton, "board_next")
    qtbot.waitUntil(lambda: "late A/1/0" in button.text())

    with qtbot.waitSignal(panel.fov_wanted):
        qtbot.keyClick(panel.view, Key.Key_N)

    assert (session.review.intent.experiment, session.review.intent.fov) == NAMES[2]


def test_thumbnails_follow_of_the_slot_that_is_chosen(panel, qtbot):
    shown_now = panel.thumbnails.shown
    qtbot.waitUntil(lambda: set(panel.thumbnails.shown) == set(NAMES))
    first = shown_now[NAMES[0]].values

    panel.filters.slot.setCurrentIndex(1)
    qtbot.waitUntil(lambda: set(panel.thumbnails.shown) == set(NAMES))

    second = panel.thumbnails.shown[NAMES[0]].values
    pixels = numbered_pixels((14, 2, 1, 48, 64), seed=1)[7, :, 0].astype(np.float32)
    assert np.array_equal(first, pixels[0])
    assert np.array_equal(second, pixels[1])
    assert not any(state.why_broken for state in panel.model.states)


def test_a_fov_whose_image_cannot_be_read_is_marked(panel, qtbot):
    qtbot.waitUntil(lambda: set(panel.thumbnails.shown) == set(NAMES))
    panel.model.note_fault(NAMES[1], "the chunk is damaged")
    panel.filters.broken.setChecked(True)
    assert shown(panel) == [NAMES[1]]
    tip = panel.model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "the chunk is damaged" in tip
    assert panel.model.index(0).data(Qt.ItemDataRole.UserRole).state == "broken"


def test_a_picture_that_comes_draws_its_own_tile_and_no_other(panel, session, qtbot):
    qtbot.waitUntil(lambda: panel.view.has_pictures and not panel.is_reading)
    qtbot.waitUntil(lambda: not session.work.running)
    drawn = Drawn(panel.view.viewport())
    # With all that waits to be drawn.
    panel.view.viewport().update()
    qtbot.waitUntil(lambda: bool(drawn.boxes))
    drawn.boxes.clear()
    panel.thumbnails.read.emit([NAMES[1]])
    qtbot.waitUntil(lambda: bool(drawn.boxes))
    tile = panel.view.visualRect(panel.model.index(1))
    assert all(tile.contains(box) for box in drawn.boxes)


class Drawn(QObject):
    """Notes what of a widget is drawn."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.boxes: list[QRect] = []
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint:
            self.boxes.append(event.region().boundingRect())
        return bool(super().eventFilter(watched, event))
