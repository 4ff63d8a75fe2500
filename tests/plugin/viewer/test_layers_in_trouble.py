"""The layers that the plugin keeps in a viewer, among others, and where something goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from lineage_triplets import load_config
from lineage_triplets.plugin.viewer.image_layers import slot_colormaps
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from reviews import N_FRAMES, experiments, field, save, write_config
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

from layer_desk import Desk, at_frame

LEFT = Qt.MouseButton.LeftButton
SLOTS = ["Phase", "GFP"]


def store(root: Path, experiment: str, fov: str) -> np.ndarray:
    """Give the pixels that were written."""
    seed = {("early", "A/1/0"): 1, ("early", "B/2/0"): 2, ("late", "A/1/0"): 3}[experiment, fov]
    return numbered_pixels((N_FRAMES, 2, 1, 48, 64), seed=seed)[:, :, 0]


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
    callbacks = list(opened.viewer.mouse_drag_callbacks)
    opened.keeper.leave()
    assert not list(opened.viewer.layers)
    assert len(opened.viewer.mouse_drag_callbacks) == len(callbacks) - 1
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
