"""How long the device waits for batches: near order, random order, and tensors that lie on it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from benchmarks.data import registry_of
from benchmarks.timing import table, verdict
from benchmarks.training import CASES, write_images
from lineage_triplets import MultiExperimentIndex, MultiExperimentTripletDataset
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.training import BatchTransform, TripletBatchSampler, TripletLoader
from lineage_triplets.training.transforms import moved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.table import Table

    from lineage_triplets.engine.dataset.batch import Batch

MEMORY_BYTES = 400_000_000
MOST_WAITING = 0.1


@dataclass(frozen=True)
class Size:
    """How much is trained.

    Attributes
    ----------
    patch_pixels, batch : int
    depths, widths : tuple of int
        Blocks and channels of each stage of the encoder.
    warm_steps : int
        Before anything counts.
    seconds : float
        For each row of the table.
    """

    patch_pixels: int
    batch: int
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    warm_steps: int
    seconds: float


# ConvNeXt's smallest usual form on a GPU; on a CPU what shows that the script runs.
ON_CUDA = Size(160, 256, (3, 3, 9, 3), (96, 192, 384, 768), 10, 45.0)
ON_CPU = Size(32, 8, (1, 1), (8, 16), 2, 3.0)


class Block(nn.Module):
    """Depthwise 7 x 7, then two layers at each pixel, around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.GroupNorm(1, width)
        self.wider = nn.Conv2d(width, 4 * width, 1)
        self.back = nn.Conv2d(4 * width, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give what has the shape of `x`."""
        inner = self.wider(self.norm(self.spatial(x)))
        return x + self.back(functional.gelu(inner))


def encoder(n_slots: int, size: Size) -> nn.Module:
    """An encoder of patches (B, slots, Y, X), with 128 numbers a patch."""
    layers: list[nn.Module] = [nn.Conv2d(n_slots, size.widths[0], 4, stride=4)]
    for stage, (depth, width) in enumerate(zip(size.depths, size.widths, strict=True)):
        if stage:
            layers += [nn.GroupNorm(1, size.widths[stage - 1])]
            layers += [nn.Conv2d(size.widths[stage - 1], width, 2, stride=2)]
        layers += [Block(width) for _ in range(depth)]
    last = size.widths[-1]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 128))


def nt_xent(anchor: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """Loss that tells each pair from all others of the batch."""
    both = functional.normalize(torch.cat([anchor, positive]).float(), dim=1)
    alike = both @ both.T / 0.1
    alike.fill_diagonal_(float("-inf"))
    n = len(anchor)
    return functional.cross_entropy(alike, torch.arange(2 * n, device=both.device).roll(n))


class Trainer:
    """A model and its steps; each is marked on the device where it begins and ends.

    Parameters
    ----------
    device : torch.device
    size : Size
    transform : BatchTransform
    n_slots : int
    """

    def __init__(
        self, device: torch.device, size: Size, transform: BatchTransform, n_slots: int
    ) -> None:
        self.device = device
        self.model = encoder(n_slots, size).to(device, memory_format=torch.channels_last)
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self._transform = transform

    def step(self, batch: Batch) -> None:
        """Normalize a batch that is on the device, and train on it."""
        batch = self._transform(batch)
        pairs = torch.cat([batch["anchor"], batch["positive"]])[:, :, 0]
        with self._mixed_precision():
            anchor, positive = self.model(pairs.to(memory_format=torch.channels_last)).chunk(2)
        self._optimizer.zero_grad(set_to_none=True)
        nt_xent(anchor, positive).backward()
        self._optimizer.step()

    def _mixed_precision(self) -> AbstractContextManager[object]:
        if self.device.type == "cuda":
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()


class Clock:
    """Time in which steps were in work on the device, by its own clock where it has one."""

    def __init__(self, device: torch.device) -> None:
        self._is_cuda = device.type == "cuda"
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._busy_s = 0.0

    def time(self, trainer: Trainer, batch: Batch) -> None:
        """Do one step."""
        if not self._is_cuda:
            start = time.perf_counter()
            trainer.step(batch)
            self._busy_s += time.perf_counter() - start
            return
        start_event, end_event = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start_event.record()
        trainer.step(batch)
        end_event.record()
        self._events.append((start_event, end_event))

    def busy_s(self) -> float:
        """Wait for what is in work, and add up."""
        if self._is_cuda:
            torch.cuda.synchronize()
            return sum(start.elapsed_time(end) for start, end in self._events) / 1000
        return self._busy_s


class Run(NamedTuple):
    """What a row is made of."""

    n_steps: int
    wall_s: float
    busy_s: float


def train(trainer: Trainer, batches: Iterable[Batch], size: Size) -> Run:
    """Train for a while, or until there are no more batches."""
    clock, n_steps, start = Clock(trainer.device), -size.warm_steps, time.perf_counter()
    for batch in batches:
        if n_steps == 0:
            clock.busy_s()
            clock, start = Clock(trainer.device), time.perf_counter()
        clock.time(trainer, moved(batch, trainer.device))
        n_steps += 1
        if n_steps > 0 and time.perf_counter() - start > size.seconds:
            break
    busy_s = clock.busy_s()
    return Run(max(n_steps, 0), time.perf_counter() - start, busy_s)


def read_alone(batches: Iterable[Batch], size: Size) -> Run:
    """Take batches and do nothing with them."""
    n_read, start = -size.warm_steps, time.perf_counter()
    for _ in batches:
        n_read += 1
        if n_read == 0:
            start = time.perf_counter()
        if n_read > 0 and time.perf_counter() - start > size.seconds:
            break
    return Run(max(n_read, 0), time.perf_counter() - start, 0.0)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Train on batches of both orders, and on one batch again and again."""
    on_cuda = torch.cuda.is_available()
    size = ON_CUDA if on_cuda else ON_CPU
    workers = min(usable_cpus() - 1, 14) if on_cuda else 0
    name = torch.cuda.get_device_name() if on_cuda else "CPU, tiny sizes: shows that it runs"
    yield table(
        f"How long the device waits: {name}",
        ("batches", "steps", "batches/s", "pairs/s", "ms a step", "waits", ""),
        _rows(folder, size, workers, torch.device("cuda" if on_cuda else "cpu")),
        f"Batches of {size.batch} pairs, {size.patch_pixels} x {size.patch_pixels} of 2 channels, "
        f"uint16 from {CASES[0].label}, normalized on the device; ConvNeXt of {size.depths} blocks "
        f"and {size.widths} channels, NT-Xent{', bfloat16' if on_cuda else ''}; {workers} worker "
        f"processes with {MEMORY_BYTES / 1e6:.0f} MB for chunks each; waits: share of the time "
        "without a step in work on the device, copying included; read alone: what the loader gives "
        f"without any step. Wanted: near waits at most {MOST_WAITING:.0%}",
    )


def _rows(folder: Path, size: Size, workers: int, device: torch.device) -> Iterator[Sequence[str]]:
    write_images(folder / "images", CASES[0])
    on_cuda = device.type == "cuda"
    patch = (size.patch_pixels, size.patch_pixels)
    index = MultiExperimentIndex(registry_of(folder / "images"), slice(0, 1), patch)
    dataset = MultiExperimentTripletDataset(
        index, seed=0, dtype="uint16", cache_pool_bytes=MEMORY_BYTES
    )
    transform = BatchTransform(index)
    trainer = Trainer(device, size, transform, index.registry.num_source_channels)

    def loader(order: str) -> TripletLoader:
        sampler = TripletBatchSampler(dataset, size.batch, order=order, workers=max(workers, 1))
        return TripletLoader(
            dataset, sampler, transform.collate, num_workers=workers,
            pin_memory=on_cuda,
        )  # fmt: skip

    def again() -> Iterator[Batch]:
        there = moved(transform.collate(dataset.__getitems__(range(size.batch))), device)
        while True:
            # A step puts normalized patches into the batch that it is given.
            yield type(there)(there)

    yield _row("tensors on the device", train(trainer, again(), size), size)
    for order in ("near", "random"):
        for what in ("", ", read alone"):
            batches = loader(order)
            run = read_alone(batches, size) if what else train(trainer, batches, size)
            batches.close()
            yield _row(
                f"{order}{what}", run, size, is_asked=on_cuda and order == "near" and not what
            )


def _row(label: str, run: Run, size: Size, *, is_asked: bool = False) -> Sequence[str]:
    per_s = run.n_steps / run.wall_s
    waits = 1 - run.busy_s / run.wall_s
    trained = run.busy_s > 0
    return (
        label,
        f"{run.n_steps}",
        f"{per_s:.2f}",
        f"{per_s * size.batch:,.0f}",
        f"{1000 * run.busy_s / max(run.n_steps, 1):.1f}" if trained else "-",
        f"{waits:.1%}" if trained else "-",
        verdict(waits <= MOST_WAITING) if is_asked else "",
    )
