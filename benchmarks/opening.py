"""Two million rows opened in the widget, again and again, beside parsing them; and the board."""

from __future__ import annotations

import gc
import os
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.data import CHANNELS, FRAMES, IMAGE_SIZE_PIXELS, simulated_frame, write_observations
from benchmarks.desk import Desk, display, own_settings
from benchmarks.timing import table
from benchmarks.widget import Line, resident_mb
from lineage_triplets.simulate.plates import PlateLayout, open_for_writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.table import Table

ROWS, TILES = 2_000_000, 300
ROWS_OF_BOARD = 5_000 * TILES
TIMES_PARSING, FREEZE_MS, MORE_MB, BOARD_MS = 6.0, 100.0, 900.0, 1_000.0
OPENINGS, PARSINGS = 5, 3
_REST_S = 6.0


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Time opening, and the board."""
    del large
    many, study = folder / "observations", folder / "study"
    many.mkdir()
    study.mkdir()
    write_observations(many, ROWS)
    write_observations(study, ROWS_OF_BOARD)
    _write_one_picture(study)
    columns = ("what", "least", "median", "most", "napari", "ours", "asked")
    with display(), own_settings(folder):
        yield table(
            f"Opening: {ROWS:,} observations, {OPENINGS} times in one viewer",
            columns,
            (line.cells() for line in _opening(many)),
            "usable: lineages are listed, the first is chosen, its tree drawn; times parsing: of "
            "pandas.read_csv of the same tables right before, as wall time and as the processor's; "
            "freeze: up to the findings about the tables; memory: what is there then, and at rest "
            "some seconds later, above what an empty viewer has; asked: no more than after two",
        )
        yield table(
            f"Board: {TILES} FOVs, 3 channels of 1024 by 1024 pixels, no pyramid",
            columns,
            (line.cells() for line in _board(study)),
            "drawn: from the press on its tab to tiles with states, counts and cells over time; "
            "pictures: until all thumbnails are there",
        )


def _opening(folder: Path) -> Iterator[Line]:
    desk = Desk()
    alone = _resident(desk)
    walls, cpus, freezes, usable, memory, at_rest = [], [], [], [], [], []
    for _ in range(OPENINGS):
        desk.session.close()
        desk.settle_closed()
        parsing = [_parse(folder) for _ in range(PARSINGS)]
        wall, cpu = (statistics.median(times) for times in zip(*parsing, strict=True))
        opened = desk.open(folder, checked=False)
        usable.append(opened.usable_ms)
        walls.append(opened.usable_ms / 1000 / wall)
        cpus.append(opened.usable_cpu_s / cpu)
        freezes.append(opened.freeze_ms)
        memory.append(_resident(desk) - alone)
        # What long work leaves in the heap is given back once it is over.
        desk.settle_closed(_REST_S)
        at_rest.append(_resident(desk) - alone)
    yield Line("until usable", usable)
    yield Line("until usable", walls, TIMES_PARSING, "times parsing", digits=1)
    yield Line("processor until usable", cpus, None, "times parsing", digits=1)
    yield Line("freeze", freezes, FREEZE_MS)
    yield Line("memory, first opening", memory[:1], MORE_MB, "MB")
    yield Line("memory, openings 2 to 5", memory[1:], None, "MB")
    yield Line("at rest, openings 1 and 2", at_rest[:2], None, "MB")
    yield Line("at rest, openings 3 to 5", at_rest[2:], max(at_rest[:2]), "MB")
    desk.close()


def _board(folder: Path) -> Iterator[Line]:
    desk = Desk()
    desk.open(folder, checked=False)
    drawn, pictures = desk.board()
    yield Line("drawn", [drawn.until_ms], BOARD_MS)
    yield Line("drawn, freeze", [drawn.freeze_ms], FREEZE_MS)
    yield Line("pictures", [pictures.until_ms])
    yield Line("pictures, freeze", [pictures.freeze_ms], FREEZE_MS)
    desk.close()


def _resident(desk: Desk) -> float:
    gc.collect()
    desk.pulse.measure(bool, lambda: True)
    return resident_mb()


def _parse(folder: Path) -> tuple[float, float]:
    """Wall and processor time, in seconds, of parsing all tables."""
    start, cpu = time.perf_counter(), time.process_time()
    for file in sorted((folder / "tracks").rglob("*.csv")):
        pd.read_csv(file)
    return time.perf_counter() - start, time.process_time() - cpu


def _write_one_picture(folder: Path) -> None:
    """Write the middle frame of the first FOV, and link its chunks into all others."""
    plate = folder / "plate.zarr"
    fovs = sorted(file.parent.parent for file in plate.rglob(".zarray"))
    rng = np.random.default_rng(0)
    size = IMAGE_SIZE_PIXELS
    noise = rng.normal(0, 22, (size, size))
    store = open_for_writing(fovs[0], PlateLayout(CHANNELS))
    store[FRAMES // 2].write(simulated_frame(rng, noise, (len(CHANNELS), 1, size, size))).result()
    written = [
        file for file in (fovs[0] / "0").rglob("*") if file.is_file() and file.name != ".zarray"
    ]
    for fov in fovs[1:]:
        for file in written:
            target = fov / "0" / file.relative_to(fovs[0] / "0")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, target)
