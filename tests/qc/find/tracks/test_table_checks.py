"""Checks of track tables, each on a small field of cells with one thing wrong, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stores
from lineage_triplets import ExperimentRegistry, MultiExperimentIndex
from lineage_triplets.qc.find import Finding
from lineage_triplets.qc.find.checks import TABLE_CHECKS, load_checks
from lineage_triplets.qc.find.track_data.data import TrackData
from lineage_triplets.qc.record.decision import Target

Tables = pd.DataFrame | Mapping[tuple[str, str], pd.DataFrame]
Check = Callable[..., list[Finding]]

FRAMES, LONG, SIZE, UM = 20, 60, 480, 0.5
FOV = "A/1/0"
NEW = 101


@pytest.fixture(scope="module")
def check(tmp_path_factory) -> Check:
    """All findings of the table checks: ``check(table)``, or by experiment and FOV."""
    load_checks()
    experiments: dict[tuple, object] = {}

    def run(
        tables: Tables,
        *,
        shape: tuple[int, int] = (FRAMES, 1),
        intervals: Mapping[str, float] | None = None,
        pixel_size_um: float = UM,
        slice_um: float = 2.0,
        **index: object,
    ) -> list[Finding]:
        if isinstance(tables, pd.DataFrame):
            tables = {("one", FOV): tables}
        configs = []
        for name in dict.fromkeys(name for name, _ in tables):
            by_fov = {fov: table for (other, fov), table in tables.items() if other == name}
            interval = (intervals or {}).get(name, 15.0)
            key = (name, tuple(by_fov), shape, interval, pixel_size_um, slice_um)
            if key not in experiments:
                experiments[key] = stores.make_experiment(
                    tmp_path_factory.mktemp("plate"),
                    name,
                    {},
                    fovs=list(by_fov),
                    shape=(shape[0], 1, shape[1], SIZE, SIZE),
                    channels=["Phase"],
                    pixel_size_um=pixel_size_um,
                    slice_um=slice_um,
                    interval_minutes=interval,
                )
            configs.append(experiments[key])
            stores.write_tables(Path(configs[-1].tracks_path), by_fov)
        arguments = {"z_range": 1, "yx_patch_size": (64, 64), **index}
        made = MultiExperimentIndex(ExperimentRegistry(configs), **arguments)
        data = TrackData.of_index(made)
        return [one for name in sorted(TABLE_CHECKS) for one in TABLE_CHECKS[name].run(data)]

    return run


def crowd(seed: int = 0, frames: int = FRAMES, rows: int = 6, step: float = 2.0) -> pd.DataFrame:
    """Cells on a grid of 60 px that walk at random, far from the border; tracks from 1."""
    rng = np.random.default_rng(seed)
    place = 90 + 60 * np.arange(rows)
    start = np.stack(np.meshgrid(place, place, indexing="ij"), axis=-1).reshape(-1, 2)
    walk = start + np.cumsum(rng.normal(0, step, (frames, len(start), 2)), axis=0)
    t, cell = np.divmod(np.arange(frames * len(start)), len(start))
    return pd.DataFrame(
        {
            "track_id": cell + 1,
            "t": t,
            "parent_track_id": -1,
            "z": 0.0,
            "y": walk[t, cell, 0],
            "x": walk[t, cell, 1],
        }
    )


def divided(
    table: pd.DataFrame, mother: int, t: int, *, first: int = NEW, gap: int = 1, part: float = 7.0
) -> pd.DataFrame:
    """Let a track end before frame `t` as a mother of two, each `part` px away a frame later."""
    own = table["track_id"] == mother
    later = table[own & (table["t"] >= t + gap - 1)]
    born = later["t"].min()
    parts = [table[~own | (table["t"] < t)]]
    for side in (1, -1):
        away = side * np.where(later["t"] > born, 6 + part, 6)
        parts.append(
            later.assign(track_id=first + (side < 0), parent_track_id=mother, x=later["x"] + away)
        )
    return pd.concat(parts, ignore_index=True)


def family_crowd(part: float = 7.0) -> pd.DataFrame:
    """A crowd with eight divisions; daughters are 41 to 56."""
    table = crowd()
    for number, mother in enumerate((1, 3, 5, 25, 27, 31, 33, 35)):
        table = divided(table, mother, 5 + number, first=41 + 2 * number, part=part)
    return table


def moved(table: pd.DataFrame, where: pd.Series, y: float = 0.0, x: float = 0.0) -> pd.DataFrame:
    table = table.copy()
    table.loc[where, "y"] += y
    table.loc[where, "x"] += x
    return table


def renamed(table: pd.DataFrame, t: int, names: Mapping[int, int]) -> pd.DataFrame:
    """Give tracks other numbers from frame `t` on; a new track is a root."""
    table = table.copy()
    later = table["t"] >= t
    table.loc[later, "track_id"] = table.loc[later, "track_id"].replace(names)
    return table


def warnings(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity != "note"]


def kinds(findings: list[Finding]) -> list[str]:
    return [one.kind for one in findings]


def only(findings: list[Finding], kind: str) -> Finding:
    """The one warning, of a kind."""
    found = warnings(findings)
    assert kinds(found) == [kind], [one.sentence for one in found]
    return found[0]


def link(track: int, **place: int) -> Target:
    return Target("link", "one", FOV, str(track), **place)


def join(track_id: int, t: int, to_track_id: int, to_t: int) -> Target:
    return Target("join", "one", FOV, str(track_id), t, daughter=to_track_id, to_t=to_t)


def track(number: int) -> Target:
    return Target("track", "one", FOV, str(number))


def test_sound_tracks_give_no_finding(check):
    assert check(crowd()) == []
    assert check(family_crowd()) == []


# Jumps


def test_a_jump_is_found_with_its_lengths(check):
    table = crowd()
    table = moved(table, (table["track_id"] == 15) & (table["t"] >= 10), y=28)
    one = only(check(table), "jump")
    assert (one.experiment, one.fov, one.tracks, one.t) == ("one", FOV, (15,), 10)
    assert one.settled_by == ((link(15, t=10),), (track(15),))
    step, usual, speed, times = one.evidence
    assert step.unit == usual.unit == "um"
    assert 11 < step.value < 17
    assert 0.5 < usual.value < 2.5
    assert speed.unit == "um/h"
    assert speed.value == pytest.approx(4 * step.value)
    assert times.value > 5
    assert "between frames 9 and 10" in one.sentence
    assert " um)" in one.sentence


@pytest.mark.parametrize("share", [0.01, 0.03, 0.05])
def test_many_jumps_do_not_hide_each_other(check, share):
    table = crowd()
    rng = np.random.default_rng(4)
    n_steps = len(table) - table["track_id"].nunique()
    t, track_id = np.divmod(rng.choice(n_steps, round(share * n_steps), replace=False), 36)
    for number, (at, cell) in enumerate(zip(t + 1, track_id + 1, strict=True)):
        later = (table["track_id"] == cell) & (table["t"] >= at)
        table = moved(table, later, x=26 if number % 2 else -26)
    found = {(one.tracks[0], one.t) for one in check(table) if one.kind == "jump"}
    planted = set(zip(track_id + 1, t + 1, strict=True))
    assert len(found & planted) >= 0.85 * len(planted)


def test_lengths_are_in_pixels_where_their_size_is_not_known(check):
    table = crowd()
    table = moved(table, (table["track_id"] == 15) & (table["t"] >= 10), y=28)
    one = only(check(table, pixel_size_um=1.0), "jump")
    assert [part.unit for part in one.evidence] == ["px", "px", ""]
    assert "(" not in one.sentence


def test_a_place_that_is_wrong_in_one_frame_is_one_finding(check):
    table = crowd()
    table = moved(table, (table["track_id"] == 15) & (table["t"] == 10), x=-29)
    one = only(check(table), "jump")
    assert one.t == 10
    assert one.settled_by[0] == (Target("observation", "one", FOV, "15", 10),)
    assert one.settled_by[1] == (link(15, t=10), link(15, t=11))


def test_the_stages_drift_is_no_jump(check):
    table = crowd()
    table = moved(table, table["t"] >= 10, y=45, x=-60)
    assert check(moved(table, table["t"] >= 15, x=30)) == []


def test_few_cells_that_move_together_are_moved_by_the_stage(check):
    table = crowd(frames=LONG)
    table = table[table["track_id"].isin([8, 15, 29])]
    together = moved(table, table["t"] >= 10, y=60, x=20)
    assert check(together, shape=(LONG, 1)) == []
    alone = moved(table, (table["t"] >= 10) & (table["track_id"] == 15), y=60, x=20)
    assert only(check(alone, shape=(LONG, 1)), "jump").tracks == (15,)


def test_cells_that_are_carried_along_together_do_not_jump(check):
    table = crowd()
    pair = moved(table, table["track_id"] == 16, x=-30)
    pair = moved(pair, pair["track_id"].isin([15, 16]) & (pair["t"] >= 10), y=29)
    assert check(pair) == []


def test_a_fast_cell_that_keeps_its_way_does_not_jump(check):
    table = crowd()
    fast = table["track_id"] == 36
    table.loc[fast, ["y", "x"]] = np.array([[390.0, 40 + 18 * t] for t in range(FRAMES)])
    assert warnings(check(table)) == []


def test_steady_motion_over_missing_frames_is_no_jump(check):
    table = crowd()
    steady = table["track_id"] == 36
    table.loc[steady, "x"] = 40 + 6.0 * table.loc[steady, "t"]
    gone = (table["t"] > 8) & (table["t"] < 12)
    assert check(table[~(gone & steady)]) == []


def test_the_stage_may_drift_while_frames_are_missing(check):
    table = crowd(frames=LONG)
    table = moved(table, table["t"] >= 12, y=40)
    assert check(table[table["t"] != 11], shape=(LONG, 1)) == []


def test_cells_get_far_while_they_are_not_seen(check):
    table = crowd(frames=LONG, step=2.5)
    unseen = (table["track_id"] % 4 == 0) & table["t"].between(10, 49)
    assert warnings(check(table[~unseen], shape=(LONG, 1))) == []


def test_a_restless_cell_among_quiet_ones_does_not_jump(check):
    table = crowd(step=2.0)
    restless = table["track_id"] == 36
    walk = np.cumsum(np.random.default_rng(5).normal(0, 8.0, (FRAMES, 2)), axis=0)
    table.loc[restless, ["y", "x"]] = 410 + walk - walk.mean(axis=0)
    assert warnings(check(table)) == []


def test_a_fast_cell_that_stops_does_not_jump(check):
    table = crowd()
    fast = table["track_id"] == 36
    table.loc[fast, ["y", "x"]] = [[390.0, 40 + 22 * min(t, 11)] for t in range(FRAMES)]
    assert warnings(check(table)) == []


# Cells taken for each other


def test_an_identity_swap_is_one_finding_for_both_tracks(check):
    table = moved(crowd(), crowd()["track_id"] == 16, x=-28)
    table = renamed(table, 10, {15: 16, 16: 15})
    one = only(check(table), "identity-swap")
    assert set(one.tracks) == {15, 16}
    assert one.t == 10
    assert set(one.settled_by[0]) == {link(15, t=10), link(16, t=10)}
    assert set(one.settled_by[1]) == {track(15), track(16)}
    # A way that gives each its own cell back is the last one: scripts name ways by number.
    assert set(one.settled_by[-1]) == {
        link(15, t=10), link(16, t=10), join(15, 9, 16, 10), join(16, 9, 15, 10)
    }  # fmt: skip
    assert "between frames 9 and 10" in one.sentence


def test_a_swap_of_cells_that_keep_their_way_shows_in_their_ways(check):
    table = crowd(step=0.3)
    # All go round in circles, 10 px a frame.
    turn = 0.4 * table["t"] + table["track_id"].replace({16: 15})
    table["y"] += 25 * np.sin(turn)
    table["x"] += 25 * np.cos(turn)
    table = moved(table, table["track_id"] == 16, x=-46)
    assert warnings(check(table)) == []
    one = only(check(renamed(table, 10, {15: 16, 16: 15})), "identity-swap")
    assert set(one.tracks) == {15, 16}


def test_neighbours_that_pass_each_other_are_not_swapped(check):
    table = crowd()
    for number, way in ((15, 1), (16, -1)):
        own = table["track_id"] == number
        t = table.loc[own, "t"]
        table.loc[own, "y"] = 200 + 8.0 * way
        table.loc[own, "x"] = 240 + way * (6.0 * t - 57)
    assert warnings(check(table)) == []


def test_a_track_that_goes_on_along_another_cell(check):
    table = renamed(crowd(), 10, {15: NEW, 16: 15})
    one = only(check(table), "wrong-link")
    assert one.tracks[0] == 15
    assert set(one.tracks) == {15, 16, NEW}
    assert one.t == 10
    cut = link(15, t=10)
    mended = (cut, join(15, 9, NEW, 10), join(16, 9, 15, 10))
    assert one.settled_by == ((cut,), (track(15),), mended)


# Divisions


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


# Losses and doubles


def test_tracks_that_begin_and_end_amid_the_field_are_counted_once_a_fov(check):
    table = crowd()
    late = table["track_id"].isin([8, 20]) & (table["t"] < 6)
    short = (table["track_id"] == 29) & (table["t"] > 12)
    found = check(table[~late & ~short])
    assert [(one.kind, one.severity, one.count) for one in found] == [
        ("track-begins", "note", 2),
        ("track-ends", "note", 1),
    ]
    assert found[0].sentence.startswith("2 of 36 tracks (6%) begin amid the field")
    assert found[1].sentence.startswith("1 of 36 tracks (3%) ends amid the field")


def test_cells_that_cross_the_border_are_no_loss(check):
    table = crowd()
    table = table[~table["track_id"].between(7, 12)]
    own = table["track_id"] < 4
    table.loc[own, "y"] = 30.0 - 4 * table.loc[own, "t"]
    assert check(table[table["y"] >= 0]) == []
    # Where cells near the border are left out, that is the border.
    table.loc[own, "y"] = 70.0 - 4 * table.loc[own, "t"]
    assert check(table[table["y"] >= 0], border="exclude") == []


def test_two_tracks_on_one_cell(check):
    table = crowd()
    copy = table[(table["track_id"] == 15) & table["t"].between(5, 12)].assign(track_id=NEW)
    copy[["y", "x"]] += np.random.default_rng(1).normal(0, 0.5, (len(copy), 2))
    one = only(check(pd.concat([table, copy])), "duplicate-track")
    assert one.tracks == (15, NEW)
    assert (one.t, one.count) == (5, 8)
    assert one.settled_by == ((track(15),), (track(NEW),))


def test_cells_that_touch_for_a_moment_are_two(check):
    table = crowd()
    own = (table["track_id"] == 16) & (table["t"] == 10)
    near = table[(table["track_id"] == 15) & (table["t"] == 10)]
    table.loc[own, ["y", "x"]] = near[["y", "x"]].to_numpy() + 2
    assert "duplicate-track" not in kinds(check(table))


def test_neighbours_that_pass_over_each_other_are_two(check):
    table = crowd()
    lain = (table["track_id"] == 16) & table["t"].between(8, 11)
    under = (table["track_id"] == 15) & table["t"].between(8, 11)
    table.loc[lain, ["y", "x"]] = table.loc[under, ["y", "x"]].to_numpy() + 3.0
    assert "duplicate-track" not in kinds(check(table))


def test_many_cells_twice(check):
    table = crowd()
    table = table[table["track_id"] <= 30]
    copies = table[table["track_id"] <= 10]
    copies = copies.assign(track_id=copies["track_id"] + NEW)
    copies[["y", "x"]] += np.random.default_rng(1).normal(0, 0.5, (len(copies), 2))
    found = check(pd.concat([table, copies]))
    assert kinds(found) == ["duplicate-track"] * 10


def test_where_cells_are_small_and_dense_neighbours_are_two(check):
    # A field of large cells, in some frames of which there are small ones, too.
    table = crowd()
    y, x = np.divmod(np.arange(36), 6)
    small = pd.DataFrame({"track_id": np.arange(36) + NEW, "y": 300 + 6.0 * y, "x": 20 + 6.0 * x})
    parts = [
        small.assign(t=t, parent_track_id=-1, z=0.0, x=small["x"] + 0.1 * t) for t in range(9, 14)
    ]
    assert "duplicate-track" not in kinds(check(pd.concat([table, *parts])))


def test_sisters_may_lie_on_one_cell_until_they_part(check):
    table = family_crowd()
    for t, expected in ((13, []), (FRAMES, ["duplicate-track"])):
        slow = divided(table, 15, 9)
        both = (slow["track_id"] >= NEW) & (slow["t"] < t)
        middle = slow[both].groupby("t")[["y", "x"]].transform("mean")
        slow.loc[both, ["y", "x"]] = middle + np.where(slow.loc[both, ["track_id"]] > NEW, 2, -2)
        assert kinds(warnings(check(slow))) == expected


def test_very_short_tracks_are_counted(check):
    table = crowd()
    debris = pd.DataFrame(
        {"track_id": [200, 200, 201], "t": [7, 8, 12], "parent_track_id": -1, "z": 0.0}
    ).assign(y=[120.0, 120, 300], x=[120.0, 121, 300])
    found = check(pd.concat([table, debris]))
    assert ("short-track", 2) in [(one.kind, one.count) for one in found]
    assert warnings(found) == []


# Where there is little, or more than one


def test_one_cell_alone(check):
    table = crowd()
    assert check(table[table["track_id"] == 15]) == []


def test_a_fov_without_cells_and_one_with(check):
    table = crowd()
    assert check({("one", FOV): table, ("one", "A/1/1"): table[:0]}) == []
    assert check(table[:0]) == []


def test_a_movie_of_one_frame(check):
    table = crowd(frames=1)
    assert check(table, shape=(1, 1)) == []
    twice = pd.concat([table, table[:1].assign(track_id=NEW)])
    assert kinds(warnings(check(twice, shape=(1, 1)))) == ["duplicate-track"]


def test_each_experiment_has_its_own_measure(check):
    slow, fast = crowd(0, step=1.0), crowd(1, step=4.0)
    both = {("slow", FOV): slow, ("fast", FOV): fast}
    intervals = {"slow": 5.0, "fast": 60.0}
    assert warnings(check(both, intervals=intervals)) == []
    jump = (slow["track_id"] == 15) & (slow["t"] >= 10)
    found = check(both | {("slow", FOV): moved(slow, jump, y=24)}, intervals=intervals)
    one = only(found, "jump")
    assert one.experiment == "slow"
    assert one.evidence[2].value == pytest.approx(12 * one.evidence[0].value)


def test_depth_counts_where_there_are_slices(check):
    rng = np.random.default_rng(3)
    table = crowd().assign(z=lambda rows: 5 + rng.normal(0, 0.1, len(rows)))
    above = table[table["track_id"] == 15].assign(track_id=NEW, z=lambda rows: rows["z"] + 4)
    deep = pd.concat([table, above])
    assert check(deep, shape=(FRAMES, 12)) == []
    # The same in one plane lie on one cell.
    assert kinds(warnings(check(deep))) == ["duplicate-track"]
    leap = (table["track_id"] == 15) & (table["t"] >= 10)
    table.loc[leap, "z"] += 6.5
    assert only(check(table, shape=(FRAMES, 12)), "jump").tracks == (15,)


def ball(slice_px: float, *, whole: bool) -> pd.DataFrame:
    """A ball of cells 24 px apart, which stray alike along all axes; z in slices."""
    rng = np.random.default_rng(0)
    grid = 24.0 * np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    place = np.empty((FRAMES, *grid.shape))
    place[0] = grid
    for t in range(1, FRAMES):
        place[t] = place[t - 1] + 0.2 * (grid - place[t - 1]) + rng.normal(0, 2.0, grid.shape)
    t, cell = np.divmod(np.arange(FRAMES * len(grid)), len(grid))
    z = (place[t, cell, 0] + 20) / slice_px
    return pd.DataFrame(
        {
            "track_id": cell + 1,
            "t": t,
            "parent_track_id": -1,
            "z": z.round() if whole else z,
            "y": place[t, cell, 1] + 200,
            "x": place[t, cell, 2] + 200,
        }
    )


def test_depth_in_whole_slices_is_no_exchange_of_cells(check):
    table = ball(8.0, whole=True)
    assert warnings(check(table, shape=(FRAMES, 40), pixel_size_um=0.25)) == []


@pytest.mark.parametrize("whole", [True, False])
def test_slices_of_unknown_distance_are_scaled_by_how_cells_move(check, whole):
    table = ball(8.0, whole=whole)
    assert warnings(check(table, shape=(FRAMES, 40), pixel_size_um=1.0, slice_um=1.0)) == []


# Properties


def spoilt() -> pd.DataFrame:
    """A crowd with a jump, a swap and a far daughter."""
    table = divided(family_crowd(), 29, 9)
    table = moved(table, table["track_id"] == NEW, y=-40)
    table = moved(table, (table["track_id"] == 20) & (table["t"] >= 12), x=29)
    return renamed(table, 10, {15: 16, 16: 15})


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 60))
def test_drift_of_the_stage_changes_no_finding(check, seed, size):
    table = spoilt()
    expected = sorted(one.key for one in check(table))
    assert len(expected) == 3
    drift = np.random.default_rng(seed).uniform(-size, size, (FRAMES, 2))
    shifted = table.copy()
    shifted[["y", "x"]] += drift[shifted["t"]]
    assert sorted(one.key for one in check(shifted)) == expected


@pytest.mark.parametrize("turn", ["transposed", "upside down"])
def test_turning_the_field_changes_no_finding(check, turn):
    table = spoilt()
    expected = sorted(one.key for one in check(table))
    if turn == "transposed":
        turned = table.rename(columns={"y": "x", "x": "y"})
    else:
        turned = table.assign(y=SIZE - 1 - table["y"])
    assert sorted(one.key for one in check(turned)) == expected


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_lineage_far_away_changes_nothing_for_the_others(check, seed):
    table = spoilt()
    expected = {one.key for one in check(table)}
    rng = np.random.default_rng(seed)
    walk = 455 + np.cumsum(rng.normal(0, 1.0, (FRAMES, 2)), axis=0)
    walk = np.minimum(walk, SIZE - 1)
    other = pd.DataFrame(
        {"track_id": 900, "t": np.arange(FRAMES), "parent_track_id": -1, "z": 0.0}
    ).assign(y=walk[:, 0], x=walk[:, 1])
    assert {one.key for one in check(pd.concat([table, other]))} == expected


def test_findings_are_the_same_in_every_run(check):
    table = spoilt()
    shuffled = table.sample(frac=1, random_state=0)
    assert [one.as_dict() for one in check(table)] == [one.as_dict() for one in check(shuffled)]


def test_steps_as_large_as_the_distance_between_cells_cannot_be_judged(check):
    (found,) = [one for one in check(crowd(step=24.0)) if one.kind == "no-power"]
    assert found.severity == "warning"
    assert "cannot be judged from positions" in found.sentence
    step, neighbour = (one.value for one in found.evidence)
    assert step >= 0.25 * neighbour
    assert (found.fov, found.tracks, found.settled_by) == ("", (), ())


def test_links_that_can_be_judged_are_not_called_untold(check):
    for table in (crowd(), crowd(step=6.0), crowd(rows=1, step=24.0).query("track_id == 1")):
        assert "no-power" not in kinds(check(table))


def test_of_two_experiments_the_one_is_named(check):
    found = check({("fine", FOV): crowd(), ("far", FOV): crowd(step=24.0)})
    assert [one.experiment for one in found if one.kind == "no-power"] == ["far"]
