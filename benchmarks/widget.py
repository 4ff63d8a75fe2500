"""The widget in a real viewer: opening, choosing, stepping, filtering; freezes, times, memory."""

from __future__ import annotations

import gc
import os
import resource
import statistics
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.data import Chunking, registry_of, write_images, write_observations
from benchmarks.timing import table
from lineage_triplets import TripletConfig, save_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.table import Table

    from benchmarks.event_loop import Measured, Pulse
    from lineage_triplets.plugin.widget import ReviewWidget

ROWS = 1_000_000
FREEZE_MS, SELECTION_MS, OPEN_MS, GROWTH_MB = 50.0, 150.0, 5_000.0, 50.0
SELECTIONS, FOV_CHANGES, FINDINGS = 1_000, 100, 100_000
REPEATS = 20
SIZE_PIXELS = (1600, 1000)
SCREEN_PIXELS = (1920, 1080)
IMAGES = Chunking("planes", (1, 1, 1, 1024, 1024), n_fovs=4, n_frames=12)


class Line(NamedTuple):
    """One line of the table; figures are in milliseconds unless `unit` says else."""

    what: str
    values: Sequence[float]
    asked: float | None = None
    unit: str = "ms"

    def cells(self) -> tuple[str, ...]:
        """Median, slowest, and what was asked."""
        asked = "" if self.asked is None else f"{self.asked:,.0f} {self.unit}"
        middle, most = statistics.median(self.values), max(self.values)
        return self.what, f"{middle:,.0f} {self.unit}", f"{most:,.0f} {self.unit}", asked


def tables(folder: Path, *, large: bool) -> Iterator[Table]:
    """Time the widget on images, on plain layers of the same images, and on a million rows."""
    del large
    small, many = folder / "images", folder / "observations"
    small.mkdir()
    many.mkdir()
    write_images(small, IMAGES)
    write_observations(many, ROWS)
    with _display(), _own_settings(folder):
        columns = ("what", "median", "slowest", "asked")
        yield table(
            "Plain napari: the same images, tracks and points in layers of its own",
            columns,
            (one.cells() for one in _plain(small)),
            "longest time for which the event loop took no event, drawing by software included",
        )
        yield table(
            f"Widget: {IMAGES.n_fovs} FOVs, 3 channels of 1024 by 1024 pixels",
            columns,
            (one.cells() for one in _on_images(small)),
            "freeze: as above; the widget's own part is what is above plain napari's",
        )
        yield table(
            f"Widget: {ROWS:,} observations, no images",
            columns,
            (one.cells() for one in _on_observations(many)),
            f"memory grows by what is there after {SELECTIONS:,} selections and {FOV_CHANGES} FOV "
            "changes above what was there after a tenth of them",
        )


@contextmanager
def _display() -> Iterator[None]:
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
        yield


