"""Movies of cells that move, and their tables, true and spoilt in all ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets import DatasetConfig, TripletConfig, save_config
from stores import make_experiment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N_FRAMES, HEIGHT, WIDTH, N_CELLS, N_SLICES = 12, 110, 140, 16, 7
SIZE = (HEIGHT, WIDTH)
UM_PER_PX = 0.5


def cells(seed: int, *, n_slices: int = 1) -> pd.DataFrame:
    """Cells that keep apart and walk about 2 px a frame, each with a drift of its own."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(np.arange(16, HEIGHT, 26), np.arange(16, WIDTH, 26)), -1)
    at = at.reshape(-1, 2)[rng.permutation(at.size // 2)[:N_CELLS]]
    at = at + rng.uniform(-5, 5, (N_CELLS, 2))
    z = rng.uniform(1, max(n_slices - 2, 1), N_CELLS) if n_slices > 1 else np.zeros(N_CELLS)
    drift = rng.normal(0, 1.2, (N_CELLS, 2))
    rows = []
    for t in range(N_FRAMES):
        rows += [(k + 1, t, -1, *at[k], z[k]) for k in range(N_CELLS)]
        at = np.clip(at + drift + rng.normal(0, 1.2, at.shape), 4, np.array(SIZE) - 5)
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "y", "x", "z"])


def movie(table: pd.DataFrame, seed: int = 0, *, n_slices: int = 1) -> np.ndarray:
    """Round cells 3 px wide of unlike brightness on a noisy ground: (T, 1, Z, Y, X)."""
    rng = np.random.default_rng(seed)
    grid = np.indices((n_slices, *SIZE), dtype=np.float64)
    image = rng.normal(200, 10, (N_FRAMES, 1, n_slices, *SIZE))
    brightness = rng.uniform(80, 300, N_CELLS + 1)
    for row in table.itertuples():
        away = ((grid[1] - row.y) ** 2 + (grid[2] - row.x) ** 2) / 18
        away += (grid[0] - row.z) ** 2 / 0.8 if n_slices > 1 else 0
        image[row.t, 0] += brightness[row.track_id] * np.exp(-away)
    return np.clip(image, 0, None).astype(np.uint16)


SPOILS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "micrometres": lambda table: table.assign(y=table.y * UM_PER_PX, x=table.x * UM_PER_PX),
    "scaled": lambda table: table.assign(y=table.y * 0.7, x=table.x * 0.7),
    "swapped": lambda table: table.assign(y=table.x, x=table.y),
    "offset": lambda table: table.assign(y=table.y - 19, x=table.x - 12),
    "mirrored": lambda table: table.assign(x=WIDTH - 1 - table.x),
    "turned": lambda table: table.assign(y=HEIGHT - 1 - table.y, x=WIDTH - 1 - table.x),
    "frames": lambda table: table.assign(t=table.t + 1),
    "reversed": lambda table: table.assign(t=N_FRAMES - 1 - table.t),
}


def write(root: Path, tables: dict[str, pd.DataFrame], pixels: dict[str, np.ndarray]) -> Path:
    """Write an experiment `plate` of some FOVs, and its config."""
    experiment = make_experiment(
        root, "plate", tables, channels=("GFP",), pixels=pixels, pixel_size_um=UM_PER_PX
    )
    settings = DatasetConfig(yx_patch_size=(32, 32), tau_range_hours=(0.5, 2.0))
    config = root / "config.yml"
    save_config(TripletConfig(experiments=[experiment], dataset=settings), config)
    return config
