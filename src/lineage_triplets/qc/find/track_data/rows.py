"""Observations of all FOVs as arrays, and what follows from these alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from lineage_triplets.qc.find.track_data.groups import expand, group_median

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex


_ENOUGH_CELLS = 5
_FEW_CELLS = 3
_LIKE_SHARE = 0.35
_CLIP_QUANTILE = 0.99


@dataclass(frozen=True, eq=False)
class TrackRows:
    """All observations of an index as arrays, sorted by FOV, track and frame.

    Lengths are in pixels of the image's columns; rows and depth are scaled to them where the
    store gives the size of its voxels. Where it does not, a slice counts as many pixels as make
    cells move as much in depth as along an axis of the plane.

    Attributes
    ----------
    sources : tuple of FovSource
    fov_experiment : ndarray of int64, shape (fovs,)
    interval_minutes : ndarray of float64, shape (fovs,)
    um_per_px : ndarray of float64, shape (fovs,)
        NaN where the store does not say.
    n_frames, first_group : ndarray of int64, shape (fovs,)
        Frames, and the group of the first.
    patch_px : float
        Larger side of a patch.
    left_out_px : float
        Cells nearer to the border of the image than this are not in the rows.
    fov, experiment, track, t : ndarray of int64, shape (rows,)
        By number; and frame.
    px_per_unit : ndarray of float64, shape (axes, fovs)
        Pixels for a row, a column and, where a FOV has slices, a slice of its image.
    place, still : ndarray of float64, shape (axes, rows)
        y, x, and z where a FOV has slices; as in the table, and without the stage's drift.
    drift_px : ndarray of float64, shape (groups,)
        How far the stage moves after each FOV and frame.
    group : ndarray of int64, shape (rows,)
        Number of a row's FOV and frame; the next frame of a FOV is the next number.
    first_row, last_row : ndarray of int64, shape (tracks,)
        -1 for a track without rows.
    parent, n_children, track_fov, track_id : ndarray of int64, shape (tracks,)
        Number of the parent track or -1, how many tracks have it as parent, its FOV, and the
        table's ``track_id``.
    go_on : callable
        Called in between by what takes long; what it raises ends that.
    """

    sources: tuple[FovSource, ...]
    fov_experiment: Int64Array
    interval_minutes: Float64Array
    um_per_px: Float64Array
    n_frames: Int64Array
    first_group: Int64Array
    patch_px: float
    left_out_px: float
    fov: Int64Array
    experiment: Int64Array
    track: Int64Array
    t: Int64Array
    px_per_unit: Float64Array
    place: Float64Array
    still: Float64Array
    drift_px: Float64Array
    group: Int64Array
    first_row: Int64Array
    last_row: Int64Array
    parent: Int64Array
    n_children: Int64Array
    track_fov: Int64Array
    track_id: Int64Array
    go_on: Callable[[], object] = bool

    @classmethod
    def of_index(cls, index: MultiExperimentIndex, go_on: Callable[[], object] = bool) -> Self:
        """Take an index's rows and links.

        Parameters
        ----------
        index : MultiExperimentIndex
            As the tables are on disk: without cuts and exclusions.
        go_on : callable
            As the attribute.
        """
        rows, sources, fov = index.observations, index.fovs, index.fov_of_row
        experiments = index.registry.experiments
        fov_experiment = np.array([source.experiment_number for source in sources], dtype=np.int64)
        intervals = [experiments[number].interval_minutes for number in fov_experiment]
        n_frames = np.array([source.fov.shape[0] for source in sources], dtype=np.int64)
        first_group = np.cumsum(n_frames) - n_frames
        group = first_group[fov] + rows.t
        px_per_unit = _px_per_unit(index)
        place = places_px(index, px_per_unit[:, fov])
        step = np.flatnonzero(rows.track[1:] == rows.track[:-1])
        moved, gap = place[:, step + 1] - place[:, step], rows.t[step + 1] - rows.t[step]
        drift = drift_steps(group[step], gap, moved, int(n_frames.sum()))
        still = stabilized(place, group, drift, first_group[fov])
        if len(place) == 3:
            unknown = np.array([_slice_is_unknown(source) for source in sources], dtype=bool)
            of_fov = np.ones(len(sources))
            for number in np.unique(fov_experiment[unknown]).tolist():
                steps = step[unknown[fov[step]] & (fov_experiment[fov[step]] == number)]
                factor = _slice_by_movement(still[:, steps + 1] - still[:, steps])
                of_fov[unknown & (fov_experiment == number)] = factor
            px_per_unit[2] *= of_fov
            place[2] *= of_fov[fov]
            still[2] *= of_fov[fov]
            drift[2] *= np.repeat(of_fov, n_frames)
        first_row, last_row = _row_ranges(rows.track, len(index.forest.parent))
        patch = max(index.settings.yx_patch_size)
        return cls(
            sources=sources,
            fov_experiment=fov_experiment,
            interval_minutes=np.array(intervals, dtype=np.float64),
            um_per_px=np.array([_um_per_px(source) for source in sources], dtype=np.float64),
            n_frames=n_frames,
            first_group=first_group,
            patch_px=patch,
            left_out_px=patch / 2 if index.settings.border == "exclude" else 0.0,
            fov=fov,
            experiment=fov_experiment[fov],
            track=rows.track,
            t=rows.t,
            px_per_unit=px_per_unit,
            place=place,
            still=still,
            drift_px=np.sqrt((drift**2).sum(axis=0)),
            group=group,
            first_row=first_row,
            last_row=last_row,
            parent=index.forest.parent,
            n_children=index.forest.n_children,
            track_fov=index.track_columns.fov,
            track_id=index.track_columns.track_id,
            go_on=go_on,
        )

    def distance(self, row: Int64Array, other: Int64Array) -> Float64Array:
        """Distance of rows in px, of cells of one frame or without the stage's drift."""
        way = self.still[:, row] - self.still[:, other]
        apart: Float64Array = np.sqrt((way**2).sum(axis=0))
        return apart

    @property
    def n_experiments(self) -> int:
        """Number of experiments, with those that have no FOV."""
        return int(self.fov_experiment.max(initial=-1)) + 1

    @cached_property
    def n_axes(self) -> Int64Array:
        """Axes that cells of each experiment move along: 2, or 3 where it has slices."""
        axes = np.full(self.n_experiments, 2, dtype=np.int64)
        deep = [source.fov.shape[2] > 1 for source in self.sources]
        axes[self.fov_experiment[np.array(deep, dtype=bool)]] = 3
        return axes

    @cached_property
    def is_daughter(self) -> BoolArray:
        """Whether each track's parent has two daughters or more."""
        daughters: BoolArray = (self.parent >= 0) & (self.n_children[self.parent] > 1)
        return daughters

    @cached_property
    def begins(self) -> BoolArray:
        """Rows where a track without parent begins after its movie's first frame."""
        begins = np.zeros(len(self.t), dtype=bool)
        begins[self.first_row[(self.parent < 0) & (self.first_row >= 0)]] = True
        return begins & (self.t > 0)

    @cached_property
    def ends(self) -> BoolArray:
        """Rows where a track without daughters ends before its movie's last frame."""
        ends = np.zeros(len(self.t), dtype=bool)
        ends[self.last_row[(self.n_children == 0) & (self.last_row >= 0)]] = True
        return ends & (self.t < self.n_frames[self.fov] - 1)

    @cached_property
    def to_border_px(self) -> Float64Array:
        """How far each row is from the border of its image."""
        shapes = np.array([source.fov.shape[3:] for source in self.sources]).reshape(-1, 2)
        rows_to_px = np.array([_row_height(source) for source in self.sources])
        y, x = self.place[0], self.place[1]
        height = ((shapes[:, 0] - 1) * rows_to_px)[self.fov]
        width = (shapes[:, 1] - 1)[self.fov]
        apart: Float64Array = np.minimum.reduce([y, x, height - y, width - x])
        return apart


