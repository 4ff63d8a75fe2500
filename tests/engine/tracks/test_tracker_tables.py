"""Tables of text as trackers write them, each in the layout of the tool and version it names."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.read import (
    digest_table,
    find_track_table,
    read_track_table,
    table_files,
)
from lineages import BRANCHES, MOVIE, PARENTS, assert_is_movie

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lineage_triplets.engine.errors import Problem

IDS = {cell.name: 100 + number for number, cell in enumerate(MOVIE)}


def text(rows: Iterable[Iterable[object]], delimiter: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return file.getvalue()


def write(folder: Path, **files: str) -> Path:
    """Write files named ``a_csv`` for ``a.csv``; the first one is given back."""
    paths = []
    for name, content in files.items():
        path = folder / ".".join(name.rsplit("_", 1))
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    return paths[0]


def fault_of(path: Path) -> Problem:
    with pytest.raises(TrackTableError) as caught:
        read_track_table(path)
    (problem,) = caught.value.problems
    return problem


def kinds(table: object) -> dict[str, int]:
    return {problem.kind: problem.count for problem in table.problems}


def btrack(*, dummy: bool = False) -> str:
    """btrack 0.7.0, export("tracks.csv"): blanks, floats, founders their own parent and root."""
    rows: list[list[object]] = [
        ["ID", "t", "x", "y", "z", "parent", "root", "state", "generation", "dummy"],
    ]
    for cell in MOVIE:
        own = float(BRANCHES[cell.branch])
        parent = float(PARENTS[cell.branch]) or own
        rows.append([own, float(cell.t), cell.x, cell.y, 0.0, parent, parent, 5.0, 0.0, 0.0])
    if dummy:
        rows.append([2.0, 2.0, 24.0, 22.0, 0.0, 2.0, 2.0, 5.0, 0.0, 1.0])
    return text(rows, " ")


class TestBtrack:
    def test_the_movie(self, tmp_path):
        table = read_track_table(write(tmp_path, tracks_csv=btrack()))
        assert_is_movie(table)
        assert table.problems == ()

    def test_interpolated_rows_are_left_out_and_counted(self, tmp_path):
        table = read_track_table(write(tmp_path, tracks_csv=btrack(dummy=True)))
        assert_is_movie(table)
        assert kinds(table) == {"interpolated-rows": 1}

    def test_blanks_in_number_do_not_matter(self, tmp_path):
        wide = btrack().replace(" ", "   ").replace("\n", " \n  ")
        assert_is_movie(read_track_table(write(tmp_path, tracks_csv=wide)))

    def test_as_parquet(self, tmp_path):
        pd.read_csv(io.StringIO(btrack()), sep=" ").to_parquet(tmp_path / "tracks.parquet")
        assert_is_movie(read_track_table(tmp_path / "tracks.parquet"))


FUNTRACKS = ("t", "y", "x", "id", "parent_id", "tracklet_id")
DISPLAYED = ("Time", "y", "x", "ID", "Parent ID", "Tracklet ID", "Lineage ID")


def funtracks(header: tuple[str, ...] = FUNTRACKS) -> list[list[object]]:
    """funtracks 2.2.0, export_to_csv: the parent is a cell, nothing for roots."""
    rows: list[list[object]] = [list(header)]
    for cell in MOVIE:
        parent = IDS.get(cell.before, "")
        row = [cell.t, cell.y, cell.x, IDS[cell.name], parent, 30 + BRANCHES[cell.branch], 1]
        rows.append(row[: len(header)])
    return rows


class TestFuntracks:
    @pytest.mark.parametrize("header", [FUNTRACKS, DISPLAYED])
    def test_the_movie_keeps_its_tracklets(self, tmp_path, header):
        table = read_track_table(write(tmp_path, tracks_csv=text(funtracks(header))))
        assert_is_movie(table)
        assert set(table.track_id.tolist()) == {31, 32, 33, 34}
        assert table.id.tolist() == [IDS[cell.name] for cell in MOVIE]
        assert table.row.tolist() == list(range(2, 2 + len(MOVIE)))

    def test_tracklets_that_contradict_the_links_are_numbered_anew(self, tmp_path):
        rows = [[*row[:5], "tracklet_id" if row[0] == "t" else 1] for row in funtracks()]
        table = read_track_table(write(tmp_path, tracks_csv=text(rows)))
        assert_is_movie(table)
        assert set(table.track_id.tolist()) == {1, 2, 3, 4}

    def test_tracks_whose_parents_are_cells(self, tmp_path):
        """motile-tracker 4, export of tracks: t,y,x,id,parent_id,track_id, -1 for roots."""
        rows = [[*row[:5], row[5]] for row in funtracks((*FUNTRACKS[:5], "track_id"))]
        table = read_track_table(write(tmp_path, tracks_csv=text(rows)))
        assert_is_movie(table)

    def test_a_cell_with_two_rows_is_an_error(self, tmp_path):
        rows = [row for row in funtracks() if row[0] == "t" or row[0] < 3]
        rows += [[3, 11.0, 16.0, 7, IDS["c2"], 9], [3, 11.0, 16.0, 7, IDS["d2"], 9]]
        fault = fault_of(write(tmp_path, tracks_csv=text(rows)))
        assert fault.kind == "repeated-id"
        assert "id 7" in fault.message

    def test_links_backward_and_to_nobody_are_named(self, tmp_path):
        rows = funtracks()
        rows[1][4], rows[2][4] = IDS["c3"], 9999
        with pytest.raises(TrackTableError) as caught:
            read_track_table(write(tmp_path, tracks_csv=text(rows)))
        found = {problem.kind: problem for problem in caught.value.problems}
        assert set(found) == {"backward-link", "unknown-cell"}
        assert f"from {IDS['c3']} (t=3) to {IDS['a0']} (t=0)" in found["backward-link"].message
        assert found["backward-link"].line == 2
        assert "9999" in found["unknown-cell"].message


def laptrack(*, tree: bool = True) -> tuple[str, str]:
    """laptrack 0.17.1, predict_dataframe: by frame, tracks from 0, splits apart."""
    rows: list[list[object]] = [["frame", "y", "x", *(["tree_id"] if tree else []), "track_id"]]
    for cell in MOVIE:
        own = BRANCHES[cell.branch] - 1
        trees = [1 if cell.branch == "b" else 0] if tree else []
        rows.append([cell.t, cell.y, cell.x, *trees, own])
    return text(rows), "parent_track_id,child_track_id\n0,2\n0,3\n"


class TestLaptrack:
    def test_the_movie(self, tmp_path):
        tracks, splits = laptrack()
        file = write(tmp_path, tracks_csv=tracks, splits_csv=splits)
        assert find_track_table(tmp_path) == file
        table = read_track_table(file)
        assert_is_movie(table)
        assert 0 in table.track_id

    @pytest.mark.parametrize("splits", ["\n", "", '""\n'])
    def test_no_splits_is_a_table_without_columns(self, tmp_path, splits):
        rows = [row for row in laptrack()[0].splitlines() if not row.endswith((",2", ",3"))]
        table = read_track_table(write(tmp_path, t_csv="\n".join(rows), splits_csv=splits))
        assert set(table.parent_track_id.tolist()) == {-1}

    def test_trees_without_splits_ask_for_them(self, tmp_path):
        fault = fault_of(write(tmp_path, tracks_csv=laptrack()[0]))
        assert fault.kind == "needs-part"
        assert "4 tracks are 2 trees" in fault.message
        assert "splits" in fault.remedy

    def test_merges_beside_it_are_an_error(self, tmp_path):
        tracks, splits = laptrack()
        merges = "parent_track_id,child_track_id\n1,3\n"
        fault = fault_of(write(tmp_path, t_csv=tracks, splits_csv=splits, merges_csv=merges))
        assert fault.kind == "merge"
        assert "Track 3 has two parents, 0, 1" in fault.message

    def test_splits_alone_say_what_they_are(self, tmp_path):
        file = write(tmp_path, splits_csv=laptrack()[1])
        assert find_track_table(tmp_path) == file
        assert "table of tracks" in fault_of(file).remedy

    def test_a_tree_taken_for_a_track_is_told_from_a_repeated_row(self, tmp_path):
        tracks = laptrack()[0].replace("track_id", "own").replace("tree_id", "track_id")
        with pytest.raises(TrackTableError) as caught:
            read_track_table(write(tmp_path, tracks_csv=tracks))
        assert {problem.kind for problem in caught.value.problems} == {"two-positions"}
        remedy = caught.value.problems[0].remedy
        assert "Each branch needs its own id" in remedy
        assert "Keep one" not in remedy


class TestNapariTracks:
    """trackastra 0.5.6, graph_to_napari_tracks: floats, and the graph as Python prints it."""

    rows = text(
        [
            ["track_id", "t", "y", "x"],
            *[[float(BRANCHES[c.branch]), float(c.t), c.y, c.x] for c in MOVIE],
        ]
    )

    @pytest.mark.parametrize(
        "graph", ["{3: 1, 4: 1}", "{3: [1], 4: [1]}", '{"3": [1], "4": [1]}', "{ 3:1,\n4: [1]}"]
    )
    def test_the_movie(self, tmp_path, graph):
        file = write(tmp_path, tracks_csv=self.rows, graph_txt=graph)
        assert find_track_table(tmp_path) == file
        assert_is_movie(read_track_table(file))

    def test_columns_of_btracks_examples(self, tmp_path):
        rows = self.rows.replace("track_id", "ID")
        assert_is_movie(read_track_table(write(tmp_path, t_csv=rows, g_json='{"3":1,"4":1}')))

    def test_without_a_graph_the_missing_parents_are_said(self, tmp_path):
        table = read_track_table(write(tmp_path, tracks_csv=self.rows))
        assert kinds(table) == {"no-parent-column": len(MOVIE)}

    def test_a_merge_in_the_graph_is_an_error(self, tmp_path):
        fault = fault_of(write(tmp_path, t_csv=self.rows, g_json='{"3": [1, 2], "4": [1]}'))
        assert "Track 3 has two parents, 1, 2" in fault.message

    def test_two_graphs_are_an_error_unless_one_has_the_tables_name(self, tmp_path):
        graphs = {"other_json": '{"3": [2]}', "more_json": '{"3": [2]}'}
        file = write(tmp_path, movie_tracks_csv=self.rows, **graphs)
        assert fault_of(file).kind == "two-tables"
        write(tmp_path, movie_graph_json='{"3": 1, "4": 1}')
        assert_is_movie(read_track_table(file))

    def test_detections_are_no_tracks(self, tmp_path):
        rows = text([["ID", "t", "y", "x"], *[[IDS[c.name], c.t, c.y, c.x] for c in MOVIE]])
        assert "detections" in fault_of(write(tmp_path, cells_csv=rows)).message

    def test_the_graph_belongs_to_the_bytes_of_the_table(self, tmp_path):
        file = write(tmp_path, tracks_csv=self.rows, graph_txt="{3: 1, 4: 1}", notes_txt="prose")
        assert table_files(file) == (file, tmp_path / "graph.txt")
        before = digest_table(file)
        write(tmp_path, graph_txt="{3: 1, 4: 2}")
        assert digest_table(file) != before


class TestTrackpy:
    @pytest.mark.parametrize("frame", ["frame", "timepoint"])
    def test_tracks_without_divisions(self, tmp_path, frame):
        """trackpy 0.7, and pycellin 0.5.1's export_trackpy_dataframe with its timepoint."""
        rows = [["y", "x", "mass", frame, "particle"]]
        rows += [[c.y, c.x, 9.5, float(c.t), BRANCHES[c.branch]] for c in MOVIE]
        table = read_track_table(write(tmp_path, tracks_csv=text(rows)))
        assert set(table.parent_track_id.tolist()) == {-1}
        assert kinds(table) == {"no-divisions": len(MOVIE)}


