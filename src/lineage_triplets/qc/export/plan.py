"""What an export would write, and whether the gate lets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from lineage_triplets.engine.settings.model import TripletConfig
    from lineage_triplets.qc.gate import GatePoint


Format = Literal["config", "cell_index", "collection", "report"]

FORMATS: tuple[Format, ...] = get_args(Format)

FILE_NAMES: dict[Format, str] = {
    "report": "review.html",
    "cell_index": "cell_index.parquet",
    "collection": "collection.yml",
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
        ``what, reason, by, at``, one row a rejection or cut in effect.
    loses : dict of str to tuple of str
        What each format cannot carry.
    files : tuple of Path
        In the order in which they take their places.
    notes : tuple of str
        What else one should know.
    only_accepted : bool
        Whether what nobody accepted is left out.
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
