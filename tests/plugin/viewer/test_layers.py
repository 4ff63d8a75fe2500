"""The image layers that the plugin keeps in a viewer: what they show, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt

from lineage_triplets.qc.record.decision import Target
from reviews import N_FRAMES, SHAPE, experiments, field, save, single
from stores import make_experiment, numbered_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from layer_desk import Desk

LEFT = Qt.MouseButton.LeftButton
SLOTS = ["Phase", "GFP"]


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