class TestCellAcdc:
    header = ("frame_i", "Cell_ID", "x_centroid", "y_centroid", "Cell_ID_tree", "parent_ID_tree")

    @pytest.mark.parametrize("tree", [True, False])
    def test_the_movie(self, tmp_path, tree):
        """Cell-ACDC 1.6, acdc_output.csv with the annotations of its lineage tree."""
        rows: list[list[object]] = [list(self.header)]
        for cell in MOVIE:
            own, parent = BRANCHES[cell.branch], PARENTS[cell.branch] or -1
            rows.append([cell.t, own, cell.x, cell.y, own if tree else -1, parent])
        assert_is_movie(read_track_table(write(tmp_path, acdc_output_csv=text(rows))))

    def test_no_tree_is_said(self, tmp_path):
        rows = [list(self.header[:4]), *[[c.t, BRANCHES[c.branch], c.x, c.y] for c in MOVIE]]
        table = read_track_table(write(tmp_path, acdc_output_csv=text(rows)))
        assert kinds(table) == {"no-parent-column": len(MOVIE)}


SPOTS = "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,VISIBILITY"
EDGES = "LABEL,TRACK_ID,SPOT_SOURCE_ID,SPOT_TARGET_ID,LINK_COST"


def trackmate(*, unit: str = "micron", pixel: float = 0.5) -> tuple[str, str]:
    """TrackMate 7.14, its spots and edges tables: four lines of names, minutes in POSITION_T."""
    spots: list[list[object]] = [
        SPOTS.split(","),
        ["Label", "Spot ID", "Track ID", "Quality", "X", "Y", "Z", "T", "Frame", "Visibility"],
        ["Label", "Spot ID", "Track ID", "Quality", "X", "Y", "Z", "T", "Frame", "Visibility"],
        ["", "", "", "(quality)", *[f"({unit})"] * 3, "(min)", "", ""],
    ]
    for cell in MOVIE:
        tree = 1 if cell.branch == "b" else 0
        place = [cell.x * pixel, cell.y * pixel, 0.0, 15.0 * cell.t, cell.t]
        spots.append([cell.name, IDS[cell.name], tree, 1.0, *place, 1])
    spots.append(["lone", 9, "", 1.0, 3.0, 3.0, 0.0, 0.0, 0, 1])
    edges: list[list[object]] = [
        EDGES.split(","),
        ["Label", "Track ID", "Source spot ID", "Target spot ID", "Edge cost"],
        ["Label", "Track ID", "Source ID", "Target ID", "Cost"],
        ["", "", "", "", "(cost)"],
    ]
    for cell in MOVIE:
        if cell.before:
            edge = [f"{cell.before} → {cell.name}", 0, IDS[cell.before], IDS[cell.name], 1.0]
            edges.append(edge)
    return text(spots), text(edges)


