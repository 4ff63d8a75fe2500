"""What frames come to: statistics that checks share, and findings of frames or runs of them."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import counted
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import DTypeLike

    from lineage_triplets.engine.arrays import BoolArray, Float32Array, Int64Array, Pixels
    from lineage_triplets.engine.errors import Severity
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.qc.find.checks import ScannedFov


MOST_SINGLE_FRAMES = 5
BLOCKS = 16
_SAMPLED_SIDE = 256


@dataclass(frozen=True)
class FrameFault:
    """What is wrong with one frame.

    Attributes
    ----------
    t : int
    severity : {"error", "warning", "note"}
        Where cells are tracked in the frame.
    what : str
        The rest of a sentence that begins with "Frame 12:", without a full stop.
    of_many : str
        The same for a run of frames; only frames of which this is alike are put together.
    evidence : tuple of Evidence
        The first one says how bad it is.
    """

    t: int
    severity: Severity
    what: str
    of_many: str
    evidence: tuple[Evidence, ...] = ()


def frame_findings(
    fov: ScannedFov,
    kind: str,
    faults: Iterable[FrameFault],
    remedy: str,
    *,
    apart: bool = False,
) -> Iterator[Finding]:
    """Give a finding for each frame; long runs, of frames that follow each other, get one.

    Parameters
    ----------
    fov : ScannedFov
    kind : str
    faults : iterable of FrameFault
    remedy : str
    apart : bool
        Whether frames of a run may lie apart.
    """
    n_cells = np.bincount(fov.t, minlength=fov.source.fov.shape[0])
    for run in _runs(sorted(faults, key=lambda fault: fault.t), apart):
        parts = [run] if len(run) > MOST_SINGLE_FRAMES else [[fault] for fault in run]
        for part in parts:
            yield _finding(fov, kind, part, remedy, int(n_cells[[fault.t for fault in part]].sum()))


def _runs(faults: list[FrameFault], apart: bool) -> list[list[FrameFault]]:
    runs: dict[tuple[str, str], list[list[FrameFault]]] = {}
    for fault in faults:
        of_kind = runs.setdefault((fault.severity, fault.of_many), [])
        if of_kind and (apart or of_kind[-1][-1].t == fault.t - 1):
            of_kind[-1].append(fault)
        else:
            of_kind.append([fault])
    return sorted((run for listed in runs.values() for run in listed), key=lambda run: run[0].t)


def _finding(
    fov: ScannedFov, kind: str, faults: list[FrameFault], remedy: str, n_cells: int
) -> Finding:
    worst = max(faults, key=lambda fault: fault.evidence[0].value if fault.evidence else 0.0)
    frames = [fault.t for fault in faults]
    what = worst.what if len(faults) == 1 else worst.of_many
    nobody = "" if n_cells else " No cell is tracked there."
    evidence = worst.evidence
    if len(faults) > 1:
        evidence = (*evidence, Evidence("frames", float(len(faults))))
    return replace(
        at_frames(fov.source, kind, frames),
        severity=faults[0].severity if n_cells else "note",
        sentence=f"{frame_words(frames)}: {what}.{nobody}",
        remedy=remedy,
        evidence=evidence,
        count=n_cells,
    )


def at_frames(source: FovSource, kind: str, frames: list[int]) -> Finding:
    """A finding about frames of a FOV, to be told in words; rejecting them all settles it."""
    experiment, name = source.experiment, source.fov.name
    return Finding(
        kind=kind,
        severity="warning",
        sentence="",
        experiment=experiment,
        fov=name,
        t=frames[0],
        detail=f"{len(frames)} frames to {frames[-1]}" if len(frames) > 1 else "",
        settled_by=(
            tuple(Target("frame", experiment, name, t=t) for t in frames),
            (Target("fov", experiment, name),),
        ),
    )


def frame_words(frames: list[int]) -> str:
    """``"Frame 12"``, ``"Frames 12 to 30"``, ``"14 frames between 12 and 40"``."""
    first, last = frames[0], frames[-1]
    if first == last:
        return f"Frame {first}"
    if last - first + 1 == len(frames):
        return f"Frames {first} to {last}"
    return f"{counted(len(frames), 'frame')} between {first} and {last}"


def slot_words(labels: tuple[str, ...], slots: BoolArray) -> str:
    """``"all channels"``, or the labels of those that are meant."""
    if slots.all() and len(labels) > 1:
        return "all channels"
    return ", ".join(label for label, meant in zip(labels, slots, strict=True) if meant)


def percent(share: float) -> str:
    """``"0.03 %"``."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def read_planes(source: FovSource) -> slice:
    """The slices of a stack that training may read."""
    if source.z_start is None:
        return slice(None)
    return slice(source.z_start, source.z_start + source.depth)


