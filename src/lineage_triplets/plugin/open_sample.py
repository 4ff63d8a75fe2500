"""The sample as napari asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari

_PLACEHOLDER = "Lineage Triplets: the sample is being simulated"


def open_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Open the sample in the dock widget; it is simulated beside the event loop the first time.

    Returns
    -------
    list
        An empty layer, since napari takes no sample without one; it is gone once the event loop
        runs again.
    """
    import napari
    import numpy as np

    from lineage_triplets.plugin.common.soon import soon
    from lineage_triplets.plugin.docking import review_widget

    viewer = napari.current_viewer()
    widget = review_widget(viewer)
    widget.open_sample()
    soon(widget, lambda: _remove_placeholder(viewer))
    return [(np.empty((0, 2)), {"name": _PLACEHOLDER}, "points")]


def _remove_placeholder(viewer: napari.Viewer) -> None:
    if _PLACEHOLDER in viewer.layers:
        viewer.layers.remove(_PLACEHOLDER)
