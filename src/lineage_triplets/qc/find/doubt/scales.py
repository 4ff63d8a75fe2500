"""What is usual for the cells of one experiment: steps, neighbours, rates, divisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import fdtri, gammaln

from lineage_triplets.qc.find.doubt.cells import Nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import Float64Array, Int32Array, Int64Array
    from lineage_triplets.qc.find.doubt.cells import Cells

DEGREES_OF_FREEDOM = 3.0
_NEIGHBOURS, _ENOUGH_NEIGHBOURS = 8, 3
_CELLS_AT_ONCE = 200_000
_CLIP_QUANTILE = 0.99
_ROUNDS, _ENOUGH_STEPS = 8, 100_000
_ENOUGH_DIVISIONS = 8
_LEAST_DIVISION_SHARE = 0.002
_DAUGHTERS_AMONG_STARTS = 0.5
_USUAL_MIDPOINT_STEPS, _USUAL_HALF_SHARE, _USUAL_LOG_SPREAD = 1.5, 0.45, 0.35
_LEAST_LOG_SPREAD = 0.1
_LEAST_SHARE_OF_NEIGHBOUR = 0.01
_NORMAL_MAD = 1.4826


@dataclass(frozen=True)
class DivisionLaw:
    """How daughters lie about their mother.

    Attributes
    ----------
    midpoint_px : float
        Scale of the way from the mother to the midpoint of her daughters.
    log_half_px, log_spread : float
        Logarithm of half the daughters' distance, and its scale.
    log_share : float
        Of the share of cells that divide.
    """

    midpoint_px: float
    log_half_px: float
    log_spread: float
    log_share: float


@dataclass(frozen=True, eq=False)
class Scales:
    """What is usual, from the table alone.

    Attributes
    ----------
    place : ndarray of float64, shape (axes, cells)
        Of the cells, `isotropic`.
    nearest : Nearest
        Of these places.
    neighbours : ndarray of int32, shape (cells, n)
        Nearest cells of the same frame; -1 for the cell itself, and where there are fewer.
    forth, back : ndarray of float64, shape (axes, cells)
        Step after, and before, each cell that its neighbours' steps foretell.
    step_px, neighbour_px : float
        Median length of a step, and distance of the nearest cell.
    sigma_px : float
        Scale of what is left of a step.
    log_density : ndarray of float64, shape (cells,)
        Of the number of cells a px² or px³ around each cell.
    log_start, log_end : float
        Of the share of cells that begin, or end, a track amid the movie.
    gap_cost : ndarray of float64, shape (frames,)
        By number of frames: minus the logarithm of the share of links that go over so many.
    division : DivisionLaw
    """

    place: Float64Array
    nearest: Nearest
    neighbours: Int32Array
    forth: Float64Array
    back: Float64Array
    step_px: float
    neighbour_px: float
    sigma_px: float
    log_density: Float64Array
    log_start: float
    log_end: float
    gap_cost: Float64Array
    division: DivisionLaw

    @classmethod
    def of_cells(cls, cells: Cells) -> Scales:
        """Measure them, of cells whose places are `isotropic`."""
        place = cells.place
        nearest = Nearest(place, cells.frame, cells.go_on)
        found, apart = nearest(place, cells.frame, _NEIGHBOURS + 1)
        found[found == np.arange(found.shape[0])[:, None]] = -1
        apart[found < 0] = np.inf
        usual_px = _finite_median(apart.min(axis=1), 1.0)
        n_gaps = np.bincount(cells.gap, minlength=2) + 0.5
        unknown = cls(
            place=place,
            nearest=nearest,
            neighbours=found.astype(np.int32),
            forth=np.zeros_like(place),
            back=np.zeros_like(place),
            step_px=usual_px,
            neighbour_px=usual_px,
            sigma_px=usual_px,
            log_density=_log_density(apart, len(place), usual_px),
            log_start=0.0,
            log_end=0.0,
            gap_cost=-np.log(n_gaps / n_gaps.sum()),
            division=DivisionLaw(usual_px, 0.0, 1.0, 0.0),
        )
        return unknown.with_motion(cells).with_links(cells)

    def with_motion(self, cells: Cells) -> Scales:
        """Measure where neighbours go, of the same cells, which may have other links."""
        single = np.flatnonzero(~cells.is_division & (cells.gap == 1))
        source, target = cells.source[single], cells.target[single]
        step = self.place[:, target] - self.place[:, source]
        after, before = (np.full(self.place.shape, np.nan) for _ in range(2))
        after[:, source], before[:, target] = step, step
        forth, back = (
            _of_neighbours(steps, self.neighbours, cells.go_on) for steps in (after, before)
        )
        some = slice(None, None, 1 + len(source) // _ENOUGH_STEPS)
        share = _shared_motion(step[:, some], forth[:, source[some]], self._least_px)
        return replace(self, forth=share * forth, back=share * back)

    def with_links(self, cells: Cells) -> Scales:
        """Measure steps, rates and divisions of the same cells, which may have other links.

        How often frames are left out stays as it is.
        """
        plain = np.flatnonzero(~cells.is_division)
        source, target, gap = cells.source[plain], cells.target[plain], cells.gap[plain]
        way = self.place[:, target] - self.place[:, source]
        length = np.sqrt((way**2).sum(axis=0))
        left = np.sqrt(((way - gap * self.forth[:, source]) ** 2).sum(axis=0) / gap)
        step_px = _finite_median(length[gap == 1], self.neighbour_px)
        n_follow = max(int(cells.may_end.sum()), 1)
        n_led = max(int(cells.may_start.sum()), 1)
        return replace(
            self,
            step_px=step_px,
            sigma_px=max(student_scale(left, len(way), self.neighbour_px), self._least_px),
            log_start=float(np.log((int(cells.is_start.sum()) + 0.5) / n_led)),
            log_end=float(np.log((int(cells.is_end.sum()) + 0.5) / n_follow)),
            division=_division_law(cells, self.place, step_px, self.neighbour_px, n_follow),
        )

    @property
    def _least_px(self) -> float:
        return max(_LEAST_SHARE_OF_NEIGHBOUR * self.neighbour_px, 1e-6)


def student_scale(length: Float64Array, n_axes: int, otherwise: float) -> float:
    """Scale of a Student law in `n_axes` dimensions, from the median length of its vectors."""
    usual = _usual_length(n_axes)
    return _finite_median(length, otherwise * usual) / usual


def student_scale_of(length: Float64Array, weight: Float64Array, n_axes: int) -> float:
    """Scale of a Student law in `n_axes` dimensions, from lengths that count by weights."""
    return weighted_median(length, weight) / _usual_length(n_axes)


def _usual_length(n_axes: int) -> float:
    """Median length of a vector of a Student law of scale 1."""
    return float(np.sqrt(n_axes * fdtri(n_axes, DEGREES_OF_FREEDOM, 0.5)))


def student_cost(squared: Float64Array, scale: Float64Array | float, n_axes: int) -> Float64Array:
    """Minus the logarithm of the density of a vector, from its squared length."""
    nu = DEGREES_OF_FREEDOM
    constant = gammaln(nu / 2) - gammaln((nu + n_axes) / 2) + n_axes / 2 * np.log(nu * np.pi)
    tail = (nu + n_axes) / 2 * np.log1p(squared / (nu * np.square(scale)))
    cost: Float64Array = constant + n_axes * np.log(scale) + tail
    return cost


def _finite_median(values: Float64Array, otherwise: float) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else otherwise


def isotropic(cells: Cells) -> Float64Array:
    """Scale z by itself, so that steps along it are as long as those along other axes.

    Sizes of pixels are often not known. Without z where it says nothing.
    """
    plain = np.flatnonzero(~cells.is_division)
    if len(cells.place) < 3 or not np.ptp(cells.place[2]):
        return cells.place[:2]
    step = cells.place[:, cells.target[plain]] - cells.place[:, cells.source[plain]]
    plane, depth = np.sqrt(step[0] ** 2 + step[1] ** 2), np.abs(step[2])
    if not depth.any() or not plane.any():
        return cells.place
    clipped = [np.minimum(way, np.quantile(way, _CLIP_QUANTILE)) for way in (plane, depth)]
    along = [float(np.sqrt((way**2).mean())) for way in clipped]
    if not along[1]:
        return cells.place
    scaled: Float64Array = cells.place * np.array(
        [[1.0], [1.0], [along[0] / np.sqrt(2.0) / along[1]]]
    )
    return scaled


def _of_neighbours(
    step: Float64Array, neighbours: Int32Array, go_on: Callable[[], object]
) -> Float64Array:
    """Median of the neighbours' steps, along each axis; 0 where too few are known."""
    median = np.zeros_like(step)
    for first in range(0, len(neighbours), _CELLS_AT_ONCE):
        go_on()
        some = slice(first, first + _CELLS_AT_ONCE)
        median[:, some] = _medians(step, neighbours[some])
    return median


