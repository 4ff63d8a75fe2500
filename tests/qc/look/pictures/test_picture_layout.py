from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_examples import pair, patch, texts
from PIL import ImageFont

from lineage_triplets.qc.look.pictures import TextItem, contact_sheet, lay_out

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
        "pixel_size_um": {name: draw(st.none() | st.floats(1e-4, 1e4)) for name in experiments},
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
    ("shape", "drawn"),
    [((96, 96), (96, 96)), ((160, 80), (96, 48)), ((64, 64), (96, 96)), ((30, 15), (90, 45))],
)
def test_patches_are_drawn_at_one_size_in_their_proportions(shape, drawn):
    (item, _) = lay_out([pair(patch(shape=(1, 1, *shape)))], slot_labels=["a"]).patches
    assert (item.image.height, item.image.width) == drawn == item.pixels.shape[:2]
