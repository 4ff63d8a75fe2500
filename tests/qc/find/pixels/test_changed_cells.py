"""Tracks that take another cell are told by its looks; cells that divide or flash are not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from grainy_cells import (
    BACKGROUND,
    FOV,
    FRAMES,
    SIZE,
    dim,
    exchanged,
    places,
    put,
    tracked,
    unlike_neighbours,
)
from lineage_triplets.qc.record.decision import Target


def test_cells_that_exchange_tracks_are_told(find):
    one, other = unlike_neighbours()
    (found,) = find(table=exchanged(one, other, 18))
    assert (found.kind, found.severity, found.t) == ("changed-cell", "warning", 18)
    assert set(found.tracks) == {one, other}
    assert {(target.track, target.t) for target in found.settled_by[0]} == {
        (str(one), 18),
        (str(other), 18),
    }
    assert {target.level for target in found.settled_by[0]} == {"link"}
    assert {target.level for target in found.settled_by[1]} == {"track"}


def test_cells_that_exchange_tracks_are_told_through_a_change_of_light(find):
    one, other = unlike_neighbours()
    lamp = partial(dim, frames=slice(18, None), factor=0.5)
    (found,) = find(table=exchanged(one, other, 18), look=lamp)
    assert (found.kind, set(found.tracks), found.t) == ("changed-cell", {one, other}, 18)


def test_a_track_that_takes_another_cell_is_told(find):
    one, other = unlike_neighbours()
    table = tracked()
    table = table[(table["track_id"] != other) | (table["t"] >= 18)]
    table = table[(table["track_id"] != one) | (table["t"] < 18)]
    table.loc[table["track_id"] == other, "track_id"] = one
    (found,) = find(table=table)
    assert (found.kind, found.tracks, found.t) == ("changed-cell", (one,), 18)
    assert found.settled_by == (
        (Target("link", "one", FOV, str(one), t=18),),
        (Target("track", "one", FOV, str(one)),),
    )


@pytest.mark.parametrize(("n_cells", "brightness"), [(16, 6e4), (8, 2.5e4)])
def test_debris_that_comes_and_stays_is_no_changed_cell(find, n_cells, brightness):
    where = (slice(18, None), slice(None), 0, slice(64, 66), slice(64, 66))
    table = tracked()
    assert find(look=put(where, brightness), table=table[table["track_id"] < n_cells]) == []


def test_a_flash_of_one_frame_is_no_changed_cell(find):
    def flash(pixels):
        y, x = (int(place) for place in places(FRAMES)[18, 5])
        pixels[18, 1, 0, y - 6 : y + 7, x - 6 : x + 7] *= 4

    assert find(look=flash) == []


def test_a_cell_that_rounds_up_and_divides_is_no_changed_cell(find):
    """It gets small and bright for the last three frames; daughters begin so, and relax."""
    cell, end = 5, 20
    centres = places(FRAMES)[:, cell]
    table = tracked()
    table.loc[(table["track_id"] == cell) & (table["t"] >= end), "track_id"] = 50
    table.loc[table["track_id"] == 50, "parent_track_id"] = cell
    sister = table[table["track_id"] == 50].assign(track_id=51)
    sister["x"] += 4
    table = pd.concat([table, sister])

    def round_up(pixels):
        y, x = np.mgrid[:SIZE, :SIZE]
        for t in range(end - 3, end + 4):
            away = np.hypot(y - centres[t, 0], x - centres[t, 1])
            pixels[t, 1, 0] = np.where(away < 9, BACKGROUND, pixels[t, 1, 0])
            pixels[t, 1, 0] += 5000 * (away < 3.5)

    assert find(look=round_up, table=table) == []
