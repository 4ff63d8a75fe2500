"""How cells look through their cycle: size, shape, chromatin and rounding of each, at a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.simulate.lineages import CellMovie


NUCLEUS_RADIUS_UM = 6.4


@dataclass(frozen=True)
class Looks:
    """Appearance of the cells at one frame; arrays over cells.

    Attributes
    ----------
    cell : int
        Index in the movie.
    position_um : (n, 2) float
        Position (y, x) in the image.
    angle : float
        Long axis, in radians from x to y.
    half_length_um, half_width_um : float
        Half axes of the chromatin.
    density : float
        Brightness of the chromatin; 1 just after a division.
    condensed, plate, rounding : float
        From 0 to 1: condensed chromatin, metaphase plate, rounded cell body.
    body_radius_um : float
    furrow : float
        From 0 to 1: how far the cleft to the sister is.
    depth_um, level : float
    """

    cell: Int64Array
    position_um: Float64Array
    angle: Float64Array
    half_length_um: Float64Array
    half_width_um: Float64Array
    density: Float64Array
    condensed: Float64Array
    plate: Float64Array
    rounding: Float64Array
    body_radius_um: Float64Array
    furrow: Float64Array
    depth_um: Float64Array
    level: Float64Array


def looks_at(movie: CellMovie, frame: int) -> Looks:
    """How every living cell looks at a frame."""
    place = movie.position_um[frame] - movie.drift_um[frame]
    cell = np.flatnonzero(~np.isnan(place[:, 0]))
    hours = movie.frame_hours[frame]
    left = movie.divides_hours[cell] - hours
    age = hours - movie.born_hours[cell]
    since = np.where(movie.mother[cell] >= 0, age, np.inf)
    progress = np.clip(age / (movie.divides_hours[cell] - movie.born_hours[cell]), 0, 1)

    condensed = np.maximum(_rise((0.75 - left) / 0.35), 1 - _rise((since - 0.3) / 0.9))
    plate = np.maximum(_rise((0.42 - left) / 0.16), 1 - _rise((since - 0.35) / 0.65))
    rounding = np.maximum(_rise((0.95 - left) / 0.5), 1 - _rise((since - 0.3) / 1.3))
    daughter = since < 3
    radius = NUCLEUS_RADIUS_UM * np.sqrt(1 + 0.7 * progress) * (1 - 0.14 * condensed)
    stretch = 1 + 0.13 * (1 + np.sin(cell * 2.399)) * (1 - condensed)
    length = (radius * stretch) ** (1 - plate) * np.where(daughter, 4.6, 5.6) ** plate
    width = (radius / stretch) ** (1 - plate) * np.where(daughter, 1.55, 1.9) ** plate
    mass = 1 + _rise((progress - 0.35) / 0.35)
    density = (mass * NUCLEUS_RADIUS_UM**2 / (length * width)) ** 0.8
    body = (15.5 * np.sqrt(1 + 0.5 * progress)) ** (1 - rounding) * np.where(
        daughter, 7.6, 10.0
    ) ** rounding
    return Looks(
        cell=cell,
        position_um=place[cell],
        angle=movie.angle[frame, cell],
        half_length_um=length,
        half_width_um=width,
        density=density,
        condensed=condensed,
        plate=plate,
        rounding=rounding,
        body_radius_um=body,
        furrow=_rise(since / 0.3),
        depth_um=movie.depth_um[cell],
        level=movie.level[cell],
    )


def _rise(x: Float64Array) -> Float64Array:
    """Smooth step from 0 at 0 to 1 at 1."""
    x = np.clip(x, 0, 1)
    smooth: Float64Array = x * x * (3 - 2 * x)
    return smooth
