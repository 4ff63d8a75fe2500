"""The report shows that tables lie on their images: counted, and drawn for each experiment."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lineage_triplets.qc import Review, export_review
from lineage_triplets.qc.record.decision import Target
from movies import SPOILS, cells, movie, write

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 150_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two FOVs with exchanged axes, and a third that is right."""
    tables = {fov: cells(seed) for seed, fov in enumerate(("A/1/0", "A/1/1", "A/1/2"))}
    images = {fov: movie(table) for fov, table in tables.items()}
    swapped = {fov: SPOILS["swapped"](table) for fov, table in tables.items()}
    return write(tmp_path, {**swapped, "A/1/2": tables["A/1/2"]}, images)


def section(review: Review, folder: Path) -> str:
    files = export_review(review, folder, formats=["config", "report"], draft=True).files
    html = files["report"].read_text()
    found = re.search(r'<section aria-labelledby="placement">.*?</section>', html, re.DOTALL)
    assert found is not None
    return found.group()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def picture(html: str) -> Image.Image:
    (data,) = re.findall(r'src="data:image/\w+;base64,([^"]*)"', html)
    return Image.open(BytesIO(base64.b64decode(data)))


def test_what_does_not_fit_is_counted_drawn_twice_and_left_out(config, tmp_path):
    with Review.open(config, by="ada") as review:
        review.reject(Target("fov", "plate", "A/1/0"), "axes exchanged")
        before = section(review, tmp_path / "before")
        assert "plate 3 1 2 1 left out 0" in words(before)
        assert "FOV A/1/1. The table does not lie on the images" in words(before)
        assert "none: as written" in words(before)
        of_two = picture(before)

        review.reject(Target("fov", "plate", "A/1/1"), "axes exchanged")
        after = section(review, tmp_path / "after")
        assert "plate 3 1 2 2 left out 0" in words(after)
        assert "FOV A/1/2. The table lies on the images" in words(after)
        # One reading is drawn larger than one of two.
        of_one = picture(after)
        assert of_one.height > of_two.height
        assert max(len(before), len(after)) < _MOST_BYTES


def test_the_transform_in_force_is_said(config, tmp_path):
    with Review.open(config, by="ada") as review:
        review.place("plate", {"swap_xy": True}, "axes exchanged")
        html = section(review, tmp_path / "placed")
        assert "plate 3 2 1 0" in words(html)
        assert "swap_xy: true" in words(html)
