"""What comparing seeded patches again costs while a dataset is read, and how soon it tells."""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch.utils.data import DataLoader

from benchmarks.data import Chunking, registry_of, write_images
from benchmarks.timing import table, verdict
from lineage_triplets import (
    DatasetConfig,
    MultiExperimentIndex,
    MultiExperimentTripletDataset,
    TripletConfig,
    __version__,
    load_config,
    save_config,
)
from lineage_triplets.engine.dataset.seeded import SHARE, KnownPixels, PixelWatch
from lineage_triplets.engine.dataset.verification import draft_of
from lineage_triplets.engine.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from lineage_triplets import ExperimentConfig

SECONDS = 60.0
N_FLIPS = 5
BATCH_SIZE = 32
PLATE = Chunking("2.4 GB of planes, blosc", (1, 1, 1, 1024, 1024), n_fovs=24, n_distinct=4)
SIMULATED_PATCH, HELA_PATCH = (160, 160), (64, 64)
# A patch may end just after its share is spent.
SLACK = 1.05


class MeasuredWatch(PixelWatch):
    """A watch that notes what it takes."""

    def __init__(self, index: MultiExperimentIndex, known: KnownPixels) -> None:
        super().__init__(index, known)
        # What noting itself takes is counted off.
        self.seconds = self.reading_seconds = self.noting_seconds = 0.0
        self.n_bytes = self.n_compared = 0

    def after_reading(self, seconds: float) -> None:
        """Compare as it would, and note the time."""
        self.reading_seconds += seconds
        begun, noting = time.perf_counter(), self.noting_seconds
        super().after_reading(seconds)
        self.seconds += time.perf_counter() - begun - (self.noting_seconds - noting)

    def _compare(self, number: int) -> None:
        begun, before = time.perf_counter(), _bytes_read()
        self.noting_seconds += time.perf_counter() - begun
        super()._compare(number)
        begun = time.perf_counter()
        self.n_bytes += _bytes_read() - before
        self.n_compared += 1
        self.noting_seconds += time.perf_counter() - begun


class _Cost(NamedTuple):
    """What watching took of a while of reading."""

    of_time: float
    of_bytes: float
    n_compared: int
    round_seconds: float


def tables(folder: Path, *, large: bool) -> Iterator[Table]:  # noqa: ARG001
    """Go through datasets for a while; then change a chunk again and again."""
    yield table(
        f"The pixel watch: {SECONDS:.0f} s of batches of {BATCH_SIZE} anchors in one process",
        ("plate", "of time", "of bytes", "compared", "a round (s)", "told after (s)", ""),
        _rows(folder),
        f"of time and of bytes: what comparing seeded patches takes, of what making batches takes "
        f"in the same run, bytes as read(2) gives them; at most {SHARE:.0%} of time is promised; "
        f"a round: until all patches were compared once; told after: from another frame's chunk "
        f"being put in place of one with a seeded patch, with its times, to the error, median and "
        f"longest of {N_FLIPS}",
    )


def _rows(folder: Path) -> Iterator[Sequence[str]]:
    write_images(folder / "simulated", PLATE)
    (simulated,) = registry_of(folder / "simulated").experiments
    yield _row(PLATE.label, folder, simulated, SIMULATED_PATCH)
    data = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", "../shared/data"))
    if data.is_dir():
        nuclei = load_config(data / "plates" / "nuclei.yml").experiments
        (hela,) = (experiment for experiment in nuclei if experiment.name == "hela")
        copy = shutil.copytree(hela.data_path, folder / "hela.zarr")
        yield _row(
            "HeLa, 20 frames",
            folder,
            hela.model_copy(update={"data_path": str(copy)}),
            HELA_PATCH,
        )


def _row(
    label: str, folder: Path, experiment: ExperimentConfig, patch_size: tuple[int, int]
) -> Sequence[str]:
    config = TripletConfig(
        experiments=[experiment], dataset=DatasetConfig(yx_patch_size=patch_size, seed=0)
    )
    draft = draft_of(config, MultiExperimentIndex.from_config(config), __version__)
    file = folder / f"{experiment.name}.yml"
    save_config(draft, file)
    dataset = MultiExperimentTripletDataset.from_config(file)
    cost = _cost(dataset)
    told = [_seconds_until_told(dataset, number) for number in range(N_FLIPS)]
    return (
        label,
        f"{cost.of_time:.2%}",
        f"{cost.of_bytes:.2%}",
        str(cost.n_compared),
        f"{cost.round_seconds:.0f}",
        f"{statistics.median(told):.0f}, {max(told):.0f}",
        verdict(cost.of_time <= SLACK * SHARE),
    )


def _cost(dataset: MultiExperimentTripletDataset) -> _Cost:
    watch = _watched(dataset)
    before, begun = _bytes_read(), time.perf_counter()
    for _ in _batches(dataset):
        seconds = time.perf_counter() - begun
        if seconds > SECONDS:
            break
    n_bytes = _bytes_read() - before - watch.n_bytes
    return _Cost(
        watch.seconds / watch.reading_seconds,
        watch.n_bytes / n_bytes,
        watch.n_compared,
        seconds / watch.n_compared * len(_known(dataset).rows),
    )


def _seconds_until_told(dataset: MultiExperimentTripletDataset, number: int) -> float:
    """Put another frame's chunk in place of one with a seeded patch; back again in the end."""
    _watched(dataset)
    rows, index = _known(dataset).rows, dataset.index
    row = int(np.random.default_rng(number).choice(rows))
    source, t = index.fovs[int(index.fov_of_row[row])], int(index.observations.t[row])
    place, other = (_frame_folder(source.fov.array_path, at) for at in (t, t - 1 if t else 1))
    batches = _batches(dataset)
    next(batches)
    with _replaced(place, other):
        begun = time.perf_counter()
        try:
            for _ in batches:
                pass
        except VerificationError:
            return time.perf_counter() - begun
    raise AssertionError("the batches came to an end")


def _known(dataset: MultiExperimentTripletDataset) -> KnownPixels:
    if dataset.known_pixels is None:
        raise AssertionError("the draft has no fingerprints")
    return dataset.known_pixels


def _watched(dataset: MultiExperimentTripletDataset) -> MeasuredWatch:
    watch = MeasuredWatch(dataset.index, _known(dataset))
    dataset._pixel_watch = watch  # noqa: SLF001 - in place of the one that it would make
    return watch


def _batches(dataset: MultiExperimentTripletDataset) -> Iterator[Any]:
    """Batches of epochs without an end."""
    loader = DataLoader(dataset, BATCH_SIZE, shuffle=True, collate_fn=_whole_batch)
    for epoch in itertools.count():
        dataset.set_epoch(epoch)
        yield from loader


def _frame_folder(array_path: str, t: int) -> Path:
    """Files of a frame, whether the store is zarr v2 or v3; t is the first axis of both plates."""
    array = Path(array_path)
    return (array / "c" if (array / "c").is_dir() else array) / str(t)


@contextmanager
def _replaced(place: Path, other: Path) -> Iterator[None]:
    """Files of a folder with the content of another's, and the times that they had."""
    aside = place.with_name(f"{place.name}.aside")
    place.rename(aside)
    shutil.copytree(other, place)
    for file in aside.rglob("*"):
        status = file.stat()
        os.utime(place / file.relative_to(aside), ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        yield
    finally:
        shutil.rmtree(place)
        aside.rename(place)


def _bytes_read() -> int:
    """Bytes that this process has read from files, cached by the system or not."""
    (line,) = (
        line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("rchar")
    )
    return int(line.split()[1])


def _whole_batch(batch: Any) -> Any:
    return batch