class TestTrackMate:
    def test_the_movie(self, tmp_path):
        spots, edges = trackmate()
        tracks = "LABEL,TRACK_INDEX,TRACK_ID,NUMBER_SPOTS\nLabel,,,\n,,,\n,,,\nTrack_0,0,0,6\n"
        file = write(tmp_path, spots_csv=spots, edges_csv=edges, tracks_csv=tracks)
        assert find_track_table(tmp_path) == file
        table = read_track_table(file)
        assert_is_movie(table, pixel_um=(1.0, 0.5, 0.5))
        assert kinds(table) == {"spots-without-track": 1}
        assert table.row[0] == 5
        assert table.lengths.unit == "micron"

    def test_positions_in_pixels_are_taken_as_they_are(self, tmp_path):
        spots, edges = trackmate(unit="pixel", pixel=1.0)
        file = write(tmp_path, spots_csv=spots, edges_csv=edges)
        assert_is_movie(read_track_table(file))

    def test_spots_alone_ask_for_the_edges(self, tmp_path):
        fault = fault_of(write(tmp_path, spots_csv=trackmate()[0]))
        assert fault.kind == "needs-part"
        assert "TrackMate's spots table" in fault.message
        assert "edges table beside it, or the XML" in fault.remedy

    def test_edges_alone_say_what_they_are(self, tmp_path):
        file = write(tmp_path, edges_csv=trackmate()[1])
        assert find_track_table(tmp_path) == file
        assert "TrackMate's edges table" in fault_of(file).message

    def test_an_id_that_is_no_number_is_placed_in_its_file(self, tmp_path):
        spots, edges = trackmate()
        bad = edges.replace(f",{IDS['a1']},1.0", ",none,1.0")
        fault = fault_of(write(tmp_path, spots_csv=spots, edges_csv=bad))
        assert (fault.kind, fault.line) == ("integer-value", 5)
        assert fault.file.endswith("edges.csv")