def _row_ranges(track: Int64Array, n_tracks: int) -> tuple[Int64Array, Int64Array]:
    numbers = np.arange(n_tracks)
    first = np.searchsorted(track, numbers)
    last = np.searchsorted(track, numbers, side="right") - 1
    empty = last < first
    return np.where(empty, -1, first), np.where(empty, -1, last)


def _um_per_px(source: FovSource) -> float:
    # Writers put 1 where they do not know.
    size = source.fov.pixel_size_um
    return np.nan if size is None or set(size[1:]) == {1.0} else size[2]


def _row_height(source: FovSource) -> float:
    """Height of a pixel in widths."""
    size = source.fov.pixel_size_um
    return 1.0 if size is None else size[1] / size[2]


def _slice_height(source: FovSource) -> float:
    """Distance of slices in pixel widths; 0 for an image of one slice."""
    if source.fov.shape[2] == 1:
        return 0.0
    size = source.fov.pixel_size_um
    return 1.0 if size is None else size[0] / size[2]


def _slice_is_unknown(source: FovSource) -> bool:
    """Whether an image has slices, and its store does not say how far apart they are."""
    size = source.fov.pixel_size_um
    return source.fov.shape[2] > 1 and (size is None or set(size) == {1.0})


def _slice_by_movement(step: Float64Array) -> float:
    """Distance of slices in pixels, by which cells move alike along all axes; at least 1."""
    if step.shape[1] == 0:
        return 1.0
    y, x, z = (_clipped_rms(np.abs(values)) for values in step)
    return max(float(np.sqrt((y**2 + x**2) / 2)) / z, 1.0) if z > 0 else 1.0


