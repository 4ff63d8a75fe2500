"""What the slots of three simulated experiments look like."""

from __future__ import annotations

import pytest

from lineage_triplets import (
    TripletConfig,
    load_config,
)
from lineage_triplets.qc.find.channels import ChannelInspection, inspect_channels
from lineage_triplets.simulate import Faults, simulate
from stains import NUCLEI, PHASE, REPORTER, index_of, simulated


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> TripletConfig:
    """Three plates in three channel orders; in "slow" the two slots' stains are exchanged."""
    folder = tmp_path_factory.mktemp("three")
    made = simulate(
        folder / "set",
        [
            simulated("fast", channel_order=(PHASE, NUCLEI)),
            simulated("far", channel_order=(REPORTER, NUCLEI, PHASE), pixel_size_um=0.65),
            simulated("slow", channel_order=(NUCLEI, PHASE), interval_minutes=30.0),
        ],
        faults=Faults(swapped_channels=("slow",), swapped_gain=3.0, swapped_offset=500.0),
        seed=5,
    )
    return load_config(made.config_path)


@pytest.fixture(scope="module")
def looks(three) -> ChannelInspection:
    return inspect_channels(index_of(three), n_patches=32)
