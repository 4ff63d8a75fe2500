from __future__ import annotations

import numpy as np

from lineage_triplets.qc.look.pictures import Box, PairPicture, TextItem


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
