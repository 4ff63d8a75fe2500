"""Whether an image has the pixels and slices that the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem, choices

if TYPE_CHECKING:
    from lineage_triplets.engine.settings.model import DatasetConfig


def z_window(settings: DatasetConfig, experiment: str) -> tuple[int | None, int]:
    """First slice (None where it follows each cell) and number of slices.

    Raises
    ------
    ConfigError
        ``z_range`` is given for each experiment, and not for this one.
    """
    z_range = settings.z_range
    if isinstance(z_range, int):
        return None, z_range
    if isinstance(z_range, dict):
        if experiment not in z_range:
            raise ConfigError(
                Problem(
                    "z-range",
                    f"z_range is given for {choices(z_range)} and not for this one.",
                    "Add it.",
                    experiment=experiment,
                    field="z_range",
                )
            )
        z_range = z_range[experiment]
    start, stop = z_range
    return start, stop - start


def size_faults(
    shape: tuple[int, ...], settings: DatasetConfig, z_start: int | None, depth: int
) -> list[Problem]:
    """Say what an image of this shape (t, c, z, y, x) is too small for, if anything."""
    faults = []
    n_slices, height, width = shape[2:]
    patch_height, patch_width = settings.yx_patch_size
    if settings.border == "clamp" and (patch_height > height or patch_width > width):
        faults.append(
            Problem(
                "patch-too-large",
                f"the patch of {patch_height} x {patch_width} pixels is larger than the image of "
                f"{height} x {width}.",
                "Choose a smaller yx_patch_size, or border='pad' (zeros around the image) or "
                "'exclude' (leave such cells out).",
                field="yx_patch_size",
            )
        )
    if (z_start or 0) + depth > n_slices:
        asked = (
            f"slices {z_start} to {z_start + depth - 1}"
            if z_start is not None
            else f"{depth} slices"
        )
        faults.append(
            Problem(
                "z-range",
                f"z_range asks for {asked}, and the image has {n_slices} (0 to {n_slices - 1}).",
                "Choose slices inside; z_range can be given for each experiment.",
                field="z_range",
            )
        )
    return faults
