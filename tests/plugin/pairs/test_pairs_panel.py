"""The Pairs panel: clicked and typed into by name, on a small review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QModelIndex, QPoint, Qt
from qtpy.QtWidgets import QAbstractItemView, QLabel, QWidget

from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.pairs.gallery import PairGallery
from lineage_triplets.plugin.pairs.panel import PairsPanel
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from lineage_triplets.plugin.viewer.layer_stack import MARK
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari.layers import Image
    from pytestqt.qtbot import QtBot


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    one = Session()
    yield one
    one.end()


@pytest.fixture
def opened(qtbot: QtBot, session: Session, tmp_path: Path) -> Callable[..., PairsPanel]:
    def open_(size: tuple[int, int] = (500, 1000), **options: object) -> PairsPanel:
        panel = PairsPanel(session)
        qtbot.addWidget(panel)
        panel.resize(*size)
        panel.show()
        panel.activateWindow()
        qtbot.waitUntil(panel.isActiveWindow)
        session.open(write_config(tmp_path), **options)
        qtbot.waitUntil(lambda: not session.work.running and bool(_view(panel).draws))
        return panel

    return open_


def _named(panel: PairsPanel, name: str) -> QWidget:
    found = panel.findChild(QWidget, name)
    assert found is not None, name
    return found


def _view(panel: PairsPanel) -> QWidget:
    return _named(panel, "tau_view")


def _text(panel: PairsPanel, name: str) -> str:
    label = _named(panel, name)
    assert isinstance(label, QLabel)
    return re.sub("<[^>]*>", "", label.text().replace("<br>", "\n"))


def _type(qtbot: QtBot, box: QWidget, text: str) -> None:
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


def _click_pair(qtbot: QtBot, panel: PairsPanel, number: int) -> None:
    gallery = panel.gallery
    index = gallery.model().index(number, 0)
    gallery.scrollTo(index)
    where = gallery.visualRect(index).center()
    qtbot.mouseClick(gallery.viewport(), Qt.MouseButton.LeftButton, pos=where)


def _tick(qtbot: QtBot, panel: PairsPanel, name: str) -> None:
    box = _named(panel, name)
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))


def test_a_typed_tau_is_said_in_frames_at_once_and_chosen_a_moment_later(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    assert _text(panel, "tau_frames") == (
        "early: 1 to 4 frames (0.5 to 2 h)\nlate: 2 to 8 frames (0.5 to 2 h)"
    )
    _type(qtbot, _named(panel, "tau_least"), "0.1")
    assert _text(panel, "tau_frames") == (
        "⚠ early: 1 to 4 frames (0.5 to 2 h), never 0\n⚠ late: 1 to 8 frames (0.25 to 2 h), never 0"
    )
    assert session.review.intent.dataset.tau_range_hours == (0.5, 2.0)
    qtbot.waitUntil(lambda: session.review.intent.dataset.tau_range_hours == (0.1, 2.0))


def test_dragging_the_slider_changes_the_end_that_moves(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    session.choose(tau_range_hours=(1 / 3, 2.0))
    panel._settings._slider.setValue((0.33, 1.5))
    assert "1 to 3 frames" in _text(panel, "tau_frames")
    qtbot.waitUntil(lambda: session.review.intent.dataset.tau_range_hours == (1 / 3, 1.5))


def test_relation_fallback_and_decay_are_chosen(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    for name in ("positive_relation", "tau_fallback"):
        box = _named(panel, name)
        box.setFocus()
        qtbot.keyClick(box, Qt.Key.Key_Down)
    _type(qtbot, _named(panel, "tau_decay_rate"), "0")
    dataset = session.review.intent.dataset
    assert dataset.positive_relation == "descendant"
    assert dataset.tau_fallback == "renormalize"
    assert dataset.tau_decay_rate == 0
    qtbot.waitUntil(
        lambda: all(
            name in ("same track", "daughter")
            for one in _view(panel).draws
            for name, _ in one.relations
        )
    )


def test_n_draws_the_next_epoch_and_the_seed_box_another_seed(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    before = session.review.state.pairs.anchors
    panel.gallery.setFocus()
    qtbot.keyClick(panel.gallery, Qt.Key.Key_N)
    assert session.review.intent.epoch == 1
    assert _named(panel, "epoch").value() == 1
    assert panel.gallery.pairs.pairs.anchors != before
    seed = _named(panel, "seed")
    assert seed.value() == 7
    _type(qtbot, seed, str(2**63 + 5))
    assert session.review.intent.seed == 2**63 + 5
    qtbot.keyClick(seed, Qt.Key.Key_Up)
    assert session.review.intent.seed == 2**63 + 6
    assert session.review.intent.dataset.seed == 7
    _type(qtbot, _named(panel, "n_pairs"), "3")
    assert panel.gallery.model().rowCount() == 6


def test_a_few_pairs_in_view_are_read_first(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    gallery = panel.gallery
    qtbot.waitUntil(lambda: not session.work.running)
    read: list[set[int]] = []
    gallery.pairs.dataChanged.connect(lambda: read.append(set(gallery.pairs.shown.values)))
    session.decide(lambda review: review.remap("early", {"Phase": "GFP", "GFP": "Phase"}))
    qtbot.waitUntil(lambda: len(gallery.pairs.shown.pictures) == len(session.review.state.pairs))

    in_view = gallery.numbers_in_view()
    assert read[0] == set(in_view[:4])
    assert set(in_view) <= read[1]
    _tick(qtbot, panel, "across_divisions")
    kept = set(gallery.pairs.shown.pictures)
    assert kept, "pairs that stay are not read again"


def test_pairs_are_read_into_the_gallery_and_a_click_shows_the_way(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    _tick(qtbot, panel, "across_divisions")
    pairs = session.review.state.pairs
    assert pairs.crosses_division.all()
    gallery = panel.gallery
    qtbot.waitUntil(lambda: 0 in gallery.pairs.shown.pictures)
    with qtbot.waitSignal(session.pair_wanted) as wanted:
        _click_pair(qtbot, panel, 0)
    assert wanted.args[0] is pairs
    assert wanted.args[1] == 0
    strip = panel.strip
    assert strip.isVisible()
    qtbot.waitUntil(lambda: strip.strip.shown is not None)
    assert [one.name for one in strip.strip.strip.lanes] == ["positive", "sister"]
    assert strip.strip.strip.divisions
    last = strip.model().index(0, strip.model().columnCount() - 1)
    strip.scrollTo(last)
    with qtbot.waitSignal(session.place_wanted) as asked:
        qtbot.mouseClick(
            strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.visualRect(last).center()
        )
    place, positive = asked.args[0], pairs.positives[0]
    assert (place.experiment, place.fov, place.t) == (
        positive["experiment"],
        positive["fov_name"],
        positive["t"],
    )
    assert (place.y, place.x) == (positive["y"], positive["x"])
    assert place.tracks == (str(positive["track_id"]),)


def test_arrows_and_the_space_bar_choose_a_pair(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    gallery = panel.gallery
    _click_pair(qtbot, panel, 0)
    qtbot.keyClick(gallery, Qt.Key.Key_Right)
    with qtbot.waitSignal(session.pair_wanted) as wanted:
        qtbot.keyClick(gallery, Qt.Key.Key_Space)
    assert wanted.args[1] == 1


def test_nothing_is_read_while_the_panel_is_hidden(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened(size=(1500, 1100))
    panel.hide()
    session.choose(across_divisions=True)
    assert not session.work.running
    assert not panel.gallery.pairs.pairs.crosses_division.all()
    panel.show()
    assert panel.gallery.pairs.pairs.crosses_division.all()
    qtbot.waitUntil(lambda: bool(panel.gallery.pairs.shown.pictures))


def test_pairs_of_one_lineage_are_left_and_gone_back_to(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    one = _named(panel, "this_lineage_only")
    assert not one.isEnabled()
    session.choose(lineage="early_A/1/0_1", tau_range_hours=(50.0, 60.0))
    assert one.isChecked()
    assert "“This lineage only” (L)" in _text(panel, "no_pairs")
    session.choose(tau_range_hours=(0.5, 2.0))
    qtbot.keyClick(panel, Qt.Key.Key_L)
    assert not session.review.intent.lineage
    assert {one["lineage_id"] for one in session.review.state.pairs.anchors} > {"early_A/1/0_1"}
    one.click()
    assert session.review.intent.lineage == "early_A/1/0_1"


def test_why_there_is_no_pair_is_said(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    session.choose(positive_relation="same_track", across_divisions=True)
    assert not panel.gallery.isVisible()
    assert _named(panel, "no_pairs").isVisible()
    assert "across a division" in _text(panel, "no_pairs")
    session.choose(across_divisions=False)
    assert panel.gallery.isVisible()


def test_a_decision_keeps_what_was_read_of_the_same_pairs(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel]
) -> None:
    panel = opened()
    qtbot.waitUntil(lambda: len(panel.gallery.pairs.shown.pictures) == 24)
    shown = panel.gallery.pairs.shown
    review = session.review
    session.decide(lambda _: review.accept(review.target("lineage", "early_A/1/0_1")))
    assert panel.gallery.pairs.shown is shown
    assert panel.gallery.pairs.pairs is review.state.pairs
    session.decide(lambda _: review.remap("late", {"Phase": "GFP", "GFP": "Phase"}))
    assert panel.gallery.pairs.shown is not shown
    qtbot.waitUntil(lambda: len(panel.gallery.pairs.shown.pictures) == 24)
    number = next(
        k for k, one in enumerate(review.state.pairs.anchors) if one["experiment"] == "late"
    )
    before = shown.values[number]["anchor"]
    assert np.array_equal(panel.gallery.pairs.shown.values[number]["anchor"], before[::-1])


def test_a_damaged_chunk_is_said_on_its_tile_and_the_rest_is_shown(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel], tmp_path: Path
) -> None:
    panel = opened()
    session.choose(n_pairs=40)
    frames = sorted({one["t"] for one in session.review.state.pairs.anchors})
    damage_frame(tmp_path, frames[0])
    session.decide(lambda review: review.reload())
    session.state_changed.emit(session.review.state)
    shown = lambda: panel.gallery.pairs.shown  # noqa: E731
    qtbot.waitUntil(lambda: bool(shown().damage) and bool(shown().pictures))
    number = next(iter(shown().damage))
    tip = panel.gallery.model().index(number, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "chunk" in tip


def test_a_tile_that_could_not_be_read_is_read_again_when_it_is_clicked(
    qtbot: QtBot, session: Session, opened: Callable[..., PairsPanel], tmp_path: Path
) -> None:
    panel = opened()
    session.choose(n_pairs=40)
    frames = sorted({one["t"] for one in session.review.state.pairs.anchors})
    whole = damage_frame(tmp_path, frames[0])
    session.decide(lambda review: review.reload())
    shown = lambda: panel.gallery.pairs.shown  # noqa: E731
    qtbot.waitUntil(lambda: bool(shown().damage) and not session.work.running)
    number = next(iter(shown().damage))
    for path, content in whole.items():
        path.write_bytes(content)
    _click_pair(qtbot, panel, number)
    qtbot.waitUntil(lambda: number in shown().pictures)
    assert number not in shown().damage


@pytest.fixture
def layers(session: Session) -> Iterator[ViewerModel]:
    """A viewer's layers, as the widget keeps them."""
    viewer = ViewerModel()
    keeper = LayerKeeper(viewer, session)
    yield viewer
    keeper.leave()


