"""All findings of a review, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lineage_triplets.qc.channels import ChannelInspection, inspect_channels
from lineage_triplets.qc.checks import load_checks
from lineage_triplets.qc.checks.track_data import TrackData
from lineage_triplets.qc.findings import (
    PIXEL_CHECKS,
    SETTINGS_CHECKS,
    SEVERITIES,
    TABLE_CHECKS,
    Finding,
    finding_of,
)
from lineage_triplets.qc.frame_scan import recall_index, scan_index
from lineage_triplets.qc.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lineage_triplets.engine.problems import Problem
    from lineage_triplets.qc.applied import Applied
    from lineage_triplets.qc.decisions import Decision, DecisionLog
    from lineage_triplets.qc.workspace import Workspace

    LineageOf = Callable[[Target], Target | None]
    Progress = Callable[[str, int, int], None]
    Stop = Callable[[], bool]

Status = Literal["open", "settled", "waived"]


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """A finding and what became of it.

    Attributes
    ----------
    finding : Finding
    status : {"open", "settled", "waived"}
    decision : Decision or None
        The last one that settled or waived it.
    can_be_waived : bool
        Whether training could load the data with it.
    """

    finding: Finding
    status: Status
    decision: Decision | None = None
    can_be_waived: bool = True


class FindingsBoard:
    """Runs checks and keeps what they found.

    Parameters
    ----------
    workspace : Workspace
    log : DecisionLog
        Keeps the results of finished pixel checks.
    """

    def __init__(self, workspace: Workspace, log: DecisionLog) -> None:
        load_checks()
        self._workspace = workspace
        self._log = log
        self._tables: list[Finding] | None = None
        self._settings: list[Finding] | None = None
        self._pixels: dict[tuple[str, str], list[Finding]] = {}
        self.inspection: ChannelInspection | None = None
        self.config_problems: list[Problem] = []

    def data_changed(self) -> None:
        """Forget everything that was found in the data."""
        self._tables = self._settings = self.inspection = None
        self._pixels.clear()

    def settings_changed(self) -> None:
        """Forget what depends on settings and decisions."""
        self._settings = None

    def channels_changed(self) -> None:
        """Compare the slots again, by what was measured already."""
        self._settings = None
        self._pixels.clear()
        maps = self._workspace.registry.channel_maps if self._workspace.opened else {}
        if self.inspection is not None and self.inspection.channel_maps.keys() == maps.keys():
            self.inspection = self.inspection.remapped(maps)
        else:
            self.inspection = None

    def check_tables(self) -> None:
        """Run all checks of tables."""
        if self._tables is None and self._workspace.opened:
            tracks = TrackData.of_index(self._workspace.raw)
            self._tables = [one for check in TABLE_CHECKS.values() for one in check.run(tracks)]

    def check_settings(self) -> None:
        """Run all checks of config and settings."""
        if self._settings is None and self._workspace.opened:
            index = self._workspace.training
            self._settings = [one for check in SETTINGS_CHECKS.values() for one in check.run(index)]

    def check_channels(self, progress: Progress | None = None, stop: Stop | None = None) -> None:
        """Look at what is in each slot, unless that was done."""
        unfinished = self.inspection is None or not self.inspection.complete
        if unfinished and self._workspace.opened:

            def said(done: int, total: int) -> None:
                if progress is not None:
                    progress("channels", done, total)

            self.inspection = inspect_channels(self._workspace.raw, progress=said, stop=stop)
        if self.inspection is not None and any(one.proof is None for one in self.inspection.slots):
            self.inspection = self.inspection.proved(self._workspace.raw)

    def check_pixels(
        self,
        fovs: Sequence[tuple[str, str]] | None = None,
        *,
        anew: bool = False,
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
        progress : callable, optional
            Gets what is scanned, how much of it is done, and how much there is.
        stop : callable, optional
            Asked between frames; True ends the scan, and a later one goes on from there.

        Returns
        -------
        int
            Number of FOVs that are done.
        """
        if not self._workspace.opened:
            return 0

        def said(done: int, total: int) -> None:
            if progress is not None:
                progress("images", done, total)

        raw = self._workspace.raw
        places = [(one.experiment, one.fov.name) for one in raw.fovs]
        for result in scan_index(
            raw,
            list(PIXEL_CHECKS.values()),
            kept=self._log,
            anew=anew,
            fovs=None if fovs is None else [places.index(one) for one in fovs],
            progress=said,
            stop=stop,
        ):
            self._pixels[result.experiment, result.fov] = list(result.findings)
        return len(self._pixels)

    def recall_pixels(self) -> None:
        """Take up what earlier scans of these very images found; nothing is read."""
        if self._workspace.opened:
            for result in recall_index(self._workspace.raw, list(PIXEL_CHECKS.values()), self._log):
                self._pixels[result.experiment, result.fov] = list(result.findings)

    @property
    def scanned(self) -> set[tuple[str, str]]:
        """Experiments and FOVs whose images were checked."""
        return set(self._pixels)

    def _loading(self) -> list[Problem]:
        return [*self.config_problems, *self._workspace.load_problems()]

    def found(self) -> list[Finding]:
        """Everything found so far, the worst first; one finding a key."""
        loading = [finding_of(one) for one in self._loading()]
        channels = [] if self.inspection is None else list(self.inspection.findings())
        pixels = [one for listed in self._pixels.values() for one in listed]
        everything = [
            *loading, *(self._settings or []), *channels, *pixels, *(self._tables or [])
        ]  # fmt: skip
        distinct: dict[str, Finding] = {}
        for one in everything:
            finding, number = one, 1
            while finding.key in distinct and distinct[finding.key] != finding:
                number += 1
                finding = replace(one, detail=f"{one.detail}#{number}")
            distinct[finding.key] = finding
        return sorted(distinct.values(), key=lambda one: SEVERITIES.index(one.severity))

    def reviewed(self, applied: Applied) -> list[ReviewedFinding]:
        """Everything found so far, with what became of it."""
        unloadable = {finding_of(one).key for one in self._loading() if one.severity == "error"}
        lineage_of = self._workspace.lineage_of
        return [
            status_of(one, applied, lineage_of, can_be_waived=one.key not in unloadable)
            for one in self.found()
        ]


