"""Trackers' large files: seconds and memory of reading them, a GEFF beside geff's own reader."""

from __future__ import annotations

import functools
import importlib.util
import statistics
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import zarr

from benchmarks.memory import added_mib
from benchmarks.timing import in_turns, table, verdict
from lineage_triplets.engine.tracks.read import read_track_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.table import Table

FRAMES = 100
NODES, SPOTS = 1_000_000, 500_000
TARGET_GEFF_S, TARGET_GEFF_MIB, TARGET_RATIO = 5.0, 1024.0, 3.0
TARGET_XML_S = 20.0
REPEATS = 3
# With all of its analyzers TrackMate writes about so many of them beside those that are read.
OTHER_FEATURES = 40


class Reading(NamedTuple):
    """Medians of reading a file in this process, and what it adds to a fresh one at most."""

    cells: int
    seconds: float
    cpu_seconds: float
    mib: float | None


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Read a GEFF and TrackMate's XML."""
    del large
    graph, xml = folder / "tracks.geff", folder / "tracks.xml"
    write_geff(graph)
    write_trackmate(xml)
    read = {"GEFF": _measured(graph), "TrackMate's XML": _measured(xml)}
    graph_s = read["GEFF"].seconds <= TARGET_GEFF_S
    graph_mib = (read["GEFF"].mib or 0.0) <= TARGET_GEFF_MIB
    reached = {
        "GEFF": (f"≤ {TARGET_GEFF_S:g} s, ≤ {TARGET_GEFF_MIB:g} MiB", graph_s and graph_mib),
        "TrackMate's XML": (
            f"≤ {TARGET_XML_S:g} s",
            read["TrackMate's XML"].seconds <= TARGET_XML_S,
        ),
    }
    yield table(
        "Trackers' files: reading one table",
        ("", "cells", "seconds", "CPU seconds", "MiB added", "figure to reach", ""),
        (
            (
                name, f"{of.cells:,}", f"{of.seconds:.1f}", f"{of.cpu_seconds:.1f}",
                "" if of.mib is None else f"{of.mib:,.0f}", reached[name][0],
                verdict(reached[name][1]),
            )
            for name, of in read.items()
        ),
        f"medians of {REPEATS}; {FRAMES} frames; XML of {xml.stat().st_size / 1e6:,.0f} MB, "
        f"{OTHER_FEATURES} features a spot beside those that are read",
    )  # fmt: skip
    yield _beside_networkx(graph)


def _beside_networkx(graph: Path) -> Table:
    columns = ("", "geff, networkx", "ours", "ratio", "by CPU time", "figure to reach", "")
    title = f"GEFF of {NODES:,} nodes, in turns"
    if importlib.util.find_spec("geff") is None:
        return table(title, columns, iter(()), "not compared: geff is not installed here")
    import geff

    found = in_turns(
        functools.partial(geff.read, graph, backend="networkx"),
        functools.partial(read_track_table, graph),
        budget_s=60,
    )
    row = (
        f"geff {geff.__version__}", f"{found.straightforward_s:.1f} s", f"{found.ours_s:.1f} s",
        f"{found.ratio:.1f}", f"{found.cpu_ratio:.1f}", f"≥ {TARGET_RATIO:g}",
        verdict(found.ratio >= TARGET_RATIO),
    )  # fmt: skip
    return table(title, columns, iter([row]), f"medians of {found.rounds} rounds")


def _measured(path: Path) -> Reading:
    walls, cpus, cells = [], [], 0
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        cells = len(read_track_table(path))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    added = added_mib(prepare, path)
    return Reading(cells, statistics.median(walls), statistics.median(cpus), added)


def prepare(path: Path) -> Callable[[], object]:
    """Reading a table."""
    return functools.partial(read_track_table, path)


def write_geff(path: Path) -> None:
    """Write lineages without divisions, in zarr 2 as geff does."""
    rng = np.random.default_rng(0)
    per_frame = NODES // FRAMES
    ids = np.arange(NODES, dtype=np.uint64)
    properties: dict[str, Any] = {
        "t": np.repeat(np.arange(FRAMES), per_frame),
        "y": rng.uniform(0, 2000, NODES),
        "x": rng.uniform(0, 2000, NODES),
    }
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group["nodes/ids"] = ids
    group["edges/ids"] = np.stack([ids[:-per_frame], ids[per_frame:]], axis=1)
    group.create_group("edges/props")
    for name, values in properties.items():
        group[f"nodes/props/{name}/values"] = values
    group.attrs["geff"] = {
        "geff_version": "1.3.0",
        "directed": True,
        "axes": [{"name": name, "type": "time" if name == "t" else "space"} for name in properties],
        "node_props_metadata": {
            name: {"identifier": name, "dtype": values.dtype.name}
            for name, values in properties.items()
        },
        "edge_props_metadata": {},
    }


def write_trackmate(path: Path) -> None:
    """Write tracks of all frames in TrackMate 7.14's layout, with its dozens of features."""
    per_frame = SPOTS // FRAMES
    others = " ".join(f'FEATURE_CH{n}="{85.1162283120404 + n}"' for n in range(OTHER_FEATURES))
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<TrackMate version="7.14.0">\n'
            f'<Model spatialunits="pixel" timeunits="frame">\n<AllSpots nspots="{SPOTS}">\n'
        )
        for t in range(FRAMES):
            file.write(f'<SpotsInFrame frame="{t}">\n')
            file.writelines(
                f'<Spot ID="{t * per_frame + n}" name="ID{n}" {others} FRAME="{t}" '
                f'POSITION_X="{n * 0.123456789!r}" POSITION_Y="{n * 0.345678!r}" '
                'POSITION_Z="0.0" />\n'
                for n in range(per_frame)
            )
            file.write("</SpotsInFrame>\n")
        file.write("</AllSpots>\n<AllTracks>\n")
        for n in range(per_frame):
            file.write(f'<Track name="Track_{n}" TRACK_ID="{n}" TRACK_INDEX="{n}">\n')
            file.writelines(
                f'<Edge SPOT_SOURCE_ID="{t * per_frame + n}" '
                f'SPOT_TARGET_ID="{(t + 1) * per_frame + n}" LINK_COST="14.222717427353652" '
                'SPEED="3.1690443781153017" EDGE_TIME="59.5" />\n'
                for t in range(FRAMES - 1)
            )
            file.write("</Track>\n")
        file.write("</AllTracks>\n<FilteredTracks>\n")
        file.writelines(f'<TrackID TRACK_ID="{n}" />\n' for n in range(per_frame))
        file.write("</FilteredTracks>\n</Model>\n</TrackMate>\n")
