"""Pixel checks over images: FOV by FOV, each frame read once; stopped and resumed at will.

A snapshot of the findings scans FOV by FOV in its thread; the findings that it was taken of take
each `PixelScan` in theirs, and keep it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.plates.zarr_json import describing_file
from lineage_triplets.qc.find.checks import ScannedFov
from lineage_triplets.qc.find.finding import Finding
from lineage_triplets.qc.find.pixels.frame_reading import (
    FrameReader,
    damage,
    missing_chunks_finding,
    unreadable_store,
)
from lineage_triplets.qc.find.pixels.frames import FrameFault, frame_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import MissingChunks
    from lineage_triplets.qc.find.checks import PixelCheck

    Place = tuple[str, str]

READING = "reading"
"""The name under which what reading itself met is kept, as if it were a check."""
READING_KINDS = ("unreadable-store", "unreadable-frame", "missing-chunks")
_READING_VERSION = 1


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


@dataclass(frozen=True)
class FovResult:
    """The findings of one FOV.

    Attributes
    ----------
    number : int
        Of the FOV in ``index.fovs``.
    experiment, fov : str
    findings : tuple of Finding
    n_frames : int
        Frames that were read for it just now; 0 where all was known.
    """

    number: int
    experiment: str
    fov: str
    findings: tuple[Finding, ...]
    n_frames: int


class KeptResults(Protocol):
    """Where results of finished FOVs are kept between runs."""

    def kept_result(
        self, experiment: str, fov: str, check: str, version: int, data_key: str
    ) -> list[dict[str, Any]] | None:
        """Give what was kept for the very data; None if nothing was."""

    def keep_result(
        self,
        experiment: str,
        fov: str,
        check: str,
        version: int,
        data_key: str,
        results: list[dict[str, Any]],
    ) -> None:
        """Keep a check's findings of one FOV."""


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


