"""Checks of track tables as a whole: losses, doubles, sparse data, what changes no finding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowds import (
    FOV,
    FRAMES,
    NEW,
    SIZE,
    crowd,
    divided,
    family_crowd,
    kinds,
    moved,
    only,
    renamed,
    track,
    warnings,
)


def test_sound_tracks_give_no_finding(check):
    assert check(crowd()) == []
    assert check(family_crowd()) == []


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
