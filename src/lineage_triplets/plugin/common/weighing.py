"""Weighs all links of a review beside the window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lineage_triplets.qc.find.doubt.links import link_queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.plugin.common.work import Job
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.doubt.links import LinkQueue


def weighed_of(review: Review) -> object:
    """What links are weighed by: that some are kept changes nothing of it."""
    data = review.data
    effect = data.effect
    cuts, links = frozenset(effect.cuts), frozenset(effect.links)
    return data.data_version, data.settings, effect.rejected, cuts, links


def weigh_job(snapshot: Review) -> Callable[[Job], tuple[LinkQueue | None, float]]:
    """Make the job that weighs all links of a snapshot; it gives how long that took, too."""

    def run(job: Job) -> tuple[LinkQueue | None, float]:
        data, begun = snapshot.data, time.monotonic()
        if not data.opened:
            return None, 0.0
        job.progress(0, 3)
        _ = data.linked
        job.progress(1, 3)
        _ = data.training
        job.progress(2, 3)
        queue = link_queue(data)
        return queue, time.monotonic() - begun

    return run
