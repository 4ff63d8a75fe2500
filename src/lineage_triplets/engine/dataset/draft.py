"""A draft of the config that training reads: everything written out, nothing approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.engine.dataset.verification import config_hash, fingerprints
from lineage_triplets.engine.settings.model import TripletConfig, Verification

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex


def draft_of(
    config: TripletConfig, index: MultiExperimentIndex, program_version: str
) -> TripletConfig:
    """Add fingerprints and counts to a config, and mark it as not validated.

    Raises
    ------
    StoreError
        Pixels or tables cannot be read.
    """
    settings = config.dataset.model_copy(update={"slot_labels": index.registry.slot_labels})
    draft = config.model_copy(update={"dataset": settings})
    counts = index.counts().set_index("experiment")
    named = ["fovs", "observations", "lineages", "divisions", "valid_anchors"]
    record = Verification(
        validated=False,
        program_version=program_version,
        config_hash=config_hash(draft),
        fingerprints=fingerprints(index),
        counts={
            str(name): {key: int(row[key]) for key in named} for name, row in counts.iterrows()
        },
    )
    return draft.model_copy(update={"verification": record})