def _clipped_rms(size: Float64Array) -> float:
    """Root of the mean square, where the hundredth part that is largest counts as its least."""
    clipped = np.minimum(size, np.quantile(size, _CLIP_QUANTILE))
    return float(np.sqrt((clipped**2).mean()))


def _px_per_unit(index: MultiExperimentIndex) -> Float64Array:
    tall = np.array([_row_height(source) for source in index.fovs])
    deep = np.array([_slice_height(source) for source in index.fovs])
    return np.stack([tall, np.ones_like(tall), deep][: 2 + bool(deep.any())])


def places_px(index: MultiExperimentIndex, px_per_unit: Float64Array) -> Float64Array:
    """Give where the rows of an index are, in px: (axes, rows), by those of a unit of each row."""
    rows = index.observations
    units = np.stack([rows.y, rows.x, np.nan_to_num(rows.z)][: len(px_per_unit)])
    place: Float64Array = units * px_per_unit
    return place


def drift_steps(
    group: Int64Array, gap: Int64Array, displacement: Float64Array, n_groups: int
) -> Float64Array:
    """Estimate how far the whole field moves after each frame of each FOV.

    Parameters
    ----------
    group : ndarray of int64, shape (steps,)
        FOV and frame that a step starts from; the next frame of a FOV is the next number.
    gap : ndarray of int64, shape (steps,)
        Frames that it takes; a step over several counts as equal parts of each.
    displacement : ndarray of float64, shape (axes, steps)
        Pixels.
    n_groups : int

    Returns
    -------
    ndarray of float64, shape (axes, n_groups)
        Median motion of the cells; 0 where there are too few to tell it from their own.
    """
    of, part = expand(group, gap) if (gap > 1).any() else (np.arange(len(group)), group)
    drift = np.empty((len(displacement), n_groups))
    spread = np.zeros(n_groups)
    count = np.zeros(n_groups, dtype=np.int64)
    for axis, values in enumerate(displacement):
        steps = (values / gap)[of]
        drift[axis], count = group_median(steps, part, n_groups)
        few = np.flatnonzero((count[part] >= _FEW_CELLS) & (count[part] < _ENOUGH_CELLS))
        if len(few):
            apart = np.abs(steps[few] - drift[axis][part[few]])
            np.maximum.at(spread, part[few], apart)
    # A few cells that all make one big step are moved; a few that go their ways are not.
    together = (count >= _FEW_CELLS) & (spread < _LIKE_SHARE * np.sqrt((drift**2).sum(axis=0)))
    drift[:, (count < _ENOUGH_CELLS) & ~together] = 0.0
    return drift


def stabilized(
    place: Float64Array, group: Int64Array, drift: Float64Array, first_group: Int64Array
) -> Float64Array:
    """Places without the drift of their FOV.

    Parameters
    ----------
    place : ndarray of float64, shape (axes, rows)
    group : ndarray of int64, shape (rows,)
    drift : ndarray of float64, shape (axes, groups)
        Motion after each group.
    first_group : ndarray of int64, shape (rows,)
        Group of the FOV's first frame.
    """
    moved = np.zeros((len(drift), drift.shape[1] + 1))
    np.cumsum(drift, axis=1, out=moved[:, 1:])
    still: Float64Array = place - (moved[:, group] - moved[:, first_group])
    return still
