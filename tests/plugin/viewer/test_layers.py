"""The layers that the plugin keeps in a viewer: what they show, follow, and leave alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from lineage_triplets import load_config
from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.plugin.viewer.image_layers import slot_colormaps
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from lineage_triplets.plugin.viewer.layer_stack import MARK
from lineage_triplets.qc.record.decision import Target
from reviews import N_FRAMES, SHAPE, experiments, field, save, single, write_config
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

LEFT = Qt.MouseButton.LeftButton
SLOTS = ["Phase", "GFP"]


class Desk:
    """A viewer model, a session, and the keeper between them."""

    def __init__(self, qtbot: QtBot, viewer: Any) -> None:
        self.qtbot = qtbot
        self.viewer = viewer
        self.session = Session()
        self.failed: list[str] = []
        self.frames: list[tuple[str, str, int]] = []
        self.session.failed.connect(self.failed.append)
        self.session.frame_changed.connect(lambda *now: self.frames.append(now))
        self.session.show_tails(True)
        self.keeper = LayerKeeper(viewer, self.session)

    def open(self, path: Path) -> None:
        self.session.open(path)
        self.settle()

    def settle(self) -> None:
        """Wait until what was chosen is on screen."""
        self.qtbot.waitUntil(lambda: not self.session.work.running)

    def choose(self, **changes: Any) -> None:
        assert self.session.choose(**changes)
        self.settle()

    def look_at(self, *place: Any, **more: Any) -> None:
        self.session.look_at(Place(*place, **more))
        self.settle()

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.viewer.layers]

    def layer(self, role: str) -> Any:
        (found,) = [one for one in self.viewer.layers if one.metadata.get(MARK) == role]
        return found

    def roles(self) -> list[str]:
        return [one.metadata[MARK] for one in self.viewer.layers if MARK in one.metadata]

    def pixels(self, role: str) -> np.ndarray:
        return np.asarray(self.layer(role).data)

    @property
    def t(self) -> int:
        return round(self.viewer.dims.point[-3])

    def click(self, y: float, x: float, *, drag: float = 0.0) -> None:
        """Press and release at a place in pixels, `drag` canvas pixels further."""
        scale = self.layer("slot 0").scale[-2:]
        position = (*self.viewer.dims.point[:-2], y * scale[0], x * scale[1])
        event = SimpleNamespace(
            type="mouse_press",
            button=1,
            modifiers=[],
            pos=np.array([100.0, 100.0]),
            position=position,
            view_direction=None,
        )
        for callback in self.viewer.mouse_drag_callbacks:
            after = callback(self.viewer, event)
            next(after, None)
            for kind, moved in (("move", drag / 2), ("move", drag), ("release", drag)):
                event.type = f"mouse_{kind}"
                event.pos = np.array([100.0, 100.0 + moved])
                next(after, None)
        self.settle()


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    one = Desk(qtbot, ViewerModel())
    yield one
    one.keeper.leave()
    one.session.end()
    assert not one.roles()


@pytest.fixture
def opened(desk: Desk, tmp_path: Path) -> Desk:
    desk.open(write_config(tmp_path))
    return desk


def store(root: Path, experiment: str, fov: str) -> np.ndarray:
    """Give the pixels that were written."""
    seed = {("early", "A/1/0"): 1, ("early", "B/2/0"): 2, ("late", "A/1/0"): 3}[experiment, fov]
    return numbered_pixels((N_FRAMES, 2, 1, 48, 64), seed=seed)[:, :, 0]


def test_a_fov_is_one_image_a_channel_with_tracks_and_cells(opened: Desk, tmp_path: Path) -> None:
    assert opened.roles() == ["slot 0", "slot 1", "tracks", "cells"]
    assert opened.names[:2] == SLOTS
    pixels = store(tmp_path, "early", "A/1/0")
    for slot in range(2):
        layer = opened.layer(f"slot {slot}")
        np.testing.assert_array_equal(np.asarray(layer.data), pixels[:, slot])
        assert layer.blending == "additive" and layer.visible
        np.testing.assert_array_equal(layer.scale, [1, 0.5, 0.5])
        assert [str(one) for one in layer.units] == ["pixel", "micrometer", "micrometer"]
    assert opened.viewer.dims.axis_labels == ("t", "y", "x")
    assert opened.viewer.layers.extent.units is not None
    assert opened.layer("slot 0").colormap.name != opened.layer("slot 1").colormap.name
    assert opened.t == 0 and opened.frames == [("early", "A/1/0", 0)]


def test_contrast_is_measured_over_frames(opened: Desk, tmp_path: Path) -> None:
    pixels = store(tmp_path, "early", "A/1/0")[[N_FRAMES // 4, N_FRAMES // 2, 3 * N_FRAMES // 4]]
    for slot in range(2):
        wanted = np.percentile(pixels[:, slot], (0.5, 99.8))
        np.testing.assert_allclose(opened.layer(f"slot {slot}").contrast_limits, wanted)


def test_tracks_have_linked_numbers_and_the_graph_of_parents(opened: Desk) -> None:
    review = opened.session.review
    assert review is not None
    tracks = opened.layer("tracks")
    index = review.data.linked
    rows = index.observations
    own = index.fov_of_row == 0
    wanted = np.stack([rows.track[own], rows.t[own], rows.y[own], rows.x[own]], axis=1)
    np.testing.assert_array_equal(tracks.data, wanted)
    name = dict(enumerate(index.track_columns.track_id.tolist()))
    graph = {name[child]: [name[one] for one in parents] for child, parents in tracks.graph.items()}
    assert graph == {2: [1], 3: [1], 12: [11], 13: [11]}
    np.testing.assert_array_equal(tracks.scale, [1, 0.5, 0.5])


def test_a_cut_link_is_not_drawn(opened: Desk) -> None:
    tracks = opened.layer("tracks")
    cut = Target("link", "early", "A/1/0", track="1", daughter=2)
    opened.session.decide(lambda review: review.cut(cut, "swapped"))
    opened.settle()
    assert opened.layer("tracks") is tracks
    review = opened.session.review
    assert review is not None
    name = review.data.linked.track_columns.track_id
    assert {int(name[child]) for child in tracks.graph} == {3, 12, 13}


def test_another_fov_is_shown_in_the_same_layers(opened: Desk, tmp_path: Path) -> None:
    before = list(opened.viewer.layers)
    opened.layer("slot 1").colormap = "red"
    opened.layer("slot 0").visible = False
    opened.choose(experiment="early", fov="B/2/0")
    assert list(opened.viewer.layers) == before
    pixels = store(tmp_path, "early", "B/2/0")
    np.testing.assert_array_equal(opened.pixels("slot 0"), pixels[:, 0])
    np.testing.assert_array_equal(opened.pixels("slot 1"), pixels[:, 1])
    assert opened.layer("slot 1").colormap.name == "red"
    assert not opened.layer("slot 0").visible
    assert opened.frames[-1] == ("early", "B/2/0", 0)
    review = opened.session.review
    assert review is not None
    of_fov = review.data.linked.fov_of_track[opened.layer("tracks").data[:, 0].astype(int)]
    assert set(of_fov.tolist()) == {1}


def test_slots_are_mapped_as_the_experiment_says(opened: Desk, tmp_path: Path) -> None:
    opened.choose(experiment="late")
    pixels = store(tmp_path, "late", "A/1/0")
    np.testing.assert_array_equal(opened.pixels("slot 0"), pixels[:, 1])
    np.testing.assert_array_equal(opened.pixels("slot 1"), pixels[:, 0])
    assert opened.names[:2] == SLOTS


def test_a_remapped_slot_shows_its_other_channel(opened: Desk, tmp_path: Path) -> None:
    opened.session.decide(lambda review: review.remap("early", {0: "GFP", 1: "Phase"}))
    opened.settle()
    pixels = store(tmp_path, "early", "A/1/0")
    np.testing.assert_array_equal(opened.pixels("slot 0"), pixels[:, 1])
    assert opened.names[:2] == ["Phase · GFP", "GFP · Phase"]


def test_channels_in_no_slot_are_hidden(desk: Desk, tmp_path: Path) -> None:
    (first, *_) = experiments(tmp_path)
    one = first.model_copy(update={"source_channel": ["GFP"]})
    desk.open(save(tmp_path / "one.yml", [one]))
    assert desk.roles()[:2] == ["slot 0", "channel 0"]
    assert desk.names[:2] == ["GFP", "Phase"]
    assert desk.layer("slot 0").visible and not desk.layer("channel 0").visible
    np.testing.assert_array_equal(desk.pixels("channel 0"), store(tmp_path, "early", "A/1/0")[:, 0])


def test_a_layer_without_a_channel_leaves_the_frames_as_they_are(
    desk: Desk, tmp_path: Path
) -> None:
    longer = (SHAPE[0] + 5, 3, *SHAPE[2:])
    three = make_experiment(
        tmp_path, "three", {"A/1/0": field()}, channels=("Phase", "GFP", "RFP"),
        source_channel=("Phase", "GFP"), pixels=numbered_pixels(longer, seed=5),
    )  # fmt: skip
    (two, *_) = experiments(tmp_path)
    desk.open(save(tmp_path / "both.yml", [three, two]))
    desk.choose(experiment="three")
    desk.choose(experiment="early")
    assert "(not in this FOV)" in desk.names
    assert desk.viewer.dims.nsteps[0] == SHAPE[0]


def test_a_hidden_channel_leaves_the_frames_as_they_are(desk: Desk, tmp_path: Path) -> None:
    shorter = (SHAPE[0], 3, *SHAPE[2:])
    longer = (SHAPE[0] + 5, 3, *SHAPE[2:])
    late = single(9, 20.0, 20.0)
    late["t"] += 5
    one = make_experiment(
        tmp_path, "three", {"A/1/0": pd.concat([field(), late]), "B/2/0": field()},
        channels=("Phase", "GFP", "RFP"), source_channel=("Phase", "GFP"),
        pixels={
            "A/1/0": numbered_pixels(longer, seed=5), "B/2/0": numbered_pixels(shorter, seed=6)
        },
    )  # fmt: skip
    desk.open(save(tmp_path / "one.yml", [one]))
    desk.choose(experiment="three", fov="A/1/0")
    assert desk.viewer.dims.nsteps[0] == longer[0]
    desk.look_at("three", "A/1/0", 3, 20.0, 20.0, tracks=("9",))
    assert desk.layer("marked tracks").visible
    desk.choose(experiment="three", fov="B/2/0")
    assert desk.viewer.dims.nsteps[0] == shorter[0]


def test_a_dark_channel_has_the_gamma_of_the_sheets(desk: Desk, tmp_path: Path) -> None:
    pixels = numbered_pixels((N_FRAMES, 2, 1, 48, 64))
    pixels[:, 0] = pixels[:, 0] % 100
    pixels[:, 0, :, 10:16, 10:16] = 4000
    made = make_experiment(tmp_path, "dark", {"A/1/0": field()}, pixels=pixels)
    desk.open(save(tmp_path / "dark.yml", [made]))
    assert [desk.layer(f"slot {slot}").gamma for slot in range(2)] == [0.5, 1.0]


def test_contrast_that_a_person_chose_comes_back(opened: Desk) -> None:
    opened.layer("slot 0").contrast_limits = (100, 2000)
    opened.layer("slot 0").gamma = 0.7
    opened.choose(experiment="early", fov="B/2/0")
    assert opened.layer("slot 0").contrast_limits == [100, 2000]
    opened.choose(experiment="late")
    assert opened.layer("slot 0").contrast_limits != [100, 2000]
    opened.choose(experiment="early")
    assert opened.layer("slot 0").contrast_limits == [100, 2000]
    assert opened.layer("slot 0").gamma == 0.7


def test_the_frame_stays_where_both_fovs_have_it(opened: Desk) -> None:
    opened.viewer.dims.set_current_step(0, 9)
    opened.choose(experiment="early", fov="B/2/0")
    assert opened.t == 9
    assert opened.frames == [("early", "A/1/0", 0), ("early", "A/1/0", 9), ("early", "B/2/0", 9)]


def test_letting_go_of_a_choice_stays_where_one_is(opened: Desk) -> None:
    opened.choose(experiment="late")
    opened.choose(experiment="")
    assert opened.keeper.place == ("late", "A/1/0")


def at_frame(desk: Desk, t: int) -> dict[int, tuple[tuple[float, float], str, tuple[float, ...]]]:
    """Give the cells on screen by track: place, symbol and colour."""
    review = desk.session.review
    assert review is not None
    cells = desk.layer("cells")
    frame = field().query("t == @t")
    found = {}
    marks = zip(cells.data, cells.symbol, cells.border_color, cells.shown, strict=True)
    for place, symbol, color, shown in marks:
        if not shown:
            continue
        distance = np.hypot(frame["y"] - place[0], frame["x"] - place[1])
        track = int(frame["track_id"].iloc[int(distance.argmin())])
        assert distance.min() < 1e-6
        found[track] = (tuple(place), str(symbol), tuple(np.round(color, 2)))
    return found


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


def test_other_people_s_layers_are_left_alone(opened: Desk) -> None:
    mine = opened.viewer.add_image(np.zeros((20, 30, 40)), name="mine")
    opened.viewer.layers.move(opened.viewer.layers.index(mine), 1)
    data = mine.data
    opened.choose(experiment="late")
    assert mine in opened.viewer.layers and mine.data is data and mine.name == "mine"
    opened.viewer.dims.set_current_step(0, 19)
    assert not opened.layer("cells").shown.any()
    opened.keeper._on_closed()
    assert list(opened.viewer.layers) == [mine]


@pytest.mark.parametrize("units", ["nm", "pixel"])
def test_units_of_other_people_s_layers_do_not_lead_astray(opened: Desk, units: str) -> None:
    opened.viewer.add_image(np.zeros((9, 9)), scale=(100, 100), units=units)
    opened.look_at("early", "A/1/0", t=8, y=12.0, x=16.0)
    factor = 1000 if units == "nm" else 1
    np.testing.assert_allclose(opened.viewer.scene.camera.center[-2:], (6.0 * factor, 8.0 * factor))
    assert opened.t == 8 and set(at_frame(opened, 8)) == {2, 3, 12, 13, 21}


def test_deleted_layers_come_back_at_the_next_fov(opened: Desk) -> None:
    for role in ("slot 1", "cells", "tracks"):
        opened.viewer.layers.remove(opened.layer(role))
    opened.choose(experiment="early", fov="B/2/0")
    opened.viewer.dims.set_current_step(0, 4)
    assert opened.roles() == ["slot 0", "slot 1", "tracks", "cells"]
    opened.viewer.layers.clear()
    opened.choose(experiment="late")
    assert opened.roles() == ["slot 0", "slot 1", "tracks", "cells"]
    assert not opened.failed


def test_closing_the_session_takes_the_layers_away(opened: Desk) -> None:
    mine = opened.viewer.add_points([[1, 1]], name="mine")
    opened.session.close()
    assert list(opened.viewer.layers) == [mine]


def test_another_config_is_shown_in_its_place(opened: Desk, tmp_path: Path) -> None:
    other = save(tmp_path / "other.yml", load_config(tmp_path / "experiments.yml").experiments[1:])
    opened.open(other)
    assert opened.keeper.place == ("late", "A/1/0")
    assert opened.roles() == ["slot 0", "slot 1", "tracks", "cells"]


def volume(root: Path) -> Any:
    """One experiment of volumes, of which a cell stands at slice 3.4."""
    shape = (N_FRAMES, 2, 5, 48, 64)
    return make_experiment(
        root,
        "deep",
        {"A/1/0": field().assign(z=3.4)},
        pixels=numbered_pixels(shape, seed=5),
        interval_minutes=30.0,
    )


def test_volumes_and_planes_take_turns(desk: Desk, tmp_path: Path) -> None:
    listed = [*experiments(tmp_path)[:1], volume(tmp_path)]
    desk.open(save(tmp_path / "both.yml", listed, z_range=1))
    desk.layer("slot 0").opacity = 0.5
    desk.look_at("deep", "A/1/0", t=3, y=12.0, x=16.0, z=3.4)
    assert desk.viewer.dims.axis_labels == ("t", "z", "y", "x")
    assert desk.layer("slot 0").opacity == 0.5
    np.testing.assert_array_equal(desk.layer("slot 0").scale, [1, 2, 0.5, 0.5])
    assert desk.viewer.dims.point[:2] == (3.0, 6.0)

    def slices() -> set[float]:
        cells = desk.layer("cells")
        return set(cells.data[cells.shown][:, 0])

    # Marks are seen in every slice, and stand at their own in 3D.
    assert slices() == {3.0}
    desk.viewer.dims.set_current_step(1, 1)
    assert slices() == {1.0}
    desk.viewer.dims.ndisplay = 3
    assert slices() == {3.4}
    desk.viewer.dims.ndisplay = 2
    desk.look_at("early", "A/1/0", t=3)
    assert desk.viewer.dims.ndim == 3 and desk.t == 3
    assert desk.roles() == ["slot 0", "slot 1", "tracks", "cells"]


def damage(desk: Desk, t: int) -> None:
    """Spoil the first channel of a frame of the FOV on screen."""
    review = desk.session.review
    assert review is not None
    Path(review.data.raw.fovs[0].fov.array_path, str(t), "0/0/0/0").write_bytes(b"nothing")


def test_a_damaged_chunk_is_blank_marked_and_said_once(opened: Desk) -> None:
    damage(opened, 8)
    damage(opened, 11)
    for t in (8, 11, 8):
        opened.viewer.dims.set_current_step(0, t)
        opened.qtbot.waitUntil(lambda: opened.names[0] == "Phase (damaged)")
        assert not np.asarray(opened.layer("slot 0").data[t]).any()
        opened.viewer.dims.set_current_step(0, 5)
        assert opened.names[:2] == SLOTS
    assert len(opened.failed) == 1 and "frame 8" in opened.failed[0]


def test_an_absent_chunk_is_a_line_in_the_status_once(opened: Desk) -> None:
    review, told = opened.session.review, []
    assert review is not None
    opened.session.told.connect(told.append)
    for t in (8, 11):
        Path(review.data.raw.fovs[0].fov.array_path, str(t), "0/0/0/0").unlink()
    for t in (8, 11, 8):
        opened.viewer.dims.set_current_step(0, t)
        opened.qtbot.waitUntil(lambda: opened.names[0] == "Phase (absent)")
        opened.viewer.dims.set_current_step(0, 5)
    assert len(told) == 1 and "frame 8" in told[0]
    assert opened.failed == []


def test_a_frame_that_reads_well_later_loses_its_mark(opened: Desk) -> None:
    review = opened.session.review
    assert review is not None
    path = Path(review.data.raw.fovs[0].fov.array_path, "8", "0/0/0/0")
    whole = path.read_bytes()
    damage(opened, 8)
    opened.viewer.dims.set_current_step(0, 8)
    opened.qtbot.waitUntil(lambda: opened.names[0] == "Phase (damaged)")
    path.write_bytes(whole)
    opened.viewer.dims.set_current_step(0, 5)
    opened.viewer.dims.set_current_step(0, 8)
    opened.qtbot.waitUntil(lambda: opened.names[:2] == SLOTS)
    assert np.asarray(opened.layer("slot 0").data[8]).any()


def test_what_is_gone_from_under_the_viewer_is_said(opened: Desk) -> None:
    review = opened.session.review
    assert review is not None
    folder = Path(review.data.raw.fovs[0].fov.array_path)
    folder.rename(folder.with_name("away"))
    opened.viewer.dims.set_current_step(0, 8)
    opened.qtbot.waitUntil(lambda: bool(opened.failed))
    assert "not there any more" in opened.failed[0]
    opened.viewer.dims.set_current_step(0, 9)
    opened.choose(experiment="late")
    assert opened.names[:2] == SLOTS and len(opened.failed) == 1


def test_leaving_lets_go_of_the_viewer(opened: Desk) -> None:
    opened.keeper.leave()
    assert not list(opened.viewer.layers)
    assert opened.keeper._on_mouse not in opened.viewer.mouse_drag_callbacks
    before = list(opened.frames)
    opened.choose(experiment="late")
    opened.look_at("early", "A/1/0", t=3)
    assert not list(opened.viewer.layers) and opened.frames == before
    opened.keeper = LayerKeeper(opened.viewer, opened.session)
    opened.settle()
    assert opened.roles() == ["slot 0", "slot 1", "tracks", "cells"]


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["anything"], ["gray"]),
        (["Phase3D", "nuclei"], ["gray", "green"]),
        (["nuclei", "actin", "membrane"], ["gray", "green", "magenta"]),
        (["FUCCI-cyan", "FUCCI-magenta"], ["cyan", "magenta"]),
        (["H2B-GFP", "tubulin-GFP", "BF"], ["green", "magenta", "gray"]),
    ],
)
def test_colormaps_follow_names(labels: list[str], wanted: list[str]) -> None:
    assert slot_colormaps(labels) == wanted


def test_in_a_real_viewer_it_is_drawn_clicked_and_closed(
    make_napari_viewer: Callable[..., Any], qtbot: QtBot, tmp_path: Path
) -> None:
    viewer = make_napari_viewer(show=True)
    desk = Desk(qtbot, viewer)
    desk.open(write_config(tmp_path))
    qtbot.waitExposed(viewer.window._qt_window)
    drawn = viewer.screenshot(flash=False)
    assert drawn[..., :3].any()
    y, x = at_frame(desk, 0)[11][0]
    desk.look_at("early", "A/1/0", t=0, y=y, x=x)
    canvas = viewer.window._qt_viewer.canvas
    middle = canvas.native.rect().center()
    with qtbot.waitSignal(desk.session.state_changed):
        qtbot.mouseClick(canvas.native, LEFT, pos=middle)
    review = desk.session.review
    assert review is not None and review.intent.lineage == "early_A/1/0_11"
    desk.keeper.leave()
    desk.session.end()
    assert not list(viewer.layers)


def test_a_channel_that_a_fov_lacks_is_put_away_and_comes_back(desk: Desk, tmp_path: Path) -> None:
    pixels = numbered_pixels((N_FRAMES, 3, 1, 48, 64), seed=9)
    rich = make_experiment(
        tmp_path,
        "rich",
        {"A/1/0": field()},
        channels=("Phase", "GFP", "RFP"),
        source_channel=("Phase", "GFP"),
        pixels=pixels,
    )
    desk.open(save(tmp_path / "two.yml", [rich, *experiments(tmp_path)[:1]]))
    spare = desk.layer("channel 0")
    spare.visible = True
    desk.choose(experiment="early")
    assert desk.layer("channel 0") is spare
    assert not spare.visible and not np.asarray(spare.data).any()
    desk.choose(experiment="rich")
    assert spare.visible and spare.name == "RFP"
    np.testing.assert_array_equal(desk.pixels("channel 0"), pixels[:, 2, 0])


def test_a_fov_that_was_overtaken_half_way_is_shown_whole(opened: Desk, tmp_path: Path) -> None:
    begun = []
    opened.layer("slot 0").events.data.connect(lambda: begun.append(opened.keeper.place))
    assert opened.session.choose(experiment="early", fov="B/2/0")
    opened.qtbot.waitUntil(lambda: bool(begun))
    opened.choose(experiment="early", fov="A/1/0")
    pixels = store(tmp_path, "early", "A/1/0")
    for slot in range(2):
        np.testing.assert_array_equal(opened.pixels(f"slot {slot}"), pixels[:, slot])
    assert opened.keeper.place == ("early", "A/1/0")
    opened.look_at("early", "A/1/0", t=3)
    assert opened.t == 3
