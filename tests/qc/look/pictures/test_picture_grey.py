from __future__ import annotations

import numpy as np
import pytest
from picture_examples import crop, pair, patch, texts

from lineage_triplets.qc.look.pictures import HATCH, WHITE, contact_sheet, lay_out


def test_pixels_of_a_patch_of_the_drawn_size_are_copied_at_the_given_limits():
    rng = np.random.default_rng(0)
    anchor = rng.integers(0, 4000, (1, 1, 96, 96)).astype(np.uint16)
    arguments = {"slot_labels": ["a"], "limits": {"hacat": [(500, 3500)]}}
    layout = lay_out([pair(anchor)], **arguments)
    sheet = contact_sheet([pair(anchor)], **arguments)
    expected = np.clip((anchor[0, 0] - 500.0) / 3000, 0, 1) * 255
    shown = crop(sheet, layout.patches[0].image)
    assert sheet.size == (layout.width, layout.height)
    assert shown.shape == (96, 96, 3)
    np.testing.assert_allclose(shown[..., 0], expected, atol=0.51)
    assert (shown == shown[..., :1]).all()


def test_all_patches_of_an_experiment_and_slot_share_one_scale():
    dim, bright = patch(0), patch(200)
    layout = lay_out([pair(dim, bright), pair(patch(5000), experiment="other")], slot_labels=["a"])
    shown = {(p.pair, p.role): p.pixels.astype(float) for p in layout.patches}
    assert shown[0, "anchor"].max() < shown[0, "positive"].min()
    assert shown[0, "anchor"].min() == 0
    assert shown[0, "positive"].max() == 255
    assert shown[1, "anchor"].min() == 0
    assert "0 to 300" in texts(layout)
    assert "5000 to 5100" in texts(layout)


def test_each_slot_has_its_own_scale():
    both = np.concatenate([patch(0), patch(10_000)])
    anchor = {p.slot: p.pixels for p in lay_out([pair(both)], slot_labels="ab").patches}
    np.testing.assert_allclose(anchor[0].astype(float), anchor[1], atol=1)


def test_mostly_dark_patches_are_brightened_and_even_ones_are_not():
    dark = np.full((1, 1, 96, 96), 100.0)
    dark[..., 40:60, 40:60] = 400
    dark[..., :10, :10] = 175
    layout = lay_out([pair(dark)], slot_labels=["a"])
    assert "gamma 0.5" in texts(layout)
    assert layout.patches[0].pixels[5, 5, 0] == round(255 * 0.25**0.5)
    assert "gamma 0.5" not in texts(lay_out([pair(patch())], slot_labels=["a"]))


def test_one_hot_pixel_does_not_darken_the_rest():
    hot = patch(shape=(1, 1, 96, 96))
    hot[0, 0, 50, 50] = 1e6
    assert lay_out([pair(hot)], slot_labels=["a"]).patches[0].pixels.mean() > 100


def test_depth_is_projected_by_its_maximum():
    stack = np.zeros((1, 5, 96, 96))
    stack[0, 0, :, :48] = 50
    stack[0, 4, :, 48:] = 100
    shown = (
        lay_out([pair(stack)], slot_labels=["a"], limits={"hacat": [(0, 100)]}).patches[0].pixels
    )
    assert (shown[:, :48] == 128).all()
    assert (shown[:, 48:] == 255).all()


def test_few_pixels_are_enlarged_to_squares():
    rng = np.random.default_rng(1)
    small = rng.random((1, 1, 12, 12))
    shown = lay_out([pair(small)], slot_labels=["a"]).patches[0].pixels[..., 0]
    squares = shown.reshape(12, 8, 12, 8)
    assert (squares == squares[:, :1, :, :1]).all()
    assert np.unique(shown).size > 50


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_value_are_hatched_and_explained(hole):
    anchor = patch(shape=(1, 1, 96, 96))
    anchor[..., 10:40, 20:50] = hole
    arguments = {"slot_labels": ["a"]}
    layout = lay_out([pair(anchor, patch(shape=(1, 1, 96, 96)))], **arguments)
    shown = layout.patches[0].pixels
    hatched = (shown == HATCH).all(-1) | (shown == WHITE).all(-1)
    assert hatched[10:40, 20:50].all()
    assert not (shown[:, :20] == HATCH).all(-1).any()
    assert "0 to 100" in texts(layout)
    assert "not a number (NaN)" in texts(layout)
    assert "not a number (NaN)" not in texts(lay_out([pair()], **arguments))


def test_a_projection_takes_the_slices_that_have_values():
    stack = patch(shape=(1, 2, 96, 96))
    stack[0, 0] = np.nan
    shown = lay_out([pair(stack)], slot_labels=["a"]).patches[0].pixels
    assert not (shown == HATCH).all(-1).any()


def test_a_patch_without_any_value_says_so():
    nothing = np.full((1, 1, 96, 96), np.nan)
    layout = lay_out([pair(nothing)], slot_labels=["a"])
    assert "no values" in texts(layout)
    assert {p.note for p in layout.patches} == {"all NaN"}
    shown = crop(contact_sheet([pair(nothing)], slot_labels=["a"]), layout.patches[0].image)
    assert (shown[40:56, 30:66] < 100).any()
    assert (shown == HATCH).all(-1).any()


def test_constant_patches_are_grey_and_labelled():
    flat = np.full((1, 1, 96, 96), 7, np.uint16)
    layout = lay_out([pair(flat)], slot_labels=["a"])
    assert "all 7" in texts(layout)
    assert {p.note for p in layout.patches} == {"all 7"}
    assert np.unique(layout.patches[0].pixels).tolist() == [128]


def test_a_blank_patch_does_not_stretch_the_scale_of_the_others():
    layout = lay_out([pair(patch(1000), np.zeros((1, 1, 32, 32)))], slot_labels=["a"])
    anchor, positive = layout.patches
    assert "1000 to 1100" in texts(layout)
    assert (anchor.note, positive.note) == ("", "all 0")
    assert not positive.pixels.any()
    assert np.ptp(anchor.pixels) == 255
