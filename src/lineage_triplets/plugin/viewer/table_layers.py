"""The layers of a FOV's table: cells by frame, tracks that are drawn out, all tails if asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Points, Tracks
from napari.utils import Colormap

from lineage_triplets.plugin.viewer.who import LookedAt, named_cells
from lineage_triplets.qc.look.roles import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.arrays import Float64Array
    from lineage_triplets.plugin.viewer.layer_stack import LayerStack
    from lineage_triplets.plugin.viewer.shown_fov import FovCells
    from lineage_triplets.plugin.viewer.who import NamedCell


TRACKS, DRAWN_OUT, CELLS = "tracks", "marked tracks", "cells"
_ORDER = {TRACKS: 100, DRAWN_OUT: 200, CELLS: 300}
# Setting a graph takes napari 0.2 ms a link.
_MOST_LINKS = 250
_TAIL_FRAMES = 12
_LARGER = 1.4
_GOLDEN = 0.618033988749895
_PLAIN, _NO_ANCHOR, _EXCLUDED = (
    (0.4, 0.72, 1.0, 1.0),
    (0.4, 0.72, 1.0, 0.5),
    (0.65, 0.65, 0.65, 1.0),
)
_CHOSEN = ROLES["cell"].rgba


class TableLayers:
    """Keeps the layers of one FOV's table.

    Parameters
    ----------
    stack : LayerStack

    Attributes
    ----------
    named : list of NamedCell
        Cells of the frame on screen that have a role.
    """

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._cells: FovCells | None = None
        self._scale: Sequence[float] = ()
        self._units: Sequence[str] = ()
        self._size = 10.0
        self._n_frames = 1
        self._lineage = -1
        self._looked_at = LookedAt()
        self.named: list[NamedCell] = []
        self._with_tails = False
        # Whose extent the viewer knows.
        self._measured: FovCells | None = None

    @property
    def cells(self) -> FovCells | None:
        """The cells that are shown."""
        return self._cells

    @property
    def ring_px(self) -> float:
        """Half the width of the ring around a cell with a role, in pixels of the image."""
        return _LARGER * self._size / 2

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
            self._looked_at, self.named = LookedAt(), []
            self._hide_marked()
        if cells is None or not len(cells):
            self._stack.drop(TRACKS, CELLS)
        elif not self._with_tails:
            self._stack.drop(TRACKS)
        elif other or self._stack.get(TRACKS) is None:
            yield
            self._show_tracks(cells)
            yield
        self._cells = cells

    def show_tails(self, with_tails: bool) -> None:
        """Draw the last frames of all tracks, or only the tracks that are marked."""
        if with_tails == self._with_tails:
            return
        self._with_tails = with_tails
        cells = self._cells
        if not with_tails:
            self._stack.drop(TRACKS)
        elif cells is not None and len(cells):
            self._show_tracks(cells)

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
        self._looked_at = LookedAt(cells.tracks_named(words))
        vertices = self._vertices(cells)
        vertices = vertices[np.isin(vertices[:, 0], self._looked_at.tracks)]
        if not len(vertices):
            self._hide_marked()
            return
        roles = self._looked_at.roles(cells.index.forest.parent, self._looked_at.tracks, -1)
        colours = list(dict.fromkeys(ROLES[role].rgba for role in roles.values()))
        number = {track: colours.index(ROLES[role].rgba) for track, role in roles.items()}
        hue = np.array([number[track] for track in vertices[:, 0].astype(int).tolist()])
        layer = self._stack.get(DRAWN_OUT)
        if layer is None:
            layer = self._stack.put(DRAWN_OUT, _ORDER[DRAWN_OUT], self._marked_layer(vertices))
        layer.color_by = "track_id"
        layer.data = vertices
        layer.features = {"role": hue}
        # napari spreads values over a map: each role is one end, or one step, of it.
        layer.colormaps_dict = {"role": Colormap([*colours, colours[-1]][: max(len(colours), 2)])}
        layer.color_by = "role"
        layer.visible = True

    def show_pair(self, tracks: tuple[str, str], frames: tuple[int, int]) -> None:
        """Give the cells of a pair their roles, by their tracks and frames; no track is marked."""
        cells = self._cells
        found = () if cells is None else cells.tracks_named(tracks)
        self._hide_marked()
        self._looked_at = LookedAt()
        if found:
            self._looked_at = LookedAt(
                anchor=(found[0], frames[0]), positive=(found[-1], frames[1])
            )

    def _hide_marked(self) -> None:
        """Hide the marked tracks, and reduce them to a point: hidden ones extend the axes too."""
        layer = self._stack.get(DRAWN_OUT)
        if layer is not None and layer.visible:
            layer.color_by = "track_id"
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
        self.named = named_cells(cells, t, self._looked_at)
        marked = np.array([named.entry for named in self.named], dtype=np.int64) - here.start
        excluded, is_anchor = cells.excluded[here], cells.is_anchor[here]
        color = np.tile(_PLAIN, (len(place), 1))
        color[~is_anchor] = _NO_ANCHOR
        color[chosen] = _CHOSEN
        color[excluded] = _EXCLUDED
        color[marked] = np.array([ROLES[named.role].rgba for named in self.named]).reshape(-1, 4)
        size = np.where(is_anchor | chosen | excluded, self._size, 0.7 * self._size)
        size[marked] = 2 * self.ring_px
        layer = self._stack.get(CELLS)
        if layer is None:
            axes = {"scale": self._scale[1:], "units": self._units[1:]}
            made = Points(ndim=len(self._scale) - 1, name="cells", border_width=0.09, **axes)
            layer = self._stack.put(CELLS, _ORDER[CELLS], made)
        # As many points in every frame: napari, slicing in another thread, stumbles over fewer.
        n_points = max(cells.most_in_a_frame, len(layer.data))
        spare = n_points - len(place)
        border = np.pad(color, ((0, spare), (0, 0)))
        filled = excluded.copy()
        # A large cross is hollow: the cell under it is looked at.
        filled[marked] = False
        face = np.pad(color * filled[:, np.newaxis], ((0, spare), (0, 0)))
        size = np.pad(size, (0, spare), constant_values=1.0)
        ring = np.full(len(place), "disc", dtype="<U16")
        ring[marked] = [ROLES[named.role].ring for named in self.named]
        symbol = np.pad(np.where(excluded, "x", ring), (0, spare), constant_values="disc")
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
        self._looked_at, self.named = LookedAt(), []

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
        return Tracks(
            vertices,
            color_by="track_id",
            tail_length=self._n_frames,
            head_length=self._n_frames,
            tail_width=4,
            blending="translucent",
            name="marked tracks",
            scale=self._scale,
            units=self._units,
        )
