"""The whole way in a real viewer: by mouse and keys, and by keys alone.

From a config with channels in the wrong order to an export that a fresh process trains on, with
screenshots in ``build/long-walk``; and from a plate that is dropped to a validated config.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QAbstractItemView, QApplication, QLabel, QWidget

from lineage_triplets import load_config, save_config
from lineage_triplets.plugin.demo.clicks import Hand
from lineage_triplets.plugin.demo.keyboard import Keyboard
from lineage_triplets.plugin.demo.walk import Walk
from lineage_triplets.plugin.manifest import review_widget
from lineage_triplets.qc import upper_bound
from real import PLATES, needs_real_plates
from widgets import settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.plugin.widget import ReviewWidget

HERE = Path(__file__).parents[1]
PICTURES = HERE.parent / "build" / "long-walk"
EXPERIMENTS = ("hacat", "hacat_late")
REJECTED = "hacat_A/1/0_4"
RIGHT_ORDER = ["FUCCI-cyan", "FUCCI-magenta"]


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    """``fucci.yml`` with the channels of its second experiment in the wrong order."""
    config = load_config(PLATES / "fucci.yml")
    early, late = config.experiments
    late = late.model_copy(update={"source_channel": RIGHT_ORDER[::-1]})
    settings = {"yx_patch_size": (96, 96), "tau_range_hours": (0.5, 3.0), "seed": 1}
    dataset = config.dataset.model_copy(update=settings)
    changed = config.model_copy(update={"experiments": [early, late], "dataset": dataset})
    save_config(changed, tmp_path / "fucci.yml")
    return tmp_path / "fucci.yml"


@pytest.fixture
def hand(make_napari_viewer, config_path: Path, qtbot) -> Iterator[Hand]:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1600, 950)
    widget: ReviewWidget = review_widget(viewer)
    widget.start_opening(config_path, by="ada")
    hand = Hand(viewer, widget, PICTURES)
    hand.until(lambda: widget.session.review is not None, "the config is open")
    hand.idle()
    yield hand
    leave(qtbot, widget)


def leave(qtbot, widget: ReviewWidget) -> None:
    widget.session.close()
    widget.layers.leave()
    settled(qtbot, widget)


def drop(onto: QWidget, path: Path) -> None:
    """Drop a file or folder onto a widget, and what is in it."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    place = onto.rect().center()
    buttons, action = Qt.MouseButton.LeftButton, Qt.DropAction.CopyAction
    for kind in (QDragEnterEvent, QDropEvent):
        at = place if kind is QDragEnterEvent else QPointF(place)
        event = kind(at, action, mime, buttons, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(onto, event)
        assert event.isAccepted()


def findings(hand: Hand) -> list[str]:
    """What the list of problems says, without its filters."""
    hand.panel("Problems")
    model = hand.find("finding_list", QAbstractItemView).model()
    rows = range(model.rowCount())
    return [str(model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole)) for row in rows]


def unlike(hand: Hand, slot: int) -> str:
    """What the channel panel says of the names of a slot of the second experiment."""
    hand.panel("Channels")
    grid = hand.find("channel_grid", QWidget)
    label = grid.findChild(QLabel, f"unlike_hacat_late_slot_{slot}")
    return label.text() if label.isVisible() else ""


def given_in_training(*configs: Path) -> list[set[str]]:
    """Lineages that a fresh process meets in two steps of training, of each config."""
    trained = subprocess.run(
        [sys.executable, HERE / "train_two_steps.py", *configs],
        capture_output=True,
        text=True,
        check=True,
    )
    return [set(json.loads(line)["lineages"]) for line in trained.stdout.splitlines()]


@needs_real_plates
def test_a_wrong_order_is_seen_mended_and_gone_in_training(hand, config_path, tmp_path):
    walk = Walk(hand)
    walk.look_around(REJECTED)

    # The widget says so, where the channels are and in the list.
    walk.compare_channels()
    assert "'FUCCI-magenta' here and 'FUCCI-cyan'" in unlike(hand, 0)
    assert "'FUCCI-cyan' here and 'FUCCI-magenta'" in unlike(hand, 1)
    assert sum("channel names unlike" in one for one in findings(hand)) == 2

    walk.remap("hacat_late", RIGHT_ORDER)
    assert unlike(hand, 0) == unlike(hand, 1) == ""
    assert not any("channel names unlike" in one for one in findings(hand))

    walk.approve(EXPERIMENTS)
    assert walk.settle_problems("errors") == 0
    walk.reject(REJECTED, "tracked badly")
    for name in EXPERIMENTS:
        audit = walk.audit(name, "59", lambda _pairs, _number: "same")
        assert audit.holds(0.05)
    walk.export(tmp_path / "out", without_images="a test of channels")

    exported = tmp_path / "out" / "validated.yaml"
    config = load_config(exported)
    assert [list(one.source_channel) for one in config.experiments] == [RIGHT_ORDER, RIGHT_ORDER]
    assert {one["by"] for one in config.verification.channel_approvals.values()} == {"ada"}
    assert config.verification.divisions_seen.keys() == set(EXPERIMENTS)
    assert {one.bound for one in config.verification.audit.values()} == {upper_bound(59, 0)}
    before, lineages = given_in_training(config_path, exported)
    assert REJECTED in before
    assert REJECTED not in lineages
    assert any(one.startswith("hacat_late") for one in lineages)


@needs_real_plates
def test_an_afternoon_by_keys_alone_from_a_dropped_plate(make_napari_viewer, qtbot, tmp_path):
    for name in ("hela.zarr", "hela_tracks"):
        (tmp_path / name).symlink_to(PLATES / name)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1600, 950)
    widget: ReviewWidget = review_widget(viewer)
    keyboard = Keyboard(viewer, widget)
    drop(widget, tmp_path / "hela.zarr")
    walk = Walk(keyboard)
    walk.make_config("30", "untreated")

    def same(_pairs: object, _number: int) -> str:
        return "same"

    walk.look_around("hela_A/1/0_36")
    walk.approve(["hela"])
    assert walk.settle_problems("errors", scan=True) == 0
    walk.look_at_links()
    keyboard.press(Qt.Key.Key_S)
    walk.judge_pairs(["hela"], same, most=1)
    assert walk.audit("hela", "59", same).holds(0.05)
    walk.export(tmp_path / "out")
    verification = load_config(tmp_path / "out" / "validated.yaml").verification
    assert verification.validated
    assert verification.images_scanned["hela"].scanned == 1
    kept = [made for made in widget.session.review.decisions if made.kind == "keep"]
    assert kept
    leave(qtbot, widget)
