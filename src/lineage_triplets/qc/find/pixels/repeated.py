"""Frames that are, to the bit, one of the last few: the camera or a writer gave an old image."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.pixels.frames import FrameFault, frame_findings, slot_words
from lineage_triplets.qc.find.pixels.statistics import frame_statistics
from lineage_triplets.qc.find.registry import PixelCheck, ScannedFov, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lineage_triplets.qc.find.finding import Finding

_LOOKED_BACK = 5

_Fingerprint = tuple[int, bytes]


class RepeatScan:
    """Compares checksums of each slot with those of the frames before."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._before: list[tuple[int, list[_Fingerprint | None]]] = []
        self._faults: list[FrameFault] = []

    def see(self, t: int, image: NDArray[np.generic]) -> None:
        """Compare one frame, (C, Z, Y, X)."""
        now = self._fingerprints(image)
        for earlier, then in reversed(self._before):
            same = np.array(
                [one is not None and one == other for one, other in zip(now, then, strict=True)]
            )
            if same.any():
                self._faults.append(self._fault(t, earlier, now, same))
                break
        self._before = [*self._before[1 - _LOOKED_BACK :], (t, now)]

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each repeated frame."""
        return frame_findings(
            self._fov,
            "repeated-frame",
            self._faults,
            "Compare it with the frame before; reject it if the image is a copy.",
        )

    def _fault(
        self, t: int, earlier: int, now: list[_Fingerprint | None], same: NDArray[np.bool_]
    ) -> FrameFault:
        told = np.array([one is not None for one in now])
        slots = slot_words(self._fov.slot_labels, same)
        return FrameFault(
            t,
            # Slots that are constant tell nothing, and are no reason to doubt.
            "error" if same[told].all() else "warning",
            f"the pixels of {slots} are exactly those of frame {earlier}",
            f"the pixels of {slots} are exactly those of an earlier frame",
        )

    @staticmethod
    def _fingerprints(image: NDArray[np.generic]) -> list[_Fingerprint | None]:
        """Checksum and block means of each slot; None for a slot that is constant."""
        statistics = frame_statistics(image)
        least = statistics.block_minimum.min(axis=(1, 2, 3))
        varies = least != statistics.block_maximum.max(axis=(1, 2, 3))
        return [
            (zlib.crc32(np.ascontiguousarray(pixels).data), mean.tobytes()) if one else None
            for pixels, mean, one in zip(image, statistics.block_mean, varies, strict=True)
        ]


register(PixelCheck("repeated-frame", ("repeated-frame",), 1, RepeatScan))
