"""Names at the rings: who is who in the frame on screen, and where the words stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.components import ViewerModel

from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from lineage_triplets.plugin.viewer.layer_stack import MARK
from lineage_triplets.plugin.viewer.who import place_names
from lineage_triplets.qc.look.roles import ROLES
from reviews import field, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

FOV = ("early", "A/1/0")


def rounded(rgba: Any) -> tuple[float, ...]:
    return tuple(round(float(share), 2) for share in rgba)


class Seen:
    """A viewer model with a small review open."""

    def __init__(self, qtbot: QtBot, config: Path) -> None:
        self.qtbot, self.viewer, self.session = qtbot, ViewerModel(), Session()
        self.keeper = LayerKeeper(self.viewer, self.session)
        self.session.open(config)
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.session.work.running)

    def layer(self, role: str) -> Any | None:
        found = [layer for layer in self.viewer.layers if layer.metadata.get(MARK) == role]
        return found[0] if found else None

    def names(self) -> dict[str, tuple[tuple[float, ...], str, float, float]]:
        """Give the words on top: their colour, and the place of their middle (y, x)."""
        layer = self.layer("names")
        if layer is None or not layer.shown.any():
            return {}
        words, places = layer.text.values[layer.shown], np.asarray(layer.data)[layer.shown]
        colours = np.asarray(layer.text.color._values)[layer.shown]
        n_names = len(set(words))
        return {
            str(word): (rounded(colour), *place[-2:])
            for word, colour, place in zip(
                words[-n_names:], colours[-n_names:], places[-n_names:], strict=True
            )
        }

    def rings(self) -> dict[int, str]:
        """Give the symbols of the cells on screen, by track."""
        layer = self.layer("cells")
        assert layer is not None
        table = field()
        frame = table[table["t"] == round(self.viewer.dims.point[0])]
        found = {}
        for place, symbol, shown in zip(layer.data, layer.symbol, layer.shown, strict=True):
            if shown:
                away = np.hypot(frame["y"] - place[0], frame["x"] - place[1])
                found[int(frame["track_id"].iloc[int(away.argmin())])] = symbol.value
        return found


@pytest.fixture
def seen(qtbot: QtBot, tmp_path: Path) -> Iterator[Seen]:
    made = Seen(qtbot, write_config(tmp_path))
    yield made
    made.keeper.leave()
    made.session.end()


def colour(role: Any) -> tuple[float, ...]:
    return rounded(ROLES[role].rgba)


def test_nobody_is_named_until_somebody_is_looked_at(seen: Seen) -> None:
    assert seen.names() == {}
    # Tails are of marked tracks alone, unless a person wants all.
    assert seen.layer("tracks") is None
    seen.session.show_tails(True)
    assert seen.layer("tracks") is not None
    seen.session.show_tails(False)
    assert seen.layer("tracks") is None


def test_the_cell_its_mother_daughters_and_sister_are_named(seen: Seen) -> None:
    seen.session.look_at(Place(*FOV, t=10, tracks=("2",)))
    names, rings = seen.names(), seen.rings()
    assert {word: at[0] for word, at in names.items()} == {
        "2": colour("cell"), "sister 3": colour("sister"),
    }  # fmt: skip
    assert rings[2] == "disc" and rings[3] == "diamond"
    cells = field().query("t == 10").set_index("track_id")[["y", "x"]]
    ring = max(seen.layer("cells").size) / 2  # type: ignore[union-attr]
    for word, track in (("2", 2), ("sister 3", 3)):
        assert np.hypot(*np.subtract(names[word][1:], cells.loc[track].to_numpy())) > ring
    seen.viewer.dims.set_point(0, 0)
    assert set(seen.names()) == {"mother 1"} and seen.rings()[1] == "triangle_up"
    seen.session.look_at(Place(*FOV, t=10, tracks=("1",)))
    assert {word: at[0] for word, at in seen.names().items()} == {
        "daughter 2": colour("daughter"), "daughter 3": colour("daughter"),
    }  # fmt: skip
    seen.session.look_at(Place(*FOV, t=10))
    assert seen.names() == {}


def test_names_are_on_dark_copies_and_as_far_from_the_ring_at_any_zoom(seen: Seen) -> None:
    seen.session.look_at(Place(*FOV, t=10, tracks=("21",)))
    layer = seen.layer("names")
    assert layer is not None and len(layer.data) == 9
    shades = np.asarray(layer.text.color._values)
    assert (shades[:-1, :3] == 0).all() and (shades[-1, :3] == 1).all()
    cell = field().query("t == 10 and track_id == 21")[["y", "x"]].to_numpy()[0]

    def away_px() -> float:
        zoom = seen.viewer.scene.camera.zoom * layer.scale[-1]
        return float(np.abs(np.subtract(seen.names()["21"][1:], cell)).max() * zoom)

    ring_px = max(seen.layer("cells").size) / 2 * layer.scale[-1] * seen.viewer.scene.camera.zoom  # type: ignore[union-attr]
    before = away_px()
    seen.viewer.scene.camera.zoom *= 8
    assert away_px() - before == pytest.approx(7 * ring_px, rel=0.01)


def test_anchor_and_positive_are_named_at_their_boxes(seen: Seen) -> None:
    review = seen.session.review
    assert review is not None
    pairs = review.pairs(experiment="early", n=12)
    number = next(
        number
        for number, positive in enumerate(pairs.positives)
        if positive["fov_name"] == "A/1/0"
        and positive["global_track_id"] != pairs.anchors[number]["global_track_id"]
    )
    anchor, positive = pairs.anchors[number], pairs.positives[number]
    seen.session.look_at_pair(pairs, number)
    seen.settle()
    names = seen.names()
    first, second = f"anchor {anchor['track_id']}, ", f"positive {positive['track_id']}, "
    by_role = {word.split()[0]: (word, at[0]) for word, at in names.items()}
    assert by_role["anchor"][0].startswith(first) and by_role["anchor"][1] == colour("anchor")
    assert by_role["positive"][0].startswith(second)
    assert by_role["positive"][1] == colour("positive")
    assert seen.rings()[anchor["track_id"]] == "disc"
    seen.viewer.dims.set_point(0, positive["t"])
    assert seen.rings()[positive["track_id"]] == "square"
    edge = seen.layer("pair").edge_color  # type: ignore[union-attr]
    np.testing.assert_allclose(edge[0, :3], colour("anchor")[:3], atol=1e-2)
    np.testing.assert_allclose(edge[1, :3], colour("positive")[:3], atol=1e-2)


places = st.lists(
    st.tuples(st.floats(0, 400), st.floats(0, 400)), min_size=1, max_size=5, unique=True
)


@settings(max_examples=40, deadline=None)
@given(places, st.floats(3, 30), st.integers(1, 14))
def test_a_name_never_covers_its_own_cell(
    at: list[tuple[float, float]], radius: float, letters: int
) -> None:
    cells = np.array(at)
    sizes = np.tile([15.0, 8.5 * letters], (len(cells), 1))
    middles = place_names(cells, radius, sizes, np.empty((0, 2)))
    away = np.abs(middles - cells)
    assert (away >= sizes / 2 + radius).any(axis=1).all()


def test_names_of_neighbours_stand_apart() -> None:
    cells = np.array([(100.0, 100.0), (100.0, 124.0)])
    sizes = np.array([(15.0, 80.0), (15.0, 80.0)])
    first, second = place_names(cells, 10.0, sizes, np.empty((0, 2)))
    assert (np.abs(first - second) >= sizes[0]).any()
    for middle in (first, second):
        assert (np.abs(middle - cells) >= sizes[0] / 2 + 10.0).any(axis=1).all()
