"""A movie of grainy cells, its true tracks, and ways to spoil either."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.record.decision import Target

FRAMES, SIZE, SPACING, RADIUS = 36, 128, 32, 7
FOV = "A/1/0"
BACKGROUND, NOISE = 200.0, 8.0
LABELS = ("Phase", "GFP")
Edit = Callable[[np.ndarray], None]
Find = Callable[..., list[Finding]]


def places(n_frames: int) -> np.ndarray:
    """Centres of 16 cells, (T, cells, 2), which walk about slowly."""
    rng = np.random.default_rng(7)
    grid = np.stack(np.mgrid[16:SIZE:SPACING, 16:SIZE:SPACING], axis=-1).reshape(-1, 2)
    walk = rng.normal(0, 0.3, (n_frames, len(grid), 2)).cumsum(axis=0)
    return grid + np.clip(walk, -5, 5)


def movie(n_frames: int = FRAMES) -> np.ndarray:
    """Grainy discs of unlike brightness, (T, C, 1, Y, X) float64; phase is darker inside."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:SIZE, :SIZE]
    level = rng.uniform(300, 1500, 16)
    grain = rng.normal(0, 1, (16, 64, 64))
    grain = (
        grain + np.roll(grain, 1, 1) + np.roll(grain, 1, 2) + np.roll(grain, (1, 1), (1, 2))
    ) / 2
    image = np.full((n_frames, 2, 1, SIZE, SIZE), BACKGROUND)
    for t, centres in enumerate(places(n_frames)):
        for cell, (cy, cx) in enumerate(centres):
            inside = np.clip(RADIUS + 0.5 - np.hypot(y - cy, x - cx), 0, 1)
            texture = grain[cell][(y - int(cy)) % 64, (x - int(cx)) % 64]
            image[t, 1, 0] += inside * level[cell] * (1 + 0.15 * texture)
            image[t, 0, 0] += inside * (0.1 * level[cell] * texture - 60)
    return image


def tracked(n_frames: int = FRAMES) -> pd.DataFrame:
    """The true tracks, 0 to 15."""
    rows = [
        (cell, t, -1, 0.0, y, x)
        for t, centres in enumerate(places(n_frames))
        for cell, (y, x) in enumerate(centres)
    ]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


def put(where: object, value: object) -> Edit:
    """Set some of the pixels."""

    def edit(pixels: np.ndarray) -> None:
        pixels[where] = value

    return edit


def copy(pixels: np.ndarray, *, t: int, earlier: int, slots: slice = slice(None)) -> None:
    pixels[t, slots] = pixels[earlier, slots]


def dim(pixels: np.ndarray, *, frames: slice, factor: object) -> None:
    """Change the light: everything above the camera's offset of 100."""
    pixels[frames] = (pixels[frames] - 100) * factor + 100


def blur(pixels: np.ndarray, *, frames: range, sigma: float = 3.0) -> None:
    """Defocus, before the camera adds its noise."""
    reach = int(4 * sigma)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / 2 / sigma**2)
    kernel /= kernel.sum()
    for t in frames:
        for plane in pixels[t].reshape(-1, *pixels.shape[-2:]):
            padded = np.pad(plane, reach, mode="reflect")
            for axis in (0, 1):
                padded = np.apply_along_axis(np.convolve, axis, padded, kernel, "valid")
            plane[...] = padded


def frames_of(finding: Finding) -> list[int]:
    """The frames whose rejection settles it."""
    targets = finding.settled_by[0]
    assert all(one == Target("frame", "one", FOV, t=one.t) for one in targets)
    assert finding.settled_by[1] == (Target("fov", "one", FOV),)
    return [one.t for one in targets]


def exchanged(one: int, other: int, t: int) -> pd.DataFrame:
    table = tracked()
    track = table["track_id"].copy()
    later = table["t"] >= t
    table.loc[later & (track == one), "track_id"] = other
    table.loc[later & (track == other), "track_id"] = one
    return table


def brightness() -> np.ndarray:
    return np.random.default_rng(3).uniform(300, 1500, 16)


def unlike_neighbours() -> tuple[int, int]:
    """Two cells beside each other, one much brighter."""
    level = brightness().reshape(4, 4)
    row, column = np.unravel_index(np.argmax(np.abs(np.diff(level, axis=1))), (4, 3))
    return int(4 * row + column), int(4 * row + column + 1)