@contextmanager
def _own_settings(folder: Path) -> Iterator[None]:
    """Keep away from the settings and recent files of whoever runs this."""
    names = {"XDG_CONFIG_HOME": folder / "settings", "NAPARI_CONFIG": folder / "napari.yaml"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(path) for name, path in names.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _freezes(
    pulse: Pulse, actions: Sequence[Callable[[], object]], until: Callable[[], bool] = lambda: True
) -> list[float]:
    return [pulse.measure(one, until).freeze_ms for one in actions]


def _viewer() -> Any:
    import napari

    viewer = napari.Viewer()
    viewer.window.resize(*SIZE_PIXELS)
    return viewer


def _steps(viewer: Any) -> list[Callable[[], object]]:
    frames = [k % IMAGES.n_frames for k in range(1, REPEATS + 1)]
    return [lambda k=k: viewer.dims.set_current_step(0, k) for k in frames]  # type: ignore[misc]


def _plain(folder: Path) -> Iterator[Line]:
    """Time what a person can do without the widget: layers of whole arrays, changed in place."""
    import tensorstore as ts

    from benchmarks.event_loop import Pulse
    from lineage_triplets.engine.index import MultiExperimentIndex

    index = MultiExperimentIndex(registry_of(folder), slice(0, 1), (160, 160))
    fovs = [_plain_fov(index, number, ts) for number in range(len(index.fovs))]
    viewer, pulse = _viewer(), Pulse()
    images, vertices = fovs[0]
    layers = [viewer.add_image(one, blending="additive") for one in images]
    tracks = viewer.add_tracks(vertices)
    points = viewer.add_points(vertices[:, 1:], size=16)

    def change(number: int) -> None:
        images, vertices = fovs[number]
        for layer, pixels in zip(layers, images, strict=True):
            layer.data = pixels
        tracks.data, points.data = vertices, vertices[:, 1:]

    _freezes(pulse, _steps(viewer)[:3])
    yield Line("frame step, freeze", _freezes(pulse, _steps(viewer)))
    changes = [lambda k=k: change(k % len(fovs)) for k in range(1, REPEATS + 1)]  # type: ignore[misc]
    yield Line("FOV change, freeze", _freezes(pulse, changes))
    adds = [lambda: viewer.add_image(images[0]) for _ in range(3)]
    yield Line("one image layer more, freeze", _freezes(pulse, adds))
    removals = [lambda: viewer.layers.remove(viewer.layers[-1]) for _ in range(3)]
    yield Line("one image layer less, freeze", _freezes(pulse, removals))
    viewer.close()


def _plain_fov(index: Any, number: int, ts: Any) -> tuple[list[Any], Any]:
    source = index.fovs[number].fov
    store = ts.open(
        {
            "driver": "zarr" if source.zarr_format == 2 else "zarr3",
            "kvstore": {"driver": "file", "path": f"{source.array_path}/"},
        },
        open=True,
    ).result()
    rows = np.flatnonzero(index.fov_of_row == number)
    seen = index.observations.take(rows)
    vertices = np.stack([seen.track, seen.t, seen.y, seen.x], axis=1).astype(float)
    order = np.lexsort((vertices[:, 1], vertices[:, 0]))
    return [store[:, channel, 0] for channel in range(store.shape[1])], vertices[order]


class Desk:
    """A viewer with the widget, and the pulse of its event loop."""

    def __init__(self) -> None:
        from benchmarks.event_loop import Pulse
        from lineage_triplets.plugin.docking import review_widget

        self.viewer = _viewer()
        self.widget: ReviewWidget = review_widget(self.viewer)
        self.pulse = Pulse()

    @property
    def session(self) -> Any:
        """The session behind the widget."""
        return self.widget.session

    def open(self, folder: Path) -> Measured:
        """Open the experiment of a folder, until nothing is left to do."""
        config_path = folder / "experiments.yml"
        save_config(TripletConfig(experiments=registry_of(folder).experiments), config_path)
        return self.pulse.measure(
            lambda: self.widget.start_opening(config_path, by="benchmark"), self.is_idle
        )

    def is_idle(self) -> bool:
        """Whether a config is open and nothing is under way."""
        problems: Any = self.widget.panels["Problems"]
        is_open = self.session.review is not None
        return is_open and not self.session.work.running and not problems.is_checking

    def measure(self, actions: Sequence[Callable[[], object]]) -> list[Measured]:
        """Do things one after the other, each until nothing is left to do."""
        return [self.pulse.measure(one, self.is_idle) for one in actions]

    def places(self) -> list[tuple[str, str]]:
        """Experiments and FOVs."""
        return [(one.experiment, one.fov.name) for one in self.session.review.workspace.raw.fovs]

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

    def drawn(self, actions: Sequence[Callable[[], object]], panel: str) -> list[Measured]:
        """Do things, each until a panel has drawn the tree, or the pairs with their patches."""
        from benchmarks.event_loop import Painted

        self.widget.show_panel(panel)
        shown: Any = self.widget.panels[panel]
        view = shown.tree if panel == "Browse" else shown.gallery
        painted = Painted(view.viewport())
        measured = []
        for action in actions:
            since = [painted.times]

            def is_drawn(since: list[int] = since) -> bool:
                if panel == "Pairs":
                    numbers = view.numbers_in_view()
                    if not numbers or not all(view.pairs.shown.has(one) for one in numbers):
                        since[0] = painted.times
                        return False
                return painted.times > since[0]

            measured.append(self.pulse.measure(action, is_drawn))
            self.pulse.measure(bool, self.is_idle)
        return measured

    def close(self) -> None:
        """Close all."""
        self.session.end()
        self.viewer.close()


def _split(what: str, measured: Sequence[Measured], asked_ms: float) -> Iterator[Line]:
    yield Line(f"{what}, freeze", [one.freeze_ms for one in measured], asked_ms)
    yield Line(f"{what}, until done", [one.until_ms for one in measured])


def _on_images(folder: Path) -> Iterator[Line]:
    desk = Desk()
    yield from _split("open", [desk.open(folder)], FREEZE_MS)
    desk.measure(desk.fov_changes(2))
    yield Line("frame step, freeze", _freezes(desk.pulse, _steps(desk.viewer)), FREEZE_MS)
    yield from _split("FOV change", desk.measure(desk.fov_changes(REPEATS)), FREEZE_MS)
    for panel, what in (("Browse", "tree"), ("Pairs", "pairs with patches")):
        desk.widget.show_panel(panel)
        desk.measure(desk.lineages(2))
        drawn = desk.drawn(desk.lineages(REPEATS + 2)[2:], panel)
        yield Line(
            f"lineage selected → {what} drawn", [one.until_ms for one in drawn], SELECTION_MS
        )
    desk.close()


def _on_observations(folder: Path) -> Iterator[Line]:
    from qtpy.QtCore import Qt

    desk = Desk()
    opened = desk.open(folder)
    yield Line("open, until the last check of tables", [opened.until_ms], OPEN_MS)
    yield Line("open, freeze", [opened.freeze_ms])
    desk.measure([lambda: desk.session.choose(tau_range_hours=(0.5, 2.5))])
    tau = desk.measure(
        [partial(desk.session.choose, tau_range_hours=(0.5, 3.0 + 0.1 * k)) for k in range(5)]
    )
    yield from _split("tau, no lineage chosen", tau, FREEZE_MS)
    browse: Any = desk.widget.panels["Browse"]
    desk.widget.show_panel("Browse")
    texts = [
        lambda word=word: browse.lineages.filter_text.setText(word) for word in ("1", "12", "")
    ]  # type: ignore[misc]
    checks = [lambda on=on: browse.lineages.has_divisions.setChecked(on) for on in (True, False)]  # type: ignore[misc]
    n_lineages = len(browse.lineages.model.rows)
    yield Line(f"filter {n_lineages:,} lineages", _freezes(desk.pulse, texts + checks), FREEZE_MS)
    ways = [Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder]
    sorts = [
        lambda c=c, way=way: browse.lineages.table.sortByColumn(c, way)  # type: ignore[misc]
        for c in range(1, 7)
        for way in ways
    ]
    yield Line(f"sort {n_lineages:,} lineages", _freezes(desk.pulse, sorts), FREEZE_MS)
    yield from _split("FOV change", desk.measure(desk.fov_changes(REPEATS)), FREEZE_MS)
    yield Line(f"filter {FINDINGS:,} findings", _findings(desk), FREEZE_MS)
    yield Line("memory grown", [_growth_mb(desk)], GROWTH_MB, "MB")
    desk.close()


def _findings(desk: Desk) -> list[float]:
    from lineage_triplets.plugin.finding_list import FindingList
    from lineage_triplets.plugin.models.findings import FindingRows
    from lineage_triplets.qc.board import ReviewedFinding
    from lineage_triplets.qc.findings import Finding

    reviewed = [
        ReviewedFinding(
            Finding(
                kind="jump" if k % 3 else "wrong-link",
                severity="warning",
                experiment="simulated",
                fov=f"A/{k % 12}/0",
                t=k % 100,
                tracks=(k,),
                sentence=f"track {k} moves 31 pixels in a frame, others move 4.",
                remedy="Cut the link.",
            ),
            "open",
        )
        for k in range(FINDINGS)
    ]
    found = FindingList(desk.widget)
    found.resize(420, 600)
    found.show()
    found.set_rows(FindingRows.of(reviewed))
    words = ("jump", "track 12", "a/3/0 moves", "")
    freezes = _freezes(
        desk.pulse,
        [lambda word=word: found.filter_text.setText(word) for word in words],  # type: ignore[misc]
    )
    found.deleteLater()
    return freezes


def _growth_mb(desk: Desk) -> float:
    """Memory after all selections and FOV changes above that after the first tenth of them."""
    after: list[float] = []
    rounds = 10
    for _ in range(rounds):
        for change in desk.fov_changes(FOV_CHANGES // rounds):
            desk.pulse.measure(change, desk.is_idle)
        for choice in desk.lineages(SELECTIONS // rounds):
            desk.pulse.measure(choice, lambda: True)
        desk.pulse.measure(bool, desk.is_idle)
        gc.collect()
        after.append(_resident_mb())
    return after[-1] - after[0]


def _resident_mb() -> float:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
