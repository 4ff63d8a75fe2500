"""Patches of all experiments brought to one pixel size, so that each shows the same field in µm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.index.fits import z_window

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex


class ReferencePixels:
    """Cuts the field that a patch shall show out of a larger one, and resamples it.

    The field is a whole number of the image's pixels, the nearest one, and its middle half a pixel
    aside where that is odd; where it is the number asked for, pixels stay as they are.

    Parameters
    ----------
    index : MultiExperimentIndex
    pixel_size_um : (float, float) or (float, float, float)
        Size that patches shall have along y and x, or along z, y and x.
    size : (int, int)
        Rows and columns that they shall have.
    margin_pixels : int
        How far what is read reaches beyond the patches of the index, on each side.

    Attributes
    ----------
    n_slices : int
        Slices that patches have. Where z is resampled, as many as lie in the slices that are read
        of each experiment.

    Raises
    ------
    ConfigError
        A size is not known, the margin is too small, or the slices that are read are too few.
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        pixel_size_um: tuple[float, ...],
        size: tuple[int, int],
        margin_pixels: int,
    ) -> None:
        if len(pixel_size_um) not in {2, 3} or not all(
            0 < um < float("inf") for um in pixel_size_um
        ):
            raise _refused(
                f"{list(pixel_size_um)} is no pixel size.",
                "Give [y, x], or [z, y, x], in µm, above 0.",
            )
        stored = {(source.experiment, source.fov.name): _stored(source) for source in index.fovs}
        z_um = pixel_size_um[0] if len(pixel_size_um) == 3 else None
        self.n_slices = _depth(index) if z_um is None else _slices_everywhere(index, stored, z_um)
        self._size = size
        self._fields: dict[tuple[str, str], tuple[int, int, int]] = {}
        short: tuple[int, FovSource] | None = None
        for source in index.fovs:
            place = source.experiment, source.fov.name
            field = np.rint(np.array(size) * pixel_size_um[-2:] / np.array(stored[place][1:]))
            rows, columns = np.maximum(field.astype(int), 1).tolist()
            slices = self.n_slices
            if z_um is not None:
                slices = max(round(self.n_slices * z_um / stored[place][0]), 1)
            self._fields[place] = slices, rows, columns
            height, width = index.settings.yx_patch_size
            # What is cut lies around the middle of what is read.
            lacking = max(rows // 2 - height // 2, -(-rows // 2) - -(-height // 2),
                          columns // 2 - width // 2, -(-columns // 2) - -(-width // 2))  # fmt: skip
            if lacking > margin_pixels and (short is None or lacking > short[0]):
                short = lacking, source
        if short is not None:
            raise _refused(
                f"patches of that field reach {short[0]} pixels beyond those that are read, and "
                f"the margin has {margin_pixels}.",
                f"Set margin_pixels to {short[0]}.",
                short[1],
            )

    def __call__(self, patches: torch.Tensor, meta: dict[str, Any]) -> torch.Tensor:
        """Resample the patches of a batch, (B, C, Z, Y, X), by where each is from."""
        fields = np.array(
            [
                self._fields[place]
                for place in zip(
                    meta["experiment"].tolist(), meta["fov_name"].tolist(), strict=True
                )
            ],
            dtype=np.int64,
        ).reshape(-1, 3)
        distinct, number = np.unique(fields, axis=0, return_inverse=True)
        if len(distinct) == 1:
            return self._resampled(patches, distinct[0])
        shape = (*patches.shape[:2], self.n_slices, *self._size)
        out = torch.empty(shape, dtype=torch.float32, device=patches.device)
        for place, field in enumerate(distinct):
            own = torch.from_numpy(np.flatnonzero(number.reshape(-1) == place)).to(patches.device)
            out[own] = self._resampled(patches[own], field).to(torch.float32)
        return out

    def _resampled(self, patches: torch.Tensor, field: Int64Array) -> torch.Tensor:
        slices, rows, columns = field.tolist()
        front = patches.shape[2] // 2 - slices // 2
        top = patches.shape[3] // 2 - rows // 2
        left = patches.shape[4] // 2 - columns // 2
        cut = patches[:, :, front : front + slices, top : top + rows, left : left + columns]
        if (rows, columns) != self._size:
            flat = cut.flatten(1, 2).to(torch.float32)
            # Where pixels become fewer each is a mean of several, or fine ones alias.
            there = functional.interpolate(
                flat, self._size, mode="bilinear", align_corners=False, antialias=True
            )
            cut = there.reshape(*cut.shape[:3], *self._size)
        if slices != self.n_slices:
            # torch has no such means along three axes.
            weights = _slice_weights(slices, self.n_slices).to(cut.device)
            cut = torch.einsum("oz,bczyx->bcoyx", weights, cut.to(torch.float32))
        return cut


def _slice_weights(n_stored: int, n_slices: int) -> torch.Tensor:
    """What each stored slice counts for in each new one, (new, stored): a triangle around it."""
    step = n_stored / n_slices
    middles = (torch.arange(n_slices) + 0.5) * step
    away = (torch.arange(n_stored) + 0.5 - middles[:, None]).abs()
    weights = (1 - away / max(step, 1.0)).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


def _depth(index: MultiExperimentIndex) -> int:
    """Slices that are read, which are as many in each experiment."""
    return z_window(index.settings, index.fovs[0].experiment)[1]


def _stored(source: FovSource) -> tuple[float, float, float]:
    """Size in µm, (z, y, x), that the store says its pixels have."""
    found = source.fov.pixel_size_um
    # Writers put 1 where they do not know.
    if found is None or set(found[1:]) == {1.0}:
        raise _refused(
            "the store does not say how large its pixels are.",
            "Leave it out, or mend the store's scale.",
            source,
        )
    return found


def _slices_everywhere(
    index: MultiExperimentIndex,
    stored: dict[tuple[str, str], tuple[float, float, float]],
    z_um: float,
) -> int:
    """As many new slices as lie in those that are read, in whichever FOV has the thinnest."""
    depth = _depth(index)
    thinnest = min(index.fovs, key=lambda source: stored[source.experiment, source.fov.name][0])
    slice_um = stored[thinnest.experiment, thinnest.fov.name][0]
    # Sizes in the stores are decimal fractions: what fills the slices must not fall short by a bit.
    n_slices = math.floor(depth * slice_um / z_um + 1e-6)
    if n_slices == 0:
        raise _refused(
            f"slices of {z_um:g} µm are asked for, and those that are read ({depth} of "
            f"{slice_um:g} µm) are not as thick together.",
            f"Let z_range read {math.ceil(z_um / slice_um - 1e-6)} slices or more, or leave z out.",
            thinnest,
        )
    return n_slices


def _refused(message: str, remedy: str, source: FovSource | None = None) -> ConfigError:
    return ConfigError(
        Problem(
            "bad-value",
            message,
            remedy,
            experiment="" if source is None else source.experiment,
            fov="" if source is None else source.fov.name,
            field="reference_pixel_size_um",
        )
    )
