"""Cells, tracks and boxes that the plugin keeps in a viewer: what they show, and follow."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt

from layer_desk import Desk, at_frame
from lineage_triplets.plugin.common.session import Place
from lineage_triplets.qc.record.decision import Target

LEFT = Qt.MouseButton.LeftButton
SLOTS = ["Phase", "GFP"]


def test_cells_are_those_of_the_frame(opened: Desk) -> None:
    assert set(at_frame(opened, 0)) == {1, 11, 21}
    opened.viewer.dims.set_current_step(0, 10)
    cells = at_frame(opened, 10)
    assert set(cells) == {2, 3, 12, 13, 21}
    # Nobody is at 13 + 1: at 30 min and 0.5 h, the last frame has no positive.
    opened.viewer.dims.set_current_step(0, 13)
    assert at_frame(opened, 13)[21][2] != cells[21][2]


def test_cells_and_tracks_are_where_their_tables_are_placed(opened: Desk) -> None:
    def places() -> tuple[np.ndarray, np.ndarray]:
        cells, tracks = opened.layer("cells"), opened.layer("tracks")
        return np.array(cells.data)[cells.shown], np.array(tracks.data)[:, 2:]

    cells, tracks = places()
    opened.session.decide(lambda review: review.place("early", {"offset": [5, 7]}))
    opened.settle()
    np.testing.assert_allclose(places()[0], np.add(cells, (5, 7)))
    np.testing.assert_allclose(places()[1], np.add(tracks, (5, 7)))
    opened.session.decide(lambda review: review.undo())
    opened.settle()
    np.testing.assert_array_equal(places()[0], cells)


def test_the_chosen_lineage_is_drawn_out_and_rejected_cells_are_crosses(opened: Desk) -> None:
    plain = at_frame(opened, 0)
    opened.choose(lineage="early_A/1/0_11")
    chosen = at_frame(opened, 0)
    assert chosen[11][2] != plain[11][2] and chosen[1] == plain[1]
    opened.session.decide(
        lambda review: review.reject(Target("lineage", "early", "A/1/0", track="1"), "debris")
    )
    opened.settle()
    rejected = at_frame(opened, 0)
    assert rejected[1][1] == "x" and rejected[11] == chosen[11] and rejected[21] == plain[21]


def test_a_rejected_fov_is_all_crosses(opened: Desk) -> None:
    opened.session.decide(
        lambda review: review.reject(Target("fov", "early", "A/1/0"), "out of focus")
    )
    opened.settle()
    assert {one[1] for one in at_frame(opened, 0).values()} == {"x"}


def test_a_place_in_the_chosen_lineage_keeps_it(opened: Desk) -> None:
    opened.choose(lineage="early_A/1/0_1")
    opened.look_at("early", "A/1/0", t=8, y=12.0, x=16.0, tracks=("2",))
    review = opened.session.review
    assert review is not None and review.intent.lineage == "early_A/1/0_1"
    assert opened.t == 8
    assert opened.viewer.scene.camera.center[-2:] == (6.0, 8.0)
    marked = opened.layer("marked tracks").data
    assert set(review.data.linked.track_columns.track_id[marked[:, 0].astype(int)]) == {2}
    opened.look_at("early", "A/1/0", t=2)
    assert not opened.layer("marked tracks").visible
    assert opened.viewer.scene.camera.center[-2:] == (6.0, 8.0)


def test_a_place_elsewhere_is_chosen_and_looked_at(opened: Desk) -> None:
    opened.look_at("late", "A/1/0", t=5, y=34.0, x=20.0, tracks=("11", "21"))
    assert opened.keeper.place == ("late", "A/1/0") and opened.t == 5
    assert opened.frames[-1] == ("late", "A/1/0", 5)
    assert opened.viewer.scene.camera.center[-2:] == (17.0, 10.0)
    assert len(np.unique(opened.layer("marked tracks").data[:, 0])) == 2
    assert ("late", "A/1/0", 0) not in opened.frames


def test_of_two_places_in_a_row_the_last_counts(opened: Desk) -> None:
    opened.session.look_at(Place("late", "A/1/0", t=5))
    opened.look_at("early", "B/2/0", t=7)
    assert opened.keeper.place == ("early", "B/2/0") and opened.t == 7
    opened.session.look_at(Place("late", "A/1/0", t=5))
    opened.look_at("early", "B/2/0", t=3)
    assert opened.keeper.place == ("early", "B/2/0") and opened.t == 3


def test_no_such_place_is_a_message(opened: Desk) -> None:
    opened.look_at("early", "C/9/9", t=5)
    assert len(opened.failed) == 1 and "C/9/9" in opened.failed[0]
    assert opened.keeper.place == ("early", "A/1/0")
    opened.look_at("early", "A/1/0", t=99)
    assert opened.t == 0


def test_a_pair_s_boxes_are_the_patches_that_are_read(opened: Desk) -> None:
    review = opened.session.review
    assert review is not None
    pairs = review.pairs(experiment="late", n=5)
    anchors, positives = pairs.images()
    for number in range(len(pairs)):
        opened.session.look_at_pair(pairs, number)
        opened.settle()
        shapes = opened.layer("pair")
        assert opened.t == pairs.anchors[number]["t"]
        for role, patch, box in zip(
            (pairs.anchors, pairs.positives), (anchors, positives), shapes.data[:2], strict=True
        ):
            (top, left), (bottom, right) = (np.array(box).min(0) + 0.5, np.array(box).max(0) + 0.5)
            part = slice(int(top), int(bottom)), slice(int(left), int(right))
            for slot in range(2):
                shown = opened.layer(f"slot {slot}").data[role[number]["t"]][part]
                np.testing.assert_array_equal(np.asarray(shown), patch[number, slot, 0])
        line = np.array(shapes.data[2])
        ends = [(one[number]["y"], one[number]["x"]) for one in (pairs.anchors, pairs.positives)]
        np.testing.assert_allclose(line, ends)


def test_a_box_is_faint_in_frames_not_its_own(opened: Desk) -> None:
    review = opened.session.review
    assert review is not None
    pairs = review.state.pairs
    opened.session.look_at_pair(pairs, 0)
    opened.settle()
    alpha = opened.layer("pair").edge_color[:, 3]
    assert alpha[0] == 1 > alpha[1]
    opened.viewer.dims.set_current_step(0, pairs.positives[0]["t"])
    alpha = opened.layer("pair").edge_color[:, 3]
    assert alpha[0] < 1 == alpha[1]
    opened.choose(experiment="late")
    assert opened.layer("pair").visible == (pairs.anchors[0]["experiment"] == "late")


def test_a_click_on_a_cell_selects_its_lineage(opened: Desk) -> None:
    places = []
    opened.session.place_wanted.connect(places.append)
    opened.viewer.dims.set_current_step(0, 10)
    y, x = at_frame(opened, 10)[12][0]
    opened.click(y + 1, x)
    review = opened.session.review
    assert review is not None and review.intent.lineage == "early_A/1/0_11"
    assert [(one.t, one.tracks, one.y) for one in places] == [(10, ("12",), None)]
    assert opened.t == 10


def test_a_drag_or_a_click_beside_selects_nothing(opened: Desk) -> None:
    (y, x) = at_frame(opened, 0)[1][0]
    opened.click(y, x, drag=30)
    opened.click(47, 63)
    opened.viewer.layers.selection.active = opened.viewer.add_points([[0, 0]], name="mine")
    opened.viewer.layers.selection.active.mode = "add"
    opened.click(y, x)
    review = opened.session.review
    assert review is not None and not review.intent.lineage
    opened.viewer.layers.selection.active.mode = "pan_zoom"
    opened.click(y, x, drag=2)
    assert review.intent.lineage == "early_A/1/0_1"
