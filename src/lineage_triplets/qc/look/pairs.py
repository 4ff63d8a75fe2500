"""Pairs to look at, the very ones that training draws: chosen, told, and their pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.engine.dataset.source import (
    Pairs,
    PairSource,
    observation_meta,
    positive_meta,
)
from lineage_triplets.engine.errors import ConfigError, NoAnchorsError, Problem, choices
from lineage_triplets.engine.index.names import word_within
from lineage_triplets.engine.pairs.forest import RELATION_LABELS, Relation
from lineage_triplets.engine.pairs.positives import positive_chances, tau_chances
from lineage_triplets.engine.pairs.randomness import epoch_salt, mix
from lineage_triplets.qc.look.pictures import PairPicture, contact_sheet
from lineage_triplets.qc.record.decision import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from lineage_triplets.engine.arrays import (
        BoolArray,
        Float32Array,
        Float64Array,
        Int64Array,
        Pixels,
        UInt64Array,
    )
    from lineage_triplets.engine.index.index import MultiExperimentIndex
    from lineage_triplets.qc.open.data import ReviewData
    from lineage_triplets.qc.open.patches import IndexPatches


_SAMPLE = 7
# Anchors drawn at first, and how many such blocks are put in order before all are.
_BLOCK, _BLOCKS_FIRST = 256, 32


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
    probability: Float64Array
    _patches: IndexPatches
    _source: PairSource | None

    @classmethod
    def of(cls, data: ReviewData, source: PairSource, pairs: Pairs) -> PairList:
        """Say what some drawn pairs are."""
        index = source.index
        relation, _, _ = source.relations(pairs)
        patches = data.patches_of(index)
        if index.matches is not None:
            probability = 1 / np.maximum(index.matches.n_candidates(pairs.anchor), 1)
            return cls(index, pairs, relation, probability, patches, source)
        probability = np.zeros(len(pairs.anchor))
        experiment = index.experiment_of_row[pairs.anchor]
        for number in np.unique(experiment):
            own = np.flatnonzero(experiment == number)
            chances = tau_chances(
                index.positives,
                source.law,
                source.settings.tau_fallback,
                int(number),
                pairs.anchor[own],
            )
            probability[own] = positive_chances(chances, pairs.tau_frames[own])
        return cls(index, pairs, relation, probability, patches, source)

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
    def crosses_division(self) -> BoolArray:
        """Whether the anchor's cell divided on the way."""
        crossing = [relation for relation in Relation if relation.crosses_division]
        return np.isin(self.relation, crossing)

    def target(self, number: int) -> Target:
        """Name one of the pairs by its cells, as their table has them."""
        index = self.index
        anchor, positive = int(self.pairs.anchor[number]), int(self.pairs.positive[number])
        source, t = index.fovs[int(index.fov_of_row[anchor])], index.observations.t
        track_id = index.track_id_of_row
        return Target(
            "pair", source.experiment, source.fov.name, track=str(int(track_id[anchor])),
            t=int(t[anchor]), daughter=int(track_id[positive]), to_t=int(t[positive]),
        )  # fmt: skip

    def images(self) -> tuple[Pixels, Pixels]:
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

    def outlines(self) -> tuple[list[Float32Array | None], list[Float32Array | None]]:
        """Give the cells' outlines in their patches, by masks: anchors', positives'."""
        rows = np.concatenate([self.pairs.anchor, self.pairs.positive])
        found = self._patches.outlines(rows)
        return found[: len(self)], found[len(self) :]


def sample_pairs(
    source: PairSource,
    n_pairs: int,
    *,
    seed: int = 0,
    epoch: int = 0,
    across_divisions: bool = False,
    experiments: Sequence[str] | None = None,
    fov: str | None = None,
    lineage_id: str | None = None,
) -> Pairs:
    """Choose pairs to look at among those that training draws with this seed and epoch.

    Parameters
    ----------
    source : PairSource
    n_pairs : int
        At most so many of each experiment, spread at random over its anchors.
    seed, epoch : int
    across_divisions : bool
        Only pairs with a division between anchor and positive.
    experiments : sequence of str, optional
        Only these.
    fov : str, optional
        Only FOVs of this name.
    lineage_id : str, optional
        Only this lineage.

    Raises
    ------
    UnknownNameError, ConfigError
        There is no such experiment or lineage.
    NoAnchorsError
        Nothing is left to show; the message says why.
    """
    index = source.index
    names = [config.name for config in index.registry.experiments]
    chosen = [index.registry.get_experiment(name).name for name in experiments or names]
    wanted = [names.index(name) for name in chosen]
    rows = index.anchor_rows[np.isin(index.experiment_of_row[index.anchor_rows], wanted)]
    if fov is not None:
        numbers = [number for number, source in enumerate(index.fovs) if source.fov.name == fov]
        rows = rows[np.isin(index.fov_of_row[rows], numbers)]
    if lineage_id is not None:
        rows = rows[_of_lineage(index, rows, lineage_id)]
    experiment = index.experiment_of_row[rows]
    pairs = _joined(
        [
            _first_pairs(source, rows[experiment == number], n_pairs, seed, epoch, across_divisions)
            for number in wanted
        ]
    )
    if not len(pairs.anchor):
        what = "pair across a division" if across_divisions else "pair"
        raise NoAnchorsError(
            Problem(
                "nothing-to-show",
                f"there is no {what} among the {len(rows)} anchors asked for.",
                "Widen tau_range_hours, choose another seed, or ask for other experiments.",
            )
        )
    order = np.argsort(pairs.anchor, kind="stable")
    return Pairs(pairs.anchor[order], pairs.positive[order], pairs.tau_frames[order])


