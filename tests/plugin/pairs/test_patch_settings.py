"""The size of patches in Pairs: typed, stepped and refused, on a small review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QSpinBox

from lineage_triplets.plugin.pairs.panel import PairsPanel
from lineage_triplets.qc.look.patch_fit import patch_fits
from reviews import write_config

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from lineage_triplets.plugin.common.session import Session


@pytest.fixture
def panel(qtbot: QtBot, session: Session, tmp_path: Path) -> PairsPanel:
    made = PairsPanel(session)
    qtbot.addWidget(made)
    made.resize(500, 1000)
    made.show()
    session.open(write_config(tmp_path))
    qtbot.waitUntil(lambda: "Anchors" in _words(made))
    return made


def _words(panel: PairsPanel) -> str:
    return re.sub("<[^>]*>", "", panel.findChild(QLabel, "patch_words").text())


def _type(qtbot: QtBot, panel: PairsPanel, name: str, text: str) -> QSpinBox:
    box = panel.findChild(QSpinBox, name)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    return box


def test_a_typed_size_is_square_and_anchors_and_pictures_follow(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    before = _words(panel)
    assert before.endswith("Anchors: early 102, late 46.")
    _type(qtbot, panel, "patch_rows", "32")
    qtbot.waitUntil(lambda: session.review.intent.dataset.yx_patch_size == (32, 32))
    assert panel.findChild(QSpinBox, "patch_columns").value() == 32
    border = panel.findChild(QComboBox, "border")
    border.setFocus()
    qtbot.keyClick(border, Qt.Key.Key_End)
    assert session.review.intent.dataset.border == "exclude"
    qtbot.waitUntil(lambda: "cells, left out. Anchors: " in _words(panel))
    early, late = patch_fits(session.review.data)
    assert _words(panel).endswith(f"Anchors: early {early.n_anchors}, late {late.n_anchors}.")
    assert early.n_anchors < 102
    qtbot.waitUntil(lambda: bool(panel.gallery.pairs.shown.values))
    shown = next(iter(panel.gallery.pairs.shown.values.values()))
    assert {image.shape for images in shown.values() for image in images} == {(32, 32)}


def test_rows_and_columns_part_where_the_patch_is_no_square(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    box = panel.findChild(QCheckBox, "patch_square")
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    columns = panel.findChild(QSpinBox, "patch_columns")
    columns.setFocus()
    qtbot.keyClick(columns, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: session.review.intent.dataset.yx_patch_size == (16, 24))


def test_a_size_that_cannot_be_read_is_refused_with_the_reason(
    qtbot: QtBot, session: Session, panel: PairsPanel
) -> None:
    box = _type(qtbot, panel, "patch_rows", "50")
    assert box.value() == 16
    assert "early: the patch of 50 x 50 pixels is larger than the image of 48 x 64" in _words(panel)
    assert _words(panel).endswith("It stays 16 x 16.")
    assert session.review.intent.dataset.yx_patch_size == (16, 16)
    assert not session.said
