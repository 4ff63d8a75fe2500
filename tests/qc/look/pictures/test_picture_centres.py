from __future__ import annotations

import numpy as np
import pytest
from picture_examples import crop, pair, patch

from lineage_triplets.qc.look.pictures import PatchItem, contact_sheet, lay_out


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
