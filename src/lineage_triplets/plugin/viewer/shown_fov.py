"""A FOV made ready to be shown, images and cells, beside the event loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.pairs.positives import PositiveLookup
from lineage_triplets.engine.settings.tau import TauFrames
from lineage_triplets.plugin.common.fov_part import FovPart
from lineage_triplets.plugin.viewer.ahead import read_ahead
from lineage_triplets.plugin.viewer.image_layers import (
    ChannelPlan,
    Contrast,
    channel_plans,
    sampled_contrast,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lineage_triplets.engine.arrays import BoolArray, Float64Array, Int64Array
    from lineage_triplets.engine.errors import Problem
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.reading.masks import MaskReader, MaskReaders
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
    from lineage_triplets.plugin.viewer.lazy_image import FovImages
    from lineage_triplets.qc.look.view import ReviewState
    from lineage_triplets.qc.open.data import ReviewData


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be shown: a FOV as the review has it now.

    Attributes
    ----------
    source : FovSource
    plans : tuple of ChannelPlan
    index : MultiExperimentIndex
        Nothing excluded, links cut.
    exclude : Exclusions
        Those that can concern the FOV.
    settings : DatasetConfig
    masks : MaskReaders
    number : int
        Of the FOV, among those that `masks` reads.
    """

    source: FovSource
    plans: tuple[ChannelPlan, ...]
    index: MultiExperimentIndex
    exclude: Exclusions
    settings: DatasetConfig
    masks: MaskReaders
    number: int

    @classmethod
    def of(cls, data: ReviewData, source: FovSource) -> Wanted:
        """Say what is to be shown of a FOV."""
        plans = channel_plans(data, source)
        near = data.effect.exclusions_near(source.experiment, source.fov.name)
        number = data.raw.fov_number(source.experiment, source.fov.name)
        return cls(source, plans, data.linked, near, data.settings, data.masks, number)

    @property
    def place(self) -> tuple[str, str]:
        """Experiment and FOV."""
        return self.source.experiment, self.source.fov.name

    def has_images_of(self, other: Wanted | None) -> bool:
        """Whether the images are the same, shown in the same way."""
        return other is not None and self.source is other.source and self.plans == other.plans

    def is_like(self, other: Wanted | None) -> bool:
        """Whether nothing that is shown differs."""
        return (
            other is not None
            and self.has_images_of(other)
            and self.index is other.index
            and self.exclude == other.exclude
            and _law(self.settings) == _law(other.settings)
        )


@dataclass(frozen=True, eq=False)
class ShownFov:
    """A FOV whose images were opened and whose cells were collected.

    Attributes
    ----------
    wanted : Wanted
    images : FovImages
    cells : FovCells or None
        None where the FOV has none.
    contrast : dict of str to Contrast or None
        Of the channels that it was asked of; None where there is nothing to see.
    masks : MaskReader or None
        None where it has none, or they cannot be used.
    """

    wanted: Wanted
    images: FovImages
    cells: FovCells | None
    contrast: dict[str, Contrast | None]
    masks: MaskReader | None

    @property
    def masks_fault(self) -> Problem | None:
        """Why its masks cannot be used, if so."""
        return self.wanted.masks.fault(self.wanted.number)

    @property
    def shape_tzyx(self) -> tuple[int, int, int, int]:
        """(T, Z, Y, X)."""
        t, _, z, y, x = self.images.shapes[0]
        return t, z, y, x

    def axes(self) -> tuple[tuple[float, ...], tuple[str, ...], tuple[str, ...]]:
        """Scale, units and names of (t, y, x) or (t, z, y, x).

        Frames count as frames, so that other people's layers fit.
        """
        size = self.wanted.source.fov.pixel_size_um
        unit = "pixel" if size is None else "um"
        scale = (1.0, *(size or (1.0, 1.0, 1.0)))
        units, labels = ("pixel", unit, unit, unit), ("t", "z", "y", "x")
        kept = (0, 1, 2, 3) if self.images.is_volume else (0, 2, 3)
        return (
            tuple(scale[axis] for axis in kept),
            tuple(units[axis] for axis in kept),
            tuple(labels[axis] for axis in kept),
        )


def fov_of_state(
    data: ReviewData, state: ReviewState, here: tuple[str, str] | None
) -> FovSource | None:
    """Give the FOV chosen; the one on screen where it will do, else the first that will."""
    fit = [
        source
        for source in data.raw.fovs
        if state.experiment in {"", source.experiment} and state.fov in {"", source.fov.name}
    ]
    on_screen = [source for source in fit if (source.experiment, source.fov.name) == here]
    return next(iter(on_screen or fit), None)


def prepare(
    wanted: Wanted,
    images: FovImages,
    t: int | None,
    unknown: Collection[str],
    stopped: Callable[[], bool],
) -> ShownFov:
    """Collect the cells, measure contrast, and read what will be drawn first.

    Parameters
    ----------
    wanted : Wanted
    images : FovImages
    t : int or None
        The frame to read ahead; None for none.
    unknown : collection of str
        Channels to measure.
    stopped : callable
        Whether nobody waits for it any more.
    """
    cells = cells_of_fov(wanted.index, *wanted.place, wanted.exclude, wanted.settings)
    contrast = {}
    for plan in wanted.plans:
        if plan.channel in unknown and not stopped():
            contrast[plan.channel] = sampled_contrast(images, plan.number)
        if plan.visible and t is not None and not stopped():
            read_ahead(images, plan.number, min(t, images.shapes[0][0] - 1))
    return ShownFov(wanted, images, cells, contrast, wanted.masks.of(wanted.number))