class TestMastodon:
    def test_the_movie(self, tmp_path):
        """Mastodon 1.0, its two tables as CSV: names, ends of names, units."""
        spots: list[list[object]] = [
            ["Label", "ID", "Spot frame", "Spot N links", *["Spot position"] * 3],
            ["", "", "", "", "X", "Y", "Z"],
            ["", "", "", "", "(µm)", "(µm)", "(µm)"],
        ]
        links: list[list[object]] = [
            ["Label", "ID", "Link displacement", "Link target IDs", "Link target IDs"],
            ["", "", "", "Source spot id", "Target spot id"],
            ["", "", "(µm)", "", ""],
        ]
        for number, cell in enumerate(MOVIE):
            spots.append([cell.name, number, cell.t, 1, cell.x / 4, cell.y / 4, 0.0])
            if cell.before:
                before = [other.name for other in MOVIE].index(cell.before)
                links.append([f"{before}-{number}", len(links), 1.0, before, number])
        names = {"M-Spot_csv": text(spots), "M-Link_csv": text(links)}
        file = write(tmp_path, **names)
        assert find_track_table(tmp_path) == file
        assert_is_movie(read_track_table(file), pixel_um=(1.0, 0.25, 0.25))
        (tmp_path / "M-Link.csv").unlink()
        assert "table of links" not in fault_of(file).message
        assert "Link target IDs" in fault_of(file).remedy
