"""A viewer with the widget, for benchmarks: on a screen, and driven as a person would."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.data import registry_of
from lineage_triplets import TripletConfig, save_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.event_loop import Measured
    from lineage_triplets.plugin.widget import ReviewWidget

SIZE_PIXELS = (1600, 1000)
SCREEN_PIXELS = (1920, 1080)


@contextmanager
def display() -> Iterator[None]:
    """Start a screen of its own where there is none."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name != "posix":
        yield
        return
    try:
        from pyvirtualdisplay.display import Display
    except ImportError:
        raise SystemExit(
            "The widget needs a screen: run this under xvfb-run, or install pyvirtualdisplay."
        ) from None
    with Display(visible=False, size=SCREEN_PIXELS, color_depth=24):
        try:
            yield
        finally:
            _close_windows()


def _close_windows() -> None:
    """Close what an error left open: Qt ends the program hard if its screen goes first."""
    from qtpy.QtWidgets import QApplication

    for window in QApplication.topLevelWidgets():
        window.close()
    QApplication.processEvents()


@contextmanager
def own_settings(folder: Path) -> Iterator[None]:
    """Keep away from the settings and recent files of whoever runs this."""
    names = {"XDG_CONFIG_HOME": folder / "settings", "NAPARI_CONFIG": folder / "napari.yaml"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(path) for name, path in names.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


class Opened(NamedTuple):
    """How a config was opened, in milliseconds.

    Attributes
    ----------
    freeze_ms : float
        As of `Measured`.
    listed_ms : float
        Until all lineages were listed.
    usable_ms : float
        Until the first of them was chosen, its pairs were drawn, and its tree was on screen.
    checked_ms : float
        Until nothing was left to do, the last check of tables too.
    usable_cpu_s : float
        Seconds of the processor until it was usable, of all threads.
    """

    freeze_ms: float
    listed_ms: float
    usable_ms: float
    checked_ms: float
    usable_cpu_s: float


class Desk:
    """A viewer with the widget, and the pulse of its event loop."""

    def __init__(self) -> None:
        import napari

        from benchmarks.event_loop import Pulse
        from lineage_triplets.plugin.manifest import review_widget

        self.viewer = napari.Viewer()
        self.viewer.window.resize(*SIZE_PIXELS)
        self.widget: ReviewWidget = review_widget(self.viewer)
        self.pulse = Pulse()

    @property
    def session(self) -> Any:
        """The session behind the widget."""
        return self.widget.session

    def open(self, folder: Path, *, checked: bool = True) -> Opened:
        """Open the experiment of a folder; choose its first lineage as soon as it is listed.

        It is measured until nothing is left to do, or, if not all shall be checked, until there
        are findings about the tables.
        """
        from benchmarks.event_loop import Painted
        from lineage_triplets.plugin.problems.panel import CHECK_JOB

        config_path = folder / "experiments.yml"
        if not config_path.exists():
            save_config(TripletConfig(experiments=registry_of(folder).experiments), config_path)
        browse: Any = self.widget.panels["Browse"]
        self.widget.show_panel("Browse")
        tree = Painted(browse.tree.viewport())
        before, start, reached = 0, 0.0, [0.0, 0.0]
        cpu, over = [0.0, 0.0], set[str]()
        self.session.work.finished.connect(over.add)

        def begin() -> None:
            nonlocal start
            start, cpu[0] = time.perf_counter(), time.process_time()
            self.session.close()
            over.clear()
            self.widget.start_opening(config_path, by="benchmark")

        def is_done() -> bool:
            nonlocal before
            if not reached[0]:
                if browse.lineages.model.rowCount():
                    reached[0], before = time.perf_counter(), tree.times
                    self.lineages(1)[0]()
            elif not reached[1] and tree.times > before:
                reached[1], cpu[1] = time.perf_counter(), time.process_time()
            return bool(reached[1]) and (self.is_idle() if checked else CHECK_JOB in over)

        done = self.pulse.measure(begin, is_done)
        self.session.work.finished.disconnect(over.add)
        listed, usable = (1000 * (one - start) for one in reached)
        return Opened(done.freeze_ms, listed, usable, done.until_ms, cpu[1] - cpu[0])

    def is_idle(self) -> bool:
        """Whether a config is open and nothing is under way."""
        problems: Any = self.widget.panels["Problems"]
        is_open = self.session.review is not None
        return is_open and not self.session.work.running and not problems.is_checking

    def board(self) -> tuple[Measured, Measured]:
        """Show the board until its tiles are drawn, then until all their pictures are."""
        from benchmarks.event_loop import Painted

        panel: Any = self.widget.panels["Board"]
        n_fovs = len(self.places())
        painted = Painted(panel.view.viewport())

        def is_drawn() -> bool:
            nonlocal since
            if panel.model.rowCount() < n_fovs:
                since = painted.times
            return panel.model.rowCount() == n_fovs and painted.times > since

        since = painted.times
        drawn = self.pulse.measure(lambda: self.widget.show_panel("Board"), is_drawn)
        pictures = self.pulse.measure(bool, lambda: len(panel.thumbnails.shown) == n_fovs)
        return drawn, pictures

    def measure(self, actions: Sequence[Callable[[], object]]) -> list[Measured]:
        """Do things one after the other, each until nothing is left to do."""
        return [self.pulse.measure(one, self.is_idle) for one in actions]

    def places(self) -> list[tuple[str, str]]:
        """Experiments and FOVs."""
        return [(one.experiment, one.fov.name) for one in self.session.review.data.raw.fovs]

    def fov_changes(self, times: int) -> list[Callable[[], object]]:
        """Choices of one FOV after the other."""
        places = self.places()
        chosen = [places[k % len(places)] for k in range(1, times + 1)]
        return [lambda e=e, f=f: self.session.choose(experiment=e, fov=f) for e, f in chosen]  # type: ignore[misc]

    def lineages(self, times: int) -> list[Callable[[], object]]:
        """Choices of lineages of the FOV that is chosen, one after the other."""
        browse: Any = self.widget.panels["Browse"]
        model = browse.lineages.model
        in_view = [model.lineage_at(row) for row in range(model.rowCount())]
        n_anchors = model.rows.numbers["n_anchors"]
        drawable = [one for one in in_view if n_anchors[model.rows.row_of[one]]]
        ids = [drawable[k % len(drawable)] for k in range(times)]
        return [lambda one=one: self.session.choose(lineage=one) for one in ids]  # type: ignore[misc]

    def drawn(
        self, actions: Sequence[Callable[[], object]], is_there: Callable[[], bool], view: Any
    ) -> list[Measured]:
        """Do things, each until a view was drawn with what shall be there."""
        from benchmarks.event_loop import Painted

        painted = Painted(view.viewport() if hasattr(view, "viewport") else view)
        measured = []
        for action in actions:
            since = painted.times

            def is_drawn() -> bool:
                nonlocal since
                if not is_there():
                    since = painted.times
                return painted.times > since

            measured.append(self.pulse.measure(action, is_drawn))
            self.settle()
        return measured

    def settle(self) -> None:
        """Wait until nothing is left to do."""
        self.pulse.measure(bool, self.is_idle)

    def settle_closed(self, seconds: float = 2.0) -> None:
        """Wait until threads of what was closed have come to their end, and are at rest."""
        end = time.perf_counter() + seconds
        self.pulse.measure(bool, lambda: time.perf_counter() > end)

    def trees(self, actions: Sequence[Callable[[], object]]) -> list[Measured]:
        """Do things, each until the tree was drawn."""
        browse: Any = self.widget.panels["Browse"]
        self.widget.show_panel("Browse")
        return self.drawn(actions, lambda: True, browse.tree)

    def pairs(self, actions: Sequence[Callable[[], object]], *, n: int) -> list[Measured]:
        """Do things, each until pairs were drawn with their patches: the first `n` in view."""
        panel: Any = self.widget.panels["Pairs"]
        self.widget.show_panel("Pairs")
        gallery = panel.gallery

        def are_read() -> bool:
            in_view = gallery.numbers_in_view()[:n]
            return bool(in_view) and all(gallery.pairs.shown.has(one) for one in in_view)

        return self.drawn(actions, are_read, gallery)

    def answers(self, times: int) -> tuple[list[Measured], list[Measured]]:
        """Judge pairs by a key, each until the next is drawn; and draw that one again.

        In between there is time to read ahead, as somebody takes who looks.
        """
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        panel: Any = self.widget.panels["Audit"]
        self.widget.show_panel("Audit")
        self.settle()
        judging = panel.judging
        if not panel.is_judging:
            self.pulse.measure(panel.overview.begin.click, lambda: panel.is_judging)
        judged, again = [], []
        for _ in range(times):
            self.settle()
            before = judging.pair.painted
            judged.append(
                self.pulse.measure(
                    lambda: QTest.keyClick(judging, Qt.Key.Key_S),
                    lambda before=before: judging.pair.painted not in {before, -1},  # type: ignore[misc]
                )
            )
            self.settle()
            again += self.drawn([judging.pair.update], lambda: True, judging.pair)
        return judged, again

    @contextmanager
    def napari_alone(self) -> Iterator[None]:
        """Let go of the viewer: the same layers in the same window, and nobody who follows it."""
        point = self.viewer.dims.events.point
        ours = self.widget.layers._on_step  # noqa: SLF001 - nobody else has to tell it apart
        point.disconnect(ours)
        try:
            yield
        finally:
            point.connect(ours)

    def fov_changes_by_hand(self, times: int) -> list[Measured]:
        """Change the FOV of the same layers: each gets other data, one a round of the loop."""
        for layer in self.viewer.layers:
            if hasattr(layer, "color_by"):
                # Its features go when it gets other data.
                layer.color_by = "track_id"
        kept = []
        for change in self.fov_changes(len(self.places())):
            self.pulse.measure(change, self.is_idle)
            layers = [one for one in self.viewer.layers if one.visible]
            kept.append([(one, _data_of(one)) for one in layers])
        measured = []
        for number in range(times):
            left = list(kept[number % len(kept)])
            measured.append(
                self.pulse.measure(lambda left=left: _set_next(left), lambda left=left: not left)  # type: ignore[misc]
            )
        return measured

    def close(self) -> None:
        """Close all."""
        self.session.end()
        self.viewer.close()


def _data_of(layer: Any) -> dict[str, Any]:
    names = ("data", "graph") if hasattr(layer, "graph") else ("data",)
    return {name: getattr(layer, name) for name in names}


def _set_next(left: list[tuple[Any, dict[str, Any]]]) -> None:
    from qtpy.QtCore import QTimer

    layer, data = left.pop(0)
    if "graph" in data:
        layer.graph = {}
    for name, value in data.items():
        setattr(layer, name, value)
    if left:
        QTimer.singleShot(0, lambda: _set_next(left))
