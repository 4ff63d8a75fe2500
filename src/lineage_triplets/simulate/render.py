"""Pixels: nuclei, phase contrast and a reporter, through a microscope and a camera.

Each cell is drawn into a small window around it; distances are in micrometres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.simulate.lineages import Looks, looks_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.simulate.lineages import CellMovie
    from lineage_triplets.simulate.scenario import Stain

    Image = Float32Array

_TILE_PX = 256
_TILE_PIXEL_UM = 0.5
_REACH_UM = 10.0
_FAR_UM = 99.0


@dataclass(frozen=True)
class Optics:
    """Sampling of one FOV.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns.
    n_z : int
    pixel_size_um, z_step_um : float
    """

    shape: tuple[int, int]
    n_z: int
    pixel_size_um: float
    z_step_um: float

    @property
    def slices_um(self) -> Float64Array:
        """Height of each slice above the middle one."""
        steps = np.arange(self.n_z, dtype=np.float64) - (self.n_z - 1) / 2
        return steps * np.float64(self.z_step_um)


class FovRenderer:
    """Draws the frames of one FOV, each from the seed and its number alone.

    Parameters
    ----------
    movie : CellMovie
    optics : Optics
    stains : sequence of {"nuclei", "phase", "reporter"}
        What to draw, in the order of the image's channels.
    start_hpi : float
        Hours post infection of frame 0.
    infected : bool
        Whether the reporter rises.
    seed : array of int
    """

    def __init__(
        self,
        movie: CellMovie,
        optics: Optics,
        stains: Sequence[Stain],
        *,
        start_hpi: float,
        infected: bool,
        seed: Int64Array,
    ) -> None:
        self._movie, self._optics, self._stains = movie, optics, tuple(stains)
        self._start_hpi, self._infected, self._seed = start_hpi, infected, seed
        rng = np.random.default_rng([*seed, 1])
        self._coarse = _texture(2.4 / _TILE_PIXEL_UM, rng)
        self._fine = _texture(0.9 / _TILE_PIXEL_UM, rng)
        self._lobes = rng.normal(size=(len(movie.mother), 5, 2)).astype(np.float32)
        self._places = rng.integers(0, _TILE_PX, (len(movie.mother), 4))
        self._onset_hpi = _inherited(movie.mother, 7 + 2.5 * rng.normal(size=len(movie.mother)))
        self._medium = self._background(rng)
        self._vignette = _vignette(optics.shape, rng)

    def frame(self, t: int) -> NDArray[np.uint16]:
        """Pixels (C, Z, Y, X) of one frame."""
        looks = looks_at(self._movie, t)
        height, width = self._optics.shape
        scene = _Scene.empty(self._optics)
        for number in range(len(looks.cell)):
            self._draw(scene, looks, number, t)
        noise = np.random.default_rng([*self._seed, 2, t])
        image = np.empty((len(self._stains), self._optics.n_z, height, width), dtype=np.uint16)
        for channel, stain in enumerate(self._stains):
            for z, slice_um in enumerate(self._optics.slices_um):
                if stain == "nuclei":
                    photons = (70 + 900 * self._bleached(t) * scene.nuclei[z]) * self._vignette
                    image[channel, z] = _camera(photons, 1.0, 104, noise)
                elif stain == "phase":
                    photons = 2600 * self._phase(scene, t, float(slice_um))
                    image[channel, z] = _camera(photons, 0.5, 200, noise)
                else:
                    photons = (110 + 700 * scene.reporter[z]) * self._vignette
                    image[channel, z] = _camera(photons, 0.8, 110, noise)
        return image

    def _bleached(self, t: int) -> float:
        return float(np.exp(-self._movie.frame_hours[t] / 90))

    def _draw(self, scene: _Scene, looks: Looks, number: int, t: int) -> None:
        cell = int(looks.cell[number])
        reach = 1.45 * looks.body_radius_um[number] + _REACH_UM
        window = _window(looks.position_um[number], reach, self._optics)
        if window is None:
            return
        rows, columns, y, x = window
        cosine, sine = np.cos(looks.angle[number]), np.sin(looks.angle[number])
        u = (cosine * x + sine * y).astype(np.float32)
        v = (cosine * y - sine * x).astype(np.float32)
        around = np.hypot(u, v) + np.float32(1e-3)
        direction = (u + 1j * v) / around
        waves = self._waves(direction, cell, t)
        rounding = float(looks.rounding[number])

        # Spread cells are longer along their axis, with lobes; rounded ones are discs.
        flat = 1 - rounding
        outline = looks.body_radius_um[number] * (
            1 + flat * (0.24 * (direction**2).real + 0.05 * waves["body"])
        )
        body = (around - outline).astype(np.float32)
        length, width = looks.half_length_um[number], looks.half_width_um[number]
        plate = float(looks.plate[number])
        oval = _oval_distance(u, v, length, width, 2 + 0.8 * plate)
        oval -= np.float32(0.035 * length * (1 - plate)) * waves["nucleus"]

        inner = self._lookup(self._coarse, u, v, cell, 0)
        # Granules have moved on after a quarter of an hour.
        grain = self._lookup(self._fine, u, v, cell, int(4 * self._movie.frame_hours[t]))
        condensed = float(looks.condensed[number])
        chromatin = 1 + (0.16 + 0.2 * condensed * (1 - plate)) * inner + 0.05 * grain
        chromatin -= 0.5 * (1 - condensed) * np.clip(inner - 1.1, 0, 0.9)
        beside = around - np.float32((length + width) / 2)
        brightness = float(looks.level[number] * looks.density[number])
        for z, slice_um in enumerate(self._optics.slices_um):
            away = float(slice_um - looks.depth_um[number])
            away = 0.3 * away if self._optics.n_z == 1 else away
            blur = np.float32(np.hypot(0.38, 0.22 * away))
            dimmed = np.float32(brightness * np.exp(-((away / 5.5) ** 2)))
            haze = 0.055 * np.exp(-np.clip(beside, 0, None) / np.float32(4.5 + abs(away)))
            haze *= np.clip((reach - around) / 4, 0, 1)
            scene.nuclei[z, rows, columns] += dimmed * (_inside(oval, blur) * chromatin + haze)
            if "reporter" in self._stains:
                scene.reporter[z, rows, columns] += (
                    dimmed / brightness * self._reporter(oval, body, grain, inner, cell, t)
                )
        if "phase" in self._stains:
            scene.add_body(rows, columns, body, oval, grain, inner, looks, number)

    def _waves(self, direction: NDArray[np.complex64], cell: int, t: int) -> dict[str, Image]:
        """Slowly changing wobble of the outlines around the cell."""
        lobes = self._lobes[cell]
        turn = np.exp(1j * self._movie.frame_hours[t] * 0.35 * lobes[:, 1])
        amplitude = (lobes[:, 0] + 1j * lobes[:, 1]) * turn
        power = direction * direction
        nucleus = (amplitude[0] * power).real
        power = power * direction
        body = (amplitude[1] * power).real
        nucleus += 0.6 * (amplitude[2] * power).real
        power = power * direction
        body += 0.9 * (amplitude[3] * power).real
        power = power * direction
        body += 0.7 * (amplitude[4] * power).real
        return {"body": body, "nucleus": nucleus}

    def _lookup(self, texture: Image, u: Image, v: Image, cell: int, shift: int) -> Image:
        """A texture that is fixed to the cell, at its own coordinates."""
        place = self._places[cell]
        row = v * np.float32(1 / _TILE_PIXEL_UM) + place[0] + 17 * shift
        column = u * np.float32(1 / _TILE_PIXEL_UM) + place[1] + 5 * shift
        top, left = np.floor(row).astype(np.int32), np.floor(column).astype(np.int32)
        down, right = row - top, column - left
        top, left = top % _TILE_PX, left % _TILE_PX
        below, beside = (top + 1) % _TILE_PX, (left + 1) % _TILE_PX
        upper = texture[top, left] * (1 - right) + texture[top, beside] * right
        lower = texture[below, left] * (1 - right) + texture[below, beside] * right
        between: Image = (upper * (1 - down) + lower * down).astype(np.float32)
        return between

    def _reporter(
        self, oval: Image, body: Image, grain: Image, inner: Image, cell: int, t: int
    ) -> Image:
        """Puncta around the nucleus on a diffuse glow, rising with infection."""
        hpi = self._start_hpi + self._movie.frame_hours[t]
        rise = 1 / (1 + np.exp(-(hpi - self._onset_hpi[cell]) / 1.2)) if self._infected else 0.0
        near = np.exp(-np.abs(oval - 1) / 4.5) * _inside(body, np.float32(0.6))
        puncta = np.clip(grain + 0.5 * inner - 0.7, 0, None) * _inside(-oval, np.float32(0.5))
        level = 0.12 + 1.9 * rise
        glow: Image = (level * near * (0.16 + 1.4 * puncta)).astype(np.float32)
        return glow

    def _background(self, rng: np.random.Generator) -> Image:
        """What phase contrast shows without cells: uneven light, dust, faint streaks."""
        height, width = self._optics.shape
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        slope = rng.normal(0, 0.035, 5)
        light = 1 + slope[0] * y + slope[1] * x + slope[2] * x * y - 0.05 * (x * x + y * y)
        tiles = (-(-height // _TILE_PX), -(-width // _TILE_PX))
        rough = np.tile(self._coarse, tiles)[:height, :width]
        light += 0.006 * rough
        size_um = np.array(self._optics.shape) * self._optics.pixel_size_um
        for _ in range(int(np.prod(size_um) / 1600)):
            place, radius = rng.uniform(0, 1, 2) * size_um, rng.uniform(0.5, 1.4)
            strength = rng.choice([-1, 1]) * rng.uniform(0.05, 0.22)
            window = _window(place, 8.0, self._optics)
            if window is not None:
                rows, columns, dy, dx = window
                ring = np.hypot(dy, dx) / radius
                light[rows, columns] += strength * (np.exp(-ring) - 0.35 * np.exp(-ring / 2))
        medium: Image = light.astype(np.float32)
        return medium

    def _phase(self, scene: _Scene, t: int, slice_um: float) -> Image:
        """Light relative to the medium's: dark bodies in bright halos."""
        inside = _inside(scene.body, np.float32(0.35))
        seam = np.exp(-((scene.gap / 0.8) ** 2)) * inside * scene.furrow
        halo = scene.halo * (1 - inside)
        cells = halo + inside * scene.shade + 0.14 * seam
        contrast = np.float32(np.exp(-((slice_um / 7) ** 2)))
        flicker = np.random.default_rng([*self._seed, 3, t]).normal(1, 0.004)
        light: Image = self._medium * np.float32(flicker) * (1 + contrast * cells)
        return np.maximum(light, np.float32(0.02))


