"""How a cell looks in rings around its centre, and lasting changes of that between two frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.qc.find.pixels.frames import finite_pixels, frame_statistics

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array, Pixels
    from lineage_triplets.qc.find.checks import ScannedFov


WINDOW = 3
_MOST_GAP = 2
_ODD_FACTOR = 2.0
_BEFORE_DIVISION_MINUTES, _AFTER_DIVISION_MINUTES = 45.0, 75.0
_FEWEST_LINKS, _FEWEST_OWN_LINKS, _FEWEST_IN_FRAME = 30, 5, 5
_MANY_IN_FRAME = 12
_MOST_DEVIATIONS = 20.0
_SD_OF_MEDIAN = 1.4826
N_RINGS = 4
_RING_UM = 2.5
_RING_SHARE_OF_SPACING = 0.2
_LEAST_RING_PX, _USUAL_RING_PX = 1.5, 4.0
_MOST_SAMPLES = 25
_SAMPLED_FRAMES = 12


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


class RingReader:
    """Measures all cells of a frame at once.

    Parameters
    ----------
    fov : ScannedFov

    Attributes
    ----------
    width_px : float
        Width of a ring; the innermost is a disc of this radius.
    """

    def __init__(self, fov: ScannedFov) -> None:
        self._fov = fov
        self.width_px = _ring_width(fov)
        reach = int(np.ceil(N_RINGS * self.width_px))
        step = -(-(2 * reach + 1) // _MOST_SAMPLES)
        self._offsets = np.arange(-(reach // step), reach // step + 1) * step
        away = np.hypot(self._offsets[:, None], self._offsets) / self.width_px
        rings = [(away >= number) & (away < number + 1) for number in range(N_RINGS)]
        self._mean = np.array(
            [ring.ravel() / max(ring.sum(), 1) for ring in rings], dtype=np.float32
        )
        self._planes = _planes(fov)

    def measure(self, t: int, image: Pixels) -> tuple[Int64Array, Float64Array]:
        """Measure the cells of one frame, (C, Z, Y, X).

        Returns
        -------
        rows : ndarray of int64, shape (n,)
            Which of the FOV's observations are in the frame.
        rings : ndarray of float64, shape (n, C, rings)
            Brightness above the image's background, in standard deviations of the image; NaN
            where it has no contrast.
        """
        first, last = np.searchsorted(self._fov.t, [t, t + 1])
        rows = np.arange(first, last)
        pixels, statistics = finite_pixels(image), frame_statistics(image)
        z = self._planes[rows]
        y = self._inside(self._fov.y[rows], image.shape[2])[:, :, None]
        x = self._inside(self._fov.x[rows], image.shape[3])[:, None, :]
        rings = np.full((len(rows), len(image), N_RINGS), np.nan)
        for slot, stack in enumerate(pixels if len(rows) else ()):
            windows = stack[z[:, None, None], y, x].reshape(len(rows), -1).astype(np.float32)
            background = np.median(statistics.block_mean[slot], axis=(1, 2)).astype(np.float64)[z]
            spread = statistics.spread[slot].astype(np.float64)[z]
            means = windows @ self._mean.T - background[:, None]
            np.divide(means, spread[:, None], out=rings[:, slot], where=spread[:, None] > 0)
        return rows, rings

    def _inside(self, place: Float64Array, length: int) -> Int64Array:
        """Pixels of the windows along one axis, those beyond the border moved inward."""
        middle = np.floor(place).astype(np.int64)
        inside: Int64Array = np.clip(middle[:, None] + self._offsets, 0, length - 1)
        return inside


def _planes(fov: ScannedFov) -> Int64Array:
    """The slice in which each cell is looked at."""
    depth = fov.source.fov.shape[2]
    if depth > 1 and not fov.z.any():
        # Tracked in a projection: take the middle of what is read.
        start = fov.source.z_start or 0
        read = fov.source.depth if fov.source.z_start is not None else depth
        return np.full(len(fov.z), start + read // 2, dtype=np.int64)
    return np.clip(np.rint(np.nan_to_num(fov.z)), 0, depth - 1).astype(np.int64)


def _ring_width(fov: ScannedFov) -> float:
    """Half a nucleus' radius, less in crowded FOVs."""
    size = fov.source.fov.pixel_size_um
    known = size is not None and size != (1.0, 1.0, 1.0)
    usual = _RING_UM / size[2] if size is not None and known else _USUAL_RING_PX
    return max(_LEAST_RING_PX, min(usual, _RING_SHARE_OF_SPACING * _spacing(fov)))


def _spacing(fov: ScannedFov) -> float:
    """Median distance to the nearest cell in px, in a sample of frames."""
    frames = np.unique(fov.t)
    chosen = np.linspace(0, len(frames) - 1, min(len(frames), _SAMPLED_FRAMES)).astype(np.int64)
    nearest = []
    for t in frames[chosen]:
        first, last = np.searchsorted(fov.t, [t, t + 1])
        place = fov.y[first:last] + 1j * fov.x[first:last]
        some = place[:: max(1, len(place) // 500)]
        apart = np.abs(some[:, None] - place)
        apart[apart == 0] = np.inf
        nearest.append(apart.min(axis=1, initial=np.inf))
    found = np.concatenate(nearest) if nearest else np.empty(0)
    found = found[np.isfinite(found)]
    return float(np.median(found)) if len(found) else np.inf
