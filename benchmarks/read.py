"""Reading a batch, beside one lazily stacked slice a patch, and beside the decoding alone."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import tensorstore as ts
from numcodecs import blosc

from benchmarks.data import Chunking, registry_of, write_images
from benchmarks.memory import added_mib
from benchmarks.timing import in_turns, table, verdict
from lineage_triplets import MultiExperimentIndex
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.process import usable_cpus
from lineage_triplets.engine.reading import blosc as blosc_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from rich.table import Table

    Int64Array = NDArray[np.int64]

PATCH_SIZE = (160, 160)
BUDGET_S = 4.0
# As many frames as a data set has; a batch seldom meets the same one twice.
PLATE = partial(Chunking, n_fovs=4, n_frames=50, n_distinct=5)
PLANES = PLATE("1024 x 1024", (1, 1, 1, 1024, 1024))
STACKS_OF_5 = PLATE("1024 x 1024 x 5 z", (1, 1, 5, 1024, 1024), n_z=5)
STACKS_OF_15 = PLATE("1024 x 1024 x 15 z", (1, 1, 15, 1024, 1024), n_z=15)
TILES = PLATE("256 x 256", (1, 1, 1, 256, 256))
SHARDS = PLATE("256 x 256 in shards", (1, 1, 1, 256, 256), sharded=True)


class Case(NamedTuple):
    """One row of the table.

    Attributes
    ----------
    chunking : Chunking
    z_range : (int, int)
    n_anchors : int
    target_ratio, target_share : float
        How many times as fast as stacking, and how near to the decoding alone, it shall be.
    dtype : str
        Of the patches.
    """

    chunking: Chunking
    z_range: tuple[int, int]
    n_anchors: int
    target_ratio: float
    target_share: float
    dtype: Literal["float32", "uint16"] = "uint16"


CASES = (
    Case(PLANES, (0, 1), 32, 4.0, 0.7),
    Case(PLANES, (0, 1), 32, 4.0, 0.7, "float32"),
    Case(PLANES, (0, 1), 256, 2.0, 0.7),
    Case(STACKS_OF_5, (2, 3), 32, 20.0, 0.7),
    Case(STACKS_OF_5, (0, 5), 32, 4.0, 0.7),
    Case(STACKS_OF_15, (7, 8), 32, 40.0, 0.7),
    Case(STACKS_OF_15, (0, 15), 32, 4.0, 0.7),
    Case(TILES, (0, 1), 32, 1.1, 0.5),
    Case(TILES, (0, 1), 128, 1.1, 0.5),
    Case(SHARDS, (0, 1), 32, 1.1, 0.5),
    Case(SHARDS, (0, 1), 128, 1.1, 0.5),
)


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Read the same patches in both ways, and decode their blocks from memory, in turns."""
    yield table(
        "A batch: PairSource.read, ts.stack of one slice a patch, and the decoding alone",
        (
            "chunks",
            "z",
            "dtype",
            "anchors",
            "stack",
            "ours",
            "limit",
            "stack / ours",
            "limit / ours",
            "memory: stack",
            "ours",
            "",
        ),
        _rows(folder),
        "ms a batch, medians of turns in one run; as many positives as anchors, 160 x 160 patches "
        "of channels [2, 0] of 3; uint16, blosc-zstd-bitshuffle, 4 FOVs of 50 frames; warm page "
        "cache, no cache of chunks; limit: the touched blocks decoded from memory on all CPUs, and "
        "nothing else; memory: MiB that the first batch adds to the process at most",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    written = ""
    for case in CASES:
        if case.chunking.label != written:
            shutil.rmtree(folder / "images", ignore_errors=True)
            write_images(folder / "images", case.chunking)
            written = case.chunking.label
        yield _row(folder / "images", case)


def _row(images: Path, case: Case) -> Sequence[str]:
    source, rows = _batch(images, case)
    stacked = StackOfSlices(source)
    if not np.array_equal(stacked.read(rows), source.read(rows)):
        raise AssertionError(f"the two ways differ on chunks {case.chunking.label}")
    ours = partial(source.read, rows)
    with _recorded() as containers:
        ours()
    beside_stack = in_turns(partial(stacked.read, rows), ours, budget_s=BUDGET_S)
    beside_limit = in_turns(partial(_decode_all, containers), ours, budget_s=BUDGET_S)
    ratio, share = beside_stack.ratio, beside_limit.ratio
    memory = [added_mib(prepare, images, case) for prepare in (_prepare_stack, _prepare_ours)]
    return (
        case.chunking.label,
        str(case.z_range[1] - case.z_range[0]),
        case.dtype,
        str(case.n_anchors),
        f"{1000 * beside_stack.straightforward_s:,.0f}",
        f"{1000 * beside_stack.ours_s:,.0f}",
        f"{1000 * beside_limit.straightforward_s:,.0f}",
        f"{ratio:.2f} (≥ {case.target_ratio:g})",
        f"{share:.2f} (≥ {case.target_share:g})",
        *("-" if one is None else f"{one:,.0f}" for one in memory),
        verdict(ratio >= case.target_ratio and share >= case.target_share),
    )


def _batch(images: Path, case: Case) -> tuple[PairSource, Int64Array]:
    index = MultiExperimentIndex(registry_of(images), slice(*case.z_range), PATCH_SIZE)
    settings = index.settings.model_copy(update={"dtype": case.dtype, "cache_pool_bytes": 0})
    source = PairSource(index, settings)
    rng = np.random.default_rng(case.n_anchors)
    anchors = rng.choice(index.anchor_rows, case.n_anchors, replace=False)
    pairs = source.draw(anchors, 0, 0)
    return source, np.concatenate([pairs.anchor, pairs.positive])


def _prepare_stack(images: Path, case: Case) -> Callable[[], object]:
    source, rows = _batch(images, case)
    return partial(StackOfSlices(source).read, rows)


def _prepare_ours(images: Path, case: Case) -> Callable[[], object]:
    source, rows = _batch(images, case)
    return partial(source.read, rows)


@contextmanager
def _recorded() -> Iterator[list[bytes]]:
    """Collect all that is handed to blosc."""
    containers: list[bytes] = []

    class Recorder:
        @staticmethod
        def decompress(container: bytes) -> Any:
            containers.append(container)
            return blosc.decompress(container)

    blosc_blocks.blosc = Recorder
    try:
        yield containers
    finally:
        blosc_blocks.blosc = blosc


def _decode_all(containers: Sequence[bytes]) -> None:
    n_threads = usable_cpus()

    def decode(first: int) -> None:
        for container in containers[first::n_threads]:
            blosc.decompress(container)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(decode, range(n_threads)))


