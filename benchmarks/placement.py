"""Whether tables lie on their images: which planted mistakes are named, and in what time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.timing import in_turns, table, verdict
from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine.tracks.read import read_track_table
from lineage_triplets.qc.find.placement.look import look_at_fov
from lineage_triplets.qc.find.placement.scene import SceneReader
from lineage_triplets.simulate.plates import (
    PlateLayout,
    empty_plate,
    open_for_writing,
    write_tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray
    from rich.table import Table

    from lineage_triplets.engine.index.fovs import FovSource
    from lineage_triplets.engine.tracks.table import TrackTable

BUDGET_S = 6.0
FOV = "A/1/0"


@dataclass(frozen=True)
class Movie:
    """Cells that walk over a noisy ground.

    Attributes
    ----------
    label : str
    size, n_frames, n_cells : int
    width_px, step_px : float
        Standard deviation of a cell's profile, and of its step in y and x.
    seed : int
    most_s : float
        Seconds that a true table may take.
    """

    label: str
    size: int
    n_frames: int
    n_cells: int
    width_px: float
    step_px: float
    seed: int = 0
    most_s: float = 1.0


SMALL = Movie("256 x 256, 40 frames, 25 cells", 256, 40, 25, 4.0, 2.0)
LARGE = Movie("2048 x 2048, 100 frames, 600 cells", 2048, 100, 600, 10.0, 6.0, most_s=3.0)
SPOILS: dict[str, Callable[[TrackTable, int, int], TrackTable]] = {
    "micrometres": lambda rows, *_: replace(rows, y=rows.y * 0.325, x=rows.x * 0.325),
    "swapped": lambda rows, *_: replace(rows, y=rows.x, x=rows.y),
    "offset": lambda rows, *_: replace(rows, y=rows.y - 31, x=rows.x - 23),
    "mirrored": lambda rows, size, _: replace(rows, x=size - 1 - rows.x),
    "turned": lambda rows, size, _: replace(rows, y=size - 1 - rows.y, x=size - 1 - rows.x),
    "frames": lambda rows, *_: replace(rows, t=rows.t + 1),
    "reversed": lambda rows, _, n: replace(rows, t=n - 1 - rows.t),
}


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Make the tables; seeds are the same in every run."""
    del large
    yield table(
        "Does the table lie on the images? True tables",
        ("images", "seconds", "of them reading", "as written", "at most"),
        (_timed(folder / str(number), movie) for number, movie in enumerate((SMALL, LARGE))),
        "Median seconds a FOV, beside reading the same frames whole.",
    )
    yield table(
        "Planted mistakes named with their cause (12 small movies, wide and narrow cells)",
        ("mistake", "named", "another named", "fits", "cannot tell"),
        _named(folder / "named"),
        "The first row is true tables; the last one tables of other movies.",
    )


def _timed(folder: Path, movie: Movie) -> tuple[str, ...]:
    source, rows = write(folder, movie)
    compared = in_turns(
        lambda: SceneReader(source, rows).scene(),
        lambda: look_at_fov(source, rows),
        budget_s=BUDGET_S,
    )
    seconds_taken = compared.ours_s
    found, _ = look_at_fov(source, rows) or (None, None)
    fits = "fits" if found is not None and found.status == "fits" else "accused"
    reached = verdict(seconds_taken <= movie.most_s)
    return (
        movie.label,
        f"{seconds_taken:.2f}",
        f"{compared.straightforward_s:.2f}",
        fits,
        f"{movie.most_s:g} s {reached}",
    )


