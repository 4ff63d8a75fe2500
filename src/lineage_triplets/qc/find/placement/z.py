"""Whether a table's slices are those of the images, where these are stacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import Float32Array, Float64Array, Int64Array
    from lineage_triplets.qc.find.placement.offsets import Rows

ZCause = Literal["as-is", "reversed", "shifted", "scaled", "flat"]

_WORST = 2.0
_SURE_T = 3.0
_BETTER_THAN_CHANCE = 4.0
_LEAST_ROWS, _LEAST_TRACKS = 30, 5
_SCALES = np.exp(np.arange(np.log(0.1), np.log(10), 0.02))
_SHIFTS = (-3, -2, -1, 1, 2, 3)
_FLAT_COST = 1.0
_LEAST_SPREAD = 0.5
_N_PERMUTATIONS = 60
_SURROUNDINGS = 2.5


@dataclass(frozen=True)
class ZJudgement:
    """What fits a table's slices best.

    Attributes
    ----------
    cause : {"as-is", "reversed", "shifted", "scaled", "flat"}
        "flat" where the table has one z for all cells, and the images have not.
    scale, offset : float
        Slices for one unit of the table's z; added last.
    cost, best_cost : float
        Mean distance in slices, cut at 2, as it is and under the best hypothesis.
    t_value : float
        Of the paired gain over tracks.
    """

    cause: ZCause = "as-is"
    scale: float = 1.0
    offset: float = 0.0
    cost: float = 0.0
    best_cost: float = 0.0
    t_value: float = 0.0


def judge_z(
    z: Float64Array, track: Int64Array, frame: Int64Array, seen: Float64Array, n_slices: int
) -> ZJudgement | None:
    """Compare a table's z with the slices in which its cells are seen.

    Parameters
    ----------
    z : ndarray of float64, shape (n,)
        As the table has them.
    track, frame : ndarray of int64, shape (n,)
    seen : ndarray of float64, shape (n,)
        As `seen_slices` gives them.
    n_slices : int

    Returns
    -------
    ZJudgement or None
        None where there are too few rows, or slices do not tell cells apart.
    """
    if len(z) < _LEAST_ROWS or len(np.unique(track)) < _LEAST_TRACKS:
        return None
    cost = _cost(z, seen)
    if np.ptp(z) == 0:
        mean = float(cost.mean())
        return ZJudgement("flat", cost=mean, best_cost=mean) if mean >= _FLAT_COST else None
    if np.std(seen) < _LEAST_SPREAD:
        return None
    best = ZJudgement(cost=float(cost.mean()), best_cost=float(cost.mean()))
    for cause, scale, offset in _hypotheses(n_slices):
        tried = _cost(z * scale + offset, seen)
        mean = float(tried.mean())
        if mean >= best.best_cost - 0.02:
            continue
        t_value = _t_over_tracks(cost - tried, track)
        if t_value >= _SURE_T and _beats_chance(z * scale + offset, frame, seen):
            best = ZJudgement(cause, scale, offset, best.cost, mean, t_value)
    return best


def _hypotheses(n_slices: int) -> list[tuple[ZCause, float, float]]:
    """Those of the simpler kinds first: others have to do better."""
    found: list[tuple[ZCause, float, float]] = [("reversed", -1.0, n_slices - 1.0)]
    found += [("shifted", 1.0, float(shift)) for shift in _SHIFTS]
    found += [("scaled", float(scale), 0.0) for scale in _SCALES if abs(np.log(scale)) > 0.1]
    return found


def _cost(z: Float64Array, seen: Float64Array) -> Float64Array:
    away: Float64Array = np.minimum(np.abs(seen - z), _WORST)
    return away


def _t_over_tracks(gain: Float64Array, track: Int64Array) -> float:
    _, number = np.unique(track, return_inverse=True)
    mean = np.bincount(number, gain) / np.bincount(number)
    error = float(mean.std(ddof=1)) / np.sqrt(len(mean))
    return float(mean.mean() / max(error, 1e-9))


def _beats_chance(z: Float64Array, frame: Int64Array, seen: Float64Array) -> bool:
    """Whether the cells' own slices fit better than those of others in their frame."""
    rng = np.random.default_rng(0)
    order = np.argsort(frame, kind="stable")
    chance = []
    for _ in range(_N_PERMUTATIONS):
        mixed = order[np.lexsort((rng.random(len(z)), frame[order]))]
        exchanged = np.empty_like(z)
        exchanged[order] = z[mixed]
        chance.append(float(_cost(exchanged, seen).mean()))
    spread = max(float(np.std(chance)), 1e-3)
    return (float(np.mean(chance)) - float(_cost(z, seen).mean())) / spread >= _BETTER_THAN_CHANCE


def seen_slices(
    stacks: Sequence[Float32Array], rows: Rows, width: float, *, bright: bool
) -> Float64Array:
    """Find the slice in which each cell is seen best.

    Parameters
    ----------
    stacks : sequence of ndarray of float32, each (Z, Y, X)
        All slices of the frames that are looked at.
    rows : Rows
    width : float
        Of the detector that found the cells, in pixels of the image.
    bright : bool

    Returns
    -------
    ndarray of float64, shape (rows,)
        Between slices where the neighbours tell; NaN for a cell outside the image.
    """
    half = int(np.ceil(_SURROUNDINGS * width * 2)) + 1
    seen = np.full(len(rows), np.nan)
    for number, (frame, y, x) in enumerate(zip(rows.frame, rows.y, rows.x, strict=True)):
        stack = stacks[frame]
        row, column = int(np.floor(y)), int(np.floor(x))
        if not (0 <= row < stack.shape[1] and 0 <= column < stack.shape[2]):
            continue
        top, left = max(row - half, 0), max(column - half, 0)
        around = stack[:, top : row + half + 1, left : column + half + 1]
        near = ndimage.gaussian_filter(around, (0, width, width), truncate=3.0)
        wide = ndimage.gaussian_filter(
            around, (0, _SURROUNDINGS * width, _SURROUNDINGS * width), truncate=2.0
        )
        response = (near - wide) * (1 if bright else -1)
        r, c = row - top, column - left
        profile = response[:, max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2].max(axis=(1, 2))
        seen[number] = _top(profile)
    return seen


def _top(profile: Float32Array) -> float:
    """Where a parabola through the highest point and its neighbours has its top."""
    k = int(np.argmax(profile))
    if not 0 < k < len(profile) - 1:
        return float(k)
    below, here, above = (float(profile[k + d]) for d in (-1, 0, 1))
    bend = below - 2 * here + above
    return k + (0.5 * (below - above) / bend if bend < 0 else 0.0)
