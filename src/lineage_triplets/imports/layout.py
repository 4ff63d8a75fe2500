"""The plate that is written: its groups of JSON, and how its arrays are chunked and packed.

OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5/) in zarr v3; axes t, c, z, y, x.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lineage_triplets.imports.plan import ImportPlan, PlannedFov

_TILE = 256
_WHOLE_PLANE = 512
_COLORS = ("FFFFFF", "00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")
_SIZES = {"z": 0, "y": 1, "x": 2}


def array_spec(folder: Path, fov: PlannedFov) -> dict[str, Any]:
    """Tensorstore's specification of a FOV's array.

    A file is a plane: one chunk where it is small, a shard of tiles where it is not. Blosc's blocks
    are what `lineage_triplets.engine.reading` decodes by themselves.
    """
    rows, columns = fov.shape[3:]
    packing = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {
            "name": "blosc",
            "configuration": {
                "cname": "zstd",
                "clevel": 1,
                "shuffle": "bitshuffle",
                "typesize": fov.image.dtype.itemsize,
                "blocksize": 0,
            },
        },
    ]
    file_shape, codecs = [1, 1, 1, rows, columns], packing
    if max(rows, columns) > _WHOLE_PLANE:
        file_shape = [1, 1, 1, *(-(-size // _TILE) * _TILE for size in (rows, columns))]
        index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
        sharding = {
            "chunk_shape": [1, 1, 1, _TILE, _TILE],
            "codecs": packing,
            "index_codecs": index,
            "index_location": "end",
        }
        codecs = [{"name": "sharding_indexed", "configuration": sharding}]
    return {
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": f"{folder}/"},
        # What is black is there: an absent chunk is a plane that nobody has.
        "store_data_equal_to_fill_value": True,
        "metadata": {
            "shape": list(fov.shape),
            "data_type": fov.image.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": file_shape}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": codecs,
            "dimension_names": ["t", "c", "z", "y", "x"],
        },
    }


def write_groups(
    plate: Path,
    plan: ImportPlan,
    windows: Mapping[int, tuple[float, float]],
    provenance: Mapping[str, Any],
) -> None:
    """Write the JSON of the plate, its rows, wells and images.

    Parameters
    ----------
    plate : Path
    plan : ImportPlan
    windows : dict of int to (float, float)
        Darkest and brightest pixel of each channel, for viewers.
    provenance : dict
        What the plate was made from.
    """
    wells: dict[str, list[str]] = {}
    for fov in plan.fovs:
        well, _, field = fov.name.rpartition("/")
        wells.setdefault(well, []).append(field)
    _write_group(plate, {"plate": _plate(wells)}, {"lineage_triplets_import": provenance})
    for well, fields in wells.items():
        _write_group(plate / well.split("/")[0], {}, {})
        images = [{"path": field} for field in fields]
        _write_group(plate / well, {"well": {"images": images}}, {})
    for fov in plan.fovs:
        _write_group(plate / fov.name, _image(fov, plan, windows), fov.image.attributes)


def _plate(wells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    rows, columns = (
        sorted({well.split("/")[at] for well in wells}, key=lambda name: (len(name), name))
        for at in (0, 1)
    )
    return {
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {
                "path": well,
                "rowIndex": rows.index(well.split("/")[0]),
                "columnIndex": columns.index(well.split("/")[1]),
            }
            for well in wells
        ],
        "field_count": max(map(len, wells.values())),
    }


def _image(
    fov: PlannedFov, plan: ImportPlan, windows: Mapping[int, tuple[float, float]]
) -> dict[str, Any]:
    """The image's metadata; an axis whose scale nobody knows has no unit."""
    axes: list[dict[str, str]] = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    scale = [plan.interval_minutes or 1.0, 1.0]
    if plan.interval_minutes:
        axes[0]["unit"] = "minute"
    for axis, at in _SIZES.items():
        size = plan.pixel_size_um[at]
        axes.append({"name": axis, "type": "space", **({"unit": "micrometer"} if size else {})})
        scale.append(size or 1.0)
    multiscale = {
        "name": fov.name,
        "axes": axes,
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
    }
    channels = []
    for number, label in enumerate(plan.channel_names):
        low, high = windows.get(number, (0.0, 1.0))
        channel = {
            "color": _COLORS[number % len(_COLORS)],
            "active": True,
            "window": {"min": low, "max": high, "start": low, "end": high},
        }
        channels.append(channel | ({} if label is None else {"label": label}))
    return {"multiscales": [multiscale], "omero": {"channels": channels}}


def _write_group(folder: Path, ome: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    attributes = {**({"ome": {"version": "0.5", **ome}} if ome else {}), **other}
    content = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / "zarr.json").write_text(text, encoding="utf-8")
