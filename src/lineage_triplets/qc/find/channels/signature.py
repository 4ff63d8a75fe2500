"""What a channel looks like around cells, in numbers that gain, offset and exposure leave alone.

Every number is computed for each cell, from pixels scaled to their own range, on a grid of
micrometers: brightness in rings around the tracked centre, the shape of the histogram, the share of
structure of each size, and whether structures are bright on dark or dark on bright.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.channels.sample import GRID_UM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import BoolArray, Float32Array, Float64Array, Int64Array
    from lineage_triplets.qc.find.channels.sample import Surroundings


HISTOGRAM_BINS = 64
_RINGS_UM = (0.0, 2.5, 5.0, 8.0, 12.0, 17.0)
_BLURS_UM = (0.9, 1.8, 3.6, 7.2)
_BLANK = 1e-6
_PRIOR_PATCHES = 6


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a signature.

    Attributes
    ----------
    name : str
    between_experiments : float
        How much experiments that show the same stain differ: a standard deviation, seen over
        simulated and real movies of other densities, pixel sizes, noise and microscopes, widened.
    """

    name: str
    between_experiments: float


FEATURES = (
    Feature("ring 0-2.5 um", 0.20),
    Feature("ring 2.5-5 um", 0.18),
    Feature("ring 5-8 um", 0.16),
    Feature("ring 8-12 um", 0.09),
    Feature("ring 12-17 um", 0.06),
    Feature("centre", 0.22),
    Feature("skew", 0.30),
    Feature("tails", 1.00),
    Feature("peaks", 1.00),
    Feature("structure 1 um", 0.50),
    Feature("structure 2 um", 0.40),
    Feature("structure 5 um", 0.30),
    Feature("glints 1 um", 0.20),
    Feature("spots 2 um", 0.22),
    Feature("spots 5 um", 0.20),
    Feature("regions", 0.12),
    Feature("variety", 0.12),
)
_CENTRE = [feature.name for feature in FEATURES].index("centre")
# Rings may not fit into a small field; the histogram's shape can be had of every image.
_ALWAYS_THERE = [feature.name for feature in FEATURES].index("skew")


@dataclass(frozen=True, eq=False)
class ChannelSignature:
    """What one channel of one store looks like around cells, whatever slot it is in.

    Attributes
    ----------
    experiment : str
    zarr_index : int
    name : str
    mean : ndarray of float64, shape (features,)
        Mean over cells, in the order of `FEATURES`; NaN where it cannot be had.
    covariance : ndarray of float64, shape (features, features)
        Over cells.
    n_patches, n_blank : int
        Cells looked at; and those around which all pixels are one value, or not numbers.
    counts : ndarray of int64, shape (HISTOGRAM_BINS,)
        Histogram of the pixels around the cells, but those around which there is nothing to see.
    edges : ndarray of float64, shape (HISTOGRAM_BINS + 1,)
        From the 0.1 to the 99.9 percentile, in the store's units.
    """

    experiment: str
    zarr_index: int
    name: str
    mean: Float64Array
    covariance: Float64Array
    n_patches: int
    n_blank: int
    counts: Int64Array
    edges: Float64Array

    @property
    def usable(self) -> bool:
        """Whether there is anything to compare."""
        return self.n_patches > self.n_blank

    def as_dict(self) -> dict[str, float]:
        """Features by name."""
        names = (feature.name for feature in FEATURES)
        return dict(zip(names, self.mean.tolist(), strict=True))


def signatures(
    experiment: str,
    names: Sequence[str],
    surroundings: Sequence[Surroundings],
    features: Float64Array | None = None,
) -> tuple[ChannelSignature, ...]:
    """Summarize all channels of one store, in its order.

    Parameters
    ----------
    experiment : str
    names : sequence of str
    surroundings : sequence of Surroundings
    features : ndarray of float64, shape (cells, C, features), optional
        Their `features_of`, if that is known.
    """
    if features is None:
        features = features_of(surroundings, len(names))
    return tuple(
        _summary(experiment, channel, name, features[:, channel], surroundings)
        for channel, name in enumerate(names)
    )


def features_of(surroundings: Sequence[Surroundings], n_channels: int) -> Float64Array:
    """Features of each cell and channel, (cells, C, features)."""
    features = np.full((len(surroundings), n_channels, len(FEATURES)), np.nan)
    for number, patch in enumerate(surroundings):
        features[number] = patch_features(patch)
    return features


def _summary(
    experiment: str,
    channel: int,
    name: str,
    features: Float64Array,
    surroundings: Sequence[Surroundings],
) -> ChannelSignature:
    live = ~np.isnan(features[:, _ALWAYS_THERE])
    seen = features[live]
    prior = np.diag([feature.between_experiments**2 for feature in FEATURES])
    mean = np.full(len(FEATURES), np.nan)
    covariance = prior
    if len(seen):
        there = np.isfinite(seen)
        number = there.sum(axis=0)
        filled = np.where(there, seen, 0.0)
        mean = np.where(number > 0, filled.sum(axis=0) / np.maximum(number, 1), np.nan)
        centre = seen[there[:, _CENTRE], _CENTRE]
        mean[-1] = centre.std() if len(centre) > 2 else np.nan
        apart = np.where(there, seen - mean, 0.0)
        covariance = (apart.T @ apart + _PRIOR_PATCHES * prior) / (len(seen) + _PRIOR_PATCHES)
    counts, edges = _histogram(
        [surroundings[number].pixels[channel] for number in np.flatnonzero(live).tolist()]
    )
    return ChannelSignature(
        experiment,
        channel,
        name,
        mean,
        covariance,
        len(surroundings),
        len(surroundings) - len(seen),
        counts,
        edges,
    )


