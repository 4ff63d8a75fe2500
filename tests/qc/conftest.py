"""A review of two experiments, opened for decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.find import placement
from looks import look_once
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def config_path(tmp_path: Path) -> Path:
    return write_config(tmp_path)


@pytest.fixture
def review(config_path: Path) -> Iterator[Review]:
    with Review.open(config_path, by="ada") as opened:
        yield opened


@pytest.fixture(autouse=True)
def looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge the same images and tracks once, however many tests open them."""
    monkeypatch.setattr(placement.run, "look_at_fov", look_once)
