"""Tracks whose cell looks another from one frame to the next, and stays so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.checks import PixelCheck, ScannedFov, register
from lineage_triplets.qc.find.finding import Evidence, Finding
from lineage_triplets.qc.find.pixels.cell_changes import (
    N_RINGS,
    WINDOW,
    CellChanges,
    RingReader,
    find_changes,
    odd_frames,
)
from lineage_triplets.qc.find.pixels.frames import frame_statistics
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.arrays import BoolArray, Int64Array, Pixels


_EXCHANGE_GAIN = 2.5
_LEAST_CHANGE, _LEAST_AT_ONCE = 45.0, 0.75
_REACH_RINGS = 16.0


@dataclass(frozen=True)
class _Exchange:
    """Two links that fit better crosswise."""

    gain: float
    one: int
    other: int


class ChangedCellScan:
    """Measures every cell in every frame, and compares the frames before and after each link."""

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self._reader = RingReader(fov)
        n_frames = fov.source.fov.shape[0]
        self._spread = np.full((n_frames, len(fov.slot_labels)), np.nan)
        self._rings = np.full((len(fov.t), len(fov.slot_labels), N_RINGS), np.nan)

    def see(self, t: int, image: Pixels) -> None:
        """Measure the cells of one frame, (C, Z, Y, X)."""
        rows, rings = self._reader.measure(t, image)
        self._rings[rows] = rings
        self._spread[t] = frame_statistics(image).spread.mean(axis=1)

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each two cells that seem exchanged, and for each that changes."""
        odd = odd_frames(self._spread)
        changes = find_changes(
            self._fov, np.where(odd[self._fov.t, None, None], np.nan, self._rings)
        )
        if changes is None:
            return
        taken: set[int] = set()
        for exchange in self._exchanges(changes):
            if not taken & {exchange.one, exchange.other}:
                taken |= self._around(changes, exchange.one) | self._around(changes, exchange.other)
                yield self._exchanged(changes, exchange)
        links, tracks = np.arange(len(changes.row)), self._fov.track_id[changes.row]
        change = changes.distance(links, links)
        single = (change > _LEAST_CHANGE) & (changes.lasting > _LEAST_AT_ONCE)
        for link in np.flatnonzero(single)[np.argsort(-change[single], kind="stable")].tolist():
            if link not in taken and not changes.returns(tracks, link):
                taken |= self._around(changes, link)
                yield self._changed(changes, link, float(change[link]))

    def _exchanges(self, changes: CellChanges) -> list[_Exchange]:
        """Neighbours at one frame that fit better crosswise, the clearest first."""
        fov, found = self._fov, []
        every = np.arange(len(changes.row))
        own = changes.distance(every, every)
        t = fov.t[changes.row]
        order = np.argsort(t, kind="stable")
        for links in np.split(order, np.flatnonzero(np.diff(t[order])) + 1):
            # At least one of two that were exchanged looks much changed.
            changed = links[own[links] > _EXCHANGE_GAIN / 2]
            one, other = np.repeat(changed, len(links)), np.tile(links, len(changed))
            near = self._are_near(changes.row[one], changes.row[other]) & (one != other)
            one, other = one[near], other[near]
            straight = own[one] + own[other]
            at_once = own[one] * changes.lasting[one] + own[other] * changes.lasting[other]
            forth, back = changes.distance(one, other), changes.distance(other, one)
            gain = straight - forth - back
            gain /= np.sqrt(1 + np.minimum(straight, forth + back))
            exchanged = (gain > _EXCHANGE_GAIN) & (at_once > _LEAST_AT_ONCE * straight)
            exchanged &= (forth < own[one]) & (back < own[other])
            found += [
                _Exchange(float(gain[k]), int(one[k]), int(other[k]))
                for k in np.flatnonzero(exchanged)
            ]
        return sorted(found, key=lambda exchange: (-exchange.gain, exchange.one, exchange.other))

    def _are_near(self, one: Int64Array, other: Int64Array) -> BoolArray:
        apart = np.hypot(
            self._fov.y[one] - self._fov.y[other], self._fov.x[one] - self._fov.x[other]
        )
        near: BoolArray = apart < _REACH_RINGS * self._reader.width_px
        return near

    def _around(self, changes: CellChanges, link: int) -> set[int]:
        """Links of the same track whose frames overlap with those of a link."""
        fov, row = self._fov, changes.row[link]
        same = fov.track_id[changes.row] == fov.track_id[row]
        near = np.abs(fov.t[changes.row] - fov.t[row]) < 2 * WINDOW
        return set(np.flatnonzero(same & near).tolist())

    def _exchanged(self, changes: CellChanges, exchange: _Exchange) -> Finding:
        rows = [int(changes.row[link]) for link in (exchange.one, exchange.other)]
        tracks = [int(self._fov.track_id[row]) for row in rows]
        t = int(self._fov.t[rows[0]])
        slot, ring, first = self._clearest(rows[0])
        second = self._levels(rows[1], slot, ring)
        return self._finding(
            tracks,
            t,
            f"Tracks {tracks[0]} and {tracks[1]} look as if they exchanged cells between frames "
            f"{t - 1} and {t}: {self._place(slot, ring)} goes from {first[0]:.1f} to "
            f"{first[1]:.1f} in the one and from {second[0]:.1f} to {second[1]:.1f} in the other "
            "(standard deviations of the image above its background), and stays so.",
            "Look at both frames; cut both links if the cells differ.",
            (
                Evidence("fit gained by exchanging", exchange.gain),
                Evidence("brightness before", first[0], "SD"),
                Evidence("brightness after", first[1], "SD"),
            ),
        )

    def _changed(self, changes: CellChanges, link: int, change: float) -> Finding:
        row = int(changes.row[link])
        track, t = int(self._fov.track_id[row]), int(self._fov.t[row])
        slot, ring, (before, after) = self._clearest(row)
        return self._finding(
            [track],
            t,
            f"The cell of track {track} looks another from frame {t} on: "
            f"{self._place(slot, ring)} goes from {before:.1f} to {after:.1f} (standard deviations "
            f"of the image above its background), {np.sqrt(change):.0f} times its usual change, "
            "and stays so.",
            "Look at both frames; cut the link if the tracker took another cell.",
            (
                Evidence("change against the usual", float(np.sqrt(change))),
                Evidence("brightness before", before, "SD"),
                Evidence("brightness after", after, "SD"),
            ),
        )

    def _finding(
        self,
        tracks: list[int],
        t: int,
        sentence: str,
        remedy: str,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        experiment, fov = self._fov.source.experiment, self._fov.source.fov.name
        return Finding(
            kind="changed-cell",
            severity="warning",
            sentence=sentence,
            remedy=remedy,
            experiment=experiment,
            fov=fov,
            tracks=tuple(tracks),
            t=t,
            evidence=evidence,
            settled_by=(
                tuple(Target("link", experiment, fov, str(track), t=t) for track in tracks),
                tuple(Target("track", experiment, fov, str(track)) for track in tracks),
            ),
        )

    def _clearest(self, row: int) -> tuple[int, int, tuple[float, float]]:
        """Slot and ring in which a cell changes most, and its levels before and after."""
        levels = [
            (slot, ring, self._levels(row, slot, ring))
            for slot in range(len(self._fov.slot_labels))
            for ring in range(N_RINGS)
        ]
        return max(levels, key=lambda change: abs(change[2][1] - change[2][0]))

    def _levels(self, row: int, slot: int, ring: int) -> tuple[float, float]:
        """Median brightness in the frames before an observation, and from it on."""
        fov = self._fov
        seen = np.isfinite(self._rings[:, slot, ring]) & (fov.track_id == fov.track_id[row])
        own = np.flatnonzero(seen)
        values, place = self._rings[own, slot, ring], int(np.searchsorted(own, row))
        before = np.median(values[max(0, place - WINDOW) : place])
        return float(before), float(np.median(values[place : place + WINDOW]))

    def _place(self, slot: int, ring: int) -> str:
        label, width = self._fov.slot_labels[slot], self._reader.width_px
        if ring == 0:
            return f"{label} at the centre"
        return f"{label} at {ring * width:.0f} to {(ring + 1) * width:.0f} px from the centre"


register(PixelCheck("changed-cell", ("changed-cell",), 1, ChangedCellScan))