@dataclass(frozen=True, eq=False)
class FrameStatistics:
    """What one frame's pixels come to; C is slots, B up to 16 blocks of rows and of columns.

    Attributes
    ----------
    n_nonfinite : ndarray of int64, shape (C,)
        NaN and infinite pixels. They count as 0 in everything else.
    replaced : ndarray, shape (C, Z, Y, X), or None
        The frame with zeros for pixels that are not finite; None where all are.
    block_minimum, block_maximum : ndarray, shape (C, Z, B, B)
    block_mean : ndarray of float32, shape (C, Z, B, B)
    spread : ndarray of float32, shape (C, Z)
        Standard deviation of each plane, from a part of its pixels.
    """

    n_nonfinite: Int64Array
    replaced: Pixels | None
    block_minimum: Pixels
    block_maximum: Pixels
    block_mean: Float32Array
    spread: Float32Array

    @classmethod
    def of(cls, image: Pixels) -> FrameStatistics:
        """Compute them for a frame, (C, Z, Y, X)."""
        with np.errstate(all="ignore"):
            n_nonfinite = _count_nonfinite(image)
            pixels = image
            if n_nonfinite.any():
                pixels = np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0)
            rows, columns = (max(1, n // _SAMPLED_SIDE) for n in image.shape[2:])
            some = pixels[:, :, ::rows, ::columns].astype(np.float64)
            n_rows, n_columns = (np.diff(_edges(n)) for n in image.shape[2:])
            mean = _by_block(np.add, pixels, np.float32) / (n_rows[:, None] * n_columns)
            return cls(
                n_nonfinite=n_nonfinite,
                replaced=None if pixels is image else pixels,
                block_minimum=_by_block(np.minimum, pixels),
                block_maximum=_by_block(np.maximum, pixels),
                block_mean=mean.astype(np.float32),
                spread=some.std(axis=(2, 3)).astype(np.float32),
            )


_known: dict[int, tuple[weakref.ref[Pixels], FrameStatistics]] = {}


def frame_statistics(image: Pixels) -> FrameStatistics:
    """Give the statistics of a frame, (C, Z, Y, X); the same array is looked at only once.

    An array that was given here must not be written to afterwards.
    """
    key = id(image)
    found = _known.get(key)
    if found is not None and found[0]() is image:
        return found[1]
    statistics = FrameStatistics.of(image)
    _known[key] = (weakref.ref(image, lambda _: _known.pop(key, None)), statistics)
    return statistics


def finite_pixels(image: Pixels) -> Pixels:
    """Give the frame itself, or with zeros for what is not finite."""
    replaced = frame_statistics(image).replaced
    return image if replaced is None else replaced


def _count_nonfinite(image: Pixels) -> Int64Array:
    """NaN and infinite pixels of each slot."""
    counts = np.zeros(len(image), dtype=np.int64)
    if image.dtype.kind == "f":
        # A sum that is finite spares looking at every pixel.
        for slot in np.flatnonzero(~np.isfinite(image.sum(axis=(1, 2, 3)))):
            counts[slot] = image[slot].size - np.count_nonzero(np.isfinite(image[slot]))
    return counts


def _by_block(how: np.ufunc, pixels: Pixels, dtype: DTypeLike | None = None) -> Pixels:
    """Reduce blocks; rows first, which is the way that memory goes."""
    n_channels, n_z, height, width = pixels.shape
    rows, columns = _edges(height), _edges(width)
    strips = [
        how.reduce(plane[top:bottom], axis=0, dtype=dtype)
        for plane in pixels.reshape(-1, height, width)
        for top, bottom in itertools.pairwise(rows)
    ]
    blocks: Pixels = how.reduceat(np.array(strips), columns[:-1], axis=1)
    return blocks.reshape(n_channels, n_z, len(rows) - 1, len(columns) - 1)


def _edges(length: int) -> Int64Array:
    return np.linspace(0, length, min(BLOCKS, length) + 1).astype(np.int64)
