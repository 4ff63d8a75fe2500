"""Track tables as people have them: what is repaired and counted, and what is refused."""

from __future__ import annotations

import os
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_triplets.engine.errors import StoreError
from lineage_triplets.engine.tracks.read import (
    TrackTable,
    check_links,
    read_track_table,
)
from systems import needs_posix
from track_files import DAUGHTERS, HEADER, MOTHER, faults_of, parents, the_fault, the_problem, write


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
