"""Where the real data are: beside the checkout, or where ``LINEAGE_TRIPLETS_DATA`` says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", Path(__file__).parents[2] / "shared" / "data"))
PLATES = DATA / "plates"

needs_real_plates = pytest.mark.skipif(
    not PLATES.exists(), reason=f"no real plates in {PLATES} (LINEAGE_TRIPLETS_DATA names them)"
)