def _named(folder: Path) -> Iterator[tuple[str, ...]]:
    looked: dict[str, list[tuple[str, str]]] = {}
    others: TrackTable | None = None
    for number in range(12):
        width, step = (2.0, 1.0) if number % 2 else (4.0, 2.5)
        movie = replace(SMALL, width_px=width, step_px=step, seed=number)
        source, rows = write(folder / str(number), movie)
        spoilt = {"": rows} | {
            cause: spoil(rows, movie.size, movie.n_frames) for cause, spoil in SPOILS.items()
        }
        if others is not None:
            spoilt["another movie's"] = others
        others = rows
        for cause, given in spoilt.items():
            found = look_at_fov(source, given)
            assert found is not None
            looked.setdefault(cause, []).append((found[0].status, found[0].cause))
    for cause, verdicts in looked.items():
        statuses = [status for status, _ in verdicts]
        right = sum(named == cause and status == "misfit" for status, named in verdicts)
        yield (
            cause or "true tables",
            f"{right} of {len(verdicts)}" if cause in SPOILS else "",
            str(statuses.count("misfit") - right),
            str(statuses.count("fits")),
            str(statuses.count("cannot-tell") + statuses.count("unknown")),
        )


def write(folder: Path, movie: Movie) -> tuple[FovSource, TrackTable]:
    """Write a movie as a plate of one FOV, with its table."""
    rows = walk(movie)
    write_tables({FOV: rows}, folder / "tracks")
    layout = PlateLayout(("GFP",), pixel_size_um=0.325)
    shape = (movie.n_frames, 1, 1, movie.size, movie.size)
    empty_plate(folder / "plate.zarr", {FOV: shape}, layout)
    store = open_for_writing(folder / "plate.zarr" / FOV, layout)
    rng = np.random.default_rng(movie.seed)
    noise = rng.normal(0, 12, (movie.size, movie.size)).astype(np.float32)
    brightness = rng.uniform(80, 300, movie.n_cells)
    for t, of_frame in rows.groupby("t"):
        store[int(str(t)), 0, 0].write(drawn(movie, of_frame, brightness, noise, rng)).result()
    config = ExperimentConfig(
        name="simulated",
        data_path=str(folder / "plate.zarr"),
        tracks_path=str(folder / "tracks"),
        channel_names=["GFP"],
        source_channel=["GFP"],
        condition_wells={"untreated": ["A/1"]},
    )
    index = MultiExperimentIndex(ExperimentRegistry([config]), z_range=1, yx_patch_size=(16, 16))
    return index.fovs[0], read_track_table(index.fovs[0].table)


def walk(movie: Movie) -> pd.DataFrame:
    """Cells that start apart and walk at random, each with a drift of its own."""
    import pandas as pd

    rng = np.random.default_rng([1, movie.seed])
    margin = int(3 * movie.width_px) + 1
    at = rng.uniform(margin, movie.size - 1 - margin, (movie.n_cells, 2))
    drift = rng.normal(0, movie.step_px / 2, at.shape)
    frames = []
    for t in range(movie.n_frames):
        frames.append(
            pd.DataFrame(
                {
                    "track_id": np.arange(1, movie.n_cells + 1),
                    "t": t,
                    "parent_track_id": -1,
                    "y": at[:, 0],
                    "x": at[:, 1],
                }
            )
        )
        at = at + drift + rng.normal(0, movie.step_px, at.shape)
        outside = (at < margin) | (at > movie.size - 1 - margin)
        drift = np.where(outside, -drift, drift)
        at = np.clip(at, margin, movie.size - 1 - margin)
    return pd.concat(frames, ignore_index=True)


def drawn(
    movie: Movie,
    rows: pd.DataFrame,
    brightness: NDArray[np.float64],
    noise: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """One frame: round cells on noise, which is rolled and not made anew."""
    image = np.float32(200) + np.roll(noise, rng.integers(0, movie.size, 2), axis=(0, 1))
    reach = int(3 * movie.width_px)
    grid = np.arange(-reach, reach + 1)
    for track, y, x in rows[["track_id", "y", "x"]].itertuples(index=False):
        row, column = round(y), round(x)
        down, across = (
            np.exp(-((grid + middle - place) ** 2) / (2 * movie.width_px**2))
            for middle, place in ((row, y), (column, x))
        )
        box = slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1)
        image[box] += brightness[int(track) - 1] * np.outer(down, across)
    pixels: NDArray[np.uint16] = np.clip(image, 0, 65535).astype(np.uint16)
    return pixels
