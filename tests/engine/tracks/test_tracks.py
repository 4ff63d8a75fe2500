"""Track tables as people have them: what loads, what is repaired and counted, what is refused."""

from __future__ import annotations

import gzip
import os
import random
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage_triplets.engine.errors import Problem, StoreError, TrackTableError
from lineage_triplets.engine.tracks.formats import TRACK_FORMATS, TrackFormat, format_of, register
from lineage_triplets.engine.tracks.read import (
    TrackTable,
    check_links,
    find_track_table,
    read_track_table,
)
from real import DATA
from systems import needs_posix

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "track_id,t,parent_track_id,y,x"
# Track 1 divides after t=1 into 2 and 3.
MOTHER = ["1,0,-1,10,20", "1,1,-1,11,21"]
DAUGHTERS = ["2,2,1,12,22", "3,2,1,8,18"]


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "tracks.csv") -> Path:
    file = folder / name
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def faults_of(file: Path) -> tuple[Problem, ...]:
    with pytest.raises(TrackTableError) as caught:
        read_track_table(file, experiment="exp", fov="A/1/0")
    for problem in caught.value.problems:
        assert problem.severity == "error"
        assert (problem.experiment, problem.fov, problem.file) == ("exp", "A/1/0", str(file))
    return caught.value.problems


def the_fault(file: Path) -> Problem:
    (problem,) = faults_of(file)
    return problem


def the_problem(table: TrackTable, kind: str, severity: str) -> Problem:
    (problem,) = table.problems
    assert (problem.kind, problem.severity) == (kind, severity)
    assert problem.file == str(table.file)
    return problem


def parents(table: TrackTable) -> dict[int, int]:
    return dict(zip(table.track_id.tolist(), table.parent_track_id.tolist(), strict=True))


def same(a: TrackTable, b: TrackTable) -> bool:
    columns = ("track_id", "t", "parent_track_id", "y", "x", "z", "id", "parent_id")
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        and np.asarray(getattr(a, name)).dtype == np.asarray(getattr(b, name)).dtype
        for name in columns
    )


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


