"""Images of a remote store: the window waits for none of them, and what comes is shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets import ExperimentRegistry
from lineage_triplets.engine.index.fovs import find_fovs
from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
from lineage_triplets.plugin.viewer.late import LateReads
from lineage_triplets.plugin.viewer.lazy_image import FovImages
from servers import FolderServer
from stores import make_experiment, numbered_pixels, track_table

if TYPE_CHECKING:
    from pathlib import Path

BOX = (slice(0, 1), slice(0, 1), slice(0, 1), slice(0, 4), slice(0, 4))
OTHER = (slice(1, 2), *BOX[1:])
PIXELS = np.arange(16)


def test_what_is_not_there_at_once_is_given_once_it_came() -> None:
    go_on, came = threading.Event(), threading.Event()

    def read(_level: int, box: tuple[slice, ...]) -> np.ndarray:
        if box == BOX:
            assert go_on.wait(20)
        return PIXELS

    late = LateReads(read, came.set)
    assert late.get(0, BOX) is None
    assert late.get(0, OTHER) is PIXELS
    assert not came.is_set()
    go_on.set()
    assert came.wait(20)
    assert late.get(0, BOX) is PIXELS


def test_a_frame_of_a_remote_store_is_drawn_once_it_came(tmp_path: Path) -> None:
    pixels = numbered_pixels((3, 2, 1, 20, 24))
    tables = {"A/1/0": track_table((1, range(3)), y=10.0, x=10.0)}
    local = make_experiment(tmp_path, "one", tables, pixels=pixels)
    settings = DatasetConfig(yx_patch_size=(8, 8), z_range=1)
    came = threading.Event()
    with FolderServer(tmp_path) as server:
        name = local.data_path.rsplit("/", 1)[1]
        remote = local.model_copy(update={"data_path": f"{server.url}/{name}"})
        (source,), _ = find_fovs(ExperimentRegistry([remote]), settings, Exclusions())
        (image,) = FovImages(source, on_late=lambda _: came.set()).channel(1)
        drawn = np.asarray(image[2])
        if not drawn.any():
            assert came.wait(20)
            drawn = np.asarray(image[2])
        np.testing.assert_array_equal(drawn, pixels[2, 1, 0])