@dataclass
class _Scene:
    """Layers of one frame before the camera.

    ``nuclei`` and ``reporter`` are (Z, Y, X); the others (Y, X): ``body`` is the distance to the
    nearest cell's outline (negative inside), ``gap`` how much farther the next cell's is.
    """

    nuclei: Image
    reporter: Image
    halo: Image
    body: Image
    gap: Image
    shade: Image
    furrow: Image

    @classmethod
    def empty(cls, optics: Optics) -> _Scene:
        stack = (optics.n_z, *optics.shape)
        flat = [np.zeros(optics.shape, dtype=np.float32) for _ in range(5)]
        flat[1] += _FAR_UM
        flat[2] += _FAR_UM
        return cls(np.zeros(stack, np.float32), np.zeros(stack, np.float32), *flat)

    def add_body(
        self,
        rows: slice,
        columns: slice,
        body: Image,
        oval: Image,
        grain: Image,
        inner: Image,
        looks: Looks,
        number: int,
    ) -> None:
        """Put a cell's body among the others: what is nearest owns the pixel."""
        rounding = float(looks.rounding[number])
        outward = np.clip(body, -2, None)
        strength = 0.17 + 0.42 * rounding
        halo = strength * np.exp(-(((outward - 0.7) / (1.1 + 0.7 * rounding)) ** 2))
        halo += 0.4 * strength * np.exp(-np.clip(outward, 0, None) / 2.6)
        halo *= np.clip((_REACH_UM - outward) / 5, 0, 1)
        self.halo[rows, columns] += halo

        deep = np.clip(-body, 0, None)
        nuclear = _inside(oval, np.float32(0.5))
        rim = np.exp(-((oval / 0.8) ** 2)) * (1 - float(looks.condensed[number]))
        thick = 1 - np.exp(-deep / 4.5)
        flat = -0.03 - 0.075 * thick - 0.07 * np.exp(-((deep - 0.8) ** 2) / 0.8)
        flat += (0.02 + 0.05 * thick) * grain * (1 - 0.8 * nuclear) + 0.03 * thick * inner
        flat += 0.07 * rim + nuclear * (0.05 - 0.03 * inner - 0.2 * np.clip(inner - 0.9, 0, 1))
        lens = 0.2 * np.exp(-((deep - 5.5) ** 2) / 9) - 0.42 * np.exp(-(deep**2) / 3.0)
        lens += 0.05 * grain - 0.16 * nuclear * float(looks.plate[number])
        shade = (flat * (1 - rounding) + lens * rounding).astype(np.float32)

        nearest, beyond = self.body[rows, columns], self.gap[rows, columns]
        owns = body < nearest
        second = np.where(owns, nearest, np.minimum(nearest + beyond, body))
        first = np.minimum(nearest, body)
        self.shade[rows, columns] = np.where(owns, shade, self.shade[rows, columns])
        furrow = np.float32(looks.furrow[number])
        self.furrow[rows, columns] = np.where(owns, furrow, self.furrow[rows, columns])
        self.gap[rows, columns] = second - first
        self.body[rows, columns] = first


