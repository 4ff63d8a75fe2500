"""Lasting changes of cells between two frames of a track, against the track's own variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.qc.find.registry import ScannedFov

    BoolArray = NDArray[np.bool_]
    Int64Array = NDArray[np.int64]
    Float64Array = NDArray[np.float64]

WINDOW = 3
_MOST_GAP = 2
_ODD_FACTOR = 2.0
_BEFORE_DIVISION_MINUTES, _AFTER_DIVISION_MINUTES = 45.0, 75.0
_FEWEST_LINKS, _FEWEST_OWN_LINKS, _FEWEST_IN_FRAME = 30, 5, 5
_MANY_IN_FRAME = 12
_MOST_DEVIATIONS = 20.0
_SD_OF_MEDIAN = 1.4826


@dataclass(frozen=True, eq=False)
class CellChanges:
    """Links of tracks that have enough frames on both sides, none of them near a track's end.

    Attributes
    ----------
    row : ndarray of int64, shape (links,)
        The first observation after the link, in the FOV's order.
    before, after : ndarray of float64, shape (links, features)
        Medians of the frames on either side, as multiples of what is usual; what all cells of the
        frame have in common is taken off.
    deviation : ndarray of float64, shape (links, features)
        What counts as usual variation of the track.
    lasting : ndarray of float64, shape (links,)
        How much of the lasting change happens between the two frames.
    """

    row: Int64Array
    before: Float64Array
    after: Float64Array
    deviation: Float64Array
    lasting: Float64Array

    def returns(self, track: Int64Array, link: int) -> bool:
        """Whether the cell looks as before again soon, or had looked so shortly before.

        Parameters
        ----------
        track : ndarray of int64, shape (links,)
            Track of every link.
        link : int
        """
        change = self.distance(np.array([link]), np.array([link]))[0]
        for one, other in ((link, link + WINDOW), (link - WINDOW, link)):
            known = one >= 0 and other < len(track) and track[one] == track[other]
            if known and self.distance(np.array([one]), np.array([other]))[0] < change / 2:
                return True
        return False

    def distance(self, one: Int64Array, other: Int64Array) -> Float64Array:
        """Mean squared change, in deviations, if `other` came after `one`."""
        apart = (self.after[other] - self.before[one]) / self.deviation[one]
        squared: Float64Array = (np.clip(apart, -_MOST_DEVIATIONS, _MOST_DEVIATIONS) ** 2).mean(
            axis=1
        )
        return squared


def find_changes(fov: ScannedFov, rings: Float64Array) -> CellChanges | None:
    """Compare the frames before and after each link; None where there are too few links.

    Parameters
    ----------
    fov : ScannedFov
    rings : ndarray of float64, shape (cells, slots, rings)
        NaN where a cell was not seen.
    """
    seen = np.flatnonzero(np.isfinite(rings).all(axis=(1, 2)))
    order = seen[np.lexsort((fov.t[seen], fov.track_id[seen]))]
    if len(order) < _FEWEST_LINKS:
        return None
    features = _on_one_scale(rings[order], fov.t[order]).reshape(len(order), -1)
    typical = np.median(np.abs(features), axis=0)
    features = np.arcsinh(2 * features / np.where(typical > 0, typical, 1))
    link = np.arange(WINDOW, len(order) - WINDOW + 1)
    track, t = fov.track_id[order], fov.t[order]
    link = link[_is_sound(fov, track, t, link)]
    if len(link) < _FEWEST_LINKS:
        return None
    before = np.median([features[link - back] for back in range(1, WINDOW + 1)], axis=0)
    after = np.median([features[link + on] for on in range(WINDOW)], axis=0)
    step = features[link] - features[link - 1]
    common = _common_change(after - before, t[link])
    after = after - common
    change = after - before
    usual = _SD_OF_MEDIAN * np.median(np.abs(change), axis=0)
    told = usual > 0
    if not told.any():
        return None
    deviation = np.maximum(usual, _own_deviation(change, track[link]))
    square = (change[:, told] / deviation[:, told]) ** 2
    along = (change[:, told] / deviation[:, told] ** 2 * (step - common)[:, told]).sum(axis=1)
    return CellChanges(
        row=order[link],
        before=before[:, told],
        after=after[:, told],
        deviation=deviation[:, told],
        lasting=along / np.maximum(square.sum(axis=1), 1e-12),
    )


def odd_frames(spread: Float64Array) -> BoolArray:
    """Frames whose contrast is, for a short while, quite other than around them.

    Parameters
    ----------
    spread : ndarray of float64, shape (frames, slots)
        Standard deviation of the image; NaN for frames that were not seen.
    """
    padded = np.pad(spread, ((WINDOW, WINDOW), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * WINDOW + 1, axis=0)
    usual = np.sort(windows, axis=-1)[..., WINDOW]
    odd = (spread * _ODD_FACTOR < usual) | (spread > usual * _ODD_FACTOR)
    return np.asarray(odd.any(axis=1))


def _is_sound(fov: ScannedFov, track: Int64Array, t: Int64Array, link: Int64Array) -> BoolArray:
    """Whether the frames around a link are of one track, with no long gap, far from its ends.

    Cells look another around divisions, and any end may be one: of a mother whose daughters were
    not linked, or beyond the movie.
    """
    first, last = link - WINDOW, link + WINDOW - 1
    sound: BoolArray = track[first] == track[last]
    sound &= t[last] - t[first] < 2 * WINDOW + _MOST_GAP
    tracks, start = np.unique(fov.track_id, return_index=True)
    # Rows are sorted by frame: the first of a track from either end is its first or last frame.
    _, from_end = np.unique(fov.track_id[::-1], return_index=True)
    number = np.searchsorted(tracks, track[link])
    minutes = (t[first] - fov.t[start][number]) * fov.interval_minutes
    sound &= minutes >= _AFTER_DIVISION_MINUTES
    minutes = (fov.t[::-1][from_end][number] - t[last]) * fov.interval_minutes
    return sound & (minutes >= _BEFORE_DIVISION_MINUTES)


def _on_one_scale(rings: Float64Array, t: Int64Array) -> Float64Array:
    """Divide by the usual brightness of the frame's cells in each slot, where they are many.

    The spread of the image, which they are given in, changes with debris too.
    """
    frames = _by_number(t)
    if np.median([len(rows) for rows in frames]) < _MANY_IN_FRAME:
        return rings
    scaled = rings.copy()
    for rows in frames:
        usual = np.median(np.abs(rings[rows]).mean(axis=2), axis=0)
        scaled[rows] /= np.where(usual > 0, usual, 1)[:, None]
    return scaled


def _by_number(number: Int64Array) -> list[Int64Array]:
    """Places of each value."""
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1)


def _common_change(change: Float64Array, t: Int64Array) -> Float64Array:
    """Median change of all cells at each link's frame; 0 where they are few."""
    common = np.zeros_like(change)
    for rows in _by_number(t):
        if len(rows) >= _FEWEST_IN_FRAME:
            common[rows] = np.median(change[rows], axis=0)
    return common


def _own_deviation(change: Float64Array, track: Int64Array) -> Float64Array:
    """Usual change of each link's own track; 0 where it has few links."""
    deviation = np.zeros_like(change)
    for rows in np.split(np.arange(len(track)), np.flatnonzero(np.diff(track)) + 1):
        if len(rows) >= _FEWEST_OWN_LINKS:
            deviation[rows] = _SD_OF_MEDIAN * np.median(np.abs(change[rows]), axis=0)
    return deviation
