"""What a report says of where tables are: whether they lie on their images, and one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.qc.export.report.content import ChecksRun, PlacementRow, Sheet
from lineage_triplets.qc.export.report.page import encoded_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.decide.review import Review
    from lineage_triplets.qc.find.placement import Placement

_WIDTH_PX = 420
_MOST_PNG_BYTES = 40_000
_NOT = frozenset({"misfit", "unknown"})
_FIRST_SHOWN = ("misfit", "unknown", "fits", "cannot-tell")


def placements_of(
    review: Review, index: MultiExperimentIndex
) -> tuple[list[PlacementRow], list[ChecksRun]]:
    """Say of each experiment how its tables lie, and which pictures of that could not be read.

    Parameters
    ----------
    review : Review
    index : MultiExperimentIndex
        What training reads.
    """
    numbers = np.unique(index.fov_of_row).tolist()
    read = {(index.fovs[number].experiment, index.fovs[number].fov.name) for number in numbers}
    rows, failed = [], []
    for opened in review.data.opened:
        config = opened.config
        listed = [found for found in review.checks.placements if found.experiment == config.name]
        if not listed:
            continue
        left_out = [found for found in listed if (found.experiment, found.fov) not in read]
        fits = [found for found in listed if found.status == "fits"]
        ratios = [found.ratio for found in fits]
        picture = None
        try:
            picture = _picture(review, [found for found in listed if found not in left_out])
        except StoreError as error:
            what = f"picture of the tables of {config.name}"
            failed.append(ChecksRun(what, f"not read: {error}", complete=False))
        rows.append(
            PlacementRow(
                config.name,
                len(listed),
                len(fits),
                sum(found.status in _NOT for found in listed),
                sum(found.status in _NOT for found in left_out),
                sum(found.status == "cannot-tell" for found in listed),
                (min(ratios), max(ratios)) if ratios else None,
                sum(found.timing == "sure" for found in fits),
                "" if config.track_transform is None else config.track_transform.words,
                picture,
            )
        )
    return rows, failed


def _picture(review: Review, listed: Sequence[Placement]) -> Sheet | None:
    """Draw one FOV that training reads: one that does not fit, or that which fits least."""
    shown = min(
        listed,
        key=lambda found: (_FIRST_SHOWN.index(found.status), found.ratio),
        default=None,
    )
    if shown is None:
        return None
    picture = review.checks.placement_picture(
        shown.experiment, shown.fov, width_px=_WIDTH_PX, headed=False
    )
    least = " No FOV that fits has a smaller R." if len(listed) > 1 else ""
    return Sheet(
        shown.experiment,
        encoded_picture(picture, _MOST_PNG_BYTES),
        f"FOV {shown.fov}. {shown.sentence}{least if shown.status == 'fits' else ''}",
        f"The rows of one frame of {shown.fov} on its image, and below the average of the patches "
        "around them, and some.",
    )
