"""Pixel checks over all images: FOV by FOV, here or on a cluster; stopped and resumed at will.

A snapshot of the findings scans FOV by FOV in its thread; the findings that it was taken of take
each `PixelScan` in theirs, and keep it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lineage_triplets.engine.cluster import LostWorkersError, on_cluster
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, ScannedFov, load_checks
from lineage_triplets.qc.find.finding import Finding
from lineage_triplets.qc.find.pixels.frame_reading import unreadable_store
from lineage_triplets.qc.find.pixels.frame_scan import (
    READING,
    READING_VERSION,
    ScanResult,
    data_key,
    scan_fov,
    scanned_fov,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import MissingChunks
    from lineage_triplets.qc.find.checks import PixelCheck

    Place = tuple[str, str]


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


def scan_index(
    index: MultiExperimentIndex,
    checks: Sequence[PixelCheck],
    *,
    kept: KeptResults | None = None,
    anew: bool = False,
    fovs: Sequence[int] | None = None,
    scheduler: str | None = None,
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
    scheduler : str, optional
        Address of a dask scheduler whose workers read, a FOV each, as they become ready; this
        process by default. Checks are those that are registered.
    progress : callable, optional
        Called with the frames done and the frames of all these FOVs.
    stop : callable, optional
        Asked before each frame; the FOV that is being read starts over another time.

    Raises
    ------
    ForkedReadError
        This process was forked from one that had read images.
    ConfigError
        There is no such scheduler, or dask.distributed is not installed.
    """
    numbers = range(len(index.fovs)) if fovs is None else fovs
    run = _Run(index, checks, kept, progress, numbers)
    to_workers = []
    for number in numbers:
        if stop is not None and stop():
            return
        asked = _asked(index, number, checks, None if anew else kept)
        if asked.is_known:
            yield run.finish(asked, ScanResult(0))
        elif scheduler is not None:
            to_workers.append(asked)
        else:
            result = run.scan(asked, stop)
            if result is None:
                return
            yield run.finish(asked, result)
    if scheduler is not None and to_workers:
        yield from run.scan_on_cluster(scheduler, to_workers, stop)


class _Run:
    """One scan of some FOVs, and how far it is."""

    def __init__(
        self,
        index: MultiExperimentIndex,
        checks: Sequence[PixelCheck],
        kept: KeptResults | None,
        progress: Callable[[int, int], None] | None,
        numbers: Sequence[int],
    ) -> None:
        self._missing_chunks = index.settings.missing_chunks
        self._checks = checks
        self._kept = kept
        self._progress = progress
        self._done = 0
        self._total = sum(index.fovs[number].fov.shape[0] for number in numbers)

    def scan(self, asked: _Asked, stop: Callable[[], bool] | None) -> ScanResult | None:
        """Scan one FOV in this process; nothing is given if it is stopped."""
        return scan_fov(
            asked.scanned,
            asked.wanted,
            missing_chunks=self._missing_chunks,
            on_frame=self._count,
            stop=stop,
        )

    def scan_on_cluster(
        self, scheduler: str, listed: Sequence[_Asked], stop: Callable[[], bool] | None
    ) -> Iterator[FovResult]:
        """Scan FOVs by the workers of a scheduler, as they become ready."""
        tasks = [
            (asked.scanned, [check.name for check in asked.wanted], self._missing_chunks)
            for asked in listed
        ]
        for place, answer in on_cluster(scheduler, _scan_on_worker, tasks, stop=stop):
            asked = listed[place]
            if isinstance(answer, LostWorkersError):
                lost = unreadable_store(asked.scanned.source, answer)
                yield self.finish(asked, ScanResult(0, {READING: (lost,)}, complete=False))
            else:
                yield self.finish(asked, answer)

    def finish(self, asked: _Asked, result: ScanResult) -> FovResult:
        """Keep what was found, and put it together with what was known."""
        known = asked.known | result.by_check
        if self._kept is not None and result.complete and not asked.is_known:
            for name, version in _versions(self._checks):
                found = [finding.as_dict() for finding in known[name]]
                self._kept.keep_result(*asked.place, name, version, asked.keys[name], found)
        n_frames = asked.scanned.source.fov.shape[0]
        self._done += n_frames
        self._count(0, n_frames)
        names = [name for name, _ in _versions(self._checks) if name in known]
        findings = _told_once(known, names, n_frames)
        return FovResult(asked.number, *asked.place, findings, result.n_frames)

    def _count(self, frames: int, _: int) -> None:
        if self._progress is not None:
            self._progress(self._done + frames, self._total)


def _scan_on_worker(
    scanned: ScannedFov, names: Sequence[str], missing_chunks: MissingChunks
) -> ScanResult:
    load_checks()
    result = scan_fov(
        scanned, [PIXEL_CHECKS[name] for name in names], missing_chunks=missing_chunks
    )
    assert result is not None  # Nobody stops it.
    return result


@dataclass(frozen=True)
class _Asked:
    """A FOV that results are asked of, and what is known.

    Attributes
    ----------
    number : int
    scanned : ScannedFov
    keys : dict of str to str
        What the findings of each check follow from.
    known : dict of str to tuple of Finding
    wanted : list of PixelCheck
    is_known : bool
        Whether nothing is to be read.
    """

    number: int
    scanned: ScannedFov
    keys: dict[str, str]
    known: dict[str, tuple[Finding, ...]]
    wanted: list[PixelCheck]
    is_known: bool

    @property
    def place(self) -> Place:
        return self.scanned.source.experiment, self.scanned.source.fov.name


def _asked(
    index: MultiExperimentIndex,
    number: int,
    checks: Sequence[PixelCheck],
    kept: KeptResults | None,
) -> _Asked:
    scanned = scanned_fov(index, number)
    source = scanned.source
    keys = _keys(checks, scanned, index.settings.missing_chunks)
    place = (source.experiment, source.fov.name)
    known = {} if kept is None else _known(kept, place, checks, keys)
    wanted = [check for check in checks if check.name not in known]
    is_known = len(known) == len(_versions(checks))
    return _Asked(number, scanned, keys, known, wanted, is_known)


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
        asked = _asked(index, number, checks, kept)
        if asked.is_known:
            names = [name for name, _ in _versions(checks)]
            findings = _told_once(asked.known, names, source.fov.shape[0])
            yield FovResult(number, *asked.place, findings, 0)


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
    return [*((check.name, check.version) for check in checks), (READING, READING_VERSION)]


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
