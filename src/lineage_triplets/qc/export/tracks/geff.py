"""Tracks as GEFF, the graph exchange file format, version 1.1 in zarr 2.

Its arrays are one plain chunk each, which needs no library to write.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.qc.export.tracks.words import overlap_notes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lineage_triplets.qc.export.tracks.mended import FovTracks

NAME = "tracks.geff"
notes = overlap_notes
_LENGTHS = ("z", "y", "x")


def write(tracks: FovTracks, path: Path) -> None:
    """Write one FOV's cells and links into a new folder.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    properties = {
        "t": tracks.t, "z": tracks.z, "y": tracks.y, "x": tracks.x,
        "track_id": tracks.track, "tracklet_id": tracks.tracklets(), "lineage_id": tracks.lineage,
    }  # fmt: skip
    source, target = tracks.links
    edges = np.stack([tracks.cell[source], tracks.cell[target]], axis=1)
    _write_group(path, {"geff": _metadata(tracks, properties)})
    for group in ("nodes", "nodes/props", "edges", "edges/props"):
        _write_group(path / group)
    _write_array(path / "nodes/ids", tracks.cell.astype("<u8"))
    _write_array(path / "edges/ids", edges.astype("<u8"))
    for name, values in properties.items():
        _write_group(path / "nodes/props" / name)
        _write_array(path / "nodes/props" / name / "values", values)


def _metadata(tracks: FovTracks, properties: dict[str, NDArray[Any]]) -> dict[str, Any]:
    axes: list[dict[str, Any]] = [{"name": "t", "type": "time", "unit": "frame"}]
    axes += [{"name": name, "type": "space", "unit": "pixel"} for name in _LENGTHS]
    if len(tracks):
        for axis in axes:
            values = properties[axis["name"]]
            axis |= {"min": float(values.min()), "max": float(values.max())}
    return {
        "geff_version": "1.1",
        "directed": True,
        "axes": axes,
        "node_props_metadata": {
            name: {"identifier": name, "dtype": values.dtype.name, "varlength": False}
            for name, values in properties.items()
        },
        "edge_props_metadata": {},
        "display_hints": {
            "display_horizontal": "x", "display_vertical": "y", "display_depth": "z",
            "display_time": "t",
        },
        "track_node_props": {"tracklet": "tracklet_id", "lineage": "lineage_id"},
    }  # fmt: skip


def _write_group(folder: Path, attributes: dict[str, Any] | None = None) -> None:
    folder.mkdir()
    (folder / ".zgroup").write_text(json.dumps({"zarr_format": 2}), encoding="utf-8")
    if attributes is not None:
        text = json.dumps(attributes, allow_nan=False)
        (folder / ".zattrs").write_text(text, encoding="utf-8")


def _write_array(folder: Path, values: NDArray[Any]) -> None:
    folder.mkdir()
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    about = {
        "zarr_format": 2,
        "shape": values.shape,
        "chunks": [max(size, 1) for size in values.shape],
        "dtype": little.dtype.str,
        "compressor": None,
        "filters": None,
        "fill_value": 0,
        "order": "C",
    }
    (folder / ".zarray").write_text(json.dumps(about), encoding="utf-8")
    if values.size:
        chunk = ".".join("0" * values.ndim)
        (folder / chunk).write_bytes(little.tobytes())
