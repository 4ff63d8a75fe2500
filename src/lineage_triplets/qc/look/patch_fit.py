"""What a size of patches comes to: in micrometres, at the border, and where it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import ConfigError, Problem, counted
from lineage_triplets.engine.index.fits import size_faults
from lineage_triplets.engine.plates.limits import patch_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.arrays import BoolArray
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig
    from lineage_triplets.qc.open.data import ReviewData

_AT_BORDER = {
    "clamp": "patches moved inward",
    "pad": "filled with zeros",
    "exclude": "left out",
}


@dataclass(frozen=True)
class PatchFit:
    """How the patches of one experiment lie in its images.

    Attributes
    ----------
    experiment : str
    n_cells : int
        Cells and frames in the images, whatever is excluded.
    n_near : int
        Those nearer to the border than half a patch.
    n_anchors : int
        Cells that training can begin a pair with, after exclusions, cuts and links.
    """

    experiment: str
    n_cells: int
    n_near: int
    n_anchors: int


def patch_fits(data: ReviewData) -> tuple[PatchFit, ...]:
    """Count the cells at the border, and the anchors, of every experiment that is read."""
    raw, training = data.raw, data.training
    number = raw.experiment_of_row
    n = len(raw.registry.experiments)
    cells = np.bincount(number, minlength=n)
    near = np.bincount(number[_near_border(raw, data.settings)], minlength=n)
    anchors = np.bincount(training.experiment_of_row[training.anchor_rows], minlength=n)
    return tuple(
        PatchFit(config.name, int(cells[k]), int(near[k]), int(anchors[k]))
        for k, config in enumerate(raw.registry.experiments)
    )


def _near_border(index: MultiExperimentIndex, settings: DatasetConfig) -> BoolArray:
    """Cells whose patch is not in the image as a whole."""
    height, width = settings.yx_patch_size
    shapes = np.array([source.fov.shape[3:] for source in index.fovs], dtype=np.int64)
    n_rows, n_columns = shapes.reshape(-1, 2)[index.fov_of_row].T
    top = np.floor(index.observations.y) - height // 2
    left = np.floor(index.observations.x) - width // 2
    near: BoolArray = (top < 0) | (left < 0) | (top + height > n_rows) | (left + width > n_columns)
    return near


def border_words(fits: Sequence[PatchFit], settings: DatasetConfig) -> str:
    """Say how many cells lie near the border, what is done with them, and what anchors are left."""
    near = [fit for fit in fits if fit.n_near]
    anchors = ", ".join(f"{fit.experiment} {fit.n_anchors:,}" for fit in fits)
    told = f"Anchors: {anchors}." if fits else ""
    if not near:
        return f"No patch reaches over the border. {told}" if fits else ""
    counts = ", ".join(f"{fit.experiment} {fit.n_near:,} of {fit.n_cells:,}" for fit in near)
    return f"Near the border: {counts} cells, {_AT_BORDER[settings.border]}. {told}"


def size_words(data: ReviewData, settings: DatasetConfig) -> str:
    """Say what a patch is in micrometres: ``"31 x 31 µm"``; of each scale, where they differ.

    Empty where no store tells the size of its pixels.
    """
    height, width = settings.yx_patch_size
    named: dict[str, list[str]] = {}
    for source in data.raw.fovs:
        size = pixel_um(source)
        told = "unknown" if size is None else f"{height * size:.3g} x {width * size:.3g} µm"
        names = named.setdefault(told, [])
        if source.experiment not in names:
            names.append(source.experiment)
    if set(named) <= {"unknown"}:
        return ""
    if len(named) == 1:
        return next(iter(named))
    return ", ".join(f"{told} ({', '.join(names)})" for told, names in named.items())


def pixel_um(source: FovSource) -> float | None:
    """Width of a pixel; None where the store does not tell: 1 is what writers put."""
    size = source.fov.pixel_size_um
    if size is None or size[1:] == (1.0, 1.0) or not min(size[1:]) > 0:
        return None
    return float(np.sqrt(size[1] * size[2]))


def patch_faults(data: ReviewData, settings: DatasetConfig) -> list[Problem]:
    """Say what could not be read at another size of patches, of what is read now.

    Images that are smaller than the patch, once an experiment; a patch that is more than the
    memory can hold.
    """
    before = data.settings
    if (before.yx_patch_size, before.border) == (settings.yx_patch_size, settings.border):
        return []
    small: dict[str, list[Problem]] = {}
    for source in data.raw.fovs:
        faults = size_faults(source.fov.shape, settings, source.z_start, source.depth)
        small.setdefault(source.experiment, []).extend(
            replace(fault, experiment=source.experiment, fov=source.fov.name)
            for fault in faults
            if fault.field == "yx_patch_size"
        )
    problems = [
        replace(
            faults[0],
            message=f"{faults[0].message} So in {counted(len(faults), 'FOV')}."
            if len(faults) > 1
            else faults[0].message,
            count=len(faults),
        )
        for faults in small.values()
        if faults
    ]
    if problems:
        return problems
    depth = max((source.depth for source in data.raw.fovs), default=1)
    shape = (len(data.slot_labels), depth, *settings.yx_patch_size)
    too_large = patch_fault(shape, np.dtype(settings.dtype).itemsize)
    return [] if too_large is None else [too_large]


def require_patches(data: ReviewData, settings: DatasetConfig) -> None:
    """Make sure that other settings of the patch leave all readable that is.

    Raises
    ------
    ConfigError
        They do not, as `patch_faults` says.
    """
    problems = patch_faults(data, settings)
    if problems:
        raise ConfigError(*problems)
