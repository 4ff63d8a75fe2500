"""The plugin's own layers in a viewer, by their role and in order; and where the viewer looks."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
from qtpy.compat import isalive
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from lineage_triplets.qc.look.pictures.grey import GreyScale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from lineage_triplets.engine.arrays import Float64Array
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


class Viewpoint:
    """The viewer's frame, slice and camera, whatever other layers do to its world.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    stack : LayerStack
        Its images say how large a pixel is.
    """

    def __init__(self, viewer: Any, stack: LayerStack) -> None:
        self._viewer = viewer
        self._stack = stack

    def layer(self) -> Any | None:
        """Give an image, or what else has its axes; None where there is nothing."""
        for prefix in ("slot ", "channel ", "tracks"):
            for role in self._stack.roles(prefix):
                return self._stack.get(role)
        return None

    def steps(self) -> Float64Array:
        """Give the length of a pixel along (t, y, x) or (t, z, y, x) in the viewer's world.

        Its units may be others than the layer's, where a layer of somebody else has smaller ones.
        """
        layer = self.layer()
        if layer is None:
            return np.ones(3)
        steps = np.array(layer.scale, dtype=np.float64)
        units: Sequence[Any] | None = self._viewer.layers.extent.units
        if units is not None:
            of_world = list(units)[-len(steps) :]
            pairs = zip(layer.units, of_world, strict=True)
            steps *= [
                1.0 if unit == other else (1.0 * unit).to(other).magnitude for unit, other in pairs
            ]
        return steps

    @property
    def is_flat(self) -> bool:
        """Whether single slices are shown."""
        return bool(self._viewer.dims.ndisplay == 2)

    @property
    def point(self) -> Float64Array | None:
        """The (t, y, x) or (t, z, y, x) it is at, in pixels; None where there is nothing."""
        layer = self.layer()
        if layer is None:
            return None
        point: Float64Array = self.pixel(self._viewer.dims.point)
        return point

    @property
    def t(self) -> int | None:
        """Frame on screen."""
        point = self.point
        return None if point is None else round(float(point[0]))

    @property
    def z(self) -> float | None:
        """Slice on screen; None in a plane, and where a whole volume is shown."""
        point = self.point
        return (
            float(np.rint(point[1]))
            if point is not None and len(point) > 3 and self.is_flat
            else None
        )

    def pixel(self, position: Sequence[float]) -> Float64Array:
        """Give a place of the viewer's world in pixels."""
        steps = self.steps()
        pixel: Float64Array = np.asarray(position, dtype=np.float64)[-len(steps) :] / steps
        return pixel

    def widen(self, n_axes: int) -> Iterator[None]:
        """Let a viewer without layers have its sliders, a moment before layers of so many axes."""
        if not self._viewer.layers:
            self._viewer.dims.ndim = n_axes
            yield

    def go(self, t: int | None = None, z: float | None = None) -> None:
        """Go to a frame, and to a slice of a volume."""
        if self.layer() is None:
            return
        steps, dims = self.steps(), self._viewer.dims
        first = dims.ndim - len(steps)
        if t is not None:
            dims.set_point(first, t * steps[0])
        if z is not None and len(steps) > 3:
            dims.set_point(first + 1, float(np.rint(z)) * steps[1])

    def frame(self, box: tuple[float, float, float, float], margin: float = 1.0) -> None:
        """Move the camera so that a box, (top, left, bottom, right) in pixels, fills the canvas."""
        height, width = self.steps()[-2:]
        viewer = self._viewer
        camera = viewer.scene.camera
        z = camera.center[0] if not self.is_flat else 0.0
        camera.center = (z, (box[0] + box[2]) / 2 * height, (box[1] + box[3]) / 2 * width)
        size = np.array([(box[2] - box[0]) * height, (box[3] - box[1]) * width]) * margin
        camera.zoom = float(np.min(np.array(viewer.canvas.viewbox_size(viewer.layers)) / size))

    def center(self, y: float, x: float, side: float) -> None:
        """Bring a place to the middle, with `side` pixels around it; who is nearer stays so."""
        camera = self._viewer.scene.camera
        zoom = camera.zoom
        self.frame((y - side / 2, x - side / 2, y + side / 2, x + side / 2))
        camera.zoom = max(zoom, camera.zoom)


def is_open(viewer: Any) -> bool:
    """Whether its window is there: napari's views of layers fail once it is not."""
    if _window(viewer) is None:
        return True
    main = _main(viewer)
    return main is not None and bool(isalive(main))


@contextmanager
def still_canvas(viewer: Any) -> Iterator[None]:
    """Keep on screen what is drawn, however layers change, and draw once at the end."""
    main = _main(viewer) if is_open(viewer) else None
    canvases = [] if main is None else main.findChildren(QOpenGLWidget)
    held = [canvas for canvas in canvases if canvas.updatesEnabled()]
    for canvas in held:
        canvas.setUpdatesEnabled(False)
    try:
        yield
    finally:
        for canvas in held:
            if isalive(canvas):
                canvas.setUpdatesEnabled(True)


def _window(viewer: Any) -> Any:
    # What plugins get is a proxy that warns of private names, and there is no public one.
    return getattr(getattr(viewer, "__wrapped__", viewer), "window", None)


def _main(viewer: Any) -> Any:
    return getattr(_window(viewer), "_qt_window", None)
