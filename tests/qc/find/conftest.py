"""What tests of the checks share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def looked_at_once() -> None:
    """Look at every FOV: these tests are about that."""
