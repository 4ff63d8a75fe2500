"""Frames that lose what was there: fine detail out of focus, brightness where saturated."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import PixelCheck, ScannedFov, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import (
    FrameFault,
    at_frames,
    finite_pixels,
    frame_findings,
    frame_statistics,
    percent,
    read_planes,
    slot_words,
)
from lineage_triplets.qc.find.pixels.trends import LastingFall, lasting_fall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Float32Array, Float64Array, Pixels


_TILE_PX, _LEAST_SIDE_PX = 64, 32
_MOST_STRIPS = 8
_REACH_FRAMES = 10
_LEAST_FRAMES = 4
_FALL, _FALL_OF_DETAIL = 0.4, 0.6
_NOISE_FLOOR = 0.03
_TEXTURE_OVER_NOISE = 0.15
_LEAST_CONTRAST = 1e-12
# White noise has 1/80 of it in means of 4 x 4 pixels.
_CONTRAST_OF_NOISE = 3 / 80
_LEAST_SATURATED_SHARE = 1e-3
_LEAST_SATURATED_PIXELS = 25
_SHARE_NEAR = 0.5
# Of 8 to 16 bits; and 12 bits in the upper part of 16.
_CAMERA_LIMITS = {255, 1023, 2047, 4095, 8191, 16383, 32767, 65535, 65520}
_SHARE_NEAR_LIMIT = 4.0


class FocusScan:
    """Measures fine detail, free of camera noise, tile by tile against the tile's contrast.

    Out of focus, detail falls all over the image; that of a single cell tells nothing.
    """

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._frames: list[int] = []
        self._measured: list[Float32Array] = []

    def see(self, t: int, image: Pixels) -> None:
        """Measure one frame, (C, Z, Y, X)."""
        if min(image.shape[2:]) < _LEAST_SIDE_PX:
            return
        planes = finite_pixels(image)[:, read_planes(self._fov.source)]
        measured = [np.mean([_detail(plane) for plane in stack], axis=0) for stack in planes]
        self._frames.append(t)
        self._measured.append(np.array(measured, dtype=np.float32))

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each frame that is blurred against those before and after."""
        if len(self._frames) < _LEAST_FRAMES:
            return
        measured = np.array(self._measured, dtype=np.float64)
        slots = range(measured.shape[1])
        left = np.array([_sharpness(measured[:, slot]) for slot in slots]).T
        blurred = left < _FALL
        lost: dict[int, LastingFall] = {}
        for slot in slots:
            fall = lasting_fall(_lasting_sharpness(measured[:, slot]), -np.log(_FALL))
            if fall is not None:
                lost[slot] = fall
                blurred[fall.first :, slot] = False
        if lost:
            yield self._lost(lost)
        faults = [
            self._fault(number, blurred[number], left[number])
            for number in np.flatnonzero(blurred.any(axis=1)).tolist()
        ]
        yield from frame_findings(
            self._fov,
            "out-of-focus",
            faults,
            "Look at the frame; reject it if cells cannot be told there.",
        )

    def _lost(self, lost: dict[int, LastingFall]) -> Finding:
        """One finding for all slots whose focus is lost to the end of the movie."""
        first = min(fall.first for fall in lost.values())
        frames = self._frames[first:]
        parts, evidence = [], []
        for slot, fall in lost.items():
            label, share = self._fov.slot_labels[slot], float(np.exp(-fall.fall))
            how = "slowly" if fall.slow else "at once"
            parts.append(f"{label} goes {how} to {percent(share)} of its fine detail")
            evidence.append(Evidence(f"fine detail lost of {label}", 100 * (1 - share), "%"))
        n_cells = int(np.isin(self._fov.t, frames).sum())
        nobody = "" if n_cells else " No cell is tracked there."
        return replace(
            at_frames(self._fov.source, "focus-lost", frames),
            severity="warning" if n_cells else "note",
            sentence=(
                f"From frame {frames[0]} on, to the end: {'; '.join(parts)}, as if the focus was "
                f"lost.{nobody}"
            ),
            remedy=(
                "Compare a frame of the beginning with one of the end; reject the frames in which "
                "cells cannot be told."
            ),
            evidence=tuple(evidence),
            count=n_cells,
        )

    def _fault(self, number: int, blurred: BoolArray, left: Float64Array) -> FrameFault:
        slots = slot_words(self._fov.slot_labels, blurred)
        share = float(left[blurred].min())
        return FrameFault(
            self._frames[number],
            "warning",
            f"{slots} has {percent(share)} of its usual fine detail, as if out of focus",
            f"{slots} has lost its fine detail, as if out of focus",
            (Evidence("fine detail lost", 100 * (1 - share), "%"),),
        )


