"""Stores whose chunks are bad for patches are told, with the command that mends them."""

from __future__ import annotations

import pytest
from zarr.codecs import BloscCodec

from lineage_triplets import TripletConfig, diagnose
from lineage_triplets.engine import DatasetConfig
from lineage_triplets.imports import plan_import, run_import
from stores import numbered_pixels, track_table

SHAPE = (6, 2, 1, 64, 64)
TABLE = {"A/1/0": track_table((1, range(6)))}
SETTINGS = DatasetConfig(yx_patch_size=(16, 16))


def costly(experiment, settings=SETTINGS):
    found = diagnose(TripletConfig(experiments=[experiment], dataset=settings)).problems
    return [problem for problem in found if problem.kind == "costly-chunks"]


@pytest.mark.parametrize(
    ("chunks", "times"),
    [((6, 2, 1, 64, 64), 192), ((6, 2, 1, 32, 32), 12 * (47 / 16) ** 2), ((1, 1, 1, 64, 64), 16)],
)
def test_chunks_that_are_decoded_whole_are_counted(make_experiment, chunks, times):
    found = costly(make_experiment("one", TABLE, shape=SHAPE, chunks=chunks, version="0.5"))
    if times < 100:
        assert not found
        return
    assert f"{times:,.0f} times its pixels" in found[0].message
    assert "import --rechunk" in found[0].remedy
    assert found[0].severity == "warning"


def test_blosc_is_read_in_blocks_unless_tensorstore_is_asked_for(make_experiment):
    one = make_experiment(
        "one", TABLE, shape=SHAPE, chunks=SHAPE, version="0.5", compressor=BloscCodec()
    )
    assert not costly(one)
    assert costly(one, SETTINGS.model_copy(update={"read_strategy": "tensorstore"}))


def test_the_command_that_is_named_mends_it(make_experiment, tmp_path):
    pixels = numbered_pixels(SHAPE)
    one = make_experiment("one", TABLE, pixels=pixels, chunks=SHAPE, version="0.5")
    (found,) = costly(one)
    assert found.file == str(one.data_path)
    run_import(plan_import([found.file], rewrite=True), tmp_path / "new.zarr")
    assert not costly(one.model_copy(update={"data_path": str(tmp_path / "new.zarr")}))
