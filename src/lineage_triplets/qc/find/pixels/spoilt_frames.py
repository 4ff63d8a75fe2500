"""Frames that are no image: without contrast, not numbers, or one of the last few again."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.checks import PixelCheck, ScannedFov, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.frames import (
    FrameFault,
    at_frames,
    frame_findings,
    frame_statistics,
    frame_words,
    percent,
    read_planes,
    slot_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Pixels


_FALLEN, _STEP = 0.3, 0.4
_MEMORY = 9
_NOISE_ALONE = 0.35
_PART_MORE_THAN_USUAL = 0.1
_NEIGHBOURS = 3
_MOSTLY = 0.5
_LOOKED_BACK = 5
_Fingerprint = tuple[int, bytes]


class BlankScan:
    """Keeps contrast and constant area of every frame, and compares frames at the end."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._frames: list[int] = []
        self._value: list[Pixels] = []
        self._blank: list[BoolArray] = []
        self._constant: list[Float64Array] = []
        self._spread: list[Float64Array] = []
        self._coarse: list[Float64Array] = []
        self._zero: list[BoolArray] = []
        self._nonfinite: list[BoolArray] = []

    def see(self, t: int, image: Pixels) -> None:
        """Keep what one frame, (C, Z, Y, X), comes to."""
        statistics = frame_statistics(image)
        planes = read_planes(self._fov.source)
        same = statistics.block_minimum == statistics.block_maximum
        least = statistics.block_minimum[:, planes].min(axis=(1, 2, 3))
        varies = least != statistics.block_maximum[:, planes].max(axis=(1, 2, 3))
        self._frames.append(t)
        self._value.append(least)
        self._blank.append(~varies)
        self._constant.append(same[:, planes].mean(axis=(2, 3)))
        self._spread.append(statistics.spread[:, planes].mean(axis=1).astype(np.float64))
        of_blocks = statistics.block_mean[:, planes].mean(axis=1, dtype=np.float64)
        self._coarse.append(of_blocks.std(axis=(1, 2)))
        nothing = same & (statistics.block_minimum == 0)
        finite = statistics.n_nonfinite == 0
        zero: BoolArray = np.asarray(nothing[:, planes].all(axis=(2, 3)) & finite[:, None])
        self._zero.append(zero)
        self._nonfinite.append(~finite)
        # What is not finite counts as 0, which no pixel is.
        self._blank[-1] &= statistics.n_nonfinite < image[0].size

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each frame that is blank, in part or as a whole."""
        if not self._frames:
            return
        constant, spread = np.array(self._constant), np.array(self._spread)
        coarse = np.array(self._coarse)
        blank, nonfinite = np.array(self._blank), np.array(self._nonfinite)
        partly, dark = np.zeros_like(blank), np.zeros_like(blank)
        contrast = np.ones_like(spread)
        untold = blank | nonfinite
        for slot in range(blank.shape[1]):
            for of_plane in constant[:, slot].T:
                usual = _usual(np.where(untold[:, slot], np.nan, of_plane))
                partly[:, slot] |= of_plane > usual + _PART_MORE_THAN_USUAL
            dark[:, slot], contrast[:, slot] = _dark(
                spread[:, slot], coarse[:, slot], untold[:, slot]
            )
        partly &= ~untold
        dark &= ~partly
        first = self._first_stopped()
        faults = [
            self._fault(number, blank[number], partly[number], dark[number], contrast[number])
            for number in np.flatnonzero((blank | partly | dark)[:first].any(axis=1)).tolist()
        ]
        yield from frame_findings(
            self._fov, "blank-frame", faults, "Look at the frame; reject it if there is no image."
        )
        if first is not None:
            yield self._stopped(first)

    def _first_stopped(self) -> int | None:
        """Place of the first frame that an acquisition left unfinished; None if it ended well.

        Of such a frame channels or slices are 0, and so is all that comes after it.
        """
        zero = np.array(self._zero)
        whole = zero.all(axis=(1, 2))
        seen = np.flatnonzero(~whole)
        if self._frames[-1] != self._fov.source.fov.shape[0] - 1 or not len(seen):
            return None
        last = int(seen[-1])
        lost = np.zeros_like(zero[last])
        if len(seen) > 1:
            # Planes that end before, or are 0 in most frames, were not taken any more.
            lost = zero[last] & ~zero[seen[-2]] & (zero[:last].mean(axis=0) < _MOSTLY)
        first = last if lost.any() else last + 1
        return first if first < len(zero) else None

    def _stopped(self, first: int) -> Finding:
        """One finding for all frames from an unfinished one to the end."""
        frames, zero = self._frames[first:], self._zero[first]
        slots = slot_words(self._fov.slot_labels, np.asarray(zero.any(axis=1)))
        n_lost, n_planes = int(zero.any(axis=0).sum()), zero.shape[1]
        what = "all pixels" if n_lost == n_planes else f"{n_lost} of {n_planes} slices"
        what += f" of {slots} are 0"
        if len(frames) > 1 and not zero.all():
            what += f", and from frame {frames[1]} on all pixels are"
        n_cells = int(np.isin(self._fov.t, frames).sum())
        nobody = "" if n_cells else " No cell is tracked there."
        return replace(
            at_frames(self._fov.source, "blank-frame", frames),
            severity="error" if n_cells else "note",
            sentence=(
                f"{frame_words(frames)}: {what}, to the end of the movie: the acquisition seems to "
                f"have been stopped {'before' if zero.all() else 'within'} frame {frames[0]}."
                f"{nobody}"
            ),
            remedy=f"Leave {frame_words(frames).lower()} out: reject "
            f"{'it' if len(frames) == 1 else 'them'}.",
            evidence=(Evidence("frames to the end", float(len(frames))),),
            count=n_cells,
        )

    def _fault(
        self,
        number: int,
        blank: BoolArray,
        partly: BoolArray,
        dark: BoolArray,
        contrast: Float64Array,
    ) -> FrameFault:
        t, labels = self._frames[number], self._fov.slot_labels
        if blank.any():
            value = self._value[number][blank]
            said = f" {value[0]:g}" if (value == value[0]).all() else " one value"
            slots = slot_words(labels, blank)
            many = f"all pixels of {slots} are{said}"
            return FrameFault(t, "error", many, many)
        if partly.any():
            slots = slot_words(labels, partly)
            share = float(self._constant[number][partly].mean(axis=1).max())
            return FrameFault(
                t,
                "warning",
                f"{percent(share)} of the image of {slots} is without any contrast, more than in "
                "the frames around it",
                f"a part of the image of {slots} is without any contrast",
                (Evidence("area without contrast", 100 * share, "%"),),
            )
        slots = slot_words(labels, dark)
        left = float(contrast[dark].min())
        return FrameFault(
            t,
            "warning",
            f"{slots} has {percent(left)} of its usual contrast, as if the light was off",
            f"{slots} has lost its contrast, as if the light was off",
            (Evidence("contrast against the frames around", 100 * left, "%"),),
        )


def _usual(level: Float64Array) -> Float64Array:
    """Median of each frame and its neighbours; NaN is left out."""
    reach = _NEIGHBOURS
    padded = np.pad(level, reach, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    usual = np.zeros(len(level))
    told = np.isfinite(windows).any(axis=1)
    usual[told] = np.nanmedian(windows[told], axis=1)
    return usual


def _dark(
    spread: Float64Array, coarse_spread: Float64Array, blank: BoolArray
) -> tuple[BoolArray, Float64Array]:
    """Frames whose contrast collapses to noise, and contrast against that of good frames around."""
    spread = np.where(blank, np.nan, spread)
    # Means of blocks are alike where there is noise alone.
    dark = sudden_falls(spread) & (coarse_spread < _NOISE_ALONE * np.nan_to_num(spread))
    usual = _usual(np.where(dark, np.nan, spread))
    return dark, np.where(usual > 0, spread / np.where(usual > 0, usual, 1), 0)


def sudden_falls(level: Float64Array) -> BoolArray:
    """Tell the frames whose level fell, in one step, far below that of the good frames before.

    They last until the level comes back. A movie may also begin low, and rise in one step.

    Parameters
    ----------
    level : ndarray of float64, shape (frames,)
        NaN for frames that are not looked at.
    """
    low = _falls(level)
    backwards = _falls(level[::-1])[::-1]
    seen = np.flatnonzero(np.isfinite(level))
    good = seen[~backwards[seen]]
    if len(good):
        low[: good[0]] |= backwards[: good[0]]
    return low


def _falls(level: Float64Array) -> BoolArray:
    low = np.zeros(len(level), dtype=bool)
    good: list[float] = []
    before, is_low = np.inf, False
    for t, value in enumerate(level.tolist()):
        if np.isnan(value):
            continue
        fallen = bool(good) and value < _FALLEN * float(np.median(good[-_MEMORY:]))
        is_low = fallen and (is_low or value < _STEP * before)
        low[t] = is_low
        if not is_low:
            good.append(value)
        before = value
    return low


class NanScan:
    """Counts NaN and infinite pixels of each frame."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._faults: list[FrameFault] = []

    def see(self, t: int, image: Pixels) -> None:
        """Count those of one frame, (C, Z, Y, X)."""
        counts = frame_statistics(image).n_nonfinite
        total = int(counts.sum())
        if not total:
            return
        labels, whole = self._fov.slot_labels, counts == image[0].size
        parts, of_many = [], []
        if whole.any():
            slots = slot_words(labels, whole)
            is_nan = all(np.isnan(image[slot]).all() for slot in np.flatnonzero(whole))
            which = "NaN" if is_nan else "NaN or infinite"
            parts.append(f"all {int(counts[whole].sum()):,} pixels of {slots} are {which}")
            of_many.append(f"all pixels of {slots} are {which}")
        some = (counts > 0) & ~whole
        if some.any():
            slots, n_some = slot_words(labels, some), int(counts[some].sum())
            are = "is" if n_some == 1 else "are"
            parts.append(f"{counted(n_some, 'pixel')} of {slots} {are} NaN or infinite")
            of_many.append(f"pixels of {slots} are NaN or infinite")
        evidence = (Evidence("NaN or infinite", float(total), "pixels"),)
        self._faults.append(FrameFault(t, "error", "; ".join(parts), "; ".join(of_many), evidence))

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each frame with such pixels."""
        return frame_findings(
            self._fov,
            "nan-pixels",
            self._faults,
            "Reject the frame, or write the image anew with numbers there.",
        )


class RepeatScan:
    """Compares checksums of each slot with those of the frames before."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._before: list[tuple[int, list[_Fingerprint | None]]] = []
        self._faults: list[FrameFault] = []

    def see(self, t: int, image: Pixels) -> None:
        """Compare one frame, (C, Z, Y, X)."""
        now = self._fingerprints(image)
        for earlier, then in reversed(self._before):
            same = np.array(
                [
                    checksum is not None and checksum == other
                    for checksum, other in zip(now, then, strict=True)
                ]
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
        self, t: int, earlier: int, now: list[_Fingerprint | None], same: BoolArray
    ) -> FrameFault:
        told = np.array([checksum is not None for checksum in now])
        slots = slot_words(self._fov.slot_labels, same)
        return FrameFault(
            t,
            # Slots that are constant tell nothing, and are no reason to doubt.
            "error" if same[told].all() else "warning",
            f"the pixels of {slots} are exactly those of frame {earlier}",
            f"the pixels of {slots} are exactly those of an earlier frame",
        )

    @staticmethod
    def _fingerprints(image: Pixels) -> list[_Fingerprint | None]:
        """Checksum and block means of each slot; None for a slot that is constant."""
        statistics = frame_statistics(image)
        least = statistics.block_minimum.min(axis=(1, 2, 3))
        varies = least != statistics.block_maximum.max(axis=(1, 2, 3))
        return [
            (zlib.crc32(np.ascontiguousarray(pixels).data), mean.tobytes()) if varied else None
            for pixels, mean, varied in zip(image, statistics.block_mean, varies, strict=True)
        ]


register(PixelCheck("blank-frame", ("blank-frame",), 2, BlankScan))
register(PixelCheck("nan-pixels", ("nan-pixels",), 2, NanScan))
register(PixelCheck("repeated-frame", ("repeated-frame",), 1, RepeatScan))