def _sharpness(measured: Float64Array) -> Float64Array:
    """Sharpness of each frame against the frames around it; 1 where nothing tells otherwise.

    Parameters
    ----------
    measured : ndarray of float64, shape (frames, 3, tiles)
        Detail, noise and contrast.
    """
    detail, noise, contrast = measured.transpose(1, 0, 2)
    # Where all contrast is the noise's own, as with a shut shutter, there is nothing to blur.
    blank = contrast <= _LEAST_CONTRAST + _CONTRAST_OF_NOISE * noise
    blank = blank.all(axis=1, keepdims=True)
    detail = np.where(blank, np.nan, np.maximum(detail, _NOISE_FLOOR * noise))
    sharpness = np.log(np.maximum(detail, _LEAST_CONTRAST))
    sharpness -= np.log(np.maximum(contrast, _LEAST_CONTRAST))
    fall = sharpness - _usual(sharpness)
    # Less detail alone is a dimmer lamp, a smaller share of it alone a bright speck: both fall.
    usual_detail = _usual(detail)
    fall_of_detail = np.log(np.maximum(detail, _LEAST_CONTRAST)) - np.log(
        np.maximum(usual_detail, _LEAST_CONTRAST)
    )
    texture = usual_detail > _TEXTURE_OVER_NOISE * _usual(np.where(blank, np.nan, noise))
    texture &= np.isfinite(fall)
    left = np.ones(len(detail))
    for t in np.flatnonzero(texture.any(axis=1)):
        if np.median(fall_of_detail[t, texture[t]]) < np.log(_FALL_OF_DETAIL):
            left[t] = np.exp(np.median(fall[t, texture[t]]))
    return left


def _lasting_sharpness(measured: Float64Array) -> Float64Array:
    """Logarithm of sharpness of each frame, for comparing the movie's ends.

    Less detail alone is a dimmer lamp or fewer cells, a smaller share of it alone a haze or a
    crowd: where the focus is lost both fall, and the lesser fall counts.
    """
    detail, noise, contrast = measured.transpose(1, 0, 2)
    detail = np.maximum(detail, _NOISE_FLOOR * noise)
    texture = np.percentile(detail, 75, axis=0) > _TEXTURE_OVER_NOISE * np.median(noise, axis=0)
    if not texture.any():
        return np.full(len(detail), np.nan)
    blank = (contrast <= _LEAST_CONTRAST + _CONTRAST_OF_NOISE * noise).all(axis=1)
    detail = np.log(np.maximum(detail[:, texture], _LEAST_CONTRAST))
    share = detail - np.log(np.maximum(contrast[:, texture], _LEAST_CONTRAST))
    detail_level, share_level = np.median(detail, axis=1), np.median(share, axis=1)
    level = np.maximum(_from_beginning(detail_level), _from_beginning(share_level))
    return np.where(blank, np.nan, level)


