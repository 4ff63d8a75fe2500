"""Who is who in a frame of the viewer, and where the names stand; no Qt, no napari."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.look.roles import kin_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.plugin.viewer.shown_fov import FovCells
    from lineage_triplets.qc.look.roles import Role

_GAP_PX = 3.0
# To the right as one reads, then around the cell; last the corners.
_SIDES = ((0, 1), (0, -1), (-1, 0), (1, 0), (-1, 1), (1, 1), (-1, -1), (1, -1))


@dataclass(frozen=True)
class NamedCell:
    """A cell with a role.

    Attributes
    ----------
    entry : int
        Of the FOV's cells.
    role : str
        One of `Role`.
    words : str
        ``"sister 12"``; of the cell that is looked at its number alone.
    """

    entry: int
    role: Role
    words: str


@dataclass(frozen=True)
class LookedAt:
    """What somebody looks at in a FOV.

    Attributes
    ----------
    tracks : tuple of int
        Numbers of the tracks, the one that it is about first.
    anchor, positive : (int, int) or None
        Track and frame of the cells of a pair; None where no pair is looked at.
    """

    tracks: tuple[int, ...] = ()
    anchor: tuple[int, int] | None = None
    positive: tuple[int, int] | None = None

    def roles(self, parent: Int64Array, tracks: Sequence[int], t: int) -> dict[int, Role]:
        """Give the roles of those of some tracks that have one in a frame.

        Parameters
        ----------
        parent : ndarray of int64
            Each track's mother; -1 for a root.
        tracks : sequence of int
            Those with a cell in the frame.
        t : int
        """
        pair = self._of_pair(t)
        about = [track for track in (self.anchor, self.positive) if track is not None]
        of = [track for track, _ in about] or list(self.tracks[:1])
        found: dict[int, Role] = {}
        for track in tracks:
            role = pair.get(track)
            if role is None and track in self.tracks[:1]:
                role = "cell"
            kin = (kin_role(parent, track, other) for other in of)
            role = role or next((role for role in kin if role is not None), None)
            if role is None and track in self.tracks:
                role = "cell"
            if role is not None:
                found[track] = role
        return found

    def _of_pair(self, t: int) -> dict[int, Role]:
        """Roles of the pair's own tracks; between its frames one track alone is just the cell."""
        if self.anchor is None or self.positive is None:
            return {}
        (anchor, from_t), (positive, to_t) = self.anchor, self.positive
        if anchor != positive:
            return {anchor: "anchor", positive: "positive"}
        return {anchor: "anchor" if t == from_t else "positive" if t == to_t else "cell"}


def named_cells(cells: FovCells, t: int, looked_at: LookedAt) -> list[NamedCell]:
    """Name the cells of a frame that have a role.

    Parameters
    ----------
    cells : FovCells
    t : int
    looked_at : LookedAt
    """
    here = cells.at(t)
    tracks = cells.track[here].tolist()
    roles = looked_at.roles(cells.index.forest.parent, tracks, t)
    named = []
    for entry, track in enumerate(tracks, start=here.start):
        role = roles.get(track)
        if role is not None:
            word = cells.track_word(entry)
            named.append(NamedCell(entry, role, word if role == "cell" else f"{role} {word}"))
    return named


def place_names(
    at: Float64Array, radius: float, sizes: Float64Array, others: Float64Array
) -> Float64Array:
    """Place names beside cells: over no named cell, over no other name, and over few other cells.

    Parameters
    ----------
    at : ndarray of float64, shape (names, 2)
        (y, x) of the cells, in pixels of the screen.
    radius : float
        Of the rings around them.
    sizes : ndarray of float64, shape (names, 2)
        Height and width of the names.
    others : ndarray of float64, shape (cells, 2)
        (y, x) of cells without a name.

    Returns
    -------
    ndarray of float64, shape (names, 2)
        (y, x) of the middle of each name.
    """
    middles = np.empty_like(at)
    for name, (place, size) in enumerate(zip(at, sizes, strict=True)):
        tried = place + np.array(_SIDES) * (radius + _GAP_PX + size / 2)
        costs = []
        for middle in tried:
            over_cells = _covered(middle, size / 2 + radius, at)
            over_names = _covered(middle, (size + sizes[:name]) / 2, middles[:name])
            costs.append(
                1000 * (over_cells + over_names) + _covered(middle, size / 2 + radius, others)
            )
        middles[name] = tried[int(np.argmin(costs))]
    return middles


def _covered(middle: Float64Array, reach: Float64Array, places: Float64Array) -> int:
    """Count places nearer to a middle than a reach along both axes."""
    return int((np.abs(places - middle) < reach).all(axis=1).sum()) if len(places) else 0
