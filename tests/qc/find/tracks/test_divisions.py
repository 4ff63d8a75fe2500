"""Divisions in track tables: wrong, far, late and missing daughters, and those that are right."""

from __future__ import annotations

import pandas as pd
import pytest

from crowds import (
    LONG,
    NEW,
    crowd,
    divided,
    family_crowd,
    join,
    kinds,
    link,
    moved,
    only,
    renamed,
    track,
)


def test_a_wrong_daughter_names_the_true_one_and_the_track_it_was_taken_from(check):
    table = divided(family_crowd(), 15, 9)
    table.loc[table["track_id"] == NEW, "parent_track_id"] = -1
    table = renamed(table, 9, {16: 200})
    table.loc[table["track_id"] == 200, "parent_track_id"] = 15
    one = only(check(table), "far-daughter")
    assert one.tracks == (200, 15, NEW, 16)
    assert one.t == 9
    assert one.settled_by == ((link(15, daughter=200),), (track(200),))
    assert "true daughter" in one.sentence


def test_a_far_daughter_is_found_by_distance_alone(check):
    table = divided(family_crowd(), 15, 9)
    table = moved(table, table["track_id"] == NEW, y=-40)
    one = only(check(table), "far-daughter")
    assert one.tracks == (NEW, 15)
    distance, usual, _ = one.evidence
    assert distance.value > 15 > 6 > usual.value


def test_daughters_that_part_fast_are_right(check):
    assert check(family_crowd(part=19.0)) == []


def test_the_stages_drift_brings_no_daughter_away(check):
    table = family_crowd()
    assert check(moved(table, table["t"] >= 9, y=50)) == []


def test_more_than_two_daughters(check):
    table = divided(family_crowd(), 15, 9)
    third = table[(table["track_id"] == NEW)].assign(track_id=300)
    table = pd.concat([table, moved(third, third["t"] > 0, y=22)], ignore_index=True)
    found = [one for one in check(table) if one.kind == "many-daughters"]
    assert [one.tracks for one in found] == [(15, NEW, NEW + 1, 300)]
    assert found[0].settled_by[0] == (link(15, daughter=NEW),)
    assert found[0].settled_by[3] == (track(NEW),)


@pytest.mark.parametrize("gap", [2, 5])
def test_daughters_that_begin_late(check, gap):
    found = check(divided(family_crowd(), 15, 9, gap=gap))
    assert [(one.kind, one.severity) for one in found] == [("late-daughter", "warning")]
    assert "Of 8 other mothers 8 have theirs at once" in found[0].sentence
    assert found[0].tracks == (15, NEW, NEW + 1)
    assert found[0].t == 8 + gap
    assert found[0].evidence[0].value == gap
    assert found[0].evidence[1].value == gap / 4
    assert f"{gap} frames ({gap / 4:g} h) later" in found[0].sentence
    assert found[0].settled_by[0] == (link(15, daughter=NEW), link(15, daughter=NEW + 1))


def test_a_frame_or_two_late_is_a_note_where_others_are_as_late_or_few(check):
    often = crowd()
    for number, mother in enumerate((1, 3, 5, 15, 27, 31)):
        gap = 2 if number % 2 else 1
        often = divided(often, mother, 5 + number, first=41 + 2 * number, gap=gap)
    alone = divided(crowd(), 15, 9, gap=2)
    for table, late in ((often, 3), (alone, 1)):
        found = [one for one in check(table) if one.kind == "late-daughter"]
        assert [one.severity for one in found] == ["note"] * late
    long_late = divided(crowd(), 15, 9, gap=5)
    assert [one.severity for one in check(long_late)] == ["warning"]


def test_daughters_that_begin_far_apart_on_both_sides(check):
    table = divided(family_crowd(), 15, 9)
    for number, way in ((NEW, 1), (NEW + 1, -1)):
        table = moved(table, table["track_id"] == number, x=way * 26)
    far = [one for one in check(table) if one.kind == "far-daughter"]
    assert {one.tracks[0] for one in far} == {NEW, NEW + 1}


def test_late_daughters_may_have_moved_on(check):
    table = divided(family_crowd(), 15, 5, gap=11)
    table = moved(table, table["track_id"] == NEW, y=34)
    assert kinds(check(table)) == ["late-daughter"]


