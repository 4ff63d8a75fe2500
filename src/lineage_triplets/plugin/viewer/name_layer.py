"""The layer of names: who is who, beside the rings, legible over light and dark pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

from lineage_triplets.plugin.viewer.who import place_names
from lineage_triplets.qc.look.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.qc.look.roles import Role

NAMES = "names"
_ORDER = 450
_POINTS, _HIGH_PX, _LETTER_PX = 10, 17.0, 9.6
_HALO = (0.0, 0.0, 0.0, 0.85)
# Dark copies around each name, in pixels of the screen, and the name itself on top.
_COPIES = 1.3 * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1), (-1, 0), (1, 0), (0, -1), (0, 1)])


@dataclass(frozen=True)
class Name:
    """Words at a place of the image.

    Attributes
    ----------
    role : str
        One of `Role`, which gives the colour.
    words : str
    y, x : float
        In pixels: a cell's middle, or the corner of a box.
    corner : {"", "above", "below"}
        Empty beside a cell; else above or below what begins at that corner.
    """

    role: Role
    words: str
    y: float
    x: float
    corner: str = ""


class NameLayer:
    """Writes names over the images; there is no layer while there is no name.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._names: tuple[Name, ...] = ()
        self._others: Float64Array = np.empty((0, 2))
        self._radius = 5.0
        self._z: float | None = None
        self._screen_px = 1.0
        self._drawn: tuple[object, ...] = ()
        self._written: list[str] = []

    def show(
        self,
        names: Sequence[Name],
        others: Float64Array,
        radius: float,
        z: float | None,
        axes: tuple[Sequence[float], Sequence[str]],
    ) -> None:
        """Write names, in place of those before.

        Parameters
        ----------
        names : sequence of Name
        others : ndarray of float64, shape (cells, 2)
            (y, x) of cells without a name, in pixels.
        radius : float
            Of the rings around named cells, in pixels.
        z : float or None
            Slice on screen, in a volume.
        axes : tuple
            Scale and units of (y, x) or (z, y, x).
        """
        self._names, self._others, self._radius, self._z = tuple(names), others, radius, z
        layer = self._stack.get(NAMES)
        if layer is None and self._names:
            scale, units = axes
            layer = Points(
                ndim=len(scale), name=NAMES, size=0.01, opacity=1.0, scale=scale, units=units
            )
            layer.editable = False
            self._stack.put(NAMES, _ORDER, layer)
            self._drawn, self._written = (), []
        elif layer is not None and tuple(layer.scale) != tuple(axes[0]):
            layer.scale = axes[0]
        self._draw()

    def fit(self, screen_px: float) -> None:
        """Keep names beside their rings at another zoom: how wide a pixel of the image is."""
        if abs(screen_px / self._screen_px - 1) > 1e-3:
            self._screen_px = max(screen_px, 1e-6)
            self._draw()

    def drop(self) -> None:
        """Remove the layer."""
        self._names, self._drawn = (), ()
        self._stack.drop(NAMES)

    def _draw(self) -> None:
        layer = self._stack.get(NAMES)
        if layer is None:
            return
        middles = self.middles()
        drawn = (self._names, self._z, layer.ndim, middles.tobytes(), self._screen_px)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        offsets = np.vstack([_COPIES, np.zeros((1, 2))]) / self._screen_px
        n_names, n_copies = len(middles), len(offsets)
        # All dark copies come before all names.
        places = (middles[np.newaxis] + offsets[:, np.newaxis]).reshape(-1, 2)
        if layer.ndim > 2:
            places = np.column_stack([np.full(len(places), self._z or 0.0), places])
        # As many points in every frame: napari, slicing in another thread, stumbles over fewer.
        spare = max(len(layer.data) - len(places), 0)
        words = [name.words for name in self._names] * n_copies + [""] * spare
        colours = np.tile(_HALO, (len(words), 1))
        top = slice(n_names * (n_copies - 1), n_names * n_copies)
        colours[top] = np.array([ROLES[name.role].rgba for name in self._names]).reshape(-1, 4)
        # Each of these would draw it anew.
        with layer.events.blocker_all(), layer.text.events.blocker_all():
            layer.data = np.pad(places, ((0, spare), (0, 0)))
            layer.shown = np.arange(len(words)) < len(places)
            if words != self._written:
                self._written = words
                layer.text = {
                    "string": {"array": words},
                    "color": {"array": colours},
                    "size": _POINTS,
                    "anchor": "center",
                }
        layer.refresh(thumbnail=False, extent=False, highlight=False)

    def middles(self) -> Float64Array:
        """Give the (y, x) of the middle of each name, in pixels of the image."""
        at = np.array([(name.y, name.x) for name in self._names]).reshape(-1, 2) * self._screen_px
        sizes = np.array([(_HIGH_PX, _LETTER_PX * len(name.words)) for name in self._names])
        sizes = sizes.reshape(-1, 2)
        middles = np.empty_like(at)
        beside = np.array([not name.corner for name in self._names], dtype=bool)
        others = self._others * self._screen_px
        radius = self._radius * self._screen_px
        middles[beside] = place_names(at[beside], radius, sizes[beside], others)
        for number in np.flatnonzero(~beside):
            up = -1 if self._names[number].corner == "above" else 1
            middles[number] = at[number] + sizes[number] / 2 * (up, 1)
        return middles / self._screen_px
