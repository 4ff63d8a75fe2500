"""The tiny movie of `lineages` as tools write it to XML, GEFF and masks, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr

from lineages import BRANCHES, MOVIE, Cell, true_edges

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IDS = {cell.name: 100 + number for number, cell in enumerate(MOVIE)}


def trackmate(
    *,
    unit: str = "micron",
    pixel: float = 0.5,
    spots: Sequence[str] = (),
    tracks: Sequence[str] = (),
    edges: Sequence[tuple[str, str]] = (),
    kept: Sequence[int] | None = (0, 1),
) -> str:
    """TrackMate 7.14's XML: POSITION_T in minutes, FRAME, trees as tracks, those that are kept."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<TrackMate version="7.14.0">',
        "  <Log>Tracked on a Tuesday</Log>",
        f'  <Model spatialunits="{unit}" timeunits="min">',
        '    <AllSpots nspots="10">',
    ]
    for cell in MOVIE:
        place = f'POSITION_X="{cell.x * pixel}" POSITION_Y="{cell.y * pixel}" POSITION_Z="0.0"'
        lines.append(
            f'      <Spot ID="{IDS[cell.name]}" name="{cell.name}" VISIBILITY="1" RADIUS="2.0"'
            f' POSITION_T="{15.0 * cell.t}" FRAME="{cell.t}" {place} />'
        )
    lines += [*spots, "    </AllSpots>", "    <AllTracks>"]
    for tree, branches in enumerate(("acd", "b")):
        lines.append(f'      <Track name="Track_{tree}" TRACK_ID="{tree}" TRACK_INDEX="{tree}">')
        lines += [
            f'        <Edge SPOT_SOURCE_ID="{IDS[before]}" SPOT_TARGET_ID="{IDS[name]}" />'
            for before, name in [*sorted(true_edges()), *edges]
            if name[0] in branches
        ]
        lines.append("      </Track>")
    lines += [*tracks, "    </AllTracks>"]
    if kept is not None:
        lines += ["    <FilteredTracks>", *[f'<TrackID TRACK_ID="{k}" />' for k in kept]]
        lines.append("    </FilteredTracks>")
    lines += [
        "  </Model>",
        f'  <Settings><ImageData pixelwidth="{pixel}" pixelheight="{pixel}" voxeldepth="2.0" />',
        "  </Settings>",
        "</TrackMate>",
    ]
    return "\n".join(lines)


def geff(
    folder: Path,
    *,
    zarr_format: int = 2,
    extra: dict[str, Sequence[Any]] | None = None,
    edges: Sequence[tuple[str, str]] = (),
    rejected: Sequence[tuple[str, str]] = (),
    axes: Sequence[tuple[str, str, str | None]] = (
        ("t", "time", None),
        ("y", "space", None),
        ("x", "space", None),
    ),
    scale: tuple[float, float] = (1.0, 1.0),
    **metadata: Any,
) -> Path:
    """geff 1.3: nodes and edges, a property an array, axes named in the metadata."""
    group = zarr.open_group(str(folder), mode="w", zarr_format=zarr_format)
    told = [{"name": name, "type": kind, "unit": unit} for name, kind, unit in axes]
    group.attrs["geff"] = {"geff_version": "1.3", "directed": True, "axes": told, **metadata}
    links = [*sorted(true_edges()), *edges, *rejected]
    time, y, x = (name for name, _, _ in axes if not name.upper().endswith("Z"))
    values: dict[str, Any] = {
        time: [cell.t * scale[1] for cell in MOVIE],
        y: [cell.y * scale[0] for cell in MOVIE],
        x: [cell.x * scale[0] for cell in MOVIE],
        **(extra or {}),
    }
    group["nodes/ids"] = np.array([IDS[cell.name] for cell in MOVIE], np.uint64)
    group["edges/ids"] = np.array([(IDS[a], IDS[b]) for a, b in links], np.uint64)
    for name, column in values.items():
        key, what = name if isinstance(name, tuple) else (name, "values")
        group[f"nodes/props/{key}/{what}"] = np.array(column)
    if rejected:
        taken = [link not in rejected for link in links]
        group["edges/props/solution/values"] = np.array(taken)
    return folder


def masks_of(cells: Sequence[Cell], *, n_slices: int = 0) -> dict[int, np.ndarray]:
    frames = {t: np.zeros((40, 40), np.uint16) for t in range(4)}
    for cell in cells:
        y, x = round(cell.y), round(cell.x)
        frames[cell.t][y - 1 : y + 2, x - 1 : x + 2] = BRANCHES[cell.branch]
    if n_slices:
        empty = np.zeros((40, 40), np.uint16)
        frames = {t: np.stack([empty, mask, empty]) for t, mask in frames.items()}
    return frames


def ctc(
    folder: Path, *, name: str = "mask{:03d}.tif", first: int = 0, text: str = "", **how: Any
) -> Path:
    """The Cell Tracking Challenge's layout: label, begin, end, parent, a mask a frame."""
    folder.mkdir(parents=True, exist_ok=True)
    spans = "1 0 1 0\n2 0 3 0\n3 2 3 1\n4 2 3 1\n"
    (folder / "res_track.txt").write_text(text or spans, encoding="utf-8")
    for t, mask in masks_of(MOVIE, **how).items():
        file = folder / name.format(t + first)
        tifffile.imwrite(file, mask, compression="lzw", photometric="minisblack")
    return folder