def _histogram(images: Sequence[Float32Array]) -> tuple[Int64Array, Float64Array]:
    pooled = np.concatenate([image.ravel() for image in images] or [np.empty(0, np.float32)])
    pooled = pooled[np.isfinite(pooled)].astype(np.float64)
    if not pooled.size:
        return np.zeros(HISTOGRAM_BINS, np.int64), np.linspace(0, 1, HISTOGRAM_BINS + 1)
    low, high = np.percentile(pooled, (0.1, 99.9))
    counts, edges = np.histogram(pooled, HISTOGRAM_BINS, (low, high))
    return counts.astype(np.int64), edges


def patch_features(patch: Surroundings) -> Float64Array:
    """Give the features of each channel around one cell: (C, features), NaN where blank."""
    pixels = patch.pixels.astype(np.float64)
    result = np.full((len(pixels), len(FEATURES)), np.nan)
    sane: BoolArray = np.asarray(np.isfinite(pixels).all(axis=(1, 2)))
    blurs = _blurred(np.where(sane[:, None, None], pixels, 0.0))
    fine = blurs[0]
    low, high = np.percentile(fine, (2, 98), axis=(1, 2))
    live: BoolArray = np.asarray(sane & (high - low > _BLANK))
    live &= np.ptp(pixels, axis=(1, 2)) > _BLANK * np.abs(pixels).max(axis=(1, 2))
    if not live.any():
        return result
    fine, spread = fine[live], (high - low)[live]
    scaled = (fine - fine.mean(axis=(1, 2), keepdims=True)) / spread[:, None, None]
    y, x = np.ogrid[: scaled.shape[1], : scaled.shape[2]]
    away = np.hypot(y - patch.centre[0], x - patch.centre[1]) * GRID_UM
    rings = [_mean_where(scaled, (away >= a) & (away < b)) for a, b in pairwise(_RINGS_UM)]
    p1, p5, p25, p50, p75, p95, p99 = np.percentile(scaled, (1, 5, 25, 50, 75, 95, 99), axis=(1, 2))
    bands = [(finer - coarser)[live] for finer, coarser in pairwise(blurs)]
    energies = [band.var(axis=(1, 2)) for band in bands]
    coarse = blurs[-1][live].var(axis=(1, 2))
    result[live] = np.stack(
        [
            *rings,
            (rings[0] + rings[1] - rings[3] - rings[4]) / 2,
            (p95 + p5 - 2 * p50) / np.maximum(p95 - p5, 1e-9),
            _log_ratio(p99 - p50, p50 - p1),
            _log_ratio(p99 - p1, 2.5 * (p75 - p25)),
            *(_log_ratio(energy, coarse) / 2 for energy in energies),
            _glints(bands[0]),
            *(_spottiness(*pair) for pair in zip(bands[1:], energies[1:], strict=True)),
            patch.regions[live],
            np.full(len(scaled), np.nan),
        ],
        axis=1,
    )
    return result


def _mean_where(images: Float64Array, inside: BoolArray) -> Float64Array:
    if not inside.any():
        return np.full(len(images), np.nan)
    means: Float64Array = images[:, inside].mean(axis=1)
    return means


def _log_ratio(a: Float64Array, b: Float64Array) -> Float64Array:
    ratio: Float64Array = np.log(np.maximum(a, 1e-30) / np.maximum(b, 1e-30))
    return np.clip(ratio, -6, 6)


def _glints(band: Float64Array) -> Float64Array:
    """How much farther the brightest fine structures stand out than the darkest."""
    low, middle, high = np.percentile(band, (0.5, 50, 99.5), axis=(1, 2))
    return _log_ratio(high - middle, middle - low)


def _spottiness(band: Float64Array, energy: Float64Array) -> Float64Array:
    """Above 0 for bright spots on even ground, below for dark ones."""
    third = ((band - band.mean(axis=(1, 2), keepdims=True)) ** 3).mean(axis=(1, 2))
    spots: Float64Array = np.tanh(third / np.maximum(energy**1.5, 1e-30) / 2)
    return spots


def _blurred(pixels: Float64Array) -> list[Float64Array]:
    """Blur (C, Y, X) under mirrored borders by each of `_BLURS_UM`, after taking off the mean."""
    height, width = pixels.shape[1:]
    flat = pixels - pixels.mean(axis=(1, 2), keepdims=True)
    # In units of the patch's range, sums of squares and cubes stay far from the ends of float64.
    flat /= np.maximum(np.ptp(pixels, axis=(1, 2)), 1e-300)[:, None, None]
    mirrored = np.concatenate([flat, flat[:, ::-1]], axis=1)
    mirrored = np.concatenate([mirrored, mirrored[:, :, ::-1]], axis=2)
    spectrum = np.fft.rfft2(mirrored)
    waves = np.fft.fftfreq(2 * height)[:, None] ** 2 + np.fft.rfftfreq(2 * width)[None] ** 2
    return [
        np.fft.irfft2(
            spectrum * np.exp(-2 * (np.pi * sigma / GRID_UM) ** 2 * waves), s=mirrored.shape[1:]
        )[:, :height, :width]
        for sigma in _BLURS_UM
    ]