def _medians(step: Float64Array, neighbours: Int32Array) -> Float64Array:
    median = np.empty((len(step), len(neighbours)))
    rows = np.arange(neighbours.shape[0])
    for axis, values in enumerate(step):
        of_neighbours = np.where(neighbours >= 0, values[neighbours], np.nan)
        # What is not a number is sorted to the end.
        of_neighbours.sort(axis=1)
        n = neighbours.shape[1] - np.isnan(of_neighbours).sum(axis=1)
        enough = n >= _ENOUGH_NEIGHBOURS
        low, high = np.maximum(n - 1, 0) // 2, n // 2
        high = np.minimum(high, neighbours.shape[1] - 1)
        middle = (of_neighbours[rows, low] + of_neighbours[rows, high]) / 2
        median[axis] = np.where(enough, middle, 0.0)
    return median


def _shared_motion(step: Float64Array, foretold: Float64Array, least: float) -> float:
    """Share of the neighbours' step that a cell makes, by weighted least squares."""
    share = 0.0
    if not foretold.any():
        return share
    for _ in range(_ROUNDS):
        squared = ((step - share * foretold) ** 2).sum(axis=0)
        scale = max(student_scale(np.sqrt(squared), len(step), 1.0), least)
        weight = 1.0 / (1.0 + squared / (DEGREES_OF_FREEDOM * scale**2))
        against = float((weight * (foretold**2).sum(axis=0)).sum())
        share = float((weight * (step * foretold).sum(axis=0)).sum()) / max(against, 1e-300)
    return float(np.clip(share, 0.0, 1.0))


