"""What rejections and cuts cost: cells and anchors of every experiment, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData


def cost_table(data: ReviewData, after: MultiExperimentIndex) -> pd.DataFrame:
    """Compare what the tables give with what is left.

    Returns
    -------
    DataFrame
        One row an experiment: ``experiment``, and ``{what}_before``, ``{what}_after`` for
        observations, lineages, divisions and valid_anchors.
    """
    named = ["observations", "lineages", "divisions", "valid_anchors"]
    before = data.plain.counts()
    table = before[["experiment"]].copy()
    left = after.counts()
    for what in named:
        table[f"{what}_before"] = before[what]
        table[f"{what}_after"] = left[what]
    return table


def not_accepted(data: ReviewData) -> Iterator[tuple[Target, str]]:
    """Give what nobody accepted, as targets to leave out with a reason.

    An accepted lineage, FOV or well is kept whole; of a lineage with accepted tracks, these.
    """
    accepted = set(data.effect.accepted)
    index = data.linked
    forest = index.forest
    reason = "not accepted"
    by_lineage: dict[int, list[int]] = {}
    for track, root in enumerate(forest.root.tolist()):
        by_lineage.setdefault(root, []).append(track)
    for root, tracks in by_lineage.items():
        lineage = data.track_target("lineage", root)
        fov = index.fovs[int(index.fov_of_track[root])].fov
        holders = {
            lineage,
            Target("fov", lineage.experiment, lineage.fov),
            Target("well", lineage.experiment, fov.well_name),
        }
        if holders & accepted:
            continue
        own = {track: data.track_target("track", track) for track in tracks}
        if accepted.isdisjoint(own.values()):
            yield lineage, reason
        else:
            yield from ((one, reason) for one in own.values() if one not in accepted)
