"""Small studies that are in order, one of whose files is then broken."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.trouble.ways import use
from lineage_triplets import ExperimentConfig, TripletConfig, save_config
from lineage_triplets.simulate.plates import (
    PlateLayout,
    simulate_tables,
    write_plate,
    write_tables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

FOV = "A/1/0"
CHANNELS = ("Phase", "GFP")
SHAPE = (8, 2, 1, 48, 64)
KINDS = ("metadata", "tables", "chunks", "YAML", "decisions")
How = Literal["json", "text", "bytes"]
CONFIG = "config.yml"


@dataclass(frozen=True)
class Sample:
    """A study in a folder of its own.

    Attributes
    ----------
    kind : str
        Of `KINDS`: what is broken in it.
    name : str
    folder : Path
        With `CONFIG` and all that it names.
    files : tuple of str
        Those that may be broken, below the folder.
    how : tuple of str
        In which of the ways of `mutate`.
    """

    kind: str
    name: str
    folder: Path
    files: tuple[str, ...]
    how: tuple[How, ...]


def write_samples(root: Path, *, other_tables: bool = True) -> list[Sample]:
    """Write one of everything; `other_tables` are those that are no CSV of our own columns."""
    samples = [*_stores(root), *_csv(root), *_texts(root), *_decisions(root)]
    return [*samples, *(_other_tables(root) if other_tables else ())]


def cells() -> pd.DataFrame:
    """Some lineages with divisions, in a field of 48 x 64 pixels."""
    return simulate_tables(1, 6, SHAPE[0], shape=SHAPE[3:], cycle_frames=5, seed=1)[FOV]


def write_study(folder: Path, layout: PlateLayout | None = None) -> Path:
    """Write a plate, a table and a config with relative paths; gives the config."""
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(1, 2**12, SHAPE).astype("uint16")
    write_plate(folder / "plate.zarr", {FOV: pixels}, layout or PlateLayout(CHANNELS))
    write_tables({FOV: cells()}, folder / "tracks")
    return write_config(folder)


def write_config(folder: Path) -> Path:
    """Write a config of the plate and the tables in a folder."""
    experiment = ExperimentConfig(
        name="e",
        data_path=str(folder / "plate.zarr"),
        tracks_path=str(folder / "tracks"),
        channel_names=list(CHANNELS),
        source_channel=list(CHANNELS),
        condition_wells={"untreated": ["A/1"]},
    )
    settings = {"yx_patch_size": (16, 16), "seed": 1}
    config = TripletConfig(experiments=[experiment], dataset=settings)
    file = folder / CONFIG
    save_config(config, file)
    # Copies of the folder are to read what lies in them.
    file.write_text(file.read_text().replace(f"{folder}/", ""))
    return file


def _below(folder: Path, *patterns: str) -> tuple[str, ...]:
    found = {file for pattern in patterns for file in folder.rglob(pattern) if file.is_file()}
    return tuple(sorted(str(file.relative_to(folder)) for file in found))


def _stores(root: Path) -> Iterator[Sample]:
    layouts = {
        "0.4, blosc": PlateLayout(CHANNELS),
        "0.5, zstd": PlateLayout(CHANNELS, ome_version="0.5"),
        "0.5, shards": PlateLayout(CHANNELS, ome_version="0.5", chunking="shards"),
    }
    for name, layout in layouts.items():
        folder = root / f"store {name}"
        write_study(folder, layout)
        metadata = _below(folder / "plate.zarr", "*.json", ".z*")
        named = tuple(f"plate.zarr/{file}" for file in metadata)
        yield Sample("metadata", name, folder, named, ("json", "json", "json", "text", "bytes"))
        chunks = set(_below(folder / "plate.zarr", "*")) - set(metadata)
        named = tuple(f"plate.zarr/{file}" for file in sorted(chunks))
        yield Sample("chunks", name, folder, named, ("bytes",))


def _csv(root: Path) -> Iterator[Sample]:
    folder = root / "tables CSV"
    write_study(folder)
    yield _sample_of(folder / "tracks" / FOV, "CSV", ("text", "text", "bytes"))


def _other_tables(root: Path) -> Iterator[Sample]:
    template = root / "tables CSV"

    def study(name: str) -> Path:
        folder = root / f"tables {name}"
        shutil.copytree(template, folder)
        (folder / "tracks" / FOV / "tracks.csv").unlink()
        return folder / "tracks" / FOV

    place = study("Parquet")
    cells().to_parquet(place / "tracks.parquet")
    yield _sample_of(place, "Parquet", ("bytes",))
    for written in ("geff", "trackmate"):
        out = root / f"written {written}"
        _do("tracks", template / CONFIG, "--format", written, "--out", out)
        place = study(written)
        shutil.rmtree(place)
        shutil.copytree(out / "e" / FOV, place)
        yield _sample_of(
            place, written, ("text", "bytes") if written != "geff" else ("json", "bytes")
        )
    # Files that other tools wrote, of ten frames with 64 x 64 pixels.
    data = Path(os.environ.get("LINEAGE_TRIPLETS_DATA", "../shared/data")) / "trackers"
    if not data.is_dir():
        return
    template = root / "template of others"
    template.mkdir()
    pixels = np.random.default_rng(0).integers(1, 2**12, (10, 2, 1, 64, 64)).astype("uint16")
    write_plate(template / "plate.zarr", {FOV: pixels}, PlateLayout(CHANNELS))
    (template / "tracks" / FOV).mkdir(parents=True)
    (template / "tracks" / FOV / "tracks.csv").touch()
    write_config(template)
    for name, sources, how in (
        ("btrack HDF5", ["btrack-0.7.0/2d.h5"], ("bytes",)),
        ("btrack CSV", ["btrack-0.7.0/2d.csv"], ("text", "bytes")),
        ("funtracks CSV", ["funtracks-2.2.0/2d.csv"], ("text", "bytes")),
        ("laptrack", ["laptrack-0.17.1/tracks.csv", "laptrack-0.17.1/splits.csv"], ("text",)),
        ("TrackMate XML", ["trackmate-style-7.14/movie.xml"], ("text", "bytes")),
        ("trackastra", ["trackastra-0.5.6/2d/napari_tracks.csv"], ("text",)),
        ("CTC folder", ["ctc-folder/2d"], ("text", "bytes")),
    ):
        place = study(name)
        for source in sources:
            found = data / source
            if found.is_dir():
                shutil.copytree(found, place, dirs_exist_ok=True)
            else:
                shutil.copy(found, place)
        yield _sample_of(place, name, how)


def _sample_of(place: Path, name: str, how: tuple[How, ...]) -> Sample:
    folder = place.parents[3]
    named = tuple(str(place.relative_to(folder) / file) for file in _below(place, "*", ".z*"))
    return Sample("tables", name, folder, named, how)


def _texts(root: Path) -> Iterator[Sample]:
    folder = root / "yaml"
    config = write_study(folder)
    _decide(config)
    _do("export", config, "--to", folder, "--draft")
    (folder / "draft.yaml").replace(config)
    yield Sample("YAML", "config", folder, (CONFIG,), ("text", "text", "text", "bytes"))


def _do(*arguments: object) -> None:
    said = use(*map(str, arguments))
    if said.outcome != "works":
        raise RuntimeError(f"{arguments}: {said.text}")


def _decide(config: Path) -> None:
    """Decide this and that, and undo the last."""
    table = cells()
    lengths = table.groupby("track_id")["t"].agg(["min", "size"])
    long = lengths.index[lengths["size"] > 2]
    _do("reject", config, "track", f"e_{FOV}_{long[0]}", "--reason", "blurred")
    _do("reject", config, "frame", "e", FOV, 3, "--reason", "dark")
    _do("cut", config, "e", FOV, long[1], "--at", lengths["min"][long[1]] + 1, "--reason", "no")
    _do("accept", config, "lineage", f"e_{FOV}_{long[2]}")
    _do("approve", config, "e")
    _do("place", config, "e", "--as-written")
    _do("seen", config, "e", "--pairs", 3)
    _do("undo", config)


def _decisions(root: Path) -> Iterator[Sample]:
    folder = root / "decisions"
    config = write_study(folder)
    _decide(config)
    named = (f"{CONFIG}.review.db",)
    yield Sample("decisions", "database", folder, named, ("bytes",))
    locked = root / "locked"
    shutil.copytree(folder, locked)
    lock = locked / f"{CONFIG}.review.db.lock"
    lock.write_text(
        '{"host": "elsewhere", "user": "anna", "pid": 4711, "token": "ab12cd34", "since": '
        '"2026-11-30T21:00:00Z", "heartbeat": "2026-11-30T21:00:00Z", "process_start": "77", '
        '"path": "/data/config.yml.review.db.lock"}'
    )
    yield Sample("decisions", "lock", locked, (lock.name,), ("json", "text", "bytes"))
