"""Plates in several layouts that are put behind URLs, and what is said of them there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lineage_triplets import (
    DatasetConfig,
    ExperimentConfig,
    MultiExperimentIndex,
    TripletConfig,
)
from lineage_triplets.engine.errors import ChunkError, StoreError
from lineage_triplets.engine.plates.plate import open_plate
from stores import source_of, track_table

TABLE = track_table((1, range(4)), (2, range(2, 4), 1))
NORMALIZATION = {"GFP": {"fov_statistics": {"mean": 3.5, "std": 1.25}}}
LAYOUTS = {
    "v2": {"version": "0.4"},
    "v3": {"version": "0.5"},
    "sharded": {"version": "0.5", "chunks": (1, 1, 1, 20, 24), "shards": (2, 2, 1, 40, 48)},
    "stacks": {"version": "0.4", "shape": (4, 2, 1, 256, 256), "chunks": (4, 2, 1, 256, 256)},
}
FOVS = ("A/1/0", "B/2/1")


def moved(one: ExperimentConfig, root: str) -> ExperimentConfig:
    """The experiment with its plate behind a URL."""
    return one.model_copy(update={"data_path": f"{root}/{Path(one.data_path).name}"})


def config_of(*experiments: ExperimentConfig) -> TripletConfig:
    dataset = DatasetConfig(yx_patch_size=(16, 16), z_range=1, tau_range_hours=(0.5, 1.0), seed=3)
    return TripletConfig(experiments=list(experiments), dataset=dataset)


def index_of(*experiments: ExperimentConfig) -> MultiExperimentIndex:
    return MultiExperimentIndex.from_config(config_of(*experiments))


def read_all(index: MultiExperimentIndex, **options) -> np.ndarray:
    return source_of(index, **options).read(np.arange(len(index)))


def store_fault(url: str):
    """The one problem of opening a plate and its first FOV."""
    with pytest.raises(StoreError) as caught:
        plate = open_plate(url)
        plate.fov(plate.fov_names()[0])
    (problem,) = caught.value.problems
    return problem


def chunk_fault(one: ExperimentConfig, **options):
    """The one problem of reading all patches."""
    index = index_of(one)
    with pytest.raises(ChunkError) as caught:
        read_all(index, **options)
    (problem,) = caught.value.problems
    assert (problem.experiment, problem.file) == (one.name, f"{one.data_path}/{problem.fov}/0")
    return problem
