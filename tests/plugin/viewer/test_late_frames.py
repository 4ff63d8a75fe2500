"""Layers in a viewer that reads beside its window, as napari's asynchronous setting has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.settings import get_settings

from reviews import write_config
from widgets import settled

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget


def test_contrast_is_the_measured_one_also_where_frames_come_late(
    viewer: Any, widget: ReviewWidget, qtbot: Any, tmp_path: Path
) -> None:
    viewer._layer_slicer._force_sync = False
    get_settings().experimental.async_ = True
    widget.open_config(write_config(tmp_path), decisions=tmp_path / "decisions.db")
    settled(qtbot, widget)
    qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers))
    limits = {name: viewer.layers[name].contrast_limits for name in ("Phase", "GFP")}
    measured = {
        channel: list(found.limits)
        for (_, channel), found in widget.layers._images._contrast.items()
    }
    assert limits == {name: measured[name] for name in limits}
    # Viewers close at once.
    get_settings().experimental.async_ = False