class TestNoParent:
    @pytest.mark.parametrize("none", ["-1", "-7", "0", "NaN", "nan", "", "None", "0.0", "-1.0"])
    def test_spellings(self, tmp_path, none):
        rows = [row.replace("-1", none) for row in MOTHER]
        table = read_track_table(write(tmp_path, *rows, *DAUGHTERS))
        assert parents(table) == {1: -1, 2: 1, 3: 1}
        assert table.problems == ()

    @pytest.mark.parametrize("none", ["-1", "", "NaN"])
    def test_track_0_is_a_parent_where_none_is_written_otherwise(self, tmp_path, none):
        table = read_track_table(write(tmp_path, f"0,0,{none},1,2", "5,1,0,1,2"))
        assert parents(table) == {0: -1, 5: 0}
        assert table.problems == ()

    def test_track_0_is_no_parent_where_only_0_can_mean_none(self, tmp_path):
        table = read_track_table(write(tmp_path, "0,0,0,1,2", "5,1,0,1,2", "6,2,5,1,2"))
        assert parents(table) == {0: -1, 5: -1, 6: 5}
        problem = the_problem(table, "parent-zero", "note")
        assert (problem.count, problem.line) == (2, 2)

    def test_track_0_is_a_parent_where_roots_name_themselves(self, tmp_path):
        table = read_track_table(
            write(tmp_path, "0,0,0,1,2", "3,0,3,5,6", "5,1,0,1,2", "6,1,0,2,2", "7,2,5,1,2")
        )
        assert parents(table) == {0: -1, 3: -1, 5: 0, 6: 0, 7: 5}
        problem = the_problem(table, "own-parent", "note")
        assert problem.count == 2
        assert "0, 3" in problem.message

    def test_0_is_none_beside_roots_that_name_themselves_without_a_track_0(self, tmp_path):
        table = read_track_table(write(tmp_path, "3,0,3,5,6", "5,1,0,1,2"))
        assert parents(table) == {3: -1, 5: -1}

    def test_0_beside_another_none_without_a_track_0(self, tmp_path):
        table = read_track_table(write(tmp_path, "1,0,-1,1,2", "2,0,0,1,2"))
        assert parents(table) == {1: -1, 2: -1}
        assert table.problems == ()

    def test_missing_parent_column_makes_roots_with_a_warning(self, tmp_path):
        table = read_track_table(write(tmp_path, "1,0,1,2", "2,1,1,2", header="track_id,t,y,x"))
        assert parents(table) == {1: -1, 2: -1}
        problem = the_problem(table, "no-parent-column", "warning")
        assert problem.count == 2

    def test_a_parent_on_some_rows_is_the_tracks(self, tmp_path):
        table = read_track_table(write(tmp_path, *MOTHER, "2,2,,1,2", "2,3,1,1,2", "2,4,-1,1,2"))
        assert table.parent_track_id.tolist() == [-1, -1, 1, 1, 1]
        assert table.problems == ()

    def test_observation_ids_have_the_same_nones(self, tmp_path):
        file = write(
            tmp_path,
            "1,0,1,2,7,0",
            "1,1,1,2,8,7",
            "1,2,1,2,,",
            header="track_id,t,y,x,id,parent_id",
        )
        table = read_track_table(file)
        assert table.id.tolist() == [7, 8, -1]
        assert table.parent_id.tolist() == [-1, 7, -1]

    def test_observation_ids_that_are_text_are_not_used(self, tmp_path):
        file = write(tmp_path, "1,0,-1,1,2,cell7", header=f"{HEADER},id")
        table = read_track_table(file)
        assert table.id is None
        assert "cell7" in the_problem(table, "observation-ids", "warning").message


class TestRepaired:
    def test_a_track_that_is_its_own_parent_is_a_root(self, tmp_path):
        table = read_track_table(
            write(tmp_path, "1,0,1,1,2", "2,1,2,1,2", "2,2,2,1,2", "3,3,2,1,2")
        )
        assert parents(table) == {1: -1, 2: -1, 3: 2}
        problem = the_problem(table, "own-parent", "note")
        assert (problem.count, problem.line) == (2, 2)

    def test_a_parent_that_is_not_there_makes_a_root(self, tmp_path):
        table = read_track_table(write(tmp_path, *MOTHER, "2,2,77,1,2", "2,3,77,1,2"))
        assert parents(table) == {1: -1, 2: -1}
        problem = the_problem(table, "parent-not-in-table", "note")
        assert (problem.count, problem.line) == (1, 4)
        assert "77" in problem.message

    def test_an_overlap_with_the_parent_is_loaded_with_a_warning(self, tmp_path):
        rows = ["9,1,1,1,2", "1,0,-1,1,2", "1,1,-1,1,2", "8,0,1,1,2", "7,2,1,1,2"]
        table = read_track_table(write(tmp_path, *rows))
        assert parents(table) == {9: 1, 1: -1, 8: 1, 7: 1}
        problem = the_problem(table, "parent-overlap", "warning")
        assert (problem.count, problem.line) == (2, 5)
        assert "track 8 at t=0, parent 1 ends at t=1" in problem.message

    def test_identical_repeats_are_dropped_and_counted(self, tmp_path):
        rows = [MOTHER[1], MOTHER[0], MOTHER[1], MOTHER[1]]
        table = read_track_table(write(tmp_path, *rows))
        assert table.t.tolist() == [1, 0]
        assert table.row.tolist() == [2, 3]
        assert table.rows_in_file == 4
        problem = the_problem(table, "repeated-rows", "warning")
        assert (problem.count, problem.line) == (2, 4)

    @pytest.mark.parametrize("value", ["NaN", "inf", "-inf", "-Infinity", ""])
    @pytest.mark.parametrize("column", ["y", "x", "z"])
    def test_coordinates_that_are_not_finite_are_left_out(self, tmp_path, value, column):
        bad = ",".join(value if name == column else "5" for name in "yxz")
        file = write(tmp_path, "1,0,1,2,3", f"1,1,{bad}", f"1,2,{bad}", header="track_id,t,y,x,z")
        table = read_track_table(file)
        assert table.t.tolist() == [0]
        assert table.rows_in_file == 3
        (problem,) = (p for p in table.problems if p.kind != "no-parent-column")
        assert (problem.kind, problem.severity) == ("coordinates-not-finite", "warning")
        assert (problem.count, problem.line) == (2, 3)

    def test_a_parent_without_any_finite_row_makes_a_root(self, tmp_path):
        table = read_track_table(write(tmp_path, "1,0,-1,nan,2", "2,1,1,1,2"))
        assert parents(table) == {2: -1}
        assert {p.kind: p.count for p in table.problems} == {
            "coordinates-not-finite": 1,
            "parent-not-in-table": 1,
        }

    def test_rows_of_delimiters_alone_are_left_out_and_counted(self, tmp_path):
        table = read_track_table(write(tmp_path, *MOTHER, ",,,,", ",,,,"))
        assert len(table) == 2
        problem = the_problem(table, "blank-rows", "warning")
        assert (problem.count, problem.line) == (2, 4)


