"""Pairs to look at: what they are, how likely training draws them, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.dataset.meta import observation_meta, positive_meta
from lineage_triplets.engine.dataset.source import Pairs, PairSource
from lineage_triplets.engine.pairs.chances import positive_chances, tau_chances
from lineage_triplets.engine.pairs.forest import RELATION_LABELS, Relation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.open.patches import IndexPatches

    Int64Array = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairList:
    """Some pairs of an index; all arrays have one entry a pair.

    Attributes
    ----------
    index : MultiExperimentIndex
        The rows of the pairs are this index's.
    pairs : Pairs
    relation : ndarray of int64
        Values of `Relation`.
    probability : ndarray of float64
        With which training draws this positive for this anchor, in any one epoch.
    """

    index: MultiExperimentIndex
    pairs: Pairs
    relation: Int64Array
    probability: NDArray[np.float64]
    _patches: IndexPatches
    _source: PairSource | None

    @classmethod
    def of(cls, data: ReviewData, source: PairSource, pairs: Pairs) -> PairList:
        """Say what some drawn pairs are."""
        index = source.index
        relation, _, _ = source.relations(pairs)
        probability = np.zeros(len(pairs.anchor))
        experiment = index.experiment_of_row[pairs.anchor]
        for number in np.unique(experiment):
            own = np.flatnonzero(experiment == number)
            chances = tau_chances(
                index.positives,
                source.law,
                source.tau_fallback,
                int(number),
                pairs.anchor[own],
            )
            probability[own] = positive_chances(chances, pairs.tau_frames[own])
        return cls(index, pairs, relation, probability, data.patches_of(index), source)

    @classmethod
    def empty(cls, data: ReviewData, index: MultiExperimentIndex) -> PairList:
        """Give a list without pairs."""
        nothing = np.empty(0, dtype=np.int64)
        none, patches = Pairs(nothing, nothing, nothing), data.patches_of(index)
        return cls(index, none, nothing, np.empty(0), patches, None)

    def __len__(self) -> int:
        return len(self.pairs.anchor)

    def take(self, numbers: Sequence[int]) -> PairList:
        """Give some of the pairs, in that order."""
        chosen = np.asarray(numbers, dtype=np.int64)
        pairs = Pairs(
            self.pairs.anchor[chosen], self.pairs.positive[chosen], self.pairs.tau_frames[chosen]
        )
        return replace(
            self,
            pairs=pairs,
            relation=self.relation[chosen],
            probability=self.probability[chosen],
        )

    @cached_property
    def anchors(self) -> list[dict[str, Any]]:
        """Each anchor's identity, as a batch's ``anchor_meta``."""
        return observation_meta(self.index, self.pairs.anchor)

    @cached_property
    def positives(self) -> list[dict[str, Any]]:
        """Each positive's identity, tau and relation, as a batch's ``positive_meta``."""
        if self._source is None:
            return []
        return positive_meta(self._source, self.pairs)

    @property
    def relation_labels(self) -> list[str]:
        """Relations in words."""
        labels: list[str] = RELATION_LABELS[self.relation].tolist()
        return labels

    @property
    def crosses_division(self) -> NDArray[np.bool_]:
        """Whether the anchor's cell divided on the way."""
        crossing = [one for one in Relation if one.crosses_division]
        return np.isin(self.relation, crossing)

    def images(self) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        """Read the patches: anchors and positives, each (B, C, Z, Y, X) as training gets them.

        Raises
        ------
        StoreError, ChunkError
            Pixels cannot be read; store, FOV and chunk are named.
        """
        rows = np.concatenate([self.pairs.anchor, self.pairs.positive])
        patches = self._patches.read(rows)
        return patches[: len(self)], patches[len(self) :]

    def centres(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Give the (y, x) of the cells inside their patches: anchors', positives'."""
        rows = np.concatenate([self.pairs.anchor, self.pairs.positive])
        places = self._patches.centres(rows)
        return places[: len(self)], places[len(self) :]
