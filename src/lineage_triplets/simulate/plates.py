"""What a simulation writes: OME-Zarr plates from scratch, and track tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tensorstore as ts

from lineage_triplets.engine.errors import ConfigError, Problem
from lineage_triplets.engine.process import note_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lineage_triplets.engine.arrays import Float64Array, Int64Array
    from lineage_triplets.simulate.scenario import Chunking, OmeVersion

_TILE = 256
_AXES = (
    {"name": "t", "type": "time", "unit": "minute"},
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
)
_COLORS = ("FFFFFF", "00FF00", "FF00FF", "00FFFF", "FFFF00")


@dataclass(frozen=True)
class PlateLayout:
    """How a plate's images are stored.

    Attributes
    ----------
    channel_names : tuple of str
        Labels, in the store's order.
    pixel_size_um, z_step_um, interval_minutes : float
        The scale in the metadata.
    ome_version : {"0.4", "0.5"}
    chunking : {"plane", "stack", "tiles", "shards"}
        As in `SimulatedExperiment`.
    dtype : str
        Such as ``"uint16"``.
    """

    channel_names: tuple[str, ...]
    pixel_size_um: float = 0.5
    z_step_um: float = 2.0
    interval_minutes: float = 30.0
    ome_version: OmeVersion = "0.4"
    chunking: Chunking = "plane"
    dtype: str = "uint16"


def empty_plate(path: str | Path, shapes: Mapping[str, Sequence[int]], layout: PlateLayout) -> None:
    """Write a plate's metadata and no chunk; every pixel reads as 0.

    Parameters
    ----------
    path : path
        The plate's folder.
    shapes : dict of str to (T, C, Z, Y, X)
        FOV name (``"A/1/0"``) to its image's shape.
    layout : PlateLayout

    Raises
    ------
    ConfigError
        A FOV's name has not three parts, or a shape does not fit the channels.
    """
    plate = Path(path)
    images: dict[str, list[str]] = {}
    for fov, shape in shapes.items():
        if fov.count("/") != 2 or len(shape) != 5 or shape[1] != len(layout.channel_names):
            raise ConfigError(
                Problem(
                    "bad-simulation",
                    f"shape {tuple(shape)} with the channels {list(layout.channel_names)}.",
                    "A FOV is named like A/1/0; its shape is (T, C, Z, Y, X), C one a channel.",
                    fov=fov,
                    file=str(plate),
                )
            )
        well, _, name = fov.rpartition("/")
        images.setdefault(well, []).append(name)
    _write_group(plate, {"plate": _plate(images, layout)}, layout)
    for well, names in images.items():
        _write_group(plate / Path(well).parts[0], {}, layout)
        listed = [{"path": name} for name in names]
        _write_group(plate / well, {"well": {"images": listed, **_version(layout)}}, layout)
    for fov, shape in shapes.items():
        _write_group(plate / fov, _image(fov, layout), layout)
        _write_array(plate / fov / "0", [int(size) for size in shape], layout)


def write_plate(path: str | Path, images: Mapping[str, np.ndarray], layout: PlateLayout) -> None:
    """Write a plate with the given images, FOV name to array (T, C, Z, Y, X)."""
    empty_plate(path, {fov: image.shape for fov, image in images.items()}, layout)
    for fov, image in images.items():
        store = open_for_writing(Path(path) / fov, layout)
        for t, frame in enumerate(image):
            store[t].write(frame).result()


def open_for_writing(fov_path: str | Path, layout: PlateLayout) -> Any:
    """The full-resolution image of a FOV as a tensorstore handle; chunks of zeros are written."""
    note_read()
    return ts.open(
        {
            "driver": "zarr" if layout.ome_version == "0.4" else "zarr3",
            "kvstore": {"driver": "file", "path": f"{Path(fov_path) / '0'}/"},
            "store_data_equal_to_fill_value": True,
        },
        open=True,
    ).result()


def add_normalization(
    fov_path: str | Path, statistics: Mapping[str, Any], ome_version: OmeVersion
) -> None:
    """Put ``normalization`` statistics into a FOV's attributes."""
    if ome_version == "0.4":
        file = Path(fov_path) / ".zattrs"
        attributes = json.loads(file.read_text())
        attributes["normalization"] = statistics
        _write_json(file, attributes)
    else:
        file = Path(fov_path) / "zarr.json"
        group = json.loads(file.read_text())
        group["attributes"]["normalization"] = statistics
        _write_json(file, group)


def _version(layout: PlateLayout) -> dict[str, str]:
    """The version that 0.4 repeats in every object, and 0.5 says once, beside them."""
    return {"version": "0.4"} if layout.ome_version == "0.4" else {}


def _plate(images: Mapping[str, list[str]], layout: PlateLayout) -> dict[str, Any]:
    rows = sorted({well.split("/")[0] for well in images}, key=lambda row: (len(row), row))
    columns = sorted(
        {well.split("/")[1] for well in images}, key=lambda column: (len(column), column)
    )
    return {
        "name": "simulated",
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {
                "path": well,
                "rowIndex": rows.index(well.split("/")[0]),
                "columnIndex": columns.index(well.split("/")[1]),
            }
            for well in images
        ],
        "field_count": max(map(len, images.values()), default=0),
        **_version(layout),
    }


