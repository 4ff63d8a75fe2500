"""Frames that will be looked at next are read before anybody goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from napari.components import ViewerModel

from lineage_triplets.plugin.common.session import Place, Session
from lineage_triplets.plugin.viewer.keeper import LayerKeeper
from lineage_triplets.plugin.viewer.lazy_image import FovImages
from reviews import N_FRAMES, write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

FIRST, SECOND = ("early", "A/1/0"), ("early", "B/2/0")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("ahead"))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, str], int, FovImages]]:
    """What is read: place, frame, and by which images."""
    seen: list[tuple[tuple[str, str], int, FovImages]] = []
    plain = FovImages.read

    def noted(self: FovImages, level: int, box: Any) -> Any:
        place = (self.source.experiment, self.source.fov.name)
        seen.extend((place, t, self) for t in range(box[0].start, box[0].stop))
        return plain(self, level, box)

    monkeypatch.setattr(FovImages, "read", noted)
    return seen


@pytest.fixture
def session(qtbot: QtBot, config: Path, tmp_path: Path) -> Iterator[Session]:
    made = Session()
    keeper = LayerKeeper(ViewerModel(), made)
    made.open(config, by="ada", decisions=tmp_path / "decisions.db")
    made.choose(experiment=FIRST[0], fov=FIRST[1])
    qtbot.waitUntil(lambda: not made.work.running)
    yield made
    keeper.leave()
    made.end()


def frames(read: list[Any], place: tuple[str, str]) -> set[int]:
    return {t for where, t, _ in read if where == place}


def test_the_frames_after_the_one_on_screen_are_read(session, read, qtbot):
    read.clear()
    session.look_at(Place(*FIRST, 5))
    qtbot.waitUntil(lambda: not session.work.running)
    assert frames(read, FIRST) >= {6, 7}
    read.clear()
    session.look_at(Place(*FIRST, N_FRAMES - 1))
    qtbot.waitUntil(lambda: not session.work.running)
    assert max(frames(read, FIRST), default=0) < N_FRAMES
    assert session.work.running == ()


def test_what_a_panel_foretells_is_read_and_serves_whoever_goes_there(session, read, qtbot):
    session.foretold.emit([Place(*SECOND, 9)])
    qtbot.waitUntil(lambda: not session.work.running)
    assert 9 in frames(read, SECOND)
    (ahead,) = {images for place, _, images in read if place == SECOND}

    session.look_at(Place(*SECOND, 9))
    qtbot.waitUntil(lambda: not session.work.running)

    assert {images for place, _, images in read if place == SECOND} == {ahead}
