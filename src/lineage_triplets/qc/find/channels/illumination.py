"""How evenly a bright field is lit: a vignette is the microscope's, and says nothing of a stain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lineage_triplets.engine.arrays import Float32Array, Float64Array
    from lineage_triplets.qc.find.channels.sample import Surroundings

    FieldPlace = tuple[float, float, float, float]

_PIECES = 6
_LEAST_PATCHES = 8
_MOST_SPREAD = 0.12
_ROUNDS, _MOST_DEVIATIONS = 3, 3.0
_SD_OF_MEDIAN = 1.4826
_LEAST_EXPLAINED = 0.7
_EVEN = 0.75


@dataclass(frozen=True, eq=False)
class Illumination:
    """Light of one channel over the field, as a paraboloid of its logarithm.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (6,)
        Of `_terms`.
    darkest : float
        Brightness where it is least, as a share of where it is most; of places that were seen.
    """

    coefficients: Float64Array
    darkest: float

    def evened(self, pixels: Float32Array, field: FieldPlace) -> Float32Array:
        """Divide a patch of the channel by the light."""
        y, x = _places(field, pixels.shape)
        light = np.exp(_terms(y, x) @ self.coefficients - self.coefficients[0])
        even: Float32Array = (pixels / light).astype(np.float32)
        return even


def uneven_light(surroundings: Sequence[Surroundings]) -> dict[int, Illumination]:
    """Find the channels whose background falls off smoothly over the field, by their zarr index.

    Only fields that are bright all over tell: on dark ground it is cells that are seen, and these
    may crowd anywhere.
    """
    told = [patch for patch in surroundings if patch.field is not None]
    if len(told) < _LEAST_PATCHES:
        return {}
    found = {}
    for channel in range(len(told[0].pixels)):
        light = _light(told, channel)
        if light is not None and light.darkest < _EVEN:
            found[channel] = light
    return found


def evened(
    surroundings: Sequence[Surroundings], light: Mapping[int, Illumination]
) -> list[Surroundings]:
    """Give the patches as they would look under even light."""
    result = []
    for patch in surroundings:
        pixels = patch.pixels.copy()
        for channel, illumination in light.items():
            if patch.field is not None:
                pixels[channel] = illumination.evened(pixels[channel], patch.field)
        result.append(replace(patch, pixels=pixels))
    return result


def _light(patches: Sequence[Surroundings], channel: int) -> Illumination | None:
    values: list[float] = []
    spreads: list[float] = []
    places: list[Float64Array] = []
    for patch in patches:
        pixels, field = patch.pixels[channel].astype(np.float64), patch.field
        if field is None or not np.isfinite(pixels).all() or not pixels.min() > 0:
            continue
        terms = _terms(*_places(field, pixels.shape))
        for piece, place in zip(_pieces(pixels), _pieces(terms), strict=True):
            median = np.median(piece, axis=1)
            values.extend(np.log(median))
            spreads.extend(np.median(np.abs(piece / median[:, None] - 1), axis=1))
            places.extend(place.mean(axis=1))
    if len(values) < _LEAST_PATCHES * _PIECES or np.median(spreads) > _MOST_SPREAD:
        return None
    log, terms = np.array(values), np.array(places)
    kept = np.ones(len(log), dtype=bool)
    coefficients = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        coefficients = np.linalg.lstsq(terms[kept], log[kept], rcond=None)[0]
        off = np.abs(log - terms @ coefficients)
        kept = off <= _MOST_DEVIATIONS * _SD_OF_MEDIAN * np.median(off) + 1e-9
    fitted = terms @ coefficients
    explained = 1 - (log - fitted)[kept].var() / max(float(log[kept].var()), 1e-12)
    low, high = np.percentile(fitted, (2, 98))
    if explained < _LEAST_EXPLAINED:
        return None
    return Illumination(coefficients, float(np.exp(low - high)))


def _pieces(values: Float64Array) -> Iterator[Float64Array]:
    """Cut a patch (Y, X, ...) into pieces, those of one size at once: (pieces, pixels, ...)."""
    for rows, height in _runs(values.shape[0]):
        for columns, width in _runs(values.shape[1]):
            part = values[rows, columns]
            rest = part.shape[2:]
            tiles = part.reshape(-1, height, part.shape[1] // width, width, *rest)
            yield tiles.swapaxes(1, 2).reshape(-1, height * width, *rest)


def _runs(length: int) -> list[tuple[slice, int]]:
    """Where pieces of one size lie along an axis, and the size: they differ by a pixel at most."""
    size, n_larger = divmod(length, _PIECES)
    end = n_larger * (size + 1)
    runs = [(slice(0, end), size + 1), (slice(end, length), size)]
    return [(run, size) for run, size in runs if run.start < run.stop]


def _places(field: FieldPlace, shape: tuple[int, ...]) -> tuple[Float64Array, Float64Array]:
    """Where the pixels of a patch are, as (y, x) in halves of the field from its middle."""
    y, x, step_y, step_x = field
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return y + step_y * rows, x + step_x * columns


def _terms(y: Float64Array, x: Float64Array) -> Float64Array:
    terms: Float64Array = np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], axis=-1)
    return terms