class TestEmpty:
    @pytest.mark.parametrize(
        "text", ["", "\n\n", "\ufeff", HEADER, f"{HEADER}\n\n", f"\n{HEADER}\r\n"]
    )
    def test_text(self, tmp_path, text):
        file = tmp_path / "t.csv"
        file.write_text(text, encoding="utf-8", newline="")
        self.check(read_track_table(file, experiment="exp", fov="A/1/0"))

    def test_parquet(self, tmp_path):
        for number, columns in enumerate([[], HEADER.split(",")]):
            file = tmp_path / f"{number}.parquet"
            pd.DataFrame(columns=columns).to_parquet(file)
            self.check(read_track_table(file))
        (tmp_path / "zero.pq").touch()
        self.check(read_track_table(tmp_path / "zero.pq"))

    def check(self, table: TrackTable) -> None:
        the_problem(table, "empty-table", "warning")
        assert (len(table), table.rows_in_file) == (0, 0)
        for name in ("track_id", "t", "parent_track_id", "row"):
            assert getattr(table, name).dtype == np.int64
        for name in ("y", "x", "z"):
            assert getattr(table, name).dtype == np.float64


class TestRefused:
    def test_missing_columns_list_what_is_there_and_the_nearest(self, tmp_path):
        fault = the_fault(write(tmp_path, "1,0,1,2", header="trackid,t,y,pos"))
        assert fault.kind == "missing-column"
        assert "track_id" in fault.message
        assert "trackid, t, y, pos" in fault.message
        assert "it seems to be columns: {track_id: trackid}" in fault.remedy

    def test_a_column_that_is_there_twice(self, tmp_path):
        fault = the_fault(write(tmp_path, "1,0,-1,1,2,3", header=f"{HEADER},y"))
        assert fault.kind == "duplicate-column"
        assert "column y is there 2 times" in fault.message
        assert the_fault(write(tmp_path, "1,0,1,2,3", header="track_id,T, T ,y,x")).kind == (
            "duplicate-column"
        )

    @pytest.mark.parametrize("content", [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x1f\x8bnot gzip", b"\xff\xfe\x00\xd8\x41\x00x",
        b"just one line of prose", b"some prose\nover lines, of\nwhich none fits", bytes(100),
    ])  # fmt: skip
    def test_what_is_no_table(self, tmp_path, content):
        file = tmp_path / "t.csv"
        file.write_bytes(content)
        assert the_fault(file).kind in {"not-a-table", "missing-column"}

    def test_an_unknown_ending(self, tmp_path):
        file = write(tmp_path, "of nobody", header="A tale", name="tracks.docx")
        assert ".parquet" in the_fault(file).message

    @pytest.mark.parametrize("column", ["track_id", "t"])
    @pytest.mark.parametrize(("value", "shown"), [
        ("2.5", "2.5"), ("", "empty"), ("NaN", "empty"), ("abc", "'abc'"), ("inf", "inf"),
        ("1e30", "1e+30"), ("9223372036854775808", "'9223372036854775808'"), ("true", "'true'"),
        ("2024-01-01", "'2024-01-01'"),
    ])  # fmt: skip
    def test_integers_that_are_none(self, tmp_path, column, value, shown):
        row = ",".join(
            value if name == column else other
            for name, other in zip(HEADER.split(","), ["1", "5", "-1", "1", "2"], strict=True)
        )
        fault = the_fault(write(tmp_path, *MOTHER, row))
        assert (fault.kind, fault.line) == ("integer-value", 4)
        assert fault.message.startswith(f"{column} is ")
        assert shown in fault.message or repr(value) in fault.message

    @pytest.mark.parametrize("value", ["1.5", "mother"])
    def test_a_parent_that_is_no_number(self, tmp_path, value):
        fault = the_fault(write(tmp_path, *MOTHER, f"2,2,{value},1,2"))
        assert fault.line == 4
        assert value in fault.message

    def test_a_coordinate_that_is_text(self, tmp_path):
        fault = the_fault(write(tmp_path, MOTHER[0], "1,1,-1,left,2"))
        assert (fault.kind, fault.line) == ("coordinate-value", 3)
        assert "'left'" in fault.message

    def test_lines_with_too_few_or_many_cells(self, tmp_path):
        fault = the_fault(write(tmp_path, MOTHER[0], "", "1,1", MOTHER[1], "1,2,-1,1,2,3"))
        assert (fault.kind, fault.line, fault.count) == ("ragged-row", 4, 2)
        assert "'1,1'" in fault.message

    def test_a_line_of_blanks_is_an_empty_line(self, tmp_path):
        table = read_track_table(write(tmp_path, MOTHER[0], "  ", MOTHER[1]))
        assert (table.row.tolist(), table.problems) == ([2, 4], ())

    def test_an_open_quotation_mark_swallows_no_rows(self, tmp_path):
        file = write(tmp_path, '1,0,-1,1,2,"open', "1,1,-1,1,2,x", header=f"{HEADER},note")
        assert "quotation mark" in the_fault(file).message

    def test_a_parent_that_starts_after_its_child(self, tmp_path):
        fault = the_fault(write(tmp_path, "1,5,-1,1,2", "2,4,,1,2", "2,6,1,1,2"))
        assert (fault.kind, fault.line) == ("parent-after-child", 4)
        assert "Track 2 starts at t=4" in fault.message
        assert "parent 1, which starts at t=5" in fault.message

    def test_a_cycle_names_its_tracks_and_not_their_descendants(self, tmp_path):
        rows = ["1,0,3,1,2", "2,1,1,1,2", "3,2,2,1,2", "4,5,3,1,2", "5,0,-1,1,2"]
        fault = the_fault(write(tmp_path, *rows))
        assert (fault.kind, fault.line, fault.count) == ("parent-cycle", 2, 3)
        assert fault.message.endswith("1, 3, 2, 1.")

    def test_two_parents(self, tmp_path):
        rows = [*MOTHER, "4,3,,1,2", "2,2,1,1,2", "2,3,,1,2", "2,4,4,1,2"]
        fault = the_fault(write(tmp_path, *rows))
        assert (fault.kind, fault.line) == ("two-parents", 7)
        assert "Track 2 has the parent 4 here, and 1 in line 5." in fault.message

    def test_two_positions_of_a_track_in_a_frame(self, tmp_path):
        fault = the_fault(write(tmp_path, "1,1,-1,1,2", "1,0,-1,3,4", "1,1,-1,1,2", "1,1,-1,1,9"))
        assert (fault.kind, fault.line) == ("two-positions", 5)
        assert "Track 1 is at two places at t=1: y=1, x=9, z=0 here" in fault.message
        assert "y=1, x=2, z=0 in line 2" in fault.message

    def test_all_faults_come_together(self, tmp_path):
        rows = ["1,0,-1,1,2", "1,0,-1,5,2", "2,5,-1,1,2", "3,4,2,1,2", "x,1,-1,1,2", "6,1,7,1,2",
                "7,1,6,1,2"]  # fmt: skip
        kinds = [fault.kind for fault in faults_of(write(tmp_path, *rows))]
        assert sorted(kinds) == [
            "integer-value", "parent-after-child", "parent-cycle", "two-positions",
        ]  # fmt: skip

    def test_many_faults_are_listed_in_part_and_counted_in_full(self, tmp_path):
        faults = faults_of(write(tmp_path, *[f"x{t},{t},-1,1,2" for t in range(100)]))
        assert len(faults) == 21
        assert sum(fault.count for fault in faults) == 100
        assert faults[3].line == 5

    def test_unreadable(self, tmp_path):
        with pytest.raises(StoreError, match=r"gone\.csv") as caught:
            read_track_table(tmp_path / "gone.csv")
        assert isinstance(caught.value, OSError)

    @needs_posix
    def test_no_permission(self, tmp_path):
        file = write(tmp_path, *MOTHER)
        file.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(StoreError, match=r"tracks\.csv.*Permission denied"):
                read_track_table(file)
        finally:
            os.seteuid(user)


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


