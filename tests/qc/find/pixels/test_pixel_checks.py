"""Checks of images, each on a small movie of cells with one thing wrong, or none."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

import stores
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.find.checks import PIXEL_CHECKS, load_checks
from lineage_triplets.qc.find.pixels.frame_scan import scan_fov, scanned_fov
from lineage_triplets.qc.find.pixels.index_scan import scan_index
from lineage_triplets.qc.record.decision import Target

FRAMES, SIZE, SPACING, RADIUS = 36, 128, 32, 7
FOV = "A/1/0"
BACKGROUND, NOISE = 200.0, 8.0
LABELS = ("Phase", "GFP")
Edit = Callable[[np.ndarray], None]
Find = Callable[..., list[Finding]]


def places(n_frames: int) -> np.ndarray:
    """Centres of 16 cells, (T, cells, 2), which walk about slowly."""
    rng = np.random.default_rng(7)
    grid = np.stack(np.mgrid[16:SIZE:SPACING, 16:SIZE:SPACING], axis=-1).reshape(-1, 2)
    walk = rng.normal(0, 0.3, (n_frames, len(grid), 2)).cumsum(axis=0)
    return grid + np.clip(walk, -5, 5)


def movie(n_frames: int = FRAMES) -> np.ndarray:
    """Grainy discs of unlike brightness, (T, C, 1, Y, X) float64; phase is darker inside."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:SIZE, :SIZE]
    level = rng.uniform(300, 1500, 16)
    grain = rng.normal(0, 1, (16, 64, 64))
    grain = (
        grain + np.roll(grain, 1, 1) + np.roll(grain, 1, 2) + np.roll(grain, (1, 1), (1, 2))
    ) / 2
    image = np.full((n_frames, 2, 1, SIZE, SIZE), BACKGROUND)
    for t, centres in enumerate(places(n_frames)):
        for cell, (cy, cx) in enumerate(centres):
            inside = np.clip(RADIUS + 0.5 - np.hypot(y - cy, x - cx), 0, 1)
            texture = grain[cell][(y - int(cy)) % 64, (x - int(cx)) % 64]
            image[t, 1, 0] += inside * level[cell] * (1 + 0.15 * texture)
            image[t, 0, 0] += inside * (0.1 * level[cell] * texture - 60)
    return image


def tracked(n_frames: int = FRAMES) -> pd.DataFrame:
    """The true tracks, 0 to 15."""
    rows = [
        (cell, t, -1, 0.0, y, x)
        for t, centres in enumerate(places(n_frames))
        for cell, (y, x) in enumerate(centres)
    ]
    return pd.DataFrame(rows, columns=["track_id", "t", "parent_track_id", "z", "y", "x"])


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


def put(where: object, value: object) -> Edit:
    """Set some of the pixels."""

    def edit(pixels: np.ndarray) -> None:
        pixels[where] = value

    return edit


def copy(pixels: np.ndarray, *, t: int, earlier: int, slots: slice = slice(None)) -> None:
    pixels[t, slots] = pixels[earlier, slots]


def dim(pixels: np.ndarray, *, frames: slice, factor: object) -> None:
    """Change the light: everything above the camera's offset of 100."""
    pixels[frames] = (pixels[frames] - 100) * factor + 100


def blur(pixels: np.ndarray, *, frames: range, sigma: float = 3.0) -> None:
    """Defocus, before the camera adds its noise."""
    reach = int(4 * sigma)
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / 2 / sigma**2)
    kernel /= kernel.sum()
    for t in frames:
        for plane in pixels[t].reshape(-1, *pixels.shape[-2:]):
            padded = np.pad(plane, reach, mode="reflect")
            for axis in (0, 1):
                padded = np.apply_along_axis(np.convolve, axis, padded, kernel, "valid")
            plane[...] = padded


def frames_of(finding: Finding) -> list[int]:
    """The frames whose rejection settles it."""
    targets = finding.settled_by[0]
    assert all(one == Target("frame", "one", FOV, t=one.t) for one in targets)
    assert finding.settled_by[1] == (Target("fov", "one", FOV),)
    return [one.t for one in targets]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_sound_movie_gives_no_finding(find, dtype):
    assert find(dtype=dtype) == []


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