def _log_density(apart: Float64Array, n_axes: int, usual_px: float) -> Float64Array:
    ordered = np.sort(apart, axis=1)
    n = np.isfinite(ordered).sum(axis=1)
    farthest = np.where(n > 0, ordered[np.arange(len(n)), np.maximum(n - 1, 0)], usual_px)
    farthest = np.maximum(farthest, _LEAST_SHARE_OF_NEIGHBOUR * usual_px + 1e-9)
    ball = np.log(np.pi) if n_axes == 2 else np.log(4 / 3 * np.pi)
    density: Float64Array = np.log(np.maximum(n, 1)) - ball - n_axes * np.log(farthest)
    return density


def _division_law(
    cells: Cells, place: Float64Array, step_px: float, neighbour_px: float, n_follow: int
) -> DivisionLaw:
    """Learn from the table's own divisions; medians, so that wrong ones among them do no harm."""
    division = np.flatnonzero(cells.is_division & (cells.n_out[cells.source] == 2))
    # Both links of a division tell of the same.
    division = division[cells.target[division] < cells.sister[division]]
    families = np.stack([cells.source[division], cells.target[division], cells.sister[division]])
    n_divisions = float(len(np.unique(cells.source[cells.is_division])))
    # What begins amid the movie is a daughter whose mother is not known, or another cell.
    n_divisions += _DAUGHTERS_AMONG_STARTS * int(cells.is_start.sum())
    log_share = float(np.log(max(n_divisions / n_follow, _LEAST_DIVISION_SHARE)))
    usual = default_division_law(step_px, neighbour_px, log_share)
    if len(division) < _ENOUGH_DIVISIONS:
        return usual
    ones = np.ones(len(division))
    return fit_division_law(cells.t, place, families, ones, usual, neighbour_px)


def default_division_law(step_px: float, neighbour_px: float, log_share: float) -> DivisionLaw:
    """What is usual where a table has too few divisions to tell."""
    least = _least_px(neighbour_px)
    return DivisionLaw(
        max(_USUAL_MIDPOINT_STEPS * step_px, least),
        float(np.log(max(_USUAL_HALF_SHARE * neighbour_px, least))),
        _USUAL_LOG_SPREAD,
        log_share,
    )


def fit_division_law(
    t: Int64Array,
    place: Float64Array,
    families: Int64Array,
    weight: Float64Array,
    usual: DivisionLaw,
    neighbour_px: float,
) -> DivisionLaw:
    """Fit the law to divisions, by weighted medians.

    Parameters
    ----------
    t : ndarray of int64, shape (cells,)
    place : ndarray of float64, shape (axes, cells)
    families : ndarray of int64, shape (3, divisions)
        Cells: mother, and two daughters.
    weight : ndarray of float64, shape (divisions,)
    usual : DivisionLaw
        Gives the share of cells that divide.
    neighbour_px : float
        Distance of the nearest cell.
    """
    mother, one, other = families
    least = _least_px(neighbour_px)
    late = np.maximum(t[one], t[other]) - t[mother]
    midpoint = (place[:, one] + place[:, other]) / 2 - place[:, mother]
    half = np.sqrt(((place[:, one] - place[:, other]) ** 2).sum(axis=0)) / 2
    log_half = np.log(np.maximum(half, least))
    middle = weighted_median(log_half, weight)
    spread = _NORMAL_MAD * weighted_median(np.abs(log_half - middle), weight)
    away = weighted_median(np.sqrt((midpoint**2).sum(axis=0) / late), weight)
    return DivisionLaw(
        max(away / _usual_length(len(place)), least),
        middle,
        max(spread, _LEAST_LOG_SPREAD),
        usual.log_share,
    )


def weighted_median(values: Float64Array, weight: Float64Array) -> float:
    """Median of values that count as often as their weights say; the mean of two in the middle."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    half = total[-1] / 2
    low = int(np.searchsorted(total, half * (1 - 1e-12)))
    high = int(np.searchsorted(total, half * (1 + 1e-12)))
    return float(values[order[low]] + values[order[min(high, len(order) - 1)]]) / 2


def _least_px(neighbour_px: float) -> float:
    return max(_LEAST_SHARE_OF_NEIGHBOUR * neighbour_px, 1e-6)
