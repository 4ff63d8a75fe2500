"""Which slices are read around the slice in focus, where patches do not follow each cell's z."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.plates.statistics import focus_of

if TYPE_CHECKING:
    from lineage_triplets.engine.plates.image import Fov
    from lineage_triplets.engine.settings.model import DatasetConfig


def focused_slices(
    settings: DatasetConfig, experiment: str, fov: Fov, channel: str, depth: int
) -> tuple[int | None, tuple[int, ...]]:
    """Give the first slice that is read, of all frames or of each.

    Parameters
    ----------
    settings : DatasetConfig
        With ``z_centre`` "fov_focus" or "frame_focus".
    experiment : str
    fov : Fov
    channel : str
        That of the first slot, by whose focus all slots are read.
    depth : int
        Slices that are read, no more than there are.

    Returns
    -------
    z_start : int or None
        Of all frames; None where they differ.
    z_starts : tuple of int
        Of each frame; empty where they are the same. A frame that has no focus has the FOV's.

    Raises
    ------
    ConfigError
        Nothing is known of the focus.
    StoreError
        The statistics cannot be read, or are of another image.
    """
    n_slices = fov.shape[2]
    if n_slices == depth:
        return 0, ()
    known = focus_of(settings.statistics_path, experiment, fov, channel)
    mean = (known.get("fov_statistics") or {}).get("z_focus_mean")
    if not isinstance(mean, int | float) or not math.isfinite(mean):
        raise _no_focus(settings, experiment, fov, channel)
    of_fov = _around(mean, depth, n_slices)
    if settings.z_centre == "fov_focus":
        return of_fov, ()
    frames = known.get("per_timepoint")
    if not isinstance(frames, dict) or not frames:
        raise _no_focus(settings, experiment, fov, channel, "of each frame")
    of_frame = {int(t): _around(found, depth, n_slices) for t, found in frames.items()}
    return None, tuple(of_frame.get(t, of_fov) for t in range(fov.shape[0]))


def _around(z: float, depth: int, n_slices: int) -> int:
    """First of `depth` slices around a place, moved inward: as around a cell's own z."""
    return min(max(math.floor(z - (depth - 1) / 2 + 0.5), 0), n_slices - depth)


def _no_focus(
    settings: DatasetConfig, experiment: str, fov: Fov, channel: str, which: str = ""
) -> ConfigError:
    place = "focus_slice of the plate" if settings.statistics_path is None else "statistics"
    return ConfigError(
        Problem(
            "no-focus",
            f"z_centre={settings.z_centre!r} asks for the slice in focus, and the {place} "
            f"{'have' if settings.statistics_path else 'has'} none of {channel!r} "
            f"{which}".rstrip()
            + ".",
            "Run `lineage-triplets stats` on the config and name its folder as statistics_path, or "
            "choose z_centre='cell'.",
            experiment=experiment,
            fov=fov.name,
            file=settings.statistics_path or fov.path,
            field="z_centre",
        )
    )