def _image(fov: str, layout: PlateLayout) -> dict[str, Any]:
    pixel = layout.pixel_size_um
    scale = [layout.interval_minutes, 1.0, layout.z_step_um, pixel, pixel]
    multiscale = {
        "name": fov,
        "axes": list(_AXES),
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
        **_version(layout),
    }
    top = float(np.iinfo(layout.dtype).max) if np.dtype(layout.dtype).kind in "ui" else 1.0
    channels = [
        {
            "label": label,
            "color": _COLORS[number % len(_COLORS)],
            "active": True,
            "window": {"min": 0.0, "max": top, "start": 0.0, "end": min(top, 4095.0)},
        }
        for number, label in enumerate(layout.channel_names)
    ]
    return {
        "multiscales": [multiscale],
        "omero": {"channels": channels, **_version(layout)},
    }


def _write_group(folder: Path, metadata: dict[str, Any], layout: PlateLayout) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if layout.ome_version == "0.4":
        _write_json(folder / ".zgroup", {"zarr_format": 2})
        if metadata:
            _write_json(folder / ".zattrs", metadata)
        return
    ome = {"ome": {"version": "0.5", **metadata}} if metadata else {}
    _write_json(folder / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": ome})


def _write_array(folder: Path, shape: list[int], layout: PlateLayout) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chunks, shards = _chunks(shape, layout.chunking)
    dtype = np.dtype(layout.dtype)
    if layout.ome_version == "0.4":
        _write_json(
            folder / ".zarray",
            {
                "zarr_format": 2,
                "shape": shape,
                "chunks": chunks,
                "dtype": dtype.newbyteorder("<").str,
                "compressor": {
                    "id": "blosc",
                    "cname": "zstd",
                    "clevel": 1,
                    "shuffle": 2,
                    "blocksize": 0,
                },
                "fill_value": 0,
                "order": "C",
                "filters": None,
                "dimension_separator": "/",
            },
        )
        return
    codecs: list[dict[str, Any]] = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "zstd", "configuration": {"level": 1, "checksum": False}},
    ]
    if shards:
        index = [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "crc32c"},
        ]
        configuration = {
            "chunk_shape": chunks,
            "codecs": codecs,
            "index_codecs": index,
            "index_location": "end",
        }
        codecs = [{"name": "sharding_indexed", "configuration": configuration}]
    _write_json(
        folder / "zarr.json",
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": dtype.name,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": shards or chunks},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": codecs,
            "attributes": {},
            "dimension_names": [axis["name"] for axis in _AXES],
        },
    )


