"""The sampler in Lightning's loop: kept as it is, one epoch after another, each rank its own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lineage_triplets import (
    ExperimentRegistry,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
)
from lineage_triplets.training import TripletBatchSampler
from stores import make_experiment, track_table

lightning = pytest.importorskip("lightning")

# Lightning warns of workers, loggers and what its own dependencies do.
pytestmark = pytest.mark.filterwarnings("ignore")
EPOCHS = 2


@pytest.fixture
def dataset(tmp_path):
    tables = {f"A/1/{k}": track_table(*((cell, range(8)) for cell in range(1, 7))) for k in "012"}
    registry = ExperimentRegistry([make_experiment(tmp_path, "one", tables)])
    return MultiExperimentTripletDataset(MultiExperimentIndex(registry, 1, (16, 16)), seed=1)


class Numbers:
    """A dataset whose batches are the numbers asked for, and the epoch."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitems__(self, numbers):
        return torch.tensor([self.dataset.epoch, *numbers])


class Model(lightning.LightningModule):
    """Notes what it is given, for each rank."""

    def __init__(self, folder, loader=None):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.folder, self.loader = folder, loader
        self.seen = []

    def train_dataloader(self):
        return self.loader()

    def training_step(self, batch, _):
        self.seen.append(batch.tolist())
        return self.weight

    def on_train_end(self):
        (self.folder / f"{self.global_rank}.json").write_text(json.dumps(self.seen))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def fit(folder, loader=None, model=None, **arguments):
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", default_root_dir=folder, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        **arguments,
    )  # fmt: skip
    trainer.fit(model or Model(folder), loader)
    return trainer


def loader_of(dataset):
    sampler = TripletBatchSampler(dataset, 10, memory_bytes=100_000)
    return DataLoader(Numbers(dataset), batch_sampler=sampler, collate_fn=lambda batch: batch)


def expected(dataset, world_size):
    """Batches of all ranks in all epochs, by samplers of their own."""
    parts = [
        TripletBatchSampler(dataset, 10, memory_bytes=100_000, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    return [[[epoch, *batch] for epoch in range(EPOCHS) for batch in one] for one in parts]


def test_one_process(dataset, tmp_path):
    trainer = fit(tmp_path, loader_of(dataset), devices=1)
    assert json.loads((tmp_path / "0.json").read_text()) == expected(dataset, 1)[0]
    assert trainer.num_training_batches == len(dataset) // 10


@pytest.mark.parametrize("in_hook", [False, True])
def test_two_processes_share_each_epoch(dataset, tmp_path, in_hook):
    arguments = {"devices": 2, "strategy": "ddp_fork"}
    if in_hook:
        fit(tmp_path, model=Model(tmp_path, lambda: loader_of(dataset)), **arguments)
    else:
        fit(tmp_path, loader_of(dataset), **arguments)
    seen = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert seen == expected(dataset, 2)
    first = np.concatenate([batch[1:] for part in seen for batch in part if batch[0] == 0])
    assert len(set(first.tolist())) == len(first) > len(dataset) - 20