def _law(settings: DatasetConfig) -> tuple[object, ...]:
    matched = tuple(settings.positive_match or ())
    return settings.tau_range_hours, settings.positive_relation, matched, settings.yx_patch_size


@dataclass(frozen=True, eq=False)
class FovCells:
    """All cells of one FOV, by frame; arrays have one entry a cell.

    Attributes
    ----------
    index : MultiExperimentIndex
        Nothing excluded, links cut.
    fov : int
        Its number there.
    t, track, lineage : ndarray of int64
        Frame, and the numbers of the track and of its root in the index.
    z, y, x : ndarray of float64
        In pixels.
    excluded : ndarray of bool
        Whether training leaves it out.
    is_anchor : ndarray of bool
        Whether it has a positive at some tau in range.
    """

    index: MultiExperimentIndex
    fov: int
    t: Int64Array
    track: Int64Array
    lineage: Int64Array
    z: Float64Array
    y: Float64Array
    x: Float64Array
    excluded: BoolArray
    is_anchor: BoolArray

    def __len__(self) -> int:
        return len(self.t)

    def at(self, t: int) -> slice:
        """Give the entries of one frame."""
        low, high = np.searchsorted(self.t, [t, t + 1])
        return slice(int(low), int(high))

    @cached_property
    def most_in_a_frame(self) -> int:
        """Number of cells in the fullest frame."""
        return int(np.bincount(self.t).max(initial=0))

    def lineage_id(self, entry: int) -> str:
        """Give the ``lineage_id`` of a cell."""
        return self.index.names.of(int(self.lineage[entry]))

    def track_word(self, entry: int) -> str:
        """Give the number of a cell's track, with ``@t`` after a cut."""
        return self.index.names.word(int(self.track[entry]))

    def tracks_named(self, words: Iterable[str]) -> tuple[int, ...]:
        """Give the numbers of the tracks that bear these names in this FOV, in their order."""
        wanted = dict.fromkeys(words)
        if not wanted:
            return ()
        number_of = {
            self.index.names.word(track): track for track in np.unique(self.track).tolist()
        }
        return tuple(number_of[word] for word in wanted if word in number_of)

    @cached_property
    def links(self) -> Int64Array:
        """Daughter and mother of every link between tracks that have cells: (links, 2)."""
        own = np.unique(self.track)
        mother = self.index.forest.parent[own]
        known = np.isin(mother, own) & (mother >= 0)
        return np.stack([own[known], mother[known]], axis=1)

    @cached_property
    def track_vertices(self) -> Float64Array:
        """``(track, t, z, y, x)`` of all cells, track by track."""
        order = np.lexsort((self.t, self.track))
        columns = (self.track, self.t, self.z, self.y, self.x)
        return np.stack([column[order].astype(np.float64) for column in columns], axis=1)

    def nearest(self, t: int, y: float, x: float, within: float) -> int:
        """Give the cell nearest to a place in a frame; -1 where none is as near as `within`."""
        here = self.at(t)
        distance = np.hypot(self.y[here] - y, self.x[here] - x)
        if not len(distance) or distance.min() > within:
            return -1
        return here.start + int(np.argmin(distance))

    def nearest_to_ray(
        self, t: int, start: Float64Array, direction: Float64Array, within: float
    ) -> int:
        """Give the cell nearest to a line of sight, (z, y, x) in pixels; -1 where none is near."""
        here = self.at(t)
        away = np.stack([self.z[here], self.y[here], self.x[here]], axis=1) - start
        along = direction / np.linalg.norm(direction)
        away = away - np.outer(away @ along, along)
        distance = np.linalg.norm(away, axis=1)
        if not len(distance) or distance.min() > within:
            return -1
        return here.start + int(np.argmin(distance))


def cells_of_fov(
    index: MultiExperimentIndex,
    experiment: str,
    fov: str,
    exclude: Exclusions,
    settings: DatasetConfig,
) -> FovCells | None:
    """Collect the cells of one FOV and what training makes of them; None without such a FOV.

    Parameters
    ----------
    index : MultiExperimentIndex
        With nothing excluded.
    experiment, fov : str
    exclude : Exclusions
    settings : DatasetConfig
        Whose tau and relation say who is an anchor.
    """
    part = FovPart.of(index, experiment, fov, exclude)
    if part is None:
        return None
    rows, forest, excluded = part.observations, part.forest, part.excluded
    is_anchor = np.zeros(len(rows), dtype=bool)
    kept = np.flatnonzero(~excluded)
    if settings.positive_match is not None:
        # Nearly every cell has an equal one somewhere; the index of all knows which has none.
        is_anchor[kept] = True
    elif len(kept):
        config = index.registry.experiments[part.source.experiment_number]
        taus = TauFrames.of_hours(settings.tau_range_hours, config.interval_minutes, experiment)
        lookup = PositiveLookup.build(
            rows.track[kept], rows.t[kept], forest, settings.positive_relation
        )
        is_anchor[kept] = lookup.have_positive(
            np.full(len(kept), taus.first), np.full(len(kept), taus.last)
        )
    order = np.argsort(rows.t, kind="stable")
    track = rows.track[order] + part.first_track
    return FovCells(
        index=index,
        fov=part.number,
        t=rows.t[order],
        track=track,
        lineage=index.forest.root[track],
        z=np.nan_to_num(rows.z[order]),
        y=rows.y[order],
        x=rows.x[order],
        excluded=excluded[order],
        is_anchor=is_anchor[order],
    )
