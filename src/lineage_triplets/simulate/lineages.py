"""Cells that move, touch, grow and divide, in hours and micrometres; and how they look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.simulate.plates import number_and_link

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array


STEP_HOURS = 1 / 12
SPEED_UM_PER_HOUR = 11.0
PERSISTENCE_HOURS = 0.8
CONTACT_RADIUS_UM = 9.5
MARGIN_UM = 30.0
MITOSIS_HOURS = 0.8
HELD_HOURS = 1.0
DAUGHTER_OFFSET_UM = 2.2
DAUGHTER_TRAVEL_UM = 5.0
ANAPHASE_HOURS = 0.12


@dataclass(frozen=True)
class CellMovie:
    """All cells of a FOV and around it, at every frame.

    Attributes
    ----------
    frame_hours : (F,) float
        Hours since frame 0.
    drift_um : (F, 2) float
        Position of the stage, (y, x).
    position_um : (F, N, 2) float
        Positions (y, x) on the dish; NaN where the cell is not.
    angle : (F, N) float
        Direction of a cell's long axis, and of its metaphase plate, in radians from x to y.
    mother : (N,) int
        Index of the mother, or -1.
    born_hours, divides_hours : (N,) float
    depth_um : (N,) float
        Height above the middle slice.
    level : (N,) float
        Brightness relative to other cells; daughters have about their mother's.
    """

    frame_hours: Float64Array
    drift_um: Float64Array
    position_um: Float64Array
    angle: Float64Array
    mother: Int64Array
    born_hours: Float64Array
    divides_hours: Float64Array
    depth_um: Float64Array
    level: Float64Array

    def position_px(self, pixel_size_um: float) -> Float64Array:
        """Positions (F, N, 2) in the image, in pixels."""
        moved: Float64Array = (self.position_um - self.drift_um[:, None]) / pixel_size_um
        return moved

    def table(
        self, shape: tuple[int, int], pixel_size_um: float, n_z: int, z_step_um: float
    ) -> pd.DataFrame:
        """The true track table of one FOV: what a faultless tracker would write.

        A cell that leaves the field ends its track; if it comes back it is a new root.
        """
        place = self.position_px(pixel_size_um)
        inside: BoolArray = np.all((place >= 0) & (place <= np.array(shape) - 1), axis=2)
        before = np.zeros_like(inside)
        before[1:] = inside[:-1]
        frames = np.arange(len(inside))[:, None]
        first_frame = np.maximum.accumulate(np.where(inside & ~before, frames, -1), axis=0)
        t, cell = np.nonzero(inside)
        keys = first_frame[t, cell] * inside.shape[1] + cell
        track = np.unique(keys, return_inverse=True)[1] + 1
        track_at = np.full(inside.shape, -1, dtype=np.int64)
        track_at[t, cell] = track

        exists = ~np.isnan(place[:, :, 0])
        born_at = np.where(exists.any(axis=0), exists.argmax(axis=0), -1)
        start = first_frame[t, cell]
        linked = (start == born_at[cell]) & (start > 0) & (self.mother[cell] >= 0)
        parent = np.where(linked, track_at[start - 1, self.mother[cell]], -1)
        depth = np.clip((n_z - 1) / 2 + self.depth_um[cell] / z_step_um, 0, n_z - 1)
        table = pd.DataFrame(
            {
                "track_id": track,
                "t": t,
                "parent_track_id": parent,
                "z": depth if n_z > 1 else 0.0,
                "y": place[t, cell, 0],
                "x": place[t, cell, 1],
            }
        )
        return number_and_link(table)


def simulate_cells(
    n_cells: int,
    field_um: tuple[float, float],
    frame_hours: Float64Array,
    cycle_hours: float,
    seed: Int64Array,
) -> CellMovie:
    """Let cells live on a field and around it.

    Parameters
    ----------
    n_cells : int
        Cells on the field at the start, about.
    field_um : (float, float)
        Height and width of the field.
    frame_hours : (F,) float
        When frames are taken, rising from 0. Cells do the same whenever frames are taken.
    cycle_hours : float
        Mean time between divisions.
    seed : array of int
    """
    starts, motion, drifting, traits = np.random.SeedSequence(seed.tolist()).spawn(4)
    n_steps = int(np.ceil(frame_hours[-1] / STEP_HOURS - 1e-9)) + 2
    drift = _stage_drift(n_steps, np.random.default_rng(drifting))
    colony = _Colony(n_cells, np.array(field_um), cycle_hours, starts, motion)
    snapshots = []
    for step in range(n_steps):
        if step:
            colony.advance(step * STEP_HOURS, drift[step])
        snapshots.append((colony.alive, colony.position[colony.alive], colony.angle[colony.alive]))

    total = len(colony.mother)
    everywhere = np.full((n_steps, total, 3), np.nan)
    for step, (alive, position, angle) in enumerate(snapshots):
        everywhere[step, alive, :2] = position
        everywhere[step, alive, 2] = angle
    at = np.floor(frame_hours / STEP_HOURS + 1e-9).astype(np.int64)
    part = np.clip(frame_hours / STEP_HOURS - at, 0, 1)
    now, later = everywhere[at], everywhere[at + 1]
    between = now + part[:, None, None] * np.where(np.isnan(later), 0.0, later - now)
    depth, level = _traits(colony.mother, np.random.default_rng(traits))
    return CellMovie(
        frame_hours=frame_hours,
        drift_um=drift[at] + part[:, None] * (drift[at + 1] - drift[at]),
        position_um=between[:, :, :2],
        angle=between[:, :, 2],
        mother=colony.mother,
        born_hours=colony.born,
        divides_hours=colony.divides,
        depth_um=depth,
        level=level,
    )


def _stage_drift(n_steps: int, rng: np.random.Generator) -> Float64Array:
    """Slow creep plus the stage's jitter, in micrometres, (n_steps, 2)."""
    trend = rng.normal(0, 0.02, 2)
    creep, jitter = 0.12 * rng.normal(size=(n_steps, 2, 2)).transpose(1, 0, 2)
    drift: Float64Array = np.cumsum(creep + trend, axis=0) + jitter
    return drift


