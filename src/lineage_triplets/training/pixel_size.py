"""Patches of all experiments brought to one pixel size, so that each shows the same field in µm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from lineage_triplets.engine.errors import ConfigError, Problem

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
    pixel_size_um : (float, float)
        Size along y and x that patches shall have.
    size : (int, int)
        Rows and columns that they shall have.
    margin_pixels : int
        How far what is read reaches beyond the patches of the index, on each side.

    Raises
    ------
    ConfigError
        A size is not known, or the margin is too small.
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        pixel_size_um: tuple[float, float],
        size: tuple[int, int],
        margin_pixels: int,
    ) -> None:
        if len(pixel_size_um) != 2 or not all(0 < um < float("inf") for um in pixel_size_um):
            raise _refused(f"{pixel_size_um} is no pixel size.", "Give [y, x] in µm, above 0.")
        self._size = size
        self._fields: dict[tuple[str, str], tuple[int, int]] = {}
        short: tuple[int, FovSource] | None = None
        for source in index.fovs:
            found = source.fov.pixel_size_um
            # Writers put 1 where they do not know.
            if found is None or set(found[1:]) == {1.0}:
                raise _refused(
                    "the store does not say how large its pixels are.",
                    "Leave it out, or mend the store's scale.",
                    source,
                )
            field = np.rint(np.array(size) * pixel_size_um / np.array(found[1:])).astype(int)
            rows, columns = np.maximum(field, 1).tolist()
            self._fields[source.experiment, source.fov.name] = rows, columns
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
        ).reshape(-1, 2)
        distinct, number = np.unique(fields, axis=0, return_inverse=True)
        if len(distinct) == 1:
            return self._resampled(patches, distinct[0])
        out = torch.empty(
            (*patches.shape[:3], *self._size), dtype=torch.float32, device=patches.device
        )
        for place, field in enumerate(distinct):
            own = torch.from_numpy(np.flatnonzero(number.reshape(-1) == place)).to(patches.device)
            out[own] = self._resampled(patches[own], field).to(torch.float32)
        return out

    def _resampled(self, patches: torch.Tensor, field: Int64Array) -> torch.Tensor:
        rows, columns = field.tolist()
        top = patches.shape[3] // 2 - rows // 2
        left = patches.shape[4] // 2 - columns // 2
        cut = patches[..., top : top + rows, left : left + columns]
        if (rows, columns) == self._size:
            return cut
        flat = cut.flatten(1, 2).to(torch.float32)
        # Where there are fewer pixels than before each is a mean of several, or fine ones alias.
        there = functional.interpolate(
            flat, self._size, mode="bilinear", align_corners=False, antialias=True
        )
        return there.reshape(*patches.shape[:3], *self._size)


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
