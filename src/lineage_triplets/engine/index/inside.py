"""Which rows lie in the movie as far as it is written, in the image and in the stack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import Problem

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import BoolArray, Int64Array
    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.rows import Observations
    from lineage_triplets.engine.settings.model import DatasetConfig


def inside_image(
    rows: Observations, fov: Int64Array, sources: list[FovSource], settings: DatasetConfig
) -> tuple[Observations, list[Problem]]:
    """Leave out rows outside movie, image or stack; move patches inward as ``border`` says.

    Parameters
    ----------
    rows : Observations
    fov : ndarray of int64
        Number of each row's FOV in `sources`.
    sources : list of FovSource
    settings : DatasetConfig

    Returns
    -------
    rows : Observations
        Those that are left.
    problems : list of Problem
        A warning of each kind and FOV, with how many were left out; of frames that are not
        written, one an experiment.
    """
    shapes = np.array([source.fov.shape for source in sources], dtype=np.int64).reshape(-1, 5)
    n_frames, n_slices, height, width = (
        np.ascontiguousarray(shapes[:, axis]).take(fov) for axis in (0, 2, 3, 4)
    )
    # A z that no slice is chosen by may be in any unit.
    follows_z = np.array(
        [source.z_start is None and not source.z_starts for source in sources], dtype=bool
    )[fov]
    problems: list[Problem] = []
    in_movie = (rows.t >= 0) & (rows.t < n_frames)
    problems += _left_out(
        ~in_movie,
        fov,
        sources,
        "outside-movie",
        "{n} of its rows have a frame outside the movie of {t} frames{after}; they are left out.",
    )
    n_written = np.array([source.n_frames for source in sources], dtype=np.int64)[fov]
    is_written = rows.t < n_written
    problems += _unwritten(in_movie & ~is_written, fov, sources)
    in_movie &= is_written
    in_image = (rows.y >= 0) & (rows.y < height) & (rows.x >= 0) & (rows.x < width)
    problems += _left_out(
        in_movie & ~in_image,
        fov,
        sources,
        "outside-image",
        "{n} of its rows have their centre outside the image of {y} x {x} pixels{after}; they are "
        "left out.",
    )
    in_stack = ~follows_z | (n_slices == 1) | ((rows.z >= 0) & (rows.z < n_slices))
    problems += _left_out(
        in_movie & in_image & ~in_stack,
        fov,
        sources,
        "outside-stack",
        "{n} of its rows have their z outside the stack of {z} slices{after}; they are left out.",
    )
    keep = in_movie & in_image & in_stack
    patch_height, patch_width = settings.yx_patch_size
    if settings.border == "exclude":
        top = np.floor(rows.y) - patch_height // 2
        left = np.floor(rows.x) - patch_width // 2
        fits = (top >= 0) & (top + patch_height <= height)
        fits &= (left >= 0) & (left + patch_width <= width)
        problems += _left_out(
            keep & ~fits,
            fov,
            sources,
            "near-border",
            "{n} of its cells are nearer to the border than half a patch; they are left out, as "
            "border='exclude' asks.",
        )
        keep &= fits
    if settings.border == "clamp":
        rows = replace(
            rows,
            y_clamp=np.clip(rows.y, patch_height // 2, height - patch_height + patch_height // 2),
            x_clamp=np.clip(rows.x, patch_width // 2, width - patch_width + patch_width // 2),
        )
    return rows if keep.all() else rows.take(keep), problems


def _left_out(
    mask: BoolArray,
    fov: Int64Array,
    sources: list[FovSource],
    kind: str,
    message: str,
) -> list[Problem]:
    """One warning a FOV, with the number of rows."""
    counts = np.bincount(fov[mask], minlength=len(sources)) if mask.any() else np.empty(0)
    problems = []
    for number in np.flatnonzero(counts):
        source = sources[number]
        t, _, z, y, x = source.fov.shape
        transform = source.track_transform
        after = "" if transform is None else f" (after {transform.words})"
        problems.append(
            Problem(
                kind,
                message.format(n=int(counts[number]), t=t, z=z, y=y, x=x, after=after),
                severity="warning",
                experiment=source.experiment,
                fov=source.fov.name,
                file=str(source.table),
                count=int(counts[number]),
            )
        )
    return problems


def _unwritten(mask: BoolArray, fov: Int64Array, sources: list[FovSource]) -> list[Problem]:
    """One warning an experiment: an acquisition under way lacks frames of all its FOVs."""
    counts = np.bincount(fov[mask], minlength=len(sources)) if mask.any() else np.empty(0)
    of_experiment: dict[str, list[int]] = {}
    for number in np.flatnonzero(counts):
        of_experiment.setdefault(sources[number].experiment, []).append(int(number))
    problems = []
    for experiment, numbers in of_experiment.items():
        fovs = [sources[number] for number in numbers]
        n_rows = int(counts[numbers].sum())
        whose = "its rows" if len(fovs) == 1 else f"the rows of {len(fovs)} FOVs"
        promised = _from_to([source.fov.shape[0] for source in fovs])
        absent = _from_to([source.fov.shape[0] - source.n_frames for source in fovs])
        problems.append(
            Problem(
                "unwritten-frames",
                f"{n_rows} of {whose} have a frame of which nothing is on disk: of {promised} "
                f"frames the last {absent} have no chunk of any channel, as in an acquisition that "
                "goes on. They are left out.",
                "Validate again when it is done. If these frames are black, and were left out by "
                "the writer on purpose, missing_chunks: fill keeps them.",
                severity="warning",
                experiment=experiment,
                fov=fovs[0].fov.name,
                file=str(fovs[0].table) if len(fovs) == 1 else "",
                count=n_rows,
                fovs=tuple(source.fov.name for source in fovs),
            )
        )
    return problems


def _from_to(numbers: list[int]) -> str:
    lowest, highest = min(numbers), max(numbers)
    return f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
