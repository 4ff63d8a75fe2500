"""A viewer model whose layers the plugin keeps, for tests that look at them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from lineage_triplets.plugin.viewer.layer_stack import MARK
from reviews import field

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot


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
