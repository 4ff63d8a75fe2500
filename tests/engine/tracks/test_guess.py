"""A guess of an unknown table's columns: by names and values, and never silent where two fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lineage_triplets import TrackReading, TrackTransform
from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.guess import guess_reading
from lineage_triplets.engine.tracks.read import read_track_table

if TYPE_CHECKING:
    from pathlib import Path

# Two founders, the first divides; ids of cells as they were found, frame by frame.
TABLE = pd.DataFrame(
    {
        "track_id": [1, 2, 1, 2, 3, 4, 2, 3, 4, 2],
        "t": [0, 0, 1, 1, 2, 2, 2, 3, 3, 3],
        "y": [10.5, 50, 11, 51, 12, 13, 52, 11, 14, 53],
        "x": [20.5, 90, 21, 91, 22, 23, 92, 21, 24, 93],
        "parent_track_id": [-1, -1, -1, -1, 1, 1, -1, 1, 1, -1],
        "id": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        "parent_id": [-1, -1, 1, 2, 3, 3, 4, 5, 6, 7],
    }
)
OF_TRACKS = ["track_id", "t", "y", "x", "parent_track_id"]
OF_CELLS = ["t", "y", "x", "id", "parent_id"]


def guessed(folder: Path, names: dict[str, str], columns: list[str] = OF_TRACKS, **more: object):
    file = folder / "odd.csv"
    TABLE[columns].rename(columns=names).assign(**more).to_csv(file, index=False)
    return guess_reading(file)


@pytest.mark.parametrize(
    "names",
    [
        ("cell", "FRAME", "POSITION_Y", "POSITION_X", "mother"),
        ("TrackID", "Time", "Position Y", "Position X", "ParentTrackID"),
        ("particle", "frame", "centroid-0", "centroid-1", "parent"),
        ("Label", "Slice", "Y", "X", "Mother cell"),
        ("TrackObjects_Label", "ImageNumber", "Location_Center_Y", "Location_Center_X", "Parent"),
        ("trajectory", "timepoint", "row", "col", "parent_particle"),
        ("tracklet", "tp", "cy", "cx", "predecessor"),
        ("label", "time_index", "y_px", "x_px", "parent_label"),
    ],
)
def test_names_of_the_field_are_known(tmp_path, names):
    guess = guessed(tmp_path, dict(zip(OF_TRACKS, names, strict=True)), area=7.5, mean=3.25)
    assert guess.open == ()
    columns = {
        ours: theirs
        for ours, theirs in zip(OF_TRACKS, names, strict=True)
        if theirs.lower() != ours
    }
    assert guess.reading == TrackReading(columns=columns)
    assert set(guess.sure) >= set(OF_TRACKS)
    assert (guess.format, guess.transform) == ("", None)
    assert guess.values(names[2])[:2] == ("10.5", "50.0")


@pytest.mark.parametrize("ids", ["ID", "spot", "label", "what"])
def test_parents_that_are_cells_are_told_by_their_values(tmp_path, ids):
    names = {"t": "Frame", "id": ids, "parent_id": "Parent"}
    guess = guessed(tmp_path, names, OF_CELLS)
    assert guess.open == ()
    assert guess.reading is not None
    assert guess.reading.parent == "node"
    assert guess.reading.columns["parent_id"] == "Parent"
    assert guess.reading.columns.get("id", "ID") == ids


def test_parents_that_may_be_either_are_left_open(tmp_path):
    # A tree of tracks of two cells each, whose first cell alone has the mother's number.
    rows = [
        {"cell": k, "frame": 2 * (k.bit_length() - 1) + i, "mother": -1 if i or k == 1 else k // 2}
        for i in (0, 1)
        for k in range(1, 8)
    ]
    table = pd.DataFrame(rows).sort_values("frame", ignore_index=True).assign(y=5.5, x=6.5)
    table.assign(id=range(1, 15)).to_csv(tmp_path / "odd.csv", index=False)
    guess = guess_reading(tmp_path / "odd.csv")
    assert guess.open == ("parent",)
    assert guess.candidates["parent"] == ("mother",)
    # Without ids of cells they can be tracks alone.
    table.to_csv(tmp_path / "odd.csv", index=False)
    assert "parent_track_id" in guess_reading(tmp_path / "odd.csv").sure


def test_two_columns_that_fit_alike_are_left_open(tmp_path):
    guess = guessed(tmp_path, {"y": "center_y", "x": "center_x"}, pos_x=4.5, pos_y=[*range(10)])
    assert set(guess.open) == {"y", "x"}
    assert guess.candidates["y"] == ("center_y", "pos_y")
    assert guess.reading is not None
    assert "y" not in guess.reading.columns
    # Two that say the same are one.
    same = guessed(tmp_path, {"y": "center_y"}, centroid_y=TABLE["y"])
    assert same.open == ()
    assert "centroid_y is the same" in same.sure["y"]


def test_unknown_names_are_open_and_listed(tmp_path):
    guess = guessed(tmp_path, dict(zip(OF_TRACKS, "abcde", strict=True)))
    assert set(guess.open) == {"track_id", "t", "y", "x"}
    assert {"c", "d"} <= set(guess.candidates["x"])
    assert "a" in guess.candidates["t"]


def test_a_number_of_trees_is_no_track(tmp_path):
    tree = TABLE["track_id"].replace({3: 1, 4: 1})
    guess = guessed(tmp_path, {"track_id": "TrackID", "t": "frame"}, TrackID=tree)
    assert "track_id" in guess.open
    assert "TrackID is in two rows of one frame" in " ".join(guess.notes)
    # With cells that name their mothers tracks are not needed.
    names = {"track_id": "TrackID", "t": "frame", "id": "spot", "parent_id": "mother"}
    guess = guessed(tmp_path, names, ["track_id", *OF_CELLS], TrackID=tree)
    assert guess.open == ()
    assert guess.reading == TrackReading(
        columns={"t": "frame", "id": "spot", "parent_id": "mother"}, parent="node"
    )


def test_a_clock_is_no_frame(tmp_path):
    guess = guessed(tmp_path, {"t": "Time [min]"}, **{"Time [min]": TABLE["t"] * 15})
    assert "t" in guess.open
    assert "steps of 15" in " ".join(guess.notes)


def test_micrometres_are_told_by_names_and_by_lines_of_units(tmp_path):
    guess = guessed(tmp_path, {"track_id": "cell", "y": "Y [µm]", "x": "X (um)"})
    assert guess.transform == TrackTransform(unit="um")
    both = guessed(tmp_path, {"track_id": "cell", "y": "y_um", "x": "x_um"}, y=3.5, x=[*range(10)])
    assert both.transform is None
    assert both.reading == TrackReading(columns={"track_id": "cell"})
    file = tmp_path / "units.csv"
    text = TABLE[OF_TRACKS].rename(columns={"track_id": "cell"}).to_csv(index=False)
    header, _, rows = text.partition("\n")
    file.write_text(f"A title\n{header}\n,frame,micron,micron,\n{rows}")
    assert guess_reading(file).transform == TrackTransform(unit="um")


def test_frames_count_from_1_where_the_last_is_their_number(tmp_path):
    TABLE.assign(t=TABLE["t"] + 1).rename(columns={"t": "Frame"}).to_csv(
        tmp_path / "odd.csv", index=False
    )
    assert guess_reading(tmp_path / "odd.csv", n_frames=4).transform == TrackTransform(
        first_frame=1
    )
    later = guess_reading(tmp_path / "odd.csv", n_frames=5)
    assert later.transform is None
    assert "Frames begin at 1" in " ".join(later.notes)


def test_known_tables_need_none(tmp_path):
    guess = guessed(tmp_path, {})
    assert (guess.format, guess.reading) == ("a table of ultrack's columns", None)
    assert guess.preview[0][:3] == ("1", "0", "10.5")
    TABLE.to_parquet(tmp_path / "tracks.parquet")
    assert guess_reading(tmp_path / "tracks.parquet").reading is None
    # But a tool's columns without parents, beside parents, are none of that tool.
    odd = guessed(tmp_path, {"t": "frame", "parent_track_id": "mother"})
    assert odd.reading == TrackReading(columns={"t": "frame", "parent_track_id": "mother"})
    assert "laptrack" in odd.notes[0]


def test_a_table_that_cannot_be_read_says_what_its_columns_seem_to_be(tmp_path):
    names = {"track_id": "cell", "t": "FRAME", "y": "Y [µm]", "x": "X [µm]"}
    file = guessed(tmp_path, {**names, "parent_track_id": "mother"}).file
    with pytest.raises(TrackTableError) as caught:
        read_track_table(file)
    (problem,) = caught.value.problems
    assert problem.kind == "missing-column"
    assert (
        'tracks: {columns: {track_id: cell, t: FRAME, y: "Y [µm]", x: "X [µm]", parent_track_id:'
        " mother}}, track_transform: {unit: um}"
    ) in problem.remedy
    assert "--columns 'track_id=cell,t=FRAME,y=Y [µm],x=X [µm]," in problem.remedy
    assert problem.remedy.endswith("--unit um of init.")
    unknown = guessed(tmp_path, dict(zip(OF_TRACKS, "abcde", strict=True))).file
    with pytest.raises(TrackTableError, match=r"Open: t may be a, b.* y may be "):
        read_track_table(unknown)


def test_parents_that_a_tool_does_not_have_are_said(tmp_path):
    file = guessed(tmp_path, {"t": "frame", "parent_track_id": "mother"}).file
    (problem,) = read_track_table(file).problems
    assert (problem.kind, problem.severity) == ("parents-not-read", "warning")
    assert "laptrack's table of tracks, without parents; but mother says some" in problem.message
    assert "{columns: {t: frame, parent_track_id: mother}}" in problem.remedy
    # Where no cell has one, there is nothing to say.
    table = TABLE[OF_TRACKS].assign(parent_track_id=-1)
    table.rename(columns={"t": "frame", "parent_track_id": "mother"}).to_csv(file, index=False)
    assert read_track_table(file).problems == ()


def test_parquet_is_guessed_too(tmp_path):
    file = tmp_path / "odd.parquet"
    TABLE.rename(columns={"t": "FRAME", "track_id": "cell"}).to_parquet(file)
    guess = guess_reading(file)
    assert guess.reading == TrackReading(columns={"track_id": "cell", "t": "FRAME"})
    assert guess.values("cell") == ("1", "2", "1", "2", "3", "4", "2", "3")


@pytest.mark.parametrize("text", ["", "only, two\n1,2\n", "a,b,c\n"])
def test_what_is_no_table_is_said(tmp_path, text):
    (tmp_path / "odd.csv").write_text(text)
    with pytest.raises(TrackTableError, match="not a track table"):
        guess_reading(tmp_path / "odd.csv")
