"""Sizes that metadata claim are judged before anything is read; small files, lowered limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lineage_triplets import TripletConfig, diagnose
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.errors import ConfigError, StoreError
from lineage_triplets.engine.plates import limits
from lineage_triplets.engine.plates.image import open_image
from lineage_triplets.engine.plates.zarr_json import array_form
from stores import make_experiment, track_table, write_image

if TYPE_CHECKING:
    from pathlib import Path

TABLE = track_table((1, range(6)))


@pytest.fixture
def little_memory(monkeypatch):
    """Let a process have 10 kB, and ask for any chunk of more than 1 kB."""
    monkeypatch.setattr(limits, "UNASKED_BYTES", 1000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 10_000)


def kind_of(folder: Path) -> str:
    with pytest.raises(StoreError) as caught:
        open_image(folder)
    (problem,) = caught.value.problems
    assert str(folder) in problem.file
    assert problem.remedy
    return problem.kind


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.usefixtures("little_memory")
def test_a_chunk_is_held_against_the_memory(tmp_path, version):
    for name, chunks in (("ok", (1, 1, 1, 35, 35)), ("large", (1, 1, 1, 36, 36))):
        write_image(tmp_path / name, shape=(2, 1, 1, 36, 36), chunks=chunks, version=version)
    assert open_image(tmp_path / "ok").chunk_bytes == 2450
    assert kind_of(tmp_path / "large") == "chunk-too-large"


@pytest.mark.usefixtures("little_memory")
def test_a_shard_is_as_large_as_its_index_alone(tmp_path):
    shape, shards = (2, 1, 1, 64, 64), (1, 1, 1, 64, 64)
    for name, chunks in (("ok", (1, 1, 1, 8, 8)), ("large", (1, 1, 1, 4, 4))):
        write_image(tmp_path / name, shape=shape, chunks=chunks, shards=shards, version="0.5")
    assert open_image(tmp_path / "ok").form.file_shape == shards
    assert kind_of(tmp_path / "large") == "chunk-too-large"


def test_lengths_that_nobody_has_are_refused(tmp_path, monkeypatch):
    write_image(tmp_path / "i", shape=(9, 2, 1, 40, 48))
    open_image(tmp_path / "i")
    for limit, most in (("MOST_ALONG_AXIS", 47), ("MOST_ARRAY_BYTES", 69_119), ("MOST_FRAMES", 8)):
        with monkeypatch.context() as lowered:
            lowered.setattr(limits, limit, most)
            assert kind_of(tmp_path / "i") == "shape-too-large"


def test_metadata_have_a_size(tmp_path, monkeypatch):
    write_image(tmp_path / "i", shape=(2, 1, 1, 8, 8))
    longest = max((tmp_path / "i" / name).stat().st_size for name in (".zattrs", "0/.zarray"))
    monkeypatch.setattr(limits, "MOST_METADATA_BYTES", longest)
    open_image(tmp_path / "i")
    monkeypatch.setattr(limits, "MOST_METADATA_BYTES", longest - 1)
    assert kind_of(tmp_path / "i") == "bad-metadata"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shape", [2, 1, 1, 8.0, 8]),
        ("shape", [2, 1, 1, True, 8]),
        ("shape", [-2, 1, 1, 8, 8]),
        ("shape", [2, 1, 1, 0, 8]),
        ("shape", [2, 1, 1, None, 8]),
        ("shape", [2, 1, 1, 8, [8]]),
        ("chunks", [1, 1, 1, 0, 8]),
        ("chunks", [1, 1, 1, True, 8]),
        ("chunks", [1, 1, 8, 8]),
    ],
)
def test_what_is_no_length_is_said(tmp_path, key, value):
    write_image(tmp_path / "i", shape=(2, 1, 1, 8, 8))
    file = tmp_path / "i/0/.zarray"
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))
    with pytest.raises(StoreError, match=r"its (shape|chunks)") as caught:
        array_form(str(tmp_path / "i/0"))
    assert caught.value.problems[0].kind in {"bad-metadata", "unreadable-codec"}


def problems_of(tmp_path: Path, **dataset: Any) -> dict[str, Any]:
    experiment = make_experiment(tmp_path, "one", {"A/1/0": TABLE, "A/1/1": TABLE})
    found = diagnose(TripletConfig(experiments=[experiment], dataset=dataset))
    return {problem.kind: problem for problem in found.errors}


@pytest.mark.usefixtures("little_memory")
def test_validate_says_it_of_chunks(tmp_path):
    problem = problems_of(tmp_path, yx_patch_size=(16, 16))["chunk-too-large"]
    assert problem.experiment == "one"
    assert "one chunk of (1, 1, 1, 40, 48)" in problem.message


def test_validate_says_it_of_patches(tmp_path):
    sizes = {"yx_patch_size": (2_000_000, 2_000_000), "border": "pad"}
    problem = problems_of(tmp_path, **sizes)["patch-too-large"]
    assert "2 x 1 x 2000000 x 2000000 (c, z, y, x) is 32 TB" in problem.message
    with pytest.raises(ValueError, match="yx_patch_size"):
        TripletConfig(experiments=[], dataset={"yx_patch_size": (10**30, 8)})


def test_a_batch_is_held_against_the_memory(tmp_path, monkeypatch):
    experiment = make_experiment(
        tmp_path, "one", {"A/1/0": TABLE}, pixels=np.ones((6, 1, 1, 40, 48), np.uint16),
        channels=["GFP"],
    )  # fmt: skip
    config = TripletConfig(experiments=[experiment], dataset={"yx_patch_size": (16, 16)})
    index = diagnose(config).index
    source = PairSource(index)
    monkeypatch.setattr(limits, "UNASKED_BYTES", 4000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 5000)
    assert source.read(np.arange(4)).shape == (4, 1, 1, 16, 16)
    with pytest.raises(ConfigError, match="a batch of 5 patches"):
        source.read(np.arange(5))