def _slot(viewer: ViewerModel, number: int) -> Image:
    (found,) = [one for one in viewer.layers if one.metadata.get(MARK) == f"slot {number}"]
    return found


def _greys(view: QAbstractItemView, index: QModelIndex) -> set[str]:
    """Colours of a small square in the middle of an item's first picture."""
    tile = view.visualRect(index)
    image = view.viewport().grab(tile).toImage()
    box = view.itemDelegate().pictures_box(tile) if isinstance(view, PairGallery) else tile
    x, y = box.width() // 4, box.top() - tile.top() + box.height() // 4
    if not isinstance(view, PairGallery):
        x, y = tile.width() // 2, tile.height() // 4
    return {image.pixelColor(x + dx, y + dy).name() for dx in range(-3, 4) for dy in range(-3, 4)}


def test_slots_are_drawn_at_the_contrast_of_their_layers(
    qtbot: QtBot,
    session: Session,
    opened: Callable[..., PairsPanel],
    layers: ViewerModel,
) -> None:
    panel = opened(size=(500, 1400))
    gallery = panel.gallery
    pairs = session.review.state.pairs
    early, late = (
        next(n for n, one in enumerate(pairs.anchors) if one["experiment"] == name)
        for name in ("early", "late")
    )
    qtbot.waitUntil(lambda: len(gallery.pairs.shown.pictures) == len(pairs))
    _click_pair(qtbot, panel, early)
    qtbot.waitUntil(lambda: panel.strip.strip.shown is not None)
    shown, layer = gallery.pairs.shown, _slot(layers, 0)
    tile, strip = gallery.model().index(early, 0), panel.strip.model().index(0, 0)
    gallery.scrollTo(gallery.model().index(late, 0))
    others = _greys(gallery, gallery.model().index(late, 0))
    gallery.scrollTo(tile)
    layer.contrast_limits = (0, 1)
    assert _greys(gallery, tile) == _greys(panel.strip, strip) == {"#ffffff"}
    layer.contrast_limits_range = (0, 100_000)
    layer.contrast_limits = (60_000, 100_000)
    assert _greys(gallery, tile) == _greys(panel.strip, strip) == {"#000000"}
    assert gallery.pairs.shown is shown
    # The viewer shows no other experiment: its pairs keep their own.
    gallery.scrollTo(gallery.model().index(late, 0))
    assert _greys(gallery, gallery.model().index(late, 0)) == others
    gallery.scrollTo(tile)
    layer.contrast_limits = (0, 4000)
    linear = _greys(gallery, tile)
    layer.gamma = 0.2
    assert _greys(gallery, tile) != linear
    layers.layers.remove(layer)
    assert _greys(gallery, tile) != linear
    assert session.contrast["early"].keys() == {1}


