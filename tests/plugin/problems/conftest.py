"""A session that remembers what it said, and where it was wanted to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lineage_triplets.plugin.common.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def session(qtbot: Any) -> Iterator[Session]:
    made = Session()
    made.said = []  # type: ignore[attr-defined]
    made.places = []  # type: ignore[attr-defined]
    made.failed.connect(made.said.append)  # type: ignore[attr-defined]
    made.place_wanted.connect(made.places.append)  # type: ignore[attr-defined]
    yield made
    made.end()
