"""The layers of a FOV's table: its tracks, the tracks that are drawn out, and cells by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points, Tracks
from napari.utils import Colormap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.plugin.viewer.shown_fov import FovCells


TRACKS, DRAWN_OUT, CELLS = "tracks", "marked tracks", "cells"
_ORDER = {TRACKS: 100, DRAWN_OUT: 200, CELLS: 300}
# Setting a graph takes napari 0.2 ms a link.
_MOST_LINKS = 250
_TAIL_FRAMES = 12
_GOLDEN = 0.618033988749895
_PLAIN, _NO_ANCHOR, _EXCLUDED = (
    (0.4, 0.72, 1.0, 1.0),
    (0.4, 0.72, 1.0, 0.5),
    (0.65, 0.65, 0.65, 1.0),
)
_CHOSEN, _MARKED = (1.0, 0.82, 0.0, 1.0), (1.0, 0.35, 0.2, 1.0)


class TableLayers:
    """Keeps the layers of one FOV's table.

    Parameters
    ----------
    stack : LayerStack
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._cells: FovCells | None = None
        self._scale: Sequence[float] = ()
        self._units: Sequence[str] = ()
        self._size = 10.0
        self._n_frames = 1
        self._lineage = -1
        self._marked: Int64Array = np.empty(0, dtype=np.int64)
        # Whose extent the viewer knows.
        self._measured: FovCells | None = None

    @property
    def cells(self) -> FovCells | None:
        """The cells that are shown."""
        return self._cells

    def show(
        self,
        cells: FovCells | None,
        scale: Sequence[float],
        units: Sequence[str],
        n_frames: int,
        size: float,
    ) -> Iterator[None]:
        """Show the tracks and cells of a FOV, a layer at a time.

        Parameters
        ----------
        cells : FovCells or None
        scale, units : sequence
            Of (t, y, x), or (t, z, y, x) in a volume.
        n_frames : int
        size : float
            Of the mark of a cell, in pixels.
        """
        before = self._cells
        other = (
            cells is None
            or before is None
            or cells.index is not before.index
            or cells.fov != before.fov
        )
        self._cells, self._scale, self._units = None, scale, units
        self._n_frames, self._size = n_frames, size
        if other:
            self._marked = np.empty(0, dtype=np.int64)
            self._hide_marked()
        if cells is None or not len(cells):
            self._stack.drop(TRACKS, CELLS)
        elif other or self._stack.get(TRACKS) is None:
            yield
            self._show_tracks(cells)
            yield
        self._cells = cells

    def choose(self, lineage: int) -> None:
        """Draw out one lineage: the number of its root; -1 for none."""
        if lineage == self._lineage:
            return
        self._lineage = lineage
        layer, cells = self._stack.get(TRACKS), self._cells
        if layer is not None and cells is not None and len(cells.links) > _MOST_LINKS:
            layer.graph = {}
            layer.graph = self._graph(cells)

    def mark(self, words: Sequence[str]) -> None:
        """Draw out some tracks over all frames."""
        cells = self._cells
        if cells is None:
            return
        self._marked = cells.tracks_named(words)
        vertices = self._vertices(cells)
        vertices = vertices[np.isin(vertices[:, 0], self._marked)]
        if not len(vertices):
            self._hide_marked()
            return
        layer = self._stack.get(DRAWN_OUT)
        if layer is None:
            self._stack.put(DRAWN_OUT, _ORDER[DRAWN_OUT], self._marked_layer(vertices))
        else:
            layer.data = vertices
            layer.visible = True

    def _hide_marked(self) -> None:
        """Hide the marked tracks, and reduce them to a point: hidden ones extend the axes too."""
        layer = self._stack.get(DRAWN_OUT)
        if layer is not None and layer.visible:
            layer.data = np.zeros((1, layer.data.shape[1]))
            layer.visible = False

    def step(self, t: int, z: float | None) -> None:
        """Show the cells of a frame; in a volume at slice `z`, or each at its own for None."""
        cells = self._cells
        if cells is None or not len(cells):
            return
        here = cells.at(t)
        place = np.stack([cells.y[here], cells.x[here]], axis=1)
        if len(self._scale) > 3:
            own = cells.z[here] if z is None else np.full(len(place), z)
            place = np.column_stack([own, place])
        chosen = (cells.lineage[here] == self._lineage) & (self._lineage >= 0)
        marked = np.isin(cells.track[here], self._marked)
        excluded, is_anchor = cells.excluded[here], cells.is_anchor[here]
        color = np.tile(_PLAIN, (len(place), 1))
        color[~is_anchor] = _NO_ANCHOR
        color[chosen] = _CHOSEN
        color[excluded] = _EXCLUDED
        color[marked] = _MARKED
        size = np.where(is_anchor | chosen | excluded, self._size, 0.7 * self._size)
        size[marked] = 1.4 * self._size
        layer = self._stack.get(CELLS)
        if layer is None:
            axes = {"scale": self._scale[1:], "units": self._units[1:]}
            made = Points(ndim=len(self._scale) - 1, name="cells", border_width=0.09, **axes)
            layer = self._stack.put(CELLS, _ORDER[CELLS], made)
        # As many points in every frame: napari, slicing in another thread, stumbles over fewer.
        n_points = max(cells.most_in_a_frame, len(layer.data))
        spare = n_points - len(place)
        border = np.pad(color, ((0, spare), (0, 0)))
        face = np.pad(color * excluded[:, np.newaxis], ((0, spare), (0, 0)))
        size = np.pad(size, (0, spare), constant_values=1.0)
        symbol = np.pad(np.where(excluded, "x", "disc"), (0, spare), constant_values="disc")
        # Each of these would draw it anew, and so would what is as it was.
        with layer.events.blocker_all():
            layer.data = np.pad(place, ((0, spare), (0, 0)))
            layer.shown = np.arange(n_points) < len(place)
            if not np.array_equal(layer.border_color, border.astype(np.float32)):
                layer.border_color = border
            if not np.array_equal(layer.face_color, face.astype(np.float32)):
                layer.face_color = face
            if not np.array_equal(layer.size, size):
                layer.size = size
            if not np.array_equal([str(drawn) for drawn in layer.symbol], symbol):
                layer.symbol = symbol
        # In no frame do they reach beyond the images: the viewer need not measure them again.
        new, self._measured = self._measured is not cells, cells
        layer.refresh(thumbnail=new, extent=new, highlight=False)
        if layer.selected_data:
            layer.selected_data = set()
        if layer.editable:
            layer.editable = False

    def clear(self) -> None:
        """Remove the layers, and let go of the cells."""
        self._stack.drop(*_ORDER)
        self._cells, self._measured, self._lineage = None, None, -1
        self._marked = np.empty(0, dtype=np.int64)

    def _vertices(self, cells: FovCells) -> Float64Array:
        vertices = cells.track_vertices
        return vertices if len(self._scale) > 3 else np.delete(vertices, 2, axis=1)

    def _graph(self, cells: FovCells) -> dict[int, list[int]]:
        links = cells.links
        if len(links) > _MOST_LINKS:
            links = links[cells.index.forest.root[links[:, 0]] == self._lineage]
        return {int(daughter): [int(mother)] for daughter, mother in links}

    def _show_tracks(self, cells: FovCells) -> None:
        vertices = self._vertices(cells)
        number = vertices[:, 0].astype(np.int64)
        root = cells.index.forest.root[number]
        # Neighbours in the table are far apart in color.
        features = {
            "track": cells.index.track_columns.track_id[number],
            "lineage": cells.index.track_columns.track_id[root],
            "hue": (root * _GOLDEN) % 1.0,
        }
        layer = self._stack.get(TRACKS)
        if layer is None:
            made = Tracks(
                vertices,
                features=features,
                graph=self._graph(cells),
                color_by="hue",
                colormap="hsv",
                tail_length=_TAIL_FRAMES,
                tail_width=2,
                blending="translucent",
                opacity=0.7,
                name="tracks",
                scale=self._scale,
                units=self._units,
            )
            self._stack.put(TRACKS, _ORDER[TRACKS], made)
            return
        color_by = layer.color_by
        layer.color_by = "track_id"
        layer.graph = {}
        layer.data = vertices
        layer.scale = self._scale
        layer.features = features
        layer.graph = self._graph(cells)
        layer.color_by = color_by

    def _marked_layer(self, vertices: Float64Array) -> Any:
        one_color = Colormap([_MARKED, _MARKED], name="marked")
        return Tracks(
            vertices,
            color_by="track_id",
            colormaps_dict={"track_id": one_color},
            tail_length=self._n_frames,
            head_length=self._n_frames,
            tail_width=4,
            blending="translucent",
            name="marked tracks",
            scale=self._scale,
            units=self._units,
        )
