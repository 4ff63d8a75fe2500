"""Tracks and observations as columns of plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tracks:
    """Every track that any table has, sorted by (FOV, track_id, frame); one entry a track.

    Attributes
    ----------
    fov : ndarray of int64
        Number of the FOV.
    track_id, parent_track_id : ndarray of int64
        As in the table; the parent is -1 for a root, also where its link was cut.
    cut_t : ndarray of int64
        First frame after a cut inside the track; -1 where none precedes.
    """

    fov: Int64Array
    track_id: Int64Array
    parent_track_id: Int64Array
    cut_t: Int64Array


@dataclass(frozen=True)
class Observations:
    """One entry a row: a cell in a frame that may be looked at.

    Attributes
    ----------
    track : ndarray of int64
        Number of the track in `Tracks`.
    t : ndarray of int64
        Frame.
    y, x, z : ndarray of float64
        Pixels, as in the table.
    y_clamp, x_clamp : ndarray of float64
        Moved inward so that the patch fits, as ``border`` says.
    id, parent_id : ndarray of int64
        As in the table; -1 where it has none.
    """

    track: Int64Array
    t: Int64Array
    y: Float64Array
    x: Float64Array
    z: Float64Array
    y_clamp: Float64Array
    x_clamp: Float64Array
    id: Int64Array
    parent_id: Int64Array

    def __len__(self) -> int:
        return len(self.t)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Observations:
        """Some of the rows, in the order given."""
        return Observations(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})
