"""Patches by a plain reference, to hold those that are read against."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
from stores import source_of


def table_at(*cells: tuple[float, ...]) -> pd.DataFrame:
    """One track of one frame a cell, given as (t, y, x) or (t, y, x, z)."""
    rows = [
        (number, int(t), -1, *(z or (0.0,)), y, x)
        for number, (t, y, x, *z) in enumerate(cells, start=1)
    ]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


def index_of(*experiments: ExperimentConfig, **arguments: Any) -> MultiExperimentIndex:
    settings = {"z_range": 1, "yx_patch_size": (16, 16), **arguments}
    return MultiExperimentIndex(ExperimentRegistry(experiments), **settings)


def read_all(index: MultiExperimentIndex, **options: Any) -> np.ndarray:
    return source_of(index, **options).read(np.arange(len(index)))


def expected_patch(
    pixels: np.ndarray,
    channels: list[int],
    t: int,
    z: slice,
    yx: tuple[float, float],
    size: tuple[int, int],
    border: str = "clamp",
) -> np.ndarray:
    """The patch as the manual says it; `pixels` are (T, C, Z, Y, X)."""
    margin = max(size)
    padded = np.pad(pixels, [(0, 0)] * 3 + [(margin, margin)] * 2)
    first = []
    for centre, n, extent in zip(yx, size, pixels.shape[3:], strict=True):
        clamped = min(max(centre, n // 2), extent - n + n // 2) if border == "clamp" else centre
        first.append(int(np.floor(clamped)) - n // 2 + margin)
    y, x = (slice(start, start + n) for start, n in zip(first, size, strict=True))
    return padded[t][channels][:, z, y, x]


def check(
    index: MultiExperimentIndex,
    pixels: dict[str, np.ndarray],
    channels: dict[str, list[int]],
    z_of: Any = None,
    **options: Any,
) -> None:
    """Compare every row of an index with the plain reference, by experiment."""
    patches, border = read_all(index, **options), index.settings.border
    assert len(index) > 0
    for patch, row in zip(patches, index.tracks.itertuples(), strict=True):
        wanted = expected_patch(
            pixels[row.experiment],
            channels[row.experiment],
            row.t,
            z_of(row) if z_of else slice(0, 1),
            (row.y, row.x),
            index.settings.yx_patch_size,
            border,
        )
        assert patch.shape == wanted.shape
        np.testing.assert_array_equal(patch, wanted.astype(patch.dtype))


EVERYWHERE = [
    (t % 4, y, x)
    for t, (y, x) in enumerate(
        [(0, 0), (0.9, 47.9), (39.9, 0), (39.5, 47.5), (20, 24), (20.99, 24.5), (7, 8), (8, 7.999),
         (31, 40), (32, 39.01), (19.5, 3.2), (1e-9, 30)]
    )
]  # fmt: skip
