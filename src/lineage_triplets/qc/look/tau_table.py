"""Tau as it will be drawn, beside what the anchors allow; and what the positives are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lineage_triplets.engine.dataset.source import PairSource
from lineage_triplets.engine.pairs.chances import tau_chances
from lineage_triplets.engine.pairs.forest import Relation
from lineage_triplets.engine.pairs.randomness import epoch_salt, mix

if TYPE_CHECKING:
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.engine.settings.model import DatasetConfig

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
        ``allowed``, the share of anchors with somebody at that tau.
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
    source = PairSource.of_settings(index, plain)
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
        chances = tau_chances(index.positives, source.law, source.tau_fallback, number, rows)
        n_anchors = max(len(rows), 1)
        taus.append(
            pd.DataFrame(
                {
                    "experiment": config.name,
                    "tau_frames": chances.tau,
                    "tau_hours": chances.tau * config.interval_minutes / 60,
                    "law": chances.law,
                    "drawn": chances.drawn.sum(axis=0) / n_anchors,
                    "allowed": (chances.n_candidates > 0).sum(axis=0) / n_anchors,
                }
            )
        )
        relation, _, _ = source.relations(source.draw(rows, seed, 0))
        counts = np.bincount(relation, minlength=len(Relation))
        relations.append(
            pd.DataFrame(
                {
                    "experiment": config.name,
                    "relation": [one.label for one in Relation],
                    "share": counts / n_anchors,
                    "is_collateral": [one.is_collateral for one in Relation],
                    "crosses_division": [one.crosses_division for one in Relation],
                }
            )[counts > 0]
        )
    return TauTable(
        pd.concat(taus, ignore_index=True),
        pd.concat(relations, ignore_index=True),
        anchors,
        looked_at,
    )
