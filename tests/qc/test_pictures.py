from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from lineage_triplets.engine.problems import ConfigError
from lineage_triplets.qc.pictures import (
    HAIRLINE,
    HATCH,
    RELATION_COLOURS,
    WHITE,
    Box,
    PairPicture,
    PatchItem,
    RuleItem,
    TextItem,
    contact_sheet,
    lay_out,
    printable,
    relation_icon,
    relation_kind,
    shortened,
)


def patch(value=0.0, shape=(1, 1, 32, 32)):
    """A ramp along x from `value` to `value` + 100."""
    return np.broadcast_to(value + np.linspace(0, 100, shape[-1]), shape).copy()


def pair(anchor=None, positive=None, **changes):
    anchor = patch() if anchor is None else anchor
    positive = anchor if positive is None else positive
    middle = (anchor.shape[-2] / 2 - 0.5, anchor.shape[-1] / 2 - 0.5)
    values = {
        "experiment": "hacat",
        "fov": "A/1/0",
        "anchor_track": "3",
        "positive_track": "5",
        "anchor_t": 12,
        "positive_t": 20,
        "tau_frames": 8,
        "tau_hours": 2.0,
        "relation": "daughter",
        "anchor_yx": middle,
        "positive_yx": middle,
    }
    return PairPicture(anchor=anchor, positive=positive, **(values | changes))


def texts(layout):
    return [item.text for item in layout.items if isinstance(item, TextItem)]


def crop(sheet, box: Box):
    return np.asarray(sheet)[box.top : box.bottom, box.left : box.right]


names = st.text(max_size=80)
sides = st.integers(1, 40)


@st.composite
def sheets(draw):
    slots = draw(st.integers(1, 6))
    shapes = draw(
        st.dictionaries(names, st.tuples(st.integers(1, 3), sides, sides), min_size=1, max_size=3)
    )
    count = draw(st.one_of(st.integers(1, 8), st.sampled_from([37, 64])))
    captions = draw(
        st.fixed_dictionaries(
            {
                "fov": names,
                "anchor_track": names,
                "positive_track": names,
                "relation": st.one_of(names, st.sampled_from(["same track", "aunt", "daughter"])),
                "anchor_t": st.integers(0, 10**6),
                "positive_t": st.integers(0, 10**6),
                "tau_frames": st.integers(1, 10**6),
                "tau_hours": st.floats(0.01, 1e5),
            }
        )
    )
    experiments = list(shapes)
    pairs = [
        pair(patch(shape=(slots, *shapes[name])), experiment=name, **captions)
        for name in (experiments[i % len(experiments)] for i in range(count))
    ]
    labels = draw(st.lists(names, min_size=slots, max_size=slots))
    return pairs, {
        "slot_labels": labels,
        "channel_names": {experiments[0]: draw(st.lists(names, min_size=slots, max_size=slots))},
        "title": draw(names),
        "columns": draw(st.one_of(st.none(), st.integers(1, 9))),
        "patch_pixels": draw(st.integers(16, 200)),
    }


@settings(max_examples=40, deadline=None)
@given(sheets())
def test_nothing_overlaps_or_leaves_the_sheet(sheet):
    pairs, arguments = sheet
    layout = lay_out(pairs, **arguments)
    boxes = np.array(
        [(i.box.left, i.box.top, i.box.right, i.box.bottom) for i in layout.items], dtype=int
    )
    left, top, right, bottom = boxes.T
    assert left.min() >= 0
    assert top.min() >= 0
    assert right.max() <= layout.width
    assert bottom.max() <= layout.height
    crossing = (
        (left[:, None] < right)
        & (left < right[:, None])
        & (top[:, None] < bottom)
        & (top < bottom[:, None])
    )
    assert not np.triu(crossing, 1).any()
    assert len(layout.patches) == len(pairs) * 2 * len(arguments["slot_labels"])


@settings(max_examples=25, deadline=None)
@given(sheets())
def test_text_stays_in_its_box(sheet):
    pairs, arguments = sheet
    for item in lay_out(pairs, **arguments).items:
        if isinstance(item, TextItem):
            font = ImageFont.load_default(size=item.size)
            ascent = font.getmetrics()[0]
            _, above, right, below = font.getbbox(item.text, anchor="ls")
            assert right <= item.box.width + 1
            assert ascent + above >= 0
            assert ascent + below <= item.box.height


@settings(max_examples=60)
@given(st.text(max_size=300), st.integers(0, 400), st.integers(8, 30))
def test_shortened_text_fits_and_keeps_both_ends(text, width, size):
    short = shortened(text, width, size)
    font = ImageFont.load_default(size=size)
    assert font.getlength(short) <= width
    if short and short != printable(text):
        head, tail = short.split("…")[0], short.split("…")[-1]
        assert printable(text).startswith(head)
        assert printable(text).endswith(tail)
        assert len(head) - len(tail) in (0, 1) or "…" in text


