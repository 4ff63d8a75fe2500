"""Objects in images: blobs of five sizes, bright and dark, found without knowing any table."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lineage_triplets.engine.arrays import BoolArray, Float32Array, Float64Array, Int64Array

Kind = Literal["cores", "pieces", "peaks"]

WIDTHS_PX = (1.5, 2.5, 4.0, 6.5, 10.0)
KINDS: tuple[Kind, ...] = ("cores", "pieces", "peaks")
_SURROUNDINGS = 2.5
_WIDEST_SHARE = 1 / 12
_LARGEST_SHARE = 1 / 8
_MOST_A_FRAME = 1500


@dataclass(frozen=True)
class Detector:
    """One way to find objects.

    Attributes
    ----------
    channel : int
        Place among the channels that are looked at.
    width : float
        Standard deviation of the blur, in pixels of what is looked at.
    bright : bool
        Whether objects are brighter than their surroundings.
    kind : {"cores", "pieces", "peaks"}
        Centroids of connected pieces above Otsu's threshold, of those above zero, or local maxima
        above Otsu's threshold.
    """

    channel: int
    width: float
    bright: bool
    kind: Kind

    def __str__(self) -> str:
        polarity = "bright" if self.bright else "dark"
        return f"{polarity} {self.kind} of {self.width:g} px in channel {self.channel}"


@dataclass(frozen=True, eq=False)
class Objects:
    """What one detector found in some frames.

    Attributes
    ----------
    detector : Detector
    frame : ndarray of int64, shape (n,)
        Place among the frames that are looked at, sorted.
    y, x : ndarray of float64, shape (n,)
        In pixels of what is looked at.
    n_frames : int
    """

    detector: Detector
    frame: Int64Array
    y: Float64Array
    x: Float64Array
    n_frames: int

    def __len__(self) -> int:
        return len(self.frame)

    def per_frame(self) -> Int64Array:
        """How many there are in each frame."""
        return np.bincount(self.frame, minlength=self.n_frames)


NO_OBJECTS = Objects(
    Detector(0, 1.0, True, "cores"), np.empty(0, np.int64), np.empty(0), np.empty(0), 0
)


def blobs(image: Float32Array, width: float) -> Float32Array:
    """Blur an image (Y, X), and take off a wider blur: positive where it is brighter than around.

    Coarse blurs are made of binned pixels; the result has the shape of the image.
    """
    step = int(width // 2.5)
    if step < 2:
        return _difference(image, width)
    small = binned(image, step)
    # The middle of a binned pixel lies half a step less half a pixel from its first one.
    coarse = _difference(small, width / step)
    rows, columns = (
        np.clip((np.arange(n) - (step - 1) / 2) / step, 0, m - 1)
        for n, m in zip(image.shape, coarse.shape, strict=True)
    )
    return interpolated(coarse, rows, columns)


def _difference(image: Float32Array, width: float) -> Float32Array:
    near = ndimage.gaussian_filter(image, width, truncate=3.0, mode="nearest")
    wide = ndimage.gaussian_filter(image, width * _SURROUNDINGS, truncate=2.5, mode="nearest")
    difference: Float32Array = near - wide
    return difference


def interpolated(image: Float32Array, rows: Float64Array, columns: Float64Array) -> Float32Array:
    """Linear in both axes, on a grid of rows and columns."""
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    bottom = np.minimum(top + 1, image.shape[0] - 1)
    right = np.minimum(left + 1, image.shape[1] - 1)
    down = (rows - top).astype(np.float32)[:, None]
    across = (columns - left).astype(np.float32)
    tall = image[top] * (1 - down) + image[bottom] * down
    smooth: Float32Array = tall[:, left] * (1 - across) + tall[:, right] * across
    return smooth


def binned(image: Float32Array, step: int) -> Float32Array:
    """Average blocks of `step` x `step` pixels; what does not fill a block is left out."""
    if step < 2:
        return image
    height, width = (max(1, n // step) for n in image.shape)
    whole = image[: height * step, : width * step]
    block = (min(step, image.shape[0]), min(step, image.shape[1]))
    mean: Float32Array = whole.reshape(height, block[0], width, block[1]).mean(axis=(1, 3))
    return mean


def usable_widths(shape: Sequence[int]) -> tuple[float, ...]:
    """The blur widths that an image of this (Y, X) has room for."""
    widest = min(shape) * _WIDEST_SHARE
    return tuple(width for width in WIDTHS_PX if width <= max(widest, WIDTHS_PX[0]))


def find_objects(
    frames: Sequence[Float32Array], channel: int, width: float, kinds: Sequence[Kind] = KINDS
) -> Iterator[Objects]:
    """Find bright and dark objects of one width in all frames of a channel.

    Parameters
    ----------
    frames : sequence of ndarray of float32, each (Y, X)
    channel : int
        For the detectors.
    width : float
    kinds : sequence of str
    """
    found: dict[tuple[bool, Kind], list[tuple[int, Float64Array]]] = {}
    for number, image in enumerate(frames):
        # A frame of one value has no objects, and its blurs cost as much as those of others.
        is_flat = image.min() == image.max()
        response = np.zeros_like(image) if is_flat else blobs(image, width)
        for bright, kind, places in _places(response, width, kinds):
            found.setdefault((bright, kind), []).append((number, places))
    for (bright, kind), listed in found.items():
        places = np.concatenate([there for _, there in listed])
        frame = np.repeat([number for number, _ in listed], [len(there) for _, there in listed])
        detector = Detector(channel, width, bright, kind)
        yield Objects(detector, frame, places[:, 0], places[:, 1], len(frames))


def _places(
    response: Float32Array, width: float, kinds: Sequence[Kind]
) -> Iterator[tuple[bool, Kind, Float64Array]]:
    for bright in (True, False):
        signed = response if bright else -response
        above = signed > 0
        values = signed[above]
        if not len(values) or not np.isfinite(values).all() or values.max() <= values.min():
            for kind in kinds:
                yield bright, kind, np.empty((0, 2))
            continue
        bar = otsu_threshold(values)
        for kind in kinds:
            if kind == "peaks":
                yield bright, kind, _peaks(signed, bar, width)
            else:
                yield bright, kind, _centroids(signed > (bar if kind == "cores" else 0), width)


def otsu_threshold(values: Float32Array) -> float:
    """Threshold that parts values into two classes of the least variance within (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=128)
    middle = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    weighted = np.cumsum(counts * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = weighted / below - (weighted[-1] - weighted) / above
        between = below * above * apart**2
    return float(edges[1:][np.nanargmax(between[:-1])])


def _centroids(mask: BoolArray, width: float) -> Float64Array:
    labels, n_pieces = ndimage.label(mask)
    if not n_pieces:
        return np.empty((0, 2))
    rows, columns = np.nonzero(mask)
    of = labels[rows, columns]
    area = np.bincount(of, minlength=n_pieces + 1)
    kept = (area >= width**2) & (area <= mask.size * _LARGEST_SHARE)
    kept[0] = False
    y = np.bincount(of, rows, n_pieces + 1)[kept] / area[kept]
    x = np.bincount(of, columns, n_pieces + 1)[kept] / area[kept]
    order = np.argsort(-area[kept], kind="stable")[:_MOST_A_FRAME]
    return np.stack([y, x], axis=1)[order]


def _peaks(signed: Float32Array, bar: float, width: float) -> Float64Array:
    side = 2 * int(np.ceil(width)) + 1
    highest = ndimage.maximum_filter(signed, side, mode="nearest")
    rows, columns = np.nonzero((signed == highest) & (signed > bar))
    order = np.argsort(-signed[rows, columns], kind="stable")[:_MOST_A_FRAME]
    return np.stack([rows[order], columns[order]], axis=1).astype(np.float64)


def all_objects(
    channels: Sequence[Sequence[Float32Array]], widths: Sequence[float]
) -> Iterator[list[Objects]]:
    """Find objects by every detector, a channel and width at a time, middle sizes first.

    Parameters
    ----------
    channels : sequence of sequences of ndarray of float32
        For each channel its frames, each (Y, X).
    widths : sequence of float
    """
    middle = sorted(widths, key=lambda width: abs(np.log(width / 4)))
    for width, channel in itertools.product(middle, range(len(channels))):
        yield list(find_objects(channels[channel], channel, width))
