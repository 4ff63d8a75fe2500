"""Pixel checks over the images of one FOV, each frame read once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.zarr_json import describing_file
from lineage_triplets.qc.find.checks import ScannedFov
from lineage_triplets.qc.find.pixels.frame_reading import (
    FrameReader,
    damage,
    missing_chunks_finding,
    unreadable_store,
)
from lineage_triplets.qc.find.pixels.frames import FrameFault, frame_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import MissingChunks
    from lineage_triplets.qc.find.checks import PixelCheck
    from lineage_triplets.qc.find.finding import Finding

READING = "reading"
"""The name under which what reading itself met is kept, as if it were a check."""
READING_KINDS = ("unreadable-store", "unreadable-frame", "missing-chunks")
READING_VERSION = 1


@dataclass(frozen=True)
class ScanResult:
    """What the scan of one FOV gave.

    Attributes
    ----------
    n_frames : int
        Frames that could be read.
    by_check : dict of str to tuple of Finding
        By the check's name; under `READING` what reading itself met.
    complete : bool
        Whether all frames could be read; a result that is not is worth another try.
    """

    n_frames: int
    by_check: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    complete: bool = True

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        return tuple(finding for listed in self.by_check.values() for finding in listed)


def scan_fov(
    scanned: ScannedFov,
    checks: Sequence[PixelCheck],
    *,
    missing_chunks: MissingChunks = "warn",
    on_frame: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> ScanResult | None:
    """Read every frame of a FOV once and show it to all checks.

    Parameters
    ----------
    scanned : ScannedFov
    checks : sequence of PixelCheck
    missing_chunks : {"warn", "error", "fill"}
        What absent chunks mean in training: they are a warning, an error or a note.
    on_frame : callable, optional
        Called after each frame with the frames done and their number.
    stop : callable, optional
        Asked before each frame; nothing is given once it says so.

    Raises
    ------
    ForkedReadError
        This process was forked from one that had read images.
    """
    source = scanned.source
    reader = FrameReader(source)
    scans = {check.name: check.start(scanned) for check in checks}
    damaged: list[FrameFault] = []
    absent: list[int] = []
    n_frames = source.fov.shape[0]
    frames = reader.frames()
    try:
        for done, frame in enumerate(frames, start=1):
            if stop is not None and stop():
                return None
            if frame.image is None:
                damaged.append(damage(frame.t, frame.problem))
            else:
                for scan in scans.values():
                    scan.see(frame.t, frame.image)
            if frame.has_absent_chunks:
                absent.append(frame.t)
            if on_frame is not None:
                on_frame(done, n_frames)
    except StoreError as error:
        return ScanResult(0, {READING: (unreadable_store(source, error),)}, complete=False)
    finally:
        frames.close()
    by_check = {name: tuple(scan.findings()) for name, scan in scans.items()}
    remedy = "Restore the file, or reject the frame."
    met = [*frame_findings(scanned, "unreadable-frame", damaged, remedy)]
    if absent:
        met.append(missing_chunks_finding(scanned, absent, reader.n_absent_chunks, missing_chunks))
    by_check[READING] = tuple(met)
    return ScanResult(n_frames - len(damaged), by_check, complete=not damaged)


def scanned_fov(index: MultiExperimentIndex, number: int) -> ScannedFov:
    """What pixel checks know about one FOV of an index."""
    first, last = np.searchsorted(index.fov_of_row, [number, number + 1])
    rows = np.arange(first, last)
    rows = rows[np.argsort(index.observations.t[rows], kind="stable")]
    here = index.observations.take(rows)
    source = index.fovs[number]
    return ScannedFov(
        source=source,
        slot_labels=tuple(index.registry.slot_labels),
        t=here.t,
        track_id=index.track_id_of_row[rows],
        y=here.y,
        x=here.x,
        z=here.z,
        interval_minutes=index.registry.experiments[source.experiment_number].interval_minutes,
    )


def data_key(scanned: ScannedFov, missing_chunks: MissingChunks = "warn") -> str:
    """Hash of what a scan's findings follow from, pixels apart: metadata, slots and tracks."""
    source = scanned.source
    told = [
        source.fov.shape,
        source.fov.axes,
        source.fov.dtype,
        source.fov.codecs,
        source.fov.pixel_size_um,
        source.channels,
        source.z_start,
        source.depth,
        scanned.slot_labels,
        scanned.interval_minutes,
        missing_chunks,
    ]
    digest = hashlib.blake2b(json.dumps(told).encode(), digest_size=16)
    try:
        digest.update(describing_file(source.fov.array_path) or b"")
    except OSError:
        digest.update(b"unreadable")
    for values in (
        scanned.t,
        scanned.track_id,
        scanned.y,
        scanned.x,
        scanned.z,
    ):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