def slow_link_faults(tracks: dict[int, tuple[int, int, int]]) -> dict[int, str]:
    """Say of each track, one by one, what is wrong with its parent."""
    faults = {}
    for track, (first, _, parent) in tracks.items():
        chain, ancestor = [track], parent
        while ancestor in tracks and ancestor not in chain:
            chain.append(ancestor)
            ancestor = tracks[ancestor][2]
        if parent < 0:
            faults[track] = ""
        elif parent == track:
            faults[track] = "own"
        elif parent not in tracks:
            faults[track] = "absent"
        elif ancestor == track:
            faults[track] = "cycle"
        elif tracks[parent][0] > first:
            faults[track] = "later"
        else:
            faults[track] = "overlap" if tracks[parent][1] >= first else ""
    return faults


@given(
    st.dictionaries(
        st.integers(0, 9),
        st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(-1, 10)),
        max_size=10,
    )
)
def test_link_faults_agree_with_the_slow_reference(drawn):
    tracks = {
        track: (first, first + length, parent)
        for track, (first, length, parent) in sorted(drawn.items())
    }
    columns = np.array(list(tracks.values()), dtype=np.int64).reshape(-1, 3)
    found = check_links(np.array(list(tracks), dtype=np.int64), *columns.T)
    flags = {
        "own": found.is_own_parent, "absent": found.parent_absent, "cycle": found.in_cycle,
        "later": found.parent_later, "overlap": found.parent_overlaps,
    }  # fmt: skip
    expected = list(slow_link_faults(tracks).values())
    for name, flag in flags.items():
        assert flag.tolist() == [fault == name for fault in expected], name


def test_long_chains_and_cycles_are_told_apart():
    n_tracks = 3000
    order = list(range(n_tracks))
    random.Random(0).shuffle(order)
    parent = np.full(n_tracks, -1)
    parent[order[1:]] = order[:-1]
    zeros = np.zeros(n_tracks, np.int64)
    assert not check_links(np.arange(n_tracks), zeros, zeros, parent).in_cycle.any()
    parent[order[0]] = order[-1]
    assert check_links(np.arange(n_tracks), zeros, zeros, parent).in_cycle.all()


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
