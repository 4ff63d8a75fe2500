from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from picture_examples import pair

from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.qc.look.pictures import contact_sheet


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
        ({"pixel_size_um": {"hacat": 0.0}}, "'hacat'.*pixel_size_um is 0.0"),
        ({"pixel_size_um": {"hacat": float("nan")}}, "'hacat'.*pixel_size_um is nan"),
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
