"""Plates whose wells were imaged more than once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lineage_triplets import ExperimentConfig, TripletConfig, diagnose
from lineage_triplets.engine.plates.plate import open_plate
from stores import make_experiment, track_table, write_image

if TYPE_CHECKING:
    from collections.abc import Mapping

FOVS = ("A/1/0", "A/1/1", "B/2/0", "B/2/1")


@pytest.fixture
def experiment(tmp_path) -> ExperimentConfig:
    """Field 0 of each well is of acquisition 3 ("before"), field 1 of acquisition 7."""
    table = track_table((1, range(6)))
    one = make_experiment(tmp_path, "one", dict.fromkeys(FOVS, table))
    plate = tmp_path / "one.zarr"
    described = json.loads((plate / ".zattrs").read_text())
    described["plate"]["acquisitions"] = [{"id": 3, "name": "before"}, {"id": 7}]
    (plate / ".zattrs").write_text(json.dumps(described))
    images = [{"path": "0", "acquisition": 3}, {"path": "1", "acquisition": 7}]
    for well in ("A/1", "B/2"):
        (plate / well / ".zattrs").write_text(json.dumps({"well": {"images": images}}))
    return one


def problems(one: ExperimentConfig, **dataset: object) -> Mapping[str, object]:
    config = TripletConfig(experiments=[one], dataset={"yx_patch_size": (16, 16), **dataset})
    return {problem.kind: problem for problem in diagnose(config).problems}


def test_fovs_of_each_are_named(experiment):
    plate = open_plate(experiment.data_path)
    assert plate.acquisitions == {3: "before", 7: ""}
    assert [plate.acquisition_of(fov) for fov in FOVS] == [3, 7, 3, 7]
    (problem,) = problems(experiment).values()
    assert (problem.kind, problem.severity) == ("several-acquisitions", "warning")
    assert "3 'before': A/1/0, B/2/0; 7: A/1/1, B/2/1" in problem.message
    assert "differ" not in problem.message
    assert "exclude_fovs: [A/1/1, B/2/1]" in problem.remedy


def test_nothing_is_said_where_one_is_read(experiment):
    assert problems(experiment, exclude_fovs=["A/1/1", "B/2/1"]) == {}


def test_in_what_they_differ(experiment, tmp_path):
    write_image(
        tmp_path / "one.zarr/A/1/1", shape=(8, 2, 1, 20, 24), channels=["Phase", "GFP"],
        pixel_size_um=1.0, interval_minutes=10.0, version="0.4", level="1",
    )  # fmt: skip
    message = problems(experiment)["several-acquisitions"].message
    assert message.endswith(
        "They differ in frames (12 and 8) and in size (20 x 24 pixels and 40 x 48 pixels) and in "
        "pixel size (2 x 0.5 x 0.5 µm and 2 x 1 x 1 µm) and in interval (10 min and 30 min)."
    )
