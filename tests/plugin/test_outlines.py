"""Outlines of masks: in the viewer, around the cells of patches, and the switch for both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from lineage_triplets.plugin.common.patch_image import OUTLINE
from masks import discs, write_labels
from reviews import SHAPE, experiments, field, save
from widgets import settled

if TYPE_CHECKING:
    from qtpy.QtWidgets import QAbstractItemView

    from lineage_triplets.plugin.widget import ReviewWidget

RADIUS = 4.0


@pytest.fixture
def outlined(widget: ReviewWidget, qtbot: Any, tmp_path: Path) -> ReviewWidget:
    """A review whose experiment "early" has NGFF labels: discs around its cells."""
    listed = experiments(tmp_path)
    for fov in ("A/1/0", "B/2/0"):
        labels = {"cells": discs(field(), SHAPE, RADIUS)}
        write_labels(Path(listed[0].data_path) / fov, "0.4", **labels)
    path = save(tmp_path / "config.yml", listed, yx_patch_size=(24, 24))
    widget.window().resize(1100, 900)
    widget.open_config(path, by="ada", decisions=tmp_path / "decisions.db")
    settled(qtbot, widget)
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow)
    return widget


def layer_of(widget: ReviewWidget, viewer: Any) -> Any:
    del widget
    return next((layer for layer in viewer.layers if layer.name == "masks"), None)


def drawn(view: QAbstractItemView, row: int) -> np.ndarray:
    """Give where a strip's or gallery's item has the outline's colour, (n, 2) y and x."""
    rect = view.visualRect(view.model().index(row, 0))
    image = view.viewport().grab(rect).toImage()
    return np.array(
        [
            (y, x)
            for y in range(image.height())
            for x in range(image.width())
            if _is_outline(image.pixelColor(x, y))
        ]
    ).reshape(-1, 2)


def _is_outline(colour: Any) -> bool:
    apart = [a - b for a, b in zip(colour.getRgb()[:3], OUTLINE.getRgb()[:3], strict=True)]
    return max(map(abs, apart)) < 40


def test_a_strip_has_the_outline_of_its_cell(outlined, viewer, qtbot):
    outlined.show_panel("Pairs")
    panel = outlined.panels["Pairs"]
    pairs = panel.gallery.pairs
    qtbot.waitUntil(lambda: len(pairs.shown.pictures) == len(pairs.pairs))
    # A cell that is alone: daughters overlap at first.
    number = next(
        k
        for k, anchor in enumerate(pairs.pairs.anchors)
        if anchor["experiment"] == "early" and (anchor["track_id"] in (1, 11, 21))
    )
    panel.look_at(number)
    qtbot.waitUntil(lambda: panel.strip.strip.shown is not None)
    settled(qtbot, outlined)
    at = drawn(panel.strip, 0)
    high, wide = panel.strip.itemDelegate().patch
    px = (wide - 2) / 24
    # As wide as the disc, and nothing inside: the first of two slots.
    first = at[at[:, 0] < high + 8]
    span = (np.ptp(first, axis=0) + 1) / px
    assert np.abs(span - (2 * RADIUS + 1)).max() <= 1.5
    away = np.linalg.norm(first - first.mean(axis=0), axis=1) / px
    assert away.min() > RADIUS - 1.5
    assert len(drawn(panel.gallery, number)) > 4 * len(first) / 2
    outlined.outlines.click()
    assert not len(drawn(panel.strip, 0)) and not len(drawn(panel.gallery, number))


def test_the_switch_adds_the_layer_and_takes_it_away(outlined, viewer, qtbot):
    assert outlined.outlines.isVisible() and "labels/cells" in outlined.outlines.toolTip()
    layer = layer_of(outlined, viewer)
    assert layer.contour >= 1 and not layer.editable
    viewer.dims.set_point(0, 3)
    # Pixels of so small an image are divided into four, so that outlines are thin.
    shown = np.asarray(layer._slice.image.raw)
    mask = discs(field(), SHAPE, RADIUS)[3]
    assert np.array_equal(shown, mask.repeat(4, axis=0).repeat(4, axis=1))
    image = next(other for other in viewer.layers if other.name == "Phase")
    for corner in ((0, 0), (47, 63)):
        here = image.data_to_world((3, *corner))
        assert np.allclose(layer.world_to_data(here)[1:], np.array(corner) * 4 + 1.5)
    outlined.show_panel("Browse")
    lineages = outlined.panels["Browse"].lineages.table
    lineages.setFocus()
    qtbot.waitUntil(lineages.hasFocus)
    qtbot.keyClick(lineages, Qt.Key.Key_O)
    assert layer_of(outlined, viewer) is None and not outlined.outlines.isChecked()
    outlined.session.choose(experiment="late", fov="A/1/0")
    settled(qtbot, outlined)
    outlined.outlines.click()
    assert layer_of(outlined, viewer) is None and "no masks" in outlined.outlines.toolTip()
    outlined.session.choose(experiment="early", fov="B/2/0")
    settled(qtbot, outlined)
    assert layer_of(outlined, viewer) is not None


def test_masks_of_another_shape_are_told_and_not_shown(widget, viewer, qtbot, tmp_path):
    listed = experiments(tmp_path)
    write_labels(Path(listed[0].data_path) / "A/1/0", "0.4", cells=np.ones((14, 9, 9), np.uint8))
    said: list[str] = []
    widget.session.failed.connect(said.append)
    widget.open_config(save(tmp_path / "config.yml", listed), by="ada")
    settled(qtbot, widget)
    qtbot.waitUntil(lambda: bool(said))
    assert "the masks are (14, 9, 9), and the image is 14 frames of 1 x 48 x 64" in said[0]
    assert layer_of(widget, viewer) is None and not widget.outlines.isVisible()