def test_text_that_fits_is_kept_whole():
    assert shortened("FUCCI-magenta", 500, 13) == "FUCCI-magenta"
    assert shortened("experiment_0123456789_well", 120, 13).count("…") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich 5 µm", "Zurich 5 um"),
        ("GFP → Δ", "GFP -> D"),
        ("a\u2013b ± 2 ·", "a-b ± 2 ·"),
        ("日", "\\u65e5"),
        ("two\nlines\x00", "two lines\\x00"),
    ],
)
def test_text_is_spelled_with_the_glyphs_of_the_font(text, shown):
    assert printable(text) == shown


def test_every_glyph_used_is_in_the_font():
    font = ImageFont.load_default(size=24)
    absent = bytes(font.getmask("\uffff"))
    shown = printable("".join(chr(i) for i in range(33, 1500)) + "·±…→µ")
    assert {c for c in shown if c != " " and bytes(font.getmask(c)) == absent} == set()


def test_patches_lie_anchor_left_of_positive_and_slots_below_each_other():
    shape = (3, 1, 20, 30)
    patches = {
        (p.slot, p.role): p.image
        for p in lay_out([pair(patch(shape=shape))], slot_labels="abc").patches
    }
    for slot in range(3):
        anchor, positive = patches[slot, "anchor"], patches[slot, "positive"]
        assert anchor.right < positive.left
        assert anchor.top == positive.top
    assert patches[0, "anchor"].bottom < patches[1, "anchor"].top
    assert patches[1, "anchor"].left == patches[2, "anchor"].left


def test_columns_are_kept_and_aligned_across_experiments():
    pairs = [pair(patch(shape=(1, 1, 32, 32)), experiment="a") for _ in range(5)]
    pairs += [pair(patch(shape=(1, 1, 8, 64)), experiment="b") for _ in range(3)]
    layout = lay_out(pairs, slot_labels=["nuclei"], columns=3)
    lefts = {(p.pair, p.role): p.image.left for p in layout.patches}
    assert lefts[0, "anchor"] == lefts[3, "anchor"] == lefts[5, "anchor"]
    assert len({lefts[i, "anchor"] for i in range(5)}) == 3
    assert lefts[2, "positive"] == lefts[7, "positive"]


def test_a_pair_is_closer_together_than_to_the_next_pair():
    layout = lay_out([pair(), pair()], slot_labels=["nuclei"], columns=2)
    anchor, positive, neighbour, _ = (p.image for p in layout.patches)
    within, between = positive.left - anchor.right, neighbour.left - positive.right
    assert 0 < 2 * within <= between


def test_a_sheet_of_many_pairs_has_a_shape_that_can_be_shown():
    layout = lay_out([pair() for _ in range(24)], slot_labels=["nuclei"])
    assert 0.8 < layout.width / layout.height < 2.5
    assert contact_sheet([pair()], slot_labels=["nuclei"]).size[0] < layout.width


def test_pairs_are_grouped_under_their_experiment():
    pairs = [pair(experiment=name) for name in ("late", "early", "late")]
    layout = lay_out(pairs, slot_labels=["nuclei"])
    tops = {i.text: i.box.top for i in layout.items if isinstance(i, TextItem)}
    rows = {p.pair: p.image.top for p in layout.patches}
    assert tops["late"] < rows[0] == rows[2] < tops["early"] < rows[1]
    assert texts(layout).count("late") == 1


def test_caption_says_what_the_pair_is():
    stack = patch(shape=(2, 12, 16, 24))
    layout = lay_out(
        [pair(stack)],
        slot_labels=["G1", "G2"],
        channel_names={"hacat": ["cyan", "G2"]},
        title="A title",
        limits={"hacat": [(0, 5000), None]},
    )
    shown = texts(layout)
    expected = ["A title", "hacat", "daughter", "A/1/0", "8 frames later", "t = 12"]
    expected += ["t = 20 (+2.0 h)", "track 3", "track 5", "G1", "cyan", "G2", "0 to 5000"]
    assert set(expected) <= set(shown)
    assert shown.count("G2") == 1
    assert "1 pair · patch 16 x 24 px · max of 12 z" in shown


@pytest.mark.parametrize(
    ("hours", "shown"), [(2.0, "+2.0 h"), (0.25, "+0.25 h"), (0.5, "+0.5 h"), (1 / 6, "+0.17 h")]
)
def test_hours_are_short_and_right(hours, shown):
    assert f"t = 20 ({shown})" in texts(lay_out([pair(tau_hours=hours)], slot_labels=["a"]))