def _order_of_least(keys: UInt64Array, most: int) -> Int64Array:
    """Where the least keys are, in their order; of no more than some of them."""
    if len(keys) <= most:
        return np.argsort(keys)
    least = np.argpartition(keys, most)[:most]
    return least[np.argsort(keys[least])]


def _first_pairs(
    source: PairSource,
    rows: Int64Array,
    n_pairs: int,
    seed: int,
    epoch: int,
    across_divisions: bool,
) -> Pairs:
    """Draw anchors in an order of chance until there are enough pairs to show."""
    keys = mix(source.keys(rows) ^ epoch_salt(seed, _SAMPLE + epoch))
    kept: list[Pairs] = []
    n_kept, start, block = 0, 0, max(_BLOCK, n_pairs)
    # Of millions the first few are in order long before all are.
    shuffled = rows[_order_of_least(keys, _BLOCKS_FIRST * block)]
    while start < len(rows) and n_kept < n_pairs:
        if start + block > len(shuffled) < len(rows):
            shuffled = rows[np.argsort(keys)]
        pairs = source.draw(shuffled[start : start + block], seed, epoch)
        keep = pairs.positive >= 0
        if across_divisions:
            relation, _, _ = source.relations(
                Pairs(pairs.anchor, np.where(keep, pairs.positive, pairs.anchor), pairs.tau_frames)
            )
            keep &= np.isin(
                relation, [relation for relation in Relation if relation.crosses_division]
            )
        found = np.flatnonzero(keep)[: n_pairs - n_kept]
        kept.append(Pairs(pairs.anchor[found], pairs.positive[found], pairs.tau_frames[found]))
        n_kept += len(found)
        start, block = start + block, 2 * block
    return _joined(kept)


def _joined(parts: list[Pairs]) -> Pairs:
    nothing = np.empty(0, dtype=np.int64)
    return Pairs(
        np.concatenate([nothing, *(part.anchor for part in parts)]),
        np.concatenate([nothing, *(part.positive for part in parts)]),
        np.concatenate([nothing, *(part.tau_frames for part in parts)]),
    )


def pair_pictures(source: PairSource, pairs: Pairs) -> list[PairPicture]:
    """Read the patches of some pairs and say what they are."""
    index = source.index
    patches = source.read(np.concatenate([pairs.anchor, pairs.positive]))
    centres = source.centres(np.concatenate([pairs.anchor, pairs.positive]))
    n_pairs = len(pairs.anchor)
    anchors = observation_meta(index, pairs.anchor)
    positives = positive_meta(source, pairs)
    return [
        PairPicture(
            anchor=patches[number],
            positive=patches[n_pairs + number],
            experiment=anchor["experiment"],
            fov=anchor["fov_name"],
            anchor_track=_word(anchor),
            positive_track=_word(positive),
            anchor_t=anchor["t"],
            positive_t=positive["t"],
            tau_frames=positive["tau_frames"],
            tau_hours=positive["tau_hours"],
            relation=positive["relation"],
            anchor_yx=centres[number],
            positive_yx=centres[n_pairs + number],
        )
        for number, (anchor, positive) in enumerate(zip(anchors, positives, strict=True))
    ]


def preview_sheet(source: PairSource, pairs: Pairs, title: str = "") -> Image.Image:
    """Draw a contact sheet of some pairs, every slot with the experiment's own channel name."""
    registry = source.index.registry
    sizes = {found.config.name: found.first_fov.pixel_size_um for found in registry.opened}
    return contact_sheet(
        pair_pictures(source, pairs),
        slot_labels=registry.slot_labels,
        channel_names={config.name: config.source_channel for config in registry.experiments},
        title=title,
        pixel_size_um={name: None if size is None else size[2] for name, size in sizes.items()},
    )


def _of_lineage(index: MultiExperimentIndex, rows: Int64Array, lineage_id: str) -> BoolArray:
    lineages = index.describe(rows)["lineage_id"]
    mask: BoolArray = (lineages == lineage_id).to_numpy(dtype=bool)
    if not mask.any():
        if index.names.find(lineage_id) >= 0:
            # Of a track that is no root it names the lineage.
            index.find_lineage(lineage_id)
        raise ConfigError(
            Problem(
                "unknown-lineage",
                f"no anchor is of a lineage {lineage_id!r}.",
                f"Lineages are named by their root: {choices(lineages.unique(), limit=5)}.",
            )
        )
    return mask


def _word(meta: dict[str, object]) -> str:
    """Name the track of a row within its FOV."""
    return word_within(*(str(meta[key]) for key in ("global_track_id", "experiment", "fov_name")))