def _oval_distance(u: Image, v: Image, length: float, width: float, power: float) -> Image:
    """Distance to an oval's outline, about; a higher power makes it a bar."""
    scaled = (np.abs(u / length) ** power + np.abs(v / width) ** power) ** (1 / power)
    near = np.maximum(np.hypot(u / length, v / width), 0.01)
    slope = np.hypot(u / length**2, v / width**2) / near
    distance: Image = ((scaled - 1) / np.maximum(slope, 1 / length)).astype(np.float32)
    return distance


def _inside(distance: Image, softness: np.float32) -> Image:
    """1 inside an outline, 0 outside, with a soft edge."""
    step: Image = 0.5 - 0.5 * np.tanh(distance / (2 * softness))
    return step


def _window(
    centre_um: Float64Array, reach_um: float, optics: Optics
) -> tuple[slice, slice, Float32Array, Float32Array] | None:
    """Rows and columns around a point, and their (y, x) distances to it; None if outside."""
    pixel = optics.pixel_size_um
    low = np.ceil((centre_um - reach_um) / pixel).astype(int)
    high = np.floor((centre_um + reach_um) / pixel).astype(int) + 1
    (top, left), (bottom, right) = np.maximum(low, 0), np.minimum(high, optics.shape)
    if top >= bottom or left >= right:
        return None
    y = (np.arange(top, bottom) * pixel - centre_um[0]).astype(np.float32)[:, None]
    x = (np.arange(left, right) * pixel - centre_um[1]).astype(np.float32)[None]
    return slice(top, bottom), slice(left, right), y, x


