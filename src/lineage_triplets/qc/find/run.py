"""Runs the checks and keeps what they found."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem, StoppedError, UnknownNameError
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, SETTINGS_CHECKS, TABLE_CHECKS, load_checks
from lineage_triplets.qc.find.finding import SEVERITIES, Finding, finding_of
from lineage_triplets.qc.find.pixels.index_scan import (
    FovResult,
    HeldResults,
    PixelScan,
    recall_index,
    scan_index,
)
from lineage_triplets.qc.find.placement import (
    KnownPlacement,
    Placement,
    common_misfit,
    look_at_index,
    placement_findings,
    recall_placements,
)
from lineage_triplets.qc.find.track_data.data import TrackData

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PIL.Image import Image

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.track_transform import TrackTransform
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record import DecisionLog

    Progress = Callable[[str, int, int], None]
    Stop = Callable[[], bool]


class Checks:
    """The checks of a review, and what they found so far.

    Parameters
    ----------
    data : ReviewData
    log : DecisionLog
        Keeps the results of finished pixel checks.
    """

    def __init__(self, data: ReviewData, log: DecisionLog) -> None:
        load_checks()
        self._data = data
        self._log = log
        self._tables: list[Finding] | None = None
        self._settings: list[Finding] | None = None
        self._follows_settings = False
        # Replaced and never changed: snapshots share it.
        self._pixels: Mapping[tuple[str, str], Sequence[Finding]] = {}
        self._placements: Mapping[tuple[str, str], KnownPlacement] = {}
        # The version of the data for which it was done.
        self._recalled: int | None = None
        self.inspection: ChannelInspection | None = None
        self.config_problems: tuple[Problem, ...] = ()

    def snapshot(self, log: DecisionLog) -> Checks:
        """Give what was found up to now, to go on from there with a snapshot of the log."""
        twin: Checks = copy.copy(self)
        twin._log = log
        return twin

    def take_up(self, snapshot: Checks) -> bool:
        """Keep what a snapshot found in data that are the same; gives whether anything is new."""
        if self._data.data_version != snapshot._data.data_version:
            return False
        before = self._extent
        if self._tables is None:
            self._tables = snapshot._tables
        if self._settings is None and self._data is snapshot._data:
            self._settings = snapshot._settings
        unfinished = self.inspection is None or not self.inspection.complete
        if unfinished or (_is_whole(snapshot.inspection) and not _is_whole(self.inspection)):
            self.inspection = snapshot.inspection or self.inspection
        self._pixels = {**snapshot._pixels, **self._pixels}
        for found in snapshot._placements.values():
            if found.place not in self._placements:
                # What a snapshot keeps is kept in memory alone.
                found.keep(self._log)
        self._placements = {**snapshot._placements, **self._placements}
        if snapshot._recalled == self._data.data_version:
            self._recalled = snapshot._recalled
        return before != self._extent

    @property
    def _extent(self) -> tuple[object, ...]:
        """What was found up to now, to tell whether there is more."""
        n_fovs = len(self._pixels), len(self._placements)
        return self._tables, self._settings, self.inspection, *n_fovs

    def follow(self, data: ReviewData) -> None:
        """Go on with other data of this review; what was found in what is the same is kept."""
        before, self._data = self._data, data
        if data is before:
            return
        # A decision that leaves the same to draw from, as an audit's answer, changes none of it.
        same = data.has_training and before.has_training and data.training is before.training
        if not (same and data.settings == before.settings):
            self.settings_changed()
        if data.tables is not before.tables or _places(data) != _places(before):
            self._tables = self.inspection = None
            self._pixels, self._placements = {}, {}
        elif data.experiments != before.experiments:
            self._pixels, self._placements = {}, {}
            # The slots are compared again by what was measured already.
            maps = data.registry.channel_maps if data.opened else {}
            if self.inspection is not None and self.inspection.channel_maps.keys() == maps.keys():
                self.inspection = self.inspection.remapped(maps)
            else:
                self.inspection = None

    def settings_changed(self) -> None:
        """Forget what depends on settings and decisions."""
        self._settings = None

    def run(
        self,
        *,
        channels: bool = True,
        placement: bool = True,
        pixels: bool = False,
        stop: Stop | None = None,
    ) -> None:
        """Run what was not run yet: all but the scan of images, and that where it is asked for."""
        self.check_settings()
        self.check_tables(stop)
        if placement:
            self.check_placement(stop=stop)
        if channels:
            self.check_channels(stop=stop)
        if pixels:
            self.check_pixels(stop=stop)
        else:
            self.recall_pixels()

    def check_tables(self, stop: Stop | None = None) -> None:
        """Run all checks of tables; nothing is kept where `stop`, asked in between, says so."""

        def go_on() -> None:
            if stop is not None and stop():
                raise StoppedError

        if self._tables is None and self._data.opened:
            with contextlib.suppress(StoppedError):
                tracks = TrackData.of_index(self._data.raw, go_on)
                found: list[Finding] = []
                for check in TABLE_CHECKS.values():
                    go_on()
                    found += check.run(tracks)
                self._tables = found

    def check_settings(self) -> None:
        """Run all checks of config and settings; from then on findings follow each change."""
        self._follows_settings = True
        if self._settings is None and self._data.opened:
            index = self._data.training
            self._settings = [
                finding for check in SETTINGS_CHECKS.values() for finding in check.run(index)
            ]

    def check_placement(self, progress: Progress | None = None, stop: Stop | None = None) -> int:
        """Look whether tables lie on their images, FOV by FOV; what is known is not read again.

        Parameters
        ----------
        progress : callable, optional
            Gets what is looked at, how many FOVs are done, and how many there are.
        stop : callable, optional
            Asked between frames; another call goes on from there.

        Returns
        -------
        int
            Number of FOVs that are done.
        """
        if not self._data.opened:
            return 0
        self.recall_pixels()

        def said(done: int, total: int) -> None:
            if progress is not None:
                progress("placement", done, total)

        for known in look_at_index(
            self._data.raw,
            self._data.tables,
            leave_out=frozenset(self._placements),
            progress=said,
            stop=stop,
        ):
            known.keep(self._log)
            self._placements = {**self._placements, known.place: known}
        return len(self._placements)

    @property
    def placements(self) -> list[Placement]:
        """Whether tables lie on their images, as far as FOVs were looked at."""
        return [known.placement for _, known in sorted(self._placements.items())]

    def placement_picture(
        self, experiment: str, fov: str, *, width_px: int | None = None, headed: bool = True
    ) -> Image:
        """Draw a FOV's table on a frame: as it is, and as it would lie where that fits better.

        Parameters
        ----------
        experiment, fov : str
        width_px : int, optional
            How wide it may be.
        headed : bool
            Whether what was found is written over it.

        Raises
        ------
        UnknownNameError
            There is no such FOV, or it was not looked at.
        StoreError, ChunkError
            The frame cannot be read.
        """
        from lineage_triplets.qc.find.placement.picture import placement_picture

        source = self._data.raw.fovs[_fov_number(self._data.raw, experiment, fov)]
        known = self._placements.get((experiment, fov))
        if known is None:
            message = f"FOV {fov!r} was not looked at."
            raise UnknownNameError(
                Problem("unknown-fov", message, "Check the placement first.", experiment=experiment)
            )
        table = self._data.tables(
            source.table, experiment=experiment, fov=fov, reading=source.reading
        )
        return placement_picture(source, table, known.placement, width_px=width_px, headed=headed)

    def placement_remedy(self, experiment: str) -> TrackTransform | None:
        """What would mend the tables of an experiment, whole; None unless one thing mends all."""
        listed = [found for found in self.placements if found.experiment == experiment]
        common = common_misfit(listed)
        return common[0].transform if common else None

    def check_channels(self, progress: Progress | None = None, stop: Stop | None = None) -> None:
        """Look at what is in each slot, unless that was done."""
        if not self._data.opened:
            return
        inspection = self.inspection
        if inspection is None or not inspection.complete:

            def said(done: int, total: int) -> None:
                if progress is not None:
                    progress("channels", done, total)

            self.inspection = inspect_channels(self._data.raw, progress=said, stop=stop)
        elif not _is_whole(inspection):
            self.inspection = inspection.proved(self._data.raw, stop=stop)

    def check_pixels(
        self,
        fovs: Sequence[tuple[str, str]] | None = None,
        *,
        anew: bool = False,
        scheduler: str | None = None,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> int:
        """Run all checks of images, FOV by FOV; finished FOVs are kept and not scanned again.

        Parameters
        ----------
        fovs : sequence of (str, str), optional
            Experiments and FOVs in the order wanted; all by default.
        anew : bool
            Whether finished FOVs are scanned again: images may change under the same metadata.
        scheduler : str, optional
            Address of a dask scheduler whose workers read, under the same paths.
        progress : callable, optional
            Gets what is scanned, how much of it is done, and how much there is.
        stop : callable, optional
            Asked between frames; True ends the scan, and a later one goes on from there.

        Returns
        -------
        int
            Number of FOVs that are done.
        """
        if not self._data.opened:
            return 0

        def said(done: int, total: int) -> None:
            if progress is not None:
                progress("images", done, total)

        raw = self._data.raw
        for result in scan_index(
            raw,
            list(PIXEL_CHECKS.values()),
            kept=self._log,
            anew=anew,
            fovs=None if fovs is None else [_fov_number(raw, *place) for place in fovs],
            scheduler=scheduler,
            progress=said,
            stop=stop,
        ):
            self._keep(result)
        return len(self._pixels)

    def scan_pixels(
        self,
        experiment: str,
        fov: str,
        *,
        anew: bool = False,
        on_frame: Callable[[int, int], None] | None = None,
        stop: Stop | None = None,
    ) -> PixelScan | None:
        """Run all checks of images on one FOV and keep nothing: for a snapshot in its thread.

        Parameters
        ----------
        experiment, fov : str
        anew : bool
            Whether it is read again if what it gave is kept.
        on_frame : callable, optional
            Gets the frames done and their number.
        stop : callable, optional
            Asked between frames; nothing is given once it says so.

        Returns
        -------
        PixelScan or None
            For `take_pixels`.
        """
        raw = self._data.raw
        held = HeldResults(self._log)
        for result in scan_index(
            raw,
            list(PIXEL_CHECKS.values()),
            kept=held,
            anew=anew,
            fovs=[_fov_number(raw, experiment, fov)],
            progress=on_frame,
            stop=stop,
        ):
            return PixelScan(result, tuple(held.held), self._data.data_version)
        return None

    def take_pixels(self, scan: PixelScan) -> None:
        """Keep what a snapshot found in the images of a FOV."""
        for arguments in scan.to_keep:
            self._log.keep_result(*arguments)
        if scan.data_version == self._data.data_version:
            self._keep(scan.result)

    def _keep(self, result: FovResult) -> None:
        self._pixels = {**self._pixels, (result.experiment, result.fov): result.findings}

    def recall_pixels(self) -> None:
        """Take up what earlier scans of these very images found; nothing is read."""
        if not self._data.opened or self._recalled == self._data.data_version:
            return
        self._recalled, raw = self._data.data_version, self._data.raw
        for result in recall_index(raw, list(PIXEL_CHECKS.values()), self._log):
            self._keep(result)
        for known in recall_placements(raw, self._data.tables, self._log):
            self._placements = {known.place: known, **self._placements}

    @property
    def scanned(self) -> set[tuple[str, str]]:
        """Experiments and FOVs whose images were checked."""
        return set(self._pixels)

    def _loading(self) -> list[Problem]:
        return [*self.config_problems, *self._data.load_problems()]

    def found(self) -> list[Finding]:
        """Everything found so far, the worst first; one finding a key."""
        if self._follows_settings:
            self.check_settings()
        if self._recalled is not None:
            self.recall_pixels()
        loading = [finding_of(problem) for problem in self._loading()]
        channels = [] if self.inspection is None else list(self.inspection.findings())
        pixels = [finding for listed in self._pixels.values() for finding in listed]
        placement = list(placement_findings(self.placements))
        everything = [
            *loading, *placement, *(self._settings or []), *channels, *pixels, *(self._tables or [])
        ]  # fmt: skip
        distinct: dict[str, Finding] = {}
        for given in everything:
            finding, number = given, 1
            while finding.key in distinct and distinct[finding.key] != finding:
                number += 1
                finding = replace(given, detail=f"{given.detail}#{number}")
            distinct[finding.key] = finding
        return sorted(distinct.values(), key=lambda finding: SEVERITIES.index(finding.severity))

    def unloadable(self) -> set[str]:
        """Keys of the findings that keep training from loading the data: they cannot be waived."""
        return {
            finding_of(problem).key for problem in self._loading() if problem.severity == "error"
        }


def _places(data: ReviewData) -> list[TrackTransform | None]:
    """Where cells are read in each experiment, besides what its tables say."""
    return [experiment.track_transform for experiment in data.experiments]


def _fov_number(index: MultiExperimentIndex, experiment: str, fov: str) -> int:
    number = index.fov_number(experiment, fov)
    if number < 0:
        raise UnknownNameError(
            Problem(
                "unknown-fov",
                f"there is no FOV {fov!r} with a track table.",
                "Name one that the review lists.",
                experiment=experiment,
            )
        )
    return number


def _is_whole(inspection: ChannelInspection | None) -> bool:
    """Whether all was looked at, and compared with the stores as slots are now."""
    return (
        inspection is not None
        and inspection.complete
        and all(view.proof is not None for view in inspection.slots)
    )
