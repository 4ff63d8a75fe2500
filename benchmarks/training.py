"""An epoch in near order beside random order: milliseconds a batch, chunks decoded, company."""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import time
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts
from numcodecs import blosc, zstd

from benchmarks.data import CHANNELS, IMAGE_SIZE_PIXELS, registry_of, simulated_frame
from benchmarks.memory import added_mib
from benchmarks.timing import seconds, table, verdict
from lineage_triplets import MultiExperimentIndex, MultiExperimentTripletDataset
from lineage_triplets.engine.reading import blosc as blosc_blocks
from lineage_triplets.engine.reading import zstd as zstd_frames
from lineage_triplets.simulate.plates import PlateLayout, empty_plate, simulate_tables, write_tables
from lineage_triplets.training import TripletBatchSampler
from lineage_triplets.training.plan.epoch import Anchors, Reading, Sizes, plan_epoch
from lineage_triplets.training.plan.memory import ReadCosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    Int64Array = NDArray[np.int64]

N_FOVS, N_FRAMES, CELLS_PER_FOV, N_DISTINCT = 16, 40, 90, 4
PATCH_SIZE, BATCH_SIZE, MEMORY_BYTES = (160, 160), 64, 400_000_000
N_RANDOM, N_WARM, N_MEASURED = 24, 4, 200
# Until looking ahead decodes in each batch what it decodes in all.
N_WARM_AHEAD = 30
ZSTD = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}
BLOSC = {
    "name": "blosc",
    "configuration": {
        "cname": "zstd", "clevel": 1, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 0,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    label : str
    chunk : tuple of int
        (T, C, Z, Y, X)
    codec : dict
        Of zarr v3.
    target_ratio : float
        How many times as fast as random order near order shall be.
    target_fovs : int
        From how many FOVs a batch shall be, at least.
    sharded : bool
        Chunks inside one shard a plane.
    """

    label: str
    chunk: tuple[int, int, int, int, int]
    codec: dict[str, Any]
    target_ratio: float
    target_fovs: int
    sharded: bool = False


PLANE = (1, 1, 1, IMAGE_SIZE_PIXELS, IMAGE_SIZE_PIXELS)
CASES = (
    Case("zstd planes", PLANE, ZSTD, 25, 8),
    Case("blosc planes", PLANE, BLOSC, 5, 8),
    Case("zstd, 13 x 256 x 512", (13, 1, 1, 256, 512), ZSTD, 20, 4),
    Case("zstd shards of 256 x 256", (1, 1, 1, 256, 256), ZSTD, 3, 8, sharded=True),
)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Read an epoch in near order, and batches of random order between its batches."""
    yield table(
        "An epoch: order='near' and order='random' beside a permutation read batch by batch",
        (
            "chunks", "alone", "random", "near", "alone / random", "alone / near", "CPU: random",
            "near", "decoded: alone", "random", "near", "FOVs: random", "near", "lineages: random",
            "near", "same frame: random", "near", "MiB: random", "near", "",
        ),
        _rows(folder),
        f"ms a batch of {BATCH_SIZE}, means of one run in turns (all of an epoch in near order, "
        f"{N_RANDOM} batches of a permutation by themselves, twice as many of order='random', "
        "which looks ahead as near order does); 160 x 160 patches of channels [2, 0] of 3, uint16 "
        f"of 1024 x 1024, {N_FOVS} FOVs of {N_FRAMES} frames with {CELLS_PER_FOV} cells and more, "
        f"tau 1 to 4 frames; {MEMORY_BYTES / 1e6:.0f} MB for pixels each, no workers, warm page "
        "cache; CPU: ratios of CPU time; decoded: bytes in an epoch, in times of those of all "
        "chunks that are touched, for a permutation by its batches; FOVs and lineages a "
        "batch; same frame: share of pairs of anchors in a batch that are of one FOV and frame; "
        f"MiB: what {N_MEASURED} batches add to a new process at most",
    )  # fmt: skip
    yield table(
        "Planning an epoch",
        ("anchors", "ranks", "s", ""),
        _planning(),
        "CPU seconds of one rank's plan, median of 3; wanted for a million: at most 1 s",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    for case in CASES:
        shutil.rmtree(folder / "images", ignore_errors=True)
        write_images(folder / "images", case)
        yield _row(folder / "images", case)


class Reader:
    """A dataset and the batches of one order, with what they cost.

    Parameters
    ----------
    images : Path
    order : {"near", "random"}
    ahead : bool
        Whether batches are read as a loader reads them, or each by itself.
    """

    def __init__(self, images: Path, order: str, *, ahead: bool = True) -> None:
        index = MultiExperimentIndex(registry_of(images), slice(0, 1), PATCH_SIZE)
        self.dataset = MultiExperimentTripletDataset(
            index, seed=0, dtype="uint16", cache_pool_bytes=MEMORY_BYTES
        )
        told = self.dataset if ahead else self.dataset.part()
        self.sampler = TripletBatchSampler(told, BATCH_SIZE, order=order)
        self.batches = iter(self.sampler)
        self.wall_s: list[float] = []
        self.cpu_s, self.decoded_bytes = 0.0, 0
        self.company: list[tuple[int, int, float]] = []

    def read(self, n_batches: int) -> int:
        """Read the next batches; give how many there were."""
        read = 0
        for batch in islice(self.batches, n_batches):
            before, cpu = _Counted.n_bytes, time.process_time()
            self.wall_s.append(seconds(partial(self.dataset.__getitems__, batch)))
            self.cpu_s += time.process_time() - cpu
            self.decoded_bytes += _Counted.n_bytes - before
            self.company.append(_company(self.dataset.index, batch))
            read += 1
        return read

    def forget_figures(self) -> None:
        """Begin to count anew."""
        self.wall_s, self.company, self.cpu_s, self.decoded_bytes = [], [], 0.0, 0


def _row(images: Path, case: Case) -> Sequence[str]:
    alone = Reader(images, "random", ahead=False)
    random, near = Reader(images, "random"), Reader(images, "near")
    count_decoded()
    for reader, n_warm in ((alone, N_WARM), (random, N_WARM_AHEAD)):
        reader.read(n_warm)
        reader.forget_figures()
    a_turn = -(-len(near.sampler) // N_RANDOM)
    while near.read(a_turn):
        alone.read(1)
        random.read(2)
    touched = _touched(near.dataset.index, case) * 2 * math.prod(case.chunk)
    wall = [statistics.mean(each.wall_s) for each in (alone, random, near)]
    cpu = [each.cpu_s / len(each.wall_s) for each in (alone, random, near)]
    again = [
        each.decoded_bytes * len(each.sampler) / len(each.wall_s) / touched
        for each in (alone, random, near)
    ]
    company = [np.mean(each.company, axis=0) for each in (random, near)]
    least_fovs = min(fovs for fovs, _, _ in near.company)
    memory = [added_mib(_prepare, images, order) for order in ("random", "near")]
    ratio = wall[0] / wall[2]
    return (
        case.label,
        *(f"{1000 * seconds:,.0f}" for seconds in wall),
        f"{wall[0] / wall[1]:.1f}",
        f"{ratio:.1f} (≥ {case.target_ratio:g})",
        *(f"{cpu[0] / seconds:.1f}" for seconds in cpu[1:]),
        *(f"{times:,.1f}" for times in again[:2]),
        f"{again[2]:.2f} (≤ 1.3)",
        *(f"{fovs:.1f}" for fovs, _, _ in company),
        *(f"{lineages:.1f}" for _, lineages, _ in company),
        *(f"{same:.1%}" for _, _, same in company),
        *("-" if mib is None else f"{mib:,.0f}" for mib in memory),
        verdict(
            ratio >= case.target_ratio and again[2] <= 1.3 and least_fovs >= case.target_fovs
        ),
    )  # fmt: skip


def _prepare(images: Path, order: str) -> Callable[[], object]:
    return partial(Reader(images, order).read, N_MEASURED)


def _company(index: MultiExperimentIndex, batch: list[int]) -> tuple[int, int, float]:
    """FOVs and lineages of a batch, and the share of its pairs of anchors in one frame."""
    rows = index.anchor_rows[batch]
    fov, t = index.fov_of_row[rows], index.observations.t[rows]
    lineage = index.forest.lineage[index.observations.track[rows]]
    counts = np.unique(np.stack([fov, t]), axis=1, return_counts=True)[1]
    same = (counts * (counts - 1)).sum() / (len(rows) * (len(rows) - 1))
    return len(np.unique(fov)), len(np.unique(lineage)), float(same)


class _Counted:
    """A module of numcodecs that counts the bytes that it decodes.

    Parameters
    ----------
    module : module
    """

    n_bytes = 0

    def __init__(self, module: Any) -> None:
        self._module = module

    def decompress(self, container: bytes, target: NDArray[np.uint8] | None = None) -> bytes:
        content: bytes = self._module.decompress(container, target)
        _Counted.n_bytes += len(content)
        return content


def count_decoded() -> None:
    """Let this process count what is decoded."""
    blosc_blocks.blosc = _Counted(blosc)
    zstd_frames.zstd = _Counted(zstd)


def _touched(index: MultiExperimentIndex, case: Case) -> int:
    """Chunks that patches of anchors and their possible positives touch."""
    rows = index.observations
    fov, half = index.fov_of_row, PATCH_SIZE[0] // 2
    touched = set()
    for down in (-half, half - 1):
        for along in (-half, half - 1):
            y = (np.floor(rows.y_clamp).astype(int) + down) // case.chunk[3]
            x = (np.floor(rows.x_clamp).astype(int) + along) // case.chunk[4]
            touched |= set(zip(fov, rows.t // case.chunk[0], y, x, strict=True))
    return 2 * len(touched)


def write_images(folder: Path, case: Case) -> None:
    """Write one FOV's chunks; other frames and FOVs are links to them."""
    simulated = simulate_tables(N_FOVS, CELLS_PER_FOV, N_FRAMES)
    write_tables(simulated, folder / "tracks")
    shape = (N_FRAMES, len(CHANNELS), 1, IMAGE_SIZE_PIXELS, IMAGE_SIZE_PIXELS)
    layout = PlateLayout(CHANNELS, ome_version="0.5")
    empty_plate(folder / "plate.zarr", dict.fromkeys(simulated, shape), layout)
    arrays = [folder / "plate.zarr" / name / "0" for name in simulated]
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    for array in arrays:
        file = array / "zarr.json"
        metadata = json.loads(file.read_text())
        grid, codecs = list(case.chunk), [little, case.codec]
        if case.sharded:
            inside = {"chunk_shape": grid, "codecs": codecs}
            inside["index_codecs"] = [little, {"name": "crc32c"}]
            grid, codecs = list(PLANE), [{"name": "sharding_indexed", "configuration": inside}]
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = grid
        metadata["codecs"] = codecs
        file.write_text(json.dumps(metadata))
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{arrays[0]}/"}}
    store = ts.open(spec, open=True).result()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 22, PLANE[3:])
    n_distinct = 1 if case.chunk[0] > 1 else N_DISTINCT
    for first in range(0, n_distinct * case.chunk[0], case.chunk[0]):
        frames = np.stack([simulated_frame(rng, noise, shape[1:]) for _ in range(case.chunk[0])])
        store[first : first + case.chunk[0]].write(frames).result()
    for number in range(n_distinct, -(-N_FRAMES // case.chunk[0])):
        source = arrays[0] / "c" / str(number % n_distinct)
        shutil.copytree(source, arrays[0] / "c" / str(number), copy_function=os.link)
    for array in arrays[1:]:
        shutil.copytree(arrays[0] / "c", array / "c", copy_function=os.link)


def _planning() -> Iterator[Sequence[str]]:
    for n_anchors, world_size in ((100_000, 1), (1_000_000, 1), (1_000_000, 4)):
        n_fovs = n_anchors // 2500
        fov, t = np.divmod(np.arange(n_anchors), 2500)
        anchors = Anchors(fov, t // 50, np.zeros_like(fov), np.zeros_like(fov))
        one = np.ones(n_fovs, dtype=np.int64)
        costs = ReadCosts(one, 4 * one, 4_000_000 * one, 50 * one)
        times = []
        for seed in range(3):
            reading = Reading("near", 0, world_size, 1, MEMORY_BYTES, costs)
            start = time.process_time()
            plan_epoch(anchors, Sizes(BATCH_SIZE, 0, True), reading, np.random.default_rng(seed))
            times.append(time.process_time() - start)
        taken = statistics.median(times)
        yield f"{n_anchors:,}", str(world_size), f"{taken:.2f}", verdict(taken <= 1)
