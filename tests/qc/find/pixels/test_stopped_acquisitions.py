"""Acquisitions that were stopped are told once, by what they left out."""

from __future__ import annotations

import numpy as np
import pytest

import stores
from grainy_cells import (
    FOV,
    FRAMES,
    LABELS,
    NOISE,
    frames_of,
    put,
    tracked,
)
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, load_checks
from lineage_triplets.qc.find.pixels.index_scan import scan_index


def test_an_acquisition_stopped_within_the_last_frame_is_one_finding(find):
    # As acquire-zarr 0.10.0 leaves it: findings/acquire-zarr-stopped-stream.sh.
    (found,) = find(spoil=put((FRAMES - 1, 1), 0))
    assert (found.kind, found.severity, found.t, found.count) == (
        "blank-frame",
        "error",
        FRAMES - 1,
        16,
    )
    assert found.sentence == (
        "Frame 35: all pixels of GFP are 0, to the end of the movie: the acquisition seems to have "
        "been stopped within frame 35."
    )
    assert found.remedy == "Leave frame 35 out: reject it."
    assert frames_of(found) == [FRAMES - 1]


def test_an_acquisition_stopped_before_the_end_is_one_finding(find):
    def spoil(pixels):
        pixels[32, 1] = 0
        pixels[33:] = 0
        pixels[4] = 0

    early, stopped = find(spoil=spoil)
    assert (early.t, frames_of(stopped)) == (4, [32, 33, 34, 35])
    assert "stopped" not in early.sentence
    assert stopped.sentence.startswith(
        "Frames 32 to 35: all pixels of GFP are 0, and from frame 33 on all pixels are, to the end"
    )
    (whole,) = find(spoil=put(slice(30, None), 0))
    assert "stopped before frame 30" in whole.sentence
    assert whole.remedy == "Leave frames 30 to 35 out: reject them."


def test_a_channel_that_was_never_taken_did_not_stop(find):
    def spoil(pixels):
        pixels[:, 1] = 0

    (found,) = find(spoil=spoil)
    assert "stopped" not in found.sentence
    (ends,) = find(spoil=put((slice(20, None), 1), 0))
    assert "stopped" not in ends.sentence


@pytest.mark.parametrize("written", [True, False])
def test_slices_that_a_stopped_acquisition_left_out_are_told_once(tmp_path, clean, written):
    load_checks()
    rng = np.random.default_rng(1)
    stack = np.repeat(clean[:8], 4, axis=2)
    pixels = np.rint(stack + rng.normal(0, NOISE, stack.shape)).astype(np.uint16)
    pixels[7, 1, 2:] = 0
    config = stores.make_experiment(
        tmp_path,
        "one",
        {FOV: tracked(8)},
        pixels=pixels,
        channels=LABELS,
        write_empty_chunks=written,
    )
    index = MultiExperimentIndex(ExperimentRegistry([config]), 4, (16, 16))
    (result,) = scan_index(index, list(PIXEL_CHECKS.values()))
    (found,) = result.findings
    assert (found.kind, found.severity, found.t) == ("blank-frame", "error", 7)
    assert "Frame 7: 2 of 4 slices of GFP are 0, to the end" in found.sentence
