"""A tree in pixels: its scale, what is near a pixel, and what is in sight; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.plugin.browse.tree_layout import TreeLayout

    Box = tuple[float, float, float, float]

# More lines than these are rounded to pixels: many of them are one then.
_MANY = 400
_PACK = 2 ** np.array([0, 15, 30, 45], dtype=np.int64)
_HOUR_STEPS = (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168, 336)
_FRAME_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


@dataclass(frozen=True)
class TreeScale:
    """Places of a tree in a viewport: pixel = origin + size * number.

    Attributes
    ----------
    x0, column : float
        Pixel of column 0, pixels a column.
    y0, frame : float
        Pixel of frame 0, pixels a frame.
    """

    x0: float
    column: float
    y0: float
    frame: float

    def x(self, column: float) -> float:
        """Pixel of a column."""
        return self.x0 + self.column * column

    def y(self, t: float) -> float:
        """Pixel of a frame."""
        return self.y0 + self.frame * t

    def nearest(
        self, layout: TreeLayout, x: float, y: float, reach: float
    ) -> tuple[int, int] | None:
        """Track and frame nearest to a pixel; of a link its daughter at her first frame.

        None where nothing is within `reach` pixels.
        """
        if not len(layout.x):
            return None
        top, bottom = self.y0 + self.frame * layout.top, self.y0 + self.frame * layout.bottom
        off = np.maximum(np.maximum(top - y, y - bottom), 0)
        to_tracks = np.hypot(self.x0 + self.column * layout.x - x, off)
        track = int(np.argmin(to_tracks))
        distance = float(to_tracks[track])
        daughters = layout.daughters
        if len(daughters):
            own = self.x0 + self.column * layout.x[daughters]
            hers = self.x0 + self.column * layout.x[layout.parent[daughters]]
            beside = np.maximum(np.maximum(np.minimum(own, hers) - x, x - np.maximum(own, hers)), 0)
            to_links = np.hypot(beside, top[daughters] - y)
            nearest = int(np.argmin(to_links))
            if to_links[nearest] < distance and to_links[nearest] <= reach:
                daughter = int(daughters[nearest])
                return daughter, int(layout.first_t[daughter])
        if distance > reach:
            return None
        t = round((y - self.y0) / self.frame)
        return track, int(np.clip(t, layout.first_t[track], layout.last_t[track]))

    def end_near(self, layout: TreeLayout, x: float, y: float, reach: float) -> int | None:
        """Give the track whose last cell is nearest to a pixel; None where none is in reach."""
        return self._tip_near(layout, layout.last_t, x, y, reach)

    def start_near(self, layout: TreeLayout, x: float, y: float, reach: float) -> int | None:
        """Give the track whose first cell is nearest to a pixel; None where none is in reach."""
        return self._tip_near(layout, layout.first_t, x, y, reach)

    def _tip_near(
        self, layout: TreeLayout, t: Int64Array, x: float, y: float, reach: float
    ) -> int | None:
        if not len(t):
            return None
        away = np.hypot(self.x0 + self.column * layout.x - x, self.y0 + self.frame * t - y)
        nearest = int(np.argmin(away))
        return nearest if away[nearest] <= reach else None

    def lines(self, layout: TreeLayout, box: Box) -> Float64Array:
        """Give the lines in sight, (lines, 4): x, y of both ends in pixels, cut off at the box.

        Those that would be drawn on the same pixels are one.

        Parameters
        ----------
        layout : TreeLayout
        box : (float, float, float, float)
            Left, top, right and bottom of what is in sight.
        """
        ends = layout.vertices[layout.connect].reshape(-1, 4)
        scale = np.array([self.column, self.frame] * 2)
        return in_sight(ends * scale + np.array([self.x0, self.y0] * 2), box)


def in_sight(lines: Float64Array, box: Box) -> Float64Array:
    """Give those of some upright and level lines that are in a box, cut off at it.

    Those that would be drawn on the same pixels are one.

    Parameters
    ----------
    lines : ndarray of float64, shape (lines, 4)
        x, y of both ends, in pixels.
    box : (float, float, float, float)
        Left, top, right and bottom.
    """
    low, high = np.minimum(lines[:, :2], lines[:, 2:]), np.maximum(lines[:, :2], lines[:, 2:])
    seen = ((high >= box[:2]) & (low <= box[2:])).all(axis=1)
    lines = np.clip(lines[seen], [*box[:2]] * 2, [*box[2:]] * 2)
    if len(lines) > _MANY:
        places = np.rint(lines).astype(np.int64)
        packed = (places - np.floor(np.array([*box[:2]] * 2)).astype(np.int64)) @ _PACK
        _, first = np.unique(packed, return_index=True)
        lines = places[first].astype(np.float64)
    return lines


def hour_step(pixels_per_hour: float, least: float) -> float:
    """Hours between two lines of the grid, at least so many pixels apart."""
    fitting = [step for step in _HOUR_STEPS if step * pixels_per_hour >= least]
    return float(fitting[0] if fitting else _HOUR_STEPS[-1])


def frame_step(pixels_per_frame: float, least: float) -> int:
    """Frames between two labels, at least so many pixels apart."""
    fitting = [step for step in _FRAME_STEPS if step * pixels_per_frame >= least]
    return fitting[0] if fitting else _FRAME_STEPS[-1]
