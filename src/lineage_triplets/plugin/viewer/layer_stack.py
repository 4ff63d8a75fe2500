"""The plugin's own layers in a viewer: known by their role, kept in order, their contrast told."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

from lineage_triplets.qc.look.pictures.grey import GreyScale

if TYPE_CHECKING:
    from typing import Any

    from lineage_triplets.plugin.common.session import Session

MARK = "lineage_triplets"
"""Key in ``layer.metadata`` of the plugin's layers; its value is the role."""


class LayerStack:
    """The plugin's own layers in a viewer, whatever else is there.

    A layer that a person deletes is simply not there any more.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: dict[str, Any] = {}
        self._order: dict[str, int] = {}

    def get(self, role: str) -> Any | None:
        """Give the layer of a role; None where there is none."""
        layer = self._layers.get(role)
        if layer is not None and layer not in self._viewer.layers:
            del self._layers[role]
            return None
        return layer

    def roles(self, prefix: str = "") -> list[str]:
        """Give the roles of the layers that are there."""
        return [role for role in list(self._layers) if role.startswith(prefix) and self.get(role)]

    def put(self, role: str, order: int, layer: Any) -> Any:
        """Add a layer in its role.

        Parameters
        ----------
        role : str
        order : int
            Larger ones lie above smaller ones.
        layer : napari.layers.Layer

        Returns
        -------
        napari.layers.Layer
            The same.
        """
        layer.metadata[MARK] = role
        layers = self._viewer.layers
        chosen = set(layers.selection)
        below = [
            layers.index(self._layers[other])
            for other in self.roles()
            if self._order[other] <= order
        ]
        above = [
            layers.index(self._layers[other])
            for other in self.roles()
            if self._order[other] > order
        ]
        layers.insert(max(below) + 1 if below else min(above, default=len(layers)), layer)
        # What a person had chosen stays chosen.
        if chosen:
            layers.selection = chosen
        self._layers[role], self._order[role] = layer, order
        return layer

    def drop(self, *roles: str) -> None:
        """Remove the layers of some roles, if they are there.

        napari collects garbage after each removal, which takes long; after several it does once.
        """
        there = [layer for role in roles if (layer := self.get(role)) is not None]
        layers = self._viewer.layers
        with layers.batched_update() if len(there) > 1 else nullcontext():
            for layer in there:
                layers.remove(layer)
        for role in roles:
            self._layers.pop(role, None)

    def clear(self) -> None:
        """Remove them all."""
        self.drop(*self._layers)

    def abandon(self) -> None:
        """Let go of them without removing them: the viewer is gone."""
        self._layers.clear()


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
    low, high = (float(limit) for limit in layer.contrast_limits)
    return GreyScale(low, high, float(layer.gamma))
