"""The size of patches is chosen in a review: what it comes to, and what cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets import load_config
from lineage_triplets.engine.errors import ConfigError
from lineage_triplets.engine.plates import limits
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.export.export import export_review
from lineage_triplets.qc.look.patch_fit import border_words, patch_fits, size_words
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def review(config: Path) -> Iterator[Review]:
    with Review.open(config) as opened:
        yield opened


def test_cells_near_the_border_are_those_that_an_exclusion_leaves_out(review: Review) -> None:
    review.choose(yx_patch_size=(28, 24))
    moved = patch_fits(review.data)
    review.choose(border="exclude")
    left_out = patch_fits(review.data)
    assert [fit.n_near for fit in moved] == [fit.n_near for fit in left_out] == [42, 21]
    training = review.data.training
    read = np.bincount(training.experiment_of_row).tolist()
    assert [fit.n_cells - fit.n_near for fit in left_out] == read
    anchors = np.bincount(training.experiment_of_row[training.anchor_rows]).tolist()
    assert [fit.n_anchors for fit in left_out] == anchors
    assert anchors < [fit.n_anchors for fit in moved]


def test_the_border_and_the_anchors_are_said_in_words(review: Review) -> None:
    review.choose(yx_patch_size=(28, 24), border="exclude")
    assert border_words(patch_fits(review.data), review.data.settings) == (
        "Near the border: early 42 of 112, late 21 of 56 cells, left out. "
        "Anchors: early 64, late 29."
    )
    assert size_words(review.data, review.data.settings) == "14 x 12 µm"
    review.choose(yx_patch_size=(8, 8))
    assert border_words(patch_fits(review.data), review.data.settings) == (
        "No patch reaches over the border. Anchors: early 102, late 46."
    )


def test_a_patch_larger_than_an_image_is_not_chosen(review: Review) -> None:
    with pytest.raises(ConfigError, match="larger than the image of 48 x 64") as caught:
        review.choose(yx_patch_size=(50, 50))
    assert [problem.experiment for problem in caught.value.problems] == ["early", "late"]
    assert "So in 2 FOVs" in caught.value.problems[0].message
    assert review.intent.dataset.yx_patch_size == (16, 16)
    review.choose(yx_patch_size=(50, 50), border="pad")
    assert len(review.data.training) == 168


def test_a_config_whose_patch_is_too_large_is_mended_in_its_review(tmp_path: Path) -> None:
    with Review.open(write_config(tmp_path, yx_patch_size=(60, 60))) as review:
        assert not len(review.data.training)
        review.choose(yx_patch_size=(32, 32))
        assert len(review.data.training) == 168


def test_a_patch_beyond_memory_is_not_chosen(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNASKED_BYTES", 4000)
    monkeypatch.setattr(limits, "memory_bytes", lambda: 40_000)
    with pytest.raises(ConfigError, match="more than 25% of the memory"):
        review.choose(yx_patch_size=(40, 40), border="pad")
    assert review.intent.dataset.yx_patch_size == (16, 16)


def test_a_chosen_patch_is_kept_and_exported(config: Path, tmp_path: Path) -> None:
    with Review.open(config) as review:
        review.choose(yx_patch_size=(24, 20), border="exclude")
    with Review.open(config) as review:
        assert review.intent.dataset.yx_patch_size == (24, 20)
        export_review(review, tmp_path / "out", formats=["config"], draft=True)
    written = load_config(tmp_path / "out" / "draft.yaml").dataset
    assert (written.yx_patch_size, written.border) == ((24, 20), "exclude")
