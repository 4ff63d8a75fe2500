"""Numbers for cells: brightness from coarse planes, sizes from masks, windows around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lineage_triplets.plugin.common.fov_part import FovPart
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.look.coarse import CoarsePlanes, window
from lineage_triplets.qc.look.measures import brightness_of_cells, size_of_cells
from masks import discs, write_labels
from reviews import N_FRAMES, SHAPE, experiments, field, save
from stores import numbered_pixels

RADIUS = 2.5


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> tuple[FovPart, Review]:
    root = tmp_path_factory.mktemp("measured")
    (early, *_) = experiments(root)
    masks = discs(field(), SHAPE, RADIUS)
    write_labels(Path(early.data_path) / "A/1/0", "0.4", cells=masks)
    review = Review.open(save(root / "one.yml", [early]), read_only=True)
    found = FovPart.of(review.data.linked, "early", "A/1/0", review.data.exclusions)
    assert found is not None
    return found, review


def go_on(_done: int, _total: int) -> bool:
    return True


def test_brightness_is_the_mean_around_the_cell(part: tuple[FovPart, Review]) -> None:
    fov, _ = part
    rows = fov.observations
    found = brightness_of_cells(fov.source, 1, rows, 16, go_on)
    pixels = numbered_pixels((N_FRAMES, 2, 1, 48, 64), seed=1)[:, 1, 0].astype(np.float64)
    for row in range(0, len(rows), 7):
        y, x = round(float(rows.y[row])), round(float(rows.x[row]))
        around = pixels[rows.t[row], y - 1 : y + 2, x - 1 : x + 2]
        assert found[row] == pytest.approx(around.mean())


def test_stopping_leaves_the_rest_unknown(part: tuple[FovPart, Review]) -> None:
    fov, _ = part
    found = brightness_of_cells(fov.source, 0, fov.observations, 16, lambda done, _: done < 3)
    assert (np.isfinite(found) == (fov.observations.t < 3)).all()


def test_sizes_are_those_of_the_masks(part: tuple[FovPart, Review]) -> None:
    fov, review = part
    masks = review.data.masks.of(review.data.raw.fov_number("early", "A/1/0"))
    assert masks is not None
    found = size_of_cells(masks, fov.observations, go_on)
    drawn = discs(field(), SHAPE, RADIUS)
    ids = fov.index.track_columns.track_id[fov.observations.track + fov.first_track]
    own = [(drawn[t] == track).sum() for t, track in zip(fov.observations.t, ids, strict=True)]
    np.testing.assert_array_equal(found, own)


def test_a_plane_is_that_of_the_frame_and_slot(part: tuple[FovPart, Review]) -> None:
    fov, _ = part
    planes = CoarsePlanes(fov.source, 1, 8)
    pixels = numbered_pixels((N_FRAMES, 2, 1, 48, 64), seed=1)
    np.testing.assert_array_equal(planes.read(5), pixels[5, 1, 0].astype(np.float32))
    assert planes.share_yx.tolist() == [1, 1]


def test_a_window_lies_inside_its_plane() -> None:
    plane = np.arange(48 * 64, dtype=np.float32).reshape(48, 64)
    np.testing.assert_array_equal(window(plane, 20, 30, 8), plane[16:24, 26:34])
    np.testing.assert_array_equal(window(plane, 1, 63, 8), plane[:8, -8:])
    assert window(plane, 1, 1, 50).shape == (48, 50)