def _traits(mother: Int64Array, rng: np.random.Generator) -> tuple[Float64Array, Float64Array]:
    """Depth (micrometres) and brightness of each cell, inherited with some change."""
    noise = rng.normal(size=(len(mother), 2))
    values = np.where(mother[:, None] < 0, 1.0, 0.3) * noise
    for cell in np.flatnonzero(mother >= 0):
        values[cell] += values[mother[cell]]
    return 1.0 * values[:, 0], np.exp(0.2 * values[:, 1])


class _Colony:
    """Every cell there ever was, and which of them are alive."""

    def __init__(
        self,
        n_cells: int,
        field_um: Float64Array,
        cycle_hours: float,
        starts: np.random.SeedSequence,
        motion: np.random.SeedSequence,
    ) -> None:
        rng = np.random.default_rng(starts)
        self._rng = np.random.default_rng(motion)
        self._field = field_um
        self._cycle_hours = cycle_hours
        dish = field_um + 2 * MARGIN_UM
        count = round(n_cells * float(np.prod(dish) / np.prod(field_um)))
        self.position = _scatter(count, dish, rng) - MARGIN_UM
        self._velocity = rng.normal(0, SPEED_UM_PER_HOUR, (count, 2))
        self.angle = rng.uniform(0, np.pi, count)
        self.mother = np.full(count, -1, dtype=np.int64)
        cycle = self._cycles(count, rng)
        self.born = -rng.uniform(0.1, 1.0, count) * cycle
        self.divides = self._on_grid(self.born + cycle)
        self._outward = np.zeros((count, 2))
        self._held = np.zeros(count, dtype=bool)
        self.alive = np.arange(count)

    def _cycles(self, count: int, rng: np.random.Generator) -> Float64Array:
        spread = np.clip(rng.normal(0, 0.14, count), -0.4, 0.4)
        cycles: Float64Array = self._cycle_hours * np.exp(spread)
        return cycles

    @staticmethod
    def _on_grid(hours: Float64Array) -> Float64Array:
        grid: Float64Array = np.maximum(np.ceil(hours / STEP_HOURS), 1) * STEP_HOURS
        return grid

    def advance(self, hours: float, stage: Float64Array) -> None:
        """Move all living cells on to `hours`, and divide those whose time has come."""
        alive = self.alive
        mitotic = self.divides[alive] - hours < MITOSIS_HOURS
        velocity = self._velocity[alive]
        kick = self._rng.normal(0, 1, velocity.shape)
        velocity += -velocity * STEP_HOURS / PERSISTENCE_HOURS
        velocity += SPEED_UM_PER_HOUR * np.sqrt(2 * STEP_HOURS / PERSISTENCE_HOURS) * kick
        self._velocity[alive] = velocity
        self._turn(alive, velocity, mitotic)

        step = np.where(mitotic, 0.05, 1.0)[:, None] * velocity * STEP_HOURS
        age = np.where(self.mother[alive] >= 0, hours - self.born[alive], np.inf)
        newborn = np.isfinite(age)
        apart = np.zeros(len(alive))
        apart[newborn] = np.exp(-(age[newborn] - STEP_HOURS) / ANAPHASE_HOURS) - np.exp(
            -age[newborn] / ANAPHASE_HOURS
        )
        step = np.where((age < 0.5)[:, None], 0.2 * step, step)
        step += DAUGHTER_TRAVEL_UM * apart[:, None] * self._outward[alive]
        step += self._repulsion(alive, age)
        moved = self.position[alive] + step

        low, high = -MARGIN_UM, self._field + MARGIN_UM
        self._velocity[alive] *= np.where((moved < low) | (moved > high), -1, 1)
        moved = np.clip(moved, low, high)
        # A division that starts in the field is seen whole: neither mother nor daughters slip out.
        inner = (moved > stage + 3) & (moved < stage + self._field - 4)
        self._held[alive] |= mitotic & inner.all(axis=1)
        held = self._held[alive] & (mitotic | (age < HELD_HOURS))
        self._held[alive] = held
        kept = np.clip(moved, stage + 3, stage + self._field - 4)
        self.position[alive] = np.where(held[:, None], kept, moved)
        self._divide(hours)

    def _turn(self, alive: Int64Array, velocity: Float64Array, mitotic: BoolArray) -> None:
        """Long axes follow the motion; mitotic cells keep theirs."""
        heading = np.arctan2(velocity[:, 0], velocity[:, 1])
        turn = 0.5 * np.arcsin(np.clip(np.sin(2 * (heading - self.angle[alive])), -1, 1))
        pace = np.minimum(np.hypot(*velocity.T) / SPEED_UM_PER_HOUR, 1.5)
        self.angle[alive] += np.where(mitotic, 0.0, 0.12 * pace * turn)

    def _repulsion(self, alive: Int64Array, age: Float64Array) -> Float64Array:
        """Push overlapping cells apart, (n, 2) micrometres."""
        place = self.position[alive]
        gap = place[:, None] - place[None]
        distance = np.hypot(gap[..., 0], gap[..., 1])
        overlap = np.clip(2 * CONTACT_RADIUS_UM - distance, 0, None)
        np.fill_diagonal(overlap, 0)
        young = age < 0.5
        overlap[young[:, None] & young[None]] *= 0.1
        push = (0.12 * overlap / np.maximum(distance, 1.0))[..., None] * gap
        bounded: Float64Array = np.clip(push.sum(axis=1), -2.5, 2.5)
        return bounded

    def _divide(self, hours: float) -> None:
        due = self.alive[self.divides[self.alive] <= hours + 1e-9]
        if not len(due):
            return
        mothers = np.repeat(due, 2)
        side = np.tile([1.0, -1.0], len(due))[:, None]
        angle = self.angle[mothers]
        outward = side * np.stack([np.cos(angle), -np.sin(angle)], axis=1)
        count, total = len(mothers), len(self.mother)
        cycle = self._cycles(count, self._rng)
        self.position = np.concatenate(
            [self.position, self.position[mothers] + DAUGHTER_OFFSET_UM * outward]
        )
        self._velocity = np.concatenate([self._velocity, 0.3 * SPEED_UM_PER_HOUR * outward])
        self.angle = np.concatenate([self.angle, angle])
        self.mother = np.concatenate([self.mother, mothers])
        self.born = np.concatenate([self.born, np.full(count, hours)])
        self.divides = np.concatenate([self.divides, self._on_grid(hours + cycle)])
        self._outward = np.concatenate([self._outward, outward])
        self._held = np.concatenate([self._held, self._held[mothers]])
        staying = self.alive[~np.isin(self.alive, due)]
        self.alive = np.concatenate([staying, np.arange(total, total + count)])


def _scatter(count: int, dish: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Positions (count, 2) on a dish, each the loneliest of some random ones."""
    chosen = np.empty((0, 2))
    for _ in range(count):
        tries = rng.uniform(0, 1, (6, 2)) * dish
        gaps = np.hypot(*(tries[:, None] - chosen[None]).transpose(2, 0, 1))
        best = int(gaps.min(axis=1).argmax()) if len(chosen) else 0
        chosen = np.concatenate([chosen, tries[best : best + 1]])
    return chosen


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
