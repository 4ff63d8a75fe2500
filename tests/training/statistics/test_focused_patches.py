"""Slices around the stored focus, each patch against the stack itself."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import reviews
from lineage_triplets import (
    DatasetConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    load_config,
)
from lineage_triplets.cli.app import app
from lineage_triplets.engine import VerificationError, diagnose
from lineage_triplets.engine.dataset.verification import draft_of
from lineage_triplets.engine.plates.statistics import StatisticsFolder
from lineage_triplets.qc.export.cell_index import write_cell_index
from lineage_triplets.training.statistics.attributes import write_into_plates
from stores import make_experiment, track_table

SHARP = [1, 4, 4]
MEAN, DEPTH, PATCH = 3, 2, 8


def stacks() -> np.ndarray:
    """Three frames of six slices; the noise of one slice each is of neighbouring pixels' size."""
    rng = np.random.default_rng(0)
    pixels = np.full((3, 2, 6, 40, 48), 100.0)
    y, x = np.mgrid[:40, :48]
    for t, sharp in enumerate(SHARP):
        for z in range(6):
            width = 2.0 + 2.0 * abs(z - sharp)
            spot = np.exp(-((y - 20) ** 2 + (x - 24) ** 2) / (2 * width**2)) / width**2
            pixels[t, :, z] += 20_000 * spot + rng.normal(0, 3, (2, 40, 48))
    return pixels.astype(np.uint16)


@pytest.fixture
def config(tmp_path):
    """Cells at slice 0, which is in focus nowhere; no statistics yet."""
    table = track_table((1, range(3)), (2, range(3)))
    listed = [make_experiment(tmp_path, "one", {"A/1/0": table}, pixels=stacks())]
    chosen = {"z_range": DEPTH, "z_centre": "frame_focus", "yx_patch_size": (PATCH, PATCH)}
    return reviews.save(tmp_path / "c.yml", listed, tau_range_hours=(0.5, 1), **chosen)


def with_settings(config, **changes):
    loaded = load_config(config)
    settings = DatasetConfig.model_validate({**loaded.dataset.model_dump(), **changes})
    return loaded.model_copy(update={"dataset": settings})


def slow_patch(t: int, centre: int) -> np.ndarray:
    first = min(max(int(np.floor(centre - (DEPTH - 1) / 2 + 0.5)), 0), 6 - DEPTH)
    return stacks()[t, :, first : first + DEPTH, 16:24, 16:24]


def anchors_of(loaded) -> list[tuple[int, np.ndarray]]:
    dataset = MultiExperimentTripletDataset.from_config(loaded, fit=False)
    batch = dataset.__getitems__(range(len(dataset)))
    assert {round(entry["z"]) for entry in batch["index"]} == {0}
    return list(zip([meta["t"] for meta in batch["anchor_meta"]], batch["anchor"], strict=True))


def test_patches_lie_around_what_is_in_focus(config, tmp_path):
    (fault,) = [problem for problem in diagnose(config).errors if problem.field == "z_centre"]
    assert "lineage-triplets stats" in fault.remedy
    assert fault.fov == "A/1/0"
    # What is in focus is found though the config asks for it already.
    said = CliRunner().invoke(app, ["stats", str(config)])
    assert said.exit_code == 0, said.output
    folder = str(tmp_path / "c.statistics")
    for centre, expected in (("frame_focus", SHARP), ("fov_focus", [MEAN] * 3), ("cell", [0] * 3)):
        chosen = with_settings(config, z_centre=centre, statistics_path=folder)
        for t, patch in anchors_of(chosen):
            assert np.array_equal(patch.numpy(), slow_patch(t, expected[t])), centre
    # The same of the plate's attributes, as other tools write them.
    without = with_settings(config, z_centre="cell")
    write_into_plates(MultiExperimentIndex.from_config(without), folder, overwrite=False)
    for t, patch in anchors_of(load_config(config)):
        assert np.array_equal(patch.numpy(), slow_patch(t, SHARP[t]))
    index = MultiExperimentIndex.from_config(without)
    write_cell_index(index, tmp_path / "cells.parquet")
    assert set(pq.read_table(tmp_path / "cells.parquet")["z_focus_mean"].to_pylist()) == {MEAN}
    # Another focus is other pixels, whatever 32 patches say.
    chosen = with_settings(config, z_centre="frame_focus", statistics_path=folder)
    draft = draft_of(chosen, MultiExperimentIndex.from_config(chosen), "test")
    validated = draft.verification.model_copy(update={"validated": True})
    whole = draft.model_copy(update={"verification": validated})
    MultiExperimentTripletDataset.from_config(whole)
    file = StatisticsFolder(folder).fov_file("one", "A/1/0")
    content = json.loads(file.read_text())
    content["focus_slice"]["Phase"]["per_timepoint"]["2"] = 3
    file.write_text(json.dumps(content))
    with pytest.raises(VerificationError, match="images"):
        MultiExperimentTripletDataset.from_config(whole)


def test_a_fixed_range_has_no_centre():
    with pytest.raises(ValueError, match="slices around the focus are a number"):
        DatasetConfig(z_range=(1, 3), z_centre="fov_focus")
