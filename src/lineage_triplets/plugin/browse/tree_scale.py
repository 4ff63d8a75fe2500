"""From frames and columns of a lineage tree to pixels and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.plugin.browse.tree_layout import TreeLayout

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


def hour_step(pixels_per_hour: float, least: float) -> float:
    """Hours between two lines of the grid, at least so many pixels apart."""
    fitting = [step for step in _HOUR_STEPS if step * pixels_per_hour >= least]
    return float(fitting[0] if fitting else _HOUR_STEPS[-1])


def frame_step(pixels_per_frame: float, least: float) -> int:
    """Frames between two labels, at least so many pixels apart."""
    fitting = [step for step in _FRAME_STEPS if step * pixels_per_frame >= least]
    return fitting[0] if fitting else _FRAME_STEPS[-1]
