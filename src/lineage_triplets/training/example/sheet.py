"""A picture of some cells, each beside the one that the encoder finds nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage_triplets.engine.arrays import Float32Array
    from lineage_triplets.engine.dataset.dataset import MultiExperimentTripletDataset
    from lineage_triplets.training.example.run import Judged

N_COLUMNS, N_ROWS = 4, 4
_SIDE_PX, _GAP_PX, _EDGE_PX, _TEXT_PX = 72, 4, 2, 16
_SAME, _OTHER, _INK, _GROUND = (86, 180, 233), (230, 120, 0), (230, 230, 230), (24, 24, 24)


def draw_found(
    dataset: MultiExperimentTripletDataset, judged: Judged, seed: int = 0
) -> Image.Image:
    """Draw up to 16 cells, drawn by a seed, with the nearest cell at another time beside each.

    Slots are one below the other. A blue frame says that the lineage is the same, an orange one
    that it is another.
    """
    retrieval, index = judged.lineages, dataset.index
    n = min(N_COLUMNS * N_ROWS, retrieval.n_asked)
    chosen = np.sort(np.random.default_rng(seed).choice(retrieval.n_asked, n, replace=False))
    rows = judged.rows[np.stack([retrieval.asked[chosen], retrieval.found[chosen]])]
    lineage = index.forest.lineage[index.observations.track[rows]]
    if n:
        patches = dataset.part(fit=False).__getitems__(rows.ravel().tolist())["anchor"]
        grey = _grey(patches.numpy()[:, :, patches.shape[2] // 2])
    else:
        grey = np.zeros((0, 1, 1, 1), dtype=np.uint8)
    n_slots = grey.shape[1]
    width = 2 * _SIDE_PX + 3 * _GAP_PX
    height = n_slots * (_SIDE_PX + _GAP_PX) + _TEXT_PX + 2 * _GAP_PX
    sheet = Image.new(
        "RGB", (N_COLUMNS * width + 2 * _GAP_PX, N_ROWS * height + 2 * _TEXT_PX), _GROUND
    )
    drawing = ImageDraw.Draw(sheet)
    words = (
        "Held-out cells, and the nearest cell at another time. Blue: same lineage; orange: another."
    )
    drawing.text((2 * _GAP_PX, _GAP_PX), words, _INK)
    for number in range(n):
        left = _GAP_PX + number % N_COLUMNS * width
        top = 2 * _TEXT_PX + number // N_COLUMNS * height
        is_same = lineage[0, number] == lineage[1, number]
        t = index.observations.t[rows[:, number]].tolist()
        name = index.fovs[int(index.fov_of_row[rows[0, number]])].experiment
        drawing.text(
            (left + _GAP_PX, top), f"{name[:12]} t {t[0]}, {t[1]}", _SAME if is_same else _OTHER
        )
        for side in (0, 1):
            for slot in range(n_slots):
                x = left + _GAP_PX + side * (_SIDE_PX + _GAP_PX)
                y = top + _TEXT_PX + slot * (_SIDE_PX + _GAP_PX)
                patch = Image.fromarray(grey[side * n + number, slot])
                sheet.paste(patch.resize((_SIDE_PX, _SIDE_PX)).convert("RGB"), (x, y))
        box = (
            left + 1,
            top + _TEXT_PX - _GAP_PX,
            left + width - _EDGE_PX,
            top + _TEXT_PX + n_slots * (_SIDE_PX + _GAP_PX),
        )
        drawing.rectangle(box, outline=_SAME if is_same else _OTHER, width=_EDGE_PX)
    return sheet


def _grey(patches: Float32Array) -> NDArray[np.uint8]:
    """Stretch each slot of each patch between its own 1st and 99.5th percentile."""
    low, high = np.percentile(patches, [1, 99.5], axis=(2, 3), keepdims=True)
    stretched = (patches - low) / np.maximum(high - low, 1e-6)
    grey: NDArray[np.uint8] = (stretched.clip(0, 1) * 255).astype(np.uint8)
    return grey
