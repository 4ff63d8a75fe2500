"""From a config with channels in the wrong order to an export that a fresh process trains on.

Done by mouse and keys in a real viewer; the screenshots are in ``build/long-walk``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QLabel, QWidget

from lineage_triplets import load_config, save_config
from lineage_triplets.plugin.demo.clicks import Hand
from lineage_triplets.plugin.demo.walk import Walk
from lineage_triplets.plugin.manifest import review_widget
from lineage_triplets.qc import upper_bound
from real import PLATES, needs_real_plates

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
    widget.session.close()
    widget.layers.leave()
    qtbot.waitUntil(lambda: not widget.session.work.running)


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


def given_in_training(config: Path) -> set[str]:
    """Lineages that a fresh process meets in two steps of training."""
    trained = subprocess.run(
        [sys.executable, HERE / "train_two_steps.py", config],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(trained.stdout)["lineages"])


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
    walk.judge_pairs(EXPERIMENTS, lambda _pairs, _number: "same")
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
    assert REJECTED in given_in_training(config_path)
    lineages = given_in_training(exported)
    assert REJECTED not in lineages
    assert any(one.startswith("hacat_late") for one in lineages)
