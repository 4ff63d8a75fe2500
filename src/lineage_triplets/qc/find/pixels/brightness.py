"""Light that drifts: a lamp that changes for good, a stain that bleaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import PixelCheck, ScannedFov, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import (
    at_frames,
    frame_statistics,
    percent,
    read_planes,
)
from lineage_triplets.qc.find.pixels.trends import LastingFall, lasting_fall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import Float64Array, Pixels

_LIT = 4.0
_LEAST_LAMP, _LEAST_STAIN = 1.5, 2.5
_FEWEST_CELLS = 16


class BrightnessScan:
    """Keeps the background and the brightness above it, and compares the movie's ends.

    A bright field's background is its lamp. On dark ground the brightest cells tell, where there
    are enough of them: single ones come and go, and many cells alone raise no peak.
    """

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        shape = (fov.source.fov.shape[0], len(fov.slot_labels))
        self._background = np.full(shape, np.nan)
        self._above = np.full(shape, np.nan)
        self._spread = np.full(shape, np.nan)

    def see(self, t: int, image: Pixels) -> None:
        """Keep what one frame, (C, Z, Y, X), comes to."""
        statistics, planes = frame_statistics(image), read_planes(self._fov.source)
        means = statistics.block_mean[:, planes].mean(axis=1, dtype=np.float64)
        peaks = statistics.block_maximum[:, planes].max(axis=1).astype(np.float64)
        background = np.percentile(means, 10, axis=(1, 2))
        above = np.percentile(peaks, 90, axis=(1, 2)) - background
        spread = statistics.spread[:, planes].mean(axis=1, dtype=np.float64)
        told = (statistics.n_nonfinite == 0) & (spread > 0)
        self._background[t] = np.where(told, background, np.nan)
        self._above[t] = np.where(told, above, np.nan)
        self._spread[t] = np.where(told, spread, np.nan)

    def findings(self) -> Iterator[Finding]:
        """Give one note for all slots whose light is another at the end."""
        changed = {
            slot: change
            for slot in range(len(self._fov.slot_labels))
            if (change := self._change(slot)) is not None
        }
        if not changed:
            return
        first = min(fall.first for _, fall in changed.values())
        frames = list(range(first, len(self._background)))
        parts, evidence = [], []
        for slot, (share, fall) in changed.items():
            label = self._fov.slot_labels[slot]
            when = "slowly" if fall.slow else "at once"
            parts.append(f"{label} goes to {percent(share)} of its brightness {when}")
            evidence.append(Evidence(f"brightness left of {label}", 100 * share, "%"))
        yield replace(
            at_frames(self._fov.source, "brightness-drift", frames),
            severity="note",
            sentence=f"From frame {first} on, to the end: {'; '.join(parts)}.",
            remedy=(
                "Nothing has to be done if patches are normalized; look whether cells can still be "
                "seen at the end."
            ),
            evidence=tuple(evidence),
            detail="",
            count=int(np.isin(self._fov.t, frames).sum()),
        )

    def _change(self, slot: int) -> tuple[float, LastingFall] | None:
        """Share of the brightness that is left, and where it changes; None where it does not."""
        background, spread = self._background[:, slot], self._spread[:, slot]
        known = np.isfinite(background)
        if not known.any():
            return None
        if np.median(background[known]) > _LIT * np.median(spread[known]):
            level = _logarithm(background)
            down = lasting_fall(level, np.log(_LEAST_LAMP))
            if down is not None:
                return float(np.exp(-down.fall)), down
            up = lasting_fall(-level, np.log(_LEAST_LAMP))
            return None if up is None else (float(np.exp(up.fall)), up)
        n_cells = np.bincount(self._fov.t, minlength=len(background))[: len(background)]
        level = np.where(n_cells >= _FEWEST_CELLS, _logarithm(self._above[:, slot]), np.nan)
        fall = lasting_fall(level, np.log(_LEAST_STAIN))
        return None if fall is None else (float(np.exp(-fall.fall)), fall)


def _logarithm(values: Float64Array) -> Float64Array:
    """Natural logarithm; NaN where there is none."""
    positive = values > 0
    return np.where(positive, np.log(np.where(positive, values, 1)), np.nan)


register(PixelCheck("brightness-drift", ("brightness-drift",), 1, BrightnessScan))
