"""The pairs that are shown are the first of an order of chance, however much of it was sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lineage_triplets.qc import Review
from lineage_triplets.qc.look import pairs as module
from reviews import write_config

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.qc.look.pairs import PairList


def cells(pairs: PairList) -> list[tuple[object, ...]]:
    return [
        (anchor["experiment"], anchor["fov_name"], anchor["track_id"], anchor["t"], other["t"])
        for anchor, other in zip(pairs.anchors, pairs.positives, strict=True)
    ]


@pytest.mark.parametrize("across_divisions", [False, True])
def test_sorting_the_least_first_changes_no_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, across_divisions: bool
) -> None:
    with Review.open(write_config(tmp_path), by="ada", read_only=True) as review:
        drawn = {}
        for blocks in (1, 10**6):
            # Blocks of one anchor, so that the few that were sorted first are soon used up.
            monkeypatch.setattr(module, "_BLOCKS_FIRST", blocks)
            monkeypatch.setattr(module, "_BLOCK", 1)
            drawn[blocks] = cells(review.pairs(n=12, across_divisions=across_divisions))
    assert drawn[1] == drawn[10**6]
    assert len(drawn[1]) > 12
