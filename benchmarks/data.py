"""Simulated plates and tables that the benchmarks read."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore as ts

from lineage_triplets import ExperimentConfig, ExperimentRegistry
from lineage_triplets.simulate.plates import PlateLayout, empty_plate, simulate_tables, write_tables

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CHANNELS = ("Phase", "GFP", "mCherry")
# Not in the store's order, so that two of three channels are no slice.
SOURCE_CHANNELS = ("mCherry", "Phase")
IMAGE_SIZE_PIXELS = 1024
CELLS_PER_FOV, FRAMES = 50, 100
ROWS_PER_FOV = CELLS_PER_FOV * FRAMES


@dataclass(frozen=True)
class Chunking:
    """How the images of a benchmark are stored.

    Attributes
    ----------
    label : str
    chunk_shape : tuple of int
        (T, C, Z, Y, X)
    n_z, n_fovs, n_frames, cells_per_fov : int
    n_distinct : int or None
        Frames with pixels of their own; the files of the others are links to these. None: all.
    sharded : bool
        Chunks inside one shard a plane (zarr v3); otherwise zarr v2.
    plain_zstd : bool
        Compressed by zstd alone, as zarr does by default; otherwise by blosc. Not of shards.
    dtype : str
        Not of shards.
    size_pixels : int
        Rows and columns of a plane.
    """

    label: str
    chunk_shape: tuple[int, int, int, int, int]
    n_z: int = 1
    n_fovs: int = 4
    n_frames: int = 16
    n_distinct: int | None = None
    sharded: bool = False
    plain_zstd: bool = False
    dtype: str = "uint16"
    cells_per_fov: int = CELLS_PER_FOV
    size_pixels: int = IMAGE_SIZE_PIXELS


def registry_of(folder: Path) -> ExperimentRegistry:
    """Open the one experiment in a folder written by this module."""
    return ExperimentRegistry(
        [
            ExperimentConfig(
                name="simulated",
                data_path=str(folder / "plate.zarr"),
                tracks_path=str(folder / "tracks"),
                channel_names=list(CHANNELS),
                source_channel=list(SOURCE_CHANNELS),
                condition_wells={"untreated": ["A/1"]},
                interval_minutes=30.0,
            )
        ]
    )


def write_observations(folder: Path, n_rows: int, cells_per_fov: int = CELLS_PER_FOV) -> None:
    """Write about `n_rows` observations, of 100 frames, beside a plate that has metadata alone."""
    n_fovs = max(1, round(n_rows / (cells_per_fov * FRAMES)))
    tables = simulate_tables(n_fovs, cells_per_fov, FRAMES)
    write_tables(tables, folder / "tracks")
    shape = (FRAMES, len(CHANNELS), 1, IMAGE_SIZE_PIXELS, IMAGE_SIZE_PIXELS)
    empty_plate(folder / "plate.zarr", dict.fromkeys(tables, shape), PlateLayout(CHANNELS))


def write_images(folder: Path, chunking: Chunking) -> None:
    """Write images that blosc (zstd, bitshuffle) halves if uint16, and tables of their cells."""
    size = chunking.size_pixels
    tables = simulate_tables(
        chunking.n_fovs, chunking.cells_per_fov, chunking.n_frames, shape=(size, size)
    )
    write_tables(tables, folder / "tracks")
    shape = (chunking.n_frames, len(CHANNELS), chunking.n_z, size, size)
    layout = PlateLayout(
        CHANNELS,
        ome_version="0.5" if chunking.sharded else "0.4",
        chunking="shards" if chunking.sharded else "plane",
        dtype=chunking.dtype,
    )
    empty_plate(folder / "plate.zarr", dict.fromkeys(tables, shape), layout)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 22, (size, size))
    for name in tables:
        array = folder / "plate.zarr" / name / "0"
        _set_storage(array, chunking)
        store = ts.open(
            {
                "driver": "zarr3" if chunking.sharded else "zarr",
                "kvstore": {"driver": "file", "path": f"{array}/"},
            },
            open=True,
        ).result()
        n_distinct = min(chunking.n_frames, chunking.n_distinct or chunking.n_frames)
        for t in range(n_distinct):
            frame = simulated_frame(rng, noise, shape[1:], chunking.dtype)
            store[t].write(frame).result()
        frames = array / "c" if chunking.sharded else array
        for t in range(n_distinct, chunking.n_frames):
            shutil.copytree(frames / str(t % n_distinct), frames / str(t), copy_function=os.link)


def simulated_frame(
    rng: np.random.Generator,
    noise: NDArray[np.float64],
    shape: tuple[int, ...],
    dtype: str = "uint16",
) -> NDArray[np.generic]:
    """Smooth waves under noise, (C, Z, Y, X)."""
    y, x = np.ogrid[: shape[2], : shape[3]]
    frame = np.empty(shape, dtype)
    for plane in np.ndindex(shape[:2]):
        phase = rng.uniform(0, 2 * np.pi, 2)
        waves = 1500 * np.sin(x / 60 + phase[0]) * np.cos(y / 47 + phase[1])
        frame[plane] = 2000 + waves + np.roll(noise, rng.integers(shape[2]), axis=0)
    return frame


def _set_storage(array: Path, chunking: Chunking) -> None:
    """Give an array's metadata the chunks and the codec of the benchmark."""
    file = array / ("zarr.json" if chunking.sharded else ".zarray")
    metadata: dict[str, Any] = json.loads(file.read_text())
    if chunking.sharded:
        configuration = metadata["codecs"][0]["configuration"]
        configuration["chunk_shape"] = list(chunking.chunk_shape)
        configuration["codecs"] = [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {
                "name": "blosc",
                "configuration": {
                    "cname": "zstd",
                    "clevel": 1,
                    "shuffle": "bitshuffle",
                    "typesize": 2,
                    "blocksize": 0,
                },
            },
        ]
    else:
        metadata["chunks"] = list(chunking.chunk_shape)
        metadata["compressor"] = {
            "id": "blosc",
            "cname": "zstd",
            "clevel": 1,
            "shuffle": 2,
            "blocksize": 0,
        }
        if chunking.plain_zstd:
            metadata["compressor"] = {"id": "zstd", "level": 1}
    file.write_text(json.dumps(metadata))
