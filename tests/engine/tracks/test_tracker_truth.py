"""The same dividing movie as many tools wrote it: each file gives the movie's cells and links."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lineage_triplets import MultiExperimentIndex, load_config
from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.read import find_track_table, read_track_table
from lineages import Cell, assert_is_movie, cells_and_edges, true_edges
from real import DATA, PLATES, needs_real_plates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = DATA / "trackers"

# What a tool lost or added, as the README beside its files says: missing cells, and other ones.
LOST = {
    "btrack-0.7.0/2d.": ({"A2-4"}, 0),
    "btrack-0.7.0/2d_gap.": ({"B-6"}, 0),
    "pycellin-0.5.1/gap.xml": ({"B-5"}, 0),
    "trackastra-0.5.6/2d_gap_lone": ({"B-6"}, 0),
    "geff-1.3.1.1.3/from_trackmate_movie.geff": (set(), 2),
}
# Trees that differ from the movie's by the tool's own doing: only the cells are compared.
OTHER_TREES = ("btrack-0.7.0/2d_gap.", "trackastra-0.5.6/2d_gap_lone")
REFUSED = {
    "_merge": "has two parents",
    "/edges.csv": "Give its",
    "_graph.txt": "Give the table",
    "/splits": "Give laptrack's table of tracks",
    "trackmate-style-7.14/spots.csv": "edges table beside it, or the XML",
    "pycellin-0.5.1/res_track.txt": "its masks",
    "pycellin-0.5.1/gap_res_track.txt": "its masks",
}


def truth() -> list[Cell]:
    """The movie's cells; one is named by its branch and frame: ``A1-4``."""
    with (FILES / "movie-truth.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["t"]))
    last: dict[str, str] = {}
    names = {row["label"]: row["name"] for row in rows}
    cells = []
    for row in rows:
        before = last.get(row["name"]) or last.get(names.get(row["parent"], ""), "")
        cell = Cell(f"{row['name']}-", int(row["t"]), float(row["y"]), float(row["x"]), before)
        last[row["name"]] = cell.name
        cells.append(cell)
    return cells


def tables() -> Iterator[Path]:
    """Whatever lies there that a person could name as a table."""
    if not FILES.exists():
        return
    for path in sorted(FILES.rglob("*")):
        inside = any(folder.suffix in {".zarr", ".geff"} for folder in path.parents)
        if inside or path.name == "movie-truth.csv" or "3d" in path.name:
            continue
        if path.is_dir():
            is_graph = path.suffix in {".zarr", ".geff"} and find_track_table(path) == path
            if is_graph or (any(path.glob("*_track.txt")) and any(path.glob("*.tif"))):
                yield path
        elif path.suffix in {".csv", ".xml", ".parquet", ".h5", ".txt"}:
            yield path


def expected(path: Path) -> tuple[set[str], int]:
    name = path.relative_to(FILES).as_posix()
    return next((lost for start, lost in LOST.items() if name.startswith(start)), (set(), 0))


@pytest.mark.skipif(not FILES.exists(), reason=f"no files of trackers in {FILES}")
@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.relative_to(FILES).as_posix()) for path in tables()]
)
def test_a_file_is_the_movie_or_says_what_is_missing(path: Path) -> None:
    name = path.relative_to(FILES).as_posix()
    reason = next((words for part, words in REFUSED.items() if part in f"/{name}"), None)
    if reason is not None:
        with pytest.raises(TrackTableError, match=reason):
            read_track_table(path)
        return
    missing, n_more = expected(path)
    table = read_track_table(path)
    # Masks that overlap have their centroids up to a pixel beside the truth.
    how = {"pixel_um": (1.0, 0.5, 0.5), "within": 1.1}
    cells = [cell for cell in truth() if cell.name not in missing]
    if name.startswith(OTHER_TREES) or n_more:
        names, edges = cells_and_edges(table, cells, **how)
        assert sorted(name for name in names if name != "?") == sorted(cell.name for cell in cells)
        assert names.count("?") == n_more
        if n_more:
            assert true_edges(cells) == {edge for edge in edges if "?" not in edge}
        return
    bridged = {cell.name: cell.before for cell in truth()}
    cells = [
        Cell(cell.branch, cell.t, cell.y, cell.x, bridged.get(cell.before, ""))
        if cell.before in missing
        else cell
        for cell in cells
    ]
    assert_is_movie(table, cells, **how)


@pytest.mark.skipif(not FILES.exists(), reason=f"no files of trackers in {FILES}")
def test_there_are_files_of_ten_tools() -> None:
    assert len({path.relative_to(FILES).parts[0] for path in tables()}) >= 10


TRACKS = DATA / "tracks"


@pytest.mark.skipif(not TRACKS.exists(), reason=f"no tracks of other tools in {TRACKS}")
@pytest.mark.parametrize(
    ("name", "n_cells", "n_tracks", "n_divisions"),
    [
        ("trackmate/hacat.xml.gz", 810, 17, 6),
        ("ctc/02_GT/TRA", 3265, 264, 53),
        ("geff/ce_embryo.geff", 23_802, 720, 358),
        ("btrack/tracks.h5", 52_581, 409, 110),
        ("btrack/tracks.csv.gz", 52_678, 409, 110),
    ],
)
def test_larger_files_have_the_divisions_that_are_known_of_them(
    name: str, n_cells: int, n_tracks: int, n_divisions: int
) -> None:
    table = read_track_table(TRACKS / name)
    tracks, first = np.unique(table.track_id, return_index=True)
    parents = table.parent_track_id[first]
    of_mother = np.unique(parents[parents >= 0], return_counts=True)[1]
    assert (len(table), len(tracks), int((of_mother > 1).sum())) == (n_cells, n_tracks, n_divisions)


@needs_real_plates
@pytest.mark.skipif(not TRACKS.exists(), reason=f"no tracks of other tools in {TRACKS}")
def test_trackmates_micrometres_lie_where_the_plates_own_table_has_them() -> None:
    config = load_config(PLATES / "fucci.yml")
    own = next(found for found in config.experiments if found.name == "hacat")
    theirs = own.model_copy(update={"tracks_path": str(TRACKS / "trackmate/hacat.xml.gz")})
    one, other = (
        MultiExperimentIndex.from_config(config.model_copy(update={"experiments": [experiment]}))
        for experiment in (own, theirs)
    )
    rows = [index.tracks.sort_values(["t", "y"]) for index in (one, other)]
    places = [row[["t", "y", "x"]].to_numpy() for row in rows]
    np.testing.assert_allclose(places[0], places[1], atol=0.1)
    assert rows[0]["generation"].tolist() == rows[1]["generation"].tolist()
    assert len(one.valid_anchors) == len(other.valid_anchors)
