"""Small pictures at the nodes of a tree: where they stand, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from lineage_triplets.plugin.common.patch_image import contrast_image
from lineage_triplets.qc.look.coarse import UNREADABLE, CoarsePlanes, window
from lineage_triplets.qc.look.pictures.grey import measured_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qtpy.QtGui import QImage

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.plugin.browse.tree import Tree
    from lineage_triplets.plugin.browse.tree_scale import TreeScale
    from lineage_triplets.plugin.common.fov_part import FovPart
    from lineage_triplets.plugin.common.session import Session
    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.look.pictures.grey import GreyScale

JOB = "Pictures in the tree"
SIDE_PX = 40
# Of a patch: the cell alone, large enough to be told.
_PATCH_SHARE = 0.5
_GAP_PX = 4
_AT_ONCE, _KEPT = 24, 600


@dataclass(frozen=True)
class Thumb:
    """A picture beside a track.

    Attributes
    ----------
    cell : int
        Row of the FOV's observations.
    left, top : float
        Where it stands, in pixels of the tree.
    """

    cell: int
    left: float
    top: float


def place_thumbs(
    tree: Tree, scale: TreeScale, box: tuple[float, float, float, float]
) -> list[Thumb]:
    """Place pictures of births, divisions and ends, as far as they are in sight and have room.

    Parameters
    ----------
    tree : Tree
    scale : TreeScale
    box : (float, float, float, float)
        Left, top, right and bottom of what is in sight.
    """
    if scale.column < SIDE_PX + 2 * _GAP_PX:
        return []
    layout, placed = tree.layout, []
    x = scale.x0 + scale.column * layout.x
    seen = np.flatnonzero((x - SIDE_PX - _GAP_PX <= box[2]) & (x >= box[0]))
    for track in seen.tolist():
        top, bottom = scale.y(layout.first_t[track]), scale.y(layout.last_t[track])
        # Where a track divides, or is seen last; where it begins, if there is room for both.
        nodes = [(int(layout.last_t[track]), bottom - SIDE_PX)]
        if bottom - top >= 2 * SIDE_PX + _GAP_PX:
            nodes.insert(0, (int(layout.first_t[track]), top))
        for t, at in nodes:
            cell = tree.cell(track, t)
            if cell is not None and at + SIDE_PX >= box[1] and at <= box[3]:
                left = float(x[track]) - SIDE_PX - _GAP_PX
                placed.append(Thumb(int(tree.cells[cell]), left, at))
    return placed


def read_windows(
    part: FovPart, cells: Sequence[int], patch_px: int, job: Job
) -> dict[int, Float32Array | None]:
    """Read a small square around each of some cells; None where it cannot be read.

    Parameters
    ----------
    part : FovPart
    cells : sequence of int
        Rows of its observations.
    patch_px : int
        Of a patch; the square is half as wide.
    job : Job
    """
    rows, longest = part.observations, max(part.source.fov.shape[3:])
    wide = max(patch_px * _PATCH_SHARE, 4.0)
    planes = CoarsePlanes(part.source, 0, round(longest * SIDE_PX / wide), job.stopped)
    share = planes.share_yx
    side = max(1, round(wide * float(share.max())))

    def plane_of(cell: int) -> tuple[int, int]:
        return int(rows.t[cell]), int(np.nan_to_num(rows.z[cell]))

    found: dict[int, Float32Array | None] = {}
    for (t, z), own in groupby(sorted(cells, key=plane_of), key=plane_of):
        if job.stopped():
            break
        try:
            plane = planes.read(t, z)
        except UNREADABLE:
            found.update(dict.fromkeys(own))
            continue
        for cell in own:
            y, x = rows.y[cell] * share[0], rows.x[cell] * share[1]
            found[cell] = window(plane, float(y), float(x), side).copy()
    return found


class TreeThumbs(QObject):
    """The pictures of cells of one FOV, read beside the event loop: those in sight, some at once.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    read : Signal()
        More was read.
    """

    read = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._part: FovPart | None = None
        self._windows: dict[int, Float32Array | None] = {}
        self._images: dict[int, QImage] = {}
        self._wanted: list[int] = []
        self._scale: GreyScale | None = None
        session.contrast_changed.connect(self._draw_anew)

    def set_part(self, part: FovPart | None) -> None:
        """Read of another FOV from now on; of the same index and FOV what was read is kept."""
        old = self._part
        same = part is not None and old is not None and part.source is old.source
        same = same and part is not None and old is not None and part.index is old.index
        self._part, self._wanted = part, []
        self._session.work.cancel(JOB)
        if not same:
            self._windows, self._images, self._scale = {}, {}, None

    def image(self, cell: int) -> QImage | None:
        """Give the picture of a cell; None where it is not read, or cannot be."""
        return self._images.get(cell)

    def want(self, cells: Iterable[int]) -> None:
        """Read the pictures of some cells, the first one first; of others no more."""
        self._wanted = [cell for cell in cells if cell not in self._windows]
        self._go_on()

    def _go_on(self) -> None:
        part, review = self._part, self._session.review
        if part is None or review is None or not self._wanted or JOB in self._session.work.running:
            return
        cells, patch_px = self._wanted[:_AT_ONCE], max(review.data.settings.yx_patch_size)
        self._session.work.start(
            self,
            JOB,
            lambda job: read_windows(part, cells, patch_px, job),
            lambda found: self._take(part, found),
        )

    def _take(self, part: FovPart, found: dict[int, Float32Array | None]) -> None:
        if part is not self._part:
            return
        self._windows.update(found)
        for old in list(self._windows)[:-_KEPT]:
            self._windows.pop(old)
            self._images.pop(old, None)
        self._render(found)
        self._wanted = [cell for cell in self._wanted if cell not in self._windows]
        self.read.emit()
        self._go_on()

    def _render(self, windows: dict[int, Float32Array | None]) -> None:
        there = {cell: values for cell, values in windows.items() if values is not None}
        if there and self._scale is None:
            self._scale = measured_scale([values[np.newaxis] for values in there.values()])
        contrast = {} if self._part is None else self._session.contrast
        scale = contrast.get(self._part.source.experiment if self._part else "", {}).get(0)
        for cell, values in there.items():
            used = scale or self._scale
            if used is not None:
                self._images[cell] = contrast_image(values, used)

    def _draw_anew(self) -> None:
        self._render(self._windows)
        self.read.emit()
