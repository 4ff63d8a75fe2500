"""The log of decisions, opened and closed for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.qc.record import DecisionLog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plates.yml.review.db"


@pytest.fixture
def open_log(path):
    """Open the log of experiments "one" and "two"; all are closed after the test."""
    opened: list[DecisionLog] = []

    def opener(where: Path = path, **options: Any) -> DecisionLog:
        log = DecisionLog.open(where, **{"experiments": ["one", "two"], "by": "anna"} | options)
        opened.append(log)
        return log

    yield opener
    for log in opened:
        log.close()
