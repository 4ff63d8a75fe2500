from __future__ import annotations

import numpy as np
import pytest
from picture_examples import crop, pair, patch, texts

from lineage_triplets.qc.look.pictures import INK, RuleItem, contact_sheet, lay_out


def bars(layout):
    return [i.box for i in layout.items if isinstance(i, RuleItem) and i.colour == INK]


@pytest.mark.parametrize(
    ("side", "size_um", "label", "width"),
    [
        (96, 0.5, "20 um", 40),
        (96, 0.25, "10 um", 40),
        (192, 0.5442, "50 um", 46),
        (24, 0.5, "5 um", 40),
        (96, 1.0, "20 um", 20),
        (96, 0.02, "0.5 um", 25),
        (100, 0.02, "1 um", 48),
    ],
)
def test_the_bar_is_a_round_length_drawn_as_the_patches_are(side, size_um, label, width):
    pairs = [pair(patch(shape=(1, 1, side, side)))]
    arguments = {"slot_labels": ["a"], "pixel_size_um": {"hacat": size_um}}
    layout = lay_out(pairs, **arguments)
    (bar,) = bars(layout)
    assert bar.width == width
    assert label in texts(layout)
    assert (crop(contact_sheet(pairs, **arguments), bar) == INK).all()


def test_each_experiment_has_one_bar_of_its_own_beside_its_label():
    pairs = [pair(patch(shape=(1, 1, 96, 96)), experiment=name) for name in "abab"]
    layout = lay_out(pairs, slot_labels=["s"], pixel_size_um={"a": 0.5, "b": 0.2})
    tops = {i.text: i.box for i in layout.items if getattr(i, "text", "") in ["a", "b"]}
    first, second = bars(layout)
    assert tops["a"].bottom <= first.top < tops["b"].top < second.top
    for bar, label in ((first, "20 um"), (second, "5 um")):
        (box,) = (i.box for i in layout.items if getattr(i, "text", "") == label)
        assert box.top < bar.top < bar.bottom < box.bottom
        assert 0 < box.left - bar.right < 10


@pytest.mark.parametrize("sizes", [None, {}, {"hacat": None}, {"other": 0.5}])
def test_where_the_size_is_unknown_there_is_no_bar(sizes):
    with_none = contact_sheet([pair()], slot_labels=["a"], pixel_size_um=sizes)
    without = contact_sheet([pair()], slot_labels=["a"])
    assert not bars(lay_out([pair()], slot_labels=["a"], pixel_size_um=sizes))
    np.testing.assert_array_equal(with_none, without)


def test_a_long_description_makes_room_for_the_bar():
    pairs = [pair(patch(shape=(1, 9, 96, side))) for side in range(90, 97)]
    arguments = {"slot_labels": ["a"], "columns": 1, "pixel_size_um": {"hacat": 0.5}}
    layout = lay_out(pairs, **arguments)
    (bar,) = bars(layout)
    (label,) = (i.box for i in layout.items if getattr(i, "text", "") == "20 um")
    (detail,) = (i for i in layout.items if getattr(i, "text", "").startswith("7 pairs"))
    assert "…" in detail.text
    assert detail.box.right < bar.left < bar.right < label.left
    assert label.right <= layout.width
