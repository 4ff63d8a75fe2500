"""Small OME-Zarr plates with track tables, written for tests: JSON by hand, pixels by zarr-python.

Nothing here touches tensorstore: a test process may write plates and fork afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import zarr
from zarr.codecs import BytesCodec, TransposeCodec

from lineage_triplets import ExperimentConfig, ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.engine import PairSource
from lineage_triplets.engine.reading.patches import PatchReader

if TYPE_CHECKING:
    from pathlib import Path

_UNITS = {"t": "minute", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
_TYPES = {"t": "time", "c": "channel"}


def numbered_pixels(shape: Sequence[int], dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    """Random pixels above 0, so that neither zeros nor a wrong place can pass for them."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 2**8 if dtype == "uint8" else 2**15, size=shape).astype(dtype)


def track_table(*tracks: tuple, y: float = 20.0, x: float = 20.0) -> pd.DataFrame:
    """Rows of tracks given as (track_id, frames, parent_track_id or -1)."""
    rows = [
        (track_id, t, parent[0] if parent else -1, 0.0, y, x)
        for track_id, frames, *parent in tracks
        for t in frames
    ]
    columns = ["track_id", "t", "parent_track_id", "z", "y", "x"]
    return pd.DataFrame(rows, columns=columns)


def write_tables(tracks_path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write ``{tracks_path}/{fov}/tracks.csv``; the FOV "" writes directly in the folder."""
    for fov, table in tables.items():
        folder = tracks_path / fov
        folder.mkdir(parents=True, exist_ok=True)
        table.to_csv(folder / "tracks.csv", index=False)


def _write_json(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def _write_group(folder: Path, version: str, ome: dict[str, Any], other: dict[str, Any]) -> None:
    if version == "0.5":
        attributes = {**({"ome": {"version": "0.5", **ome}} if ome else {}), **other}
        content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        _write_json(folder / "zarr.json", content)
        return
    _write_json(folder / ".zgroup", {"zarr_format": 2})
    if ome or other:
        _write_json(folder / ".zattrs", {**ome, **other})


def write_image(
    folder: Path,
    *,
    shape: Sequence[int] | None = None,
    pixels: np.ndarray | None = None,
    axes: str = "tczyx",
    dtype: str = "uint16",
    channels: Sequence[str] | None = None,
    version: str = "0.4",
    level: str = "0",
    chunks: Sequence[int] | None = None,
    shards: Sequence[int] | None = None,
    index_location: str = "end",
    order: str = "C",
    transposed: Sequence[int] | None = None,
    endian: str = "little",
    key_encoding: tuple[str, str] | None = None,
    normalization: Mapping[str, Any] | None = None,
    pixel_size_um: float = 0.5,
    slice_um: float = 2.0,
    interval_minutes: float = 30.0,
    write_empty_chunks: bool = True,
    compressor: Any = "auto",
) -> None:
    """Write one multiscales group with one level.

    Parameters
    ----------
    shape : sequence of int
        In the order of `axes`; not needed where `pixels` are given.
    pixels : ndarray, optional
        In the order of `axes`; without it no chunk is written.
    axes : str
        One letter an axis, in any case and order.
    channels : sequence of str, optional
        Labels for ``omero``; None leaves ``omero`` out.
    version : {"0.4", "0.5"}
        OME-Zarr version: zarr v2 or v3.
    chunks, shards : sequence of int, optional
        In the order of `axes`; chunks are one plane each by default.
    index_location : {"end", "start"}
        Of the index of shards.
    order : {"C", "F"}
        Of pixels in the chunks of version 0.4.
    transposed : sequence of int, optional
        Axes of the ``transpose`` codec of version 0.5.
    endian : {"little", "big"}
        Of version 0.5; in version 0.4 the dtype says it.
    key_encoding : (str, str), optional
        Name and separator of the names of chunks.
    compressor : optional
        A codec of numcodecs (0.4) or zarr (0.5).
    """
    shape = tuple(pixels.shape if pixels is not None else shape)
    assert len(shape) == len(axes)
    if chunks is None:
        chunks = [n if axis in "yx" else 1 for axis, n in zip(axes.lower(), shape, strict=True)]
    scale = {"t": interval_minutes, "z": slice_um, "y": pixel_size_um, "x": pixel_size_um}
    described = []
    for axis in axes:
        entry = {"name": axis, "type": _TYPES.get(axis.lower(), "space")}
        if axis.lower() in _UNITS:
            entry["unit"] = _UNITS[axis.lower()]
        described.append(entry)
    transform = {"type": "scale", "scale": [scale.get(axis, 1.0) for axis in axes.lower()]}
    multiscale = {
        "axes": described,
        "datasets": [{"path": level, "coordinateTransformations": [transform]}],
    }
    if version == "0.4":
        multiscale["version"] = "0.4"
    ome: dict[str, Any] = {"multiscales": [multiscale]}
    if channels is not None:
        ome["omero"] = {"channels": [{"label": label} for label in channels]}
    _write_group(folder, version, ome, {"normalization": normalization} if normalization else {})
    encoding = key_encoding or ("default" if version == "0.5" else "v2", "/")
    of_version = (
        {
            "filters": [TransposeCodec(order=tuple(transposed))] if transposed else None,
            "serializer": BytesCodec(endian=endian),
        }
        if version == "0.5"
        else {"order": order}
    )
    array = zarr.create_array(
        store=str(folder / level),
        shape=shape,
        chunks=tuple(chunks),
        shards={"shape": tuple(shards), "index_location": index_location} if shards else None,
        dtype=pixels.dtype if pixels is not None else dtype,
        zarr_format=3 if version == "0.5" else 2,
        chunk_key_encoding={
            "name": encoding[0],
            "configuration": {"separator": encoding[1]},
        },
        fill_value=0,
        compressors=compressor,
        config={"write_empty_chunks": write_empty_chunks},
        **of_version,
    )
    if pixels is not None:
        array[...] = pixels


def write_plate(
    path: Path,
    fovs: Sequence[str],
    *,
    version: str = "0.4",
    pixels: Mapping[str, np.ndarray] | None = None,
    normalization: Mapping[str, Mapping[str, Any]] | None = None,
    **image: Any,
) -> None:
    """Write a plate with the given FOVs (``"A/1/0"``); `image` goes to `write_image`.

    `pixels` and `normalization` are by FOV.
    """
    wells: dict[str, list[str]] = {}
    for fov in fovs:
        well, _, field = fov.rpartition("/")
        wells.setdefault(well, []).append(field)
    rows = sorted({well.split("/")[0] for well in wells})
    columns = sorted({well.split("/")[1] for well in wells})
    listed = [
        {
            "path": well,
            "rowIndex": rows.index(well.split("/")[0]),
            "columnIndex": columns.index(well.split("/")[1]),
        }
        for well in wells
    ]
    plate = {
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": listed,
    }
    _write_group(path, version, {"plate": plate}, {})
    for well, fields in wells.items():
        _write_group(path / well.split("/")[0], version, {}, {})
        images = {"well": {"images": [{"path": field} for field in fields]}}
        _write_group(path / well, version, images, {})
    for fov in fovs:
        write_image(
            path / fov,
            version=version,
            pixels=None if pixels is None else pixels[fov],
            normalization=None if normalization is None else normalization.get(fov),
            **image,
        )


def write_collection(
    path: Path,
    names: Sequence[str],
    *,
    version: str = "0.5",
    listed: bool = True,
    pixels: Mapping[str, np.ndarray] | None = None,
    **image: Any,
) -> None:
    """Write images below a root as bioformats2raw does; `image` goes to `write_image`.

    `listed` says whether the group OME lists them; `pixels` are by name.
    """
    _write_group(path, version, {"bioformats2raw.layout": 3}, {})
    if listed:
        _write_group(path / "OME", version, {"series": list(names)}, {})
    for name in names:
        of_name = None if pixels is None else pixels[name]
        write_image(path / name, version=version, pixels=of_name, **image)


def make_experiment(
    root: Path,
    name: str,
    tables: Mapping[str, pd.DataFrame],
    *,
    shape: Sequence[int] = (12, 2, 1, 40, 48),
    channels: Sequence[str] = ("Phase", "GFP"),
    pixels: np.ndarray | Mapping[str, np.ndarray] | None = None,
    fovs: Sequence[str] | None = None,
    omero: bool = True,
    source_channel: Sequence[str] | None = None,
    condition_wells: Mapping[str, Sequence[str]] | None = None,
    single_image: bool = False,
    interval_minutes: float = 30.0,
    normalization: Mapping[str, Mapping[str, Any]] | None = None,
    config: Mapping[str, Any] | None = None,
    **image: Any,
) -> ExperimentConfig:
    """Write ``{root}/{name}.zarr`` and ``{root}/{name}_tracks``, and give the experiment.

    Parameters
    ----------
    tables : dict of str to DataFrame
        FOV (``"A/1/0"``) to its table.
    shape, pixels : optional
        In the order of ``axes`` ("tczyx" by default); pixels for all FOVs or by FOV; none are
        written by default.
    fovs : sequence of str, optional
        FOVs of the plate; those with a table by default.
    omero : bool
        Whether the store names its channels.
    source_channel : sequence of str, optional
        All channels by default.
    condition_wells : dict, optional
        ``{"control": all wells}`` by default.
    single_image : bool
        Write one image and no plate; its table is that of FOV "0/0/0".
    config : dict, optional
        More fields of `ExperimentConfig`.
    image
        ``version, axes, level, chunks, shards, dtype, ...`` of `write_image`.
    """
    names = list(tables) if fovs is None else list(fovs)
    data_path, tracks_path = root / f"{name}.zarr", root / f"{name}_tracks"
    if pixels is not None and not isinstance(pixels, Mapping):
        pixels = dict.fromkeys(names, pixels)
    image |= {"channels": channels if omero else None, "interval_minutes": interval_minutes}
    if pixels is None:
        image["shape"] = shape
    if single_image:
        names, tables = ["0/0/0"], {"": tables["0/0/0"]}
        write_image(
            data_path,
            pixels=None if pixels is None else pixels["0/0/0"],
            normalization=None if normalization is None else normalization["0/0/0"],
            **image,
        )
    else:
        write_plate(data_path, names, pixels=pixels, normalization=normalization, **image)
    write_tables(tracks_path, tables)
    wells = list(dict.fromkeys(fov.rpartition("/")[0] for fov in names))
    return ExperimentConfig(
        name=name,
        data_path=str(data_path),
        tracks_path=str(tracks_path),
        channel_names=list(channels),
        source_channel=list(channels if source_channel is None else source_channel),
        condition_wells=condition_wells or {"control": wells},
        interval_minutes=interval_minutes,
        **(config or {}),
    )


def source_of(index: MultiExperimentIndex, **changes: Any) -> PairSource:
    """Pairs of an index with some settings of the dataset changed."""
    return PairSource(index, index.settings.model_copy(update=changes))


def patch_reader(index: MultiExperimentIndex, **changes: Any) -> PatchReader:
    """Patches of an index with some settings changed; keeps no chunks unless told to."""
    settings = index.settings.model_copy(update={"cache_pool_bytes": 0, **changes})
    return PatchReader(index.fovs, settings)


class Plates:
    """Two experiments, "one" and "two", with the same FOVs, whose tables are written anew at will.

    A frame is an hour, so that tau in hours is tau in frames. There are no pixels.
    """

    fovs = ("A/1/0", "A/1/1", "B/2/0")
    n_frames = 30

    def __init__(self, root: Path) -> None:
        shape = (self.n_frames, 2, 1, 40, 48)
        self.root = root
        self.experiments = {
            name: make_experiment(
                root, name, {}, fovs=self.fovs, shape=shape, interval_minutes=60.0
            )
            for name in ("one", "two")
        }

    def index(
        self, tables: Mapping[tuple[str, str], pd.DataFrame], **arguments: Any
    ) -> MultiExperimentIndex:
        """Index with these tables alone, by experiment and FOV; arguments are the index's."""
        fovs: dict[str, list[str]] = {}
        for (name, fov), table in tables.items():
            fovs.setdefault(name, []).append(fov)
            write_tables(self.root / f"{name}_tracks", {fov: table})
        registry = ExperimentRegistry([self.experiments[name] for name in fovs])
        others = {name: sorted(set(self.fovs) - set(there)) for name, there in fovs.items()}
        settings = {"z_range": 1, "yx_patch_size": (16, 16), "exclude_fovs": others}
        return MultiExperimentIndex(registry, **{**settings, **arguments})
