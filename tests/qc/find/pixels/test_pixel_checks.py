"""Checks of images, each on a small movie of cells with frames that are broken, or none."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import stores
from grainy_cells import (
    FOV,
    FRAMES,
    LABELS,
    NOISE,
    copy,
    dim,
    exchanged,
    frames_of,
    put,
    tracked,
    unlike_neighbours,
)
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, load_checks
from lineage_triplets.qc.find.pixels.frame_scan import scan_fov, scanned_fov
from lineage_triplets.qc.find.pixels.index_scan import scan_index


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_sound_movie_gives_no_finding(find, dtype):
    assert find(dtype=dtype) == []


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_short_movies_are_sound_or_blank(find, n_frames):
    assert find(n_frames=n_frames) == []
    blank = find(spoil=put((n_frames - 1, 1), 9), n_frames=n_frames)
    assert [(one.kind, one.severity, one.t) for one in blank] == [
        ("blank-frame", "error", n_frames - 1)
    ]


@pytest.mark.parametrize("t", [0, 17, FRAMES - 1])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_a_blank_frame_is_an_error(find, t, dtype):
    (found,) = find(spoil=put(t, 0), dtype=dtype)
    assert (found.kind, found.severity, found.t, found.count) == ("blank-frame", "error", t, 16)
    assert frames_of(found) == [t]
    assert found.sentence.startswith(f"Frame {t}: all pixels of all channels are 0")


def test_a_blank_frame_names_its_slot_and_value(find):
    (found,) = find(spoil=put((5, 1), 77))
    assert found.sentence == "Frame 5: all pixels of GFP are 77."


def test_a_long_run_of_blank_frames_is_one_finding(find):
    (found,) = find(spoil=put(slice(8, 14), 0))
    assert frames_of(found) == list(range(8, 14))
    assert found.count == 6 * 16
    short = find(spoil=put(slice(8, 13), 0))
    assert [frames_of(one) for one in short] == [[t] for t in range(8, 13)]
    apart = find(spoil=put(slice(2, None, 5), 0))
    assert [frames_of(one) for one in apart] == [[t] for t in range(2, FRAMES, 5)]


def test_a_blank_frame_without_cells_is_a_note(find):
    table = tracked()
    (found,) = find(spoil=put(9, 0), table=table[table["t"] != 9])
    assert (found.severity, found.count) == ("note", 0)


def test_a_lamp_at_a_fifth_of_its_light_is_not_off(find):
    assert find(look=partial(dim, frames=slice(15, None), factor=0.2), kinds=("blank-frame",)) == []


def test_a_stain_that_fades_to_nothing_is_not_dark(find):
    trend = np.exp(-np.arange(FRAMES) / 4).reshape(-1, 1, 1, 1, 1)
    look = partial(dim, frames=slice(None), factor=trend)
    assert find(look=look, kinds=("blank-frame",)) == []


def test_a_half_empty_frame_is_a_warning(find):
    (found,) = find(spoil=put((9, 1, 0, slice(64, None)), 0))
    assert (found.kind, found.severity, found.t) == ("blank-frame", "warning", 9)
    assert found.evidence[0].value == pytest.approx(50, abs=7)


def test_a_dark_frame_is_a_warning(find):
    shutter = partial(dim, frames=slice(9, 11), factor=0.0)
    found = find(look=shutter)
    assert [(one.kind, one.severity, one.t) for one in found] == [
        ("blank-frame", "warning", 9),
        ("blank-frame", "warning", 10),
    ]
    assert "as if the light was off" in found[0].sentence


def test_a_movie_that_begins_dark_is_told(find):
    found = find(look=partial(dim, frames=slice(0, 2), factor=0.0), kinds=("blank-frame",))
    assert [one.t for one in found] == [0, 1]


def test_a_slice_that_is_lost_from_a_stack_is_a_warning(tmp_path, clean):
    load_checks()
    rng = np.random.default_rng(1)
    stack = np.repeat(clean[:12], 6, axis=2)
    pixels = np.rint(stack + rng.normal(0, NOISE, stack.shape)).astype(np.uint16)
    pixels[4, 0, 2] = 0
    pixels[7, 1] = 0
    config = stores.make_experiment(
        tmp_path, "one", {FOV: tracked(12)}, pixels=pixels, channels=LABELS
    )
    for z_range, expected in (
        (6, [(4, "warning"), (7, "error")]),
        (slice(3, 6), [(7, "error")]),
    ):
        index = MultiExperimentIndex(ExperimentRegistry([config]), z_range, (16, 16))
        (result,) = scan_index(index, list(PIXEL_CHECKS.values()))
        assert {one.kind for one in result.findings} == {"blank-frame"}
        assert [(one.t, one.severity) for one in result.findings] == expected


@pytest.mark.parametrize("earlier", [16, 13])
def test_a_repeated_frame_is_an_error(find, earlier):
    (found,) = find(spoil=partial(copy, t=17, earlier=earlier))
    assert (found.kind, found.severity, found.t) == ("repeated-frame", "error", 17)
    assert f"exactly those of frame {earlier}" in found.sentence
    assert frames_of(found) == [17]


def test_one_repeated_channel_is_a_warning(find):
    (found,) = find(spoil=partial(copy, t=17, earlier=16, slots=slice(1, 2)))
    assert (found.kind, found.severity) == ("repeated-frame", "warning")
    assert "GFP" in found.sentence
    assert "Phase" not in found.sentence


def test_frames_that_differ_in_two_pixels_are_not_repeated(find):
    def nearly(pixels):
        pixels[17] = pixels[16]
        pixels[16, :, 0, 90, 90] += 1
        pixels[17, :, 0, 90, 91] += 1

    assert find(spoil=nearly) == []


def test_constant_frames_are_blank_and_not_repeated(find):
    found = find(spoil=put(slice(17, 19), 40))
    assert {one.kind for one in found} == {"blank-frame"}


@pytest.mark.parametrize(
    ("dtype", "limit"), [("uint16", 4095), ("uint16", 1023), ("uint8", 255), ("float32", 2500.0)]
)
def test_a_saturated_frame_is_a_warning_with_its_share(find, dtype, limit):
    shares = []

    def gain(pixels):
        pixels[:, 1] = pixels[:, 1] // 4 + 20
        top = pixels[11, 1].max()
        pixels[11, 1] = np.minimum(pixels[11, 1] * (2.0 * limit / top), limit)
        shares.append((pixels[11, 1] == limit).mean())

    (found,) = find(spoil=gain, dtype=dtype, kinds=("saturated-frame",))
    assert (found.severity, found.t) == ("warning", 11)
    assert found.evidence[0].value == pytest.approx(100 * shares[0])
    assert "GFP" in found.sentence
    assert frames_of(found) == [11]


def test_saturation_all_along_is_one_finding(find):
    def gain(pixels):
        pixels[::3, 1] = np.minimum(pixels[::3, 1].astype(np.float64) * 4, 4095)

    (found,) = find(spoil=gain, kinds=("saturated-frame",))
    assert frames_of(found) == list(range(0, FRAMES, 3))


def test_a_few_brightest_pixels_are_not_saturated(find):
    assert find(spoil=put((3, 1, 0, 5, slice(5, 15)), 4095)) == []


def test_brightness_that_fades_out_is_not_saturated(find):
    def coarse(pixels):
        pixels[:, 1, 0, :60, :60] = np.random.default_rng(2).normal(180, 0.8, (FRAMES, 60, 60))
        pixels[:, 1] = np.minimum(np.rint(pixels[:, 1]), 182)

    assert find(spoil=coarse, dtype="uint8", kinds=("saturated-frame",)) == []


def test_nan_and_infinite_pixels_are_an_error_with_their_number(find):
    def spoil(pixels):
        pixels[6, 1, 0, :2, :3] = np.nan
        pixels[6, 0, 0, 0, 0] = np.inf
        pixels[30, 1, 0, 9, 9] = -np.inf

    found = find(spoil=spoil, dtype="float32")
    assert [(one.kind, one.severity, one.t, one.evidence[0].value) for one in found] == [
        ("nan-pixels", "error", 6, 7),
        ("nan-pixels", "error", 30, 1),
    ]
    assert frames_of(found[0]) == [6]
    assert found[1].sentence == "Frame 30: 1 pixel of GFP is NaN or infinite."


def test_a_frame_of_nan_alone_is_told_to_be_nan_and_by_nothing_else(find):
    def spoil(pixels):
        pixels[6] = np.nan
        pixels[9, 1] = np.inf
        pixels[12, 1, 0, :64] = np.nan
        pixels[FRAMES - 1, 1] = np.nan

    found = find(spoil=spoil, dtype="float32")
    assert [(one.kind, one.t) for one in found] == [
        ("nan-pixels", t) for t in (6, 9, 12, FRAMES - 1)
    ]
    assert [one.sentence for one in found] == [
        "Frame 6: all 32,768 pixels of all channels are NaN.",
        "Frame 9: all 16,384 pixels of GFP are NaN or infinite.",
        "Frame 12: 8,192 pixels of GFP are NaN or infinite.",
        f"Frame {FRAMES - 1}: all 16,384 pixels of GFP are NaN.",
    ]


def test_an_fov_without_cells_gives_notes_alone(tmp_path, clean):
    load_checks()
    pixels = np.rint(clean[:8]).astype(np.uint16)
    pixels[3] = 0
    config = stores.make_experiment(tmp_path, "one", {FOV: tracked(8)}, pixels=pixels)
    index = MultiExperimentIndex(ExperimentRegistry([config]), 1, (16, 16))
    scanned = scanned_fov(index, 0)
    nobody = {name: getattr(scanned, name)[:0] for name in ("t", "track_id", "y", "x", "z")}
    result = scan_fov(replace(scanned, **nobody), list(PIXEL_CHECKS.values()))
    assert {(one.kind, one.severity, one.t) for one in result.findings} == {
        ("blank-frame", "note", 3)
    }


def test_findings_survive_a_trip_through_plain_values(find):
    def spoil(pixels):
        pixels[4], pixels[9] = 0, pixels[8]

    found = find(spoil=spoil, table=exchanged(*unlike_neighbours(), 18))
    assert len(found) == 3
    assert [Finding.of_dict(one.as_dict()) for one in found] == found
    assert len({one.key for one in found}) == 3
