"""The widget's images and its new config, for plates behind a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtWidgets import QLineEdit
from test_new_config import add, cell, dialog, find, words, work

from lineage_triplets import ExperimentRegistry
from lineage_triplets.engine import waiting
from lineage_triplets.engine.index.fovs import FovSource, find_fovs
from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
from lineage_triplets.plugin.viewer.lazy_image import FovImages
from servers import FolderServer, few_retries
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["dialog", "work"]

PIXELS = numbered_pixels((5, 2, 3, 20, 24))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderServer]:
    """Serves one plate, one.zarr."""
    few_retries(monkeypatch)
    with FolderServer(tmp_path) as serving:
        yield serving


@pytest.fixture
def source(server: FolderServer) -> FovSource:
    tables = {"A/1/0": track_table((1, range(4)), y=10.0, x=10.0)}
    experiment = make_experiment(server.root, "one", tables, pixels=PIXELS)
    experiment = experiment.model_copy(update={"data_path": f"{server.url}/one.zarr"})
    settings = DatasetConfig(yx_patch_size=(8, 8), z_range=1)
    sources, problems = find_fovs(ExperimentRegistry([experiment]), settings, Exclusions())
    assert not problems
    return sources[0]


def test_images_are_the_store_s(source: FovSource) -> None:
    images = FovImages(source)
    for number in range(2):
        np.testing.assert_array_equal(np.asarray(images.channel(number)[0]), PIXELS[:, number])
    assert not images.faults


def test_what_a_server_refuses_is_blank_and_said(server: FolderServer, source: FovSource) -> None:
    server.refuse(r"A/1/0/0/2/1/", 403)
    images = FovImages(source)
    image = np.asarray(images.channel(1)[0])
    assert not image[2].any()
    assert image[[0, 1, 3, 4]].all()
    what = images.faults[1, 2].what
    assert "/A/1/0/0/2/1/0/0/0: no permission to read it" in what
    assert "without logging in" in what


def test_a_plate_s_url_may_be_typed(qtbot, dialog, server, source) -> None:
    add(qtbot, dialog, f"{server.url}/one.zarr")
    assert cell(dialog, "plates", 0, 0) == "one"
    assert "1 FOV" in cell(dialog, "plates", 0, 3)
    assert not find(dialog, QLineEdit, "config_path").text()


def test_who_is_waited_for_is_said(qtbot, dialog, work, server, source, monkeypatch) -> None:
    monkeypatch.setattr(waiting, "TOLD_AFTER_SECONDS", 0.0)
    server.hang("one.zarr")
    dialog.add([f"{server.url}/one.zarr"])
    qtbot.waitUntil(lambda: "has not answered yet (nothing came)" in words(dialog))
    with qtbot.waitSignal(work.finished):
        work.cancel_all()


@pytest.mark.parametrize("url", ["abfs://lab/a.zarr", "{server}/absent.zarr"])
def test_a_url_that_is_no_plate_is_said(qtbot, dialog, server, url) -> None:
    url = url.format(server=server.url)
    add(qtbot, dialog, url)
    assert url in words(dialog)
