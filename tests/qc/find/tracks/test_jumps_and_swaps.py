"""Jumps, and cells taken for each other: found where there is one, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from crowds import (
    FOV,
    FRAMES,
    LONG,
    NEW,
    crowd,
    join,
    link,
    moved,
    only,
    renamed,
    track,
    warnings,
)
from lineage_triplets.qc.record.decision import Target

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
