"""Train a small contrastive encoder on a config's pairs: python examples/train.py CONFIG [EPOCHS].

It needs torch alone. Whatever encoder is wanted goes in the place of `Encoder`.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset

from lineage_triplets import MultiExperimentTripletDataset
from lineage_triplets.training import (
    Augmentation,
    BatchTransform,
    Encoder,
    TripletBatchSampler,
    embed,
    find_lineages,
    nt_xent,
    split_anchors,
)

config, epochs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 8
torch.manual_seed(0)
dataset = MultiExperimentTripletDataset.from_config(config, seed=0)
index = dataset.index
split = split_anchors(index, "lineage", val=0.25)
print(split.words)

train = Subset(dataset, split.train.tolist())
sampler = TripletBatchSampler(train, 64)
transform = BatchTransform(index, augment=Augmentation(contrast=0.1, noise=0.05), seed=0)
loader = DataLoader(train, batch_sampler=sampler, collate_fn=transform.collate)
n_slots, depth = dataset[0]["anchor"].shape[1:3]
encoder = Encoder(n_slots * depth)
optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3)
for epoch in range(epochs):
    losses = []
    for read in loader:
        batch = transform(read, epoch=epoch)
        loss = nt_xent(encoder.project(batch["anchor"]), encoder.project(batch["positive"]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch}: loss {np.mean(losses):.3f}")

held_out = np.flatnonzero(split.rows("val"))
found = find_lineages(
    embed(encoder, dataset, held_out),
    index.experiment_of_row[held_out],
    index.forest.lineage[index.observations.track[held_out]],
    index.observations.t[held_out],
    np.array([(tau.first, tau.last) for tau in index.tau_range_frames]),
)
print(f"lineages found again: {found.recall:.1%}, by chance {found.chance:.1%}")
