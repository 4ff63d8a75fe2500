"""The checks of images, run on one movie that is edited from test to test."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

import stores
from grainy_cells import FOV, FRAMES, LABELS, NOISE, Edit, Find, movie, tracked
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, load_checks
from lineage_triplets.qc.find.pixels.index_scan import scan_index

if TYPE_CHECKING:
    import pandas as pd

    from lineage_triplets.qc.find import Finding


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return movie()


@pytest.fixture
def find(tmp_path, clean) -> Find:
    """Findings of a movie that is edited before the camera (`look`), or after it (`spoil`)."""
    load_checks()
    folders = (tmp_path / str(number) for number in itertools.count())

    def run(
        *,
        look: Edit | None = None,
        spoil: Edit | None = None,
        table: pd.DataFrame | None = None,
        dtype: str = "uint16",
        n_frames: int = FRAMES,
        kinds: tuple[str, ...] | None = None,
        **index: object,
    ) -> list[Finding]:
        light = clean[:n_frames].copy()
        if look is not None:
            look(light)
        pixels = light + np.random.default_rng(5).normal(0, NOISE, light.shape)
        if dtype == "uint8":
            pixels /= 10
        if np.dtype(dtype).kind in "iu":
            pixels = np.clip(np.rint(pixels), 0, np.iinfo(dtype).max)
        pixels = pixels.astype(dtype)
        if spoil is not None:
            spoil(pixels)
        table = tracked(n_frames) if table is None else table
        config = stores.make_experiment(
            next(folders),
            "one",
            {FOV: table},
            pixels=pixels,
            channels=LABELS,
            interval_minutes=15.0,
        )
        made = MultiExperimentIndex(
            ExperimentRegistry([config]), **{"z_range": 1, "yx_patch_size": (16, 16), **index}
        )
        (result,) = scan_index(made, list(PIXEL_CHECKS.values()))
        assert result.n_frames == n_frames
        return [one for one in result.findings if kinds is None or one.kind in kinds]

    return run
