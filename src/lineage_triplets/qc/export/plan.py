"""What an export would write, whether the gate lets it, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from lineage_triplets.engine.dataset.companions import (
    CELL_INDEX_NAME,
    COLLECTION_NAME,
    DYNACLR_DATA_NAME,
)
from lineage_triplets.qc.gate import Asked, GatePoint
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.open.data import ReviewData


Format = Literal["config", "cell_index", "dynaclr_data", "collection", "report"]

FORMATS: tuple[Format, ...] = get_args(Format)

FILE_NAMES: dict[Format, str] = {
    "report": "review.html",
    "cell_index": CELL_INDEX_NAME,
    "dynaclr_data": DYNACLR_DATA_NAME,
    "collection": COLLECTION_NAME,
    "config": "validated.yaml",
}


@dataclass(frozen=True, eq=False)
class ExportPlan:
    """What an export would do: the dry run.

    Attributes
    ----------
    points : tuple of GatePoint
    passed : bool
        Whether a validated config would be written.
    config : TripletConfig
        What would be written, without fingerprints.
    cost : DataFrame
        As `cost_table` gives it.
    excluded : DataFrame
        ``what, reason, by, at``, one row a rejection, cut or link in effect.
    loses : dict of str to tuple of str
        What each format cannot carry.
    files : tuple of Path
        In the order in which they take their places.
    notes : tuple of str
        What else one should know.
    only_accepted : bool
        Whether what nobody accepted is left out.
    asked : Asked
        How much was asked for, and why less is.
    """

    points: tuple[GatePoint, ...]
    passed: bool
    config: TripletConfig
    cost: pd.DataFrame
    excluded: pd.DataFrame
    loses: dict[Format, tuple[str, ...]]
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    only_accepted: bool = False
    asked: Asked = field(default_factory=Asked)


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
            yield from ((track, reason) for track in own.values() if track not in accepted)
