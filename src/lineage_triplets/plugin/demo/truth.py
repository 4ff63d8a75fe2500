"""What is true of simulated pairs: the demo answers as somebody would who cannot err."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.qc.audit.answers import Judgement
    from lineage_triplets.qc.look.pairs import PairList


class TrueLineages:
    """The lineages as they were simulated, before any fault was planted.

    Parameters
    ----------
    folder : Path
        Of the simulation; where faults were planted, its ``truth`` has the tables without them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "truth" if (folder / "truth").is_dir() else folder
        self._table = cache(self._read)

    def judge(self, pairs: PairList, number: int) -> Judgement:
        """Say whether both cells of a pair are of one lineage, whatever its table says."""
        anchor, positive = pairs.anchors[number - 1], pairs.positives[number - 1]
        return "same" if self._root(anchor) == self._root(positive) else "wrong"

    def _root(self, cell: dict[str, Any]) -> int:
        """Find the lineage of the true cell where the table has one."""
        table = self._table(cell["experiment"], cell["fov_name"])
        frame = table[table["t"] == cell["t"]]
        apart = np.hypot(frame["y"] - cell["y"], frame["x"] - cell["x"])
        return int(frame["root"].to_numpy()[int(np.argmin(apart))])

    def _read(self, experiment: str, fov: str) -> pd.DataFrame:
        folder = self._folder / f"{experiment}_tracks" / fov
        table = pd.concat([pd.read_csv(file) for file in sorted(folder.glob("*.csv"))])
        mother = dict(zip(table["track_id"], table["parent_track_id"], strict=True))
        roots = {}
        for track in mother:
            root = track
            while mother.get(root, -1) >= 0:
                root = mother[root]
            roots[track] = root
        return table.assign(root=table["track_id"].map(roots))
