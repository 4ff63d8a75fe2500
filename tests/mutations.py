"""A small plate whose metadata are changed, and what a config that is usable must then do."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.trouble.mutate import change_json

from lineage_triplets import (
    MultiExperimentTripletDataset,
    TripletConfig,
    diagnose,
    save_config,
)
from lineage_triplets.engine.errors import ChunkError, Problem
from lineage_triplets.qc import Review, export_review
from reviews import field
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lineage_triplets import ExperimentConfig


def write_experiment(root: Path, version: str) -> ExperimentConfig:
    """Write a plate with one FOV of two channels, and its table."""
    return make_experiment(
        root, "e", {"A/1/0": field()}, pixels=numbered_pixels((14, 2, 1, 48, 64)), version=version,
        chunks=(1, 1, 1, 24, 64),
    )  # fmt: skip


def metadata_files(root: Path) -> list[Path]:
    """All JSON of a plate."""
    names = {"zarr.json", ".zattrs", ".zarray", ".zgroup"}
    return sorted(file for file in root.rglob("*") if file.name in names)


def try_out(
    root: Path,
    experiment: ExperimentConfig,
    pick: Callable[[str, int], int],
    *,
    n_changes: int,
    check: bool,
) -> str:
    """Change metadata, and hold what `diagnose` says against what then works.

    Parameters
    ----------
    root : Path
    experiment : ExperimentConfig
        Of which a copy is changed.
    pick : callable
        Picks a number below another one.
    n_changes : int
    check : bool
        Whether a usable one is checked and exported too, which takes most of the time.

    Returns
    -------
    str
        "usable", or the kinds of the errors.
    """
    store = root / "changed.zarr"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(experiment.data_path, store)
    files = metadata_files(store)
    for _ in range(n_changes):
        file = files[pick("file", len(files))]
        file.write_text(json.dumps(change_json(json.loads(file.read_text()), pick)))
    named = experiment.model_copy(update={"data_path": str(store)})
    config = TripletConfig(experiments=[named], dataset={"yx_patch_size": (16, 16), "seed": 1})
    found = diagnose(config)
    assert all(isinstance(problem, Problem) and problem.message for problem in found.problems)
    if found.errors:
        return ", ".join(sorted({problem.kind for problem in found.errors}))
    assert found.index is not None
    try:
        batch = MultiExperimentTripletDataset.from_config(config).__getitems__([0, 1])
    except ChunkError:
        # The bytes are not what the metadata say, which no metadata tell.
        return "damaged"
    assert batch["anchor"].shape == (2, 2, 1, 16, 16)
    assert np.isfinite(batch["anchor"].numpy()).all() or "f" in found.index.fovs[0].fov.dtype
    if not check:
        return "usable"
    save_config(config, root / "c.yml", overwrite=True)
    (root / "c.review.db").unlink(missing_ok=True)
    with Review.open(root / "c.yml", by="somebody") as review:
        assert all(found.finding.sentence for found in review.check())
        try:
            export_review(review, root / "out", formats=["config"], draft=True, overwrite=True)
        except ChunkError:
            return "damaged"
    return "usable"
