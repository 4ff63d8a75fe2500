"""Plates behind servers that behave, and behind one that may be told not to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remote_plates import FOVS, LAYOUTS, NORMALIZATION, TABLE
from servers import FolderServer, few_retries, s3_server, upload
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from lineage_triplets import (
        ExperimentConfig,
    )


@pytest.fixture(scope="module")
def plates(tmp_path_factory) -> dict[str, ExperimentConfig]:
    """One plate a layout, by name."""
    root = tmp_path_factory.mktemp("plates")
    made = {}
    for number, (name, given) in enumerate(LAYOUTS.items()):
        layout = dict(given)
        shape = layout.pop("shape", (4, 2, 1, 40, 48))
        made[name] = make_experiment(
            root,
            name,
            dict.fromkeys(FOVS, TABLE),
            pixels={
                fov: numbered_pixels(shape, seed=10 * number + k) for k, fov in enumerate(FOVS)
            },
            source_channel=("GFP", "Phase"),
            normalization=dict.fromkeys(FOVS, NORMALIZATION),
            **layout,
        )
    return made


@pytest.fixture(scope="module")
def web(plates):
    """A server of all plates that behaves."""
    with FolderServer(Path(plates["v2"].data_path).parent) as server:
        yield server


@pytest.fixture(scope="module")
def s3(plates):
    """An S3 server with all plates in the bucket "plates", and in "public" for everybody."""
    with s3_server() as endpoint:
        folder = Path(plates["v2"].data_path).parent
        upload(folder, endpoint, "plates")
        upload(folder / "v2.zarr", endpoint, "public", public=True)
        yield endpoint


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    few_retries(monkeypatch)


@pytest.fixture
def served(plates):
    """A server of all plates of the test's own, which may be told to misbehave."""
    with FolderServer(Path(plates["v2"].data_path).parent) as server:
        yield server
