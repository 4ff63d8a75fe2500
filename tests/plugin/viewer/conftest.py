"""A desk without a screen: what the plugin keeps in a viewer, and what was opened in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from napari.components import ViewerModel

from layer_desk import Desk
from reviews import write_config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


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
