"""Train the small encoder on a config's pairs, and judge it on lineages that were held out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset

from lineage_triplets.training.example.encoder import Encoder, nt_xent
from lineage_triplets.training.example.judge import (
    Probe,
    Retrieval,
    conditions,
    fates,
    find_lineages,
    probe,
)
from lineage_triplets.training.sampler import TripletBatchSampler
from lineage_triplets.training.transforms import Augmentation, BatchTransform

if TYPE_CHECKING:
    from collections.abc import Callable

    from lineage_triplets.engine.arrays import BoolArray, Float32Array, Int64Array
    from lineage_triplets.engine.dataset.dataset import MultiExperimentTripletDataset
    from lineage_triplets.training.plan.epoch import Order
    from lineage_triplets.training.split import Split
    from lineage_triplets.training.transforms import Normalize

BATCH_SIZE, LEARNING_RATE = 64, 2e-3
# Cells of a side that are embedded at most.
MOST_CELLS = 4_000
_AUGMENTATION = Augmentation(contrast=0.1, noise=0.05)
_READ_AT_ONCE = 256


@dataclass(frozen=True)
class Trained:
    """An encoder, and the mean loss of each epoch."""

    encoder: Encoder
    losses: list[float]


@dataclass(frozen=True, eq=False)
class Judged:
    """What an encoder's features are worth on cells that it was not trained on.

    Attributes
    ----------
    lineages, relatives : Retrieval
        Of the nearest cell at another time; and of the nearest one in another track, where what is
        to be found are mothers, daughters, sisters.
    condition, fate : Probe or None
        Whether a cell divides within two hours; None where there are not two classes to tell.
    rows : ndarray of int64
        Rows of ``index.tracks`` of the cells that were embedded, to which the retrievals' places
        refer.
    """

    lineages: Retrieval
    relatives: Retrieval
    condition: Probe | None
    fate: Probe | None
    rows: Int64Array

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found: dict[str, Any] = {
            name: {
                "recall_at_1": _plain(of_cells.recall),
                "chance": _plain(of_cells.chance),
                "cells": of_cells.n_asked,
                "left_out": of_cells.n_left_out,
            }
            for name, of_cells in (("lineage", self.lineages), ("relatives", self.relatives))
        }
        for name, told in (("condition", self.condition), ("fate", self.fate)):
            found[name] = None if told is None else vars(told)
        return found


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def train_encoder(
    dataset: MultiExperimentTripletDataset,
    anchors: Int64Array,
    *,
    epochs: int,
    seed: int = 0,
    order: Order = "near",
    normalize: Normalize = "patch",
    progress: Callable[[int, int, float], None] | None = None,
) -> Trained:
    """Train on some anchors of a dataset, on the CPU; the same seeds give the same encoder.

    Parameters
    ----------
    dataset : MultiExperimentTripletDataset
        Its own seed draws the pairs.
    anchors : ndarray of int64
        Its numbers, as `Split.train`.
    epochs : int
    seed : int
        Of the weights, the order and the augmentation.
    order : {"near", "random"}
    normalize : str
        As of `BatchTransform`.
    progress : callable, optional
        Gets the batches done, all of them, and the last loss.
    """
    chosen = Subset(dataset, anchors.tolist())
    size = min(BATCH_SIZE, len(anchors))
    sampler = TripletBatchSampler(chosen, size, order=order, seed=seed)
    transform = BatchTransform(dataset.index, normalize, augment=_augmentation(dataset), seed=seed)
    loader = DataLoader(chosen, batch_sampler=sampler, collate_fn=transform.collate)
    encoder = new_encoder(dataset, seed)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=LEARNING_RATE)
    encoder.train()
    losses: list[float] = []
    n_batches = len(sampler)
    for epoch in range(epochs):
        total = 0.0
        for number, read in enumerate(loader):
            batch = transform(read, epoch=epoch)
            lineages = np.unique(batch["anchor_meta"]["lineage_id"], return_inverse=True)[1]
            loss = nt_xent(
                encoder.project(batch["anchor"]),
                encoder.project(batch["positive"]),
                groups=torch.from_numpy(lineages),
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += float(loss.detach())
            if progress is not None:
                progress(epoch * n_batches + number + 1, epochs * n_batches, total / (number + 1))
        losses.append(total / n_batches)
    return Trained(encoder, losses)


def new_encoder(dataset: MultiExperimentTripletDataset, seed: int) -> Encoder:
    """Make an untrained encoder for a dataset's patches; torch's own random state stays."""
    n_slots, depth = dataset[0]["anchor"].shape[1:3]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Encoder(n_slots * depth)


def _augmentation(dataset: MultiExperimentTripletDataset) -> Augmentation:
    height, width = dataset.index.settings.yx_patch_size
    if height == width:
        return _AUGMENTATION
    return Augmentation(rotate=False, contrast=_AUGMENTATION.contrast, noise=_AUGMENTATION.noise)


def embed(
    encoder: Encoder,
    dataset: MultiExperimentTripletDataset,
    rows: Int64Array,
    normalize: Normalize = "patch",
) -> Float32Array:
    """Give the features of some rows of ``index.tracks``, in their order."""
    chosen = Subset(dataset.part(fit=False), rows.tolist())
    sampler = TripletBatchSampler(chosen, min(_READ_AT_ONCE, len(rows)), seed=0, drop_last=False)
    batches = list(sampler)
    transform = BatchTransform(dataset.index, normalize)
    loader = DataLoader(chosen, batch_sampler=batches, collate_fn=transform.collate)
    encoder.eval()
    with torch.inference_mode():
        features = torch.cat(
            [encoder(transform(batch, training=False)["anchor"]) for batch in loader]
        ).numpy()
    found: Float32Array = np.empty_like(features)
    found[np.concatenate(batches)] = features
    return found


def judge(
    encoder: Encoder,
    dataset: MultiExperimentTripletDataset,
    split: Split,
    *,
    normalize: Normalize = "patch",
    seed: int = 0,
) -> Judged:
    """Judge an encoder on the val side of a split; probes are fitted to its train side.

    Of each side at most `MOST_CELLS` cells are embedded, whole lineages drawn by the seed.
    """
    index = dataset.index
    held, trained = (_some_lineages(dataset, split.rows(side), seed) for side in ("val", "train"))
    features, fitted = (embed(encoder, dataset, rows, normalize) for rows in (held, trained))
    track = index.observations.track[held]
    frames = np.array([(tau.first, tau.last) for tau in index.tau_range_frames])
    columns = (
        index.experiment_of_row[held],
        index.forest.lineage[track],
        index.observations.t[held],
    )
    condition, fate = (
        probe(fitted, labels[trained], features, labels[held])
        for labels in (conditions(index), fates(index))
    )
    return Judged(
        find_lineages(features, *columns, frames),
        find_lineages(features, *columns, frames, other_than=track),
        condition,
        fate,
        held,
    )


def _some_lineages(
    dataset: MultiExperimentTripletDataset, is_on_side: BoolArray, seed: int
) -> Int64Array:
    """Rows of a side: whole lineages, in an order that the seed draws, up to `MOST_CELLS`."""
    index = dataset.index
    rows = np.flatnonzero(is_on_side)
    lineage = index.forest.lineage[index.observations.track[rows]]
    names, number, sizes = np.unique(lineage, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    kept = np.zeros(len(names), dtype=bool)
    kept[order[np.cumsum(sizes[order]) <= MOST_CELLS]] = True
    return rows[kept[number]] if kept.any() else rows[:MOST_CELLS]
