"""Tables of no known tool, read by the columns that a config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage_triplets import TrackReading
from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.read import (
    digest_table,
    find_track_table,
    read_track_table,
    reading_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lineage_triplets.engine.tracks.table import TrackTable

# Track 1 divides into 2 and 3; track 4 is alone. A cell's id is not its row.
TABLE = pd.DataFrame(
    {
        "track_id": [1, 1, 2, 2, 3, 3, 4],
        "t": [0, 1, 2, 3, 2, 3, 1],
        "z": [0.0, 1, 2, 3, 4, 5, 6],
        "y": [10.5, 11, 12, 13, 8, 7, 30],
        "x": [20.5, 21, 22, 23, 18, 17, 40],
        "id": [15, 11, 12, 13, 14, 16, 17],
        "parent_track_id": [-1, -1, 1, 1, 1, 1, -1],
        "parent_id": [-1, 15, 11, 12, 11, 14, -1],
    }
)
ODD = {"track_id": "zelle", "t": "Bild Nr", "y": "Zeile", "x": "Spalte", "parent_track_id": "von"}
NAMES = TrackReading(columns=ODD)


def written(folder: Path, table: pd.DataFrame, name: str = "odd.csv", **how: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    if name.endswith(".parquet"):
        table.to_parquet(file, index=False)
    else:
        table.to_csv(file, index=False, **how)
    return file


def columns_of(table: TrackTable) -> dict[str, list[float]]:
    """Columns, with rows in the order of track and frame."""
    order = np.lexsort((table.t, table.track_id))
    named = {name: getattr(table, name) for name in TABLE.columns}
    return {name: None if of is None else of[order].tolist() for name, of in named.items()}


@given(
    names=st.permutations([*TABLE.columns, "area"]),
    order=st.permutations([*TABLE.columns, "area"]),
    prefix=st.sampled_from(["", "My ", "µ_", "x"]),
    rows=st.permutations(range(len(TABLE))),
    upper=st.booleans(),
    ending=st.sampled_from([".csv", ".parquet"]),
)
@settings(max_examples=25, deadline=None)
def test_whatever_columns_are_called_and_in_whatever_order(
    tmp_path_factory, names, order, prefix, rows, upper, ending
):
    folder = tmp_path_factory.mktemp("tables")
    truth = read_track_table(written(folder, TABLE, "truth.csv"))
    # Each takes the name of another one of ours, behind a prefix.
    theirs = dict(zip([*TABLE.columns, "area"], [f"{prefix}{n}" for n in names], strict=True))
    odd = TABLE.assign(area=5)[order].rename(columns=theirs).iloc[list(rows)]
    if upper:
        odd = odd.rename(columns=str.upper)
    columns = {ours: theirs[ours] for ours in TABLE.columns}
    file = written(folder, odd, f"odd{ending}")
    assert columns_of(read_track_table(file, reading=TrackReading(columns=columns))) == columns_of(
        truth
    )


def test_columns_that_are_not_named_have_our_names(tmp_path):
    file = written(tmp_path, TABLE.rename(columns={"parent_track_id": "mother", "t": "T"}))
    table = read_track_table(file, reading=TrackReading(columns={"parent_track_id": "mother"}))
    assert columns_of(table) == columns_of(read_track_table(written(tmp_path, TABLE, "a.csv")))


def test_parents_that_are_cells_give_the_same_tracks(tmp_path):
    odd = TABLE.drop(columns=["track_id", "parent_track_id"])
    odd = odd.rename(columns={"id": "Spot", "parent_id": "Before", "t": "F"}).sample(
        frac=1, random_state=3
    )
    reading = TrackReading(columns={"id": "Spot", "parent_id": "Before", "t": "F"}, parent="node")
    table = read_track_table(written(tmp_path, odd, sep="\t"), reading=reading)
    parents = dict(zip(table.track_id.tolist(), table.parent_track_id.tolist(), strict=True))
    of_cell = dict(zip(table.id.tolist(), table.track_id.tolist(), strict=True))
    assert len(parents) == 4
    assert of_cell[15] == of_cell[11] == parents[of_cell[12]] == parents[of_cell[14]]
    assert (of_cell[12], of_cell[14]) == (of_cell[13], of_cell[16])
    assert parents[of_cell[17]] == -1
    # With numbers of tracks beside them these are kept.
    kept = read_track_table(
        written(tmp_path, TABLE.drop(columns="parent_track_id"), "kept.csv"),
        reading=TrackReading(parent="node"),
    )
    assert columns_of(kept) == columns_of(read_track_table(written(tmp_path, TABLE, "a.csv")))


def test_titles_above_and_units_below_the_header_are_counted(tmp_path):
    text = written(tmp_path, TABLE.rename(columns=ODD), sep=";", decimal=",").read_text()
    header, _, rows = text.partition("\n")
    file = tmp_path / "titled.csv"
    units = ";".join("px" for _ in header.split(";"))
    file.write_text(f"Export of 30.11.\n\nmade by hand, with care\n{header}\n{units}\n{rows}")
    table = read_track_table(file, reading=NAMES)
    assert columns_of(table)["y"] == columns_of(read_track_table(written(tmp_path, TABLE)))["y"]
    (problem,) = table.problems
    assert (problem.kind, problem.severity, problem.count) == ("heading-lines", "note", 3)
    assert table.row.tolist() == list(range(6, 13))


def fault_of(file: Path, reading: TrackReading):
    with pytest.raises(TrackTableError) as caught:
        read_track_table(file, experiment="exp", fov="A/1/0", reading=reading)
    (problem,) = caught.value.problems
    assert (problem.experiment, problem.fov, problem.severity) == ("exp", "A/1/0", "error")
    return problem


def test_columns_that_are_not_there_are_said_with_those_that_are(tmp_path):
    file = written(tmp_path, TABLE.rename(columns=ODD))
    problem = fault_of(file, NAMES.model_copy(update={"columns": {**ODD, "y": "Zeil"}}))
    assert (problem.kind, problem.field) == ("missing-column", "tracks.columns.y")
    assert "no column Zeil, which tracks.columns names for y; found: zelle, Bild Nr" in (
        problem.message
    )
    assert problem.remedy == "Did you mean 'Zeile'?"
    without = {ours: theirs for ours, theirs in ODD.items() if ours != "t"}
    problem = fault_of(file, TrackReading(columns=without))
    assert (problem.kind, problem.field) == ("missing-column", "tracks.columns")
    assert "no column t, and tracks.columns names none for it" in problem.message
    assert "columns: {t: …}" in problem.remedy
    problem = fault_of(written(tmp_path, TABLE.drop(columns="id")), TrackReading(parent="node"))
    assert "no column id" in problem.message
    assert "parent: node needs id and parent_id" in problem.message


def test_one_column_is_not_two_of_ours(tmp_path):
    file = written(tmp_path, TABLE.rename(columns=ODD))
    problem = fault_of(file, TrackReading(columns={**ODD, "z": "ZEILE"}))
    assert (problem.kind, problem.field) == ("duplicate-column", "tracks.columns.z")
    assert "y and z are both the table's column Zeile" in problem.message


def test_columns_of_what_has_none(tmp_path):
    file = tmp_path / "tracks.xml"
    file.write_text('<?xml version="1.0"?>\n<TrackMate version="7.14"><Model/></TrackMate>')
    problem = fault_of(file, NAMES)
    assert (problem.kind, problem.field) == ("columns-of-no-table", "tracks.columns")
    assert "this is TrackMate's XML" in problem.message
    with pytest.raises(TrackTableError) as caught:
        read_track_table(file, experiment="exp", reading=TrackReading(format="trackmate"))
    (problem,) = caught.value.problems
    assert (problem.kind, problem.field) == ("unknown-track-format", "tracks.format")
    assert "Did you mean 'trackmate-xml'?" in problem.remedy


def test_of_several_tables_the_one_that_fits_counts(tmp_path):
    odd = written(tmp_path, TABLE.rename(columns=ODD), "measured.dat")
    own = written(tmp_path, TABLE, "tracks.csv")
    other = written(tmp_path, TABLE, "tracks.parquet")
    with pytest.raises(TrackTableError, match="2 track tables"):
        find_track_table(tmp_path)
    assert find_track_table(tmp_path, NAMES) == odd
    assert find_track_table(tmp_path, TrackReading(format="ultrack-parquet")) == other
    assert reading_of(own, NAMES) is None
    assert reading_of(odd, NAMES) == NAMES


def test_a_table_of_unknown_words_beside_a_text_is_found(tmp_path):
    odd = written(tmp_path, TABLE.rename(columns=ODD).drop(columns=["id", "parent_id", "z"]))
    (tmp_path / "README.txt").write_text("Tracked by hand.\nSee the notes, please.\n")
    assert find_track_table(tmp_path) == odd


def test_what_lies_beside_counts_only_where_it_is_read(tmp_path):
    spots = tmp_path / "a_spots.csv"
    spots.write_text("ID,TRACK_ID,FRAME,POSITION_X,POSITION_Y\n1,0,0,5,6\n2,0,1,5,6\n")
    (tmp_path / "a_edges.csv").write_text("SPOT_SOURCE_ID,SPOT_TARGET_ID\n1,2\n")
    reading = TrackReading(columns={"t": "FRAME", "y": "POSITION_Y", "x": "POSITION_X"})
    before = digest_table(spots, reading), digest_table(spots)
    (tmp_path / "a_edges.csv").write_text("SPOT_SOURCE_ID,SPOT_TARGET_ID\n")
    assert digest_table(spots, reading) == before[0]
    assert digest_table(spots) != before[1]
    assert read_track_table(spots, reading=reading).track_id.tolist() == [0, 0]


@pytest.mark.parametrize("none", ["4294967295", "18446744073709551615", "18446744073709551615.0"])
def test_none_as_minus_one_without_a_sign(tmp_path, none):
    text = TABLE.assign(parent_track_id=TABLE["parent_track_id"].astype(str).replace("-1", none))
    table = read_track_table(written(tmp_path, text))
    assert columns_of(table)["parent_track_id"] == [-1, -1, 1, 1, 1, 1, -1]
    # As a float it is beyond 2^53, which is said.
    kinds = {problem.kind for problem in table.problems}
    assert kinds == ({"rounded-ids"} if none.endswith(".0") else set())
    kind = np.uint32 if none == "4294967295" else np.uint64
    unsigned = TABLE.assign(parent_track_id=TABLE["parent_track_id"].astype(kind))
    table = read_track_table(written(tmp_path, unsigned, "tracks.parquet"))
    assert columns_of(table)["parent_track_id"] == [-1, -1, 1, 1, 1, 1, -1]
    assert table.problems == ()


def test_a_track_may_have_the_number_that_minus_one_would_be(tmp_path):
    renamed = TABLE.replace({"track_id": {1: 4294967295}, "parent_track_id": {1: 4294967295}})
    table = read_track_table(written(tmp_path, renamed))
    assert sorted(set(table.parent_track_id.tolist())) == [-1, 4294967295]