def test_a_remapped_slot_lets_go_of_the_contrast_of_its_old_channel(
    qtbot: QtBot,
    session: Session,
    opened: Callable[..., PairsPanel],
    layers: ViewerModel,
) -> None:
    opened()
    _slot(layers, 0).contrast_limits = (3, 4)
    assert session.contrast["early"][0].high == 4
    session.choose(experiment="late")
    qtbot.waitUntil(lambda: not session.work.running and "late" in session.contrast)
    session.decide(lambda review: review.approve("early"))
    assert session.contrast["early"][0].high == 4
    session.decide(lambda review: review.remap("early", {0: "GFP", 1: "Phase"}))
    assert session.contrast["early"] == {}
    session.decide(lambda review: review.remap("late", {0: "GFP", 1: "Phase"}))
    qtbot.waitUntil(lambda: not session.work.running)
    low, high = _slot(layers, 0).contrast_limits
    assert (session.contrast["late"][0].low, session.contrast["late"][0].high) == (low, high)


def damage_frame(root: Path, t: int) -> dict[Path, bytes]:
    """Overwrite the chunks of one frame of the first experiment; give what they were."""
    store = root / "early.zarr" / "A" / "1" / "0" / "0"
    found = [one for one in store.rglob("*") if one.is_file() and not one.name.startswith(".")]
    own = [one for one in found if one.relative_to(store).parts[0] == str(t)]
    assert own, found[:5]
    whole = {one: one.read_bytes() for one in own}
    for one in own:
        one.write_bytes(b"damaged")
    return whole
