"""What is listed: a row a lineage; tau as it will be drawn, beside what the anchors allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.engine.pairs.positives import tau_chances
from lineage_triplets.engine.pairs.randomness import epoch_salt, mix

if TYPE_CHECKING:
    from lineage_triplets.engine.arrays import Int64Array
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.record.effect import Effect


_MOST_ANCHORS = 20_000
_SAMPLE = 11


@dataclass(frozen=True, eq=False)
class TauTable:
    """What will be drawn.

    Attributes
    ----------
    taus : DataFrame
        One row an experiment and tau: ``experiment, tau_frames, tau_hours``; ``law``, the
        probability if somebody were always there; ``drawn``, what it comes to after the fallback;
        ``allowed``, the share of anchors with somebody at that tau. None of positives by equal
        columns.
    relations : DataFrame
        One row an experiment and relation: ``experiment, relation, share, is_collateral,
        crosses_division``.
    anchors : dict of str to int
        Valid anchors of each experiment.
    looked_at : dict of str to int
        On how many of them the shares rest.
    """

    taus: pd.DataFrame
    relations: pd.DataFrame
    anchors: dict[str, int]
    looked_at: dict[str, int]

    def collateral_share(self, experiment: str) -> float:
        """Share of positives on another branch than the anchor's: sisters, nieces, cousins."""
        own = self.relations[self.relations["experiment"] == experiment]
        return float(own.loc[own["is_collateral"], "share"].sum())


def tau_table(index: MultiExperimentIndex, settings: DatasetConfig, seed: int = 0) -> TauTable:
    """Work out what will be drawn from an index.

    Parameters
    ----------
    index : MultiExperimentIndex
        What training reads.
    settings : DatasetConfig
    seed : int
        Of the draw that the shares of the relations are counted in, and of the anchors that are
        looked at where there are more than 20,000.
    """
    plain = settings.model_copy(update={"return_negative": False})
    source = PairSource(index, plain)
    taus, relations = [], []
    anchors, looked_at = {}, {}
    of_anchor = index.experiment_of_row[index.anchor_rows]
    for number, config in enumerate(index.registry.experiments):
        rows = index.anchor_rows[of_anchor == number]
        anchors[config.name] = len(rows)
        if len(rows) > _MOST_ANCHORS:
            order = np.argsort(mix(source.keys(rows) ^ epoch_salt(seed, _SAMPLE)), kind="stable")
            rows = np.sort(rows[order[:_MOST_ANCHORS]])
        looked_at[config.name] = len(rows)
        chances = tau_chances(index.positives, source.law, settings.tau_fallback, number, rows)
        n_anchors = max(len(rows), 1)
        of_tau = pd.DataFrame(
            {
                "experiment": config.name,
                "tau_frames": chances.tau,
                "tau_hours": chances.tau * config.interval_minutes / 60,
                "law": chances.law,
                "drawn": chances.drawn.sum(axis=0) / n_anchors,
                "allowed": (chances.n_candidates > 0).sum(axis=0) / n_anchors,
            }
        )
        taus.append(of_tau if index.matches is None else of_tau[:0])
        relation, _, _ = source.relations(source.draw(rows, seed, 0))
        counts = np.bincount(relation, minlength=len(Relation))
        relations.append(
            pd.DataFrame(
                {
                    "experiment": config.name,
                    "relation": [relation.label for relation in Relation],
                    "share": counts / n_anchors,
                    "is_collateral": [relation.is_collateral for relation in Relation],
                    "crosses_division": [relation.crosses_division for relation in Relation],
                }
            )[counts > 0]
        )
    return TauTable(
        pd.concat(taus, ignore_index=True),
        pd.concat(relations, ignore_index=True),
        anchors,
        looked_at,
    )


def lineage_table(data: ReviewData) -> pd.DataFrame:
    """List all lineages, links cut, whether they are excluded or not.

    Returns
    -------
    DataFrame
        ``lineage_id, experiment, fov_name, well_name, condition, n_cells`` (observations),
        ``n_tracks, n_divisions, first_t, last_t, n_anchors`` (that training has), ``decision``:
        "rejected", "partly rejected", "accepted" or "".
    """
    index = data.linked
    forest = index.forest
    roots = np.flatnonzero(forest.parent < 0)
    lineage = forest.lineage[index.observations.track]
    n_lineages = len(roots)
    first = np.full(n_lineages, np.iinfo(np.int64).max)
    last = np.full(n_lineages, -1, dtype=np.int64)
    np.minimum.at(first, lineage, index.observations.t)
    np.maximum.at(last, lineage, index.observations.t)
    n_cells = np.bincount(lineage, minlength=n_lineages)
    fov = index.fov_of_track[roots]
    names = index.names.words.take(roots).to_pylist()
    sources = [index.fovs[number] for number in fov.tolist()]
    kept, anchors = _in_training(data.training, names)
    table = pd.DataFrame(
        {
            "lineage_id": names,
            "experiment": [source.experiment for source in sources],
            "fov_name": [source.fov.name for source in sources],
            "well_name": [source.fov.well_name for source in sources],
            "condition": [source.condition for source in sources],
            "n_cells": n_cells,
            "n_tracks": np.bincount(forest.lineage, minlength=n_lineages),
            "n_divisions": np.bincount(forest.lineage[forest.is_division], minlength=n_lineages),
            "first_t": np.where(n_cells > 0, first, -1),
            "last_t": last,
            "n_anchors": anchors,
            "decision": _decisions(data.effect, index, roots, n_cells - kept, n_cells),
        }
    )
    return table[table["n_cells"] > 0].reset_index(drop=True)


def _in_training(index: MultiExperimentIndex, names: list[str]) -> tuple[Int64Array, Int64Array]:
    """Cells and anchors of each lineage in what training reads."""
    roots = np.flatnonzero(index.forest.parent < 0)
    place = pd.Index(index.names.words.take(roots).to_pylist()).get_indexer(pd.Index(names))
    of_row = index.forest.lineage[index.observations.track]
    cells = np.append(np.bincount(of_row, minlength=len(roots)), 0)
    anchors = np.append(np.bincount(of_row[index.anchor_rows], minlength=len(roots)), 0)
    return cells[place], anchors[place]


def _decisions(
    effect: Effect,
    index: MultiExperimentIndex,
    roots: Int64Array,
    n_excluded: Int64Array,
    n_cells: Int64Array,
) -> list[str]:
    accepted = {
        (target.experiment, target.fov, target.track)
        for target in effect.accepted
        if target.level == "lineage"
    }
    words = np.full(len(roots), "", dtype=object)
    for number, root in enumerate(roots.tolist() if accepted else []):
        source = index.fovs[int(index.fov_of_track[root])]
        if (source.experiment, source.fov.name, index.names.word(root)) in accepted:
            words[number] = "accepted"
    words[n_excluded > 0] = "partly rejected"
    words[(n_excluded == n_cells) & (n_cells > 0)] = "rejected"
    return list(words)
