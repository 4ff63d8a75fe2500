"""Models and painters of the Pairs panel, without the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtTest import QTest

from lineage_triplets.plugin.common.patch_image import is_dark, patch_image, relation_colour
from lineage_triplets.plugin.pairs.bars import SeedBox
from lineage_triplets.plugin.pairs.model import PairModel
from lineage_triplets.plugin.pairs.strip_model import STATE_ROLE, StripModel
from lineage_triplets.plugin.pairs.tau_view import TauView, draws_of, percent
from lineage_triplets.qc.decide.review import Review
from lineage_triplets.qc.look.pictures import RELATION_COLOURS
from lineage_triplets.qc.look.shown_pixels import read_strip
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Review]:
    with Review.open(write_config(tmp_path)) as opened:
        yield opened


def test_the_models_are_sound(review: Review, qtmodeltester: ModelTester) -> None:
    pairs = review.pairs(n=3, across_divisions=True)
    model = PairModel()
    model.set_pairs(pairs)
    qtmodeltester.check(model)
    strip = StripModel()
    strip.set_strip(review.strip(pairs, 0))
    qtmodeltester.check(strip)
    model.set_pairs(None)
    assert model.rowCount() == 0


def test_a_pair_is_said_in_words(review: Review) -> None:
    pairs = review.pairs(n=1, experiment="late", across_divisions=True)
    model = PairModel()
    model.set_pairs(pairs)
    anchor, positive = pairs.anchors[0], pairs.positives[0]
    words = model.index(0).data()
    frames = positive["tau_frames"]
    assert words.startswith(f"daughter, {frames / 4:g} h ({frames} frame")
    assert f"anchor: track {anchor['track_id']}, frame {anchor['t']}" in words
    assert f"positive: track {positive['track_id']}, frame {positive['t']}" in words


def test_a_strip_marks_the_division_and_frames_without_a_cell(review: Review) -> None:
    pairs = review.pairs(n=1, experiment="early", fov="A/1/0", across_divisions=True)
    strip = review.strip(pairs, 0)
    model = StripModel()
    model.set_strip(strip)
    born = [n for n in range(model.columnCount()) if model.divides_before(n)]
    assert [int(strip.frames[n]) for n in born] == list(strip.divisions)
    header = model.headerData(born[0], Qt.Orientation.Horizontal)
    assert header.startswith(f"÷ t {strip.divisions[0]}")
    assert model.headerData(0, Qt.Orientation.Horizontal).endswith("anchor")
    assert "→" in model.headerData(0, Qt.Orientation.Vertical)
    states = [model.index(1, n).data(STATE_ROLE).state for n in range(model.columnCount())]
    assert states == ["unborn"] * born[0] + ["unread"] * (len(states) - born[0])
    model.set_shown(read_strip(strip, strip.thinned()))
    assert model.index(1, born[0]).data(STATE_ROLE).state == "cell"
    place = model.place(1, 0)
    assert (place.t, place.y, place.tracks) == (int(strip.frames[0]), None, ())


def test_draws_are_those_of_the_table(review: Review, qtbot: QtBot) -> None:
    table = review.tau_distribution()
    draws = draws_of(table)
    assert [one.experiment for one in draws] == ["early", "late"]
    assert [bar.frames for bar in draws[0].bars] == [1, 2, 3, 4]
    assert sum(bar.drawn for bar in draws[1].bars) == pytest.approx(1)
    assert sum(share for _, share in draws[0].relations) == pytest.approx(1)
    assert [one.experiment for one in draws_of(table, "late")] == ["late"]
    view = TauView()
    qtbot.addWidget(view)
    view.resize(400, 100)
    view.set_draws(draws)
    both = view.height()
    assert "same track" in view.accessibleDescription()
    view.set_draws(draws[:1])
    assert view.height() < both
    view.resize(120, 100)
    assert view.height() > both / 2


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.0004, "<0.1 %"), (0.004, "0.4 %"), (0.25, "25 %"), (1, "100 %")],
)
def test_shares_are_said_in_percent(share: float, words: str) -> None:
    assert percent(share) == words


def test_seeds_of_64_bits_can_be_typed_and_nothing_else(qtbot: QtBot) -> None:
    box = SeedBox()
    qtbot.addWidget(box)
    chosen: list[int] = []
    box.seed_changed.connect(chosen.append)
    box.selectAll()
    QTest.keyClicks(box, f"-x{2**64 - 1}")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert chosen == [2**64 - 1]
    QTest.keyClick(box, Qt.Key.Key_Up)
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert chosen == [2**64 - 1, 2**64 - 2]
    box.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Delete)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == 2**64 - 2
    assert box.text() == str(2**64 - 2)


@pytest.mark.parametrize(("ground", "ink"), [("#262930", "white"), ("#efebe9", "black")])
def test_relations_stand_out_from_either_theme(ground: str, ink: str) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor(ink))
    assert is_dark(palette) == (ink == "white")
    for kind in RELATION_COLOURS:
        name = {"same cell": "same track", "across a division": "daughter"}.get(kind, "sister")
        colours = sorted((_luminance(relation_colour(name, palette)), _luminance(QColor(ground))))
        assert (colours[1] + 0.05) / (colours[0] + 0.05) > 3


def test_a_picture_keeps_its_pixels(qtbot: QtBot) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    image = patch_image(picture[:, ::-1])
    assert (image.width(), image.height()) == (7, 5)
    got = image.pixelColor(1, 4)
    assert (got.red(), got.green(), got.blue()) == tuple(picture[4, 5].tolist())


def _luminance(colour: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(one) for one in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
