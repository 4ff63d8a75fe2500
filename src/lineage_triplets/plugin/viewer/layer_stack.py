"""The layers that the plugin made in a viewer: known by their role, kept in order, its own."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

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
        return [one for one in list(self._layers) if one.startswith(prefix) and self.get(one)]

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
            layers.index(self._layers[one]) for one in self.roles() if self._order[one] <= order
        ]
        above = [
            layers.index(self._layers[one]) for one in self.roles() if self._order[one] > order
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
        there = [layer for one in roles if (layer := self.get(one)) is not None]
        layers = self._viewer.layers
        with layers.batched_update() if len(there) > 1 else nullcontext():
            for layer in there:
                layers.remove(layer)
        for one in roles:
            self._layers.pop(one, None)

    def clear(self) -> None:
        """Remove them all."""
        self.drop(*self._layers)

    def abandon(self) -> None:
        """Let go of them without removing them: the viewer is gone."""
        self._layers.clear()
