"""Cells by their masks: those that halve for good, those without one, and masks that change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from lineage_triplets.engine.index.index import MultiExperimentIndex
from lineage_triplets.engine.plates.experiments import ExperimentRegistry
from lineage_triplets.engine.settings.model import DatasetConfig, Exclusions
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, load_checks
from lineage_triplets.qc.find.pixels.frame_scan import scanned_fov
from lineage_triplets.qc.find.pixels.index_scan import HeldResults, scan_index
from lineage_triplets.qc.find.pixels.mask_sizes import MaskScan
from masks import write_labels
from real import DATA, PLATES, needs_real_plates
from stores import make_experiment

if TYPE_CHECKING:
    from lineage_triplets.qc.find.finding import Finding

SHAPE = (20, 1, 1, 64, 64)
CELLS = {1: (14, 14), 2: (14, 46), 3: (46, 14), 4: (46, 46)}
RADII = {track: np.full(20, 6.0) for track in CELLS}
RNG = np.random.default_rng(1)


class Nothing:
    """Nothing was kept before."""

    def kept_result(self, *_: Any) -> None:
        return None

    def keep_result(self, *_: Any) -> None:
        raise AssertionError


def table() -> pd.DataFrame:
    rows = [(k, t, -1, 0.0, y, x) for k, (y, x) in CELLS.items() for t in range(20)]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


def masks(radii: dict[int, np.ndarray]) -> np.ndarray:
    y, x = np.ogrid[:64, :64]
    found = np.zeros((20, 64, 64), np.uint16)
    for track, (cy, cx) in CELLS.items():
        for t, radius in enumerate(radii[track]):
            found[t][np.hypot(y - cy, x - cx) <= radius + RNG.normal(0, 0.05)] = 10 + track
    return found


@pytest.fixture
def index(tmp_path: Path) -> MultiExperimentIndex:
    experiment = make_experiment(
        tmp_path, "one", {"A/1/0": table()}, shape=SHAPE, channels=("GFP",), version="0.5"
    )
    return MultiExperimentIndex.of_what_loads(
        ExperimentRegistry([experiment]), DatasetConfig(yx_patch_size=(16, 16)), Exclusions(), ()
    )


def found(index: MultiExperimentIndex, radii: dict[int, np.ndarray] = RADII) -> list[Finding]:
    write_labels(Path(index.fovs[0].fov.path), cells=masks(radii))
    return scanned(index)


def scanned(index: MultiExperimentIndex, kept: Any = None) -> list[Finding]:
    load_checks()
    (result,) = scan_index(index, [PIXEL_CHECKS["mask-sizes"]], kept=kept)
    return [met for met in result.findings if met.kind != "missing-chunks"]


def changed(track: int, *pieces: tuple[slice, float]) -> dict[int, np.ndarray]:
    radii = {k: values.copy() for k, values in RADII.items()}
    for frames, radius in pieces:
        radii[track][frames] = radius
    return radii


def test_a_cell_that_halves_for_good_is_found_with_its_frame(index):
    # It rounds up as it divides, and the daughter has half of it.
    (finding,) = found(index, changed(3, (slice(8, 9), 3.5), (slice(9, 20), 4.2)))
    assert (finding.kind, finding.tracks, finding.t) == ("halved-cell", (3,), 8)
    assert finding.settled_by[0][0].t == 8
    assert "49 % as large" in finding.sentence or "50 % as large" in finding.sentence


@pytest.mark.parametrize(
    "pieces",
    [
        ((slice(8, 10), 3.0),),
        ((slice(9, 20), 5.7),),
        ((slice(9, 20, 2), 3.0), (slice(1, 9, 3), 3.0)),
    ],
    ids=["rounded for a while", "a little smaller", "masks that come and go"],
)
def test_other_changes_of_size_are_none(index, pieces):
    assert found(index, changed(3, *pieces)) == []


def test_cells_without_a_mask_are_counted(index):
    (finding,) = found(index, changed(2, (slice(None), -1.0)))
    assert (finding.kind, finding.severity, finding.count) == ("cell-without-mask", "warning", 20)
    assert finding.tracks == (2,) and "20 cells of 80 lie in no mask" in finding.sentence


def test_masks_that_cannot_be_used_are_a_note(index):
    write_labels(Path(index.fovs[0].fov.path), cells=np.ones((20, 9, 9), np.uint8))
    (finding,) = scanned(index)
    assert (finding.kind, finding.severity) == ("unusable-masks", "note")


def test_results_are_kept_for_the_very_masks(index):
    kept = HeldResults(Nothing())
    scanned(index, kept)
    write_labels(Path(index.fovs[0].fov.path), cells=masks(RADII))
    scanned(index, kept)
    keys = {
        name: [held[4] for held in kept.held if held[2] == name]
        for name in ("mask-sizes", "reading")
    }
    assert len(set(keys["mask-sizes"])) == 2 and len(set(keys["reading"])) == 1


@needs_real_plates
def test_real_divisions_that_were_not_linked_are_found_by_size():
    registry = ExperimentRegistry.from_yaml(PLATES / "nuclei.yml")
    tables = str(DATA / "tracks/ctc/02_GT/TRA")
    hela = registry.get_experiment("hela").model_copy(update={"tracks_path": tables})
    index = MultiExperimentIndex.of_what_loads(
        ExperimentRegistry([hela]), DatasetConfig(yx_patch_size=(64, 64)), Exclusions(), ()
    )
    scanned, mother = scanned_fov(index, 0), index.forest.parent
    # Every second division is missed: the mother goes on as her longer daughter.
    n_cells = np.bincount(index.observations.track, minlength=len(mother))
    track_id = index.track_columns.track_id
    missed, renamed = {}, {}
    mothers = [k for k in range(len(mother)) if (mother == k).sum() == 2]
    for number in mothers[1::2]:
        daughter = max(np.flatnonzero(mother == number), key=lambda k: n_cells[k])
        begins = scanned.t[scanned.track_id == track_id[daughter]].min()
        missed[int(track_id[number])] = int(begins)
        renamed[int(track_id[daughter])] = int(track_id[number])
    ids = np.array([renamed.get(track, track) for track in scanned.track_id.tolist()])
    scan, true = MaskScan(replace(scanned, track_id=ids)), MaskScan(scanned)
    for t in range(20):
        scan.see(t, np.empty(0))
        true.see(t, np.empty(0))
    named = [(met.tracks[0], met.t) for met in scan.findings() if met.kind == "halved-cell"]
    right = [track for track, t in named if abs(t - missed.get(track, -9)) <= 2]
    assert len(missed) == 26
    assert len(set(right)) >= 23 and len(right) >= len(named) - 2
    assert len(list(true.findings())) <= 1
