"""TIFFs into a plate, beside planes from memory through the same writer; and its memory."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from benchmarks.memory import added_mib
from benchmarks.timing import seconds, table
from lineage_triplets.imports import plan_import, run_import

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.table import Table

FRAMES, LONG_FRAMES = 60, 300
SIZE = 2048
ROUNDS = 3


class MemoryPlanes:
    """Planes that are in memory already."""

    def __init__(self, planes: list[np.ndarray]) -> None:
        self._planes = planes

    def read(self, index: tuple[int, ...]) -> np.ndarray:
        """Give the plane of a frame."""
        return self._planes[index[0] % len(self._planes)]

    def close(self) -> None:
        """Nothing is open."""


def tables(folder: Path, *, large: bool = False) -> Iterator[Table]:
    """Compare kinds of TIFF, and short with long movies."""
    del large
    planes = _write(folder)
    sources = {
        "one TIFF": folder / "raw.tif",
        "a folder of TIFFs": folder / "series",
        "one TIFF, zlib": folder / "packed.tif",
    }
    rows = []
    for name, source in sources.items():
        plan = plan_import([source], axes="TYX", interval_minutes=5)
        image = replace(plan.fovs[0].image, open=functools.partial(MemoryPlanes, planes))
        bare = replace(plan, fovs=(replace(plan.fovs[0], image=image),))
        runs = {"bare": bare, "import": plan}
        pairs = [
            tuple(seconds(_run(each, folder / f"{name}{n}{what}")) for what, each in runs.items())
            for n in range(ROUNDS)
        ]
        copy, ours = (float(np.median(times)) for times in zip(*pairs, strict=True))
        ratio = float(np.median([a / b for a, b in pairs]))
        megabytes = plan.n_bytes / 1e6
        rows.append((name, f"{megabytes / copy:,.0f}", f"{megabytes / ours:,.0f}", f"{ratio:.2f}"))
    yield table(
        f"import of {FRAMES} frames of {SIZE} x {SIZE}, uint16",
        ("source", "from memory, MB/s", "import, MB/s", "ratio"),
        iter(rows),
        "medians of turns; the ratio of each turn",
    )
    grown = [(str(n), _mib(added_mib(prepare, folder, n))) for n in (FRAMES, LONG_FRAMES)]
    yield table("memory that an import adds at most", ("frames", "MiB"), iter(grown), "")


def prepare(folder: Path, n_frames: int) -> Callable[[], object]:
    """An import of so many frames, those of the file again and again."""
    plan = plan_import([folder / "raw.tif"], axes="TYX", interval_minutes=5)
    fov = plan.fovs[0]
    frames = tuple(t % FRAMES for t in range(n_frames))
    longer = replace(fov, frames=frames, shape=(n_frames, *fov.shape[1:]))
    return _run(replace(plan, fovs=(longer,)), folder / f"long {n_frames}")


def _run(plan: Any, out: Path) -> Callable[[], object]:
    return functools.partial(run_import, plan, out)


def _mib(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _write(folder: Path) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    noise = rng.normal(400, 20, (SIZE, SIZE)).astype(np.uint16)
    planes = [np.roll(noise, 7 * t, axis=1) for t in range(FRAMES)]
    movie = np.stack(planes)
    tifffile.imwrite(folder / "raw.tif", movie, metadata={"axes": "TYX"})
    packed = {"compression": "zlib", "compressionargs": {"level": 1}}
    tifffile.imwrite(folder / "packed.tif", movie, metadata={"axes": "TYX"}, **packed)
    (folder / "series").mkdir()
    for t, plane in enumerate(planes):
        tifffile.imwrite(folder / "series" / f"t{t:03d}.tif", plane)
    return planes
