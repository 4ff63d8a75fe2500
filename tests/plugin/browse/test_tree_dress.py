"""What dresses a tree: pictures at its nodes, and colours of its lines by what cells are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from lineage_triplets.plugin.browse.tree_painter import step_colour
from lineage_triplets.plugin.browse.tree_scale import TreeScale
from lineage_triplets.plugin.browse.tree_thumbs import SIDE_PX, place_thumbs
from lineage_triplets.plugin.browse.tree_values import N_STEPS, TreeValues

if TYPE_CHECKING:
    from lineage_triplets.plugin.browse.panel import BrowsePanel
    from lineage_triplets.plugin.common.session import Session


@pytest.fixture
def panel(session: Session, tall_panel: BrowsePanel, qtbot: Any) -> BrowsePanel:
    """Browse with lineage 1 chosen, and nothing under way."""
    session.choose(lineage="early_A/1/0_1")
    qtbot.waitUntil(lambda: not session.work.running)
    return tall_panel


def steps(panel: BrowsePanel) -> set[int]:
    """Give the steps whose colours are drawn on the line of a track; screens may have 16 bits."""
    image = panel.tree.viewport().grab().toImage()
    x = round(panel.tree.pixel_of(1, 9).x())
    seen = np.unique(
        [image.pixelColor(x, y).getRgb()[:3] for y in range(image.height())], axis=0
    ).astype(int)
    wanted = [step_colour(step).getRgb()[:3] for step in range(N_STEPS)]
    return {
        step for step, colour in enumerate(wanted) if (abs(seen - colour).max(axis=1) < 10).any()
    }


def test_pictures_stand_beside_nodes_and_are_read_beside_the_window(
    panel: BrowsePanel, qtbot: Any
) -> None:
    tree, placed = panel.tree.tree, panel.tree.thumbs()
    assert tree is not None
    nodes = {(int(tree.track_of[thumb.cell]), int(tree.t_of[thumb.cell])) for thumb in placed}
    # The FOV's cells begin with those of this lineage.
    assert nodes == {(0, 0), (0, 5), (1, 6), (1, 13), (2, 6), (2, 13)}
    for thumb in placed:
        track = int(tree.track_of[thumb.cell])
        assert thumb.left + SIDE_PX < panel.tree.pixel_of(track, 0).x()
        image = panel.box.thumbs.image(thumb.cell)
        assert image is not None and not image.isNull()
    before = panel.tree.viewport().grab().toImage()
    qtbot.keyClick(panel.tree, Qt.Key.Key_I)
    assert not panel.box.pictures.isChecked()
    assert panel.tree.viewport().grab().toImage() != before


def test_reading_ends_with_the_lineage(panel: BrowsePanel, session: Session) -> None:
    session.choose(lineage="late_A/1/0_11")
    assert "Pictures in the tree" in session.work.running
    session.choose(experiment="late")
    assert "Pictures in the tree" not in session.work.running


def test_there_are_no_pictures_without_room(panel: BrowsePanel) -> None:
    tree = panel.tree.tree
    assert tree is not None
    box = (0.0, 0.0, 500.0, 500.0)
    assert place_thumbs(tree, TreeScale(100, 20, 0, 20), box) == []
    # Short tracks have room for their end alone, and what is out of sight has none.
    short = place_thumbs(tree, TreeScale(100, 80, 0, 6), box)
    assert sorted(int(tree.t_of[thumb.cell]) for thumb in short) == [5, 13, 13]
    assert place_thumbs(tree, TreeScale(900, 80, 0, 20), box) == []


def test_lines_are_coloured_by_brightness_and_doubt(
    panel: BrowsePanel, session: Any, qtbot: Any
) -> None:
    assert steps(panel) == set()
    for measure in ("size", "brightness", "doubt"):
        qtbot.keyClick(panel.tree, Qt.Key.Key_Y)
        qtbot.waitUntil(lambda: not session.work.running)
        values = panel.tree.values
        assert panel.box.colours.measure == measure
        if measure == "size":
            assert values is None and "no masks" in session.said[-1]
        else:
            assert values is not None and values.measure == measure
            assert len(values.values) == len(panel.tree.tree.cells)  # type: ignore[union-attr]
            assert steps(panel) == set(values.steps[panel.tree.tree.track_of == 1].tolist()) - {-1}  # type: ignore[union-attr]
    qtbot.keyClick(panel.tree, Qt.Key.Key_Y)
    assert panel.tree.values is None and steps(panel) == set()


def test_values_fall_into_steps_and_what_is_not_known_into_none() -> None:
    values = TreeValues("brightness", "", np.array([*np.linspace(100, 300, 101), np.nan]))
    assert values.steps[-1] == -1 and values.steps[0] == 0 and values.steps[100] == N_STEPS - 1
    assert (np.diff(values.steps[:101]) >= 0).all()
    assert values.words == ("108", "292")
    track_of = np.array([0] * 101 + [1])
    assert values.of_tracks(track_of, 2).tolist() == [(N_STEPS - 1) // 2, -1]
    # Where all are alike nothing stands out.
    assert set(TreeValues("size", "px", np.full(5, 7.0)).steps.tolist()) == {0}


def test_kin_of_the_chosen_cell_and_the_pair_looked_at_have_their_letters(
    panel: BrowsePanel, session: Any
) -> None:
    layout = panel.tree.tree.layout  # type: ignore[union-attr]
    assert panel.tree.marks.roles(layout) == []
    panel.show_node("2", 9)
    assert panel.tree.marks.roles(layout) == [("mother", 0, 0), ("sister", 2, 6)]
    panel.show_node("1", 3)
    assert panel.tree.marks.roles(layout) == [("daughter", 1, 6), ("daughter", 2, 6)]
    pairs = session.review.state.pairs
    session.look_at_pair(pairs, 0)
    anchor, positive = pairs.anchors[0], pairs.positives[0]
    names = panel.tree.tree.names  # type: ignore[union-attr]
    assert panel.tree.marks.roles(layout)[:2] == [
        ("anchor", names.index(str(anchor["track_id"])), anchor["t"]),
        ("positive", names.index(str(positive["track_id"])), positive["t"]),
    ]
