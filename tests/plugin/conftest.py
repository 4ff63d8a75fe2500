"""What all tests of the plugin share."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings

from lineage_triplets.plugin.common.session import Session
from lineage_triplets.plugin.manifest import review_widget
from lineage_triplets.qc.find import placement
from looks import look_once
from reviews import write_config
from widgets import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lineage_triplets.plugin.widget import ReviewWidget


_MOST_WAIT_MS = 60_000


class PatientBot(QtBot):
    """Waits for what a slow machine gives late: drawing without a graphics card takes seconds."""

    def waitUntil(  # noqa: N802 - Qt's way of naming
        self, callback: Callable[[], bool | None], *, timeout: int = _MOST_WAIT_MS
    ) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = _MOST_WAIT_MS, **more: Any) -> Any:  # noqa: N802
        return super().waitSignal(signal, timeout=timeout, **more)


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> QtBot:
    """The bot of pytest-qt, with more patience."""
    del qapp
    return PatientBot(request)


@pytest.fixture(autouse=True, scope="module")
def garbage_ends_here() -> Iterator[None]:
    """Let no thread that a later test starts end what is left of views: that corrupts memory."""
    gc.disable()
    # napari collects at each layer that is taken away, through all that other modules left.
    gc.freeze()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep what the widget remembers apart from the settings of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("settings")
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(folder))
    return folder


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    """A real viewer on the screen."""
    return make_napari_viewer(show=True)


@pytest.fixture
def widget(viewer: Any, qtbot: Any) -> Iterator[ReviewWidget]:
    """The review widget in its dock, with no config open."""
    made = review_widget(viewer)
    yield made
    made.session.close()
    made.layers.leave()
    settled(qtbot, made)


@pytest.fixture
def review(widget: ReviewWidget, qtbot: Any, tmp_path: Path) -> ReviewWidget:
    """The widget with a small config open, its window in use."""
    widget.open_config(write_config(tmp_path), by="ada", decisions=tmp_path / "decisions.db")
    settled(qtbot, widget)
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow)
    return widget


@pytest.fixture
def session(qtbot: QtBot) -> Iterator[Session]:
    """A session without a config; what it says to people is in ``said``."""
    made = Session()
    made.said = []  # type: ignore[attr-defined]
    made.failed.connect(made.said.append)  # type: ignore[attr-defined]
    yield made
    made.end()


@pytest.fixture(autouse=True)
def looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge the same images and tracks once, however many tests open them."""
    monkeypatch.setattr(placement.run, "look_at_fov", look_once)
