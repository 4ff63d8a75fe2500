"""Light and focus that change: what is a fault of the microscope, and what is none."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from grainy_cells import (
    BACKGROUND,
    FRAMES,
    RADIUS,
    SIZE,
    blur,
    dim,
    frames_of,
    places,
)


def test_light_that_changes_for_the_whole_frame_gives_no_finding(find):
    def lamp(pixels):
        dim(pixels, frames=slice(12, None), factor=0.45)
        dim(pixels, frames=slice(20, 24), factor=2.5)

    assert find(look=lamp) == []


def test_bleaching_is_one_note_of_its_drift(find):
    trend = np.exp(-np.arange(FRAMES) / 15).reshape(-1, 1, 1, 1, 1)
    (found,) = find(look=partial(dim, frames=slice(None), factor=trend))
    assert (found.kind, found.severity) == ("brightness-drift", "note")
    assert "GFP goes to 13 % of its brightness slowly" in found.sentence
    assert 0 < found.t < 15
    assert found.evidence[0].value == pytest.approx(13, abs=2)


def test_a_lamp_that_fails_for_good_is_told_with_its_frame(find):
    def lamp(pixels):
        pixels[:, 0] += 3000
        dim(pixels, frames=slice(15, None), factor=0.2)

    kinds = ("brightness-drift", "focus-lost", "out-of-focus")
    (found,) = find(look=lamp, kinds=kinds)
    assert (found.kind, found.severity, found.t) == ("brightness-drift", "note", 15)
    assert found.sentence.startswith("From frame 15 on, to the end: Phase goes to 23 % of its")
    assert "at once; GFP goes to 22 %" in found.sentence
    (brighter,) = find(look=lambda pixels: lamp(pixels[::-1]), kinds=kinds)
    assert "Phase goes to" in brighter.sentence
    assert brighter.evidence[0].value > 400


def test_more_and_more_cells_are_no_drift_of_light(find):
    def fewer(pixels):
        y, x = np.mgrid[:SIZE, :SIZE]
        for t, centres in enumerate(places(FRAMES)):
            for cy, cx in centres[4 + t // 3 :]:
                pixels[t, :, 0][:, np.hypot(y - cy, x - cx) < RADIUS + 2] = BACKGROUND

    kinds = ("brightness-drift", "focus-lost", "out-of-focus")
    assert find(look=fewer, kinds=kinds) == []
    assert find(look=lambda pixels: fewer(pixels[::-1]), kinds=kinds) == []


@pytest.mark.parametrize("frames", [range(15, 16), range(15, 19)])
def test_frames_out_of_focus_are_warnings(find, frames):
    found = find(look=partial(blur, frames=frames), kinds=("out-of-focus",))
    assert [one.t for one in found] == list(frames)
    assert {one.severity for one in found} == {"warning"}
    assert found[0].evidence[0].value > 60


@pytest.mark.parametrize("first", [8, 20, 31])
def test_a_focus_lost_to_the_end_is_one_warning_with_its_frame(find, first):
    (found,) = find(look=partial(blur, frames=range(first, FRAMES)))
    assert (found.kind, found.severity, found.t) == ("focus-lost", "warning", first)
    assert found.sentence.startswith(f"From frame {first} on, to the end: Phase goes at once to ")
    assert "as if the focus was lost" in found.sentence
    assert frames_of(found) == list(range(first, FRAMES))
    assert [one.name for one in found.evidence] == [
        "fine detail lost of Phase",
        "fine detail lost of GFP",
    ]
    assert min(one.value for one in found.evidence) > 60


def test_a_focus_that_drifts_away_is_one_warning(find):
    def drift(pixels):
        for t in range(8, FRAMES):
            blur(pixels, frames=range(t, t + 1), sigma=3.0 * (t - 7) / (FRAMES - 8))

    (found,) = find(look=drift)
    assert (found.kind, found.severity) == ("focus-lost", "warning")
    assert 9 <= found.t <= 20
    assert "goes slowly to" in found.sentence


def test_a_focus_that_comes_back_is_told_frame_by_frame(find):
    found = find(look=partial(blur, frames=range(20, 24)))
    assert [(one.kind, one.t) for one in found] == [("out-of-focus", t) for t in range(20, 24)]


def test_focus_lost_while_light_fades_is_told_apart_from_bleaching(find):
    def both(pixels):
        trend = np.exp(-np.arange(FRAMES) / 15).reshape(-1, 1, 1, 1, 1)
        dim(pixels, frames=slice(None), factor=trend)
        blur(pixels, frames=range(18, FRAMES))

    kinds = ("focus-lost", "brightness-drift", "out-of-focus", "blank-frame")
    found = {one.kind: one for one in find(look=both, kinds=kinds)}
    assert set(found) == {"focus-lost", "brightness-drift"}
    assert found["focus-lost"].t == pytest.approx(18, abs=2)


def test_a_dim_frame_is_not_out_of_focus(find):
    assert find(look=partial(dim, frames=slice(15, 17), factor=0.4)) == []


def test_light_from_elsewhere_is_not_out_of_focus(find):
    def haze(pixels):
        pixels[15:17] += 2500 * np.sin(np.arange(SIZE) / 10) + 2500

    assert find(look=haze, kinds=("out-of-focus",)) == []


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_one_blurred_cell_is_no_frame_out_of_focus(find, factor):
    def one_cell(pixels):
        part = pixels[15:17, :, :, :64, :64]
        blur(part, frames=range(2))
        dim(pixels, frames=slice(15, 17), factor=factor)

    assert find(look=one_cell) == []
