"""The link that is about to be cut, drawn in the viewer before it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Shapes

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.cut_place import CutPlace
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.plugin.viewer.shown_fov import ShownFov

ROLE = "link to cut"
_ORDER = 500
_COLOR = "#ff40ff"


class CutMark:
    """A line between the two cells of a link, with a cross on it, in every frame.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack

    def show(self, place: CutPlace | None, shown: ShownFov | None, z: float | None) -> None:
        """Draw a link, in place of the one before.

        Parameters
        ----------
        place : CutPlace or None
            None, or one of another FOV, is none.
        shown : ShownFov or None
            What is on screen.
        z : float or None
            Slice on screen; None for the cells' own.
        """
        self.hide()
        if place is None or shown is None:
            return
        if (place.experiment, place.fov) != shown.wanted.place:
            return
        scale, units = (one[1:] for one in shown.axes()[:2])
        size = min(shown.wanted.settings.yx_patch_size) / 10
        ends = np.array(place.cells)
        if z is not None:
            ends[:, 0] = z
        middle, arms = ends.mean(axis=0), size / 2 * np.array([[0, -1, -1], [0, 1, 1]])
        lines = [ends, middle + arms, middle + arms * [1, 1, -1]]
        n_axes = len(scale)
        layer = Shapes(
            [line[:, -n_axes:] for line in lines],
            shape_type="line",
            edge_color=_COLOR,
            edge_width=max(0.3, size / 10),
            features={
                "words": [f"frame {place.frames[0]} to {place.frames[1]}: to be cut", "", ""]
            },
            text={"string": "{words}", "anchor": "upper_left", "color": _COLOR, "size": 11},
            name=ROLE,
            scale=scale,
            units=units,
        )
        layer.editable = False
        self._stack.put(ROLE, _ORDER, layer)

    def hide(self) -> None:
        """Take it away."""
        self._stack.drop(ROLE)