@pytest.mark.parametrize(
    ("relation", "kind"),
    [
        ("same track", "same cell"),
        ("continuation", "same cell"),
        ("daughter", "across a division"),
        ("granddaughter", "across a division"),
        ("descendant (3 divisions)", "across a division"),
        ("sister", "collateral"),
        ("Cousin", "collateral"),
        ("daughter of a sister", "collateral"),
        ("same lineage", "other relation"),
    ],
)
def test_relation_has_its_colour_and_its_place_in_the_legend(relation, kind):
    assert relation_kind(relation) == kind
    layout = lay_out([pair(relation=relation)], slot_labels=["a"])
    assert f"{kind} (1)" in texts(layout)
    rules = [i for i in layout.items if isinstance(i, RuleItem) and i.colour != HAIRLINE]
    assert [rule.colour for rule in rules] == [RELATION_COLOURS[kind]]
    sheet = contact_sheet([pair(relation=relation)], slot_labels=["a"])
    assert (crop(sheet, rules[0].box) == RELATION_COLOURS[kind]).all()


def test_relations_are_told_apart_without_colour():
    shapes = {(relation_icon(kind, 13) < 200).all(-1).tobytes() for kind in RELATION_COLOURS}
    assert len(shapes) == len(RELATION_COLOURS)
    assert len(set(RELATION_COLOURS.values())) == len(RELATION_COLOURS)


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


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((96, 96), (96, 96)), ((160, 80), (96, 48)), ((64, 64), (96, 96)), ((30, 15), (90, 45))],
)
def test_patches_are_drawn_at_one_size_in_their_proportions(shape, drawn):
    (item, _) = lay_out([pair(patch(shape=(1, 1, *shape)))], slot_labels=["a"]).patches
    assert (item.image.height, item.image.width) == drawn == item.pixels.shape[:2]


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


def test_ticks_outside_the_patch_point_at_the_cell():
    off_centre = pair(patch(shape=(1, 1, 96, 96)), anchor_yx=(10.0, 70.0))
    layout = lay_out([off_centre], slot_labels=["a"])
    item = layout.patches[0]
    assert isinstance(item, PatchItem)
    frame = crop(contact_sheet([off_centre], slot_labels=["a"]), item.box)
    image_top, image_left = item.image.top - item.box.top, item.image.left - item.box.left
    rows = np.flatnonzero((frame[:, 0] < 100).all(-1))
    columns = np.flatnonzero((frame[0] < 100).all(-1))
    assert rows.tolist() == [image_top + 10]
    assert columns.tolist() == [image_left + 70]
    np.testing.assert_array_equal(
        crop(contact_sheet([off_centre], slot_labels=["a"]), item.image), item.pixels
    )


def test_a_centre_scales_with_its_patch():
    item, _ = lay_out(
        [pair(patch(shape=(1, 1, 16, 16)), anchor_yx=(3.0, 15.0))], slot_labels=["a"]
    ).patches
    assert item.centre_yx == (item.image.top + 21, item.image.left + 93)


@pytest.mark.parametrize("centre", [(-5.0, 3.0), (3.0, 99.0), (np.nan, 3.0)])
def test_a_centre_outside_the_patch_is_not_marked(centre):
    item, _ = lay_out([pair(anchor_yx=centre)], slot_labels=["a"]).patches
    assert item.centre_yx is None
    assert contact_sheet([pair(anchor_yx=centre)], slot_labels=["a"]).mode == "RGB"


def test_no_pairs_is_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"no pairs to draw.*wider tau_range_hours"):
        contact_sheet([], slot_labels=["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slot_labels": []}, "slot_labels is empty"),
        ({"slot_labels": ["a", "b"]}, r"anchor of pair 0 has shape \(1, 1, 32, 32\).*C = 2"),
        ({"columns": 0}, "columns is 0"),
        ({"patch_pixels": 8}, "patch_pixels is 8"),
        ({"channel_names": {"hacat": ["x", "y"]}}, "'hacat'.*channel_names has 2 entries for 1"),
        ({"limits": {"hacat": []}}, "'hacat'.*limits has 0 entries for 1"),
        ({"limits": {"hacat": [(5, 5)]}}, "'hacat'.*limits 5 and 5 leave nothing"),
    ],
)
def test_arguments_that_do_not_fit_are_errors(change, message):
    with pytest.raises(ConfigError, match=message):
        contact_sheet([pair()], **({"slot_labels": ["a"]} | change))


@pytest.mark.parametrize("shape", [(1, 32, 32), (1, 0, 32, 32)])
def test_patches_of_another_shape_are_errors(shape):
    broken = replace(pair(), positive=np.zeros(shape))
    with pytest.raises(ConfigError, match="the positive of pair 1 has shape"):
        contact_sheet([pair(), broken], slot_labels=["a"])
