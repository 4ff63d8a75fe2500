"""Frames in which many pixels are as bright as the camera, or the file, can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import PixelCheck, ScannedFov, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import (
    FrameFault,
    finite_pixels,
    frame_findings,
    frame_statistics,
    percent,
    slot_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.generic]

_LEAST_SHARE = 1e-3
_LEAST_PIXELS = 25
_SHARE_NEAR = 0.5
# Of 8 to 16 bits; and 12 bits in the upper part of 16.
_CAMERA_LIMITS = {255, 1023, 2047, 4095, 8191, 16383, 32767, 65535, 65520}
_SHARE_NEAR_LIMIT = 4.0


@dataclass(frozen=True)
class _Top:
    """The greatest value of a slot in one frame, and what share of pixels has it."""

    t: int
    slot: int
    value: float
    share: float


class SaturationScan:
    """Looks for a pile of pixels at the greatest value of each slot."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._tops: list[_Top] = []
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
            if max(_LEAST_SHARE, _LEAST_PIXELS / pixels[slot].size) <= share and _is_pile(
                pixels[slot], float(top[slot]), float(bottom[slot]), share
            ):
                self._tops.append(_Top(t, int(slot), float(top[slot]), share))

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each frame; one for all, if there are many."""
        by_frame: dict[int, list[_Top]] = {}
        for one in self._tops:
            # A pile below what other frames reach is no limit of the camera.
            if one.value >= self._greatest[one.slot] or one.value in _CAMERA_LIMITS:
                by_frame.setdefault(one.t, []).append(one)
        return frame_findings(
            self._fov,
            "saturated-frame",
            [self._fault(t, tops) for t, tops in by_frame.items()],
            "Brightness is lost there. Reject the frame if cells are among these pixels.",
            apart=True,
        )

    def _fault(self, t: int, tops: list[_Top]) -> FrameFault:
        worst = max(tops, key=lambda one: one.share)
        slots = np.zeros(len(self._fov.slot_labels), dtype=bool)
        slots[[one.slot for one in tops]] = True
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


register(PixelCheck("saturated-frame", ("saturated-frame",), 1, SaturationScan))