def _chunks(shape: list[int], chunking: Chunking) -> tuple[list[int], list[int]]:
    """Chunk and shard shapes; no shard is an empty list."""
    z, y, x = shape[2:]
    if chunking == "plane":
        return [1, 1, 1, y, x], []
    if chunking == "stack":
        return [1, 1, z, y, x], []
    whole = [-(-size // _TILE) * _TILE for size in (y, x)]
    return [1, 1, 1, _TILE, _TILE], [1, 1, z, *whole] if chunking == "shards" else []


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


COLUMNS = ("track_id", "t", "id", "parent_track_id", "parent_id", "z", "y", "x")
_IDS_A_FRAME = 1_000_000


def number_and_link(table: pd.DataFrame) -> pd.DataFrame:
    """Give every observation an ``id`` and the ``parent_id`` that its track's links imply.

    Parameters
    ----------
    table : DataFrame
        With ``track_id, t, parent_track_id, z, y, x``; each track has one parent, -1 for none.

    Returns
    -------
    DataFrame
        With `COLUMNS`, sorted by track and frame, coordinates to a thousandth of a pixel.
    """
    table = table.sort_values(["t", "track_id"], kind="stable", ignore_index=True)
    within = table.groupby("t").cumcount()
    table["id"] = (table["t"] + 1) * _IDS_A_FRAME + within + 1
    return link(table)


def link(table: pd.DataFrame) -> pd.DataFrame:
    """Set ``parent_id`` from the rows' ``id``, and bring the table into its written form."""
    table = table.sort_values(["track_id", "t"], kind="stable", ignore_index=True)
    track, ids = table["track_id"].to_numpy(), table["id"].to_numpy()
    first = np.ones(len(table), dtype=bool)
    first[1:] = track[1:] != track[:-1]
    parent_id = np.full(len(table), -1, dtype=np.int64)
    parent_id[1:] = ids[:-1]
    last = np.flatnonzero(np.append(first[1:], True)) if len(table) else np.empty(0, np.int64)
    parent = table["parent_track_id"].to_numpy()[first]
    parent_id[first] = _values_of(track[last], ids[last], parent)
    table["parent_id"] = parent_id
    table = table.astype(dict.fromkeys(COLUMNS[:5], "int64") | dict.fromkeys(COLUMNS[5:], float))
    table[["z", "y", "x"]] = table[["z", "y", "x"]].round(3)
    return table[list(COLUMNS)]


def _values_of(keys: Int64Array, values: Int64Array, wanted: Int64Array) -> Int64Array:
    """Values of the wanted ones among sorted keys, -1 for those that are not there."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.clip(np.searchsorted(keys, wanted), 0, len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], -1)


def write_tables(tables: Mapping[str, pd.DataFrame], tracks_path: str | Path) -> None:
    """Write ``{tracks_path}/{row}/{col}/{fov}/tracks.csv`` for FOVs named ``"A/1/0"``."""
    for fov, table in tables.items():
        folder = Path(tracks_path) / fov
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "tracks.csv", index=False, lineterminator="\n")


def simulate_tables(
    n_fovs: int = 200,
    cells_per_fov: int = 50,
    n_frames: int = 100,
    *,
    shape: tuple[int, int] = (1024, 1024),
    cycle_frames: float = 60.0,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """True lineages without pixels, fast: about n_fovs x cells_per_fov x n_frames observations.

    Cells walk at random; half of the tracks end in a division, so that their number stays about
    the same.

    Parameters
    ----------
    n_fovs, cells_per_fov, n_frames : int
    shape : (int, int)
        Rows and columns of the field, in pixels.
    cycle_frames : float
        Mean length of a track that nothing cuts short, in frames.
    seed : int

    Returns
    -------
    dict of str to DataFrame
        FOV name (``"A/1/0"``: two FOVs a well, 12 wells a row) to its table.
    """
    rng = np.random.default_rng(seed)
    fov = np.repeat(np.arange(n_fovs), cells_per_fov)
    start = np.zeros(len(fov), dtype=np.int64)
    parent = np.full(len(fov), -1, dtype=np.int64)
    place = rng.uniform(0, 1, (len(fov), 2)) * shape
    spent = rng.uniform(0, 1, len(fov))
    first_track, rows = 0, []
    while len(fov):
        full = cycle_frames * np.exp(rng.normal(0, 0.2, len(fov))) * (1 - spent)
        length = np.clip(np.round(full), 1, n_frames - start).astype(np.int64)
        track = first_track + np.arange(len(fov))
        of = np.repeat(np.arange(len(fov)), length)
        begins = np.cumsum(length) - length
        step = rng.normal(0, 3.0, (len(of), 2))
        step[begins] += place
        walk = np.cumsum(step, axis=0)
        walk -= np.repeat(walk[begins] - step[begins], length, axis=0)
        t = start[of] + np.arange(len(of)) - begins[of]
        rows.append((fov[of], track[of], parent[of], t, _folded(walk, shape)))
        divides = (start + length < n_frames) & (rng.uniform(0, 1, len(fov)) < 0.5)
        mothers = np.repeat(np.flatnonzero(divides), 2)
        place = walk[(begins + length - 1)[mothers]]
        place += np.tile([[6.0, 0.0], [-6.0, 0.0]], (int(divides.sum()), 1))
        first_track += len(fov)
        fov, start, parent = fov[mothers], (start + length)[mothers], track[mothers]
        spent = np.zeros(len(mothers))
    fov, track, parent, t, place = (np.concatenate(column) for column in zip(*rows, strict=True))
    return _by_fov(fov, track, parent, t, place, n_fovs)


def _folded(walk: Float64Array, shape: tuple[int, int]) -> Float64Array:
    """Positions that walls have turned back into the field."""
    high = np.array(shape) - 1.0
    inside: Float64Array = high - np.abs(np.mod(walk, 2 * high) - high)
    return inside


def _by_fov(
    fov: Int64Array,
    track: Int64Array,
    parent: Int64Array,
    t: Int64Array,
    place: Float64Array,
    n_fovs: int,
) -> dict[str, pd.DataFrame]:
    # Tracks are numbered from 1 in each FOV, so that all FOVs share their numbers.
    fov_of = np.zeros(track.max(initial=-1) + 1, dtype=np.int64)
    fov_of[track] = fov
    order = np.argsort(fov_of, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order)) - np.searchsorted(fov_of[order], fov_of[order]) + 1
    everything = pd.DataFrame(
        {
            "track_id": number[track],
            "t": t,
            "parent_track_id": np.where(parent >= 0, number[parent], -1),
            "z": 0.0,
            "y": place[:, 0],
            "x": place[:, 1],
        }
    )
    by_fov = np.argsort(fov, kind="stable")
    bounds = np.searchsorted(fov[by_fov], np.arange(n_fovs + 1))
    return {
        _fov_name(number): number_and_link(
            everything.iloc[by_fov[bounds[number] : bounds[number + 1]]]
        )
        for number in range(n_fovs)
    }


def _fov_name(number: int) -> str:
    well, field = divmod(number, 2)
    row, column = divmod(well, 12)
    letters = chr(ord("A") + row % 26)
    if row >= 26:
        letters = chr(ord("A") + row // 26 - 1) + letters
    return f"{letters}/{column + 1}/{field}"
