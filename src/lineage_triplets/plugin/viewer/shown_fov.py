"""A FOV made ready to be shown, beside the event loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineage_triplets.plugin.viewer.image_layers import (
    ChannelPlan,
    Contrast,
    channel_plans,
    sampled_contrast,
)
from lineage_triplets.plugin.viewer.layer_data import FovCells, cells_of_fov

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
    from lineage_triplets.plugin.viewer.lazy_image import FovImages
    from lineage_triplets.qc.look.view import ReviewState
    from lineage_triplets.qc.open.data import ReviewData

# Planes larger than this are not read ahead.
_MOST_AHEAD_BYTES = 64 * 2**20


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
    settings : DatasetConfig
    """

    source: FovSource
    plans: tuple[ChannelPlan, ...]
    index: MultiExperimentIndex
    exclude: Exclusions
    settings: DatasetConfig

    @classmethod
    def of(cls, data: ReviewData, source: FovSource) -> Wanted:
        """Say what is to be shown of a FOV."""
        plans = channel_plans(data, source)
        return cls(source, plans, data.linked, data.exclusions, data.settings)

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
            and self.exclude is other.exclude
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
    """

    wanted: Wanted
    images: FovImages
    cells: FovCells | None
    contrast: dict[str, Contrast | None]

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
            tuple(scale[one] for one in kept),
            tuple(units[one] for one in kept),
            tuple(labels[one] for one in kept),
        )


def fov_of_state(
    data: ReviewData, state: ReviewState, here: tuple[str, str] | None
) -> FovSource | None:
    """Give the FOV chosen; the one on screen where it will do, else the first that will."""
    fit = [
        one
        for one in data.raw.fovs
        if state.experiment in {"", one.experiment} and state.fov in {"", one.fov.name}
    ]
    on_screen = [one for one in fit if (one.experiment, one.fov.name) == here]
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
            _read_ahead(images, plan.number, min(t, images.shapes[0][0] - 1))
    return ShownFov(wanted, images, cells, contrast)


def _read_ahead(images: FovImages, channel: int, t: int) -> None:
    """Read a frame, so that drawing it finds its chunks decoded."""
    _, _, depth, height, width = images.shapes[0]
    if height * width * images.dtype.itemsize > _MOST_AHEAD_BYTES:
        return
    first = (slice(t, t + 1), slice(channel, channel + 1), slice(depth // 2, depth // 2 + 1))
    images.read(0, (*first, slice(0, height), slice(0, width)))


def _law(settings: DatasetConfig) -> tuple[object, ...]:
    return settings.tau_range_hours, settings.positive_relation, settings.yx_patch_size
