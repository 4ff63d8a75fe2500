"""Channels: seen, remapped and approved by mouse and keys on a small real review."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QPushButton

from lineage_triplets.plugin.channels import panel as channels_panel
from lineage_triplets.plugin.channels.cell import ChannelPicture
from lineage_triplets.plugin.channels.panel import ChannelsPanel
from reviews import SHAPE, experiments, field, save
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.qc.decide.review import Review

Key = Qt.Key
LEFT = Qt.MouseButton.LeftButton


def make_config(root: Path) -> Path:
    """`early`, `late`, one with a third channel, and one whose config names none of its store."""
    shape = (SHAPE[0], 3, *SHAPE[2:])
    three = make_experiment(
        root, "three", {"A/1/0": field()}, channels=("RFP", "Phase", "GFP"),
        source_channel=("Phase", "GFP"), pixels=numbered_pixels(shape, seed=5),
    )  # fmt: skip
    wrong = make_experiment(
        root, "wrong", {"A/1/0": field()}, channels=("Phase", "GFP"),
        source_channel=("Phase", "GFP"), pixels=numbered_pixels(SHAPE, seed=6),
    )  # fmt: skip
    misnamed = {"channel_names": ["Phase", "Green"], "source_channel": ["Phase", "Green"]}
    wrong = wrong.model_copy(update=misnamed)
    return save(root / "config.yml", [*experiments(root), three, wrong])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_config(tmp_path_factory.mktemp("config"))


@pytest.fixture
def panel(session: Session, config: Path, tmp_path: Path, qtbot: Any) -> ChannelsPanel:
    return opened(session, config, qtbot, by="ada", decisions=tmp_path / "decisions.db")


def opened(session: Session, config: Path, qtbot: Any, **options: Any) -> ChannelsPanel:
    made = ChannelsPanel(session)
    qtbot.addWidget(made)
    made.resize(1000, 1000)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    session.open(config, **options)
    settle_down(qtbot, made, session)
    return made


def settle_down(qtbot: Any, panel: ChannelsPanel, session: Session) -> None:
    """Until all is looked at as it is now."""
    qtbot.waitUntil(lambda: not session.work.running and not panel.is_looking)


def review_of(session: Session) -> Review:
    assert session.review is not None
    return session.review


def find(panel: QWidget, kind: type, name: str) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def text(panel: QWidget, name: str) -> str:
    return str(find(panel, QLabel, name).text())


def picker(panel: QWidget, experiment: str, slot: int) -> QComboBox:
    return find(panel, QComboBox, f"channel_{experiment}_slot_{slot}")


def pick(qtbot: Any, panel: QWidget, experiment: str, slot: int, words: str) -> None:
    combo = picker(panel, experiment, slot)
    combo.setFocus()
    qtbot.keyClick(combo, Key.Key_Down)
    qtbot.waitUntil(combo.view().isVisible)
    qtbot.keyClicks(combo.view(), words)
    qtbot.keyClick(combo.view(), Key.Key_Return)


def press(qtbot: Any, panel: ChannelsPanel, name: str) -> None:
    button = find(panel, QPushButton, name)
    assert button.isEnabled(), button.toolTip()
    panel.grid.ensureWidgetVisible(button)
    qtbot.mouseClick(button, LEFT)


def channels_of(session: Session, experiment: str) -> list[str]:
    found = next(one for one in review_of(session).data.experiments if one.name == experiment)
    return list(found.source_channel)


def test_each_cell_says_what_is_in_the_slot(panel, session):
    combo = picker(panel, "three", 0)
    assert [combo.itemText(k) for k in range(3)] == [
        "RFP (zarr 0)", "Phase (zarr 1)", "GFP (zarr 2)"
    ]  # fmt: skip
    assert combo.currentText() == "Phase (zarr 1)"
    assert text(panel, "proof_three_slot_0") == (
        "✓ 16 of 16 patches equal the store's Phase, pixel for pixel."
    )
    view = review_of(session).checks.inspection.view("three", 0)
    assert text(panel, "verdict_three_slot_0") == view.sentence
    assert "?" in text(panel, "title_three_slot_0")
    assert "in no slot · <b>RFP</b> (zarr 0)" in text(panel, "title_three_unused")
    assert text(panel, "channels_state").startswith("✓ looks right")
    assert session.said == []


def test_beside_approve_it_is_said_how_to_find_out_what_looks_cannot_tell(panel, session, qtbot):
    advice = find(panel, QLabel, "advice_early")
    assert advice.isVisibleTo(panel)
    assert advice.text().startswith("? Looks cannot tell what is in these slots. Look for what")
    press(qtbot, panel, "approve_early")
    settle_down(qtbot, panel, session)
    assert not advice.isVisibleTo(panel)


def test_patches_and_histogram_are_painted(panel, qtbot):
    image = find(panel, ChannelPicture, "picture_early_slot_0").grab().toImage()
    grey = np.array([image.pixelColor(x, 20).lightness() for x in range(0, 60, 4)])
    assert len(set(grey.tolist())) > 3


def test_a_changed_picker_remaps_at_once_and_is_proved_anew(panel, session, qtbot):
    heard = []
    session.channels_changed.connect(heard.append)
    pick(qtbot, panel, "three", 1, "RFP")
    assert channels_of(session, "three") == ["Phase", "RFP"]
    assert heard == ["three"]
    qtbot.waitUntil(lambda: picker(panel, "three", 1).currentText() == "RFP (zarr 0)")
    assert "<b>GFP</b> (zarr 2)" in text(panel, "title_three_unused")
    settle_down(qtbot, panel, session)
    assert text(panel, "proof_three_slot_1").startswith("✓ 16 of 16 patches equal the store's RFP")


def test_a_channel_of_another_slot_changes_places_with_it(panel, session, qtbot):
    pick(qtbot, panel, "late", 0, "GFP")
    assert channels_of(session, "late") == ["GFP", "Phase"]
    assert len(review_of(session).decisions) == 1
    qtbot.waitUntil(lambda: picker(panel, "late", 1).currentText() == "Phase (zarr 1)")
    session.decide(lambda review: review.undo())
    qtbot.waitUntil(lambda: picker(panel, "late", 0).currentText() == "Phase (zarr 1)")
    assert session.said == []


def test_keys_alone_choose_nothing(panel, session, qtbot):
    combo = picker(panel, "three", 0)
    combo.setFocus()
    for key in (Key.Key_Down, Key.Key_R):
        qtbot.keyClick(combo, key)
        qtbot.waitUntil(combo.view().isVisible)
        qtbot.keyClick(combo.view(), Key.Key_Escape)
        qtbot.waitUntil(lambda: not combo.view().isVisible())
    assert combo.currentText() == "Phase (zarr 1)"
    assert review_of(session).decisions == ()


def test_the_wheel_changes_no_channel(panel, session):
    combo = picker(panel, "three", 0)
    for step in (-120, 120):
        wheel = QWheelEvent(
            QPointF(5, 5), QPointF(combo.mapToGlobal(QPoint(5, 5))), QPoint(), QPoint(0, step),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(combo, wheel)
    assert review_of(session).decisions == ()


def test_approved_disapproved_and_fallen(panel, session, qtbot):
    assert text(panel, "approval_early") == "○ Not approved: nobody approved them yet"
    press(qtbot, panel, "approve_early")
    qtbot.waitUntil(lambda: text(panel, "approval_early").startswith("✓ Approved by ada, "))
    assert find(panel, QPushButton, "approve_early").text() == "Disapprove"
    assert review_of(session).approval("early").holds

    pick(qtbot, panel, "early", 0, "GFP")
    settle_down(qtbot, panel, session)
    fallen = text(panel, "approval_early")
    assert fallen.startswith("✕ Approved by ada, ")
    assert fallen.endswith(
        "but that no longer holds: another mapping was approved: Phase, GFP, now GFP, Phase"
    )
    press(qtbot, panel, "approve_early")
    qtbot.waitUntil(lambda: text(panel, "approval_early").startswith("✓"))
    press(qtbot, panel, "approve_early")
    settle_down(qtbot, panel, session)
    assert text(panel, "approval_early") == "○ Not approved: nobody approved them yet"
    assert text(panel, "approval_late") == "○ Not approved: nobody approved them yet"


def test_what_changed_while_it_was_approved_is_not_approved(panel, session, qtbot, monkeypatch):
    let_go, images_hash = threading.Event(), channels_panel.images_hash

    def wait(*arguments: Any) -> str:
        let_go.wait(10)
        return images_hash(*arguments)

    monkeypatch.setattr(channels_panel, "images_hash", wait)
    press(qtbot, panel, "approve_early")
    pick(qtbot, panel, "early", 0, "GFP")
    let_go.set()
    qtbot.waitUntil(lambda: session.said != [])
    settle_down(qtbot, panel, session)
    assert "early was not approved: its channels changed meanwhile" in session.said[0]
    assert [one.kind for one in review_of(session).decisions] == ["remap"]
    assert find(panel, QPushButton, "approve_early").isEnabled()


def test_an_experiment_that_a_remap_opens(panel, session, qtbot):
    state = text(panel, "approval_wrong")
    assert state.startswith("✕ Not opened: ")
    assert "Green" in state
    assert not find(panel, QPushButton, "approve_wrong").isEnabled()
    combo = picker(panel, "wrong", 1)
    assert combo.currentText() == "Green (not in the store)"
    pick(qtbot, panel, "wrong", 1, "GFP")
    settle_down(qtbot, panel, session)
    assert "wrong" in {one.config.name for one in review_of(session).data.opened}
    assert text(panel, "approval_wrong") == "○ Not approved: nobody approved them yet"
    assert text(panel, "proof_wrong_slot_1").startswith("✓ 16 of 16")


def test_looking_is_stopped_and_begun_again(session, config, tmp_path, qtbot):
    panel = ChannelsPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    session.open(config, by="ada", decisions=tmp_path / "decisions.db")
    qtbot.waitUntil(lambda: text(panel, "channels_state").endswith(" cells"))
    session.work.cancel_all()
    assert text(panel, "channels_state") == "Looking at the channels was stopped."
    qtbot.waitUntil(lambda: find(panel, QPushButton, "look_at_channels").isVisible())
    assert review_of(session).checks.inspection is None
    press(qtbot, panel, "look_at_channels")
    settle_down(qtbot, panel, session)
    assert review_of(session).checks.inspection.complete
    assert text(panel, "proof_late_slot_0").startswith("✓ 16 of 16")
    assert not find(panel, QPushButton, "look_at_channels").isVisible()


def test_nothing_is_decided_read_only(session, config, tmp_path, qtbot):
    panel = opened(session, config, qtbot, read_only=True, decisions=tmp_path / "none.db")
    assert not picker(panel, "early", 0).isEnabled()
    assert not find(panel, QPushButton, "approve_early").isEnabled()
    assert find(panel, QPushButton, "approve_early").toolTip() == "Opened read-only"
    assert text(panel, "proof_early_slot_0").startswith("✓ 16 of 16")


def test_closing_clears_the_panel_and_another_config_fills_it(
    panel, session, config, tmp_path, qtbot
):
    session.close()
    assert text(panel, "channels_state") == "No config is open"
    qtbot.waitUntil(lambda: panel.findChild(QComboBox, "channel_early_slot_0") is None)
    small = save(tmp_path / "small.yml", experiments(tmp_path))
    session.open(small, by="ada")
    settle_down(qtbot, panel, session)
    assert picker(panel, "late", 0).currentText() == "Phase (zarr 1)"
    assert panel.findChild(QComboBox, "channel_three_slot_0") is None