def status_of(
    finding: Finding, applied: Applied, lineage_of: LineageOf, *, can_be_waived: bool = True
) -> ReviewedFinding:
    """Say what became of a finding, given the decisions in effect.

    Parameters
    ----------
    finding : Finding
    applied : Applied
    lineage_of : callable
        From a track (or a link, or a cell) to its lineage as it is after the cuts.
    can_be_waived : bool
    """
    for targets in finding.settled_by:
        decisions = [_settles(one, applied, lineage_of) for one in targets]
        if targets and all(one is not None for one in decisions):
            return ReviewedFinding(finding, "settled", decisions[-1], can_be_waived)
    waived = applied.waived.get(finding.key)
    if waived is not None and can_be_waived:
        return ReviewedFinding(finding, "waived", waived)
    return ReviewedFinding(finding, "open", None, can_be_waived)


def _settles(target: Target, applied: Applied, lineage_of: LineageOf) -> Decision | None:
    """Find the decision that cuts a link, or rejects a target or what holds it."""
    if target.level == "link" and target in applied.cuts:
        return applied.cuts[target]
    experiment, fov = target.experiment, target.fov
    holders: list[Target | None] = [target]
    if fov and target.level != "well":
        holders.append(Target("fov", experiment, fov))
        holders.append(Target("well", experiment, fov.rpartition("/")[0] or fov))
    if target.level == "observation":
        holders.append(Target("frame", experiment, fov, t=target.t))
        holders.append(Target("track", experiment, fov, track=target.track))
    if target.track and (applied.rejected.keys() - set(holders)):
        holders.append(lineage_of(target))
    found = (applied.rejected.get(one) for one in holders if one is not None)
    return next((one for one in found if one is not None), None)
