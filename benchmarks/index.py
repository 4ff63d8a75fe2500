"""Time and memory of building an index, beside masks over the table for every track."""

from __future__ import annotations

import json
import logging
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.data import registry_of, write_observations
from benchmarks.timing import table, verdict
from lineage_triplets import MultiExperimentIndex
from lineage_triplets.engine import PairSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    Row = tuple[str, ...]

PATCH_SIZE = (160, 160)
TARGET_S, TARGET_BYTES = 2.5, 1.5e9
ROWS = 1_000_000
STRAIGHTFORWARD_ROWS = (10_000, 40_000)
REPEATS = 3


class Build(NamedTuple):
    """One construction in a fresh process; seconds, and bytes of resident memory at the peak."""

    rows: int
    anchors: int
    registry_s: float
    index_s: float
    tracks_s: float
    valid_anchors_s: float
    pair_source_s: float
    peak_bytes: int
    peak_bytes_with_tables: int

    @property
    def construction_s(self) -> float:
        """What the figure to reach is about."""
        return self.registry_s + self.index_s


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Build, in fresh processes, at several sizes."""
    sizes = [ROWS // 10, ROWS, *([10 * ROWS] if large else [])]
    builds = {}
    for size in sizes:
        write_observations(folder / str(size), size)
        builds[size] = [_in_fresh_process(folder / str(size)) for _ in range(REPEATS)]
    yield table(
        "Index: construction in a fresh process, imports not counted",
        ("", "median", "lowest", "highest", "figure to reach", ""),
        _construction_rows(builds[ROWS]),
        f"{builds[ROWS][0].rows:,} observations in 200 FOVs, {builds[ROWS][0].anchors:,} valid "
        f"anchors; {REPEATS} processes, warm page cache",
    )
    yield table(
        "Index: linear in rows",
        ("observations", "seconds", "seconds per million", "peak GB"),
        _linearity_rows(builds),
        "medians; 5,000 observations a FOV; registry + index",
    )
    slow = {}
    for size in STRAIGHTFORWARD_ROWS:
        write_observations(folder / str(size), size)
        ours = [_in_fresh_process(folder / str(size)) for _ in range(REPEATS)]
        start = time.perf_counter()
        if straightforward(folder / str(size)) != ours[0].anchors:
            raise AssertionError(f"the two ways differ on {size} observations")
        taken = time.perf_counter() - start
        slow[ours[0].rows] = taken, statistics.median(one.construction_s for one in ours)
    yield table(
        "Index: beside a mask over the table for every track",
        ("observations", "mask a track", "ours", "ratio"),
        _straightforward_rows(slow, builds[ROWS]),
        "extrapolated: a n + b n² through the two measured sizes",
    )


def _construction_rows(builds: list[Build]) -> Iterator[Sequence[str]]:
    def row(name: str, values: list[float], unit: str, target: float | None = None) -> Row:
        middle = statistics.median(values)
        figures = [f"{value:.2f} {unit}" for value in (middle, min(values), max(values))]
        if target is None:
            return (name, *figures, "", "")
        return (name, *figures, f"≤ {target:.1f} {unit}", verdict(middle <= target))

    yield row("registry + index", [one.construction_s for one in builds], "s", TARGET_S)
    peaks = [one.peak_bytes / 1e9 for one in builds]
    yield row("peak resident memory", peaks, "GB", TARGET_BYTES / 1e9)
    yield row("then .tracks", [one.tracks_s for one in builds], "s")
    yield row("then .valid_anchors", [one.valid_anchors_s for one in builds], "s")
    yield row("peak with both tables", [one.peak_bytes_with_tables / 1e9 for one in builds], "GB")
    yield row("then PairSource", [one.pair_source_s for one in builds], "s")


def _linearity_rows(builds: dict[int, list[Build]]) -> Iterator[Sequence[str]]:
    for several in builds.values():
        rows = several[0].rows
        taken = statistics.median(one.construction_s for one in several)
        peak = statistics.median(one.peak_bytes for one in several)
        yield f"{rows:,}", f"{taken:.2f}", f"{taken / rows * 1e6:.2f}", f"{peak / 1e9:.2f}"


def _straightforward_rows(
    slow: dict[int, tuple[float, float]], builds: list[Build]
) -> Iterator[Sequence[str]]:
    for size, (theirs, ours) in slow.items():
        yield f"{size:,}", f"{theirs:.2f} s", f"{ours:.3f} s", f"{theirs / ours:.0f}"
    (small, (first, _)), (big, (second, _)) = slow.items()
    quadratic = (second / big - first / small) / (big - small)
    linear = first / small - quadratic * small
    theirs = linear * ROWS + quadratic * ROWS**2
    ours = statistics.median(one.construction_s for one in builds)
    yield (
        f"{ROWS:,}",
        f"{theirs:,.0f} s (extrapolated)",
        f"{ours:.3f} s",
        f"{theirs / ours:,.0f} (extrapolated)",
    )


def straightforward(folder: Path) -> int:
    """Count valid anchors with one mask over the whole table a track, and a loop over rows."""
    parts = []
    for file in sorted((folder / "tracks").glob("*/*/*/tracks.csv")):
        part = pd.read_csv(file)
        part["fov_name"] = "/".join(file.parts[-4:-1])
        parts.append(part)
    rows = pd.concat(parts, ignore_index=True)
    prefix = "simulated_" + rows["fov_name"] + "_"
    rows["global_track_id"] = prefix + rows["track_id"].astype(str)
    rows["parent"] = prefix + rows["parent_track_id"].astype(str)
    parent_of = {}
    for track in rows["global_track_id"].unique():
        parent_of[track] = rows.loc[rows["global_track_id"] == track, "parent"].iloc[0]
    rows["lineage_id"] = ""
    for track in parent_of:
        root = track
        while parent_of[root] in parent_of:
            root = parent_of[root]
        rows.loc[rows["global_track_id"] == track, "lineage_id"] = root
    there = set()
    for _, row in rows.iterrows():
        there.add((row["lineage_id"], row["t"]))
    return sum(
        any((row["lineage_id"], row["t"] + tau) in there for tau in range(1, 5))
        for _, row in rows.iterrows()
    )


def _in_fresh_process(folder: Path) -> Build:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.index", str(folder)],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    return Build(**json.loads(done.stdout))


def _build(folder: Path) -> Build:
    times = [time.perf_counter()]

    def lap() -> None:
        times.append(time.perf_counter())

    registry = registry_of(folder)
    lap()
    index = MultiExperimentIndex(registry, 1, PATCH_SIZE)
    lap()
    peak = _peak_bytes()
    n_rows = len(index.tracks)
    lap()
    n_anchors = len(index.valid_anchors)
    lap()
    peak_with_tables = _peak_bytes()
    PairSource(index)
    lap()
    registry_s, index_s, tracks_s, valid_anchors_s, pair_source_s = np.diff(times).tolist()
    return Build(
        n_rows,
        n_anchors,
        registry_s,
        index_s,
        tracks_s,
        valid_anchors_s,
        pair_source_s,
        peak,
        peak_with_tables,
    )


def _peak_bytes() -> int:
    """Peak resident memory of this process; VmHWM, since ru_maxrss counts the parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    logging.getLogger("lineage_triplets").setLevel(logging.ERROR)
    print(json.dumps(_build(Path(sys.argv[1]))._asdict()))