def scan_index(
    index: MultiExperimentIndex,
    checks: Sequence[PixelCheck],
    *,
    kept: KeptResults | None = None,
    anew: bool = False,
    fovs: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[FovResult]:
    """Scan FOV by FOV; what is finished is kept, and is not read again.

    `kept` is used in the thread that iterates.

    Parameters
    ----------
    index : MultiExperimentIndex
        As the tables are on disk: without cuts and exclusions.
    checks : sequence of PixelCheck
    kept : KeptResults, optional
        Where finished FOVs are looked up and put.
    anew : bool
        Whether to read again what is known: images may change under the same metadata.
    fovs : sequence of int, optional
        Numbers in ``index.fovs``, in the order wanted; all by default.
    progress : callable, optional
        Called with the frames done and the frames of all these FOVs.
    stop : callable, optional
        Asked before each frame; the FOV that is being read starts over another time.

    Raises
    ------
    ForkedReadError
        This process was forked from one that had read images.
    """
    numbers = range(len(index.fovs)) if fovs is None else fovs
    total = sum(index.fovs[number].fov.shape[0] for number in numbers)
    done = 0

    def count(frames: int, _: int) -> None:
        if progress is not None:
            progress(done + frames, total)

    for number in numbers:
        if stop is not None and stop():
            return
        scanned = scanned_fov(index, number)
        source = scanned.source
        missing = index.settings.missing_chunks
        keys = _keys(checks, scanned, missing)
        place = (source.experiment, source.fov.name)
        known = {} if kept is None or anew else _known(kept, place, checks, keys)
        n_frames = 0
        if len(known) < len(_versions(checks)):
            wanted = [check for check in checks if check.name not in known]
            result = scan_fov(scanned, wanted, missing_chunks=missing, on_frame=count, stop=stop)
            if result is None:
                return
            n_frames = result.n_frames
            known |= result.by_check
            if kept is not None and result.complete:
                for name, version in _versions(checks):
                    found = [finding.as_dict() for finding in known[name]]
                    kept.keep_result(*place, name, version, keys[name], found)
        done += source.fov.shape[0]
        count(0, total)
        names = [name for name, _ in _versions(checks) if name in known]
        yield FovResult(number, *place, _told_once(known, names, source.fov.shape[0]), n_frames)


def recall_index(
    index: MultiExperimentIndex, checks: Sequence[PixelCheck], kept: KeptResults
) -> Iterator[FovResult]:
    """Give what is known of FOVs that were scanned before; no image is read.

    Parameters
    ----------
    index : MultiExperimentIndex
        As for `scan_index`.
    checks : sequence of PixelCheck
    kept : KeptResults
    """
    for number, source in enumerate(index.fovs):
        place = (source.experiment, source.fov.name)
        keys = _keys(checks, scanned_fov(index, number), index.settings.missing_chunks)
        known = _known(kept, place, checks, keys)
        if len(known) == len(_versions(checks)):
            names = [name for name, _ in _versions(checks)]
            findings = _told_once(known, names, source.fov.shape[0])
            yield FovResult(number, *place, findings, 0)


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


def _keys(
    checks: Sequence[PixelCheck], scanned: ScannedFov, missing_chunks: MissingChunks
) -> dict[str, str]:
    """What the findings of each check follow from."""
    key = data_key(scanned, missing_chunks)
    keys = {READING: key, **{check.name: key for check in checks}}
    for check in checks:
        if check.stamp is not None:
            told = f"{key} {check.stamp(scanned.source)}".encode()
            keys[check.name] = hashlib.blake2b(told, digest_size=16).hexdigest()
    return keys


def _versions(checks: Sequence[PixelCheck]) -> list[tuple[str, int]]:
    return [*((check.name, check.version) for check in checks), (READING, _READING_VERSION)]


def _told_once(
    by_check: dict[str, tuple[Finding, ...]], names: Sequence[str], n_frames: int
) -> tuple[Finding, ...]:
    """All findings but those that another one gives the cause of.

    Where an acquisition was stopped, chunks are missing; where the focus is lost for good, single
    cells look another from then on.
    """
    listed = [finding for name in names for finding in by_check[name]]
    stopped: set[int | None] = set()
    unfocused: set[int | None] = set()
    for finding in listed:
        frames = {target.t for targets in finding.settled_by[:1] for target in targets}
        if finding.kind == "blank-frame" and n_frames - 1 in frames:
            stopped |= frames
        if finding.kind == "focus-lost":
            unfocused.add(finding.t)

    def has_cause(finding: Finding) -> bool:
        if finding.kind == "missing-chunks":
            return {target.t for target in finding.settled_by[0]} <= stopped
        lone = finding.kind == "changed-cell" and len(finding.tracks) == 1
        return lone and finding.t in unfocused

    return tuple(finding for finding in listed if not has_cause(finding))


def _known(
    kept: KeptResults, place: Place, checks: Sequence[PixelCheck], keys: dict[str, str]
) -> dict[str, tuple[Finding, ...]]:
    known = {}
    for name, version in _versions(checks):
        found = kept.kept_result(*place, name, version, keys[name])
        if found is not None:
            known[name] = tuple(Finding.of_dict(finding) for finding in found)
    return known


@dataclass(frozen=True)
class PixelScan:
    """What the images of one FOV gave.

    Attributes
    ----------
    result : FovResult
    to_keep : tuple
        Arguments of `KeptResults.keep_result`; empty where another try is worth it.
    data_version : int
        Of the data that was scanned.
    """

    result: FovResult
    to_keep: tuple[tuple[Any, ...], ...]
    data_version: int


@dataclass
class HeldResults:
    """Looks results up where they are kept, and holds new ones back.

    Attributes
    ----------
    kept : KeptResults
    held : list of tuple
        Arguments with which `keep_result` was called.
    """

    kept: KeptResults
    held: list[tuple[Any, ...]] = field(default_factory=list)

    def kept_result(
        self, experiment: str, fov: str, check: str, version: int, data_key: str
    ) -> list[dict[str, Any]] | None:
        """Give a check's findings of one FOV; None if they are not kept."""
        return self.kept.kept_result(experiment, fov, check, version, data_key)

    def keep_result(self, *of_one_check: Any) -> None:
        """Hold a check's findings of one FOV."""
        self.held.append(of_one_check)


class ScanOrder:
    """Which FOV is scanned next; one thread takes them while another says which is wanted first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[Place] = []
        self._first: Place | None = None

    def put(self, places: Sequence[Place]) -> None:
        """Scan these experiments and FOVs, in this order unless one is wanted first."""
        with self._lock:
            self._left = list(places)

    def want_first(self, place: Place) -> None:
        """Take this one next, if it is still to be scanned."""
        with self._lock:
            self._first = place

    def take(self) -> Place | None:
        """Give the next one, which is then no longer to be scanned; None at the end."""
        with self._lock:
            if not self._left:
                return None
            number = self._left.index(self._first) if self._first in self._left else 0
            return self._left.pop(number)
