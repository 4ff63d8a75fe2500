"""The contrast of the slots' layers, told to whoever draws patches of the same channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lineage_triplets.plugin.viewer.layer_stack import MARK
from lineage_triplets.qc.look.pictures.grey import GreyScale

if TYPE_CHECKING:
    from lineage_triplets.plugin.common.session import Session


class SlotContrast:
    """Watches the slots' layers in a viewer, and tells the session between which values they show.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    session : Session
    """

    def __init__(self, viewer: Any, session: Session) -> None:
        self._viewer = viewer
        self._session = session
        self._experiment = ""
        self._watched: list[Any] = []
        viewer.layers.events.removed.connect(self._tell)

    def follow(self, experiment: str) -> None:
        """Tell of the layers as they are now, and of every change; of none for ``""``."""
        for layer in self._watched:
            layer.events.contrast_limits.disconnect(self._tell)
            layer.events.gamma.disconnect(self._tell)
        self._experiment = experiment
        self._watched = list(self._layers().values()) if experiment else []
        for layer in self._watched:
            layer.events.contrast_limits.connect(self._tell)
            layer.events.gamma.connect(self._tell)
        self._tell()

    def leave(self) -> None:
        """Let go of the viewer."""
        self.follow("")
        self._viewer.layers.events.removed.disconnect(self._tell)

    def _layers(self) -> dict[int, Any]:
        found = {}
        for layer in self._viewer.layers:
            slot = re.fullmatch(r"slot (\d+)", str(layer.metadata.get(MARK, "")))
            if slot:
                found[int(slot[1])] = layer
        return found

    def _tell(self, _event: object = None) -> None:
        if self._experiment:
            slots = {slot: _scale(layer) for slot, layer in self._layers().items()}
            self._session.show_contrast(self._experiment, slots)


def _scale(layer: Any) -> GreyScale:
    low, high = (float(one) for one in layer.contrast_limits)
    return GreyScale(low, high, float(layer.gamma))
