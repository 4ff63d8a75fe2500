"""Track tables as people have them: what loads, and what it then is."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.errors import TrackTableError
from lineage_triplets.engine.tracks.formats import TRACK_FORMATS, TrackFormat, format_of, register
from lineage_triplets.engine.tracks.read import (
    find_track_table,
    read_track_table,
)
from real import DATA

if TYPE_CHECKING:
    from pathlib import Path


from track_files import DAUGHTERS, HEADER, MOTHER, parents, same, the_fault, the_problem, write


@pytest.mark.parametrize(
    ("name", "suffixes"), [("ultrack-text", (".mine",)), ("mine", (".mine", ".csv"))]
)
def test_a_format_takes_no_other_formats_name_or_endings(name: str, suffixes: tuple[str, ...]):
    before = dict(TRACK_FORMATS)
    with pytest.raises(ValueError, match="'ultrack-text'"):
        register(TrackFormat(name, suffixes, TRACK_FORMATS["ultrack-text"].read))
    assert before == TRACK_FORMATS
    assert format_of("tracks.mine") is None


class TestReading:
    def test_columns_rows_and_dtypes(self, tmp_path):
        file = write(
            tmp_path,
            "1,0,1,-1,-1,0.5,127.55,138.05",
            "1,1,2,-1,1,0.25,125.83,141.91",
            header="track_id,t,id,parent_track_id,parent_id,z,y,x",
        )
        table = read_track_table(file)
        assert table.track_id.tolist() == [1, 1]
        assert table.t.tolist() == [0, 1]
        assert table.parent_track_id.tolist() == [-1, -1]
        assert table.y.tolist() == [127.55, 125.83]
        assert table.x.tolist() == [138.05, 141.91]
        assert table.z.tolist() == [0.5, 0.25]
        assert table.id.tolist() == [1, 2]
        assert table.parent_id.tolist() == [-1, 1]
        assert table.row.tolist() == [2, 3]
        assert (table.problems, table.file, table.rows_in_file) == ((), file, 2)
        for name in ("track_id", "t", "parent_track_id", "id", "parent_id", "row"):
            assert getattr(table, name).dtype == np.int64
        for name in ("y", "x", "z"):
            assert getattr(table, name).dtype == np.float64

    def test_no_z_is_zero_and_no_ids_are_none(self, tmp_path):
        table = read_track_table(write(tmp_path, *MOTHER))
        assert table.z.tolist() == [0.0, 0.0]
        assert table.id is None
        assert table.parent_id is None

    def test_an_empty_z_column_is_zero_with_a_note(self, tmp_path):
        table = read_track_table(write(tmp_path, "1,0,1,2,", header="track_id,t,y,x,z"))
        assert table.z.tolist() == [0.0]
        assert {p.kind for p in table.problems} == {"z-empty", "no-parent-column"}

    def test_order_of_rows_is_the_files(self, tmp_path):
        table = read_track_table(write(tmp_path, DAUGHTERS[1], *reversed(MOTHER), DAUGHTERS[0]))
        assert table.track_id.tolist() == [3, 1, 1, 2]
        assert table.t.tolist() == [2, 1, 0, 2]
        assert table.parent_track_id.tolist() == [1, -1, -1, 1]
        assert table.problems == ()

    def test_gaps_in_t_and_extra_columns_are_fine(self, tmp_path):
        file = write(tmp_path, "1,0,-1,1,2,ä,", '1,7,-1,1,2,"a,b",5', header=f"{HEADER},note,note")
        table = read_track_table(file)
        assert table.t.tolist() == [0, 7]
        assert table.problems == ()

    def test_case_and_blanks_in_the_header(self, tmp_path):
        file = write(tmp_path, *MOTHER, header="Track_ID, t ,PARENT_TRACK_ID,Y, X")
        assert same(
            read_track_table(file), read_track_table(write(tmp_path, *MOTHER, name="b.csv"))
        )

    def test_an_exactly_written_name_wins_over_another_case(self, tmp_path):
        file = write(tmp_path, "1,0,-1,1,2,99", header=f"{HEADER},T")
        assert read_track_table(file).t.tolist() == [0]

    def test_line_numbers_count_blank_lines_and_quoted_line_ends(self, tmp_path):
        rows = ['1,0,-1,1,2,"two\nlines"', "", '1,1,-1,1,2,5" dish', "", '1,2,-1,1,2,"x"']
        assert read_track_table(
            write(tmp_path, rows[1], rows[2], rows[3], rows[4], header=f"{HEADER},note")
        ).row.tolist() == [3, 5]
        file = write(tmp_path, rows[0], "", rows[4], header=f"\n \n{HEADER},note")
        assert read_track_table(file).row.tolist() == [4, 7]

    def test_whole_numbers_may_be_written_as_floats(self, tmp_path):
        table = read_track_table(write(tmp_path, "1.0,0.0,,1,2", "2.0,1.0,1.0,1,2", "3, 1 ,1.,1,2"))
        assert table.track_id.tolist() == [1, 2, 3]
        assert table.parent_track_id.tolist() == [-1, 1, 1]
        assert table.track_id.dtype == np.int64

    @pytest.mark.parametrize("point", ["", ".0"])
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_large_ids_survive_exactly_beside_empty_parents(self, tmp_path, point, suffix):
        mother, daughter = 2**62 - 1, 2**62 + 1
        rows = [f"{mother}{point},0,,1,2", f"{daughter}{point},1,{mother}{point},1,2"]
        file = write(tmp_path, *rows)
        if suffix == ".parquet":
            text = pd.read_csv(file, dtype=str)
            text[["y", "x"]] = text[["y", "x"]].astype(float)
            file = tmp_path / "tracks.parquet"
            text.to_parquet(file, index=False)
        table = read_track_table(file)
        assert table.track_id.tolist() == [mother, daughter]
        assert table.parent_track_id.tolist() == [-1, mother]

    def test_negative_t_is_kept_for_the_caller(self, tmp_path):
        assert read_track_table(write(tmp_path, "1,-2,-1,1,2")).t.tolist() == [-2]


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
    def test_encoding(self, tmp_path, encoding):
        text = "\n".join([f"{HEADER},größe", *[f"{row},µm" for row in MOTHER]])
        (tmp_path / "t.csv").write_bytes(text.encode(encoding))
        table = read_track_table(tmp_path / "t.csv")
        assert same(table, read_track_table(write(tmp_path, *MOTHER)))

    @pytest.mark.parametrize("line_end", ["\r\n", "\r"])
    def test_line_ends(self, tmp_path, line_end):
        file = tmp_path / "t.csv"
        file.write_bytes(line_end.join([HEADER, *MOTHER, ""]).encode())
        table = read_track_table(file)
        assert same(table, read_track_table(write(tmp_path, *MOTHER)))
        assert table.row.tolist() == [2, 3]

    @pytest.mark.parametrize(
        ("delimiter", "name"), [(";", "t.csv"), ("\t", "t.tsv"), ("\t", "t.txt")]
    )
    def test_delimiter(self, tmp_path, delimiter, name):
        rows = [row.replace(",", delimiter) for row in MOTHER]
        file = write(tmp_path, *rows, header=HEADER.replace(",", delimiter), name=name)
        assert same(read_track_table(file), read_track_table(write(tmp_path, *MOTHER)))

    def test_an_unnamed_first_column_before_tabs(self, tmp_path):
        rows = [f"{i}\t" + row.replace(",", "\t") for i, row in enumerate(MOTHER)]
        file = write(tmp_path, *rows, header="\t" + HEADER.replace(",", "\t"))
        assert same(
            read_track_table(file), read_track_table(write(tmp_path, *MOTHER, name="b.csv"))
        )

    def test_decimal_comma(self, tmp_path):
        file = write(tmp_path, "1;0;-1;1,5;2,25", header=HEADER.replace(",", ";"))
        table = read_track_table(file)
        assert (table.y.tolist(), table.x.tolist()) == ([1.5], [2.25])

    def test_gzip(self, tmp_path):
        (tmp_path / "t.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *MOTHER]).encode()))
        table = read_track_table(tmp_path / "t.csv.gz")
        assert same(table, read_track_table(write(tmp_path, *MOTHER)))

    def test_a_large_file_whose_types_change_late_and_whose_cells_span_lines(self, tmp_path):
        lines = "\n" * 19
        rows = [f'1,{t},-1,{t},2,"twenty{lines}lines"' for t in range(40_000)]
        file = write(tmp_path, *rows, "1,40000,,0.5,2,", header=f"{HEADER},note")
        table = read_track_table(file)
        assert table.y[-1] == 0.5
        assert table.row[-1] == 2 + 20 * 40_000


class TestParquet:
    def write(self, folder: Path, **columns: object) -> Path:
        file = folder / "tracks.parquet"
        pd.DataFrame(columns).to_parquet(file, index=False)
        return file

    def test_the_same_table_as_text(self, tmp_path):
        text = write(tmp_path, *MOTHER, *DAUGHTERS)
        pd.read_csv(text).to_parquet(tmp_path / "t.pq")
        table = read_track_table(tmp_path / "t.pq")
        assert same(table, read_track_table(text))
        assert table.row.tolist() == [0, 1, 2, 3]

    @pytest.mark.parametrize("dtype", ["int32", "uint64", "float64", "Int64", "str", "category"])
    def test_dtypes_people_have(self, tmp_path, dtype):
        file = self.write(
            tmp_path,
            track_id=pd.Series([1, 2]).astype(dtype),
            t=pd.Series([0, 1]).astype(dtype),
            parent_track_id=[None, 1.0],
            y=np.float32([1, 2]),
            x=[1, 2],
        )
        table = read_track_table(file)
        assert (table.track_id.tolist(), table.t.tolist()) == ([1, 2], [0, 1])
        assert parents(table) == {1: -1, 2: 1}

    def test_faults_name_the_row(self, tmp_path):
        file = self.write(tmp_path, track_id=[1.0, 2.5], t=[0, 1], y=[1.0, 2.0], x=[1.0, 2.0])
        fault = the_fault(file)
        assert (fault.row, fault.line) == (1, None)
        assert "2.5" in fault.message

    def test_ids_that_were_written_as_floats_are_told(self, tmp_path):
        rows = ["1,0,-1,10,20,9007199254740994.0", "1,1,-1,11,21,9007199254740996.0"]
        file = write(tmp_path, *rows, header="track_id,t,parent_track_id,y,x,id")
        told = the_problem(read_track_table(file), "rounded-ids", "warning")
        assert (told.count, told.line) == (2, 2)
        exact = [row.removesuffix(".0") for row in rows]
        file = write(tmp_path, *exact, header="track_id,t,parent_track_id,y,x,id")
        assert not read_track_table(file).problems

    def test_ids_that_floats_may_have_rounded_are_told(self, tmp_path):
        large = 2**53
        ids = [large + 2.0, large + 4.0, large + 2.0]
        columns = {"track_id": [1.0, 2.0, 3.0], "t": [0, 1, 1], "y": 5.0, "x": 5.0, "id": ids}
        file = tmp_path / "t.parquet"
        pd.DataFrame(columns).assign(parent_track_id=[np.nan, 1, 1]).to_parquet(file)
        told = the_problem(read_track_table(file), "rounded-ids", "warning")
        assert told.count == 3
        assert "column id" in told.message
        assert "9007199254740994" in told.message
        whole = pd.DataFrame(columns).assign(parent_track_id=-1).astype({"id": "int64"})
        whole.to_parquet(file)
        assert not read_track_table(file).problems

    def test_not_parquet(self, tmp_path):
        file = tmp_path / "t.parquet"
        file.write_bytes(b"PAR1 and no more")
        assert the_fault(file).kind == "not-a-table"

    def test_the_content_decides_and_not_the_ending(self, tmp_path):
        text = write(tmp_path, *MOTHER, *DAUGHTERS, name="t.parquet")
        pd.read_csv(text).to_parquet(tmp_path / "t.csv")
        assert same(read_track_table(text), read_track_table(tmp_path / "t.csv"))


class TestFind:
    def test_the_one_table(self, tmp_path):
        for ending in ("csv", "tsv", "txt", "parquet", "pq", "csv.gz", "CSV"):
            folder = tmp_path / ending / "A" / "1" / "0"
            folder.mkdir(parents=True)
            assert find_track_table(folder) is None
            table = folder / f"tracks.{ending}"
            for name in ("._tracks.csv", ".x.csv", "Thumbs.db", ".DS_Store", "notes.md", "m.zarr"):
                (folder / name).touch()
            (folder / "old.csv").mkdir()
            table.touch()
            assert find_track_table(folder) == table

    def test_a_file_is_itself_and_nothing_is_none(self, tmp_path):
        table = write(tmp_path, *MOTHER)
        assert find_track_table(table) == table
        assert find_track_table(tmp_path / "B") is None

    def test_a_text_beside_a_table_is_passed_over(self, tmp_path):
        (tmp_path / "README.txt").write_text("Tracks of 2024, x and y in pixels.\n1;2;3\n")
        assert find_track_table(tmp_path) == tmp_path / "README.txt"
        table = write(tmp_path, *MOTHER, name="z.csv")
        assert find_track_table(tmp_path) == table

    def test_a_table_with_a_column_misspelt_is_none_to_pass_over(self, tmp_path):
        write(tmp_path, *MOTHER, name="a.csv")
        write(tmp_path, *MOTHER, header="trackid,t,y,x", name="b.csv")
        with pytest.raises(TrackTableError, match=r"a\.csv, b\.csv"):
            find_track_table(tmp_path)

    def test_two_tables_are_both_named(self, tmp_path):
        write(tmp_path, *MOTHER, name="a.csv")
        write(tmp_path, *MOTHER, name="b.parquet")
        with pytest.raises(TrackTableError, match=r"a\.csv, b\.parquet") as caught:
            find_track_table(tmp_path)
        assert caught.value.problems[0].file == str(tmp_path)


SMALL_TABLE = [
    (1, 0, None, 10.5, 20.25), (1, 1, None, 11.0, 21.0), (7, 0, None, 3.0, 4.0),
    (2, 2, 1, 12.0, 22.5), (3, 3, 1, 8.0, 18.0), (3, 5, 1, 8.5, 18.0),
]  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(SMALL_TABLE),
    delimiter=st.sampled_from([",", ";", "\t"]),
    decimal_comma=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    none=st.sampled_from(["-1", "0", "", "NaN", "nan", "-3", "None"]),
    quoted=st.booleans(),
)
def test_the_same_table_however_it_is_written(
    tmp_path, order, delimiter, decimal_comma, encoding, line_end, none, quoted
):
    def cell(value: object) -> str:
        text = none if value is None else str(value)
        text = text.replace(".", ",") if decimal_comma and delimiter != "," else text
        return f'"{text}"' if quoted else text

    lines = [HEADER.replace(",", delimiter)]
    lines += [delimiter.join(cell(value) for value in row) for row in order]
    file = tmp_path / "t.csv"
    file.write_bytes(line_end.join([*lines, ""]).encode(encoding))
    table = read_track_table(file)
    assert table.problems == ()
    read = zip(table.track_id, table.t, table.parent_track_id, table.y, table.x, strict=True)
    wanted = [(track, t, -1 if p is None else p, y, x) for track, t, p, y, x in order]
    assert [tuple(row) for row in read] == wanted
    assert table.row.tolist() == list(range(2, 8))


@pytest.mark.parametrize(
    ("experiment", "well", "n_rows", "n_tracks", "n_divisions"),
    [
        ("hacat", "A/1/0", 810, 17, 6),
        ("hacat_late", "B/2/0", 289, 15, None),
        ("hela", "A/1/0", 3273, 265, 53),
        ("embryo", "B/3/2", 777, 23, 8),
    ],
)
def test_real_tables(experiment, well, n_rows, n_tracks, n_divisions):
    folder = DATA / "plates" / f"{experiment}_tracks" / well
    if not folder.is_dir():
        pytest.skip(f"the real data are not at {DATA}")
    file = find_track_table(folder)
    table = read_track_table(file)
    assert (len(table), table.problems) == (n_rows, ())
    # Python's own numbers: pandas 3.0 rounds the last digit of some otherwise.
    slow = pd.read_csv(file, dtype=str).map(float)
    for name in ("track_id", "t", "parent_track_id", "y", "x", "z", "id", "parent_id"):
        np.testing.assert_array_equal(getattr(table, name), slow[name])
    links = slow.drop_duplicates("track_id")
    assert len(links) == n_tracks
    daughters = pd.Series(parents(table))
    counts = daughters[daughters >= 0].value_counts()
    assert n_divisions in (None, (counts > 1).sum())
