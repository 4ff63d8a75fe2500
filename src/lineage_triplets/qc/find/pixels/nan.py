"""Pixels that are no numbers, in images of floats: they spoil every batch that they get into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import FrameFault, frame_findings, slot_words
from lineage_triplets.qc.find.pixels.statistics import frame_statistics
from lineage_triplets.qc.find.registry import PixelCheck, ScannedFov, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


class NanScan:
    """Counts NaN and infinite pixels of each frame."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._faults: list[FrameFault] = []

    def see(self, t: int, image: NDArray[np.generic]) -> None:
        """Count those of one frame, (C, Z, Y, X)."""
        counts = frame_statistics(image).n_nonfinite
        total = int(counts.sum())
        if not total:
            return
        slots = slot_words(self._fov.slot_labels, counts > 0)
        self._faults.append(
            FrameFault(
                t,
                "error",
                f"{counted(total, 'pixel')} of {slots} {'is' if total == 1 else 'are'} NaN or "
                "infinite",
                f"pixels of {slots} are NaN or infinite",
                (Evidence("NaN or infinite", float(total), "pixels"),),
            )
        )

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each frame with such pixels."""
        return frame_findings(
            self._fov,
            "nan-pixels",
            self._faults,
            "Reject the frame, or write the image anew with numbers there.",
        )


register(PixelCheck("nan-pixels", ("nan-pixels",), 1, NanScan))
