"""Train two steps of a small contrastive encoder on each of some configs.

Prints losses and lineages as JSON, a line a config.
"""

from __future__ import annotations

import json
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

from lineage_triplets import MultiExperimentTripletDataset


def encoder(n_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(n_channels, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 8),
    )


def normalized(patches: torch.Tensor) -> torch.Tensor:
    """Project slices, and bring every patch to mean 0 and standard deviation 1."""
    flat = patches.amax(dim=2)
    mean, deviation = flat.mean((2, 3), keepdim=True), flat.std((2, 3), keepdim=True)
    return (flat - mean) / (deviation + 1e-3)


def main(config: str) -> None:
    torch.manual_seed(0)
    dataset = MultiExperimentTripletDataset.from_config(config)
    loader = DataLoader(dataset, batch_size=16, shuffle=True, collate_fn=lambda batch: batch)
    model = encoder(dataset.index.registry.num_source_channels)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses, lineages = [], set()
    for _, batch in zip(range(2), loader, strict=False):
        anchor = nn.functional.normalize(model(normalized(batch["anchor"])))
        positive = nn.functional.normalize(model(normalized(batch["positive"])))
        logits = anchor @ positive.T / 0.1
        loss = nn.functional.cross_entropy(logits, torch.arange(len(logits)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        for role in ("anchor_meta", "positive_meta"):
            lineages |= {one["lineage_id"] for one in batch[role]}
    print(json.dumps({"losses": losses, "lineages": sorted(lineages), "anchors": len(dataset)}))


if __name__ == "__main__":
    for path in sys.argv[1:]:
        main(path)