def exchanged(one: int, other: int, t: int) -> pd.DataFrame:
    table = tracked()
    track = table["track_id"].copy()
    later = table["t"] >= t
    table.loc[later & (track == one), "track_id"] = other
    table.loc[later & (track == other), "track_id"] = one
    return table


def brightness() -> np.ndarray:
    return np.random.default_rng(3).uniform(300, 1500, 16)


def unlike_neighbours() -> tuple[int, int]:
    """Two cells beside each other, one much brighter."""
    level = brightness().reshape(4, 4)
    row, column = np.unravel_index(np.argmax(np.abs(np.diff(level, axis=1))), (4, 3))
    return int(4 * row + column), int(4 * row + column + 1)


def test_cells_that_exchange_tracks_are_told(find):
    one, other = unlike_neighbours()
    (found,) = find(table=exchanged(one, other, 18))
    assert (found.kind, found.severity, found.t) == ("changed-cell", "warning", 18)
    assert set(found.tracks) == {one, other}
    assert {(target.track, target.t) for target in found.settled_by[0]} == {
        (str(one), 18),
        (str(other), 18),
    }
    assert {target.level for target in found.settled_by[0]} == {"link"}
    assert {target.level for target in found.settled_by[1]} == {"track"}


def test_cells_that_exchange_tracks_are_told_through_a_change_of_light(find):
    one, other = unlike_neighbours()
    lamp = partial(dim, frames=slice(18, None), factor=0.5)
    (found,) = find(table=exchanged(one, other, 18), look=lamp)
    assert (found.kind, set(found.tracks), found.t) == ("changed-cell", {one, other}, 18)


def test_a_track_that_takes_another_cell_is_told(find):
    one, other = unlike_neighbours()
    table = tracked()
    table = table[(table["track_id"] != other) | (table["t"] >= 18)]
    table = table[(table["track_id"] != one) | (table["t"] < 18)]
    table.loc[table["track_id"] == other, "track_id"] = one
    (found,) = find(table=table)
    assert (found.kind, found.tracks, found.t) == ("changed-cell", (one,), 18)
    assert found.settled_by == (
        (Target("link", "one", FOV, str(one), t=18),),
        (Target("track", "one", FOV, str(one)),),
    )


@pytest.mark.parametrize(("n_cells", "brightness"), [(16, 6e4), (8, 2.5e4)])
def test_debris_that_comes_and_stays_is_no_changed_cell(find, n_cells, brightness):
    where = (slice(18, None), slice(None), 0, slice(64, 66), slice(64, 66))
    table = tracked()
    assert find(look=put(where, brightness), table=table[table["track_id"] < n_cells]) == []


def test_a_flash_of_one_frame_is_no_changed_cell(find):
    def flash(pixels):
        y, x = (int(place) for place in places(FRAMES)[18, 5])
        pixels[18, 1, 0, y - 6 : y + 7, x - 6 : x + 7] *= 4

    assert find(look=flash) == []


def test_a_cell_that_rounds_up_and_divides_is_no_changed_cell(find):
    """It gets small and bright for the last three frames; daughters begin so, and relax."""
    cell, end = 5, 20
    centres = places(FRAMES)[:, cell]
    table = tracked()
    table.loc[(table["track_id"] == cell) & (table["t"] >= end), "track_id"] = 50
    table.loc[table["track_id"] == 50, "parent_track_id"] = cell
    sister = table[table["track_id"] == 50].assign(track_id=51)
    sister["x"] += 4
    table = pd.concat([table, sister])

    def round_up(pixels):
        y, x = np.mgrid[:SIZE, :SIZE]
        for t in range(end - 3, end + 4):
            away = np.hypot(y - centres[t, 0], x - centres[t, 1])
            pixels[t, 1, 0] = np.where(away < 9, BACKGROUND, pixels[t, 1, 0])
            pixels[t, 1, 0] += 5000 * (away < 3.5)

    assert find(look=round_up, table=table) == []


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