class StackOfSlices:
    """The straightforward way: one lazy slice a patch, stacked, read, converted.

    Parameters
    ----------
    source : PairSource
        Whose patches are read.
    context : tensorstore.Context, optional
        Its memory for chunks; none by default.
    """

    def __init__(self, source: PairSource, context: ts.Context | None = None) -> None:
        self._source = source
        self._context = context or ts.Context({"cache_pool": {"total_bytes_limit": 0}})
        self._stores: dict[str, ts.TensorStore] = {}

    def read(self, rows: Int64Array) -> NDArray[np.generic]:
        """Read the patches of some rows."""
        index, reader = self._source.index, self._source.reader
        observations, fov = index.observations.take(rows), index.fov_of_row[rows]
        z, y, x = (corner.tolist() for corner in reader.corners(observations, fov))
        _, depth, height, width = reader.patch_shape
        views = []
        for i, (number, t) in enumerate(zip(fov.tolist(), observations.t.tolist(), strict=True)):
            channels = list(index.fovs[number].channels)
            view = self._store(number)[
                t,
                channels,
                z[i] : z[i] + depth,
                y[i] : y[i] + height,
                x[i] : x[i] + width,
            ]
            views.append(view.translate_to[0])
        patches: NDArray[np.generic] = ts.stack(views).read().result()
        return patches.astype(reader.dtype, copy=False)

    def _store(self, number: int) -> ts.TensorStore:
        fov = self._source.index.fovs[number].fov
        if fov.array_path not in self._stores:
            spec = {
                "driver": "zarr" if fov.zarr_format == 2 else "zarr3",
                "kvstore": {"driver": "file", "path": f"{fov.array_path}/"},
            }
            self._stores[fov.array_path] = ts.open(spec, open=True, context=self._context).result()
        return self._stores[fov.array_path]