def _texture(scale_px: float, rng: np.random.Generator) -> Image:
    """Periodic noise of one grain size, mean 0 and standard deviation 1."""
    wave = np.hypot(*np.meshgrid(*[np.fft.fftfreq(_TILE_PX)] * 2))
    band = np.exp(-((wave * scale_px) ** 2) * 6) * wave
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_TILE_PX, _TILE_PX))) * band).real
    texture: Image = ((noise - noise.mean()) / noise.std()).astype(np.float32)
    return texture


def _vignette(shape: tuple[int, int], rng: np.random.Generator) -> Image:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    centre = rng.normal(0, 0.15, 2)
    shading = 1 - 0.16 * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2)
    dimmed: Image = np.maximum(shading, 0.2).astype(np.float32)
    return dimmed


def _inherited(mother: Int64Array, values: Float64Array) -> Float64Array:
    """Each cell's value is its first ancestor's."""
    values = values.copy()
    for cell in np.flatnonzero(mother >= 0):
        values[cell] = values[mother[cell]]
    return values


def _camera(
    photons: Image, counts_per_photon: float, offset: float, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Shot noise, read noise and offset, as uint16 counts."""
    noise = rng.standard_normal(photons.shape, dtype=np.float32)
    photons = np.maximum(photons, 0)
    electrons = photons + np.sqrt(photons + np.float32(4.0)) * noise
    counts = np.rint(electrons * np.float32(counts_per_photon) + np.float32(offset))
    pixels: NDArray[np.uint16] = np.clip(counts, 0, 65535).astype(np.uint16)
    return pixels
