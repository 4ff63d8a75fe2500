"""Simulated movies in which lineages, conditions and fates can be seen: what the example learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.settings.file import load_config, save_config
from lineage_triplets.engine.settings.model import DatasetConfig
from lineage_triplets.simulate import SimulatedExperiment, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SLOTS = ("H2B-GFP", "Virus-mCherry")
HELD_OUT = ("A/1/1", "B/2/1")
PATCH_PX, TAU_HOURS = (64, 64), (0.5, 2.0)


def _experiment(
    name: str, n_frames: int, minutes: float, order: tuple[str, ...]
) -> SimulatedExperiment:
    return SimulatedExperiment(
        name,
        {"untreated": ["A/1"], "treated": ["B/2"]},
        fovs_per_well=2,
        n_frames=n_frames,
        shape=(256, 256),
        interval_minutes=minutes,
        start_hpi=5,
        channel_order=order,
        source_channel=SLOTS,
        n_cells=14,
        cycle_hours=9,
        normalization=True,
    )


EXPERIMENTS: tuple[SimulatedExperiment, ...] = (
    _experiment("first", 24, 15, ("H2B-GFP", "Virus-mCherry")),
    _experiment("second", 24, 15, ("Virus-mCherry", "H2B-GFP")),
    _experiment("third", 18, 20, ("Phase", "H2B-GFP", "Virus-mCherry")),
)


def write_sample(
    folder: Path,
    *,
    seed: int = 0,
    experiments: Sequence[SimulatedExperiment] | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate movies, by default `EXPERIMENTS`, and give the config that the example trains on."""
    made = simulate(
        folder, experiments or EXPERIMENTS, seed=seed, overwrite=overwrite, progress=progress
    )
    config = load_config(made.config_path)
    settings = DatasetConfig(yx_patch_size=PATCH_PX, tau_range_hours=TAU_HOURS)
    file = folder / "config.yml"
    save_config(config.model_copy(update={"dataset": settings}), file, overwrite=overwrite)
    return file
