"""Whether track tables lie on their images, and what happened to those that do not.

A tour: `scene` reads some frames, `objects` finds what stands out of them, `offsets` maps how rows
of the table lie to that, `hypotheses` are what may have happened. `search` tries them, `timing`
tells frames apart and `z` slices; `judge` weighs it all, `look` does so for one FOV, and `run` for
an index. `verdict` is what is kept, in words and with what mends it; `findings` are made of it,
and `picture` shows both.
"""

from __future__ import annotations

from lineage_triplets.qc.find.placement.findings import (
    common_misfit,
    placement_findings,
    shown_placement,
)
from lineage_triplets.qc.find.placement.run import (
    KnownPlacement,
    look_at_index,
    recall_placements,
)
from lineage_triplets.qc.find.placement.verdict import Placement

__all__ = [
    "KnownPlacement",
    "Placement",
    "common_misfit",
    "look_at_index",
    "placement_findings",
    "recall_placements",
    "shown_placement",
]