def _from_beginning(level: Float64Array) -> Float64Array:
    """Take off what a level is in the first frames."""
    return level - np.median(level[: max(3, len(level) // 8)])


def _usual(values: Float64Array) -> Float64Array:
    """Median of each tile over the frames around; NaN is left out, and stays where all is NaN."""
    padded = np.pad(values, ((_REACH_FRAMES, _REACH_FRAMES), (0, 0)), constant_values=np.nan)
    usual = np.full(values.shape, np.nan)
    for t in range(len(values)):
        window = padded[t : t + 2 * _REACH_FRAMES + 1]
        told = np.isfinite(window).any(axis=1)
        if told.any():
            usual[t] = np.median(window[told], axis=0)
    return usual


def _detail(plane: Pixels) -> Float64Array:
    """Detail of about 4 px without white noise, that noise, and contrast, (3, tiles)."""
    height, width = plane.shape
    n_tiles = max(1, width // _TILE_PX)
    measured = []
    for top, bottom in _strips(height):
        whole = plane[top:bottom].astype(np.float32)
        whole -= whole[0, 0]
        halved = _halved(whole)
        quartered = _halved(halved)
        # White noise of the camera has a quarter of the energy once 2 x 2 pixels are averaged.
        noise = _by_tile(_curvature(whole), n_tiles) / 4
        square = _by_tile(quartered * quartered, n_tiles)
        contrast = square - _by_tile(quartered, n_tiles) ** 2
        measured.append(np.stack([_by_tile(_curvature(halved), n_tiles) - noise, noise, contrast]))
    return np.concatenate(measured, axis=1)


def _strips(height: int) -> list[tuple[int, int]]:
    """First and last row of strips, spread over the plane where they do not fill it."""
    n_strips = max(1, height // _TILE_PX)
    if n_strips <= _MOST_STRIPS:
        edges = np.linspace(0, height, n_strips + 1).astype(int).tolist()
        return list(itertools.pairwise(edges))
    tops = np.linspace(0, height - _TILE_PX, _MOST_STRIPS).astype(int).tolist()
    return [(top, top + _TILE_PX) for top in tops]


def _halved(plane: Float32Array) -> Float32Array:
    """Means of 2 x 2 pixels."""
    height, width = (n // 2 * 2 for n in plane.shape)
    rows = plane[:height:2, :width] + plane[1:height:2, :width]
    halved: Float32Array = (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)
    return halved


def _curvature(plane: Float32Array) -> Float32Array:
    """Square of the Laplacian."""
    bent = plane[1:-1, 1:-1] * np.float32(4)
    bent -= plane[:-2, 1:-1]
    bent -= plane[2:, 1:-1]
    bent -= plane[1:-1, :-2]
    bent -= plane[1:-1, 2:]
    bent *= bent
    return bent


def _by_tile(strip: Float32Array, n_tiles: int) -> Float64Array:
    """Mean of each tile of a strip."""
    edges = np.linspace(0, strip.shape[1], n_tiles + 1).astype(int)
    columns = strip.sum(axis=0, dtype=np.float64)
    means: Float64Array = np.add.reduceat(columns, edges[:-1]) / (np.diff(edges) * len(strip))
    return means


@dataclass(frozen=True)
class _SlotTop:
    """The greatest value of a slot in one frame, and what share of pixels has it."""

    t: int
    slot: int
    value: float
    share: float


class SaturationScan:
    """Looks for a pile of pixels at the greatest value of each slot."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._tops: list[_SlotTop] = []
        self._greatest = np.full(len(fov.slot_labels), -np.inf)

    def see(self, t: int, image: Pixels) -> None:
        """Look at one frame, (C, Z, Y, X)."""
        pixels, statistics = finite_pixels(image), frame_statistics(image)
        top = statistics.block_maximum.max(axis=(1, 2, 3))
        bottom = statistics.block_minimum.min(axis=(1, 2, 3))
        self._greatest = np.maximum(self._greatest, top.astype(np.float64))
        for slot in np.flatnonzero(top > bottom):
            n_top = np.count_nonzero(pixels[slot] == top[slot])
            share = n_top / pixels[slot].size
            least = max(_LEAST_SATURATED_SHARE, _LEAST_SATURATED_PIXELS / pixels[slot].size)
            if share >= least and _is_pile(
                pixels[slot], float(top[slot]), float(bottom[slot]), share
            ):
                self._tops.append(_SlotTop(t, int(slot), float(top[slot]), share))

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each frame; one for all, if there are many."""
        by_frame: dict[int, list[_SlotTop]] = {}
        for top in self._tops:
            # A pile below what other frames reach is no limit of the camera.
            if top.value >= self._greatest[top.slot] or top.value in _CAMERA_LIMITS:
                by_frame.setdefault(top.t, []).append(top)
        return frame_findings(
            self._fov,
            "saturated-frame",
            [self._fault(t, tops) for t, tops in by_frame.items()],
            "Brightness is lost there. Reject the frame if cells are among these pixels.",
            apart=True,
        )

    def _fault(self, t: int, tops: list[_SlotTop]) -> FrameFault:
        worst = max(tops, key=lambda top: top.share)
        slots = np.zeros(len(self._fov.slot_labels), dtype=bool)
        slots[[top.slot for top in tops]] = True
        words = slot_words(self._fov.slot_labels, slots)
        return FrameFault(
            t,
            "warning",
            f"{percent(worst.share)} of the pixels of {words} are saturated, at {worst.value:g}",
            f"pixels of {words} are saturated",
            (Evidence("saturated", 100 * worst.share, "%"),),
        )


def _is_pile(pixels: Pixels, top: float, bottom: float, share: float) -> bool:
    """Whether few pixels are a little below the top: brightness that fades out makes no pile."""
    step = (top - bottom) / 64
    if pixels.dtype.kind in "iu":
        step = max(step, 1.0)
    near = int((pixels >= np.asarray(top - step)).sum()) / pixels.size - share
    most = _SHARE_NEAR_LIMIT if top in _CAMERA_LIMITS else _SHARE_NEAR
    return near < most * share


register(PixelCheck("out-of-focus", ("out-of-focus", "focus-lost"), 2, FocusScan))
register(PixelCheck("saturated-frame", ("saturated-frame",), 1, SaturationScan))
