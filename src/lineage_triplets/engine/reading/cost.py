"""Stores whose chunks are bad for patches: one patch decodes far more than its own pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lineage_triplets.engine.errors import Problem
from lineage_triplets.engine.settings.paths import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.index.index import MultiExperimentIndex

_MOST_TIMES = 100


def costly_chunks(index: MultiExperimentIndex) -> Iterator[Problem]:
    """Warn of experiments where a patch decodes more than a hundred times its own pixels.

    Of each experiment the worst FOV is told, and all FOVs that are as bad are counted.
    """
    settings = index.settings
    patch = tuple(settings.yx_patch_size)
    costs: dict[str, list[tuple[float, FovSource]]] = {}
    for source in index.fovs:
        if settings.read_strategy == "tensorstore" or not _is_read_in_part(source):
            times = _decoded_pixels(source, patch) / (source.depth * math.prod(patch))
            if times > _MOST_TIMES:
                costs.setdefault(source.experiment, []).append((times, source))
    for experiment, found in costs.items():
        times, worst = max(found, key=lambda cost: cost[0])
        fov = worst.fov
        store = index.registry.get_opened(experiment).plate.path
        own = "Copy the store to a disk; then " if is_url(store) else ""
        chunk = " x ".join(map(str, fov.chunk_shape))
        yield Problem(
            "costly-chunks",
            f"to read one patch of {patch[0]} x {patch[1]}, {times:,.0f} times its pixels are "
            f"decoded: chunks are {chunk} (t, c, z, y, x), "
            f"{fov.chunk_bytes / 1e6:.3g} MB, and packed "
            "so that each is decoded whole.",
            f"{own}`lineage-triplets import --rechunk {store} --out NEW.zarr` writes it anew with "
            "the same values; let data_path name that.",
            "warning",
            experiment=experiment,
            fov=fov.name if len(found) == 1 else "",
            file=store,
            count=len(found),
            fovs=tuple(source.fov.name for _, source in found) if len(found) > 1 else (),
        )


def _is_read_in_part(source: FovSource) -> bool:
    """Whether blocks or bytes that a patch touches can be read alone."""
    storage = source.fov.form.storage
    is_in_parts = storage is not None and storage.compressor != "zstd"
    return is_in_parts and not is_url(source.fov.path)


def _decoded_pixels(source: FovSource, patch: tuple[int, ...]) -> float:
    """Pixels of the chunks that a patch touches, on average over where it lies."""
    shape, chunk = source.fov.shape, source.fov.chunk_shape
    pixels = float(chunk[0] * chunk[1])
    for size, n, wanted in zip(shape[2:], chunk[2:], (source.depth, *patch), strict=True):
        touched = min(math.ceil(size / n), (wanted - 1) / n + 1)
        pixels *= touched * n
    return pixels
