"""Experiments whose slots hold stains that are known, and small plates with numbers for pixels."""

from __future__ import annotations

import pandas as pd

import stores
from lineage_triplets import (
    DatasetConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
    TripletConfig,
)
from lineage_triplets.simulate import SimulatedExperiment

PHASE, NUCLEI, REPORTER = "Phase", "H2B-GFP", "Virus-mCherry"
# The slots of the three experiments that tests share, once each holds its stain.
MENDED = {"slow": {0: 0, 1: 1}}


def index_of(config: TripletConfig, **given) -> MultiExperimentIndex:
    dataset = DatasetConfig(**{"yx_patch_size": (48, 48), "tau_range_hours": (0.25, 2.0), **given})
    return MultiExperimentIndex.from_config(config.model_copy(update={"dataset": dataset}))


def simulated(name: str, **given) -> SimulatedExperiment:
    return SimulatedExperiment(
        name,
        **{"n_frames": 5, "shape": (144, 144), "n_cells": 7, "interval_minutes": 15.0, **given},
    )


def cells(n_frames: int, places: list[tuple[float, float]], z: float = 0.0) -> pd.DataFrame:
    rows = [
        (track, t, -1, z, y, x)
        for track, (y, x) in enumerate(places, start=1)
        for t in range(n_frames)
    ]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


def plate(make_experiment, name: str = "plate", **given):
    shape = given.pop("shape", (4, 2, 1, 60, 64))
    fovs = given.pop("fovs", ("A/1/0", "B/2/0"))
    table = cells(4, [(3.0, 4.0), (30.2, 33.9), (59.0, 40.0)], z=given.pop("z", 0.0))
    pixels = {
        fov: stores.numbered_pixels(given.pop("pixel_shape", shape), seed=k)
        for k, fov in enumerate(fovs)
    }
    return make_experiment(name, dict.fromkeys(fovs, table), pixels=pixels, **given)


def index_over(*experiments, **given) -> MultiExperimentIndex:
    given = {"z_range": 1, "yx_patch_size": (17, 20), "tau_range_hours": (0.5, 1.0), **given}
    return MultiExperimentIndex(ExperimentRegistry(experiments), **given)
