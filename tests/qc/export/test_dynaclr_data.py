"""``dynaclr_data.yml``: what it says, and what it counts, against the module's steps in pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import yaml

from lineage_triplets import (
    DatasetConfig,
    ExperimentRegistry,
    MultiExperimentIndex,
)
from lineage_triplets.qc.export.dynaclr_data import not_honoured, write_dynaclr_data
from lineage_triplets.training import compute_statistics
from stores import numbered_pixels, track_table

if TYPE_CHECKING:
    import pandas as pd

PATCH = (16, 16)


def table_of_cells() -> pd.DataFrame:
    """Cells all over the image and the stack, each with a daughter."""
    table = track_table(*((k, range(6)) for k in range(1, 30)))
    rng = np.random.default_rng(0)
    table["y"], table["x"] = rng.uniform(0, 40, len(table)), rng.uniform(0, 48, len(table))
    table["z"] = rng.uniform(0, 5, len(table)).round(1)
    return table


def index_of(make_experiment, **settings) -> MultiExperimentIndex:
    pixels = numbered_pixels((6, 2, 6, 40, 48))
    made = make_experiment("one", {"A/1/0": table_of_cells()}, pixels=pixels, level="s0")
    chosen = {"z_range": 1, "yx_patch_size": PATCH, "tau_range_hours": (0.5, 1.5), **settings}
    return MultiExperimentIndex(ExperimentRegistry([made]), **chosen)


def test_what_is_counted(make_experiment):
    index = index_of(make_experiment, positive_relation="same_track")
    said = not_honoured(index, index.settings)

    cells = index.tracks
    shift = np.maximum(
        (cells.y.clip(8, 40 - 8) - cells.y).abs(), (cells.x.clip(8, 48 - 8) - cells.x).abs()
    )
    kept = cells[shift <= 4]
    there = set(zip(kept.lineage_id, kept.t, strict=True))
    anchors = index.valid_anchors
    is_left = [
        (row.lineage_id, row.t) in there
        and any((row.lineage_id, row.t + tau) in there for tau in (1, 2, 3))
        for row in anchors.itertuples()
    ]
    n_lost = len(anchors) - sum(is_left)
    assert 0 < n_lost < len(anchors)
    assert said[0].startswith(f"one: {n_lost} of {len(anchors)} anchors are not used")
    # A stack of 6 slices, and no focus in the plate: slice 3 for all.
    n_other = int((np.floor(kept.z + 0.5) != 3).sum())
    assert said[1].startswith(f"one: {n_other} of {len(kept)} patches are other slices")
    rest = " ".join(said[2:])
    assert "here are s0" in rest
    assert "1 FOVs have no statistics" in rest
    assert "'same_track' was chosen" in rest


def test_what_is_written(make_experiment, tmp_path):
    index = index_of(make_experiment)
    compute_statistics(index, tmp_path / "s")
    settings = DatasetConfig(
        yx_patch_size=PATCH, seed=7, tau_range_hours=(0.5, 1.5), statistics_path=str(tmp_path / "s")
    )
    index.settings = settings
    write_dynaclr_data(index, settings, tmp_path / "cell_index.parquet", tmp_path / "data.yml")
    text = (tmp_path / "data.yml").read_text()
    data = yaml.safe_load(text)["data"]
    assert data["class_path"] == "dynaclr.data.datamodule.MultiExperimentDataModule"
    arguments = data["init_args"]
    assert arguments["cell_index_path"] == str(tmp_path / "cell_index.parquet")
    assert arguments["yx_patch_size"] == arguments["final_yx_patch_size"] == [16, 16]
    assert (arguments["z_window"], arguments["seed"]) == (1, 7)
    assert (arguments["tau_range"], arguments["channels_per_sample"]) == ([0.5, 1.5], 1)
    (normalization,) = arguments["normalizations"]
    assert normalization["init_args"]["level"] == "timepoint_statistics"
    assert "# - one: " in text
    assert "statistics of every slot" not in text