@pytest.mark.parametrize("gap", [1, 2])
def test_a_division_without_links(check, gap):
    table = divided(family_crowd(), 15, 9, gap=gap)
    table.loc[table["track_id"] >= NEW, "parent_track_id"] = -1
    found = check(table)
    one = only(found, "missed-division")
    assert one.tracks == (15, NEW, NEW + 1)
    assert one.t == 8 + gap
    # What explains them is not counted as a loss, too.
    assert len(found) == 1


def test_a_division_with_one_link(check):
    table = divided(family_crowd(), 15, 9)
    table.loc[table["track_id"] == NEW, "parent_track_id"] = -1
    one = only(check(table), "missed-division")
    assert set(one.tracks) == {15, NEW, NEW + 1}
    assert "one daughter was not linked" in one.sentence


def test_a_mother_that_goes_on_while_a_daughter_begins(check):
    table = divided(family_crowd(), 15, 9)
    table["track_id"] = table["track_id"].replace({NEW + 1: 15})
    table.loc[table["track_id"].isin([15, NEW]), "parent_track_id"] = -1
    one = only(check(table), "missed-division")
    assert one.tracks == (15, NEW)
    assert one.t == 9
    assert one.settled_by[0] == (join(15, 8, NEW, 9),)
    assert "goes on in frame 9" in one.sentence
    assert "one daughter was not linked" in one.sentence


def test_links_that_a_division_lacks_are_named(check):
    table = divided(family_crowd(), 15, 9)
    table.loc[table["track_id"] >= NEW, "parent_track_id"] = -1
    one = only(check(table), "missed-division")
    assert one.settled_by == (
        (join(15, 8, NEW, 9), join(15, 8, NEW + 1, 9)),
        (track(15),),
        (track(NEW), track(NEW + 1)),
    )


def test_tracks_that_break_off_all_the_time_tell_no_division(check):
    table = crowd()
    table["track_id"] += 100 * (table["t"] // 3)
    found = check(table)
    (told,) = [one for one in found if one.kind == "no-power"]
    assert "Tracks break off" in told.sentence
    assert told.evidence[0].value > 0.25
    assert "missed-division" not in kinds(found)


def test_a_daughter_on_the_wrong_mother(check):
    table = divided(family_crowd(), 15, 9)
    # She hangs on a neighbour that lies beside the two, and her mother goes on as her sister.
    mother = table[(table["track_id"] == 15) & (table["t"] == 8)].iloc[0]
    beside = table["track_id"] == 16
    now = table[beside & (table["t"] == 8)].iloc[0]
    table = moved(table, beside, y=mother["y"] + 18 - now["y"], x=mother["x"] + 4 - now["x"])
    table["track_id"] = table["track_id"].replace({NEW + 1: 15})
    table.loc[table["track_id"] == 15, "parent_track_id"] = -1
    later = beside & (table["t"] >= 9)
    table.loc[later, ["track_id", "parent_track_id"]] = [200, 16]
    table.loc[table["track_id"] == NEW, "parent_track_id"] = 16
    one = only(check(table), "doubtful-link")
    assert one.tracks == (NEW, 16, 15)
    assert one.t == 9
    assert one.settled_by == (
        (link(16, daughter=NEW), join(15, 8, NEW, 9)),
        (link(16, daughter=NEW),),
        (track(NEW),),
    )
    assert "likelier it is a daughter of track 15" in one.sentence


@pytest.mark.parametrize(("life", "found"), [(4, ["short-cycle"]), (12, [])])
def test_a_daughter_that_divides_again_at_once(check, life, found):
    table = crowd(frames=LONG)
    for number, mother in enumerate((1, 3, 5, 13, 17, 25, 27, 29)):
        table = divided(table, mother, 10, first=100 + 10 * number)
        table = divided(table, 100 + 10 * number, 40, first=102 + 10 * number)
    table = divided(table, 35, 10, first=300)
    table = divided(table, 300, 10 + life, first=302)
    result = [one for one in check(table, shape=(LONG, 1)) if one.kind == "short-cycle"]
    assert kinds(result) == found
    for one in result:
        assert (one.tracks, one.t) == ((300, 35, 302, 303), 10)
        assert one.settled_by[-1] == (track(300),)
        assert len(one.settled_by) == 5
        assert set(one.settled_by[:-1]) == {
            (link(35, daughter=300),),
            (link(35, daughter=301),),
            (link(300, daughter=302),),
            (link(300, daughter=303),),
        }
